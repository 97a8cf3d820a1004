"""The tasks of both flows. Between tasks go paths and ids, never sound or transcripts."""

from collections.abc import Callable
from typing import Any

from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed

from pipeline.batch import STOPS_THE_BATCH, CallOutcome, failed_outcome
from pipeline.errors import StageFailed
from pipeline.nightly import Job
from pipeline.planning import PlannedCall
from pipeline.storage import StorageFailed

STORAGE_RETRIES = 3
STORAGE_DELAYS_S = (5, 30, 120)


def storage_failed(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Whether a task failed for a store's sake."""
    return isinstance(state.data, StorageFailed)


def may_pass_next_time(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Whether trying again helps: never with a recording that cannot be analyzed."""
    failed = state.data
    return isinstance(failed, StorageFailed) or (isinstance(failed, CallOutcome) and failed.retriable)


@task(
    cache_policy=NO_CACHE,  # else every argument is hashed
    persist_result=False,
    retries=STORAGE_RETRIES,
    retry_delay_seconds=list(STORAGE_DELAYS_S),
    retry_jitter_factor=1.0,
    retry_condition_fn=storage_failed,
)
def process(job: Job, work: Callable[[Job], CallOutcome]) -> CallOutcome | State[CallOutcome]:
    """One call: what :mod:`pipeline.nightly` has to do for it.

    The worker processes are the batch's, so that a call which kills its process or runs out of time fails
    alone; this task runs in a thread and waits for it.
    """
    log = get_run_logger()
    outcome = work(job)
    if outcome.failed:
        log.warning("%s failed: %s", outcome.call_id, outcome.public_error)
        return Failed(message=outcome.public_error, data=outcome)
    if outcome.done:
        log.info("%s done in %.1f s", outcome.call_id, outcome.seconds)
        return outcome
    return Completed(name=outcome.status.capitalize(), data=outcome)


def outcome_of(run: PrefectFuture[Any], call: PlannedCall) -> CallOutcome:
    """What became of a run of :func:`process`.

    Only a completed run counts as done: a canceled or crashed one is a failed call.

    Raises:
        ModelUnavailable, SettingsError, WorkersUnusable: no call can be analyzed.
    """
    run.wait()
    found = run.state.result(raise_on_failure=False)
    if isinstance(found, CallOutcome):
        return found
    if isinstance(found, STOPS_THE_BATCH):
        raise found
    error = found if isinstance(found, Exception) else StageFailed(f"its run ended as {run.state.name}")
    return failed_outcome(call.source, call.metadata.call_id, error, 0.0)
