"""Flow ``nightly``: analyse every call that is new or changed, then the batch's figures and index."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Completed

from flows.tasks import outcome_of, process
from pipeline.audio.discover import is_script
from pipeline.batch import CallOutcome, CallPool, refused_outcome
from pipeline.planning import PlannedCall, is_current, plan
from pipeline.rollup import roll_up
from pipeline.settings import Settings, load_settings
from pipeline.storage import Output, is_remote, locate

SOME_FAILED = "CompletedWithFailures"


@flow(name="nightly")
def nightly(
    source: str | None = None,
    date: str | None = None,
    out: str | None = None,
    config: str | None = None,
    assignments: list[str] | None = None,
    workers: int | None = None,
) -> State[dict[str, Any]]:
    """Analyse the recordings in ``source`` that ``out`` has no current analysis of.

    A failing call is recorded and the batch goes on; the final state is then ``CompletedWithFailures``.

    Args:
        source: folder or URI; setting ``batch.source`` by default.
        date: only calls whose metadata say that they started on this day (YYYY-MM-DD).
        out: folder or URI; setting ``batch.out`` by default.
        config: settings file over the defaults.
        assignments: single settings as ``section.key=value``.
        workers: calls analysed at a time; setting ``batch.workers`` by default.
    """
    settings = load_settings(Path(config) if config else None, assignments or ())
    with tempfile.TemporaryDirectory(prefix="callcoach-nightly-") as folder:
        staging = Path(folder)
        output = Output(out or settings.batch.out, staging)
        output.pull_analyses()
        recordings = locate(source or settings.batch.source, staging)
        batch = plan(((found.path, found.source) for found in recordings), output.local, settings)
        calls = [call for call in batch.calls if _is_of(date, call)]
        wanted = [call for call in calls if _may_be_new(call, output, settings)]
        outcomes = [refused_outcome(refused) for refused in batch.refused]
        outcomes += _process(wanted, output, settings, workers)
        index = roll_up(output.local, outcomes, settings)
        output.push_batch_files()
    unchanged = len(calls) + len(batch.refused) - len(outcomes)
    return _finish(outcomes, unchanged, output.address(index))


def _is_of(date: str | None, call: PlannedCall) -> bool:
    return date is None or (call.metadata.started_at or "").startswith(date)


def _may_be_new(call: PlannedCall, output: Output, settings: Settings) -> bool:
    """A remote recording is compared by its task, once it is here."""
    return is_remote(call.source) or not is_current(call, output.local, settings)


def _process(
    calls: list[PlannedCall], output: Output, settings: Settings, workers: int | None
) -> Iterator[CallOutcome]:
    """Outcomes of the calls that had changed; what may pass the next time is tried again at the end,
    one call at a time."""
    if not calls:
        return
    again: list[PlannedCall] = []
    sound = not all(is_script(call.path) for call in calls)
    with CallPool(output.local, settings, workers=workers, sound=sound) as pool:

        def submit(call: PlannedCall) -> PrefectFuture[Any]:
            named = process.with_options(task_run_name=call.metadata.call_id)
            unless_current = settings if is_remote(call.source) else None
            return named.submit(call, pool, output, unless_current)

        for call, outcome in _windowed(submit, calls, pool.workers + 1):
            if outcome is not None and outcome.retriable and settings.batch.max_attempts > 1:
                again.append(call)
            elif outcome is not None:
                yield outcome
        for call in again:
            for _ in range(settings.batch.max_attempts - 1):
                outcome = outcome_of(submit(call), call)
                if outcome is None or not outcome.retriable:
                    break
            if outcome is not None:
                yield outcome


def _windowed(
    submit: Callable[[PlannedCall], PrefectFuture[Any]], calls: Iterable[PlannedCall], width: int
) -> Iterator[tuple[PlannedCall, CallOutcome | None]]:
    """Submit with at most ``width`` runs under way: one more than workers, to fetch while they work."""
    under_way: dict[PrefectFuture[Any], PlannedCall] = {}
    for call in calls:
        if len(under_way) == width:
            run = next(as_completed(list(under_way)))
            yield under_way[run], outcome_of(run, under_way.pop(run))
        under_way[submit(call)] = call
    for run in as_completed(list(under_way)):
        yield under_way[run], outcome_of(run, under_way[run])


def _finish(outcomes: list[CallOutcome], unchanged: int, index: str) -> State[dict[str, Any]]:
    """The final state, and a table of counts and of failed calls in Prefect's UI."""
    failed = [outcome for outcome in outcomes if not outcome.done]
    counts = {"analysed": len(outcomes) - len(failed), "unchanged": unchanged, "failed": len(failed)}
    message = ", ".join(f"{count} {what}" for what, count in counts.items())
    rows: list[dict[str, Any]] = [{"what": what, "value": count} for what, count in counts.items()]
    rows += [{"what": f"failed: {bad.call_id}", "value": bad.error_kind} for bad in failed]
    create_table_artifact(table=rows, key="callcoach-nightly", description=f"Nightly batch: {message}")
    get_run_logger().info(message)
    result = counts | {
        "index": index,
        "failures": [{"source": bad.source, "call_id": bad.call_id, "error": bad.error} for bad in failed],
    }
    return Completed(name=SOME_FAILED if failed else None, message=message, data=result)
