"""A batch on a Dask cluster: whole calls go to Dask workers, which fetch, analyze, write and send them.

:class:`ClusterPool` is :class:`pipeline.batch.CallPool` with its processes on other machines. It is built on
``distributed.Client`` and not on Prefect's Dask task runner: that one ships flows and their tasks to the
workers, where a time-out cannot end a call and each call costs ten times as much, while here every thread of
a Dask worker hands its call to a process of a ``CallPool`` on its machine. So a call that crashes or hangs
ends its own process, not the Dask worker, on a cluster as on one machine, and only the machine's loss is left
to Dask, which then gives its calls to others. They do the same work again and write the same files.
"""

import dataclasses
import multiprocessing
import pickle
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.batch import Analyze, CallOutcome, CallPool, failed_outcome, without_work
from pipeline.errors import SettingsError, how_to_get
from pipeline.planning import Need, PlannedCall, need_of
from pipeline.settings import Settings
from pipeline.storage import Located, Output
from pipeline.workers import WorkerLost, WorkersUnusable

CHECK_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What all calls of a batch have in common; pickled, it is the identity of a worker's pool."""

    out: str
    settings: Settings
    html: bool
    analyze: Analyze | None


class ClusterPool:
    """The workers of the Dask cluster at ``batch.dask_address``; its methods may be called from threads."""

    def __init__(self, settings: Settings, *, html: bool = True, analyze: Analyze | None = None) -> None:
        """Connect, and wait for a first worker.

        Raises:
            SettingsError: Dask is not installed or this is not an address.
            WorkersUnusable: no scheduler answers there, or it has no workers.
        """
        self._address = str(settings.batch.dask_address)
        self._wait_s = settings.batch.dask_wait_s
        self._client = _connect(self._address, self._wait_s)
        self._make_job = partial(_Job, settings=settings, html=html, analyze=analyze)
        self._workers_seen_at = time.monotonic()

    @property
    def workers(self) -> int:
        """Calls that the cluster analyzes at a time, at present; one when it has lost all workers."""
        return self._threads() or 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            with suppress(OSError):  # the cluster is gone, and its pools with it
                self._client.run(_close_idle_pools, on_error="ignore")
        self._client.close(timeout=self._wait_s)

    def deliver(
        self, call: PlannedCall, need: Need, output: Output, only: Sequence[Need] = ("analyze", "rescore")
    ) -> CallOutcome:
        """Have some worker fetch a call, do what it needs and send its reports to ``output``.

        What a remote recording needs is seen there, once it is fetched; where that is not in ``only``, the
        outcome is ``unchanged``. A local output must be one folder for all machines. A call under which the
        cluster lost more workers than Dask allows fails, and may pass the next time.

        Raises:
            StorageFailed: the recording could not be fetched or the reports not sent.
            ModelUnavailable, SettingsError, WorkersUnusable: no call can be analyzed.
        """
        from distributed import CancelledError, KilledWorker

        started = time.perf_counter()
        job = self._make_job(out=output.uri if output.remote else str(output.local.absolute()))
        run = self._client.submit(
            _deliver,
            call if call.remote else dataclasses.replace(call, path=call.path.absolute()),
            need,
            pickle.dumps(job),
            tuple(only),
            key=("callcoach-call", call.metadata.call_id, uuid.uuid4().hex),  # Dask shows and groups by it
            pure=False,
        )
        try:
            outcome: CallOutcome = self._result(run)
        except KilledWorker as error:
            lost = WorkerLost(f"{error.allowed_failures + 1} Dask workers were lost under it", "")
            return failed_outcome(call.source, call.metadata.call_id, lost, time.perf_counter() - started)
        except CancelledError as error:
            raise self._scheduler_lost() from error
        if outcome.folder is None:
            return outcome
        return dataclasses.replace(outcome, folder=output.local / outcome.folder.name)

    def _result(self, run: Any) -> Any:
        """What ``run`` returns; while the cluster has no workers it is not waited for without end."""
        while True:
            try:
                return run.result(timeout=CHECK_S)
            except TimeoutError:
                if run.done():  # meanwhile, or by a time-out of its own
                    return run.result(timeout=self._wait_s)
                if not self._threads() and time.monotonic() - self._workers_seen_at > self._wait_s:
                    raise WorkersUnusable(
                        f"{self._address}: has had no Dask worker for {self._wait_s:.0f} s; start some"
                    ) from None

    def _threads(self) -> int:
        """Threads of all Dask workers."""
        try:
            threads = sum(map(int, self._client.nthreads().values()))
        except OSError as error:
            raise self._scheduler_lost() from error
        if threads:
            self._workers_seen_at = time.monotonic()
        return threads

    def _scheduler_lost(self) -> WorkersUnusable:
        return WorkersUnusable(f"{self._address}: the Dask scheduler was lost; run the batch again")


def _connect(address: str, wait_s: float) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise SettingsError(
            f"batch.dask_address is set, but Dask is not installed; {how_to_get('dask')}"
        ) from error
    try:
        client = Client(address, timeout=wait_s, set_as_default=False, name="callcoach")
    except ValueError as error:
        raise SettingsError(f"batch.dask_address: {address!r} is not an address ({error})") from error
    except OSError as error:
        raise WorkersUnusable(f"{address}: no Dask scheduler answers; check batch.dask_address") from error
    try:
        client.wait_for_workers(1, timeout=wait_s)
    except TimeoutError as error:
        client.close()
        raise WorkersUnusable(f"{address}: the scheduler has no workers; start some") from error
    return client


# --- on a Dask worker ---------------------------------------------------------------------------------


class _WorkerPool:
    """The pool of this Dask worker for one kind of job, and where it writes."""

    def __init__(self, job: _Job) -> None:
        from distributed import get_worker

        if multiprocessing.current_process().daemon:
            raise WorkersUnusable(
                "this Dask worker runs under a nanny and may not start processes; start it with --no-nanny"
            )
        self._folder = tempfile.TemporaryDirectory(prefix="callcoach-worker-")
        self.settings = job.settings
        self.staging = Path(self._folder.name)
        self.output = Output(job.out, self.staging)
        self.pool = CallPool(
            self.output.local,
            job.settings,
            workers=get_worker().state.nthreads,
            html=job.html,
            analyze=job.analyze,
        )
        self.users = 0

    def close(self) -> None:
        self.pool.__exit__(None, None, None)
        self._folder.cleanup()


_pools: dict[bytes, _WorkerPool] = {}
_pools_lock = threading.Lock()


def _deliver(call: PlannedCall, need: Need, job: bytes, only: Sequence[Need]) -> CallOutcome:
    """Runs in a thread of a Dask worker."""
    with _pool_of(job) as here:
        if call.remote:
            name = f"{uuid.uuid4().hex}{call.path.suffix}"
            call = dataclasses.replace(call, path=here.staging / "source" / name)
        folder = call.folder(here.output.local)
        here.output.pull_call(folder, reports=need == "rescore")
        located = Located(path=call.path, source=call.source)
        located.fetch()
        try:
            if call.remote:
                need = need_of(call, here.output.local, here.settings)
            if need not in only:
                return without_work(call, "unchanged")
            outcome = here.pool.process(call, need)
        finally:
            located.release()
        if outcome.folder is not None:
            here.output.push_call(outcome.folder)
        return outcome


@contextmanager
def _pool_of(job: bytes) -> Iterator[_WorkerPool]:
    """The pool for ``job``, which stays until another job comes or the batch ends: its models are loaded."""
    with _pools_lock:
        if job not in _pools:
            _close_idle_pools_locked()
            _pools[job] = _WorkerPool(pickle.loads(job))  # noqa: S301  # Dask has just unpickled this call
        here = _pools[job]
        here.users += 1
    try:
        yield here
    finally:
        with _pools_lock:
            here.users -= 1


def _close_idle_pools() -> None:
    with _pools_lock:
        _close_idle_pools_locked()


def _close_idle_pools_locked() -> None:
    for job in [job for job, here in _pools.items() if not here.users]:
        _pools.pop(job).close()
