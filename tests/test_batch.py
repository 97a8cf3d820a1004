"""Batches in real worker processes: what one call does must stay that call's own affair."""

import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.batch import CallOutcome, process_call, run_batch
from pipeline.errors import ModelUnavailable
from pipeline.planning import need_of, plan
from pipeline.settings import Settings
from pipeline.workers import WorkersUnusable
from tests import factories, fakes


def run(
    paths: Sequence[Path], out: Path, *assignments: str, workers: int = 1
) -> tuple[dict[str, CallOutcome], list[CallOutcome]]:
    """Outcomes by file name, and in the order in which they were told."""
    told: list[CallOutcome] = []
    outcomes = run_batch(
        paths,
        out,
        factories.settings(*assignments),
        on_outcome=told.append,
        workers=workers,
        analyze=fakes.analyze,
    )
    assert outcomes == told
    return {Path(outcome.source).stem: outcome for outcome in outcomes}, told


def facts(outcome: CallOutcome) -> dict[str, str]:
    assert outcome.folder is not None
    found: dict[str, str] = json.loads((outcome.folder / "analysis.json").read_bytes())["call"]
    return found


def test_every_kind_of_trouble_fails_alone(tmp_path: Path) -> None:
    """A crash, a rejection and a bug each fail their own call with its reason; the others are written."""
    paths = fakes.record(tmp_path, "a", "crash-b", "reject-c", "bug-d", "e")
    outcomes, _ = run(paths, tmp_path / "out", workers=2)
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        "a": "done",
        "crash-b": "failed",
        "reject-c": "failed",
        "bug-d": "failed",
        "e": "done",
    }
    assert outcomes["crash-b"].error == "worker process died with exit code 66"
    assert outcomes["reject-c"].error == f"{paths[2]}: has no speech"
    assert not outcomes["reject-c"].retriable
    assert outcomes["bug-d"].error == "unexpected KeyError: 'turn'"
    assert not outcomes["bug-d"].expected
    assert 'raise KeyError("turn")' in (outcomes["bug-d"].traceback or "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "e"]


def test_hanging_call_is_ended_at_its_deadline(tmp_path: Path) -> None:
    """A call that hangs is killed at its own deadline and costs the batch no more than that."""
    paths = fakes.record(tmp_path, "hang-a", "b", seconds=0.5)
    started = time.monotonic()
    outcomes, _ = run(paths, tmp_path / "out", "batch.call_timeout_base_s=8", "batch.call_timeout_ratio=0.5")
    assert outcomes["hang-a"].error_kind == "DeadlinePassed"
    assert outcomes["hang-a"].error == "the call took more than 8 s"
    assert not outcomes["hang-a"].retriable
    assert outcomes["b"].done
    assert time.monotonic() - started < 60


def test_two_recordings_with_one_call_id(tmp_path: Path) -> None:
    """The second of two recordings with one call id is refused and never overwrites the first's reports."""
    first, second = fakes.record(tmp_path, "a", "b")
    first.with_suffix(".json").write_text('{"call_id": "one"}')
    second.with_suffix(".json").write_text('{"call_id": "ONE"}')
    _, told = run([first, second], tmp_path / "out")
    by_source = {outcome.source: outcome for outcome in told}
    assert by_source[str(first)].done
    assert "call id 'ONE' is already that of" in (by_source[str(second)].error or "")
    assert facts(by_source[str(first)])["source"] == str(first)


def test_folder_of_another_recording_is_not_overwritten(tmp_path: Path) -> None:
    """A later run with another recording of the same name leaves the first one's reports alone."""
    (first,) = fakes.record(tmp_path / "mon", "a")
    (second,) = fakes.record(tmp_path / "tue", "a", seconds=2.0)
    earlier, _ = run([first], tmp_path / "out")
    later, _ = run([second], tmp_path / "out")
    (own,) = later.values()
    assert own.done
    assert own.call_id is not None
    assert own.call_id.startswith("a-")
    assert facts(earlier["a"])["source"] == str(first)
    _, again = run([second], tmp_path / "out")
    assert [outcome.call_id for outcome in again] == [own.call_id]


def test_equal_names_in_two_folders_and_endings_stay_apart(tmp_path: Path) -> None:
    """Recordings of one name in folders of days are calls of their own, without anybody naming them."""
    paths = [*fakes.record(tmp_path / "mon", "a"), *fakes.record(tmp_path / "tue", "a", seconds=2.0)]
    _, told = run(paths, tmp_path / "out")
    assert all(outcome.done for outcome in told)
    assert len({outcome.call_id for outcome in told}) == 2


def test_retriable_failure_is_tried_again(tmp_path: Path) -> None:
    """A failure that may pass is tried again at the end, and told only as what it finally became."""
    paths = fakes.record(tmp_path, "flaky-a", "b")
    outcomes, told = run(paths, tmp_path / "out")
    assert outcomes["flaky-a"].done
    assert [outcome.call_id for outcome in told] == ["b", "flaky-a"]


def test_missing_model_stops_the_batch(tmp_path: Path) -> None:
    """Without its model no call can be analyzed, so that the batch ends at once and says so."""
    paths = fakes.record(tmp_path, "nomodel-a", *(f"hang-{n}" for n in range(3)))
    with pytest.raises(ModelUnavailable, match="is not on this machine"):
        run(paths, tmp_path / "out", workers=2)
    assert not multiprocessing.active_children()


class _DiesOnArrival:
    """An analysis that ends every process which unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (7,)


def test_workers_that_cannot_start_stop_the_batch(tmp_path: Path) -> None:
    """Processes that die before they are ready end the batch instead of failing every call in turn."""
    paths = fakes.record(tmp_path, *"abcdef")
    with pytest.raises(WorkersUnusable, match="exit code 7"):
        run_batch(
            paths,
            tmp_path / "out",
            factories.settings(),
            on_outcome=lambda _: None,
            analyze=_DiesOnArrival(),  # type: ignore[arg-type]
        )


def test_workers_are_recycled_and_share_the_cores(tmp_path: Path) -> None:
    """A process is replaced after the set number of calls and is told how many threads it may use."""
    paths = fakes.record(tmp_path, *"abc")
    outcomes, _ = run(paths, tmp_path / "out", "batch.recycle_after_calls=2", "recognizer.cpu_threads=3")
    workers = [facts(outcomes[name])["codec"] for name in "abc"]
    assert workers[0] == workers[1] != workers[2]
    assert {facts(outcomes[name])["language"] for name in "abc"} == {"3"}


def test_libraries_in_workers_do_not_reach_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What native code prints in a worker stays out of stdout and stderr of the command."""
    run(fakes.record(tmp_path, "noisy-a"), tmp_path / "out")
    assert capfd.readouterr() == ("", "")


def test_process_call_reports_its_duration_before_the_analysis(tmp_path: Path) -> None:
    """The decoded length is known to whoever sets the deadline before the long work begins."""
    (path,) = fakes.record(tmp_path, "a", seconds=2.0)
    lengths: list[float] = []
    outcome = process_call(
        path, tmp_path / "out", factories.settings(), analyze=fakes.analyze, on_decoded=lengths.append
    )
    assert outcome.done
    assert lengths == [pytest.approx(2.0, abs=0.01)]


def _is_current(path: Path, out: Path, settings: Settings) -> bool:
    (call,) = plan([(path, str(path))], out, settings).calls
    return need_of(call, out, settings) == "current"


def test_only_an_unchanged_call_is_current(tmp_path: Path) -> None:
    """New sound, metadata or settings each make a stored analysis stale; nothing else does."""
    (path,) = fakes.record(tmp_path, "a")
    out, settings = tmp_path / "out", factories.settings()
    assert not _is_current(path, out, settings)
    process_call(path, out, settings, analyze=fakes.analyze)
    assert _is_current(path, out, settings)
    assert not _is_current(path, out, factories.settings("turns.gap_s=4"))
    sidecar = path.with_suffix(".json")
    sidecar.write_text('{"agent_id": "maya"}')
    assert not _is_current(path, out, settings)
    sidecar.unlink()
    fakes.record(tmp_path, "a", seconds=1.5)
    assert not _is_current(path, out, settings)
