"""The ledger of a batch: a call is one run's alone, and stands as that run left it."""

import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.batch import CallOutcome
from pipeline.cli import main
from pipeline.errors import InputRejected, StageFailed
from pipeline.ledger import Ledger
from pipeline.planning import PlannedCall, plan
from pipeline.settings import Settings
from pipeline.store.database import Store, open_store
from pipeline.store.ledger import entries
from pipeline.store.tables import BatchCall
from tests import factories, fakes

OUT = "/srv/reports"


def settings_of(url: str, *assignments: str) -> Settings:
    return factories.settings(f"store.url={url}", *assignments)


def planned(folder: Path, *names: str) -> list[PlannedCall]:
    paths = fakes.record(folder, *names)
    return list(plan(((path, str(path)) for path in paths), folder / "out", factories.settings()).calls)


def outcome(call: PlannedCall, error: Exception | None = None) -> CallOutcome:
    from pipeline.batch import failed_outcome

    if error is not None:
        return failed_outcome(call.source, call.metadata.call_id, error, 1.0)
    return CallOutcome(source=call.source, call_id=call.metadata.call_id, status="done", seconds=1.0)


def row_of(url: str, call: PlannedCall) -> BatchCall:
    with open_store(settings_of(url).store).session() as session:
        (found,) = [row for row in entries(session, OUT) if row.call_id == call.metadata.call_id]
    return found


def test_of_many_runs_one_gets_a_call(url: str, tmp_path: Path) -> None:
    """Eight runs that saw the same ledger ask for the same calls at the same moment."""
    calls = planned(tmp_path, "a", "b", "c")
    ledgers = [Ledger(settings_of(url), OUT) for _ in range(8)]
    for ledger in ledgers:
        ledger.read()
    together = threading.Barrier(len(ledgers))

    def claims(ledger: Ledger) -> list[str]:
        together.wait()
        return [ledger.claim(call) for call in calls]

    with ThreadPoolExecutor(len(ledgers)) as threads:
        won = list(threads.map(claims, ledgers))
    assert [[run[index] for run in won].count("claimed") for index in range(3)] == [1, 1, 1]
    assert {claim for run in won for claim in run} == {"claimed", "elsewhere"}
    assert [ledger.failure for ledger in ledgers] == [None] * len(ledgers)


def test_what_another_run_has_settled_is_not_done_again(url: str, tmp_path: Path) -> None:
    """A run that planned before another finished a call learns of it when it asks for the call."""
    done, failed = planned(tmp_path, "a", "b")
    with Ledger(settings_of(url), OUT) as late, Ledger(settings_of(url), OUT) as early:
        for call in (done, failed):
            assert early.claim(call) == "claimed"
        early.settle(done, outcome(done))
        early.settle(failed, outcome(failed, StageFailed("out of memory")))
        assert (late.claim(done), late.claim(failed)) == ("done", "failed")
    with Ledger(settings_of(url), OUT) as next_night:
        assert next_night.claim(failed) == "claimed"


def test_a_silent_run_loses_its_calls(url: str, tmp_path: Path) -> None:
    """A call of a run on another machine is taken over once that has said nothing for long, not before."""
    (call,) = planned(tmp_path, "a")
    gone = Ledger(settings_of(url), OUT)
    gone.owner = "elsewhere-1:0"
    assert gone.claim(call) == "claimed"
    with Ledger(settings_of(url, "batch.claim_expires_s=60"), OUT) as ledger:
        assert ledger.claim(call) == "elsewhere"
        with open_store(settings_of(url).store).session() as session:
            (row,) = entries(session, OUT)
            row.heartbeat_at = datetime.now(UTC) - timedelta(seconds=61)
        assert ledger.claim(call) == "claimed"
        gone.settle(call, outcome(call))  # too late
        assert row_of(url, call).state == "running"
        ledger.settle(call, outcome(call))
    assert row_of(url, call).state == "done"


def test_heartbeats_are_written(url: str, tmp_path: Path) -> None:
    """While a run has a call, its entry stays young."""
    (call,) = planned(tmp_path, "a")
    with Ledger(settings_of(url, "batch.heartbeat_s=0.05"), OUT) as ledger:
        assert ledger.claim(call) == "claimed"
        first = row_of(url, call).heartbeat_at
        assert first is not None
        threading.Event().wait(0.5)
        later = row_of(url, call).heartbeat_at
        assert later is not None
        assert later > first


def test_a_run_that_ends_gives_back_what_it_has_not_finished(url: str, tmp_path: Path) -> None:
    """After Ctrl-C nobody has to wait until its claims are old."""
    (call,) = planned(tmp_path, "a")
    with Ledger(settings_of(url), OUT) as ledger:
        assert ledger.claim(call) == "claimed"
    assert row_of(url, call).state == "pending"


def test_failures_that_may_pass_end_in_quarantine(url: str, tmp_path: Path) -> None:
    """After the set number of tries; a new recording, or a release, starts the count again."""
    (call,) = planned(tmp_path, "a")
    states = []
    for _ in range(3):
        with Ledger(settings_of(url, "batch.quarantine_after=3"), OUT) as ledger:
            ledger.claim(call)
            ledger.settle(call, outcome(call, StageFailed("out of memory")))
            states.append((row_of(url, call).state, row_of(url, call).tries))
    assert states == [("failed", 1), ("failed", 2), ("quarantined", 3)]
    fakes.record(tmp_path, "a", seconds=2.0)
    with Ledger(settings_of(url), OUT) as ledger:
        ledger.claim(call)
        ledger.settle(call, outcome(call, StageFailed("out of memory")))
    assert (row_of(url, call).state, row_of(url, call).tries) == ("failed", 1)


def test_unexpected_errors_keep_their_text_to_themselves(url: str, tmp_path: Path) -> None:
    """The text of an error that the product did not write may quote a call."""
    rejected, broken = planned(tmp_path, "a", "b")
    with Ledger(settings_of(url), OUT) as ledger:
        for call, error in ((rejected, InputRejected("is empty")), (broken, KeyError("my card is 4111"))):
            ledger.claim(call)
            ledger.settle(call, outcome(call, error))
    assert (row_of(url, rejected).error_kind, row_of(url, rejected).error) == ("InputRejected", "is empty")
    assert (row_of(url, broken).error_kind, row_of(url, broken).error) == ("KeyError", "unexpected KeyError")


def test_done_calls_are_adopted(url: str, tmp_path: Path) -> None:
    """What was done without the ledger is in it afterwards, also over what it knew."""
    calls = planned(tmp_path, "a", "b")
    with Ledger(settings_of(url), OUT) as ledger:
        ledger.expect(calls[:1])
        ledger.adopt(calls, tmp_path)
        assert {row.state for row in ledger.read().values()} == {"done"}


def test_without_a_store_everything_may_be_done(tmp_path: Path) -> None:
    """A night does not wait for its ledger, and says why it had none."""
    (tmp_path / "file").touch()
    (call,) = planned(tmp_path / "calls", "a")
    with Ledger(settings_of(f"sqlite:///{tmp_path}/file/x.sqlite"), OUT) as ledger:
        ledger.expect([call])
        assert ledger.claim(call) == "claimed"
        ledger.settle(call, outcome(call))
    assert not ledger.available
    assert "cannot be created" in (ledger.failure or "")


def test_what_cannot_be_written_is_written_later(url: str, tmp_path: Path) -> None:
    """An outage of the store costs no outcome as long as the run lasts."""
    (call,) = planned(tmp_path, "a")
    ledger = Ledger(settings_of(url), OUT)
    with ledger:
        ledger.claim(call)
        ledger._available = False  # as after a failed question
        ledger.settle(call, outcome(call))
        assert row_of(url, call).state == "running"
    assert row_of(url, call).state == "done"


# --- callcoach status ---------------------------------------------------------------------------------


@pytest.fixture
def standing(url: str, tmp_path: Path) -> str:
    """A ledger with a call in each state that is shown."""
    good, bad, often = planned(tmp_path, "good", "bad", "often")
    with Ledger(settings_of(url, "batch.quarantine_after=1"), OUT) as ledger:
        for call, error in (
            (good, None),
            (bad, InputRejected("is empty")),
            (often, StageFailed("no memory")),
        ):
            ledger.claim(call)
            ledger.settle(call, outcome(call, error))
    return url


def status(url: str, *args: str) -> Result:
    return CliRunner().invoke(main, ["status", "--set", f"store.url={url}", *args])


def test_status_shows_what_stands(standing: str) -> None:
    """Counts, and each call that needs somebody, with its reason."""
    done = status(standing)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f"{OUT}: 0 pending, 0 running, 1 done, 1 failed, 1 quarantined"
    assert lines[1:] == ["  failed  bad  1 tries  is empty", "  quarantined  often  1 tries  no memory"]
    document: list[dict[str, Any]] = json.loads(status(standing, "--json").stdout)
    assert document[0]["counts"]["quarantined"] == 1
    assert json.loads(status(standing, "--json", "--out", "/elsewhere").stdout) == []


def test_released_calls_are_tried_again(standing: str) -> None:
    """One by name, or all; a call that has not failed cannot be released."""
    assert status(standing, "--retry", "often").stdout.startswith("1 released")
    assert " 1 pending" in status(standing).stdout
    assert status(standing, "--retry-all", "--out", OUT).stdout.startswith("1 released")
    assert status(standing).exit_code == 0
    refused = status(standing, "--retry", "good")
    assert refused.exit_code == 2
    assert "good: has not failed" in refused.stderr


def test_rows_are_replaced_only_as_seen(store: Store) -> None:
    """A change that another run has made in between is not overwritten."""
    from pipeline.store import ledger

    row = BatchCall(out=OUT, call_id="a", source="a.wav", state="pending", since=datetime.now(UTC))
    with store.session() as session:
        ledger.add(session, [row])
        ledger.replace(session, [(0, dataclasses.replace(row, state="done"))])
        ledger.replace(session, [(0, dataclasses.replace(row, state="failed"))])
    with store.session() as session:
        assert [(each.state, each.revision) for each in entries(session)] == [("done", 1)]
