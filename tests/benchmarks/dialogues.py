"""Written dialogues against the verdicts that the guidance asks for on every check that words decide.

A dialogue is a file in ``tests/data/dialogues``: who says what, with the pause before a line where it is not
the usual one, and of each check the verdict, or those that two careful readers might give. There is no sound,
so times are those of even speech and checks that need sound have to say that they are not scored. Nothing is
corrected on dialogues that are ``held_out``: theirs is the agreement to expect of new calls.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

import yaml

from pipeline.guidance.acts import find_acts
from pipeline.guidance.config import load_guidance
from pipeline.guidance.judge import Heard, Judgment, judge
from pipeline.phrases import load_phrases
from pipeline.records import CallFacts, CallMeasures, Measures, Role, Separation, Turn, Verdict, Word
from pipeline.settings import Settings
from pipeline.timeline import total_s, union
from pipeline.turns.silence import find_silences

LANGUAGE = "en"
DIALOGUES = Path(__file__).parent.parent / "data/dialogues"
ROLES: tuple[Role, ...] = ("agent", "customer")
WORD_S = 1 / 3
GAP_S = 0.4
NO_SOUND = "there is no sound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one speaker says in one go, after a pause."""

    speaker: Role
    text: str
    gap_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A call in words; ``expected`` holds the verdicts that are right for each check."""

    held_out: bool

    name: str
    started_at: str
    lines: tuple[Line, ...]
    expected: Mapping[str, tuple[Verdict, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How often a check came out as expected, and its false alarms."""

    held_out: bool

    check: str
    dialogues: int
    agreed: int
    false_violated: int
    false_missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A verdict that is none of those expected."""

    dialogue: str
    check: str
    found: Verdict
    expected: tuple[Verdict, ...]
    reason: str


@cache
def dialogues() -> tuple[Dialogue, ...]:
    return tuple(_read(path) for path in sorted(DIALOGUES.glob("*.yaml")))


def _read(path: Path) -> Dialogue:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    lines = []
    for line in content["lines"]:
        (speaker,) = (role for role in ROLES if role in line)
        lines.append(Line(speaker=speaker, text=line[speaker], gap_s=line.get("gap_s", GAP_S)))
    expected = {
        check: tuple(given) if isinstance(given, list) else (given,)
        for check, given in content["expected"].items()
    }
    unknown = {one for given in expected.values() for one in given} - set(get_args(Verdict))
    if unknown:
        raise ValueError(f"{path.name}: not verdicts: {', '.join(sorted(unknown))}")
    return Dialogue(
        held_out=content.get("held_out", False),
        name=path.stem,
        started_at=content["started_at"],
        lines=tuple(lines),
        expected=expected,
    )


def turns_of(dialogue: Dialogue) -> tuple[Turn, ...]:
    """Each line as a turn, its words even in time."""
    turns, at_s = [], 0.0
    for index, line in enumerate(dialogue.lines):
        at_s += line.gap_s
        words = tuple(
            Word(word=word, start_s=at_s + WORD_S * place, end_s=at_s + WORD_S * (place + 1), probability=1.0)
            for place, word in enumerate(line.text.split())
        )
        turns.append(
            Turn(
                turn=index,
                speaker=line.speaker,
                start_s=at_s,
                end_s=words[-1].end_s,
                text=line.text,
                words=words,
                backchannel=False,
            )
        )
        at_s = words[-1].end_s
    return tuple(turns)


def heard(dialogue: Dialogue, settings: Settings) -> Heard:
    """A dialogue as a call: its acts and silences are found as in any other call."""
    turns = turns_of(dialogue)
    duration_s = turns[-1].end_s + GAP_S
    speech = union((turn.start_s, turn.end_s) for turn in turns)
    phrases = load_phrases(LANGUAGE)
    silences = find_silences((), speech, turns, duration_s, phrases, settings.turns)
    speech_s = total_s(speech)
    call = CallMeasures(
        duration_s=duration_s,
        speech_s=speech_s,
        overlap_s=None,
        overlap_share=None,
        silence_s=duration_s - speech_s,
        silence_share=1 - speech_s / duration_s,
        gaps=silences.gaps,
        holds=silences.holds,
        look_ups=silences.look_ups,
        talk_ratio_agent=None,
        not_scored=dict.fromkeys(("overlap_s", "overlap_share", "talk_ratio_agent"), NO_SOUND),
    )
    return Heard(
        facts=CallFacts(
            call_id=dialogue.name,
            source=f"{dialogue.name}.yaml",
            sha256="",
            agent_id=None,
            customer_id=None,
            queue=None,
            started_at=dialogue.started_at,
            duration_s=duration_s,
            sample_rate_hz=0,
            channels=0,
            codec="",
            language=LANGUAGE,
        ),
        separation=Separation(
            method="channels", role_method="metadata", role_confidence=1.0, agent_label=None
        ),
        turns=turns,
        events=(),
        measures=Measures(agent=None, customer=None, speaker_1=None, speaker_2=None, call=call),
        acts=find_acts(turns, LANGUAGE, settings).acts,
    )


def judged(dialogue: Dialogue, settings: Settings) -> Judgment:
    return judge(heard(dialogue, settings), settings)


def differences(dialogue: Dialogue, judgment: Judgment) -> list[Difference]:
    """The checks of a dialogue that did not come out as expected."""
    found = {finding.id: finding for finding in judgment.guidance}
    return [
        Difference(
            dialogue=dialogue.name,
            check=check,
            found=found[check].verdict,
            expected=right,
            reason=found[check].reason,
        )
        for check, right in dialogue.expected.items()
        if found[check].verdict not in right
    ]


def rows(wrong: Sequence[Difference], *, held_out: bool) -> list[Row]:
    """The figures of each check that words decide, given all differences, in one part of the dialogues."""
    by_words = [name for name, check in load_guidance().checks.items() if check.part == "what_said"]
    part = [dialogue for dialogue in dialogues() if dialogue.held_out is held_out]
    wrong = [each for each in wrong if each.dialogue in {dialogue.name for dialogue in part}]
    return [
        Row(
            held_out=held_out,
            check=check,
            dialogues=(count := sum(check in dialogue.expected for dialogue in part)),
            agreed=count - sum(each.check == check for each in wrong),
            false_violated=sum(each.check == check and each.found == "violated" for each in wrong),
            false_missed=sum(each.check == check and each.found == "missed" for each in wrong),
        )
        for check in by_words
    ]


def measure(settings: Settings) -> list[Row]:
    """The rows of both parts, the dialogues that are held out last."""
    wrong = [each for one in dialogues() for each in differences(one, judged(one, settings))]
    return [*rows(wrong, held_out=False), *rows(wrong, held_out=True)]


def agreement(found: Sequence[Row]) -> float:
    """Share of all verdicts that are right."""
    return sum(row.agreed for row in found) / sum(row.dialogues for row in found)


def table(found: Sequence[Row]) -> str:
    head = f"{'check':<24}{'n':>4}{'agreement':>11}{'false violated':>16}{'false missed':>14}"
    parts = [[row for row in found if row.held_out is held_out] for held_out in (False, True)]
    names = ("total", "total, held out")
    totals = [_total(name, part) for name, part in zip(names, parts, strict=True) if part]
    return "\n".join((head, *map(_line, parts[0]), *totals))


def _line(row: Row) -> str:
    share = row.agreed / row.dialogues
    return f"{row.check:<24}{row.dialogues:>4}{share:>11.1%}{row.false_violated:>16}{row.false_missed:>14}"


def _total(name: str, found: Sequence[Row]) -> str:
    return _line(
        Row(
            held_out=found[0].held_out,
            check=name,
            dialogues=sum(row.dialogues for row in found),
            agreed=sum(row.agreed for row in found),
            false_violated=sum(row.false_violated for row in found),
            false_missed=sum(row.false_missed for row in found),
        )
    )
