"""Flow ``analyze-call``: one call on demand, for a recorder's or a supervisor's trigger."""

import tempfile
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.tasks import (
    may_pass_next_time,
    outcome_of,
    process,
    public_reason,
)
from pipeline.batch import CallPool
from pipeline.errors import InputRejected
from pipeline.planning import plan
from pipeline.settings import load_settings
from pipeline.storage import Output, locate


@flow(name="analyze-call")
def analyze_call(
    source: str,
    out: str | None = None,
    config: str | None = None,
    assignments: list[str] | None = None,
    agent_channel: int | None = None,
) -> State[str]:
    """Analyse the recording ``source`` (path or URI) and write its reports to ``out``.

    The result is the address of its folder. What may pass the next time is tried again, a recording that
    cannot be analysed is not.

    Args:
        source: path or URI of one recording.
        out: folder or URI; setting ``batch.out`` by default.
        config: settings file over the defaults.
        assignments: single settings as ``section.key=value``.
        agent_channel: 0 or 1.
    """
    settings = load_settings(Path(config) if config else None, assignments or ())
    with tempfile.TemporaryDirectory(prefix="callcoach-call-") as folder:
        staging = Path(folder)
        output = Output(out or settings.batch.out, staging)
        found = locate(source, staging)
        if len(found) != 1:
            raise InputRejected(f"{source}: holds {len(found)} recordings; give one, or use the flow nightly")
        batch = plan([(found[0].path, found[0].source)], output.local, settings)
        if batch.refused:
            raise batch.refused[0].error
        call = batch.calls[0]
        with CallPool(output.local, settings, workers=1, agent_channel=agent_channel) as pool:
            run = process.with_options(
                task_run_name=call.metadata.call_id,
                retries=settings.batch.max_attempts - 1,
                retry_condition_fn=may_pass_next_time,
            ).submit(call, pool, output)
            outcome = outcome_of(run, call)
    if outcome is None or outcome.folder is None:
        return Failed(message=public_reason(outcome) if outcome else None)
    return Completed(message=f"{outcome.call_id} analysed", data=output.address(outcome.folder))
