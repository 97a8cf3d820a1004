"""A Dask cluster of the test run's own: a scheduler and workers as processes of this machine."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_S = 60
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",  # as deploy/dask.yaml
}
WORKER = ("worker", "--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--no-dashboard")


@dataclass
class Cluster:
    """``start_worker`` adds one; all end with the test."""

    address: str
    folder: Path
    processes: list[subprocess.Popen[bytes]]

    def start_worker(self, *more: str) -> subprocess.Popen[bytes]:
        command = (*WORKER, self.address, "--host", "127.0.0.1", "--local-directory", str(self.folder), *more)
        self.processes.append(_start(*command, log=self.folder / f"worker-{len(self.processes)}.log"))
        return self.processes[-1]

    def logged(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


@contextmanager
def dask_cluster(workers: int) -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="callcoach-dask-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        told = folder / "scheduler.json"
        command = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told))
        scheduler = _start(*command, "--no-dashboard", log=folder / "scheduler.log")
        cluster = Cluster(_address(told, scheduler), folder, [scheduler])
        try:
            for _ in range(workers):
                cluster.start_worker()
            yield cluster
        finally:
            for process in reversed(cluster.processes):
                process.send_signal(signal.SIGKILL)
                process.wait()


def _start(*arguments: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            stdout=file,
            stderr=file,
            env=os.environ | ENVIRONMENT,
        )


def _address(told: Path, scheduler: subprocess.Popen[bytes]) -> str:
    import json

    until = time.monotonic() + START_S
    while time.monotonic() < until and scheduler.poll() is None:
        try:
            return str(json.loads(told.read_text())["address"])
        except (OSError, ValueError):
            time.sleep(0.05)
    raise AssertionError(told.with_suffix(".log").read_text())
