"""Scores from verdicts and weights; what does not apply or cannot be scored leaves the sum."""

from collections.abc import Mapping, Sequence

from pipeline.guidance.config import Guidance
from pipeline.guidance.scene import Scene
from pipeline.records import Finding, LdalMoment, LdalScores, Scores, ScoreSum

PARTS = ("how_said", "what_said")


def scores_of(findings: Sequence[Finding], scene: Scene) -> Scores:
    """Scores over all checks, over how and what was said, and over the parts of LDAL, with their sums.

    A score that would rest on too few checks is ``None``, as is every one of a call whose words nobody can
    judge; its sum is still given.
    """
    guidance = scene.guidance
    groups = _groups(findings, guidance)
    sums = {name: _sum(name, members) for name, members in groups.items()}
    judged = scene.language is not None
    values = {name: _score(sums, name, guidance) if judged else None for name in sums}
    unscored = [finding.id for finding in findings if finding.verdict == "not_scored"]
    return Scores(
        overall=values["overall"],
        how_said=values["how_said"],
        what_said=values["what_said"],
        ldal=LdalScores(
            listen=values["listen"],
            diffuse=values["diffuse"],
            act=values["act"],
            impression=values["impression"],
        ),
        not_scored=tuple(unscored),
        sums=tuple(total for total in sums.values() if total.checks),
        ldal_moments=_moments(findings, guidance),
        act_before_listen_s=_act_before_listen_s(scene),
    )


def _groups(findings: Sequence[Finding], guidance: Guidance) -> dict[str, list[Finding]]:
    counted = [finding for finding in findings if finding.score is not None and finding.weight > 0]
    part = {name: check.part for name, check in guidance.checks.items()}
    groups = {
        "overall": counted,
        "how_said": [finding for finding in counted if part[finding.id] == "how_said"],
        "what_said": [finding for finding in counted if part[finding.id] == "what_said"],
    }
    for name, members in guidance.ldal.items():
        groups[name] = [finding for finding in counted if finding.id in members]
    return groups


def _sum(name: str, members: Sequence[Finding]) -> ScoreSum:
    return ScoreSum(
        id=name,
        points=sum(finding.weight * (finding.score or 0.0) for finding in members),
        weight=sum(finding.weight for finding in members),
        checks=tuple(finding.id for finding in members),
    )


def _score(sums: Mapping[str, ScoreSum], name: str, guidance: Guidance) -> float | None:
    """A score of 0..100; ``None`` where it, or for parts of LDAL the overall one, rests on too few checks."""
    limits, total = guidance.limits, sums[name]
    enough = (
        len(total.checks) >= limits.part_checks
        if name in PARTS
        else len(sums["overall"].checks) >= limits.overall_checks
    )
    return 100 * total.points / total.weight if total.checks and enough else None


def _moments(findings: Sequence[Finding], guidance: Guidance) -> tuple[LdalMoment, ...]:
    """Where each part shows in the call, in time order."""
    of: Mapping[str, Finding] = {finding.id: finding for finding in findings}
    found = [
        LdalMoment(
            part=part,
            check=name,
            start_s=evidence.start_s,
            end_s=evidence.end_s,
            kept=of[name].verdict in ("met", "partly_met"),
        )
        for part, members in guidance.ldal.items()
        for name in members
        if of[name].score is not None
        for evidence in of[name].evidence
    ]
    return tuple(sorted(found, key=lambda moment: (moment.start_s, moment.end_s, moment.part, moment.check)))


def _act_before_listen_s(scene: Scene) -> float | None:
    account = scene.account
    if account is None:
        return None
    begun_s = scene.complaint[0].start_s
    acting = scene.acts("present_solution", "explain_next_steps", after_s=begun_s, before_s=account.end_s)
    return acting[0].start_s if acting else None
