"""What a coach should take from a call: a sentence of facts, what to keep and what to change."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.guidance.scene import Scene
from pipeline.records import Coaching, CoachingPoint, Evidence, Finding, Measures, SpeakerMeasures
from pipeline.texts import Text

PLAIN_CONFIDENCE = 0.8
"""Of findings that rest on measured figures."""
WAYS: Mapping[tuple[str, str], frozenset[str]] = {
    (check, kind): frozenset(ways.split())
    for check, kind, ways in (
        ("no_dead_air", "change", "dead_air unannounced_hold"),
        ("mindset_no_blame", "change", "calm_down should_have policy as_i_said not_our_fault"),
        ("invite_story", "change", "not_invited_straight invited_late"),
        ("no_premature_solution", "change", "fix_early fix_unacknowledged"),
        ("restate_concern", "change", "repeated_late taken_up_late"),
        ("apology", "keep", "apology_specific"),
        ("apology", "change", "apology_taken_back"),
        ("explain_next_steps", "change", "steps_untimed"),
        ("give_contact", "change", "name_only way_back_only"),
        ("follow_up", "keep", "checked"),
        ("follow_up", "change", "follow_up_untimed"),
        ("set_limits", "keep", "with_offer"),
        ("set_limits", "change", "abuse_in_kind"),
        ("remedy_quickly", "change", "remedy_after"),
        ("explain_what_happened", "change", "explained_at_length"),
        ("problem_solved", "keep", "agent_checks"),
        ("problem_solved", "change", "unsolved clear_checked"),
        ("solve_not_speed", "change", "pressed ended_open"),
        ("no_hold_or_transfer", "keep", "holds_done_well"),
        ("no_hold_or_transfer", "change", "holds_partly"),
    )
}
"""Ways in which something happened that have words of their own (``advice.<check>.<keep or change>.of``):
kinds of the moment, or keys of the reason."""


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
    limits = scene.guidance.coaching
    met = {finding.id for finding in findings if finding.verdict == "met"}
    violated = [finding for finding in findings if finding.verdict == "violated"]
    broken = {one.turn for finding in violated for one in finding.evidence}
    tainted = {each for finding in violated for each in limits.belongs.get(finding.id, ())}
    due = [finding for finding in findings if not met & set(limits.settled.get(finding.id, ()))]
    change = _best([_to_change(finding, scene) for finding in due], scene, earlier)
    praised = [finding for finding in findings if finding.id not in tainted]
    keep = _best([_to_keep(finding, scene, broken) for finding in praised], scene, earlier)
    return Coaching(
        summary=_summary(scene),
        keep=tuple(_point(one, "keep") for one in keep),
        change=tuple(_point(one, "change") for one in change),
    )


def _to_change(finding: Finding, scene: Scene) -> _Candidate | None:
    severity = scene.guidance.coaching.severity.get(finding.verdict)
    if finding.verdict == "partly_met" and finding.to_check:  # what would be advised was perhaps done
        return None
    if severity is None or scene.guidance.checks[finding.id].kind == "credit":
        return None
    return _candidate(finding, scene, severity)


def _to_keep(finding: Finding, scene: Scene, broken: Container[int | None]) -> _Candidate | None:
    """What was met, shown in a turn in which nothing was violated."""
    if finding.verdict != "met" or (finding.id == "let_them_tell" and not _long_account(scene)):
        return None
    good = tuple(one for one in finding.evidence if one.turn not in broken)
    return _candidate(replace(finding, evidence=good), scene, finding.score or 0.0)


def _long_account(scene: Scene) -> bool:
    """Whether there was room to give: an account of a few seconds is no story."""
    account = scene.account
    return account is not None and account.end_s - account.start_s >= scene.guidance.limits.told_account_s


def _candidate(finding: Finding, scene: Scene, size: float) -> _Candidate | None:
    """A finding with the moment that shows it best; ``None`` without a moment to play."""
    guidance = scene.guidance
    least = guidance.coaching.least_confidence
    shown = [one for one in finding.evidence if one.confidence is None or one.confidence >= least]
    if not shown or not finding.weight:
        return None
    tense = [
        evidence
        for evidence in shown
        if scene.tense((evidence.start_s, evidence.end_s), guidance.tension.response_s)
    ]
    effect = finding.weight * size * (finding.confidence or PLAIN_CONFIDENCE)
    if tense:
        effect *= guidance.coaching.tense_factor
    return _Candidate(finding, (tense or shown)[0], effect)


def _best(found: Sequence[_Candidate | None], scene: Scene, earlier: Sequence[str]) -> list[_Candidate]:
    """The gravest, then the candidates with the most effect, in the order of the guidance where equal."""
    limits = scene.guidance.coaching

    def rank(one: _Candidate) -> tuple[int, float]:
        grave = one.finding.verdict == "violated" and one.finding.id in limits.gravest
        effect = one.effect * (limits.repeated_factor if one.finding.id in earlier else 1.0)
        return (limits.gravest.index(one.finding.id) if grave else len(limits.gravest), -effect)

    worth = [one for one in found if one is not None and one.effect >= limits.least_effect]
    return sorted(worth, key=rank)[: limits.points]


def _point(one: _Candidate, kind: Literal["keep", "change"]) -> CoachingPoint:
    advice = f"advice.{one.finding.id}.{kind}"
    if (way := _way(one, kind)) is not None:
        advice = f"{advice}.of.{way}"
    return CoachingPoint(
        title=Text(f"{advice}.title"),
        why=Text(f"{advice}.why"),
        source=one.finding.source,
        start_s=one.moment.start_s,
        end_s=one.moment.end_s,
        quote=one.moment.quote,
        try_this=Text(f"{advice}.try_this"),
        check=one.finding.id,
    )


def _way(one: _Candidate, kind: Literal["keep", "change"]) -> str | None:
    """In which of the ways with words of their own it happened."""
    ways = WAYS.get((one.finding.id, kind), frozenset())
    reason = one.finding.reason
    key = reason.key.rpartition(".")[2] if isinstance(reason, Text) else None
    return next((way for way in (one.moment.kind, key) if way in ways), None)


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
        share = agent.talk_s / (agent.talk_s + customer.talk_s)
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
