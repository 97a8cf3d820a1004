"""Inter-pausal units (IPUs) with their words: what turn-taking is judged on."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.records import Role, Word
from pipeline.timeline import Span


@dataclass(frozen=True, slots=True)
class Unit:
    """One speaker's speech without a pause, and the words in it."""

    speaker: Role
    start_s: float
    end_s: float
    words: tuple[Word, ...]

    @property
    def span(self) -> Span:
        return self.start_s, self.end_s

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def text(self) -> str:
        return " ".join(word.word for word in self.words)


def units_of(speaker: Role, speech: Sequence[Span], words: Sequence[Word]) -> list[Unit]:
    """The IPUs of one speaker in time order; a word belongs to the unit in which it starts.

    Args:
        speech: the speaker's IPUs, sorted and disjoint.
        words: words that lie inside them, in time order.
    """
    units = []
    index = 0
    for start_s, end_s in speech:
        inside = []
        while index < len(words) and words[index].start_s < end_s:
            inside.append(words[index])
            index += 1
        units.append(Unit(speaker, start_s, end_s, tuple(inside)))
    if units and index < len(words):
        last = units[-1]
        units[-1] = Unit(speaker, last.start_s, last.end_s, last.words + tuple(words[index:]))
    return units


def joined(units: Sequence[Unit], gap_s: float) -> list[Unit]:
    """The units of one speaker with pauses of up to ``gap_s`` closed."""
    result: list[Unit] = []
    for unit in units:
        if result and unit.start_s - result[-1].end_s <= gap_s:
            last = result.pop()
            unit = Unit(unit.speaker, last.start_s, unit.end_s, last.words + unit.words)
        result.append(unit)
    return result


@dataclass(frozen=True, slots=True)
class Vocalization:
    """IPUs of one speaker with only short pauses between them."""

    units: tuple[Unit, ...]

    @property
    def speaker(self) -> Role:
        return self.units[0].speaker

    @property
    def start_s(self) -> float:
        return self.units[0].start_s

    @property
    def end_s(self) -> float:
        return self.units[-1].end_s

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def text(self) -> str:
        return " ".join(unit.text for unit in self.units if unit.words)

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for unit in self.units for word in unit.words)


def vocalizations(units: Sequence[Unit], bridge_s: float) -> list[Vocalization]:
    """Chain the IPUs of one speaker whose pauses are shorter than ``bridge_s``."""
    chains: list[list[Unit]] = []
    for unit in units:
        if chains and unit.start_s - chains[-1][-1].end_s < bridge_s:
            chains[-1].append(unit)
        else:
            chains.append([unit])
    return [Vocalization(tuple(chain)) for chain in chains]
