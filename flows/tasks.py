"""The tasks of both flows. Between tasks go paths and ids, never sound or transcripts."""

from typing import Any

from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed

from pipeline.batch import STOPS_THE_BATCH, CallOutcome, CallPool, failed_outcome
from pipeline.cluster import ClusterPool
from pipeline.errors import StageFailed
from pipeline.planning import PlannedCall
from pipeline.settings import Settings
from pipeline.storage import Output, StorageFailed

UNCHANGED = "Unchanged"
STORAGE_RETRIES = 3
STORAGE_DELAYS_S = (5, 30, 120)


def storage_failed(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Whether a task failed for a store's sake."""
    return isinstance(state.data, StorageFailed)


def may_pass_next_time(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Whether trying again helps: never with a recording that cannot be analysed."""
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
def process(
    call: PlannedCall, pool: CallPool | ClusterPool, output: Output, unless_current: Settings | None = None
) -> CallOutcome | State[CallOutcome | None]:
    """Fetch a call, have a worker process analyse it and write its reports, send these where they belong.

    The worker processes are the pool's, here or on a cluster, so that a call which kills its process or runs
    out of time fails alone; this task runs in a thread and waits for it. With ``unless_current``, a call
    that these settings have already analysed is left as it is.
    """
    log = get_run_logger()
    outcome = pool.deliver(call, output, unless_current)
    if outcome is None:
        return Completed(name=UNCHANGED, data=None)
    if not outcome.done:
        log.warning("%s failed: %s", outcome.call_id, public_reason(outcome))
        return Failed(message=public_reason(outcome), data=outcome)
    log.info("%s done in %.1f s", outcome.call_id, outcome.seconds)
    return outcome


def outcome_of(run: PrefectFuture[Any], call: PlannedCall) -> CallOutcome | None:
    """What became of a run of :func:`process`; ``None`` when the call was unchanged.

    Only a completed run counts as done: a cancelled or crashed one is a failed call.

    Raises:
        ModelUnavailable, SettingsError, WorkersUnusable: no call can be analysed.
    """
    run.wait()
    state = run.state
    found = state.result(raise_on_failure=False)
    if isinstance(found, CallOutcome) or (found is None and state.name == UNCHANGED):
        return found
    if isinstance(found, STOPS_THE_BATCH):
        raise found
    error = found if isinstance(found, Exception) else StageFailed(f"its run ended as {state.name}")
    return failed_outcome(call.source, call.metadata.call_id, error, 0.0)


def public_reason(outcome: CallOutcome) -> str:
    """Why a call failed, fit for Prefect's database: no text that the product did not write itself."""
    return outcome.error or "" if outcome.expected else f"unexpected {outcome.error_kind}"
