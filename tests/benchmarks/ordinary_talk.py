"""Speech acts in ordinary talk, where few or none are: ``make accuracy NATURAL=folder``.

Of the part of the natural conversations that no fit has seen (``tests/benchmarks/natural.py``): sentences
that are called an act, and those that count, per 1,000 sentences of who can do it, by kind of talk; and how
many verdicts `violated` a conversation gets. Of what readers labeled in that part, the share that is right.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.guidance.judge import judge
from pipeline.guidance.speech_acts import load_speech_acts
from pipeline.records import Act
from pipeline.settings import Settings
from tests.benchmarks import natural
from tests.benchmarks.dialogues import Dialogue, Line, heard
from tests.benchmarks.natural import ABUSE_SOURCE, CUSTOMER_SOURCES, UNSERVED_SOURCES, UNTOUCHED
from tests.benchmarks.speech_acts import LANGUAGE

GROUPS = ("spoken service", "meetings", "written")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRate:
    """One act in one group: of ``sentences`` of who can do it, those that were ``found`` and those that are
    ``sure``; of the found ones that readers labeled, those that are right, wrong and arguable."""

    group: str
    act: str
    sentences: int
    found: int
    sure: int
    sure_right: int
    sure_wrong: int
    sure_arguable: int

    @property
    def found_per_1000(self) -> float:
        return 1000 * self.found / self.sentences

    @property
    def sure_per_1000(self) -> float:
        return 1000 * self.sure / self.sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Violations:
    """Verdicts `violated` in the conversations of a group, by check."""

    group: str
    conversations: int
    by_check: Mapping[str, int]


def measure(folder: Path, settings: Settings) -> tuple[list[ActRate], list[Violations]]:
    """Rates and violations of the untouched part.

    Raises:
        FileNotFoundError: the folder holds no natural conversations.
    """
    sentences: Counter[tuple[str, str]] = Counter()
    for one in natural.read(folder):
        if one.part == UNTOUCHED and (group := group_of(one.source, one.spoken)):
            sentences[group, one.role] += 1
    acts: dict[str, list[Act]] = defaultdict(list)
    violated: dict[str, Counter[str]] = {group: Counter() for group in GROUPS}
    calls: Counter[str] = Counter()
    for conversation in natural.conversations(folder):
        group = group_of(conversation["source"], conversation["spoken"])
        if group is None or natural.part(conversation["id"]) != UNTOUCHED:
            continue
        lines = _lines(conversation["turns"])
        if not lines:
            continue
        dialogue = Dialogue(name=conversation["id"], held_out=True, started_at=None, lines=lines, expected={})
        picked = {place for place, turn in enumerate(_spoken(conversation["turns"])) if turn.get("template")}
        call = heard(dialogue, settings)
        acts[group] += [act for act in call.acts if act.turn not in picked]
        if group != "meetings" and {line.speaker for line in lines} == {"agent", "customer"}:
            calls[group] += 1
            violated[group].update(
                finding.id for finding in judge(call, settings).guidance if finding.verdict == "violated"
            )
    rates = [
        _rate(group, name, sentences, [act for act in acts[group] if act.id == name])
        for group in GROUPS
        for name in load_speech_acts(LANGUAGE).acts
    ]
    return rates, [
        Violations(group=group, conversations=calls[group], by_check=violated[group])
        for group in GROUPS
        if calls[group]
    ]


def group_of(source: str, spoken: bool) -> str | None:
    """The kind of talk of a source; ``None`` for what says nothing of rates."""
    if source == ABUSE_SOURCE or source in CUSTOMER_SOURCES:
        return None
    if source in UNSERVED_SOURCES:
        return "meetings"
    return "spoken service" if spoken else "written"


def _spoken(turns: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [turn for turn in turns if turn["text"].strip()]


def _lines(turns: Sequence[Mapping[str, Any]]) -> tuple[Line, ...]:
    return tuple(
        Line(speaker=turn["speaker"], text=turn["text"].strip(), gap_s=0.0) for turn in _spoken(turns)
    )


def _rate(group: str, name: str, sentences: Counter[tuple[str, str]], found: Sequence[Act]) -> ActRate:
    act = load_speech_acts(LANGUAGE).acts[name]
    read = natural.labels()
    labels = [read.get((natural.digest(each.speaker, each.quote), name)) for each in found if each.sure]
    return ActRate(
        group=group,
        act=name,
        sentences=sum(
            count for (where, role), count in sentences.items() if where == group and act.done_by(role)
        ),
        found=len(found),
        sure=sum(each.sure for each in found),
        sure_right=labels.count(1.0),
        sure_wrong=labels.count(0.0),
        sure_arguable=labels.count(0.5),
    )


def table(rates: Sequence[ActRate], violations: Sequence[Violations]) -> str:
    """Rates per 1,000 sentences by group, those that count in brackets."""
    lines = [
        f"{'per 1,000 (that count)':<26}"
        + "".join(f"{group:>20}" for group in GROUPS)
        + f"{'labeled: right':>20}"
    ]
    for name in dict.fromkeys(each.act for each in rates):
        own = [each for each in rates if each.act == name]
        right, wrong = sum(each.sure_right for each in own), sum(each.sure_wrong for each in own)
        cells = [f"{each.found_per_1000:.2f} ({each.sure_per_1000:.2f})" for each in own if each.sentences]
        lines.append(
            f"{name:<26}" + "".join(f"{cell:>20}" for cell in cells) + f"{f'{right} of {right + wrong}':>20}"
        )
    for each in violations:
        told = ", ".join(f"{check} {count}" for check, count in sorted(each.by_check.items())) or "none"
        count = sum(each.by_check.values())
        lines.append(f"violated in {each.conversations} conversations, {each.group}: {count} ({told})")
    return "\n".join(lines)
