"""Flow ``analyze-call``: one call on demand, for a recorder's or a supervisor's trigger."""

import tempfile
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_link_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.tasks import (
    may_pass_next_time,
    outcome_of,
    process,
)
from pipeline.batch import Analyze, CallOutcome, CallPool
from pipeline.errors import InputRejected
from pipeline.ledger import batch_name
from pipeline.nightly import Job
from pipeline.planning import plan
from pipeline.privacy.audit_log import enter
from pipeline.settings import load_settings
from pipeline.storage import Output, locate

ANALYZE: Analyze | None = None
"""Another analysis than :func:`pipeline.call.analyze_call`, for tests."""


@flow(name="analyze-call")
def analyze_call(
    source: str,
    out: str | None = None,
    config: str | None = None,
    assignments: list[str] | None = None,
    agent_channel: int | None = None,
) -> State[str]:
    """Analyze the recording ``source`` (path or URI) and write its reports to ``out``.

    The result is the address of its folder. What may pass the next time is tried again, a recording that
    cannot be analyzed is not.

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
        with CallPool(
            output.local, settings, workers=1, agent_channel=agent_channel, analyze=ANALYZE
        ) as pool:

            def work(job: Job) -> CallOutcome:
                located = found[0]
                located.fetch()
                try:
                    outcome = pool.process(job.call)
                finally:
                    located.release()
                if outcome.folder is not None:
                    output.push_call(outcome.folder)
                return outcome

            run = process.with_options(
                task_run_name=call.metadata.call_id,
                retries=settings.batch.max_attempts - 1,
                retry_condition_fn=may_pass_next_time,
            ).submit(Job(call=call, need="analyze"), work)
            outcome = outcome_of(run, call)
    enter(settings, "analyze", out=batch_name(output.uri), **{outcome.status: 1})
    if outcome.folder is None:
        return Failed(message=outcome.public_error)
    address = output.address(outcome.folder)
    report = f"{address}/report.html"
    create_link_artifact(
        link=report if "://" in report else Path(report).absolute().as_uri(),
        link_text=outcome.call_id,
        key="callcoach-report",
        description="The report of one call on demand",
    )
    return Completed(message=f"{outcome.call_id} analyzed", data=address)
