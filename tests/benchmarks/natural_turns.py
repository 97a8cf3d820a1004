"""Turn-taking in natural talk, labeled by careful reading: ``make accuracy TURNS=folder``.

A folder holds ``dialogues_dev.jsonl.gz`` (``{"id", "turns": [{"speaker", "start_s", "end_s", "text"}]}``) and
``overlaps_dev.jsonl``, one labeled overlap a line (``{"consultation", "by", "start_s", "kind", "certain",
"borderline"}``). There is no sound, and times are padded by about 0.3 s: words and times alone decide.
"""

import gzip
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.phrases import load_phrases
from pipeline.records import Role
from pipeline.settings import Settings
from pipeline.turns.events import Judged, judge_all
from pipeline.turns.units import Unit
from tests.dialogue import unit

LANGUAGE = "en"
UNHEARD = ("[unintelligible]", "[inaudible]")
SHORTEST_S = 0.1
TOUCHING_S = 0.01


@dataclass(frozen=True, slots=True)
class Overlap:
    """What was made of one labeled overlap; ``judged`` is ``None`` where no vocalization begins there."""

    dialogue: str
    label: Mapping[str, Any]
    judged: Judged | None

    @property
    def found(self) -> str:
        if self.judged is None:
            return "missing"
        return self.judged.event.kind if self.judged.event else "none"


def dialogues(folder: Path) -> list[dict[str, Any]]:
    """The timed dialogues.

    Raises:
        FileNotFoundError: the folder has none.
    """
    with gzip.open(folder / "dialogues_dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def labels(folder: Path) -> list[dict[str, Any]]:
    with (folder / "overlaps_dev.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def units_of(dialogue: Mapping[str, Any]) -> dict[Role, list[Unit]]:
    """The utterances of both speakers as units, their words evenly spread."""
    units: dict[Role, list[Unit]] = {"agent": [], "customer": []}
    for turn in dialogue["turns"]:
        own = units[turn["speaker"]]
        start_s, end_s = turn["start_s"], turn["end_s"]
        if own and start_s < own[-1].end_s:
            start_s = own[-1].end_s + TOUCHING_S
        if end_s - start_s >= SHORTEST_S:
            text = turn["text"]
            for mark in UNHEARD:
                text = text.replace(mark, "")
            own.append(unit(turn["speaker"], start_s, end_s, text.strip() or "-"))
    return units


def judged(dialogue: Mapping[str, Any], settings: Settings) -> list[Judged]:
    return judge_all(units_of(dialogue), load_phrases(LANGUAGE), settings.turns)


def measure(folder: Path, settings: Settings) -> tuple[list[Overlap], int, int]:
    """The labeled overlaps with what was made of them, the agents' interruptions in all dialogues, and how
    many dialogues there are."""
    labeled, found, interruptions = labels(folder), [], 0
    every = dialogues(folder)
    for dialogue in every:
        items = judged(dialogue, settings)
        interruptions += sum(
            item.event is not None and (item.event.kind, item.event.by) == ("interruption", "agent")
            for item in items
        )
        at = {(item.vocalization.speaker, round(item.vocalization.start_s, 1)): item for item in items}
        found += [
            Overlap(dialogue["id"], label, at.get((label["by"], round(label["start_s"], 1))))
            for label in labeled
            if label["consultation"] == dialogue["id"]
        ]
    return found, interruptions, len(every)


def table(found: Sequence[Overlap], interruptions: int, dialogues_count: int) -> str:
    agent = [one for one in found if one.label["by"] == "agent"]
    sure = [one for one in agent if one.label["certain"] and one.label["kind"] != "interruption"]
    wrong = sum(one.found == "interruption" for one in sure)
    true = [one for one in agent if one.label["kind"] == "interruption"]
    strict = [one for one in true if one.label["certain"]]
    lenient = [*true, *(one for one in agent if one.label["borderline"])]
    lines = [
        f"agent interruptions in a natural conversation: {interruptions / dialogues_count:.2f}",
        f"sure non-interruptions of the agent called interruption: {wrong} of {len(sure)}",
        *(
            f"{name}: {sum(one.found == 'interruption' for one in some)} of {len(some)} found"
            for name, some in (("strict", strict), ("as labeled", true), ("lenient", lenient))
        ),
        f"{'labeled (both speakers)':<24}called",
    ]
    for kind in sorted({one.label["kind"] for one in found}):
        called = Counter(one.found for one in found if one.label["kind"] == kind)
        lines.append(f"{kind:<24}" + ", ".join(f"{name} {count}" for name, count in called.most_common()))
    return "\n".join(lines)
