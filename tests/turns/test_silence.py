"""Stretches in which nobody speaks: gaps, dead air, and holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Gap, Hold, Role
from pipeline.timeline import Span
from pipeline.turns.silence import find_gaps, find_holds
from tests.dialogue import ENGLISH, SETTINGS, Units, dialogue, floor

HOLD_ON = "let me check that, one moment please"
GOOD_DAY = "the meter was read on the third of the month"


def holds(notation: str, duration_s: float, music: tuple[Span, ...] = ()) -> list[tuple[float, float, bool]]:
    units = dialogue(notation)
    found = find_holds(
        music, speech(units), floor(units).held_by("agent"), duration_s, ENGLISH, SETTINGS.turns
    )
    return [(hold.start_s, hold.end_s, hold.announced) for hold in found]


def gaps(
    spoken: list[Span], duration_s: float, held: tuple[Hold, ...] = ()
) -> list[tuple[float, float, str]]:
    return [(gap.start_s, gap.end_s, gap.kind) for gap in find_gaps(spoken, held, duration_s, SETTINGS.turns)]


def speech(units: Units) -> list[Span]:
    roles: tuple[Role, ...] = ("agent", "customer")
    return [one.span for role in roles for one in units[role]]


def hold(start_s: float, end_s: float) -> Hold:
    return Hold(start_s=start_s, end_s=end_s, announced=True, reason=None, consent=None)


@pytest.mark.parametrize(
    ("spoken", "duration_s", "expected"),
    [
        ([(0, 5), (8, 10)], 10, []),  # 3.0 s is no gap
        ([(0, 5), (8.01, 10)], 10, [(5, 8.01, "silence")]),  # more is
        ([(0, 5), (14.99, 20)], 20, [(5, 14.99, "silence")]),
        ([(0, 5), (15, 20)], 20, [(5, 15, "dead_air")]),  # from 10 s on it is dead air
        ([(4, 5)], 9, [(0, 4, "silence"), (5, 9, "silence")]),  # before the first and after the last word
        ([(0, 5), (3, 9), (10, 12)], 12, []),  # the other speaks
        ([(8, 9), (0, 2)], 9, [(2, 8, "silence")]),  # in any order
    ],
)
def test_gaps_by_hand(
    spoken: list[Span], duration_s: float, expected: list[tuple[float, float, str]]
) -> None:
    """Both silent for over 3.0 s is a gap, from 10 s on dead air (docs/measures/turn-taking.md)."""
    assert gaps(spoken, duration_s) == expected


def test_a_recording_without_speech_has_no_gaps() -> None:
    """Where nobody speaks there is no conversation to be silent in: the call says no_speech instead."""
    assert gaps([], 60) == []


def test_a_hold_explains_its_silence() -> None:
    """Silence that is mostly a hold is no dead air, and silence beside a hold is."""
    assert gaps([(0, 5), (35, 40), (55, 60)], 60, (hold(5, 35),)) == [(5, 35, "hold"), (40, 55, "dead_air")]
    assert gaps([(0, 5), (35, 40)], 40, (hold(5, 15),)) == [(5, 35, "dead_air")]


def test_music_makes_a_hold() -> None:
    """A silence of both that is filled with music or tones is a hold, announced or not."""
    notation = f"A 0-5 {GOOD_DAY}\nC 40-45 {GOOD_DAY}"
    assert holds(notation, 45, ((6.0, 39.0),)) == [(5.0, 40.0, False)]
    assert holds(notation, 45, ((6.0, 8.5),)) == []  # one ring


def test_an_announced_silence_is_a_hold() -> None:
    """An agent who says what the silence is for leaves no dead air; from 10 s on it counts as a hold."""
    assert holds(f"A 0-5 {HOLD_ON}\nC 15-20 {GOOD_DAY}", 20) == [(5.0, 15.0, True)]
    assert holds(f"A 0-5 {HOLD_ON}\nC 14.99-20 {GOOD_DAY}", 20) == []
    assert holds(f"A 0-5 {GOOD_DAY}\nC 15-20 {GOOD_DAY}", 20) == []


def test_only_the_agent_announces() -> None:
    """A customer who says "hold on" explains nothing for the agent."""
    assert holds(f"C 0-5 {HOLD_ON}\nA 15-20 {GOOD_DAY}", 20) == []


def test_an_announcement_is_for_the_silence_that_follows() -> None:
    """What was announced long before does not excuse a silence."""
    notation = f"A 0-3 {HOLD_ON}\nC 4-24 {GOOD_DAY}\nC 40-45 {GOOD_DAY}"
    assert holds(notation, 45) == []


def test_a_word_in_the_middle_does_not_part_a_hold() -> None:
    """ "Still checking" belongs to the hold it is said in."""
    notation = f"A 0-5 {HOLD_ON}\nA 20-21 one moment please\nC 40-45 {GOOD_DAY}"
    assert holds(notation, 45) == [(5.0, 40.0, True)]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=6))
def test_gaps_are_silence_and_all_of_it_that_is_long(pieces: list[tuple[int, int]]) -> None:
    """No second of speech is in a gap, and no stretch of over 3 silent seconds is outside one."""
    spoken: list[Span] = [(float(start), float(min(60, start + length))) for start, length in pieces]
    talking = {second for start_s, end_s in spoken for second in range(int(start_s), int(end_s))}
    runs: list[Span] = []
    for second in range(60):
        if second in talking:
            continue
        if runs and runs[-1][1] == second:
            runs[-1] = (runs[-1][0], second + 1.0)
        else:
            runs.append((float(second), second + 1.0))
    expected = [run for run in runs if run[1] - run[0] > 3.0] if talking else []
    found: tuple[Gap, ...] = find_gaps(spoken, (), 60.0, SETTINGS.turns)
    assert [(gap.start_s, gap.end_s) for gap in found] == expected
