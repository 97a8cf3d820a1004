"""What must not cost a night anything for good: after each fault a rerun ends where an undisturbed run ends.

Real processes, files and databases; only the analysis is a stand-in.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StageFailed
from pipeline.nightly import Night, run_night
from pipeline.processes import is_alive
from pipeline.store.database import open_store
from pipeline.store.ledger import entries
from tests import factories, fakes
from tests.store.server import stoppable

ROOT = Path(__file__).parents[2]
NAMES = ("a", "once-b", "c", "slow-d")
PATIENCE_S = 120.0


class Place:
    """Recordings, an output and a ledger of a test's own, and nights over them."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.calls, self.out, self.journal = folder / "calls", folder / "out", folder / "journal"
        self.store = f"sqlite:///{folder}/store/callcoach.sqlite"
        fakes.record(self.calls, *names)

    def assignments(self) -> list[str]:
        return [f"store.url={self.store}", "store.timeout_s=20", "batch.heartbeat_s=0.2", "output.audio=none"]

    def night(self, *assignments: str) -> Night:
        settings = factories.settings(*self.assignments(), *assignments)
        return run_night(settings, source=str(self.calls), out=str(self.out), analyze=fakes.analyze)

    def program(self, *options: str) -> subprocess.Popen[str]:
        """A night in a process of its own."""
        command = [sys.executable, "-m", "tests.faults.night", str(self.calls), str(self.out)]
        return subprocess.Popen(
            [*command, *self.assignments(), *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def begun(self) -> list[tuple[str, int]]:
        """Call and process of each analysis that has begun."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [(name, int(process)) for name, process in map(str.split, lines)]

    def await_call(self, name: str) -> int:
        """The process that has begun with a call."""
        found = waited_for(lambda: [process for call, process in self.begun() if call == name])
        return int(found[0])

    def states(self) -> dict[str, str]:
        settings = factories.settings(*self.assignments())
        with open_store(settings.store).session() as session:
            return {row.call_id: row.state for row in entries(session)}

    def result(self) -> dict[str, Any]:
        """All that a night leaves, but for times, processes and places."""
        assert [path.name for path in self.out.rglob("*.part")] == []
        calls = {}
        for folder in sorted(path for path in self.out.iterdir() if path.is_dir() and path.name != "agents"):
            document = json.loads((folder / "analysis.json").read_bytes())
            document["call"] |= {"source": None, "codec": None, "language": None}
            document["provenance"] |= {"created_at": None, "stage_seconds": None}
            document["thresholds"] = None
            calls[folder.name] = (sorted(path.name for path in folder.iterdir()), document)
        summary = json.loads((self.out / "summary.json").read_bytes())
        return {"calls": calls, "count": summary["calls"], "failures": summary["failures"]}


def waited_for(question: Callable[[], Any]) -> Any:
    """The answer, once it is not nothing."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a night leaves to which nothing happens."""
    place = Place(tmp_path_factory.mktemp("undisturbed"), *NAMES)
    (place.calls / "once-b.begun").touch()
    assert place.night().counts["analyzed"] == len(NAMES)
    return place.result()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path, *NAMES)
    monkeypatch.setenv("FAKE_JOURNAL", str(made.journal))
    return made


def unhindered(place: Place) -> None:
    (place.calls / "once-b.begun").touch()


def test_a_killed_worker_costs_its_call_one_try(place: Place, undisturbed: dict[str, Any]) -> None:
    """The call is done in the same run by another process, and the others are not touched."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(place.night)
        os.kill(place.await_call("once-b"), signal.SIGKILL)
        assert running.result(PATIENCE_S).counts["analyzed"] == len(NAMES)
    assert Counter(name for name, _ in place.begun()) == Counter([*NAMES, "once-b"])
    assert place.result() == undisturbed
    assert place.night().counts["unchanged"] == len(NAMES)


def test_a_killed_run_is_taken_over_at_once(place: Place, undisturbed: dict[str, Any]) -> None:
    """Its processes end with it; the next run takes its call over and does nothing twice that was done."""
    program = place.program()
    worker = place.await_call("once-b")
    program.send_signal(signal.SIGKILL)
    program.communicate()
    waited_for(lambda: not is_alive(worker))
    assert place.states()["once-b"] == "running"
    night = place.night()
    assert (night.counts["elsewhere"], night.counts["failed"]) == (0, 0)
    assert Counter(name for name, _ in place.begun()) == Counter([*NAMES, "once-b"])
    assert place.result() == undisturbed
    assert set(place.states().values()) == {"done"}


def test_a_full_disk(place: Place, undisturbed: dict[str, Any]) -> None:
    """Calls that cannot be written fail with the reason and leave nothing half; with room they are done."""
    unhindered(place)
    told, error = (program := place.program("--file-bytes=20000")).communicate(timeout=PATIENCE_S)
    assert program.returncode == 1
    assert "File too large" in told + error
    assert [path for path in place.out.rglob("*") if path.suffix == ".part"] == []
    assert place.night().counts["failed"] == 0
    assert place.result() == undisturbed


def test_an_output_that_cannot_be_written(place: Place, undisturbed: dict[str, Any]) -> None:
    """It is found before any work is done; one call's folder costs that call alone."""
    unhindered(place)
    place.out.write_text("in the way")
    with pytest.raises(StageFailed, match="cannot be written"):
        place.night()
    assert place.begun() == []
    place.out.unlink()
    place.out.mkdir()
    (place.out / "c").write_text("in the way")
    night = place.night()
    assert [bad.call_id for bad in night.failures] == ["c"]
    (place.out / "c").unlink()
    assert place.night().counts == night.counts | {"analyzed": 1, "unchanged": 3, "failed": 0}
    assert place.result() == undisturbed


def test_the_database_stops(place: Place, undisturbed: dict[str, Any]) -> None:
    """The night goes on without its ledger and says so; the next one finds what was done."""
    unhindered(place)
    (place.calls / "c.json").write_text('{"agent_id": "maya"}')
    with stoppable() as (folder, turn), ThreadPoolExecutor(1) as thread:
        place.store = f"postgresql://callcoach@/postgres?host={folder}"
        running = thread.submit(place.night)
        place.await_call("a")
        turn("stop")
        night = running.result(PATIENCE_S)
        assert (night.counts["analyzed"], night.counts["failed"]) == (len(NAMES), 0)
        assert "store" in (night.ledger_error or "")
        turn("start")
        again = place.night()
        assert again.counts["analyzed"] <= 1  # the agent's call, if it met no store
        assert again.ledger_error is None
        assert set(place.states().values()) == {"done"}
        (place.calls / "c.json").unlink()
        place.night()
    assert place.result() == undisturbed


def test_half_of_the_recordings_are_damaged(place: Place, undisturbed: dict[str, Any]) -> None:
    """They fail at once, are left alone while they stay as they are, and are done once they are repaired."""
    unhindered(place)
    whole = {name: (place.calls / f"{name}.wav").read_bytes() for name in ("c", "slow-d")}
    for name in whole:
        (place.calls / f"{name}.wav").write_bytes(os.urandom(4000))
    first, second = place.night(), place.night()
    assert first.counts["failed"] == second.counts["failed"] == 2
    assert second.seconds < first.seconds
    assert {bad.error for bad in first.failures} == {bad.error for bad in second.failures}
    for name, content in whole.items():
        (place.calls / f"{name}.wav").write_bytes(content)
    assert place.night().counts["analyzed"] == 2
    assert place.result() == undisturbed


def test_a_recording_that_grows(place: Place, undisturbed: dict[str, Any]) -> None:
    """What was read of it too early does not stay."""
    unhindered(place)
    path = place.calls / "a.wav"
    whole = path.read_bytes()
    path.write_bytes(whole[:8000])
    written = threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            for start in range(8000, len(whole), 64):
                file.write(whole[start : start + 64])
                time.sleep(0.002)
        written.set()

    writer = threading.Thread(target=grow)
    writer.start()
    place.night()
    writer.join()
    assert place.night("batch.max_attempts=1").counts["failed"] == 0
    assert path.read_bytes() == whole
    assert place.result() == undisturbed


def test_two_runs_at_once_share_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call is done by one of them, and the last to end leaves an index of all."""
    names = [f"slow-{number}" for number in range(8)]
    place = Place(tmp_path, *names)
    monkeypatch.setenv("FAKE_JOURNAL", str(place.journal))
    programs = [place.program("batch.workers=1") for _ in range(2)]
    told = [json.loads(program.communicate(timeout=PATIENCE_S)[0]) for program in programs]
    assert [program.returncode for program in programs] == [0, 0]
    assert Counter(name for name, _ in place.begun()) == Counter(names)
    assert sum(each["analyzed"] for each in told) == len(names)
    assert place.result()["count"] == len(names)
    assert place.states() == dict.fromkeys(names, "done")
