"""A Prefect server with its pages, a worker, and every deployment of ``prefect.yaml``, until Ctrl-C.

``python -m flows.serve [--port N]``, or ``make server``.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from flows.environment import PRIVATE_UMASK, prepare_command

ROOT = Path(__file__).resolve().parent.parent
POOL = "callcoach"
HOST = "127.0.0.1"
START_S = 180.0
STOP_S = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal, or until one of the two processes ends by itself."""
    parser = argparse.ArgumentParser(prog="python -m flows.serve", description=__doc__)
    parser.add_argument("--port", type=int, default=4200, help="port of server and pages on this machine")
    port = parser.parse_args(arguments).port
    prepare_command()
    address = f"http://{HOST}:{port}"
    os.environ["PREFECT_API_URL"] = f"{address}/api"
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "WARNING"
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has started it in the background
        signal.signal(number, _interrupt)
    try:
        with _running("server", "start", "--host", HOST, "--port", str(port), "--analytics-off") as server:
            _await(f"{address}/api/health", server)
            _do("work-pool", "create", POOL, "--type", "process", "--overwrite")
            _do("deploy", "--all")
            with _running("worker", "start", "--pool", POOL, "--type", "process") as worker:
                sys.stdout.write(f"{address} is ready; Ctrl-C ends it\n")
                sys.stdout.flush()
                while server.poll() is None and worker.poll() is None:
                    time.sleep(0.2)
    except KeyboardInterrupt:
        return 0
    return 1


def _prefect(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "prefect", "--no-prompt", *arguments]


def _do(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603  # our own arguments
        _prefect(arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"prefect {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the block. Ctrl-C in a terminal is for this program to act on, so it gets a session of
    its own."""
    process = subprocess.Popen(  # noqa: S603  # our own arguments
        _prefect(arguments),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        umask=PRIVATE_UMASK,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit("the Prefect server ended at once; is its port in use? Choose another by --port")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  # our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise SystemExit(f"the Prefect server did not answer within {START_S:.0f} s")


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
