"""Sentences of turns with their times, and moments of the transcript as evidence."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.records import Evidence, Role, Turn, Word

SENTENCE_ENDS = (".", "?", "!", "…")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words of one turn up to a full stop, question mark or exclamation mark."""

    speaker: Role
    turn: int
    words: tuple[Word, ...]

    @property
    def start_s(self) -> float:
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        return self.words[-1].end_s

    @property
    def text(self) -> str:
        return " ".join(word.word for word in self.words)

    def evidence(self, note: str = "") -> Evidence:
        return Evidence(turn=self.turn, start_s=self.start_s, end_s=self.end_s, quote=self.text, note=note)


def sentences_of(turn: Turn) -> list[Sentence]:
    """The sentences of a turn in time order; none of a turn without words."""
    found: list[Sentence] = []
    begun: list[Word] = []
    for word in turn.words:
        begun.append(word)
        if word.word.endswith(SENTENCE_ENDS):
            found.append(Sentence(turn.speaker, turn.turn, tuple(begun)))
            begun = []
    if begun:
        found.append(Sentence(turn.speaker, turn.turn, tuple(begun)))
    return found


def sentences(turns: Sequence[Turn]) -> list[Sentence]:
    """The sentences of everybody by their start."""
    return sorted((one for turn in turns for one in sentences_of(turn)), key=lambda one: one.start_s)


def turn_evidence(turn: Turn, note: str = "") -> Evidence:
    """A turn and all that is said in it."""
    return Evidence(turn=turn.turn, start_s=turn.start_s, end_s=turn.end_s, quote=turn.text, note=note)


def opening_evidence(turn: Turn) -> Evidence:
    """A turn with its first sentence as the quote."""
    first = sentences_of(turn)[:1]
    quote = first[0].text if first else ""
    return Evidence(turn=turn.turn, start_s=turn.start_s, end_s=turn.end_s, quote=quote, note="")
