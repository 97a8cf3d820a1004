"""What kind of call it is, and what is due in it."""

import pytest

from pipeline.guidance.config import OTHER, load_guidance
from pipeline.guidance.kinds import due_in, kind_of
from pipeline.records import CallKind
from tests.guidance.calls import Said, heard, judged

GUIDANCE = load_guidance()


def kind(*lines: Said) -> CallKind:
    spoken = heard(lines)
    return kind_of(spoken.turns, spoken.acts, "en", GUIDANCE)


CALLS: dict[str, tuple[Said, ...]] = {
    "problem": (
        ("agent", "Harbor Water, good morning.", ""),
        ("customer", "The tap in the yard has been dripping since Sunday.", "problem"),
    ),
    "booking": (
        ("agent", "Oak Street Dental, this is Bea.", "give_name"),
        ("customer", "Hi, I'd like to make an appointment for my son.", ""),
    ),
    "request": (
        ("agent", "Bloom Florists.", ""),
        ("customer", "I would like to order a bunch of tulips.", ""),
    ),
    "question": (("agent", "City museum.", ""), ("customer", "What are your hours on a holiday?", "")),
    "sales": (
        ("agent", "Hello, I'm calling today about our new offer for shops.", ""),
        ("customer", "Oh, okay.", ""),
    ),
    "voicemail": (("agent", "Hi, this is a message for Mr. Lund. It's Ida.", "give_name"),),
    "wrong_number": (
        ("agent", "Lakeside Bank.", ""),
        ("customer", "Oh. I think I have the wrong number.", ""),
    ),
    "transfer": (
        ("customer", "Hi, the parts desk?", ""),
        ("agent", "I'll put you through to them.", "announce_transfer"),
        ("customer", "Thanks.", ""),
        ("agent", "I'm connecting you.", "announce_transfer"),
    ),
    OTHER: (("agent", "Hello.", ""), ("customer", "Hi, it's me.", "")),
}


@pytest.mark.parametrize("name", CALLS)
def test_kinds_are_told_from_words(name: str) -> None:
    """Each kind shows in how such a call begins; the sentence that tells it is named."""
    found = kind(*CALLS[name])
    assert (found.kind, found.possible) == (name, (name,))
    assert bool(found.evidence) == (name != OTHER)
    assert set(CALLS) == set(GUIDANCE.call_kinds)


def test_only_what_every_possible_kind_asks_for_is_due() -> None:
    """A booking in which something is wrong, too, is perhaps about a problem: none of its checks is due."""
    found = kind(
        *CALLS["booking"], ("agent", "Sure.", ""), ("customer", "The last one never came through.", "problem")
    )
    assert set(found.possible) == {"problem", "booking"}
    assert "problem" not in due_in(found, GUIDANCE)
    assert {"always", "tension"} <= due_in(found, GUIDANCE)


def test_a_booking_that_went_well_needs_no_checks_of_problems() -> None:
    """Nobody is told to ask whether an appointment is working now."""
    lines: list[Said] = [
        *CALLS["booking"],
        ("agent", "Does Tuesday at nine suit you?", "ask_preference"),
        ("customer", "That's perfect, thank you.", ""),
    ]
    verdicts = {one.id: one.verdict for one in judged(lines).guidance}
    for check in ("follow_up", "problem_solved", "restate_concern", "confirmation", "remedy_quickly"):
        assert verdicts[check] == "not_applicable", check
    assert {point.check for point in judged(lines).coaching.change} <= {"talk_slowly"}
    assert judged(lines).effort.estimate == 1.0


def test_an_unsure_complaint_late_in_a_call_makes_no_problem() -> None:
    """One doubtful sentence in the middle of other talk is no reason to ask for a solution."""
    talk: list[Said] = [("agent", "And then?", ""), ("customer", "Then we went home.", "")] * 6
    late: Said = ("customer", "I can't read it, my glasses are in the car.", "problem")
    found = kind(*talk, late)
    assert "problem" not in due_in(found, GUIDANCE)


def test_without_a_file_of_the_language_acts_tell_the_kind() -> None:
    """Phrases are English; what speech acts show holds in any language."""
    spoken = heard(CALLS["problem"])
    assert kind_of(spoken.turns, spoken.acts, "xx", GUIDANCE).kind == "problem"
    spoken = heard(CALLS["booking"])
    assert kind_of(spoken.turns, spoken.acts, "xx", GUIDANCE).kind == OTHER
