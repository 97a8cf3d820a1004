"""Secrets marked in ``tests/data/redaction*.en.yaml`` against those that are found.

A secret is found when every word of it is taken out, whatever it is called; what is taken out is right when
it touches a marked secret. By word, the same over single words. One half of the examples, drawn by a fixed
seed, is for testing: rules are written with the other half in view only.
"""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import yaml

from pipeline.records import Role, SecretKind, Turn, Word
from pipeline.redaction.secrets import Secret, find_secrets
from pipeline.settings import RedactionSettings

EXAMPLES = Path(__file__).parents[1] / "data" / "redaction.en.yaml"
MISLEADING = EXAMPLES.with_name("redaction_misleading.en.yaml")
TURNS_PARTED_BY = " / "
LANGUAGE = "en"
SPEAKERS: Mapping[str, Role] = {"A": "agent", "C": "customer"}
PIECE = re.compile(r"\{(?P<kind>\w+): (?P<words>[^}]*)\}|\[(?P<pause_s>[\d.]+)\]|(?P<word>[^\s{[]+)")
WORD_S, BETWEEN_WORDS_S, BETWEEN_TURNS_S = 0.28, 0.02, 0.5
SPLIT_SEED = 9
KINDS: tuple[SecretKind, ...] = get_args(SecretKind)

Half = Literal["development", "test"]


@dataclass(frozen=True, slots=True)
class Example:
    """A short dialogue and the secrets marked in it."""

    section: str
    text: str
    turns: tuple[Turn, ...]
    secrets: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Secrets (or words) of one kind: marked, found of these, taken out, and right of these."""

    marked: int = 0
    found: int = 0
    taken_out: int = 0
    right: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.marked + other.marked,
            self.found + other.found,
            self.taken_out + other.taken_out,
            self.right + other.right,
        )

    @property
    def recall(self) -> float | None:
        return self.found / self.marked if self.marked else None

    @property
    def precision(self) -> float | None:
        return self.right / self.taken_out if self.taken_out else None


@dataclass(frozen=True, slots=True)
class KindRow:
    """What one kind of secret came to."""

    kind: str
    secrets: Counts
    words: Counts


@cache
def examples(path: Path = EXAMPLES) -> tuple[Example, ...]:
    """The marked dialogues of a file: a turn a line, or turns parted by " / "."""
    sections: dict[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(
        read_example(section, text.replace(TURNS_PARTED_BY, "\n"))
        for section, texts in sections.items()
        for text in texts
    )


def half(which: Half) -> list[Example]:
    """One half of the examples, drawn within each section."""
    drawn: list[Example] = []
    for section in dict.fromkeys(example.section for example in examples()):
        own = [example for example in examples() if example.section == section]
        random.Random(SPLIT_SEED).shuffle(own)  # noqa: S311 - a split, no secret
        middle = len(own) // 2
        drawn += own[:middle] if which == "development" else own[middle:]
    return drawn


def read_example(section: str, text: str) -> Example:
    """The turns of a marked dialogue, at an even pace, and its secrets, each within one turn."""
    turns: list[Turn] = []
    secrets: list[Secret] = []
    at_s = 0.0
    for index, line in enumerate(text.strip().splitlines()):
        who, said = line.strip().split(": ", 1)
        words: list[Word] = []
        for piece in PIECE.finditer(said):
            if piece["pause_s"]:
                at_s += float(piece["pause_s"])
                continue
            first = len(words)
            for part in (piece["words"] or piece["word"]).split():
                if part.startswith("["):
                    at_s += float(part.strip("[]"))
                    continue
                words.append(Word(word=part, start_s=at_s, end_s=at_s + WORD_S, probability=0.9))
                at_s += WORD_S + BETWEEN_WORDS_S
            if piece["kind"]:
                if piece["kind"] not in KINDS:
                    raise ValueError(f"unknown kind of secret in {line!r}")
                secrets.append(_secret(piece["kind"], index, first, words))
            elif _closes_a_secret(piece["word"], secrets, index, len(words) - 1):
                words[-2:] = [_glued(words[-2], words[-1])]
        turns.append(_turn(index, SPEAKERS[who], words))
        at_s += BETWEEN_TURNS_S
    return Example(section, text, tuple(turns), tuple(secrets))


def _closes_a_secret(word: str, secrets: Sequence[Secret], turn: int, position: int) -> bool:
    """Whether a piece is the punctuation right after a marked secret, which belongs to its last word."""
    after = bool(secrets) and (secrets[-1].turn, secrets[-1].last_word) == (turn, position - 1)
    return after and not any(letter.isalnum() for letter in word)


def _glued(word: Word, closing: Word) -> Word:
    return Word(
        word=word.word + closing.word, start_s=word.start_s, end_s=word.end_s, probability=word.probability
    )


def _secret(kind: SecretKind, turn: int, first: int, words: Sequence[Word]) -> Secret:
    return Secret(
        kind=kind,
        turn=turn,
        first_word=first,
        last_word=len(words) - 1,
        start_s=words[first].start_s,
        end_s=words[-1].end_s,
    )


def _turn(index: int, speaker: Role, words: Sequence[Word]) -> Turn:
    return Turn(
        turn=index,
        speaker=speaker,
        start_s=words[0].start_s,
        end_s=words[-1].end_s,
        text=" ".join(word.word for word in words),
        words=tuple(words),
        backchannel=False,
    )


Places = frozenset[tuple[int, int]]


def places(secrets: Iterable[Secret]) -> Places:
    """(turn, word) of all words of secrets."""
    return frozenset(
        (secret.turn, word) for secret in secrets for word in range(secret.first_word, secret.last_word + 1)
    )


def measure(chosen: Iterable[Example], settings: RedactionSettings) -> list[KindRow]:
    """A row per kind that is marked or taken out, and one of all."""
    secrets = dict.fromkeys(KINDS, Counts())
    words = dict.fromkeys(KINDS, Counts())
    for example in chosen:
        taken_out = find_secrets(example.turns, [LANGUAGE], settings)
        gone, marked = places(taken_out), places(example.secrets)
        for secret in example.secrets:
            own = places([secret])
            secrets[secret.kind] += Counts(marked=1, found=own <= gone)
            words[secret.kind] += Counts(marked=len(own), found=len(own & gone))
        for secret in taken_out:
            own = places([secret])
            secrets[secret.kind] += Counts(taken_out=1, right=bool(own & marked))
            words[secret.kind] += Counts(taken_out=len(own), right=len(own & marked))
    rows = [KindRow(kind, secrets[kind], words[kind]) for kind in KINDS if secrets[kind] != Counts()]
    everything = KindRow("all", sum(secrets.values(), Counts()), sum(words.values(), Counts()))
    return [*rows, everything]


def table(rows: Sequence[KindRow]) -> str:
    head = (
        f"{'secret':<24}{'marked':>7}{'recall':>8}{'taken out':>11}{'precision':>11}"
        f"{'word recall':>13}{'word precision':>16}"
    )
    return "\n".join([head, *(_line(row) for row in rows)])


def _line(row: KindRow) -> str:
    return (
        f"{row.kind:<24}{row.secrets.marked:>7}{_plain(row.secrets.recall):>8}{row.secrets.taken_out:>11}"
        f"{_plain(row.secrets.precision):>11}{_plain(row.words.recall):>13}{_plain(row.words.precision):>16}"
    )


def _plain(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"
