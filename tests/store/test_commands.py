"""``callcoach baseline``: what is kept of agents, for them to see and to have removed."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.store.baselines import record_call
from pipeline.store.database import open_store
from tests import factories
from tests.store.rows import call


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with six calls of one agent on two kinds of line, and one of another."""
    url = f"sqlite:///{tmp_path}/store.sqlite"
    rows = [call(n) for n in range(5)] + [call(5, line_type="narrowband/mp3"), call(6, agent_id="ken")]
    with open_store(factories.settings(f"store.url={url}").store).session() as session:
        for row in rows:
            record_call(session, row)
    return url


def run(url: str, *args: str) -> Result:
    return CliRunner().invoke(main, ["baseline", *args, "--set", f"store.url={url}"])


def documents(url: str, *args: str) -> Any:
    done = run(url, *args)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_show_is_a_row_per_agent_and_line(url: str) -> None:
    """Everybody's baseline is seen at a glance, with what is not there yet as a dash."""
    rows = [line.split() for line in run(url, "show").stdout.splitlines()]
    assert [row[:4] for row in rows[1:]] == [
        ["ken", "narrowband/g711", "1", "1"],
        ["maya", "narrowband/g711", "5", "6"],
        ["maya", "narrowband/mp3", "1", "6"],
    ]
    assert [row[-1] for row in rows[1:]] == ["provisional", "firm", "firm"]
    by_line = {one["line_type"]: one for one in documents(url, "show", "maya", "--json")}
    assert by_line["narrowband/g711"]["f0_median_hz"] == by_line["narrowband/mp3"]["f0_median_hz"]
    assert by_line["narrowband/g711"]["loudness_median_db"] == -28.0
    assert by_line["narrowband/mp3"]["loudness_median_db"] is None


def test_history_is_the_baseline_after_each_call(url: str) -> None:
    """How a baseline came about can be followed call by call, until it is firm and beyond."""
    found = documents(url, "show", "maya", "--history", "--json")
    assert [one["call_id"] for one in found] == [f"call-{n}" for n in range(6)]
    assert [one["baseline"]["calls"] for one in found] == [1, 2, 3, 4, 5, 6]
    assert [one["baseline"]["kind"] for one in found] == ["provisional"] * 4 + ["firm"] * 2
    lines = run(url, "show", "--history").stdout.splitlines()
    assert lines[0].split()[:4] == ["agent", "call", "start", "line"]
    assert len(lines) == 8


def test_export_is_all_that_is_kept(url: str) -> None:
    """An agent who asks gets every figure that is kept of them."""
    found = documents(url, "export", "maya")
    assert found["agent_id"] == "maya"
    assert [one["kind"] for one in found["baselines"]] == ["firm", "firm"]
    assert [one["call_id"] for one in found["calls"]] == [f"call-{n}" for n in range(6)]
    assert found["calls"][0]["started_at"] == "2026-03-01T09:00:00+00:00"


@pytest.mark.parametrize("command", ["reset", "delete"])
def test_nothing_is_removed_without_yes(command: str, url: str) -> None:
    """A slip of the keyboard forgets nobody."""
    done = run(url, command, "maya")
    assert done.exit_code == 2
    assert "6 calls would be removed; add --yes" in done.stderr
    assert len(documents(url, "export", "maya")["calls"]) == 6


def test_reset_starts_anew(url: str) -> None:
    """After a reset the agent has no baseline, and others keep theirs."""
    assert run(url, "reset", "maya", "--yes").stdout.startswith("maya: 6 calls forgotten")
    assert [one["agent_id"] for one in documents(url, "show", "--json")] == ["ken"]


def test_delete_says_what_was_removed(url: str) -> None:
    """What is gone is listed, so that it can be told to whom it concerns."""
    lines = run(url, "delete", "maya", "--yes").stdout.splitlines()
    assert lines[0] == "removed call-0  2026-03-01T09:00:00+00:00  narrowband/g711"
    assert lines[-1] == "maya: 6 calls removed"
    removed = documents(url, "delete", "ken", "--yes", "--json")["removed"]
    assert [one["call_id"] for one in removed] == ["call-6"]
    assert documents(url, "show", "--json") == []


@pytest.mark.parametrize("command", ["show", "export", "reset", "delete"])
def test_an_agent_of_whom_nothing_is_kept(command: str, url: str) -> None:
    """A name with a typing error is told, and is not an empty success."""
    done = run(url, command, "mya")
    assert done.exit_code == 2
    assert "mya: no calls of this agent are kept" in done.stderr


def test_a_store_that_is_down_is_one_line(tmp_path: Path) -> None:
    """Without its store the command fails with what to do."""
    (tmp_path / "file").touch()
    done = run(f"sqlite:///{tmp_path}/file/x.sqlite", "show")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: store ")
    assert done.stderr.count("\n") == 1
