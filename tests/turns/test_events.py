"""Who comes in on whom, and how: one or more mini-dialogues for each rule of docs/measures/turn-taking.md.

Most cases come in pairs, a hundredth of a second on both sides of a limit. Every case is run with the roles
exchanged as well: nobody is judged by who they are.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from pipeline.records import Event
from pipeline.reports import view
from pipeline.settings import load_settings
from pipeline.turns.events import Judged, with_doubts
from pipeline.turns.units import Vocalization
from tests import factories
from tests.dialogue import OTHER, Units, dialogue, events, floor, shifted, swapped, talk, unit

STORY = "so I called you last week about the meter and they told me that it was read"
DONE = "I will send the new bill to you today."
CUT = "so what I would like to know from you is the"


def kinds(notation: str) -> list[str]:
    """``by kind`` of every event, e.g. ``["C backchannel"]``."""
    return [f"{event.by[0].upper()} {event.kind}" for event in events(dialogue(notation))]


CASES = [
    # rule 1: under 0.20 s of overlap is overlap time, and no event
    ("0.19 s of overlap is none", f"A 0-5 {CUT}\nC 4.81-8 I want my money back", []),
    ("0.21 s of overlap is one", f"A 0-5 {DONE}\nC 4.79-8 I want my money back", ["C terminal_overlap"]),
    ("no overlap", f"A 0-5 {CUT}\nC 5.1-8 I want my money back", []),
    # rule 2: the holder had hardly begun
    ("0.49 s after the other", f"A 10-14 {STORY}\nC 10.49-13 I want my money back", ["C simultaneous_start"]),
    ("0.51 s after the other", f"A 10-14 {STORY}\nC 10.51-13 I want my money back", ["C interruption"]),
    (
        "the holder had begun again after a pause",
        f"A 0-9 {STORY}\nA 10-14 {STORY}\nC 10.4-13 I want my money back",
        ["C simultaneous_start"],
    ),
    ("an acknowledgement at the start", f"A 10-14 {STORY}\nC 10.3-10.7 mm-hm", ["C simultaneous_start"]),
    # rule 3: an acknowledgement that takes no floor
    ("mm-hm", f"A 0-6 {STORY}\nC 2-2.4 mm-hm", ["C backchannel"]),
    ("thank you", f"A 0-6 {STORY}\nC 2-2.7 Okay, thank you.", ["C backchannel"]),
    ("laughter has no words", f"A 0-6 {STORY}\nC 2-2.7 -", ["C backchannel"]),
    ("0.99 s long", f"A 0-6 {STORY}\nC 2-2.99 right right I see", ["C backchannel"]),
    ("1.01 s long", f"A 0-6 {STORY}\nC 2-3.01 right right I see", ["C interruption"]),
    ("no is none", f"A 0-6 {STORY}\nC 2-2.4 no", ["C failed_attempt"]),
    ("wait is none", f"A 0-6 {STORY}\nC 2-2.4 wait", ["C failed_attempt"]),
    ("sir is none", f"A 0-6 {STORY}\nC 2-2.4 sir", ["C failed_attempt"]),
    (
        "silent for 1.01 s before",
        f"C 0-1 I want my money back\nA 0.9-6 {STORY}\nC 2.01-2.4 okay",
        ["C backchannel"],
    ),
    (
        "silent for 0.99 s before",
        f"C 0-1 I want my money back\nA 0.9-6 {STORY}\nC 1.99-2.4 okay",
        ["C failed_attempt"],
    ),
    (
        "an acknowledgement that goes on to speak takes the floor",
        f"A 0-6 {STORY} and\nC 5.5-5.9 okay\nC 6.2-9 but I want my money back",
        ["C interruption"],
    ),
    # rule 4: the holder was done
    ("0.49 s left", f"A 0-5 {DONE}\nC 4.51-8 that is good to hear", ["C terminal_overlap"]),
    ("0.51 s left", f"A 0-5 {DONE}\nC 4.49-8 that is good to hear", ["C interruption"]),
    ("0.49 s left, words not complete", f"A 0-5 {CUT}\nC 4.51-8 I want my money", ["C interruption"]),
    ("resumes after 1.51 s", f"A 0-5 {DONE}\nC 4.6-6.2 good to hear\nA 6.51-9 yes", ["C terminal_overlap"]),
    ("resumes after 1.49 s", f"A 0-5 {DONE}\nC 4.6-6.2 good to hear\nA 6.49-9 {STORY}", []),
    # rule 5: the one who comes in gives up
    ("gives up after 0.99 s", f"A 0-6 {STORY}\nC 2-2.99 no listen to me", ["C failed_attempt"]),
    ("gives up after 1.01 s", f"A 0-6 {STORY}\nC 2-3.01 no listen to me", ["C interruption"]),
    ("the other goes on for 1.01 s", f"A 0-3.91 {STORY}\nC 2-2.9 no listen to me", ["C failed_attempt"]),
    ("the other goes on for 0.99 s", f"A 0-3.89 {STORY}\nC 2-2.9 no listen to me", ["C interruption"]),
    # rule 6: interruption by overlap, or by cutting off
    ("0.49 s of overlap", f"A 0-5 {DONE}\nC 4.51-5.9 but I want\nA 6-8 {STORY}", []),
    ("0.51 s of overlap", f"A 0-5 {DONE}\nC 4.49-5.9 but I want\nA 6-8 {STORY}", ["C interruption"]),
    ("cut off, 0.29 s of overlap", f"A 0-5 {CUT}\nC 4.71-7.5 I need it today", []),
    ("cut off, 0.31 s of overlap", f"A 0-5 {CUT}\nC 4.69-7.5 I need it today", ["C interruption"]),
    ("cut off, then holds 1.01 s", f"A 0-5 {CUT}\nC 4.69-6.01 I need it today", ["C interruption"]),
    ("cut off, then holds 0.99 s", f"A 0-5 {CUT}\nC 4.69-5.99 I need it today", []),
    # rule 4 as well: O says the end of F's sentence
    ("says it with F", "A 0-5 buy the one with green light\nC 3.4-5.1 green light", ["C terminal_overlap"]),
    ("misheard", "A 0-5 buy the one with green light\nC 3.4-5.1 greed right", ["C terminal_overlap"]),
    ("something else", "A 0-5 buy the one with green light\nC 3.4-5.1 my money", ["C interruption"]),
    # what is no encounter at all
    ("one after the other", f"A 0-5 {DONE}\nC 5.4-7 good to hear\nA 7.6-9 yes it is", []),
    ("one speaker", f"A 0-5 {DONE}\nA 5.4-7 and the letter too", []),
    # in a pause of the holder
    ("an acknowledgement in a pause", f"A 0-3 {CUT}\nC 3.3-3.7 mm-hm\nA 4-6 {STORY}", ["C backchannel"]),
    ("a question, an answer", "A 0-3 so is that right?\nC 3.3-3.7 yes\nA 4-6 good then we go on", []),
    ("the answer that follows is no backchannel", f"A 0-3 {DONE}\nC 3.3-3.7 okay\nA 6-8 {STORY}", []),
    ("words of one's own in a pause", f"A 0-3 {CUT}\nC 3.3-3.7 no wait\nA 4-6 {STORY}", []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("notation", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_kinds_in_order_of_the_rules(notation: str, expected: list[str]) -> None:
    """The kind of an encounter is that of the first rule that fits (docs/measures/turn-taking.md)."""
    assert kinds(notation) == expected


@pytest.mark.parametrize("notation", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_roles_are_judged_alike(notation: str) -> None:
    """An agent who does what a customer did is called the same."""
    units = dialogue(notation)
    assert events(swapped(units)) == [exchanged(event) for event in events(units)]


def exchanged(event: Event) -> Event:
    return replace(event, by=OTHER[event.by], of=OTHER[event.of])


@pytest.mark.parametrize(
    ("notation", "yielded"),
    [
        (f"A 0-6 {CUT}\nC 4.51-8 I want my money back", True),  # silent after 1.49 s
        (f"A 0-6 {CUT}\nC 4.49-8 I want my money back", False),  # silent after 1.51 s
        (f"A 0-6 {CUT}\nC 5-7.01 I want my money back", True),  # then holds 1.01 s
        (f"A 0-6 {CUT}\nC 5-6.99 I want my money back", False),  # then holds 0.99 s
        (f"A 0-6 {CUT}\nC 5-9 I want my money back\nA 6.9-9 {STORY}", False),  # resumes after 0.9 s
    ],
)
def test_yielding(notation: str, yielded: bool) -> None:
    """The holder yielded who fell silent within 1.5 s and left the other 1.0 s."""
    first = events(dialogue(notation))[0]
    assert (first.kind, first.yielded) == ("interruption", yielded)


def test_figures_of_an_event() -> None:
    """Times, overlap, people and quote of an event are those of the talk."""
    [event] = events(dialogue(f"A 1-6 {CUT}\nC 5.25-8 I want my money back"))
    assert (event.by, event.of) == ("customer", "agent")
    assert (event.start_s, event.end_s, event.overlap_s) == (5.25, 6.0, 0.75)
    assert event.quote == "I want my money back"


def test_a_pause_of_the_one_who_comes_in_keeps_the_event_whole() -> None:
    """Overlap is counted inside the event that reports it: its time is at least its overlap."""
    found = events(dialogue(f"A 0-8 {STORY}\nC 3-3.6 no listen\nC 4-5.5 listen to me"))
    assert [event.kind for event in found] == ["interruption"]
    assert found[0].overlap_s <= found[0].end_s - found[0].start_s + 1e-9


@pytest.mark.parametrize("end_s", [5.3, 6.0, 8.0, 8.9, 9.0, 10.5])
def test_beginning_in_the_same_instant_is_one_event(end_s: float) -> None:
    """One simultaneous start is counted once, not once for each of the two."""
    assert len(kinds(f"A 5-9 {STORY}\nC 5-{end_s} I want my money back")) == 1


def test_talking_over_each_other_after_a_breath_is_an_event() -> None:
    """A breath of the holder right after the other came in does not hide two seconds of talk-over."""
    assert kinds(f"A 0-5.1 {STORY}\nC 5-8 no listen to me\nA 5.4-7.4 {STORY}") != []


def test_a_backchannel_is_the_same_at_the_start_of_a_recording() -> None:
    """Nothing was said before the recording began: half a second in, "mm-hm" is still an acknowledgement."""
    assert kinds(f"A 0-6 {STORY}\nC 0.7-1.1 mm-hm") == ["C backchannel"]


@pytest.mark.parametrize("start_s", [2.2, 2.5, 2.75, 2.85, 2.95, 3.0, 3.1, 3.3])
def test_an_acknowledgement_around_a_pause_takes_no_floor(start_s: float) -> None:
    """Whether "mm-hm" falls before, across or into the other's breath, the other keeps the floor."""
    units = dialogue(f"A 0-3 {STORY}\nC {start_s}-{start_s + 0.4} mm-hm\nA 3.5-6 {STORY}")
    for talk_ in (units, swapped(units)):
        found = [event.kind for event in events(talk_)]
        assert found in ([], ["backchannel"])
        assert sum(floor(talk_).holding) == 1


@pytest.mark.parametrize(
    ("probability", "expected"), [(0.9, "failed_attempt"), (0.51, "failed_attempt"), (0.49, "backchannel")]
)
def test_a_guess_does_not_speak_against_a_backchannel(probability: float, expected: str) -> None:
    """Hums and laughter come out as words that the recognizer is not sure of: they count as no words."""
    units = dialogue(f"A 0-6 {STORY}\nC 2-2.4 no wait")
    [hum] = units["customer"]
    units["customer"] = [
        replace(hum, words=tuple(replace(one, probability=probability) for one in hum.words))
    ]
    assert [event.kind for event in events(units)] == [expected]


def test_confidence_grows_from_the_limit() -> None:
    """The nearer to a limit, the less sure: 0.5 on it, never over 0.95."""
    overlaps = (0.51, 0.75, 1.0, 2.0, 4.0)
    found = [
        events(dialogue(f"A 0-10 {STORY}\nC {10 - overlap_s}-14 I want my money back"))[0]
        for overlap_s in overlaps
    ]
    confidences = [event.confidence for event in found]
    assert {event.kind for event in found} == {"interruption"}
    assert confidences == sorted(confidences)
    assert confidences[0] == pytest.approx(0.51, abs=0.02)
    assert confidences[-1] == 0.95


@given(talk())
@settings(max_examples=150, deadline=None)
def test_swapping_the_speakers_swaps_by_and_of(units: Units) -> None:
    """In any talk the verdicts are the same for both roles."""
    assert sorted(map(repr, events(swapped(units)))) == sorted(
        repr(exchanged(event)) for event in events(units)
    )


@given(talk())
@settings(max_examples=150, deadline=None)
def test_events_do_not_depend_on_when_the_call_began(units: Units) -> None:
    """The same talk a minute later has the same events a minute later."""
    early, late = events(units), events(shifted(units, 64.0))
    assert [(event.kind, event.by, event.yielded) for event in late] == [
        (event.kind, event.by, event.yielded) for event in early
    ]
    assert [event.start_s - 64.0 for event in late] == pytest.approx([event.start_s for event in early])


@given(talk())
@settings(max_examples=150, deadline=None)
def test_every_event_is_of_two_who_speak(units: Units) -> None:
    """What any event says of itself is possible: two people, inside the talk, with a sane confidence."""
    ends = [each.end_s for own in units.values() for each in own]
    for event in events(units):
        assert event.of == OTHER[event.by]
        assert event.start_s in {each.start_s for each in units[event.by]}
        assert 0 <= event.start_s < event.end_s <= max(ends)
        assert event.overlap_s <= event.end_s - event.start_s + 1e-9
        assert 0.5 <= event.confidence <= 0.95
        assert event.overlap_s >= 0.2 or event.kind == "backchannel"
        assert event.reason


@pytest.mark.parametrize(("confidence", "sure"), [(0.9, True), (0.5, True), (0.49, False), (0.1, False)])
def test_a_doubtful_interruption_is_listed_and_counts_nowhere(confidence: float, sure: bool) -> None:
    """Doubt is no verdict: one limit decides for figures, scores, exports and pages alike."""
    made = replace(factories.event("interruption", 3.0, 4.0), confidence=confidence)
    vocalization = Vocalization((unit("agent", 3.0, 6.0, "Can I take your number first?"),))
    (marked,) = with_doubts([Judged(vocalization, made, takes_floor=True)], load_settings().turns)
    assert marked.event is not None
    assert (marked.event.sure, marked.event.is_interruption) == (sure, sure)
    other = replace(made, kind="backchannel")
    (kept,) = with_doubts([Judged(vocalization, other, takes_floor=False)], load_settings().turns)
    assert kept.event == other
    listed = replace(factories.analysis(), interruptions=(marked.event,))
    assert (view.events_of(listed, "interruption"), view.doubtful(listed)) == (
        ([marked.event], []) if sure else ([], [marked.event])
    )
