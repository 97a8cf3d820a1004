"""Worker processes that hold loaded models and are handed one job at a time.

A pool executor breaks as a whole when one of its processes dies, and cannot tell which job killed it.
Here a process has at most one job, so that a death or a passed deadline is that job's alone: the process
is replaced and the other jobs never notice.
"""

import faulthandler
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.errors import StageFailed

Allow = Callable[[float], None]
"""Called by a job to set its deadline anew: seconds from now."""
Handler = Callable[[Any, Allow], Any]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
OUTPUT_TAIL_BYTES = 4000
STARTS_BEFORE_GIVING_UP = 3
_SPAWN = multiprocessing.get_context("spawn")


class WorkerLost(Exception):
    """The process died under its job; ``output`` is the end of what it printed."""

    def __init__(self, reason: str, output: str) -> None:
        super().__init__(reason)
        self.output = output


class DeadlinePassed(Exception):
    """The job was not done in time; its process was killed."""


class WorkersUnusable(StageFailed):
    """Processes die before they are ready for any job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """``limit_s`` is a job's time until it sets another; ``recycle_after`` jobs a process is replaced."""

    workers: int
    threads: int
    limit_s: float
    recycle_after: int


class WorkerPool:
    """Up to ``workers`` processes, each started when first needed; ``run`` may be called from threads.

    ``factory`` is called once in every process and returns what handles jobs. It is where models load.
    """

    def __init__(self, factory: Callable[[], Handler], options: PoolOptions) -> None:
        self._factory = pickle.dumps(factory)
        self._options = options
        self._slots: queue.SimpleQueue[_Slot] = queue.SimpleQueue()
        self._all = [_Slot() for _ in range(options.workers)]
        for slot in self._all:
            self._slots.put(slot)
        self._outputs = tempfile.TemporaryDirectory(prefix="callcoach-workers-")
        self._lock = threading.Lock()
        self._failed_starts = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(kill=error is not None)

    def run(self, job: Any) -> Any:
        """What the handler returns for ``job``; waits for a free process.

        Raises:
            WorkerLost: the process died (or the pool was closed).
            DeadlinePassed: the job took too long.
            Exception: what the factory or the handler raised.
        """
        slot = self._slots.get()
        try:
            worker = slot.worker or self._start(slot)
            result = worker.run(job, self._options.limit_s)
            slot.jobs += 1
            if slot.jobs >= self._options.recycle_after:
                slot.drop(kill=False)
            return result
        except (WorkerLost, DeadlinePassed):
            slot.drop(kill=True)
            raise
        finally:
            self._slots.put(slot)

    def close(self, *, kill: bool = False) -> None:
        """End every process once it has no job; with ``kill``, now: ``run`` raises ``WorkerLost``."""
        with self._lock:
            self._closed = True
            present = [slot.worker for slot in self._all if slot.worker is not None]
        for worker in present if kill else ():
            worker.kill()
        slots = [self._slots.get() for _ in self._all]  # each is given back by the thread that had it
        for slot in slots:
            slot.drop(kill=kill)
        for slot in slots:
            self._slots.put(slot)
        self._outputs.cleanup()

    def _start(self, slot: "_Slot") -> "_Worker":
        with self._lock:
            if self._closed:
                raise WorkerLost("the batch was stopped", "")
            slot.worker = _Worker(self._factory, self._options.threads, Path(self._outputs.name))
            slot.jobs = 0
        try:
            slot.worker.await_ready(self._options.limit_s)
        except (WorkerLost, DeadlinePassed) as error:
            self._count_failed_start(error)
            raise
        except BaseException:
            slot.drop(kill=True)
            raise
        with self._lock:
            self._failed_starts = 0
        return slot.worker

    def _count_failed_start(self, error: Exception) -> None:
        with self._lock:
            self._failed_starts += 1
            if self._failed_starts < STARTS_BEFORE_GIVING_UP or self._closed:
                return
        raise WorkersUnusable(
            f"worker processes cannot start ({error}); `callcoach doctor` checks this machine"
        ) from error


@dataclass(slots=True)
class _Slot:
    """A place for one process, and how many jobs the present one has done."""

    worker: "_Worker | None" = None
    jobs: int = field(default=0)

    def drop(self, *, kill: bool) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.stop(kill=kill)


class _Worker:
    """One process and the pipe to it. Messages are pairs (kind, value)."""

    def __init__(self, factory: bytes, threads: int, outputs: Path) -> None:
        self._connection, theirs = _SPAWN.Pipe()
        handle, name = tempfile.mkstemp(suffix=".log", dir=outputs)
        os.close(handle)
        self._output = Path(name)
        self._process: SpawnProcess = _SPAWN.Process(
            target=_serve, args=(theirs, factory, threads, name), daemon=True
        )
        with _keyboard_interrupt_blocked():  # inherited: Ctrl-C is for the parent to act on
            self._process.start()
        theirs.close()

    def await_ready(self, limit_s: float) -> None:
        self._receive(limit_s, "loading the models")

    def run(self, job: Any, limit_s: float) -> Any:
        try:
            self._connection.send(job)
        except OSError as error:
            raise self._lost() from error
        return self._receive(limit_s, "the call")

    def kill(self) -> None:
        self._process.kill()

    def stop(self, *, kill: bool) -> None:
        """End the process; not killed, it ends by itself once its pipe is closed."""
        if kill:
            self.kill()
        self._connection.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._output.unlink(missing_ok=True)

    def _receive(self, limit_s: float, what: str) -> Any:
        deadline = time.monotonic() + limit_s
        while True:
            left_s = max(0.0, deadline - time.monotonic())
            try:
                ready = wait([self._connection, self._process.sentinel], timeout=left_s)
                if not ready:
                    raise DeadlinePassed(f"{what} took more than {limit_s:.0f} s")
                if self._connection not in ready:
                    raise self._lost()
                kind, value = self._connection.recv()
            except (EOFError, OSError) as error:
                raise self._lost() from error
            if kind == "allow":
                limit_s = value
                deadline = time.monotonic() + limit_s
            elif kind == "raised":
                raise value
            else:
                return value

    def _lost(self) -> WorkerLost:
        self._process.join(timeout=5)
        code = self._process.exitcode
        reason = f"by {signal.Signals(-code).name}" if code and code < 0 else f"with exit code {code}"
        return WorkerLost(f"worker process died {reason}", self._printed())

    def _printed(self) -> str:
        try:
            return self._output.read_bytes()[-OUTPUT_TAIL_BYTES:].decode("utf-8", "replace")
        except FileNotFoundError:
            return ""  # the pool was closed meanwhile


@contextmanager
def _keyboard_interrupt_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, factory: bytes, threads: int, output: str) -> None:
    """The worker process: build the handler once, then jobs until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _redirect_output(output)
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, str(threads))  # before numerical libraries are imported
    try:
        handle: Handler = pickle.loads(factory)()  # noqa: S301  # bytes of our own parent process
    except Exception as error:
        _send(connection, "raised", error)
        return
    _send(connection, "ready", None)
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        try:
            kind, value = "done", handle(job, lambda limit_s: connection.send(("allow", limit_s)))
        except Exception as error:
            kind, value = "raised", error
        if not _send(connection, kind, value):
            return


def _end_with_parent() -> None:
    """A killed parent leaves no process that goes on with a call which somebody else may take over."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _send(connection: Connection, kind: str, value: Any) -> bool:
    """Whether the parent is still there to read it."""
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301  # some exceptions pickle but do not come back
    except Exception as error:
        # kinds alone: what they say may quote the call, and this failure's text is published
        reason = f"{type(value).__name__} (not passed on: {type(error).__name__})"
        kind, value = "raised", StageFailed(reason)
    try:
        connection.send((kind, value))
    except OSError:
        return False
    return True


def _redirect_output(output: str) -> None:
    """Send what libraries print, natively too, to a file, where crashes leave their trace as well."""
    sys.stdout.flush()
    sys.stderr.flush()
    handle = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    faulthandler.enable()
