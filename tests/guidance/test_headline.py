"""The call in ten seconds: only what was surely said, each with its moment."""

import dataclasses

import pytest

from pipeline.privacy.wordless import without_words
from pipeline.records import Headline
from pipeline.texts import load_texts
from tests import factories
from tests.guidance.calls import GOOD, Said, judged

HELLO: Said = ("agent", "Lakeside Energy, this is Robin.", "give_name")
BROKEN: Said = ("customer", "My meter shows the wrong month and I was billed for it.", "problem")
FIX: Said = ("agent", "I am correcting that month right now.", "present_solution")


def headline(*said: Said) -> Headline:
    return judged(said).headline


def test_a_call_that_went_well() -> None:
    """Why, how it ended and what to say stand there, with the sentences that show it."""
    found = headline(*GOOD)
    assert found.about == "You charged my card twice again, I am furious."
    assert (found.outcome, found.contacts_before) == ("solved", None)
    assert found.evidence.outcome[0].quote == "That solves it, thanks."
    assert found.say_to_agent
    assert len(found.evidence.say_to_agent) == 1


@pytest.mark.parametrize(
    ("outcome", "last"),
    [
        ("promised", ("agent", "I will send the corrected bill by Friday.", "promise")),
        ("transferred", ("agent", "I'm putting you through to billing.", "announce_transfer")),
        ("not_solved", ("customer", "So I still have the wrong bill.", "not_solved")),
        ("unclear", ("customer", "All right, bye.", "")),
        ("unclear", ("customer", "Great, it works.", "~confirm_solved")),
    ],
)
def test_the_outcome_is_what_was_surely_said_last(outcome: str, last: Said) -> None:
    """A promise, a transfer or a protest ends a call; what is not sure ends none."""
    found = headline(HELLO, BROKEN, FIX, last)
    assert found.outcome == outcome
    assert [one.quote for one in found.evidence.outcome] == ([last[1]] if outcome != "unclear" else [])


def test_a_promise_after_a_protest_counts() -> None:
    """Nobody is told that nothing came of it when the agent answered the protest."""
    protest: Said = ("customer", "That does not help me at all.", "not_solved")
    promise: Said = ("agent", "I will call you tomorrow at nine.", "promise")
    assert headline(HELLO, BROKEN, protest, promise).outcome == "promised"


@pytest.mark.parametrize(
    ("said", "contacts"),
    [
        ("This is the third time that I call about it.", 2),
        ("I already called twice about it.", 2),
        ("I called last week about it.", None),
    ],
)
def test_earlier_contacts_are_those_that_were_told(said: str, contacts: int | None) -> None:
    """A number is only given where the customer gives one; that they called before is shown in any case."""
    found = headline(HELLO, BROKEN, ("customer", said, "repeat_contact"), FIX)
    assert found.contacts_before == contacts
    assert [one.quote for one in found.evidence.contacts_before] == [said]


def test_nothing_is_made_up() -> None:
    """A call of which nothing is sure has an empty headline, not a guess."""
    found = headline(("agent", "Good morning.", ""), ("customer", "Good morning.", "~problem"))
    assert (found.about, found.outcome, found.contacts_before) == (None, "unclear", None)
    assert found.evidence.contacts_before == ()


def test_removed_words_leave_the_headline() -> None:
    """What the customer said is gone from it once words are removed; the outcome stays."""
    analysis = factories.analysis()
    told = Headline(about="My meter is wrong.", outcome="promised")
    analysis = dataclasses.replace(analysis, headline=told)
    after = without_words(analysis, "2026-12-01T00:00:00+00:00", load_texts("en"))
    assert (after.headline.about, after.headline.outcome) == (None, "promised")
