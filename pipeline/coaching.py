"""What a coach should take from a call: a sentence of facts, what to keep and what to change."""

import hashlib
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from functools import cache

import yaml
from pydantic import Field, ValidationError

from pipeline.errors import SettingsError
from pipeline.guidance.scene import Scene
from pipeline.records import Coaching, CoachingPoint, Evidence, Finding, Measures, Role
from pipeline.settings import CONFIG_DIR, Section

PLAIN_CONFIDENCE = 0.8
"""Of findings that rest on measured figures."""


class Advice(Section):
    title: str
    why: tuple[str, ...] = Field(min_length=1)
    try_this: tuple[str, ...] = Field(min_length=1)


class CheckTexts(Section):
    keep: Advice
    change: Advice | None = None


class SummaryTexts(Section):
    fell: str
    held: str
    rose: str


class CoachingTexts(Section):
    summary: SummaryTexts
    checks: dict[str, CheckTexts]


@cache
def load_texts(language: str) -> CoachingTexts:
    """The texts of ``configs/coaching.<language>.yaml``.

    Raises:
        SettingsError: there is no such file, or it is not what it should be.
    """
    path = CONFIG_DIR / f"coaching.{language}.yaml"
    try:
        return CoachingTexts(**yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, TypeError) as error:
        raise SettingsError(f"{path.name}: cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"{path.name}: {where}: {first['msg']}") from error


@dataclass(frozen=True, slots=True)
class _Candidate:
    finding: Finding
    moment: Evidence
    effect: float


def coach(findings: Sequence[Finding], scene: Scene, earlier: Sequence[str] = ()) -> Coaching:
    """At most so many points of each kind as the guidance says, those with the most effect.

    Args:
        earlier: ids of the checks that the agent's last coaching was about; they count less this time.
    """
    texts = load_texts(scene.settings.output.language)
    change = _best([_to_change(finding, scene) for finding in findings], scene, earlier)
    broken = {one.turn for finding in findings if finding.verdict == "violated" for one in finding.evidence}
    keep = _best([_to_keep(finding, scene, broken) for finding in findings], scene, earlier)
    return Coaching(
        summary=_summary(scene, texts.summary),
        keep=tuple(_point(one, texts.checks[one.finding.id].keep, scene) for one in keep),
        change=tuple(
            _point(one, advice, scene)
            for one in change
            if (advice := texts.checks[one.finding.id].change) is not None
        ),
    )


def _to_change(finding: Finding, scene: Scene) -> _Candidate | None:
    severity = scene.guidance.coaching.severity.get(finding.verdict)
    return None if severity is None else _candidate(finding, scene, severity)


def _to_keep(finding: Finding, scene: Scene, broken: Container[int | None]) -> _Candidate | None:
    """What was met, shown in a turn in which nothing was violated."""
    if finding.verdict != "met":
        return None
    good = tuple(one for one in finding.evidence if one.turn not in broken)
    return _candidate(replace(finding, evidence=good), scene, finding.score or 0.0)


def _candidate(finding: Finding, scene: Scene, size: float) -> _Candidate | None:
    """A finding with the moment that shows it best; ``None`` without a moment to play."""
    if not finding.evidence or not finding.weight:
        return None
    guidance = scene.guidance
    tense = [
        evidence
        for evidence in finding.evidence
        if scene.tense((evidence.start_s, evidence.end_s), guidance.tension.response_s)
    ]
    effect = finding.weight * size * (finding.confidence or PLAIN_CONFIDENCE)
    if tense:
        effect *= guidance.coaching.tense_factor
    return _Candidate(finding, (tense or finding.evidence)[0], effect)


def _best(found: Sequence[_Candidate | None], scene: Scene, earlier: Sequence[str]) -> list[_Candidate]:
    """The candidates with the most effect, in the order of the guidance where they are equal."""
    limits = scene.guidance.coaching

    def effect(one: _Candidate) -> float:
        return one.effect * (limits.repeated_factor if one.finding.id in earlier else 1.0)

    worth = [one for one in found if one is not None and one.effect >= limits.least_effect]
    return sorted(worth, key=effect, reverse=True)[: limits.points]


def _point(one: _Candidate, advice: Advice, scene: Scene) -> CoachingPoint:
    call = scene.heard.facts.call_id
    turn = int.from_bytes(hashlib.sha256(f"{call}/{one.finding.id}".encode()).digest()[:4])
    return CoachingPoint(
        title=advice.title,
        why=advice.why[turn % len(advice.why)],
        source=one.finding.source,
        start_s=one.moment.start_s,
        end_s=one.moment.end_s,
        quote=one.moment.quote,
        try_this=advice.try_this[turn % len(advice.try_this)],
        check=one.finding.id,
    )


def _summary(scene: Scene, texts: SummaryTexts) -> str:
    """The call in facts, and how the customer's tension went."""
    heard = scene.heard
    facts = (
        _facts(heard.measures, certain=not scene.diarized) if heard.facts.has_sound else _words_only(scene)
    )
    tension = scene.tension
    if not tension.spans or tension.end_level is None:
        return facts
    limits = scene.guidance.tension
    if tension.end_level < limits.calm_level and tension.spans[-1].outcome == "fell":
        told = texts.fell
    elif (tension.start_level or 0.0) < limits.calm_level:
        told = texts.rose
    else:
        told = texts.held
    return f"{facts} {told}"


def _facts(measures: Measures, *, certain: bool) -> str:
    """Pace, interruptions where they are ``certain``, shares and holds."""
    speakers = measures.by_role()
    if not any(one.talk_s for one in speakers.values()):
        return "No speech was found in this recording."
    parts = [_pace("agent" if "agent" in speakers else next(iter(speakers)), measures)]
    agent, customer = measures.agent, measures.customer
    if agent is not None and customer is not None and agent.talk_s and customer.talk_s:
        if certain and agent.interruptions is not None:
            parts.append(_interrupted(agent.interruptions))
        share = round(agent.talk_s / (agent.talk_s + customer.talk_s), 3)  # as analysis.json has it
        parts.append(f"had {share:.0%} of the talk")
    sentences = [_listed(parts)]
    held_s = sum(hold.end_s - hold.start_s for hold in measures.call.holds)
    if held_s:
        sentences.append(f"The customer was on hold for {held_s:.0f} s")
    return ". ".join(sentences) + "."


def _words_only(scene: Scene) -> str:
    turns = sum(not turn.backchannel for turn in scene.heard.turns)
    return f"A transcript without its recording, of {turns} turns."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _pace(role: Role, measures: Measures) -> str:
    one = measures.of(role)
    name = f"The {role.replace('_', ' ')}"
    if one is None or one.talk_s == 0:
        return f"{name} did not speak"
    if one.speech_rate_wpm is None:
        return f"{name} spoke for {one.talk_s:.0f} s"
    return f"{name} spoke at {one.speech_rate_wpm:.0f} words a minute"


def _interrupted(count: int) -> str:
    if count == 0:
        return "never interrupted the customer"
    return f"interrupted the customer {({1: 'once', 2: 'twice'}).get(count, f'{count} times')}"
