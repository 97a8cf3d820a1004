"""Speech that both channels carry alike goes to the voice that speaks."""

import pytest

from pipeline.records import Diarization, Role
from pipeline.speakers.shared import given_to_voices
from pipeline.timeline import Span

OWN: dict[Role, list[Span]] = {"agent": [(20, 25), (31, 34)], "customer": [(26, 30)]}
SHARED: list[Span] = [(0, 4), (5, 9)]


def voices(*parties: tuple[Span, ...]) -> Diarization:
    return Diarization(
        voices=len(parties), segments=parties, exclusive=parties, further=(), similarity=0.2, confidence=0.9
    )


@pytest.mark.parametrize("order", [1, -1])
def test_each_voice_keeps_its_channel(order: int) -> None:
    """Where the channels differ it shows whose voice is whose, in whatever order the voices were found."""
    parties = (((0, 4), (20, 25), (31, 34)), ((5, 9), (26, 30)))[::order]
    assert given_to_voices(OWN, SHARED, voices(*parties)) == {"agent": [(0, 4)], "customer": [(5, 9)]}


def test_one_voice_takes_all() -> None:
    """Where only one voice speaks in the whole call, the shared speech is its own."""
    found = given_to_voices(OWN, SHARED, voices(((0, 9), (20, 25), (31, 34))))
    assert found == {"agent": [(0, 4), (5, 9)], "customer": []}


def test_nobody_is_given_what_nobody_is_known_by() -> None:
    """Without a word on one channel alone there is no telling: nothing is given to anybody."""
    silent: dict[Role, list[Span]] = {"agent": [], "customer": []}
    assert given_to_voices(silent, SHARED, voices(((0, 4),), ((5, 9),))) is None
