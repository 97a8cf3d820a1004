"""What a machine says before a call is answered is no speech of the agent."""

import pytest

from pipeline.turns.announcements import recorded_opening
from tests.dialogue import ENGLISH, SETTINGS, dialogue

MENU = "A 2.0-9.0 welcome to Fernhill Energy for billing press one for a leak press two"
QUEUE = "A 20.0-24.0 all of our agents are busy please stay on the line"
HELLO = "A 30.0-34.0 good morning Fernhill Energy my name is Iris how can I help"
REPLY = "C 35.0-40.0 my meter shows the wrong figure since last week and nobody calls me back"


def end_s(*lines: str) -> float | None:
    found = recorded_opening(dialogue("\n".join(lines)), ENGLISH, SETTINGS.turns)
    return None if found is None else found.end_s


def test_menu_and_queue_end_where_somebody_answers() -> None:
    """The last line that only a machine says is the end; its words are counted."""
    assert end_s(MENU, QUEUE, HELLO, REPLY) == 24.0
    found = recorded_opening(dialogue("\n".join([MENU, HELLO, REPLY])), ENGLISH, SETTINGS.turns)
    assert found is not None
    assert (found.end_s, found.words, found.spans) == (9.0, 13, ((2.0, 9.0),))


@pytest.mark.parametrize(
    "line",
    [
        "A 30.0-36.0 thank you for calling my name is Iris this call may be recorded how can I help",
        "A 30.0-34.0 hello this is Iris speaking",
    ],
)
def test_a_person_who_says_the_same_is_no_machine(line: str) -> None:
    """Who gives a name is heard from there on, also when the line about recording is theirs."""
    assert end_s(line, REPLY) is None


def test_after_the_customer_has_spoken_nothing_is_an_announcement() -> None:
    """An agent who explains a menu to a caller keeps every word."""
    later = "A 41.0-44.0 then press two and please stay on the line"
    assert end_s("A 1.0-2.0 yes", REPLY, later) is None
