"""Which calls of a batch are most worth a coach's time, and why."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.reports.table import Row, violations
from pipeline.settings import SiteSettings


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that makes a call worth a look: ``code`` names its text, ``values`` fill it in."""

    code: str
    weight: float
    values: dict[str, object]


def reasons(row: Row, settings: SiteSettings) -> list[Reason]:
    """What speaks for a look at a call, the weightiest first."""
    found = []
    outcome = row["tension_outcome"]
    if outcome == "rose":
        found.append(Reason("rose", settings.rose_weight, {}))
    elif outcome == "held":
        found.append(Reason("held", settings.held_weight, {}))
    if abusive := _count(row["abusive_sentences"]):
        found.append(Reason("abuse", settings.abuse_weight, {"count": abusive}))
    if violated := violations(row):
        weight = settings.violated_weight * len(violated)
        found.append(Reason("violated", weight, {"checks": violated}))
    if interruptions := _count(row["events_interruption_by_agent"]):
        weight = settings.interruption_weight * interruptions
        found.append(Reason("interruptions", weight, {"count": interruptions}))
    effort, score = row["effort_estimate"], row["score_overall"]
    if effort is not None and float(effort) > settings.usual_effort_points:
        weight = settings.effort_weight * (float(effort) - settings.usual_effort_points)
        found.append(Reason("effort", weight, {"effort": float(effort)}))
    if score is not None and float(score) < settings.usual_score_points:
        weight = settings.score_weight * (settings.usual_score_points - float(score)) / 10
        found.append(Reason("score", weight, {"score": float(score)}))
    return sorted((one for one in found if one.weight > 0), key=lambda one: -one.weight)


def worth_a_look(rows: Iterable[Row], settings: SiteSettings) -> list[tuple[Row, list[Reason]]]:
    """The calls with the weightiest reasons, each with its reasons; calls without any are left out."""
    judged = [(row, reasons(row, settings)) for row in rows]
    judged = [(row, why) for row, why in judged if why]
    judged.sort(key=lambda one: (-sum(reason.weight for reason in one[1]), str(one[0]["call_id"])))
    return judged[: settings.attention_calls]


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
