"""How the agent listened, on hand-written talk with hand-computed figures."""

from dataclasses import fields

import pytest
from hypothesis import given, settings

from pipeline.measures import CUT_APART
from pipeline.records import FirstAccount, Listening, Role
from pipeline.turns.listening import (
    NO_ACCOUNT,
    NO_AGENT_TURN,
    NO_CUSTOMER,
    events_within,
    measure_listening,
)
from pipeline.turns.silence import ROLES_UNKNOWN
from tests.dialogue import ENGLISH, SETTINGS, Units, dialogue, events, floor, talk
from tests.factories import in_english

STORY = "my internet stops every evening after dinner and I have to start it again."
GREETING = "A 0-4 Thank you for calling, how can I help you?"
REPLY = "So it stops in the evening, let me test the line from here for you now."


def listening(units: Units, unmeasurable: str | None = None) -> Listening:
    speech = {role: [one.span for one in own] for role, own in units.items()}
    return measure_listening(
        floor(units), events(units), speech, unmeasurable, ENGLISH, SETTINGS.turns, SETTINGS.listening
    )


def account(notation: str) -> FirstAccount:
    found = listening(dialogue(notation)).first_account
    assert found is not None
    return found


def test_an_account_that_ends_by_itself() -> None:
    """Told in one turn, with the agent coming in after it."""
    found = account(f"{GREETING}\nC 5-12 {STORY}\nA 12.5-18 {REPLY}")
    assert (found.start_s, found.end_s, found.turns, found.words) == (5, 12, (1,), 14)
    assert (found.cut_off, found.taken_s, found.prompts, found.interruptions) == (False, 12.5, (), ())
    assert found.taken_by is not None
    assert found.taken_by.turn == 2


@pytest.mark.parametrize(
    ("prompt", "note"),
    [
        ("A 8-8.5 mm-hm", "backchannel"),
        ("A 13-13.6 okay.", "acknowledgement"),
        ("A 13-17 I am sorry. Please tell me what happened.", "invitation"),
        ("A 13-14.5 what is the address?", "short turn"),
    ],
)
def test_prompts_do_not_end_an_account(prompt: str, note: str) -> None:
    """Backchannels, acknowledgements, invitations and a short question leave the customer telling."""
    found = account(f"{GREETING}\nC 5-12 {STORY}\n{prompt}\nC 18-26 {STORY}\nA 27-33 {REPLY}")
    assert (found.start_s, found.end_s, found.cut_off, found.taken_s) == (5, 26, False, 27)
    assert [in_english(one.note) for one in found.prompts] == [note]


@pytest.mark.parametrize(
    "agent",
    [
        "A 13-17 I see. Can I have your account number and your address?",  # no invitation, and not short
        "A 13-20 Please tell me what happened, and first of all your account number.",
    ],
)
def test_what_ends_an_account(agent: str) -> None:
    """An agent who takes the floor with something else has ended it."""
    found = account(f"{GREETING}\nC 5-12 {STORY}\n{agent}\nC 21-29 {STORY}")
    assert (found.end_s, found.cut_off, found.taken_s) == (12, False, 13)


def test_a_short_turn_ends_it_when_the_customer_only_answers() -> None:
    """After a short turn the account goes on only if the customer goes on telling."""
    found = account(f"{GREETING}\nC 5-12 {STORY}\nA 13-14.5 what is the address?\nC 15-17 ten lake road.")
    assert (found.end_s, found.taken_s) == (12, 13)


def test_an_account_cut_off_by_an_interruption() -> None:
    """The agent comes in over the customer, who stops: cut off, with the interruption as evidence."""
    found = account(f"{GREETING}\nC 5-12 {STORY}\nA 11.2-18 {REPLY}")
    assert (found.cut_off, found.taken_s) == (True, 11.2)
    assert [(one.turn, one.start_s, one.end_s) for one in found.interruptions] == [(2, 11.2, 12)]


def test_who_interrupts_does_not_let_the_account_end() -> None:
    """An interruption after which the customer still ends the sentence is no account that ended by itself."""
    found = account(f"{GREETING}\nC 5-14 {STORY}\nA 11.2-18 {REPLY}")
    assert (found.cut_off, found.taken_s) == (True, 11.2)


def test_an_account_cut_off_in_a_pause() -> None:
    """Coming in without overlap after an unfinished sentence cuts off too."""
    found = account(f"{GREETING}\nC 5-12 my internet stops every evening and the\nA 12.1-18 {REPLY}")
    assert (found.cut_off, found.interruptions) == (True, ())
    assert "unfinished" in in_english(found.reason)


def test_an_agent_who_comes_in_on_the_last_word_cuts_nothing_off() -> None:
    """A terminal overlap is ordinary talk."""
    assert account(f"{GREETING}\nC 5-12 {STORY}\nA 11.7-18 {REPLY}").cut_off is False


def test_an_invitation_over_the_customer_is_no_prompt() -> None:
    """ "Tell me what happened" said over the customer who was telling it ends the account."""
    found = account(f"{GREETING}\nC 5-12 {STORY}\nA 11.2-15 please tell me what happened\nC 16-24 {STORY}")
    assert (found.end_s, found.cut_off, found.taken_s) == (12, True, 11.2)


def test_a_greeting_is_no_account() -> None:
    """The account begins with the first turn that tells something."""
    found = account(f"{GREETING}\nC 4.5-5 hello.\nA 5.5-7 good morning.\nC 8-15 {STORY}")
    assert (found.start_s, found.taken_s, found.cut_off) == (8, None, False)


def test_backchannels_a_minute_of_long_turns() -> None:
    """Two in a turn of 20 s are 6 a minute; those in a turn of under 10 s are not counted."""
    notation = f"""
        C 0-20 {STORY}
        A 5-5.5 mm-hm
        A 12-12.5 I see.
        A 21-26 {REPLY}
        C 27-36 {STORY}
        A 30-30.5 mm-hm
    """
    found = listening(dialogue(notation))
    assert (found.long_turns, found.long_turn_time_s, found.long_turn_backchannels) == (1, 20, 2)
    assert found.backchannels_per_min == pytest.approx(6.0)
    assert [(one.turn, one.start_s) for one in found.backchannels] == [(1, 5), (2, 12)]


def test_long_agent_turns_are_flagged() -> None:
    """Over 60 s is long; the longest is given in any case."""
    found = listening(dialogue(f"A 0-60 {REPLY}\nC 61-66 {STORY}\nA 67-127.5 {REPLY}"))
    assert found.longest_agent_turn is not None
    assert (found.longest_agent_turn.start_s, found.longest_agent_turn.end_s) == (67, 127.5)
    assert [one.start_s for one in found.long_agent_turns] == [67]


def test_interruptions_a_minute_of_the_customer() -> None:
    """One in 14 s of customer's speech is 60/14 a minute, and the customer's own count for nothing."""
    notation = f"C 0-7 {STORY}\nA 6-12 {REPLY}\nC 11-18 {STORY}"
    found = listening(dialogue(notation))
    assert (found.interruptions, found.customer_talk_s) == (1, 14)
    assert found.interruptions_per_customer_min == pytest.approx(60 / 14)


def test_events_inside_spans() -> None:
    """An event belongs to the span in which the speaker came in; the end of a span is outside."""
    found = events(dialogue(f"C 0-7 {STORY}\nA 6-12 {REPLY}\nC 11-18 {STORY}"))
    assert [e.start_s for e in events_within(found, [(0, 20)], by="agent")] == [6]
    assert [e.start_s for e in events_within(found, [(0, 20)], by="customer")] == [11]
    assert [e.start_s for e in events_within(found, [(6, 6.1)], by="agent")] == [6]
    assert events_within(found, [(0, 6), (7, 20)], by="agent") == []
    assert events_within(found, [(0, 20)], "backchannel", by="agent") == []


# --- what cannot be measured --------------------------------------------------------------------------


def assert_reasons(found: Listening) -> None:
    missing = {spec.name for spec in fields(found) if getattr(found, spec.name) is None}
    if found.first_account is not None and found.first_account.cut_off is None:
        missing.add("first_account.cut_off")
    assert missing == found.not_scored.keys()
    assert all(found.not_scored.values())


def test_roles_unknown() -> None:
    """Where nobody knows who the agent is, nothing is said of the agent."""
    speech: dict[Role, list[tuple[float, float]]] = {"speaker_1": [(0, 5)], "speaker_2": [(6, 9)]}
    units = dialogue(f"A 0-5 {REPLY}\nC 6-9 {STORY}")
    found = measure_listening(floor(units), (), speech, None, ENGLISH, SETTINGS.turns, SETTINGS.listening)
    assert set(found.not_scored.values()) == {ROLES_UNKNOWN}
    assert_reasons(found)


def test_one_sided() -> None:
    """A voicemail has no account, a caller alone no agent's turn."""
    voicemail = listening(dialogue(f"A 0-50 {REPLY}"))
    assert voicemail.not_scored["first_account"] == NO_CUSTOMER
    alone = listening(dialogue(f"C 0-50 {STORY}"))
    assert alone.not_scored["longest_agent_turn"] == NO_AGENT_TURN
    assert alone.first_account is not None
    greeted = listening(dialogue(f"{GREETING}\nC 5-6 hello."))
    assert greeted.not_scored["first_account"] == NO_ACCOUNT
    for found in (voicemail, alone, greeted):
        assert_reasons(found)


def test_overlap_not_measurable() -> None:
    """Without overlap no interruption is counted, and an account with a finished end may have been cut."""
    found = listening(dialogue(f"{GREETING}\nC 5-17 {STORY}\nA 18-24 {REPLY}"), CUT_APART)
    assert found.first_account is not None
    assert found.first_account.cut_off is None
    assert (found.interruptions, found.backchannels_per_min, found.long_turns) == (None, None, 1)
    assert_reasons(found)


@given(talk())
@settings(max_examples=60, deadline=None)
def test_any_talk(units: Units) -> None:
    """Nulls have reasons, evidence adds up to its count, and an account lies within the call."""
    found = listening(units)
    assert_reasons(found)
    assert found.long_turn_backchannels == len(found.backchannels)
    if found.first_account is not None:
        one = found.first_account
        assert one.start_s < one.end_s
        assert one.taken_s is None or one.taken_s > one.start_s
        assert len(one.interruptions) <= (found.interruptions or 0)
