"""Batch files: one row a call, totals pooled from counts and durations, failures with reasons."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.reports import site, table
from pipeline.reports.site import BatchEntry
from tests import factories
from tests.reports.test_html import Page

SETTINGS = factories.settings()


def entry(**changes: Any) -> BatchEntry:
    row = table.call_row(factories.analysis()) | changes
    name = str(row["call_id"])
    return BatchEntry(call_id=name, folder=name, row=row, error=None, source=f"{name}.wav")


FAILED = BatchEntry(
    call_id="<b>bad</b>",
    folder=None,
    row=None,
    error="is not a sound file; check the export",
    source="in/bad.wav",
)


def test_row_is_flat_and_complete() -> None:
    """Every column of the schema is in every row, and nothing else."""
    for one in (factories.analysis(), factories.empty()):
        row = table.call_row(one)
        assert set(row) == set(table.schema().names)
        assert all(value is None or isinstance(value, str | int | float) for value in row.values())


def test_row_values() -> None:
    """Figures carry the role in front, counts the kind."""
    row = table.call_row(factories.analysis())
    assert row["agent_speech_rate_wpm"] == 153.684
    assert row["events_interruption_by_agent"] == 1
    assert row["events_backchannel_by_agent"] == 1
    assert row["events_failed_attempt_by_customer"] == 1
    assert row["speaker_1_talk_s"] is None
    assert row["score_overall"] == 62.0
    assert table.call_row(factories.empty())["quality_codes"] == "no_speech"


def test_unmeasurable_overlap_is_not_a_zero() -> None:
    """No interruption found where overlap could not be measured is unknown, not none."""
    one = factories.analysis()
    assert one.measures.agent is not None
    agent = dataclasses.replace(one.measures.agent, interruptions=None)
    blind = dataclasses.replace(one, measures=dataclasses.replace(one.measures, agent=agent))
    assert table.call_row(blind)["events_interruption_by_agent"] is None


def test_index_says_how_tension_ended_in_words(tmp_path: Path) -> None:
    """Codes of the row are shown as the report shows them."""
    entries = [entry(call_id="a", tension_outcome="held"), entry(call_id="b", tension_outcome=None)]
    shown = Page(site.write_batch(tmp_path, entries, SETTINGS).read_text()).text
    assert "stayed" in shown.replace("stayed tense", "")
    assert "None" not in shown


def test_parquet_has_the_same_columns_for_any_rows(tmp_path: Path) -> None:
    """A night without calls, or with only nulls in a column, reads like any other."""
    for name, rows in (("none", []), ("one", [table.call_row(factories.empty())])):
        table.write_parquet(rows, tmp_path / name)
        assert pq.read_schema(tmp_path / name).equals(table.schema())
        assert pq.read_table(tmp_path / name).num_rows == len(rows)


def test_totals_are_sums_not_means_of_ratios() -> None:
    """A long call weighs more than a short one; a call without a rate weighs nothing in the rate."""
    short = entry(call_id="a", agent_syllables=100, agent_phonation_s=50.0, overlap_s=10.0, speech_s=20.0)
    long = entry(call_id="b", agent_syllables=1500, agent_phonation_s=300.0, overlap_s=0.0, speech_s=180.0)
    unknown = entry(
        call_id="c",
        agent_syllables=999,
        agent_phonation_s=1.0,
        agent_articulation_rate_sps=None,
        overlap_s=None,
    )
    totals = site.summarize([short, long, unknown, FAILED])["totals"]
    assert totals["agent_speech_rate_wpm"] == 153.684  # the same in all three
    assert totals["agent_articulation_rate_sps"] == round(1600 / 350, 3)
    assert totals["agent_articulation_rate_calls"] == 2
    assert totals["overlap_share"] == 0.05
    assert totals["overlap_calls"] == 2
    assert totals["events"]["interruption"]["agent"] == 3
    assert totals["duration_s"] == 198.0


def test_summary_counts_failures_and_agents() -> None:
    """Failures keep their reasons; calls of unknown agents come last."""
    summary = site.summarize([entry(agent_id=None), entry(agent_id="bo"), entry(agent_id="bo"), FAILED])
    assert (summary["calls"], summary["failed"]) == (3, 1)
    assert [(each["agent_id"], each["calls"]) for each in summary["agents"]] == [("bo", 2), (None, 1)]
    assert summary["failures"][0]["error"] == "is not a sound file; check the export"


def test_batch_files(tmp_path: Path) -> None:
    """The index links each report, shows what failed, and escapes what it shows."""
    odd = dataclasses.replace(entry(call_id="a&b <i>"), folder="a-b #1")
    index = site.write_batch(tmp_path / "out", [odd, entry(), FAILED], SETTINGS)
    found = Page(index.read_text())
    links = {of["href"] for tag, of in found.tags if tag == "a"}
    assert {"a-b%20%231/report.html", "late-bill-001/report.html"} <= links
    assert all((index.parent / link).exists() for link in links if not link.endswith("/report.html"))
    assert "a&b <i>" in found.text
    assert "<b>bad</b>" in found.text
    assert found.count("b") == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["calls"] == 2
    assert pq.read_table(tmp_path / "out" / "calls.parquet").num_rows == 2
    assert index.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("entries", [[], [FAILED]])
def test_batch_without_calls(tmp_path: Path, entries: list[BatchEntry]) -> None:
    """A night on which nothing came, or nothing could be read, still has its pages."""
    words = Page(site.write_batch(tmp_path, entries, SETTINGS).read_text()).words
    assert "There are no calls here." in words
