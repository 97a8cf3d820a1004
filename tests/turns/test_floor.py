"""Turns: who holds the floor from when to when, and how fast it is passed on."""

import itertools

import pytest
from hypothesis import given, settings

from tests.dialogue import Units, dialogue, floor, shifted, talk

STORY = "so I called you last week about the meter and they told me that it was read"
DONE = "I will send the new bill to you today."


def turns(notation: str) -> list[tuple[str, float, float]]:
    """(who, from, to) of the turns that held the floor."""
    found = floor(dialogue(notation))
    return [
        (turn.speaker[0].upper(), turn.start_s, turn.end_s)
        for turn, holds in zip(found.turns, found.holding, strict=True)
        if holds
    ]


@pytest.mark.parametrize(
    ("notation", "expected"),
    [
        # one after the other
        (f"A 0-5 {DONE}\nC 5.4-7 good to hear", [("A", 0, 5), ("C", 5.4, 7)]),
        # own pauses up to 3.0 s stay inside a turn, longer ones end it
        (f"A 0-5 {STORY}\nA 8-9 {STORY}", [("A", 0, 9)]),
        (f"A 0-5 {STORY}\nA 8.01-9 {STORY}", [("A", 0, 5), ("A", 8.01, 9)]),
        # a backchannel, over speech or in a pause, does not end the other's turn
        (f"A 0-6 {STORY}\nC 2-2.4 mm-hm", [("A", 0, 6)]),
        (f"A 0-3 {STORY} and\nC 3.3-3.7 mm-hm\nA 4-6 {STORY}", [("A", 0, 6)]),
        (f"A 0-6 {STORY}\nC 2-2.7 -", [("A", 0, 6)]),
        # nor does a failed attempt
        (f"A 0-6 {STORY}\nC 2-2.4 no wait", [("A", 0, 6)]),
        # nor does talking over somebody who goes on
        (f"A 0-9 {STORY}\nC 2-4 no listen to me now\nA 9.5-11 {STORY}", [("A", 0, 11)]),
        # an interruption that is yielded to ends it
        (
            f"A 0-5 {STORY} the\nC 4-7 no listen to me\nA 7.5-9 {DONE}",
            [("A", 0, 5), ("C", 4, 7), ("A", 7.5, 9)],
        ),
        # an answer to a question ends it, however short
        (
            "A 0-3 so is that right?\nC 3.3-3.7 yes\nA 4-6 good then we go on",
            [("A", 0, 3), ("C", 3.3, 3.7), ("A", 4, 6)],
        ),
        # a backchannel does not make a pause longer or shorter
        (f"A 0-3 {STORY} and\nC 3.3-3.7 mm-hm\nA 4.5-6 {STORY}\nA 9.1-10 yes", [("A", 0, 6), ("A", 9.1, 10)]),
        # nobody speaks
        ("", []),
    ],
)
def test_turns_by_hand(notation: str, expected: list[tuple[str, float, float]]) -> None:
    """A turn lasts until the other takes the floor or an own pause exceeds 3.0 s."""
    assert turns(notation) == expected


def test_a_sound_without_words_in_a_pause_takes_no_floor() -> None:
    """A breath on the other line, without a word, does not cut a turn in two."""
    assert turns(f"A 0-3 {STORY} and\nC 3.3-3.5 -\nA 3.8-6 {STORY}") == [("A", 0, 6)]


def test_asides_are_turns_that_hold_nothing() -> None:
    """What is said beside the floor is in the transcript, marked, and in nobody's turn time."""
    found = floor(dialogue(f"A 0-6 {STORY}\nC 2-2.4 mm-hm\nC 4-4.5 no wait"))
    assert [(turn.text, turn.backchannel) for turn in found.turns[1:]] == [
        ("mm-hm", True),
        ("no wait", False),
    ]
    assert found.held_by("customer") == []
    assert found.holding == (True, False, False)


def test_longest_turn_spans_own_pauses_and_backchannels() -> None:
    """The length of a turn is what the other had to listen to."""
    notation = f"A 0-20 {STORY}\nC 10-10.4 mm-hm\nA 22-40 {STORY}\nA 42.5-63 {DONE}\nC 64-65 okay then"
    held = floor(dialogue(notation)).held_by("agent")
    assert [turn.end_s - turn.start_s for turn in held] == [63.0]


def test_response_latency() -> None:
    """The median over floor transfers: silence before a reply, and 0 when the reply overlaps."""
    found = floor(
        dialogue(f"""
        A 0.0-2.0 {DONE}
        C 2.6-4.0 good to hear that
        A 4.2-6.0 {DONE}
        C 5.9-8.0 good to hear that
        A 9.0-9.9 {DONE}
        C 11.0-12.0 good to hear
    """)
    )
    assert found.response_latency_median_s("customer") == pytest.approx(0.6)  # of 0.6, 0, 1.1
    assert found.response_latency_median_s("agent") == pytest.approx(0.6)  # of 0.2, 1.0


def test_going_on_after_an_own_pause_is_no_response() -> None:
    """A speaker who speaks again after 5 s of silence has not replied to anybody."""
    found = floor(dialogue(f"A 0-2 {DONE}\nA 7-9 {DONE}\nC 9.5-10 good then"))
    assert found.response_latency_median_s("agent") is None
    assert found.response_latency_median_s("customer") == pytest.approx(0.5)


def test_turn_at() -> None:
    """A moment finds the turn of a speaker that it lies in."""
    found = floor(dialogue(f"A 0-6 {STORY}\nC 2-2.4 mm-hm\nC 7-8 good then"))
    assert [found.turn_at("customer", time_s) for time_s in (1.9, 2.0, 2.39, 2.4, 7.5)] == [
        None,
        1,
        1,
        None,
        2,
    ]
    assert found.turn_at("agent", 2.0) == 0


@given(talk())
@settings(max_examples=150, deadline=None)
def test_every_word_is_in_exactly_one_turn(units: Units) -> None:
    """The transcript is everything that was said, once."""
    found = floor(units)
    for role, own in units.items():
        said = [(word.start_s, word.word) for one in own for word in one.words]
        in_turns = [
            (word.start_s, word.word) for turn in found.turns if turn.speaker == role for word in turn.words
        ]
        assert sorted(in_turns) == said
    for turn in found.turns:
        assert turn.text == " ".join(word.word for word in turn.words)


@given(talk())
@settings(max_examples=150, deadline=None)
def test_turns_are_numbered_in_time_order(units: Units) -> None:
    """Evidence points at turns by number: numbers follow time and are the positions in the list."""
    found = floor(units)
    assert [turn.turn for turn in found.turns] == list(range(len(found.turns)))
    assert [turn.start_s for turn in found.turns] == sorted(turn.start_s for turn in found.turns)
    assert len(found.holding) == len(found.turns)


@given(talk())
@settings(max_examples=150, deadline=None)
def test_turns_of_one_speaker_do_not_overlap(units: Units) -> None:
    """Nobody holds the floor twice at a time, and no turn has an own pause over 3.0 s."""
    found = floor(units)
    for role, own in units.items():
        held = found.held_by(role)
        assert all(before.end_s <= after.start_s for before, after in itertools.pairwise(held))
        for turn in held:
            inside = [one for one in own if turn.start_s <= one.start_s < turn.end_s]
            assert (inside[0].start_s, inside[-1].end_s) == (turn.start_s, turn.end_s)
            assert all(after.start_s - before.end_s <= 3.0 for before, after in itertools.pairwise(inside))


@given(talk())
@settings(max_examples=100, deadline=None)
def test_turns_do_not_depend_on_when_the_call_began(units: Units) -> None:
    """The same talk a minute later has the same turns."""
    early, late = floor(units), floor(shifted(units, 64.0))
    assert late.holding == early.holding
    assert [turn.text for turn in late.turns] == [turn.text for turn in early.turns]
