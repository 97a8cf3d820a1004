"""The written dialogues of ``tests/data/roles``: who the agent is is known."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from pipeline.records import Role, Turn

FOLDER = Path(__file__).parent.parent / "data/roles"
ROLES: dict[str, Role] = {"A": "agent", "C": "customer"}
OTHER: dict[Role, Role] = {"agent": "customer", "customer": "agent"}
SPLIT_SEED = 20260301
TRAIN_SHARE = 0.6
PARTS = (2, 4, 6, 8, 10)
"""Lengths, in turns, of the parts of a dialogue: a call may be cut anywhere, and may be short."""


@dataclass(frozen=True)
class Dialogue:
    name: str
    traits: tuple[str, ...]
    turns: tuple[Turn, ...]

    def parts(self) -> Iterator[tuple[Turn, ...]]:
        """The whole dialogue, then every stretch of it."""
        yield self.turns
        for length in PARTS:
            for first in range(len(self.turns) - length):
                yield self.turns[first : first + length]


def written() -> list[Dialogue]:
    """All dialogues, in the order of files."""
    return [
        Dialogue(name, tuple(of["traits"]), turns_of(of["turns"]))
        for path in sorted(FOLDER.glob("*.yaml"))
        for name, of in yaml.safe_load(path.read_text(encoding="utf-8")).items()
    ]


def split() -> tuple[list[Dialogue], list[Dialogue]]:
    """Dialogues to fit weights on, and dialogues to test them on."""
    shuffled = sorted(written(), key=lambda each: each.name)
    random.Random(SPLIT_SEED).shuffle(shuffled)  # noqa: S311
    border = round(TRAIN_SHARE * len(shuffled))
    return shuffled[:border], shuffled[border:]


def turns_of(text: str) -> tuple[Turn, ...]:
    """Turns of lines such as ``A: How can I help?``; each takes a second."""
    turns = []
    for number, line in enumerate(text.strip().splitlines()):
        who, _, said = line.partition(": ")
        turns.append(
            Turn(
                turn=number,
                speaker=ROLES[who],
                start_s=float(number),
                end_s=number + 1.0,
                text=said,
                words=(),
                backchannel=False,
            )
        )
    return tuple(turns)


def spoken_by(turns: Sequence[Turn], names: dict[Role, Role]) -> tuple[Turn, ...]:
    """The same turns with other names of the speakers."""
    return tuple(replace(turn, speaker=names[turn.speaker]) for turn in turns)
