"""Stretches in which nobody speaks: gaps, dead air, and holds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Hold, Role
from pipeline.timeline import Span, overlap_s, subtract
from pipeline.turns.silence import NOBODY_BACK, NOT_UNDERSTOOD, ROLES_UNKNOWN, Silences, find_silences
from tests.dialogue import ENGLISH, SETTINGS, Units, dialogue, floor, talk

HOLD_ON = "let me check that, one moment please"
GOOD_DAY = "the meter was read on the third of the month"


def silences(notation: str, duration_s: float, music: tuple[Span, ...] = ()) -> Silences:
    units = dialogue(notation)
    return find_silences(music, speech(units), floor(units).turns, duration_s, ENGLISH, SETTINGS.turns)


def holds(notation: str, duration_s: float, music: tuple[Span, ...] = ()) -> list[tuple[float, float, bool]]:
    found = silences(notation, duration_s, music).holds
    return [(hold.start_s, hold.end_s, hold.announced) for hold in found]


def kinds(notation: str, duration_s: float, music: tuple[Span, ...] = ()) -> list[str]:
    return [gap.kind for gap in silences(notation, duration_s, music).gaps]


def gaps(
    spoken: list[Span], duration_s: float, music: tuple[Span, ...] = ()
) -> list[tuple[float, float, str]]:
    found = find_silences(music, spoken, (), duration_s, ENGLISH, SETTINGS.turns)
    return [(gap.start_s, gap.end_s, gap.kind) for gap in found.gaps]


def speech(units: Units) -> list[Span]:
    roles: tuple[Role, ...] = ("agent", "customer")
    return [one.span for role in roles for one in units[role]]


def only(found: tuple[Hold, ...]) -> Hold:
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("music", [(), ((21.0, 39.0),)])
def test_the_call_ends_with_its_last_word(music: tuple[Span, ...]) -> None:
    """An open line or a busy tone after the goodbye is neither dead air nor a hold."""
    said = "A 0-5 thank you for calling goodbye\nC 5.5-7 goodbye"
    assert kinds(said, 40, music) == ["after_call"]
    assert holds(said, 40, music) == []


def test_who_never_comes_back_from_a_hold_left_it_open() -> None:
    """What the agent had announced is a hold, though nobody speaks after it."""
    said = f"C 0-2 hello there\nA 3-6 {HOLD_ON}"
    assert holds(said, 60) == [(6, 60, True)]


@pytest.mark.parametrize(
    ("spoken", "duration_s", "expected"),
    [
        ([(0, 5), (8, 10)], 10, []),  # 3.0 s is no gap
        ([(0, 5), (8.01, 10)], 10, [(5, 8.01, "silence")]),  # more is
        ([(0, 5), (14.99, 20)], 20, [(5, 14.99, "silence")]),
        ([(0, 5), (15, 20)], 20, [(5, 15, "dead_air")]),  # from 10 s on it is dead air
        ([(4, 5)], 9, [(0, 4, "silence"), (5, 9, "after_call")]),  # before the first and after the last word
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


def test_a_short_announced_silence_is_a_look_up() -> None:
    """An agent who says "let me check" and is quiet for some seconds has explained it."""
    found = silences(f"A 0-5 {HOLD_ON}\nC 10-15 {GOOD_DAY}", 15)
    assert [gap.kind for gap in found.gaps] == ["look_up"]
    assert (found.holds, only(found.look_ups).reason) == ((), "let me check that")
    assert kinds(f"A 0-5 {GOOD_DAY}\nC 10-15 {GOOD_DAY}", 15) == ["silence"]


def test_an_announcement_serves_once() -> None:
    """What explained one silence does not explain the next, after talk that is more than a word."""
    notation = f"A 0-2 let me check.\nA 6-11.5 here it is. {GOOD_DAY}\nC 15-20 {GOOD_DAY}"
    assert kinds(notation, 20) == ["look_up", "silence"]
    assert kinds(f"A 0-2 let me check.\nA 6-6.5 hm.\nC 15-20 {GOOD_DAY}", 20) == ["look_up", "look_up"]


def test_a_caller_who_is_passed_on_is_not_on_hold() -> None:
    """Ringing after "I will transfer you" is the transfer; before the first word it is no hold either."""
    notation = f"C 0-5 {GOOD_DAY}\nA 6-9 I am connecting you now."
    assert kinds(notation, 20, ((10.0, 19.0),)) == ["transfer"]
    assert holds(notation, 20, ((10.0, 19.0),)) == []
    assert kinds(f"A 12-15 {GOOD_DAY}", 15, ((1.0, 9.0),)) == ["ringing"]
    assert holds(f"A 12-15 {GOOD_DAY}", 15, ((1.0, 9.0),)) == []


RIGHT = """
    C 0-5 will the price stay the same?
    A 6-9 I need to ask our billing team.
    A 9.5-12 It takes about two minutes.
    A 12.5-15 May I put you on hold?
    C 15.5-17 Sure, go ahead.
    A 17.5-18.5 Thank you.
    A 60-62 Thank you for waiting.
    A 62.5-65 The price stays the same.
"""


def test_a_hold_done_right() -> None:
    """Announced, with a reason and a time, asked for, agreed to and thanked for: each with its moment."""
    hold = only(silences(RIGHT, 66, ((19.0, 59.5),)).holds)
    assert (hold.start_s, hold.end_s, hold.music) == (18.5, 60, True)
    assert (hold.announced, hold.consent_asked, hold.consent, hold.thanked) == (True, True, True, True)
    assert hold.reason == "I need to ask our billing team"
    assert hold.time_given == "about two minutes"
    assert [one.quote for one in (hold.announcement, hold.reply, hold.thanks, hold.before) if one] == [
        "May I put you on hold?",
        "Sure, go ahead.",
        "Thank you for waiting.",
        "Thank you.",
    ]
    assert hold.announcement is not None
    assert hold.announcement.start_s == 12.5
    assert hold.not_scored == {}


@pytest.mark.parametrize(
    ("given_up", "in_its_place", "expected"),
    [
        ("Sure, go ahead.", "No, not again.", (True, True, False, True, None)),
        ("Sure, go ahead.", "Which team?", (True, True, None, True, NOT_UNDERSTOOD)),
        ("May I put you on hold?", "Please hold.", (True, False, True, True, None)),
        ("Thank you for waiting.", "So.", (True, True, True, False, None)),
    ],
)
def test_a_hold_done_less_well(
    given_up: str, in_its_place: str, expected: tuple[bool, bool, bool | None, bool, str | None]
) -> None:
    """Each part is judged for itself; where the reply tells nothing, nothing is said and why."""
    hold = only(silences(RIGHT.replace(given_up, in_its_place), 66, ((19.0, 59.5),)).holds)
    found = (hold.announced, hold.consent_asked, hold.consent, hold.thanked, hold.not_scored.get("consent"))
    assert found == expected


def test_a_hold_without_a_word() -> None:
    """Nothing was announced, so nothing was asked, agreed to, explained or thanked for."""
    hold = only(silences(f"A 0-5 {GOOD_DAY}\nC 40-42 hello?\nA 43-45 yes.", 45, ((6.0, 39.0),)).holds)
    assert (hold.announced, hold.consent_asked, hold.consent, hold.thanked) == (False, False, False, False)
    assert (hold.reason, hold.time_given, hold.announcement) == (None, None, None)
    assert hold.before is not None
    assert (hold.before.turn, hold.before.quote) == (0, GOOD_DAY)


def test_nobody_comes_back() -> None:
    """A hold that the call ends in was neither thanked for nor not: it says why."""
    hold = only(silences(f"A 0-5 {HOLD_ON}", 45, ((6.0, 39.0),)).holds)
    assert (hold.thanked, hold.not_scored) == (None, {"thanked": NOBODY_BACK})


def test_music_is_found_where_roles_are_unknown() -> None:
    """Without roles a hold is still a hold; who announced or agreed cannot be told."""
    turns = [replace(turn, speaker="speaker_1") for turn in floor(dialogue(RIGHT)).turns]
    spoken = [(turn.start_s, turn.end_s) for turn in turns]
    hold = only(find_silences(((19.0, 59.5),), spoken, turns, 66, ENGLISH, SETTINGS.turns).holds)
    assert (hold.start_s, hold.end_s, hold.announced, hold.consent) == (18.5, 60, False, None)
    assert set(hold.not_scored.values()) == {ROLES_UNKNOWN}


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
    assert [(start_s, end_s) for start_s, end_s, _ in gaps(spoken, 60.0)] == expected


@given(talk(), st.floats(0, 60), st.floats(1, 40))
def test_every_hold_and_look_up_is_a_gap_too(units: Units, start_s: float, length_s: float) -> None:
    """In any talk, with music anywhere, these gaps and the records of how they were handled agree."""
    spoken = speech(units)
    music = ((start_s, start_s + length_s),)
    found = find_silences(music, spoken, floor(units).turns, 100.0, ENGLISH, SETTINGS.turns)
    of_kind = {
        kind: [(gap.start_s, gap.end_s) for gap in found.gaps if gap.kind == kind]
        for kind in ("hold", "look_up")
    }
    held = [(hold.start_s, hold.end_s) for hold in found.holds]
    assert [(one.start_s, one.end_s) for one in found.look_ups] == of_kind["look_up"]
    assert subtract(of_kind["hold"], held) == []
    assert all(overlap_s(of_kind["hold"], [hold]) > 0 for hold in held)
    for one in (*found.holds, *found.look_ups):
        assert one.announced or one.music
        assert (one.thanked is None) is ("thanked" in one.not_scored)
