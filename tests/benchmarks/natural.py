"""Natural conversations: what people say to each other where nothing was written for this product.

A folder holds one file a source, ``<source>.jsonl.gz``, one conversation a line: ``{"id", "source", "spoken",
"turns": [{"speaker": "agent" | "customer", "text", "template"?, "act"?}]}``. It is no part of the project;
what readers said of some of its sentences is, by digest (``tests/data/natural_labels.csv``).
"""

import csv
import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.guidance.sentences import sentences
from pipeline.guidance.speech_acts import load_speech_acts
from pipeline.phrases import load_phrases
from pipeline.records import Role, Turn
from pipeline.settings import load_settings
from tests.benchmarks.speech_acts import LANGUAGE, labeled, turns_of

LABELS = Path(__file__).parent.parent / "data/natural_labels.csv"
PARTS = 4
UNTOUCHED = 3
"""The part of the conversations that no fit sees; the others are the folds of one."""
SEED = "fit"
ABUSE_SOURCE = "convabuse"
"""Picked for abuse: for examples, never for rates."""
CUSTOMER_SOURCES = ("natcs_intents", "multidogo")
"""One side alone, picked for what it states: no rate of what customers say in whole calls."""
UNSERVED_SOURCES = ("meetings",)
"""Talk in which nobody serves anybody."""
DIGEST_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NaturalSentence:
    """``abuse`` is the annotators' grade of the turn where there is one, 1 (none) to -3."""

    source: str
    spoken: bool
    conversation: str
    role: Role
    text: str
    part: int
    abuse: float | None

    @property
    def digest(self) -> str:
        return digest(self.role, self.text)


def digest(role: Role, text: str) -> str:
    """Identity of a sentence that a role says."""
    return hashlib.sha256(f"{role}\t{text}".encode()).hexdigest()[:DIGEST_DIGITS]


@cache
def labels() -> dict[tuple[str, str], float]:
    """By digest and act: 1 where a reader sees the act, 0 where not, 0.5 where it is arguable."""
    with LABELS.open(newline="", encoding="utf-8") as file:
        return {(row["sentence"], row["act"]): float(row["label"]) for row in csv.DictReader(file)}


def sentences_sha256() -> str:
    """Identity of all labeled sentences, written and natural."""
    digest = hashlib.sha256()
    for each in labeled():
        digest.update(f"{each.act}\t{each.positive}\t{each.text}\n".encode())
    digest.update(LABELS.read_bytes())
    return digest.hexdigest()


def conversations(folder: Path) -> Iterator[dict[str, Any]]:
    """All conversations of a folder.

    Raises:
        FileNotFoundError: there are none.
    """
    files = sorted(folder.glob("*.jsonl.gz"))
    if not files:
        raise FileNotFoundError(
            f"{folder}: no natural conversations; give a folder with files <source>.jsonl.gz, one "
            "conversation a line"
        )
    for path in files:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield {**json.loads(line), "source": path.name.removesuffix(".jsonl.gz")}


def part(conversation: str) -> int:
    """Which part a conversation is in, by its id: a fold of a fit, or the untouched one."""
    return int.from_bytes(hashlib.sha256(f"{SEED} {conversation}".encode()).digest()[:2]) % PARTS


def read(folder: Path) -> list[NaturalSentence]:
    """The sentences of a folder as the product cuts them, without those that were picked from a list."""
    known, phrases, settings = load_speech_acts(LANGUAGE), load_phrases(LANGUAGE), load_settings().acts
    found = []
    for one in conversations(folder):
        turns = _turns(one)
        for sentence in sentences(turns, phrases, known, settings):
            turn = one["turns"][sentence.turn]
            if not turn.get("template"):
                found.append(
                    NaturalSentence(
                        source=one["source"],
                        spoken=bool(one["spoken"]),
                        conversation=one["id"],
                        role=sentence.speaker,
                        text=sentence.text,
                        part=part(one["id"]),
                        abuse=_grade(turn.get("act", "")),
                    )
                )
    return found


def _grade(act: str) -> float | None:
    """The grade in an annotation such as ``convabuse:-1.67``; other sources annotate other things."""
    source, _, grade = act.partition(":")
    return float(grade) if source == ABUSE_SOURCE else None


def _turns(conversation: dict[str, Any]) -> list[Turn]:
    return turns_of(
        (number, turn["speaker"], turn["text"].strip())
        for number, turn in enumerate(conversation["turns"])
        if turn["text"].strip()
    )
