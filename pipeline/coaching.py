"""What a coach should take from a call: a sentence of facts, what to keep and what to change."""

import hashlib
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.guidance.scene import Scene
from pipeline.records import Coaching, CoachingPoint, Evidence, Finding, Measures, SpeakerMeasures
from pipeline.texts import Text

PLAIN_CONFIDENCE = 0.8
"""Of findings that rest on measured figures."""


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
    change = _best([_to_change(finding, scene) for finding in findings], scene, earlier)
    broken = {one.turn for finding in findings if finding.verdict == "violated" for one in finding.evidence}
    keep = _best([_to_keep(finding, scene, broken) for finding in findings], scene, earlier)
    return Coaching(
        summary=_summary(scene),
        keep=tuple(_point(one, "keep", scene) for one in keep),
        change=tuple(_point(one, "change", scene) for one in change),
    )


def _to_change(finding: Finding, scene: Scene) -> _Candidate | None:
    severity = scene.guidance.coaching.severity.get(finding.verdict)
    if severity is None or scene.guidance.checks[finding.id].kind == "credit":
        return None
    return _candidate(finding, scene, severity)


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


def _point(one: _Candidate, kind: Literal["keep", "change"], scene: Scene) -> CoachingPoint:
    call, advice = scene.heard.facts.call_id, f"advice.{one.finding.id}.{kind}"
    pick = int.from_bytes(hashlib.sha256(f"{call}/{one.finding.id}".encode()).digest()[:4])
    return CoachingPoint(
        title=Text(f"{advice}.title"),
        why=Text(f"{advice}.why", pick=pick),
        source=one.finding.source,
        start_s=one.moment.start_s,
        end_s=one.moment.end_s,
        quote=one.moment.quote,
        try_this=Text(f"{advice}.try_this", pick=pick),
        check=one.finding.id,
    )


def _summary(scene: Scene) -> Text:
    """The call in facts, and how the customer's tension went."""
    heard = scene.heard
    facts = (
        _facts(heard.measures, certain=not scene.diarized and scene.language is not None)
        if heard.facts.has_sound
        else [_words_only(scene)]
    )
    tension = scene.tension
    if tension.spans and tension.end_level is not None:
        limits = scene.guidance.tension
        if tension.end_level < limits.calm_level and tension.spans[-1].outcome == "fell":
            facts.append(Text("summary.fell"))
        elif (tension.start_level or 0.0) < limits.calm_level:
            facts.append(Text("summary.rose"))
        else:
            facts.append(Text("summary.held"))
    return Text("summary.sentences", parts=facts)


def _facts(measures: Measures, *, certain: bool) -> list[Text]:
    """Pace, interruptions where they are ``certain``, shares and holds."""
    speakers = measures.by_role()
    if not any(one.talk_s for one in speakers.values()):
        return [Text("summary.no_speech")]
    role = "agent" if "agent" in speakers else next(iter(speakers))
    parts = [_pace(measures.of(role))]
    agent, customer = measures.agent, measures.customer
    if agent is not None and customer is not None and agent.talk_s and customer.talk_s:
        if certain and agent.interruptions is not None:
            parts.append(_interrupted(agent.interruptions))
        share = round(agent.talk_s / (agent.talk_s + customer.talk_s), 3)  # as analysis.json has it
        parts.append(Text("summary.share", share=share))
    sentences = [Text("summary.told", who=role, parts=parts)]
    held_s = sum(hold.end_s - hold.start_s for hold in measures.call.holds)
    if held_s:
        sentences.append(Text("summary.on_hold", seconds=held_s))
    return sentences


def _words_only(scene: Scene) -> Text:
    return Text("summary.words_only", count=sum(not turn.backchannel for turn in scene.heard.turns))


def _pace(one: SpeakerMeasures | None) -> Text:
    if one is None or one.talk_s == 0:
        return Text("summary.silent")
    if one.speech_rate_wpm is None:
        return Text("summary.spoke_for", seconds=one.talk_s)
    return Text("summary.spoke_at", wpm=one.speech_rate_wpm)


def _interrupted(count: int) -> Text:
    return Text("summary.interrupted", count=count) if count else Text("summary.never_interrupted")
