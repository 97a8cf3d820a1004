"""Recorded calls and what they add up to, as rows for people and as documents for programs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from pipeline.records import Baseline
from pipeline.settings import Settings
from pipeline.store.baselines import combine
from pipeline.store.tables import BaselineCall

NONE = "-"
FIGURES = (
    ("calls", "calls", 0),
    ("voiced_s", "voice s", 0),
    ("f0_median_hz", "median Hz", 1),
    ("f0_range_st", "range st", 1),
    ("loudness_median_db", "level dB", 1),
    ("articulation_rate_sps", "syll/s", 2),
    ("speech_rate_wpm", "words/min", 0),
)
"""Field of a baseline, its heading, and decimals."""

Document = dict[str, Any]


def summary(rows: Sequence[BaselineCall], settings: Settings) -> list[Document]:
    """The present baseline of each agent on each line type: what a call that starts now would get."""
    now = datetime.now(UTC)
    found = []
    for agent_id, own in _by_agent(rows):
        for line_type in sorted({row.line_type for row in own}):
            at = max(now, own[-1].moment)
            baseline = combine(own, line_type, at, settings.pitch.tracker, settings.baseline)
            recorded = sum(row.line_type == line_type for row in own)
            found.append({"agent_id": agent_id, "line_type": line_type, "recorded": recorded} | _of(baseline))
    return found


def history(rows: Sequence[BaselineCall], settings: Settings) -> list[Document]:
    """Each call in date order, with the baseline of its line after it."""
    found = []
    for _, own in _by_agent(rows):
        for index, row in enumerate(own):
            baseline = combine(
                own[: index + 1], row.line_type, row.moment, settings.pitch.tracker, settings.baseline
            )
            found.append(call_document(row) | {"baseline": _of(baseline)})
    return found


def call_document(row: BaselineCall) -> Document:
    """One recorded call with JSON's types."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(row).items()
    }


def summary_table(documents: Iterable[Document]) -> list[list[str]]:
    heading = ["agent", "line", "recorded", *(title for _, title, _ in FIGURES), "baseline"]
    return [
        heading,
        *(
            [one["agent_id"], one["line_type"], str(one["recorded"]), *_cells(one), one["kind"] or NONE]
            for one in documents
        ),
    ]


def history_table(documents: Iterable[Document]) -> list[list[str]]:
    heading = ["agent", "call", "start", "line", "call Hz", *(title for _, title, _ in FIGURES), "baseline"]
    return [
        heading,
        *(
            [
                one["agent_id"],
                one["call_id"],
                (one["started_at"] or NONE)[:16],
                one["line_type"],
                _number(one["f0_median_hz"], 1),
                *_cells(one["baseline"]),
                one["baseline"]["kind"] or NONE,
            ]
            for one in documents
        ),
    ]


def _by_agent(rows: Sequence[BaselineCall]) -> Iterable[tuple[str, list[BaselineCall]]]:
    """Calls of each agent; ``rows`` are in order of agent and date."""
    return ((agent_id, list(own)) for agent_id, own in groupby(rows, key=lambda row: row.agent_id))


def _of(baseline: Baseline | None) -> Document:
    """The figures of a baseline; without one there are no calls with pitch."""
    if baseline is None:
        return {"kind": None, **{name: None for name, _, _ in FIGURES}, "calls": 0, "voiced_s": 0.0}
    figures = asdict(baseline)
    return {"kind": baseline.kind, **{name: figures[name] for name, _, _ in FIGURES}}


def _cells(document: Document) -> list[str]:
    return [_number(document[name], decimals) for name, _, decimals in FIGURES]


def _number(value: float | None, decimals: int) -> str:
    return NONE if value is None else f"{value:.{decimals}f}"
