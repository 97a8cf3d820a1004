"""``callcoach nightly`` where no Prefect server is named: one of its own, for as long as it runs."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from flows.environment import checks, prepare_command
from pipeline.errors import SettingsError
from pipeline.nightly import run_night
from tests import factories, fakes

ROOT = Path(__file__).parents[2]
KEPT_OPEN = """
import os, time
from flows.environment import prepare_command
prepare_command()
from flows.temporary import is_named, start_temporary_server
assert not is_named()
start_temporary_server()
assert is_named()
print(os.environ["PREFECT_API_URL"], flush=True)
time.sleep(600)
"""


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return kept | {"PREFECT_HOME": str(home)}


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=60).is_success
    except httpx.TransportError:
        return False


def test_the_server_of_a_killed_run_ends(tmp_path: Path) -> None:
    """Nothing is left of a run that could not tidy up."""
    run = subprocess.Popen(
        [sys.executable, "-c", KEPT_OPEN],
        env=environment(tmp_path),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    address = run.stdout.readline().strip()
    assert answers(address)
    run.send_signal(signal.SIGKILL)
    run.wait()
    deadline = time.monotonic() + 60
    while answers(address) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not answers(address)


@pytest.mark.parametrize("given", [True, False])
def test_only_the_user_can_read_the_database(tmp_path: Path, given: bool) -> None:
    """Ids of calls are in it: whatever the folder's mode and the umask; a folder of ours is closed, too."""
    home = tmp_path / ("prefect" if given else "callcoach/prefect")
    home.mkdir(parents=True)
    home.chmod(0o755)
    kept = environment(home) | {"XDG_STATE_HOME": str(tmp_path)}
    if not given:
        del kept["PREFECT_HOME"]
    earlier = home / "prefect.db"
    if not given:
        sqlite3.connect(earlier).executescript("PRAGMA journal_mode=WAL; CREATE TABLE t(c)")
        earlier.chmod(0o644)
    run = subprocess.Popen(
        [sys.executable, "-c", KEPT_OPEN],
        env=kept,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        umask=0o022,
    )
    assert run.stdout is not None
    try:
        assert answers(run.stdout.readline().strip())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.glob("prefect.db*")}
    finally:
        run.kill()
        run.wait()
    assert modes == dict.fromkeys(("prefect.db", "prefect.db-shm", "prefect.db-wal"), 0o600)
    assert stat.S_IMODE(home.stat().st_mode) == (0o755 if given else 0o700)


def test_doctor_notes_a_folder_that_others_can_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that the user chose is left as it is, and said."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    statuses = []
    for mode in (0o755, 0o700):
        tmp_path.chmod(mode)
        statuses += [status for name, status, *_ in checks() if name == "prefect"]
    assert statuses == ["note", "ok"]


def test_without_prefect_there_is_no_night_and_a_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demonstration installs no Prefect: doctor notes it, and the command says how to get it."""
    monkeypatch.setattr("flows.environment.importlib.util.find_spec", lambda name: None)
    ((name, status, detail, advice),) = checks()
    assert (name, status) == ("prefect", "note")
    assert "callcoach nightly" in detail
    assert "make install" in advice
    with pytest.raises(SettingsError, match="Prefect, which the night runs on, is not installed"):
        prepare_command()


def nightly(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    places = ["--source", str(tmp_path / "calls"), "--out", str(tmp_path / "out")]
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "nightly", *places, "--json", *assigned(tmp_path)],
        env=environment(tmp_path / "prefect"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def assigned(tmp_path: Path) -> list[str]:
    store = f"store.url=sqlite:///{tmp_path}/store.sqlite"
    return ["--set", store, "--set", "output.audio=none", "--set", "recognizer.model=tiny.en"]


def test_a_night_without_work_starts_none(tmp_path: Path) -> None:
    """It finds out, says what a night says, and leaves Prefect alone; one with work is recorded there."""
    fakes.record(tmp_path / "calls", "a", "reject-b")
    given = [each for each in assigned(tmp_path) if each != "--set"]
    run_night(
        factories.settings(*given),
        source=str(tmp_path / "calls"),
        out=str(tmp_path / "out"),
        analyze=fakes.analyze,
    )
    done = nightly(tmp_path)
    result = json.loads(done.stdout)
    assert (done.returncode, result["unchanged"], result["failed"]) == (1, 1, 1)
    assert result["failures"][0]["call_id"] == "reject-b"
    assert not (tmp_path / "prefect/prefect.db").exists()
    fakes.record(tmp_path / "calls", "c")
    done = nightly(tmp_path)
    assert json.loads(done.stdout)["analyzed"] == 1, done.stderr
    with sqlite3.connect(tmp_path / "prefect/prefect.db") as database:
        assert database.execute("SELECT name, state_name FROM task_run").fetchall() == [("c", "Completed")]
        assert database.execute("SELECT state_name FROM flow_run").fetchall() == [("CompletedWithFailures",)]


def test_no_such_source_is_a_usage_error(tmp_path: Path) -> None:
    """It is found without a server, and said in one line."""
    done = nightly(tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "prefect/prefect.db").exists()
