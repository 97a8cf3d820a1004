"""Pages of agents, of the team and of customer effort, and what makes a call worth a look."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.reports import pages, site
from pipeline.reports.attention import reasons, worth_a_look
from pipeline.reports.table import Row, call_row, write_csv
from pipeline.reports.trend import TrendPoint, draw_distribution, draw_trend
from tests import factories
from tests.reports.test_html import Page

SETTINGS = factories.settings()
QUIET: dict[str, Any] = {
    "tension_outcome": None,
    "abusive_sentences": 0,
    "events_interruption_by_agent": 0,
    "effort_estimate": 1.5,
    "score_overall": 90.0,
}


def row(call_id: str = "one", **changes: Any) -> Row:
    plain = {
        name: None if value == "violated" else value for name, value in call_row(factories.analysis()).items()
    }
    return plain | QUIET | {"call_id": call_id, "agent_id": "ana"} | changes


def listed(call_id: str, **changes: Any) -> pages.Listed:
    return pages.Listed(row(call_id, **changes), call_id)


def advice(check: str) -> str:
    return json.dumps([[check, "Let the sentence end", 12.0]])


def test_nothing_speaks_for_a_quiet_call() -> None:
    """A call without tension, abuse, violations or low scores is not put before a coach."""
    assert reasons(row(), SETTINGS.site) == []
    assert worth_a_look([row()], SETTINGS.site) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tension_outcome": "rose"}, "rose"),
        ({"tension_outcome": "held"}, "held"),
        ({"abusive_sentences": 2}, "abuse"),
        ({"check_mindset_no_blame": "violated"}, "violated"),
        ({"events_interruption_by_agent": 1}, "interruptions"),
        ({"effort_estimate": 4.0}, "effort"),
        ({"score_overall": 40.0}, "score"),
    ],
)
def test_each_reason_speaks_for_a_look(changes: dict[str, Any], code: str) -> None:
    """Each reason alone is found, and by its name."""
    assert [reason.code for reason in reasons(row(**changes), SETTINGS.site)] == [code]


def test_weightier_calls_come_first_and_a_weight_of_zero_silences_a_reason() -> None:
    """The order follows the weights, which are settings."""
    rows = [row("a", events_interruption_by_agent=1), row("b", tension_outcome="rose"), row("c")]
    assert [one["call_id"] for one, _ in worth_a_look(rows, SETTINGS.site)] == ["b", "a"]
    deaf = factories.settings("site.rose_weight=0").site
    assert [one["call_id"] for one, _ in worth_a_look(rows, deaf)] == ["a"]


def test_advice_stands_beside_the_next_call_with_occasion() -> None:
    """Calls in which the check did not arise are passed over; without a later one nothing is claimed."""
    calls = [
        listed("1", coaching_change=advice("dont_interrupt"), check_dont_interrupt="violated"),
        listed("2", coaching_change="[]", check_dont_interrupt="not_applicable"),
        listed("3", coaching_change=advice("empathy"), check_dont_interrupt="met"),
    ]
    latest, first = pages.followed_up(calls)
    assert (first.call.label, first.next_call and first.next_call.label, first.verdict) == ("1", "3", "met")
    assert (latest.check, latest.next_call) == ("empathy", None)


def test_pages_name_an_agent_only_where_they_may(tmp_path: Path) -> None:
    """The team page has no names unless the setting asks for them."""
    entries = [site.BatchEntry(one, one, row(one, agent_id=who), None, "x.wav") for one, who in
               (("1", "ana"), ("2", "<b>bo</b>"))]  # fmt: skip
    site.write_batch(tmp_path, entries, SETTINGS)
    team = Page((tmp_path / "team.html").read_text())
    assert "ana" not in team.text
    site.write_batch(tmp_path, entries, factories.settings("site.team_names=true", "site.attention_calls=0"))
    named = (tmp_path / "team.html").read_text()
    assert "ana" in named
    assert "<b>bo</b>" not in named
    odd = Page((tmp_path / pages.agent_path("<b>bo</b>")).read_text())
    assert "<b>bo</b>" in odd.text
    assert odd.count("b") == 0


def test_effort_audit_counts_by_queue_and_quotes(tmp_path: Path) -> None:
    """Each sign has its calls, its queues and the words, with a link to the moment."""
    said = json.dumps({"contacted_before": [[3.25, "This is the <third> time."]]})
    calls = [
        listed("1", queue="billing", effort_contacted_before=1, effort_quotes=said, effort_estimate=4.5),
        listed("2", queue="billing", effort_contacted_before=0, effort_quotes="{}"),
        listed("3", queue=None, effort_contacted_before=None, effort_quotes="{}", effort_estimate=None),
    ]
    page = Page(pages.effort_audit_page(calls, SETTINGS))
    assert "Calls: 1 (50" in page.text
    assert "This is the <third> time." in page.text
    assert "1/report.html#t=3.2" in {of.get("href") for tag, of in page.tags if tag == "a"}
    assert "Calls that could be judged: 2 of 3." in page.text


def test_trend_keeps_values_in_the_box_and_marks_those_outside_the_band() -> None:
    """Places are percentages; a call without the figure leaves its place free."""
    drawn = draw_trend(
        [TrendPoint("a", 1.0), TrendPoint("b", None), TrendPoint("c", 9.0)], (0.0, 5.0), (0.0, 6.0)
    )
    assert drawn is not None
    assert [(place.label, place.outside) for place in drawn.places] == [("a", False), ("c", True)]
    assert all(0 <= place.x <= 100 and 0 <= place.y <= 100 for place in drawn.places)
    assert drawn.places[0].y > drawn.places[1].y
    assert draw_trend([TrendPoint("a", None)], None, (0.0, 1.0)) is None


def test_distribution_stacks_equal_values() -> None:
    """Agents with the same value stand over each other, lower values to the left."""
    drawn = draw_distribution([TrendPoint("", 2.0), TrendPoint("", 2.0), TrendPoint("", 1.0)], None, (0, 3))
    assert drawn is not None
    assert [place.x for place in drawn.places] == sorted(place.x for place in drawn.places)
    assert len({(place.x, place.y) for place in drawn.places}) == 3


def test_rows_beyond_the_first_are_data_that_cannot_break_out(tmp_path: Path) -> None:
    """Ten thousand rows are not laid out; a call id with markup stays data."""
    entries = [
        site.BatchEntry(f"c{n}", f"c{n}", row(f"</script><b>c{n}"), None, "x.wav")
        for n in range(site.FIRST_ROWS + 5)
    ]
    page = Page(site.write_batch(tmp_path, entries, SETTINGS).read_text())
    assert page.count("b") == 0
    assert page.count("tr") < site.FIRST_ROWS + 20
    held = json.loads(page.data)
    assert len(held) == site.FIRST_ROWS + 5
    assert held[0][0][0].startswith("</script>")


def test_csv_has_no_formulas(tmp_path: Path) -> None:
    """A name that a spreadsheet would run is text in the table."""
    path = tmp_path / "summary.csv"
    write_csv([row("=1+1", queue="@SUM(A1)", agent_id="plain")], path)
    (read,) = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    assert (read["call_id"], read["queue"], read["agent_id"]) == ("'=1+1", "'@SUM(A1)", "plain")
