"""Calls on a Dask cluster of real processes: what is lost with a worker, and who is told."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.batch import CallOutcome
from pipeline.cluster import ClusterPool
from pipeline.errors import ModelUnavailable, SettingsError
from pipeline.planning import plan
from pipeline.storage import Output
from pipeline.workers import WorkersUnusable
from tests import factories, fakes
from tests.dask_cluster import Cluster, dask_cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with dask_cluster(workers=2) as cluster:
        yield cluster


def pool(address: str, *assignments: str) -> ClusterPool:
    settings = factories.settings(f"batch.dask_address={address}", "batch.dask_wait_s=10", *assignments)
    return ClusterPool(settings, analyze=fakes.analyze_alike)


def deliver(pool: ClusterPool, paths: list[Path], out: Path) -> dict[str, CallOutcome]:
    """Outcomes by call id of calls that are given to the cluster at the same time."""
    output = Output(str(out), out)
    calls = plan(((path, str(path)) for path in paths), out, factories.settings()).calls
    with ThreadPoolExecutor(len(calls)) as threads:
        outcomes = list(threads.map(lambda call: pool.deliver(call, "analyze", output), calls))
    return {str(outcome.call_id): outcome for outcome in outcomes}


def test_trouble_stays_a_calls_own_on_a_cluster(cluster: Cluster, tmp_path: Path) -> None:
    """Crashes, hangs and rejections end their own call with its reason and cost the cluster no worker."""
    paths = fakes.record(tmp_path, "a", "crash-b", "hang-c", "reject-d", "e", seconds=0.5)
    with pool(cluster.address, "batch.call_timeout_base_s=8", "batch.call_timeout_ratio=0.5") as workers:
        assert workers.workers in (1, 2)
        outcomes = deliver(workers, paths, tmp_path / "out")
    assert {name: outcome.error for name, outcome in outcomes.items()} == {
        "a": None,
        "crash-b": "worker process died with exit code 66",
        "hang-c": "the call took more than 8 s",
        "reject-d": f"{paths[3]}: has no speech",
        "e": None,
    }
    assert outcomes["a"].folder == tmp_path / "out/a"
    assert all(process.poll() is None for process in cluster.processes)


def test_call_that_takes_its_machine_along_fails_alone(cluster: Cluster, tmp_path: Path) -> None:
    """A call under which two Dask workers are lost fails and may pass another time; the rest is done."""
    poison, *others = fakes.record(tmp_path, "oom-a", "b", "c")
    with pool(cluster.address) as workers:
        failed = deliver(workers, [poison], tmp_path / "out")["oom-a"]
        assert failed.error == "2 Dask workers were lost under it"
        assert (failed.error_kind, failed.expected, failed.retriable) == ("WorkerLost", True, True)
        cluster.start_worker()
        assert all(one.done for one in deliver(workers, others, tmp_path / "out").values())


def test_missing_model_stops_a_batch_on_a_cluster(cluster: Cluster, tmp_path: Path) -> None:
    """What stops a batch on one machine stops it on a cluster."""
    with pool(cluster.address) as workers, pytest.raises(ModelUnavailable, match="is not on this machine"):
        deliver(workers, fakes.record(tmp_path, "nomodel-a"), tmp_path / "out")


def test_cluster_that_cannot_work_is_named() -> None:
    """No scheduler, no worker, no address, a nanny: the batch ends at once and says what to do."""
    with pytest.raises(SettingsError, match="is not an address"):
        pool("somewhere://")
    with pytest.raises(WorkersUnusable, match="no Dask scheduler answers"):
        pool("tcp://127.0.0.1:9", "batch.dask_wait_s=1")
    with dask_cluster(workers=0) as empty, pytest.raises(WorkersUnusable, match="has no workers"):
        pool(empty.address, "batch.dask_wait_s=1")


def test_cluster_lost_in_the_middle_stops_the_batch(tmp_path: Path) -> None:
    """A batch whose workers or whose scheduler are gone ends instead of waiting for ever."""
    paths = fakes.record(tmp_path, "slow-a", "slow-b")
    for lost, reason in ((1, "has had no Dask worker for 4 s"), (0, "scheduler was lost")):
        path = paths[lost]
        with dask_cluster(workers=1) as cluster, pool(cluster.address, "batch.dask_wait_s=4") as workers:
            killer = threading.Thread(target=_kill_once_begun, args=(cluster.processes[lost].pid, path))
            killer.start()
            with pytest.raises(WorkersUnusable, match=reason):
                deliver(workers, [path], tmp_path / "out")
            killer.join()


def _kill_once_begun(process: int, path: Path) -> None:
    mark = path.with_suffix(".owner")
    until = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process, signal.SIGKILL)


def test_models_stay_loaded_within_a_batch_and_not_after(cluster: Cluster, tmp_path: Path) -> None:
    """Calls of a batch on one Dask worker share its process with the models, which ends with the batch."""
    cluster.processes.pop().kill()
    paths = fakes.record(tmp_path, "a", "b")
    settings = factories.settings(f"batch.dask_address={cluster.address}")
    with ClusterPool(settings, analyze=fakes.analyze) as workers:
        outcomes = deliver(workers, paths, tmp_path / "out")
        (made_by,) = {(outcome.row or {})["codec"] for outcome in outcomes.values()}
    process = int(str(made_by).removeprefix("worker "))
    until = time.monotonic() + 20
    while Path(f"/proc/{process}").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(f"/proc/{process}").exists()
