"""The flows against a temporary Prefect server: that they run, and what they do about failing calls."""

import asyncio
import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from prefect import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.server.services.scheduler import schedule_deployments
from prefect.testing.utilities import prefect_test_harness

import flows.analyze
import flows.nightly
import flows.retention
from pipeline.reports.table import read_parquet
from tests import fakes
from tests.dask_cluster import dask_cluster
from tests.s3_server import s3_server


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """A server with an empty database; one for all tests, since it takes ten seconds to start."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(autouse=True)
def _analyzed_by_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (flows.analyze, flows.nightly):
        monkeypatch.setattr(module, "ANALYZE", fakes.analyze)


def nightly(source: object, out: object, **parameters: Any) -> Any:
    return flows.nightly.nightly(source=str(source), out=str(out), **parameters, return_state=True)


async def _artifacts() -> list[Any]:
    async with get_client() as client:
        return [artifact.data for artifact in await client.read_artifacts()]


def test_failing_calls_are_recorded_and_the_batch_goes_on(tmp_path: Path) -> None:
    """Each failing call is named with its reason, the others are written, and the state says so."""
    fakes.record(tmp_path / "calls", "a", "crash-b", "reject-c", "flaky-d", "e")
    state = nightly(tmp_path / "calls", tmp_path / "out", workers=2)
    assert (state.name, state.type) == ("CompletedWithFailures", StateType.COMPLETED)
    result = state.result()
    assert (result["analyzed"], result["failed"], result["unchanged"]) == (3, 2, 0)
    assert {bad["call_id"]: bad["error"] for bad in result["failures"]} == {
        "crash-b": "worker process died with exit code 66",
        "reject-c": f"{tmp_path}/calls/reject-c.wav: has no speech",
    }
    summary = json.loads((tmp_path / "out/summary.json").read_bytes())
    assert (summary["calls"], summary["failed"]) == (3, 2)
    shown = str(asyncio.run(_artifacts()))
    assert "failed: reject-c" in shown
    assert "no speech" not in shown


def test_rerun_analyses_only_what_is_new_or_changed(tmp_path: Path) -> None:
    """The next night costs nothing for calls that are done, and the index still has them all."""
    fakes.record(tmp_path / "calls", "a", "b")
    assert nightly(tmp_path / "calls", tmp_path / "out").name == "Completed"
    before = (tmp_path / "out/a/analysis.json").stat().st_mtime_ns
    fakes.record(tmp_path / "calls", "b", "c", seconds=2.0)
    result = nightly(tmp_path / "calls", tmp_path / "out").result()
    assert (result["analyzed"], result["unchanged"]) == (2, 1)
    assert (tmp_path / "out/a/analysis.json").stat().st_mtime_ns == before
    assert json.loads((tmp_path / "out/summary.json").read_bytes())["calls"] == 3


def test_object_stores(tmp_path: Path) -> None:
    """Recordings and metadata come from a store, reports go to one, and a rerun knows them."""
    store = fsspec.filesystem("memory")
    for path in fakes.record(tmp_path, "a", "reject-b", "c"):
        store.put_file(str(path), f"/recorder/monday/{path.name}")
    store.pipe_file("/recorder/monday/a.json", b'{"agent_id": "maya", "started_at": "2026-03-02T09:00:00"}')
    result = nightly("memory://recorder", "memory://reports", date="2026-03-02").result()
    assert (result["analyzed"], result["failed"]) == (1, 0)
    assert result["index"] == "memory://reports/index.html"
    stored = json.loads(store.cat_file("/reports/a/analysis.json"))
    assert stored["call"]["agent_id"] == "maya"
    assert stored["call"]["source"] == "memory://recorder/monday/a.wav"
    assert store.exists("/reports/calls.parquet")
    result = nightly("memory://recorder", "memory://reports").result()
    assert (result["analyzed"], result["unchanged"], result["failed"]) == (1, 1, 1)


def test_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From bucket to bucket on an S3 server: sidecars, calls.csv, reports; reruns fetch what has changed."""
    fetched: list[str] = []

    def spy(method: str, path: str) -> bool:
        fetched.extend([path] if (method, Path(path).suffix) == ("GET", ".wav") else [])
        return False

    with s3_server(monkeypatch) as server:
        store = fsspec.filesystem("s3")
        for path in fakes.record(tmp_path, "a", "b", "c"):
            store.put_file(str(path), f"recorder/monday/{path.name}")
        store.pipe_file("recorder/monday/a.json", b'{"agent_id": "maya"}')
        store.pipe_file("recorder/monday/calls.csv", b"file,call_id,queue\nb.wav,B 2,billing\n")
        result = nightly("s3://recorder", "s3://reports/2026-03").result()
        assert (result["analyzed"], result["failed"], result["index"]) == (
            3,
            0,
            "s3://reports/2026-03/index.html",
        )
        names = {name.removeprefix("reports/2026-03/") for name in store.find("reports/2026-03")}
        folders = {name.partition("/")[0] for name in names if name.endswith("/analysis.json")}
        assert {"index.html", "summary.json", "calls.parquet", "a/audio.ogg", "a/report.html"} <= names
        assert len(folders) == 3
        stored = [json.loads(store.cat_file(f"reports/2026-03/{one}/analysis.json")) for one in folders]
        facts = {one["call"]["source"]: one["call"] for one in stored}
        assert facts["s3://recorder/monday/a.wav"]["agent_id"] == "maya"
        assert facts["s3://recorder/monday/b.wav"]["queue"] == "billing"
        written = {name: store.info(name)["LastModified"] for name in store.find("reports") if "/a/" in name}
        server.refuse = spy
        rerun = nightly("s3://recorder", "s3://reports/2026-03").result()
        assert (rerun["analyzed"], rerun["failed"], rerun["unchanged"], fetched) == (0, 0, 3, [])
        store.invalidate_cache()
        assert {name: store.info(name)["LastModified"] for name in written} == written
        (longer,) = fakes.record(tmp_path, "b", seconds=2.0)
        store.put_file(str(longer), "recorder/monday/b.wav")
        changed = nightly("s3://recorder", "s3://reports/2026-03").result()
        assert (changed["analyzed"], changed["unchanged"]) == (1, 2)
        assert set(fetched) == {"/recorder/monday/b.wav"}


def test_refused_upload_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call whose reports could not be sent is sent later, and not analyzed again: its recording is gone."""
    quick = flows.nightly.process.with_options(retry_delay_seconds=[0, 0, 0])
    monkeypatch.setattr(flows.nightly, "process", quick)
    (recording,) = fakes.record(tmp_path / "calls", "a")
    refused: list[str] = []

    def refuse(method: str, path: str) -> bool:
        if method != "PUT" or not path.endswith("/report.md") or len(refused) == 2:
            return False
        recording.unlink(missing_ok=True)
        refused.append(path)
        return True

    with s3_server(monkeypatch) as server:
        server.refuse = refuse
        result = nightly(tmp_path / "calls", "s3://reports").result()
        assert (result["analyzed"], result["failed"], len(refused)) == (1, 0, 2)
        assert fsspec.filesystem("s3").exists("reports/a/analysis.json")


def test_lost_dask_worker_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch on two Dask workers, one of them killed in the middle of a call, writes the very files that a
    batch on this machine writes; only the moment at which a summary was made is its own."""
    monkeypatch.setattr(flows.nightly, "ANALYZE", fakes.analyze_alike)
    calls = tmp_path / "calls"
    slow, *_ = fakes.record(calls, "slow-a", "b", "reject-c", "d", "e", "f")
    mark = slow.with_suffix(".owner")
    mark.touch()  # not slow here
    local = nightly(calls, tmp_path / "here", workers=2).result()
    mark.unlink()
    with dask_cluster(workers=2) as cluster:
        killer = threading.Thread(target=_kill_owner, args=(mark,))
        killer.start()
        assignments = [f"batch.dask_address={cluster.address}"]
        spread = nightly(calls, tmp_path / "there", assignments=assignments).result()
        killer.join()
        assert [process.poll() for process in cluster.processes].count(-signal.SIGKILL) == 1
    for result in (local, spread):
        assert (result["analyzed"], result["failed"], result["unchanged"]) == (5, 1, 0)
    here, there = _written(tmp_path / "here"), _written(tmp_path / "there")
    assert [name for name in here.keys() | there.keys() if here.get(name) != there.get(name)] == []
    rerun = nightly(calls, tmp_path / "there").result()
    assert (rerun["analyzed"], rerun["failed"], rerun["unchanged"]) == (0, 1, 5)


def _kill_owner(mark: Path) -> None:
    until = time.monotonic() + 90
    while not mark.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(int(mark.read_text()), signal.SIGKILL)


def _written(out: Path) -> dict[str, bytes]:
    """Every file by its name, byte for byte; but summary and pages without when they were made, and of
    the table the rows without the time of the analyses' files."""
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    rows = [row for _, row in read_parquet(out / "calls.parquet").values()]
    files["calls.parquet"] = json.dumps(rows).encode()
    del files["summary.md"]  # tells of the run: when, how long, how many an hour
    summary = json.loads(files["summary.json"])
    assert summary.pop("created_at")
    assert all(each.pop("since") for each in summary["ledger"]["failed"])
    files["summary.json"] = json.dumps(summary).encode()
    return {
        name: re.sub(rb"Made on [^<]*", b"", content) if name.endswith(".html") else content
        for name, content in files.items()
    }


def test_retention(tmp_path: Path) -> None:
    """The flow removes what is too old and tells how much; without limits it does nothing."""
    (path,) = fakes.record(tmp_path / "calls", "a")
    path.with_suffix(".json").write_text('{"started_at": "2020-03-02T09:00:00"}')
    out, own = str(tmp_path / "out"), [f"store.url=sqlite:///{tmp_path}/callcoach.sqlite"]
    nightly(tmp_path / "calls", out, assignments=own)
    state: Any = flows.retention.retention(out=out, assignments=own, return_state=True)
    assert state.result() == {"audio": 0, "transcript": 0, "metrics": 0, "failed": 0}
    limits = [*own, "privacy.metrics_days=365"]
    state = flows.retention.retention(out=out, assignments=limits, return_state=True)
    assert state.message == "audio 0, transcript 0, metrics 1, failed 0"
    assert not (tmp_path / "out/a").exists()


def test_analyze_call(tmp_path: Path) -> None:
    """One call on demand: tried again when that may help, never when the recording is at fault."""
    flaky, rejected = fakes.record(tmp_path, "flaky-a", "reject-b")
    out = str(tmp_path / "out")
    state: Any = flows.analyze.analyze_call(source=str(flaky), out=out, return_state=True)
    assert state.is_completed()
    assert state.result() == f"{out}/flaky-a"
    state = flows.analyze.analyze_call(source=str(rejected), out=out, return_state=True)
    assert state.is_failed()
    assert state.message == f"{rejected}: has no speech"


async def _scheduled() -> list[FlowRun]:
    """Runs that the scheduler makes for a deployment with a schedule every night."""
    deployment = await flows.nightly.nightly.ato_deployment(
        name="nightly", schedules=[CronSchedule(cron="30 3 * * *", timezone="Europe/Berlin")]
    )
    identity = await deployment.apply()
    await schedule_deployments(perpetual=None)  # a temporary server does not run its scheduler
    async with get_client() as client:
        wanted = DeploymentFilter(id=DeploymentFilterId(any_=[identity]))
        return await client.read_flow_runs(deployment_filter=wanted)


def test_cron_deployment_yields_scheduled_runs() -> None:
    """Some versions of SQLAlchemy make Prefect's scheduler create no runs without saying so."""
    runs = asyncio.run(_scheduled())
    assert runs
    assert all(run.state is not None and run.state.is_scheduled() for run in runs)
