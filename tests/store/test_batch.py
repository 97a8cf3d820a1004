"""Calls of one agent, analyzed one after another: each meets the baseline of those before it."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.batch import process_call
from pipeline.planning import plan
from pipeline.records import Analysis, Baseline, CoachingPoint, Metadata, Recording
from pipeline.settings import Settings
from pipeline.store.baselines import calls_of
from pipeline.store.database import open_store
from tests import factories, fakes

FEW = ("baseline.min_calls=2", "baseline.min_voiced_s=10", "output.audio=none")


class Analyst:
    """A stand-in for the analysis, which remembers what it was given of earlier calls."""

    def __init__(self) -> None:
        self.given: dict[str, Baseline | None] = {}
        self.earlier: dict[str, tuple[str, ...]] = {}

    def __call__(
        self,
        recording: Recording,
        metadata: Metadata,
        settings: Settings,
        *,
        agent_channel: int | None = None,
        baseline: Baseline | None = None,
        earlier: Sequence[str] = (),
    ) -> Analysis:
        self.given[metadata.call_id] = baseline
        self.earlier[metadata.call_id] = tuple(earlier)
        made = factories.analysis(call_id=metadata.call_id, rich=False)
        facts = dataclasses.replace(made.call, agent_id=metadata.agent_id, sha256=recording.sha256)
        agent = made.measures.agent
        assert agent is not None
        agent = dataclasses.replace(agent, f0_median_hz=200.0 + len(self.given), baseline=baseline)
        measures = dataclasses.replace(made.measures, agent=agent)
        point = CoachingPoint(
            title="", why="", source="A", start_s=0.0, end_s=1.0, quote="", try_this="", check="empathy"
        )
        coaching = dataclasses.replace(made.coaching, change=(point,))
        return dataclasses.replace(made, call=facts, measures=measures, coaching=coaching)


def recorded(folder: Path, name: str, **metadata: Any) -> Path:
    (path,) = fakes.record(folder, name)
    path.with_suffix(".json").write_text(json.dumps({"agent_id": "maya"} | metadata))
    return path


def with_store(url: str) -> Settings:
    return factories.settings(f"store.url={url}", *FEW)


def codes(folder: Path | None) -> list[str]:
    assert folder is not None
    document = json.loads((folder / "analysis.json").read_bytes())
    return [warning["code"] for warning in document["quality"]["warnings"]]


def test_calls_in_date_order_make_a_baseline(url: str, tmp_path: Path) -> None:
    """Two calls make it firm for the third; a second night over the same calls changes nothing."""
    settings = with_store(url)
    paths = [
        recorded(tmp_path / "calls", f"c{n}", started_at=f"2026-03-0{n}T09:00:00-05:00") for n in (1, 2, 3)
    ]
    analyst = Analyst()
    for path in paths:
        assert process_call(path, tmp_path / "out", settings, analyze=analyst, html=False).done
    assert (analyst.given["c1"], analyst.given["c2"]) == (None, None)
    assert (analyst.earlier["c1"], analyst.earlier["c3"]) == ((), ("empathy",))
    firm = analyst.given["c3"]
    assert firm is not None
    assert (firm.kind, firm.calls, firm.f0_median_hz) == ("firm", 2, 202.0)
    assert (firm.line_type, firm.as_of) == ("narrowband/lossless", "2026-03-03T14:00:00+00:00")
    document = json.loads((tmp_path / "out/c3/analysis.json").read_bytes())
    assert document["measures"]["agent"]["baseline"]["calls"] == 2
    with open_store(settings.store).session() as session:
        before = [(row.call_id, row.f0_median_hz) for row in calls_of(session)]
    again = Analyst()
    for path in paths:
        process_call(path, tmp_path / "out", settings, analyze=again, html=False)
    assert again.given == analyst.given
    with open_store(settings.store).session() as session:
        assert [(row.call_id, row.f0_median_hz) for row in calls_of(session)] == before


def test_a_store_that_is_down_costs_no_call(tmp_path: Path) -> None:
    """The call is analyzed against itself, and its report says why."""
    path = recorded(tmp_path, "a")
    (tmp_path / "file").touch()
    settings = with_store(f"sqlite:///{tmp_path}/file/store.sqlite")
    outcome = process_call(path, tmp_path / "out", settings, analyze=Analyst(), html=False)
    assert outcome.done
    assert codes(outcome.folder) == ["store_unavailable"]


def test_a_store_that_fails_after_the_analysis_costs_no_call(tmp_path: Path) -> None:
    """A call that could not be kept for later ones is whole, and its report says so."""
    path, store = recorded(tmp_path, "a"), tmp_path / "store.sqlite"

    def breaking(*args: Any, **options: Any) -> Analysis:
        for file in tmp_path.glob("store.sqlite*"):
            file.write_bytes(b"no database " * 512)
        return Analyst()(*args, **options)

    settings = with_store(f"sqlite:///{store}")
    outcome = process_call(path, tmp_path / "out", settings, analyze=breaking, html=False)
    assert outcome.done
    assert codes(outcome.folder) == ["store_unavailable"]
    assert outcome.row is not None
    assert "store_unavailable" in str(outcome.row["quality_codes"])


@pytest.mark.parametrize("metadata", [{"agent_id": ""}, {"agent_id": None}])
def test_calls_of_nobody_do_not_open_the_store(metadata: dict[str, Any], tmp_path: Path) -> None:
    """Without an agent there is nothing to compare with or to keep."""
    path = recorded(tmp_path, "a", **metadata)
    settings = with_store(f"sqlite:///{tmp_path}/none/store.sqlite")
    assert process_call(path, tmp_path / "out", settings, analyze=Analyst(), html=False).done
    assert not (tmp_path / "none").exists()


def test_a_failed_call_leaves_no_row(url: str, tmp_path: Path) -> None:
    """A call that has no report has no part in a baseline."""

    def failing(*_: Any, **__: Any) -> Analysis:
        raise KeyError("turn")

    settings = with_store(url)
    path = recorded(tmp_path, "a")
    assert not process_call(path, tmp_path / "out", settings, analyze=failing, html=False).done
    with open_store(settings.store).session() as session:
        assert calls_of(session) == []


def test_unknown_roles_leave_no_row(url: str, tmp_path: Path) -> None:
    """Figures that may be the customer's are never kept as the agent's."""

    def unsure(*args: Any, **options: Any) -> Analysis:
        made = Analyst()(*args, **options)
        separation = dataclasses.replace(made.separation, role_method="unknown")
        return dataclasses.replace(made, separation=separation)

    settings = with_store(url)
    path = recorded(tmp_path, "a")
    assert process_call(path, tmp_path / "out", settings, analyze=unsure, html=False).done
    with open_store(settings.store).session() as session:
        assert calls_of(session) == []


def test_a_batch_is_in_order_of_dates(tmp_path: Path) -> None:
    """Earlier calls are analyzed first, whatever their names and time zones; undated ones come last."""
    starts = {"a": "2026-03-02T09:00:00+09:00", "b": "2026-03-01T20:00:00-05:00", "c": None}
    starts |= {"d": "2026-03-02T00:30:00", "e": "0001-01-01T00:00:00+09:00", "f": "2026-02-01"}
    paths = [recorded(tmp_path, name, started_at=start) for name, start in starts.items()]
    planned = plan(((path, str(path)) for path in paths), tmp_path / "out", factories.settings())
    assert [call.metadata.call_id for call in planned.calls] == ["f", "a", "d", "b", "c", "e"]
