"""Flows ``nightly`` and ``rescore``: what :func:`pipeline.nightly.run_night` does, as tasks of Prefect."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Completed

from flows import notify
from flows.logs import heard, log_lines
from flows.progress import Progress
from flows.tasks import outcome_of, process
from pipeline.batch import Analyze, CallOutcome
from pipeline.nightly import Job, Night, WorkFound, run_night
from pipeline.planning import Need
from pipeline.settings import Settings, load_settings
from pipeline.storage import is_remote

SOME_FAILED = "CompletedWithFailures"
ANALYZE: Analyze | None = None
"""Another analysis than :func:`pipeline.call.analyze_call`, for tests."""


@flow(name="nightly")
def nightly(
    source: str | None = None,
    date: str | None = None,
    out: str | None = None,
    config: str | None = None,
    assignments: list[str] | None = None,
    workers: int | None = None,
) -> State[dict[str, Any]]:
    """Analyze the recordings in ``source`` that ``out`` has no current analysis of.

    A call of which only guidance or limits have changed is judged anew without its sound. A failing call is
    recorded and the batch goes on; the final state is then ``CompletedWithFailures``.

    Args:
        source: folder or URI; setting ``batch.source`` by default.
        date: only calls whose metadata say that they started on this day (YYYY-MM-DD).
        out: folder or URI; setting ``batch.out`` by default.
        config: settings file over the defaults.
        assignments: single settings as ``section.key=value``.
        workers: calls analyzed at a time; setting ``batch.workers`` by default.
    """
    settings = load_settings(Path(config) if config else None, assignments or ())
    return _run(settings, source, out, date=date, workers=workers)


@flow(name="rescore")
def rescore(
    source: str | None = None,
    out: str | None = None,
    config: str | None = None,
    assignments: list[str] | None = None,
    workers: int | None = None,
) -> State[dict[str, Any]]:
    """Judge the calls in ``out`` anew whose guidance or limits have changed; none is analyzed again.

    Args:
        source: folder or URI of their recordings; setting ``batch.source`` by default.
        out: folder or URI; setting ``batch.out`` by default.
        config: settings file over the defaults.
        assignments: single settings as ``section.key=value``.
        workers: calls judged at a time; setting ``batch.workers`` by default.
    """
    settings = load_settings(Path(config) if config else None, assignments or ())
    return _run(settings, source, out, workers=workers, only=("rescore",))


def _run(
    settings: Settings,
    source: str | None,
    out: str | None,
    *,
    date: str | None = None,
    workers: int | None = None,
    only: Sequence[Need] = ("analyze", "rescore"),
) -> State[dict[str, Any]]:
    log = get_run_logger()
    with log_lines(settings.batch), heard(Progress(log.info, settings.batch.progress_every_calls)):
        night = run_night(
            settings,
            source=source,
            out=out,
            date=date,
            workers=workers,
            only=only,
            runner=in_tasks,
            analyze=ANALYZE,
        )
    message = ", ".join(f"{count} {what}" for what, count in night.counts.items())
    _show(night, message)
    result = _told(night, settings)
    log.info(message)
    for problem in result["problems"]:
        log.warning("%s", problem)
    return Completed(name=SOME_FAILED if night.failures else None, message=message, data=result)


def idle(
    settings: Settings, *, source: str | None, out: str | None, date: str | None
) -> dict[str, Any] | None:
    """The result of a night without any work, without Prefect; ``None`` if there is some, which is then not
    begun. What is in an object store is only seen once it is fetched: that is work."""
    if is_remote(source or settings.batch.source) or is_remote(out or settings.batch.out):
        return None
    try:
        with log_lines(settings.batch):
            night = run_night(settings, source=source, out=out, date=date, idle=True)
    except WorkFound:
        return None
    return _told(night, settings)


def _told(night: Night, settings: Settings) -> dict[str, Any]:
    """Tell who is to be told, and what a run returns."""
    problems = [*night.problems, *notify.tell(night, settings)]
    if night.ledger_error:
        problems.append(f"the ledger could not be used: {night.ledger_error}")
    return night.counts | {
        "index": night.index,
        "problems": problems,
        "failures": [
            {"source": bad.source, "call_id": bad.call_id, "error": bad.public_error}
            for bad in night.failures
        ],
    }


def in_tasks(
    work: Callable[[Job], CallOutcome], jobs: Sequence[Job], width: int
) -> Iterator[tuple[Job, CallOutcome]]:
    """A :class:`pipeline.nightly.Runner`: a task run for each call.

    One more than ``width`` is under way, to be fetched while the others are worked on.
    """
    under_way: dict[PrefectFuture[Any], Job] = {}
    for job in jobs:
        if len(under_way) > width:
            run = next(as_completed(list(under_way)))
            yield under_way[run], outcome_of(run, under_way.pop(run).call)
        named = process.with_options(task_run_name=job.call.metadata.call_id)
        under_way[named.submit(job, work)] = job
    for run in as_completed(list(under_way)):
        yield under_way[run], outcome_of(run, under_way[run].call)


def _show(night: Night, message: str) -> None:
    """Counts and failed calls as a table in Prefect's UI, and the way to the pages; no reasons, no words."""
    rows: list[dict[str, Any]] = [{"what": what, "value": count} for what, count in night.counts.items()]
    rows += [{"what": f"failed: {bad.call_id}", "value": bad.error_kind} for bad in night.failures]
    create_table_artifact(table=rows, key="callcoach-nightly", description=f"Nightly batch: {message}")
    for key, name in (("callcoach-index", "index.html"), ("callcoach-summary", "summary.md")):
        address = night.index.removesuffix("index.html") + name
        link = address if "://" in address else Path(address).absolute().as_uri()
        create_link_artifact(link=link, link_text=name, key=key, description=f"Nightly batch: {message}")
