"""A second agent after a transfer is noticed by what the two say."""

import pytest

from pipeline.turns.handover import second_agent_s
from tests.dialogue import ENGLISH, SETTINGS, dialogue, floor

FIRST = "A 0-4 thank you for calling this is Nadia how can I help"
ASK = "C 4.5-8 I want to close my account with you"
PASSED_ON = "A 8.5-12 let me transfer you to my colleague"


def found_s(*lines: str) -> float | None:
    units = dialogue("\n".join(lines))
    return second_agent_s(floor(units).turns, ENGLISH, SETTINGS.turns)


def test_a_new_name_after_a_transfer_is_another_agent() -> None:
    """From the introduction on it is the second one."""
    assert found_s(FIRST, ASK, PASSED_ON, "A 24-28 hello this is Omar from closings") == 24.0


@pytest.mark.parametrize(
    "lines",
    [
        (FIRST, ASK, PASSED_ON, "A 24-28 hello this is Nadia again nobody is there"),
        (FIRST, ASK, "A 8.5-12 one moment please", "A 24-28 this is Omar your old contract I mean"),
        (FIRST, ASK, PASSED_ON, "A 24-28 thank you for waiting this is what I found"),
        (FIRST, ASK, PASSED_ON, "A 13-17 you will talk to him this is Omar from closings"),
    ],
)
def test_nobody_else_is_taken_for_one(lines: tuple[str, ...]) -> None:
    """The same name, no transfer, no name, or no quiet line: it is still the first agent."""
    assert found_s(*lines) is None
