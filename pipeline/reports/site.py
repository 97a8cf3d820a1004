"""What is written over a batch: its pages, ``summary.json`` and ``calls.parquet``."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline import files
from pipeline.reports.attention import worth_a_look
from pipeline.reports.html import LOCAL, date, embedded_json, render
from pipeline.reports.naming import AGENTS
from pipeline.reports.pages import (
    Listed,
    agent_href,
    agent_page,
    agent_path,
    by_agent,
    effort_audit_page,
    team_page,
)
from pipeline.reports.table import KINDS, ROLES, Row, write_csv, write_parquet
from pipeline.reports.view import MISSING, clock
from pipeline.settings import Settings
from pipeline.texts import Texts, load_texts

SUMMARY_VERSION = "1"
FIRST_ROWS = 200
"""Rows of the index that are in its table; the others are data for its script."""


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One recording of a batch: analyzed (``folder``, relative to the batch, and ``row``) or failed."""

    call_id: str
    folder: str | None
    row: Row | None
    error: str | None
    source: str
    stamp: tuple[int | None, int | None] | None = None
    """Size and time of the analysis file that ``row`` was made from."""


def write_batch(
    out: Path,
    entries: Iterable[BatchEntry],
    settings: Settings,
    ledger: Mapping[str, Any] | None = None,
    *,
    tables_hold: bool = False,
) -> Path:
    """Write the pages of a batch into ``out`` and return the path of ``index.html``.

    ``ledger`` says how the calls stand over all runs; without one the pages do not speak of it. With
    ``tables_hold`` the rows are those of the tables that are there.
    """
    modes = files.Modes.of(settings.output)
    files.make_folder(out, modes)
    held = list(entries)
    summary = summarize(held)
    summary["ledger"] = ledger
    shown = [entry for entry in held if entry.row is not None]
    stamps = {entry.folder or "": entry.stamp or (None, None) for entry in shown}
    if not (tables_hold and (out / "summary.csv").is_file()):
        with files.atomic_path(out / "calls.parquet", modes) as path:
            write_parquet([entry.row for entry in shown if entry.row is not None], path, stamps)
        with files.atomic_path(out / "summary.csv", modes) as path:
            write_csv([entry.row for entry in shown if entry.row is not None], path)
    text = json.dumps(summary, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    files.write_text(out / "summary.json", text, modes)
    calls = [Listed(entry.row, entry.folder) for entry in held if entry.row is not None and entry.folder]
    agents = by_agent(calls)
    files.make_folder(out / AGENTS, modes)
    for agent_id, own in agents.items():
        files.update_text(out / agent_path(agent_id), agent_page(agent_id, own, settings), modes)
    pages = {out / agent_path(agent_id) for agent_id in agents}
    for left in set((out / AGENTS).glob("*.html")) - pages:  # of agents without calls here
        left.unlink(missing_ok=True)
    files.write_text(out / "effort_audit.html", effort_audit_page(calls, settings), modes)
    files.write_text(out / "team.html", team_page(agents, settings), modes)
    return files.write_text(out / "index.html", _index(held, summary, settings), modes)


def summarize(entries: Sequence[BatchEntry]) -> dict[str, Any]:
    """Counts, pooled totals, the same per agent, and failures with their reasons."""
    rows = [entry.row for entry in entries if entry.row is not None]
    agents: dict[str | None, list[Row]] = {}
    for row in rows:
        name = row["agent_id"]
        agents.setdefault(None if name is None else str(name), []).append(row)
    return {
        "schema_version": SUMMARY_VERSION,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "calls": len(rows),
        "failed": sum(entry.error is not None for entry in entries),
        "totals": pooled(rows),
        "agents": [
            {"agent_id": name, "calls": len(own), **pooled(own)}
            for name, own in sorted(agents.items(), key=lambda item: (item[0] is None, item[0] or ""))
        ],
        "failures": [
            {"call_id": entry.call_id, "source": entry.source, "error": entry.error}
            for entry in entries
            if entry.error is not None
        ],
    }


def pooled(rows: Sequence[Row]) -> dict[str, Any]:
    """Figures over several calls: sums of counts and durations, then rates of the sums.

    A call counts in a rate only where it has that figure; ``*_calls`` says how many do. Words per minute are
    those of languages with rules: another language makes other words.
    """
    with_rate = [row for row in rows if row["agent_articulation_rate_sps"] is not None]
    with_wpm = [row for row in rows if row["judged_by_words"] and row["agent_speech_rate_wpm"] is not None]
    with_silence = [row for row in rows if row["silence_s"] is not None]
    with_overlap = [row for row in rows if row["overlap_s"] is not None]
    counted = [row for row in rows if row["events_interruption_by_agent"] is not None]
    customer_talk_s = _sum(counted, "customer_talk_s")
    by_agent = _sum(counted, "events_interruption_by_agent")
    return {
        "duration_s": _sum(rows, "duration_s"),
        "speech_s": _sum(rows, "speech_s"),
        "silence_s": _sum(rows, "silence_s"),
        "silence_share": _ratio(_sum(with_silence, "silence_s"), _sum(with_silence, "duration_s")),
        "overlap_calls": len(with_overlap),
        "overlap_s": _sum(with_overlap, "overlap_s"),
        "overlap_share": _ratio(_sum(with_overlap, "overlap_s"), _sum(with_overlap, "speech_s")),
        "talk_s": {role: _sum(rows, f"{role}_talk_s") for role in ROLES},
        "agent_articulation_rate_calls": len(with_rate),
        "agent_articulation_rate_sps": _ratio(
            _sum(with_rate, "agent_syllables"), _sum(with_rate, "agent_phonation_s")
        ),
        "agent_speech_rate_calls": len(with_wpm),
        "agent_speech_rate_wpm": _ratio(
            60 * _sum(with_wpm, "agent_turn_words"), _sum(with_wpm, "agent_turn_time_s")
        ),
        "event_calls": len(counted),
        "events": {
            kind: {role: int(_sum(rows, f"events_{kind}_by_{role}")) for role in ROLES} for kind in KINDS
        },
        "interruptions_by_agent_per_customer_minute": _ratio(60 * by_agent, customer_talk_s),
        "holds": int(_sum(rows, "holds")),
        "hold_s": _sum(rows, "hold_s"),
        "dead_air_s": _sum(rows, "dead_air_s"),
        "promises": int(_sum(rows, "promises")),
        "calls_with_warnings": sum(bool(row["quality_codes"]) for row in rows),
    }


def _sum(rows: Iterable[Row], column: str) -> float:
    values = (row[column] for row in rows)
    return round(sum(float(value) for value in values if value is not None), 3)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 3) if whole > 0 else None


def _index(entries: Sequence[BatchEntry], summary: dict[str, Any], settings: Settings) -> str:
    text = load_texts(settings.output.language)
    analyzed = [entry for entry in entries if entry.row is not None]
    analyzed.sort(key=lambda entry: str((entry.row or {}).get("started_at") or ""), reverse=True)
    folders = {id(entry.row): entry.folder for entry in analyzed}
    looks = worth_a_look((entry.row for entry in analyzed if entry.row is not None), settings.site)
    cells = [_cells(entry.row, entry.folder, text) for entry in analyzed if entry.row is not None]
    return render(
        "index.html.j2",
        (LOCAL, "site.js"),
        text=text,
        language=settings.output.language,
        root="",
        summary=summary,
        looks=[(row, _link(folders[id(row)]), why) for row, why in looks],
        columns=[name for name, _ in COLUMNS],
        own_words=OWN_WORDS,
        first=cells[:FIRST_ROWS],
        count=len(cells),
        data=embedded_json([[_shortest(cell) for cell in row] for row in cells])
        if len(cells) > FIRST_ROWS
        else None,
        agent_href=agent_href,
    )


Cell = tuple[str, float | None, str | None]
"""What a cell shows, what it is sorted by if that is a number, and where it leads."""


def _cells(row: Row, folder: str | None, text: Texts) -> list[Cell]:
    call = str(row["call_id"]), None, _link(folder)
    return [call, *(show(row, text) for _, show in COLUMNS[1:])]


def _text(column: str) -> Callable[[Row, Texts], Cell]:
    return lambda row, _: (str(row[column] or ""), None, None)


def _amount(column: str, decimals: int) -> Callable[[Row, Texts], Cell]:
    def show(row: Row, text: Texts) -> Cell:
        value = row[column]
        if value is None:
            return MISSING, None, None
        return text.number(float(value), decimals), float(value), None

    return show


def _agent(row: Row, _: Texts) -> Cell:
    agent_id = row["agent_id"]
    return ("", None, None) if agent_id is None else (str(agent_id), None, agent_href(str(agent_id)))


def _outcome(row: Row, text: Texts) -> Cell:
    outcome = row["tension_outcome"]
    return "" if outcome is None else text(f"tension.outcomes.{outcome}"), None, None


def _warnings(row: Row, text: Texts) -> Cell:
    codes = str(row["quality_codes"] or "").split()
    return ", ".join(text.name_of("warning", code) for code in codes), None, None


COLUMNS: tuple[tuple[str, Callable[[Row, Texts], Cell]], ...] = (
    ("call", _text("call_id")),
    ("agent", _agent),
    ("queue", _text("queue")),
    ("date", lambda row, _: (date(str(row["started_at"] or "")), None, None)),
    ("duration", lambda row, _: (clock(float(row["duration_s"] or 0)), float(row["duration_s"] or 0), None)),
    ("rate", _amount("agent_articulation_rate_sps", 2)),
    ("by_agent", _amount("events_interruption_by_agent", 0)),
    ("by_customer", _amount("events_interruption_by_customer", 0)),
    ("tension", _outcome),
    ("effort", _amount("effort_estimate", 1)),
    ("score", _amount("score_overall", 0)),
    ("warnings", _warnings),
)
OWN_WORDS = ("tension", "warnings")
"""Columns that hold words of the page's language, not those of somebody else."""


def _shortest(cell: Cell) -> object:
    text, value, href = cell
    return [text, value, href] if href else text if value is None else [text, value]


def _link(folder: str | None) -> str | None:
    """The call's report, relative to the index; ids may hold characters that mean something in a URL."""
    return None if folder is None else f"{quote(folder)}/report.html"
