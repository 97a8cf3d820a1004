"""Speech rate and articulation rate on mini-dialogues whose numbers are worked out by hand.

Every word is of one syllable, so that syllables can be counted by looking.
"""

from collections.abc import Sequence

import pytest

from pipeline.prosody.rate import RateMeasures, measure_rate
from pipeline.records import Turn
from pipeline.turns.units import Unit
from tests.dialogue import SETTINGS, dialogue, floor, unit
from tests.factories import in_english

EIGHT = "one two three four five six eight ten"
GATED = ("speech_rate_wpm", "articulation_rate_sps", "rate_confidence", "rate_windows")


def units(*plan: tuple[float, float, str], repeat: int = 1) -> list[Unit]:
    """Units of the agent from (pause before, length, text), said ``repeat`` times over."""
    found: list[Unit] = []
    cursor_s = 0.0
    for pause_s, length_s, text in plan * repeat:
        start_s = cursor_s + (pause_s if found else 0.0)
        found.append(unit("agent", start_s, start_s + length_s, text))
        cursor_s = start_s + length_s
    return found


def turns_of(own: Sequence[Unit]) -> list[Turn]:
    return floor({"agent": list(own), "customer": []}).held_by("agent")


def rate(own: Sequence[Unit], *, coverage: float | None = 1.0, language: str = "en") -> RateMeasures:
    return measure_rate(own, turns_of(own), coverage, language, SETTINGS.rate)


def test_rates_by_hand() -> None:
    """30 units of 2 s with 8 words, half a second apart: 4 syllables/s, and 240 words in 74.5 s of turn."""
    found = rate(units((0.5, 2.0, EIGHT), repeat=30))
    assert (found.words, found.syllables) == (240, 240)
    assert found.phonation_s == pytest.approx(60.0)
    assert found.turn_time_s == pytest.approx(74.5)
    assert found.articulation_rate_sps == pytest.approx(4.0)
    assert found.speech_rate_wpm == pytest.approx(240 * 60 / 74.5)
    assert found.confidence == "full"
    assert found.not_scored == {}


def test_ratio_of_sums() -> None:
    """4 s with 8 syllables and 1 s with 6 are 14 in 5 s: 2.8, where a mean of ratios would say 4.0."""
    found = rate(units((0.5, 4.0, EIGHT), (0.5, 1.0, "one two three four five six"), repeat=12))
    assert found.articulation_rate_sps == pytest.approx(2.8)


def test_own_pauses_slow_the_speech_rate_only() -> None:
    """Longer pauses inside a turn are in words a minute and not in syllables a second."""
    short, long = rate(units((0.5, 2.0, EIGHT), repeat=30)), rate(units((2.5, 2.0, EIGHT), repeat=30))
    assert long.articulation_rate_sps == pytest.approx(short.articulation_rate_sps)
    assert long.speech_rate_wpm == pytest.approx(240 * 60 / (60 + 29 * 2.5))


def test_pauses_between_turns_slow_nothing() -> None:
    """A pause over 3.0 s ends the turn and is in nobody's turn time."""
    assert rate(units((3.5, 2.0, EIGHT), repeat=30)).speech_rate_wpm == pytest.approx(240.0)


def test_short_and_wordless_units_carry_no_rate() -> None:
    """Units under 0.3 s and units without words are neither in the syllables nor in the net speech."""
    plain = units((0.5, 2.0, EIGHT), repeat=30)
    mixed = units((0.5, 2.0, EIGHT), (0.5, 0.29, "one two three four five"), (0.5, 1.0, "-"), repeat=30)
    assert rate(mixed).phonation_s == pytest.approx(rate(plain).phonation_s)
    assert rate(mixed).articulation_rate_sps == pytest.approx(4.0)
    with_short = units((0.5, 2.0, EIGHT), (0.5, 0.31, "one"), repeat=30)
    assert rate(with_short).phonation_s == pytest.approx(30 * 2.31)


@pytest.mark.parametrize(
    ("count", "length_s", "confidence"),
    [
        (10, 2.99, None),  # 29.9 s
        (10, 3.01, "low"),  # 30.1 s
        (20, 2.99, "low"),  # 59.8 s
        (20, 3.01, "full"),  # 60.2 s
    ],
)
def test_enough_speech(count: int, length_s: float, confidence: str | None) -> None:
    """Under 30 s of net speech there is no rate, under 60 s it is of low confidence."""
    found = rate(units((0.5, length_s, EIGHT), repeat=count))
    assert found.confidence == confidence
    assert (found.articulation_rate_sps is None) is (confidence is None)
    assert (found.speech_rate_wpm is None) is (confidence is None)


@pytest.mark.parametrize(("coverage", "scored"), [(0.79, False), (0.80, True), (1.0, True)])
def test_coverage_gate(coverage: float, scored: bool) -> None:
    """Where words cover under 0.80 of the speech, rates would be too slow: there are none."""
    found = rate(units((0.5, 2.0, EIGHT), repeat=40), coverage=coverage)
    assert (found.speech_rate_wpm is not None) is scored
    assert (found.articulation_rate_sps is not None) is scored
    assert (found.windows != ()) is scored
    if not scored:
        assert "79%" in in_english(found.not_scored["articulation_rate_sps"])


def test_every_missing_figure_has_its_reason() -> None:
    """Too little speech: each figure that is missing says that, and how much there was."""
    found = rate(units((0.5, 2.0, EIGHT), repeat=5))
    assert sorted(found.not_scored) == sorted(GATED)
    assert all("10 s" in in_english(reason) for reason in found.not_scored.values())


def test_a_language_without_syllable_rules() -> None:
    """Words a minute need no syllables; what needs them is missing with the reason."""
    found = rate(units((0.5, 2.0, EIGHT), repeat=30), language="xx")
    assert found.speech_rate_wpm == pytest.approx(240 * 60 / 74.5)
    assert (found.articulation_rate_sps, found.windows) == (None, ())
    assert {"articulation_rate_sps", "rate_windows"} <= found.not_scored.keys()
    assert "Xx" in in_english(found.not_scored["articulation_rate_sps"])


def test_a_language_written_without_spaces_has_no_words_a_minute() -> None:
    """The pieces that a recognizer gives for Japanese are no words, so nobody is told how many there are."""
    found = rate(units((0.5, 2.0, EIGHT), repeat=30), language="ja")
    assert found.speech_rate_wpm is None
    assert "Japanese" in in_english(found.not_scored["speech_rate_wpm"])


def test_a_speaker_who_never_held_the_floor() -> None:
    """Somebody who only acknowledged has no turn time: no words a minute, and it says why."""
    own = units((2.0, 0.9, "right right I see"), repeat=40)
    found = measure_rate(own, [], 1.0, "en", SETTINGS.rate)
    assert found.speech_rate_wpm is None
    assert "speech_rate_wpm" in found.not_scored


def test_nothing_said() -> None:
    """No speech is no division by zero."""
    found = rate([], coverage=None)
    assert (found.words, found.syllables, found.phonation_s, found.turn_time_s) == (0, 0, 0, 0)
    assert (found.speech_rate_wpm, found.articulation_rate_sps, found.confidence) == (None, None, None)
    assert sorted(found.not_scored) == sorted(GATED)


def test_backchannels_are_not_in_words_a_minute() -> None:
    """Numerator and denominator of the speech rate are of the same turns: those that held the floor."""
    talk = dialogue("C 0-9 so I called you last week\nA 2-2.4 okay okay okay\nC 9.2-9.6 and")
    talk["agent"] += [
        unit("agent", one.start_s + 20, one.end_s + 20, one.text)
        for one in units((0.5, 2.0, EIGHT), repeat=30)
    ]
    found = measure_rate(talk["agent"], floor(talk).held_by("agent"), 1.0, "en", SETTINGS.rate)
    assert found.words == 243
    assert found.speech_rate_wpm == pytest.approx(240 * 60 / 74.5)


def test_windows_by_hand() -> None:
    """40 s at 4 syllables/s, then 20 s at 2: windows of 30 s of speech, 10 s apart, follow the change."""
    own = units((0.5, 2.0, EIGHT), repeat=20)
    offset_s = own[-1].end_s + 0.5
    own += [
        unit("agent", one.start_s + offset_s, one.end_s + offset_s, "one two three four")
        for one in units((0.5, 2.0, EIGHT), repeat=10)
    ]
    found = rate(own).windows
    assert [window.sps for window in found] == pytest.approx(
        [4.0, 4.0, (20 * 4 + 10 * 2) / 30, (10 * 4 + 20 * 2) / 30]
    )
    # 15 units of 2 s with 14 pauses of half a second are 37 s of turn
    assert [window.end_s - window.start_s for window in found] == pytest.approx([37.0] * 4)
    assert found[0].wpm == pytest.approx(120 * 60 / 37)
    assert [window.start_s for window in found] == pytest.approx([0.0, 12.5, 25.0, 37.5])


def test_a_window_of_steady_speech_is_the_call() -> None:
    """Speech at one pace has the pace of the call in every window."""
    found = rate(units((0.7, 1.5, EIGHT), repeat=60))
    assert [window.sps for window in found.windows] == pytest.approx(
        [found.articulation_rate_sps] * len(found.windows), rel=0.03
    )
    assert len(found.windows) == (90 - 30) // 10 + 1
