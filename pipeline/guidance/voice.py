"""The checks `talk_slowly` and `low_tone`: how the agent's voice stood to a band and to its own baseline.

Nothing is said before a difference exceeds the error of its measurement. A target band, not "slower is
better": slow and flat voices are heard as colder (docs/measures/rate.md). Only measured quantities are
judged, never what somebody may have felt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean

from pipeline.guidance.scene import QUOTE_WORDS, Ruling, clauses
from pipeline.prosody.nuclei import contradicts
from pipeline.records import Evidence, PitchWindow, RateWindow, SpeakerMeasures, Turn, Verdict
from pipeline.settings import RateSettings, Settings, VoiceChecksSettings
from pipeline.texts import Text
from pipeline.timeline import Span, overlap_s, union

MOMENTS = 3
MINUTE_S = 60.0


def raised_spans(windows: Sequence[PitchWindow], checks: VoiceChecksSettings) -> list[Span]:
    """Where a voice was both higher and louder than its own baseline."""
    return union((window.start_s, window.end_s) for window in _tone(windows, checks).raised)


def talk_slowly(
    agent: SpeakerMeasures, turns: Sequence[Turn], settings: Settings, tense: Sequence[Span] = ()
) -> Ruling:
    """Articulation rate against the band, and against the agent's own firm baseline where there is one.

    Args:
        turns: the agent's turns in time order, for quotes.
        tense: where the customer was tense; the agent should not be faster there than elsewhere.
    """
    checks, rate = settings.voice_checks, settings.rate
    measured = agent.articulation_rate_sps
    if measured is None:
        reason = agent.not_scored.get("articulation_rate_sps", Text("unmeasured.no_rate"))
        return Ruling(verdict="not_scored", reason=reason)
    if contradicts(measured, agent.nuclei_rate_sps, rate):
        reason = Text("why.rate_unreliable", words=measured, signal=agent.nuclei_rate_sps)
        return Ruling(verdict="not_scored", reason=reason)
    error = checks.rate_error_share * sqrt(MINUTE_S / agent.phonation_s)
    baseline_sps = agent.baseline.articulation_rate_sps if agent.baseline else None
    over = None if baseline_sps is None else measured / baseline_sps - 1
    fast = measured * (1 - error) > rate.fast_sps
    slow = measured * (1 + error) < rate.band_low_sps
    outside = not rate.band_low_sps <= measured <= rate.band_high_sps
    drifted = over is not None and over > max(checks.rate_over_baseline_share, error)
    moments = _fast_moments(agent.rate_windows, baseline_sps, settings)
    pressed = _faster_while_tense(agent.rate_windows, tense)
    hurried = pressed is not None and pressed > checks.window_over_baseline_share
    unsure = outside or drifted or bool(moments) or hurried
    verdict: Verdict = "missed" if fast or slow else "partly_met" if unsure else "met"
    reason = _rate_reason(measured, error, over, len(moments), pressed, rate)
    evidence = _evidence([(window.start_s, window.end_s, note) for window, note in moments], turns)
    score = _rate_score(measured, error, over if drifted else None, rate)
    return Ruling(verdict=verdict, score=score, reason=reason, evidence=evidence)


def _faster_while_tense(windows: Sequence[RateWindow], tense: Sequence[Span]) -> float | None:
    """Rate in windows that lie mostly where the customer was tense, over that of the others, less 1.

    Windows hold equal speech, so their means are ratios of sums. ``None`` when either kind is missing.
    """
    inside: list[float] = []
    outside: list[float] = []
    for window in windows:
        shared_s = overlap_s(tense, [(window.start_s, window.end_s)])
        (inside if shared_s > (window.end_s - window.start_s) / 2 else outside).append(window.sps)
    if not inside or not outside:
        return None
    return fmean(inside) / fmean(outside) - 1


def _rate_reason(
    measured: float,
    error: float,
    over: float | None,
    moments: int,
    pressed: float | None,
    rate: RateSettings,
) -> Text:
    low, high = rate.band_low_sps, rate.band_high_sps
    parts = [Text("why.rate", sps=measured, error=measured * error, low=low, high=high)]
    if high < measured and measured * (1 - error) <= rate.fast_sps:
        parts.append(Text("why.rate_perhaps_fast"))
    if measured < low <= measured * (1 + error):
        parts.append(Text("why.rate_perhaps_slow"))
    if over is not None:
        parts.append(Text("why.rate_baseline", share=over))
    if moments:
        parts.append(Text("why.rate_moments", count=moments))
    if pressed is not None:
        parts.append(Text("why.rate_tense", share=pressed))
    return clauses(*parts)


def _rate_score(measured: float, error: float, drift: float | None, rate: RateSettings) -> float:
    """1 inside the band, 0 at very fast, and as far under the band; a drift takes off its share.

    Only what lies outside the band for certain counts: the measured rate less its error.
    """
    too_fast = (measured * (1 - error) - rate.band_high_sps) / (rate.very_fast_sps - rate.band_high_sps)
    too_slow = (rate.band_low_sps - measured * (1 + error)) / (rate.very_fast_sps - rate.band_high_sps)
    return max(0.0, 1 - max(0.0, too_fast, too_slow) - (drift or 0.0))


def _fast_moments(
    windows: Sequence[RateWindow], baseline_sps: float | None, settings: Settings
) -> list[tuple[RateWindow, Text]]:
    """Windows that are very fast, or far over the baseline alone or two running; fastest first."""
    checks, rate = settings.voice_checks, settings.rate
    error = checks.rate_error_share * sqrt(MINUTE_S / rate.window_s)
    found = {w: _fast(w) for w in windows if w.sps * (1 - error) > rate.fast_sps}
    if baseline_sps is not None:
        high, running = (
            baseline_sps * (1 + share)
            for share in (checks.window_over_baseline_share, checks.windows_running_over_baseline_share)
        )
        alone = [window for window in windows if window.sps > high]
        pairs = [w for pair in pairwise(windows) if min(w.sps for w in pair) > running for w in pair]
        for window in (*alone, *pairs):
            found.setdefault(window, _fast(window, baseline_sps))
    return sorted(found.items(), key=lambda item: -item[0].sps)


def _fast(window: RateWindow, baseline_sps: float | None = None) -> Text:
    if baseline_sps is None:
        return Text("note.fast", sps=window.sps, wpm=window.wpm)
    return Text("note.fast_baseline", sps=window.sps, wpm=window.wpm, share=window.sps / baseline_sps - 1)


@dataclass(frozen=True, slots=True)
class _Tone:
    """The windows of a call that have enough voice, and those of them that are raised."""

    judged: list[PitchWindow]
    raised: list[PitchWindow]

    @property
    def share(self) -> float:
        return len(self.raised) / len(self.judged) if self.judged else 0.0


def low_tone(agent: SpeakerMeasures, turns: Sequence[Turn], checks: VoiceChecksSettings) -> Ruling:
    """Pitch, range and loudness against the agent's own baseline."""
    level_st, loudness_db = agent.f0_vs_baseline_st, agent.loudness_vs_baseline_db
    if level_st is None or agent.baseline is None:
        reason = agent.not_scored.get("f0_vs_baseline_st", Text("unmeasured.no_pitch"))
        return Ruling(verdict="not_scored", reason=reason)
    if agent.baseline.calls < checks.tone_min_calls or agent.baseline.voiced_s < checks.tone_min_voiced_s:
        missing = max(1, checks.tone_min_calls - agent.baseline.calls)
        return Ruling(verdict="not_scored", reason=Text("why.no_baseline_yet", count=missing))
    tone = _tone(agent.pitch_windows, checks)
    wider_st = _difference(agent.f0_range_st, agent.baseline.f0_range_st)
    louder = loudness_db is not None and loudness_db > checks.calm_loudness_db
    raised_call = level_st >= checks.raised_st and louder
    # One figure over its limit alone may be the line or the subject; two together are a change of voice.
    over = (level_st > checks.calm_level_st, wider_st is not None and wider_st > checks.calm_range_st, louder)
    verdict: Verdict = "met"
    if raised_call or (tone.raised and tone.share >= checks.raised_share):
        verdict = "missed"
    elif tone.raised or sum(over) >= 2:
        verdict = "partly_met"
    raised = _raised_part(level_st, loudness_db, checks)
    score = max(0.0, 1 - tone.share / (2 * checks.raised_share) - raised / 2)
    moments = [(w.start_s, w.end_s, Text("note.raised", st=w.st, db=w.loudness_db)) for w in tone.raised]
    reason = _tone_reason(agent, level_st, loudness_db, tone, checks)
    return Ruling(verdict=verdict, score=score, reason=reason, evidence=_evidence(moments, turns))


def _raised_part(level_st: float, loudness_db: float | None, checks: VoiceChecksSettings) -> float:
    """0 for a call that is not both higher and louder than usual, 1 for a raised one, and between."""
    if loudness_db is None:
        return 0.0
    higher = (level_st - checks.calm_level_st) / (checks.raised_st - checks.calm_level_st)
    return min(1.0, max(0.0, min(higher, loudness_db / checks.raised_db)))


def _tone(windows: Sequence[PitchWindow], checks: VoiceChecksSettings) -> _Tone:
    judged = [window for window in windows if window.voiced_s >= checks.raised_voiced_s]
    raised = [
        window
        for window in judged
        if window.st is not None
        and window.loudness_db is not None
        and window.st >= checks.raised_st
        and window.loudness_db >= checks.raised_db
    ]
    return _Tone(judged, sorted(raised, key=lambda window: -(window.st or 0.0)))


def _tone_reason(
    agent: SpeakerMeasures,
    level_st: float,
    loudness_db: float | None,
    tone: _Tone,
    checks: VoiceChecksSettings,
) -> Text:
    firm = agent.baseline is not None and agent.baseline.kind == "firm"
    parts = [Text("why.pitch_baseline", st=level_st)]
    if loudness_db is not None:
        parts.append(Text("why.loudness", db=loudness_db))
    parts.append(Text("why.raised", raised=len(tone.raised), all=len(tone.judged)))
    narrow = agent.f0_range_st is not None and agent.f0_range_st < checks.flat_range_st
    if narrow and level_st < checks.flat_level_st:
        parts.append(Text("why.flat", st=agent.f0_range_st))
    if not firm:
        parts.append(Text("why.provisional"))
    return clauses(*parts)


def _difference(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else value - reference


def _evidence(moments: Sequence[tuple[float, float, str]], turns: Sequence[Turn]) -> tuple[Evidence, ...]:
    """The first moments with what was said at their start."""
    found = []
    for start_s, end_s, note in moments[:MOMENTS]:
        turn = next((one for one in turns if one.end_s > start_s), None)
        words = [word.word for one in turns for word in one.words if start_s <= word.start_s < end_s]
        found.append(
            Evidence(
                turn=turn.turn if turn else None,
                start_s=start_s,
                end_s=end_s,
                quote=" ".join(words[:QUOTE_WORDS]),
                note=note,
            )
        )
    return tuple(found)
