"""Who holds the floor: turns out of inter-pausal units.

A turn is the speech of one speaker until the other takes the floor or the speaker's own pause exceeds the
limit. Backchannels and failed attempts take no floor: they do not end the other's turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from pipeline.records import Event, Role, Turn, Word
from pipeline.settings import TurnsSettings
from pipeline.timeline import Span
from pipeline.turns.events import Judged
from pipeline.turns.units import Unit


@dataclass(slots=True)
class _Open:
    """A turn that is still being added to."""

    speaker: Role
    units: list[Unit] = field(default_factory=list)
    takes_floor: bool = True
    backchannel: bool = False

    @property
    def start_s(self) -> float:
        return self.units[0].start_s

    @property
    def end_s(self) -> float:
        return max(unit.end_s for unit in self.units)


@dataclass(frozen=True, slots=True)
class Floor:
    """Turns in the order of their starts, and which of them took the floor."""

    turns: tuple[Turn, ...]
    holding: tuple[bool, ...]

    def held_by(self, role: Role) -> list[Turn]:
        """The turns with which a speaker held the floor."""
        return [
            turn
            for turn, holds in zip(self.turns, self.holding, strict=True)
            if holds and turn.speaker == role
        ]

    def turn_at(self, role: Role, time_s: float) -> int | None:
        """Number of the speaker's turn that is going on at a time."""
        for turn in self.turns:
            if turn.speaker == role and turn.start_s <= time_s < turn.end_s:
                return turn.turn
        return None

    def response_latency_median_s(self, role: Role) -> float | None:
        """Median floor-transfer offset when this speaker takes the floor; an overlapped reply counts as 0."""
        floor = [turn for turn, holds in zip(self.turns, self.holding, strict=True) if holds]
        offsets = [
            max(0.0, after.start_s - before.end_s)
            for before, after in pairwise(floor)
            if after.speaker == role and before.speaker != role
        ]
        return median(offsets) if offsets else None


def build_floor(judged: Sequence[Judged], settings: TurnsSettings) -> Floor:
    """Turns from judged vocalizations, which are in the order of their starts."""
    closed: list[_Open] = []
    current: _Open | None = None
    for item in judged:
        vocalization = item.vocalization
        if not item.takes_floor:
            if item.event is None and not vocalization.words:
                continue  # a breath or a click is speech time, and nobody's turn
            kind = item.event.kind if item.event else None
            aside = _Open(vocalization.speaker, list(vocalization.units), False, kind == "backchannel")
            closed.append(aside)
            continue
        continues = (
            current is not None
            and current.speaker == vocalization.speaker
            and vocalization.start_s - current.end_s <= settings.max_pause_s
        )
        if current is None or not continues:
            current = _Open(vocalization.speaker)
            closed.append(current)
        current.units.extend(vocalization.units)
    ordered = sorted(closed, key=lambda turn: (turn.start_s, turn.end_s))
    return Floor(
        turns=tuple(_turn(number, turn) for number, turn in enumerate(ordered)),
        holding=tuple(turn.takes_floor for turn in ordered),
    )


def stored_floor(turns: Sequence[Turn], events: Sequence[Event]) -> Floor:
    """The floor of a stored call: backchannels and failed attempts did not take it."""
    aside = {(event.by, event.start_s) for event in events if event.kind == "failed_attempt"}
    return Floor(
        turns=tuple(turns),
        holding=tuple(not turn.backchannel and (turn.speaker, turn.start_s) not in aside for turn in turns),
    )


def _turn(number: int, turn: _Open) -> Turn:
    words: tuple[Word, ...] = tuple(word for unit in turn.units for word in unit.words)
    return Turn(
        turn=number,
        speaker=turn.speaker,
        start_s=turn.start_s,
        end_s=turn.end_s,
        text=" ".join(word.word for word in words),
        words=words,
        backchannel=turn.backchannel,
    )


def turn_spans(turns: Sequence[Turn]) -> list[Span]:
    """The times of turns, own pauses included."""
    return [(turn.start_s, turn.end_s) for turn in turns]
