"""A PostgreSQL server of the test run's own, reachable by a socket in a temporary folder only."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import missing

DEBIAN = Path("/usr/lib/postgresql")
USERS = ("postgres", "nobody")
"""Whom a root user runs it as: PostgreSQL refuses to run as root."""


@contextmanager
def postgresql() -> Iterator[str]:
    """The folder of the socket of a running server, whose superuser ``callcoach`` needs no password."""
    with stoppable() as (folder, _):
        yield folder


@contextmanager
def stoppable() -> Iterator[tuple[str, Callable[[str], None]]]:
    """The same, and what stops and starts it: called with ``stop`` or ``start``."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="callcoach-pg-") as name:
        folder = Path(name)
        as_user: tuple[str, ...] = ()
        if os.geteuid() == 0:
            user = next(user for user in USERS if _exists(user))
            shutil.chown(folder, user)
            as_user = ("runuser", "-u", user, "--")
        data, log = folder / "data", folder / "log"
        options = (
            f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=20"
        )

        def run(program: str, *args: str) -> None:
            command = [*as_user, str(programs / program), "-D", str(data), *args]
            done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60, check=False)
            if done.returncode:
                logged = log.read_text() if log.exists() else ""
                pytest.fail(f"{program} failed: {done.stderr}{done.stdout}{logged}")

        run("initdb", "-U", "callcoach", "--auth=trust", "--no-sync", "--no-locale", "-E", "UTF8")
        started = False

        def turn(to: str) -> None:
            nonlocal started
            if to == "start":
                run("pg_ctl", "start", "-w", "-l", str(log), "-o", options)
            elif started:
                run("pg_ctl", "stop", "-w", "-m", "immediate")
            started = to == "start"

        turn("start")
        try:
            yield name, turn
        finally:
            turn("stop")


def _programs() -> Path:
    """The folder of PostgreSQL's programs."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name))
    if not folders:
        missing("the store's tests need PostgreSQL's programs (Debian: apt-get install postgresql)")
    return folders[-1]


def _exists(user: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
