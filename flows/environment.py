"""Prefect's environment, set before Prefect is imported. What the user has set is left alone."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pipeline import telemetry
from pipeline.errors import SettingsError

NO_TELEMETRY = telemetry.OFF | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
STEADY = {
    # a cold start takes up to 14 s, under load more than Prefect's 20
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # it keeps SQLite locked: task runs stalled for 60 s at a time
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
}
DATABASE = "prefect.db"
PRIVATE_UMASK = 0o077
"""Of a Prefect server that we start: its database has call ids in the names of runs."""
QUIET = {
    # a failed call is told by callcoach in one line; the run's log, with its server, keeps the whole story
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
}

GET_PREFECT = "get it by `make install`, or pip install -r requirements.lock"


def prepare() -> None:
    """For every use of Prefect: no telemetry, no stalls."""
    for name, value in (NO_TELEMETRY | STEADY).items():
        os.environ.setdefault(name, value)


def prepare_command() -> None:
    """For a flow run from the command line: quiet, and with a Prefect database of its own.

    Raises:
        SettingsError: Prefect is not installed, or there is no place for that database.
    """
    from pipeline.files import close_to_others, make_folder
    from pipeline.privacy.place import PRIVATE

    if not _is_installed():
        raise SettingsError(f"Prefect, which the night runs on, is not installed here; {GET_PREFECT}")
    prepare()
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    home = _home()
    try:
        make_folder(home, PRIVATE)  # its database has call ids in the names of runs
        if home == _own_home():
            close_to_others(home, PRIVATE.folder)
        for file in home.glob(f"{DATABASE}*"):
            close_to_others(file, PRIVATE.file)
    except OSError as error:
        raise SettingsError(
            f"{home}: Prefect's files cannot be kept there ({error.strerror}); set PREFECT_HOME to a folder "
            "that is writable"
        ) from error
    os.environ["PREFECT_HOME"] = str(home)


def _is_installed() -> bool:
    return importlib.util.find_spec("prefect") is not None


def _home() -> Path:
    given = os.environ.get("PREFECT_HOME")
    return Path(given) if given else _own_home()


def _own_home() -> Path:
    import platformdirs

    return platformdirs.user_state_path("callcoach") / "prefect"


def checks() -> Iterator[tuple[str, Literal["ok", "note", "problem"], str, str]]:
    """What ``callcoach doctor`` shows of Prefect: (name, status, detail, advice)."""
    from pipeline.files import open_to_others
    from pipeline.settings import without_password

    if not _is_installed():
        yield "prefect", "note", "not installed: there is no `callcoach nightly`", GET_PREFECT
        return
    prepare()
    address = os.environ.get("PREFECT_API_URL")
    where = f"server {without_password(address)}" if address else "a temporary server for each run"
    home = _home()
    if open_to_others(home):
        detail = f"{where}; PREFECT_HOME {home}, a folder that others on this machine can use"
        yield "prefect", "note", detail, f"chmod 700 {home}; callcoach keeps {DATABASE} in it private"
    else:
        yield "prefect", "ok", f"{where}; PREFECT_HOME {home}", ""
    on = [name for name, value in NO_TELEMETRY.items() if os.environ[name] != value]
    if on:
        settings = ", ".join(f"{name}={os.environ[name]}" for name in on)
        yield "telemetry", "note", f"may be on: {settings}", "unset them to turn it off"
    else:
        yield "telemetry", "ok", "off", ""
