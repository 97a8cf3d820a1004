"""Speech rate and articulation rate of one speaker.

*Speech rate* is words per minute of turn time, own pauses inside a turn included: the figure people know.
*Articulation rate* is syllables per second of net speech, pauses of 250 ms and more removed: the figure that
is compared. Both are ratios of sums, never means of ratios (docs/measures/rate.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.prosody.syllables import word_syllables
from pipeline.prosody.windows import speech_windows
from pipeline.records import RateWindow, Turn
from pipeline.settings import RateSettings
from pipeline.texts import Text
from pipeline.timeline import Span, containing, intersect, total_s
from pipeline.turns.units import Unit

SyllableRule = Callable[[str], int]
SYLLABLE_RULES: dict[str, SyllableRule] = {"en": word_syllables}
RATE_FIGURES = ("speech_rate_wpm", "articulation_rate_sps", "rate_confidence", "rate_windows")


UNSPACED = frozenset({"ja", "zh", "yue", "th", "lo", "my", "km", "bo"})
"""Languages that are written without spaces: the pieces that the recognizer gives are no words to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateMeasures:
    """Counts and durations, what is derived from them, and why a figure is missing.

    ``phonation_s`` is the net speech that the articulation rate rests on; ``turn_time_s`` is the turn time
    that the speech rate rests on.
    """

    words: int
    syllables: int
    phonation_s: float
    turn_words: int
    turn_time_s: float
    speech_rate_wpm: float | None
    articulation_rate_sps: float | None
    confidence: Literal["full", "low"] | None
    windows: tuple[RateWindow, ...]
    not_scored: Mapping[str, str]


def measure_rate(
    units: Sequence[Unit],
    turns: Sequence[Turn],
    coverage: float | None,
    language: str,
    settings: RateSettings,
) -> RateMeasures:
    """Rates of one speaker over a call.

    Args:
        units: the speaker's IPUs in time order, with words.
        turns: the turns with which the speaker held the floor, in time order.
        coverage: share of the speaker's speech that has words, 0..1.
        language: decides the rule for syllables; without one there is no articulation rate.
    """
    rule = SYLLABLE_RULES.get(language)
    spoken = [unit for unit in units if unit.words and unit.duration_s >= settings.min_ipu_s]
    phonation_s = sum(unit.duration_s for unit in spoken)
    syllables = sum(rule(word.word) for unit in spoken for word in unit.words) if rule else 0
    turn_time_s = sum(turn.end_s - turn.start_s for turn in turns if turn.words)
    turn_words = sum(len(turn.words) for turn in turns)
    reason = _reason(phonation_s, turn_time_s, coverage, settings)
    scored = reason is None
    not_scored = dict.fromkeys(RATE_FIGURES, reason) if reason else {}
    if reason is None and rule is None:
        no_rule = Text("unmeasured.no_syllables", language=language)
        not_scored = dict.fromkeys(("articulation_rate_sps", "rate_windows"), no_rule)
    counted = scored and language not in UNSPACED
    if scored and not counted:
        not_scored = {**not_scored, "speech_rate_wpm": Text("unmeasured.unspaced", language=language)}
    return RateMeasures(
        words=sum(len(unit.words) for unit in units),
        syllables=syllables,
        phonation_s=phonation_s,
        turn_words=turn_words,
        turn_time_s=turn_time_s,
        speech_rate_wpm=60 * turn_words / turn_time_s if counted else None,
        articulation_rate_sps=syllables / phonation_s if scored and rule else None,
        confidence=None if not scored else "full" if phonation_s >= settings.full_confidence_s else "low",
        windows=_windows(spoken, turns, rule, settings) if scored and rule else (),
        not_scored=not_scored,
    )


def turn_rate_sps(units: Sequence[Unit], turn: Turn, language: str, settings: RateSettings) -> float | None:
    """Articulation rate of one turn in syllables per second; ``None`` with too little speech for one."""
    rule = SYLLABLE_RULES.get(language)
    spoken = [
        unit
        for unit in units
        if unit.words
        and unit.duration_s >= settings.min_ipu_s
        and turn.start_s <= unit.start_s
        and unit.end_s <= turn.end_s
    ]
    phonation_s = sum(unit.duration_s for unit in spoken)
    if rule is None or phonation_s < settings.turn_min_s:
        return None
    return sum(rule(word.word) for unit in spoken for word in unit.words) / phonation_s


def _reason(
    phonation_s: float, turn_time_s: float, coverage: float | None, settings: RateSettings
) -> str | None:
    if phonation_s < settings.low_confidence_s:
        return Text("unmeasured.short_speech", seconds=phonation_s, least=settings.low_confidence_s)
    if turn_time_s == 0:
        return Text("unmeasured.never_held_floor")
    if coverage is not None and coverage < settings.coverage_min:
        return Text("unmeasured.words_cover", share=coverage, least=settings.coverage_min)
    return None


def _windows(
    spoken: Sequence[Unit], turns: Sequence[Turn], rule: SyllableRule, settings: RateSettings
) -> tuple[RateWindow, ...]:
    """Rates over windows of equal net speech."""
    floor: list[Span] = [(turn.start_s, turn.end_s) for turn in turns]
    windows = []
    for inside in speech_windows([unit.span for unit in spoken], settings.window_s, settings.hop_s):
        start_s, end_s = inside[0][0], inside[-1][1]
        words = [
            word.word
            for unit in spoken
            for word in unit.words
            if containing(inside, (word.start_s + word.end_s) / 2) is not None
        ]
        turn_time_s = total_s(intersect(floor + inside, [(start_s, end_s)]))
        windows.append(
            RateWindow(
                start_s=start_s,
                end_s=end_s,
                wpm=60 * len(words) / turn_time_s,
                sps=sum(map(rule, words)) / settings.window_s,
            )
        )
    return tuple(windows)
