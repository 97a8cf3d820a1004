"""One run of a batch: find the calls, do what each needs, once, whoever else is at it; then index them all.

How the work is handed out is the caller's: to threads here, to tasks in the flows.
"""

import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline import files
from pipeline.audio.discover import is_script
from pipeline.audio.metadata import columns_not_read
from pipeline.batch import (
    STOPS_THE_BATCH,
    Analyze,
    CallOutcome,
    CallPool,
    failed_outcome,
    refused_outcome,
    without_work,
)
from pipeline.cluster import ClusterPool
from pipeline.errors import Forgotten, InputRejected, StageFailed
from pipeline.ledger import Ledger, batch_name, matches
from pipeline.planning import (
    Need,
    Plan,
    PlannedCall,
    is_as_written,
    lacks_history,
    need_of,
    plan,
    sha256_of,
)
from pipeline.privacy import audit_log
from pipeline.privacy.forgotten import ForgottenOnes
from pipeline.reports.night import write_metrics, write_summary
from pipeline.rollup import Standing, roll_up
from pipeline.settings import Settings
from pipeline.storage import Located, Output, is_remote, locate

if TYPE_CHECKING:
    from pipeline.store.tables import BatchCall

LOGGER = "callcoach.batch"
"""Name of the logger that tells a run's events, with ids as ``facts``."""
LOG = logging.getLogger(LOGGER)
LOG.addHandler(logging.NullHandler())  # else warnings without a handler land on stderr
REJECTED = InputRejected.__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call and what it needs."""

    call: PlannedCall
    need: Need


class WorkFound(Exception):
    """There is something to do in a night that was to be an idle one."""


class Runner(Protocol):
    """Has jobs done, at most ``width`` at a time, and gives each with its outcome as it becomes ready."""

    def __call__(
        self, work: Callable[[Job], CallOutcome], jobs: Sequence[Job], width: int
    ) -> Iterator[tuple[Job, CallOutcome]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What a run did.

    ``index`` is the address of its index page; ``ledger`` counts the calls by state over all runs;
    ``ledger_error`` says why there was no ledger, for some time at least; ``problems`` are with what is told
    of the run, a line each.
    """

    outcomes: tuple[CallOutcome, ...]
    counts: dict[str, int]
    index: str
    seconds: float
    ledger: Mapping[str, int]
    quarantined: tuple[str, ...]
    ledger_error: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[CallOutcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.failed)

    @property
    def audio_s(self) -> float:
        """Length of the calls that were done."""
        lengths = [(outcome.row or {}).get("duration_s") for outcome in self.outcomes if outcome.done]
        return sum(length for length in lengths if isinstance(length, float))


def run_night(
    settings: Settings,
    *,
    source: str | None = None,
    out: str | None = None,
    date: str | None = None,
    workers: int | None = None,
    only: Sequence[Need] = ("analyze", "rescore"),
    runner: Runner | None = None,
    analyze: Analyze | None = None,
    idle: bool = False,
) -> Night:
    """Do what the recordings in ``source`` need in ``out``; both are those of the settings by default.

    Args:
        date: only calls whose metadata say that they started on this day (YYYY-MM-DD).
        only: needs that are met; the others are left as they are.
        idle: only where no call needs anything.

    Raises:
        WorkFound: ``idle``, and some call needs something; nothing is begun.
        InputRejected: there is no such source.
        StageFailed, OSError: the output cannot be written, or a store does not answer.
        ModelUnavailable, SettingsError, WorkersUnusable: no call can be analyzed.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="callcoach-nightly-") as folder:
        staging = Path(folder)
        output = Output(out or settings.batch.out, staging)
        _make_ready(output, settings)
        output.pull_analyses()
        recordings = locate(source or settings.batch.source, staging)
        with Ledger(settings, batch_name(output.uri)) as ledger:
            pairs = ((found.path, found.source) for found in recordings)
            listed = {found.source: found.listed for found in recordings if found.remote}
            batch = plan(pairs, output.local, settings, ledger.read(), listed)
            calls = [call for call in batch.calls if date is None or _started_on(date, call)]
            run = _Run(output, settings, ledger, only)
            jobs = run.sort_out(batch, calls)
            if idle and jobs:
                raise WorkFound
            for outcome in run.outcomes:
                run.tell(outcome)
            LOG.info(
                "run_started", extra={"facts": {"run": ledger.owner, "calls": len(calls), "jobs": len(jobs)}}
            )
            if jobs:
                with _pool(output, settings, workers, analyze, calls) as pool:
                    run.do(jobs, pool, runner or in_threads)
            standing = standing_of(ledger, {call.metadata.call_id for call in batch.calls})
        with _written(output):
            index = roll_up(output.local, run.outcomes, settings, standing)
            night = Night(
                outcomes=tuple(run.outcomes),
                counts=run.counts(),
                index=output.address(index),
                seconds=time.perf_counter() - started,
                ledger=standing.counts or {},
                quarantined=tuple(row.call_id for row in standing.entries if row.state == "quarantined"),
                ledger_error=ledger.failure,
                problems=tuple(columns_not_read((found.path, found.source) for found in recordings)),
            )
            write_summary(output.local, night, settings)
        output.push_batch_files()
    night = _audited(night, batch_name(output.uri), settings)
    LOG.info(
        "run_finished",
        extra={"facts": night.counts | {"run": ledger.owner, "seconds": round(night.seconds, 1)}},
    )
    return _with_metrics(night, settings)


def _audited(night: Night, out: str, settings: Settings) -> Night:
    problem = audit_log.enter(settings, "nightly", out=out, **night.counts)
    return replace(night, problems=(*night.problems, problem)) if problem else night


def _with_metrics(night: Night, settings: Settings) -> Night:
    """Write the metrics where the settings say; a place that cannot be written costs a line, not the run."""
    if settings.batch.metrics_file is None:
        return night
    path = Path(settings.batch.metrics_file)
    try:
        write_metrics(path, night)
    except OSError as error:
        problem = f"{path}: cannot be written ({error.strerror or error})"
        return replace(night, problems=(*night.problems, problem))
    return night


def standing_of(ledger: Ledger, call_ids: Collection[str]) -> Standing:
    """How calls stand now, over all runs; ``call_ids`` are those whose recordings are there."""
    if not ledger.available:
        return Standing(error=ledger.failure)
    entries = [row for row in ledger.read().values() if row.call_id in call_ids]
    return Standing(counts=Counter(row.state for row in entries), entries=tuple(entries))


def in_threads(
    work: Callable[[Job], CallOutcome], jobs: Sequence[Job], width: int
) -> Iterator[tuple[Job, CallOutcome]]:
    """A :class:`Runner`."""
    threads = ThreadPoolExecutor(width, thread_name_prefix="callcoach-night")
    try:
        waiting: dict[Future[CallOutcome], Job] = {threads.submit(work, job): job for job in jobs}
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                job = waiting.pop(future)
                try:
                    outcome = future.result()
                except STOPS_THE_BATCH:
                    raise
                except Exception as error:
                    outcome = failed_outcome(job.call.source, job.call.metadata.call_id, error, 0.0)
                yield job, outcome
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


class _Run:
    """The work of one run, and what became of it."""

    def __init__(self, output: Output, settings: Settings, ledger: Ledger, only: Sequence[Need]) -> None:
        self.outcomes: list[CallOutcome] = []
        self._output = output
        self._settings = settings
        self._ledger = ledger
        self._only = only
        self._unsent: dict[str, CallOutcome] = {}
        self._unchanged = 0
        self._elsewhere = 0
        self._rescored = 0
        self._forgotten = 0

    def counts(self) -> dict[str, int]:
        done = sum(outcome.done for outcome in self.outcomes)
        forgotten = {"forgotten": self._forgotten} if self._forgotten else {}
        return {
            "analyzed": done - self._rescored,
            "rescored": self._rescored,
            "unchanged": self._unchanged,
            "elsewhere": self._elsewhere,
            "failed": sum(outcome.failed for outcome in self.outcomes),
        } | forgotten

    def sort_out(self, batch: Plan, calls: Iterable[PlannedCall]) -> list[Job]:
        """The calls that need something; the others are counted, or stand failed as they were."""
        for refused in batch.refused:
            self.outcomes.append(refused_outcome(refused))
        jobs: list[Job] = []
        found_done: list[PlannedCall] = []
        known = self._ledger.read()
        forgotten = ForgottenOnes(self._settings)
        for call in calls:
            if forgotten.agent(call.metadata.agent_id):
                self._forgotten += 1
                continue
            entry = known.get(call.metadata.call_id)
            if entry is not None and matches(entry, call, self._settings):
                folder = call.folder(self._output.local)
                if is_as_written(entry, folder, staged=self._output.remote):
                    self._unchanged += 1
                    continue
                if _stands_failed(entry):
                    self.outcomes.append(_failed_before(entry))
                    continue
            need = "analyze" if is_remote(call.source) else self._need(call)
            if need == "analyze" and not is_remote(call.source) and _is_forgotten(call, forgotten):
                self._forgotten += 1
                continue
            if need in self._only:  # a remote call is looked at once it is here
                jobs.append(Job(call=call, need=need))
            else:
                self._unchanged += 1
                if need == "current":
                    found_done.append(call)
        self._ledger.adopt(found_done, self._output.local)
        if jobs:
            self._ledger.expect(job.call for job in jobs)
        return jobs

    def do(self, jobs: Sequence[Job], pool: CallPool | ClusterPool, runner: Runner) -> None:
        """Have everything done; what may pass the next time is tried again at the end, one at a time."""

        def work(job: Job) -> CallOutcome:
            outcome = self._work(job, pool)
            if outcome.error_kind != Forgotten.__name__:
                return outcome
            self._ledger.drop(job.call)  # only seen once the recording was here
            return without_work(job.call, "forgotten")

        again: list[Job] = []
        unchanged: list[PlannedCall] = []
        for job, outcome in runner(work, jobs, pool.workers):
            self._write_down(job, outcome)
            if outcome.status == "unchanged":
                unchanged.append(job.call)
            may_differ = outcome.retriable and self._settings.batch.max_attempts > 1
            if may_differ or outcome.status == "elsewhere":  # whose owner may have ended by then
                again.append(job)
            else:
                self._take(job, outcome)
        for job in again:
            for _ in range(max(1, self._settings.batch.max_attempts - 1)):
                ((_, outcome),) = runner(work, [job], 1)
                self._write_down(job, outcome)
                if not outcome.retriable:
                    break
            self._take(job, outcome)
        self._ledger.adopt(unchanged, self._output.local)

    def _work(self, job: Job, pool: CallPool | ClusterPool) -> CallOutcome:
        """Fetch a call, do what it needs, send its reports where they belong; unless another run has it."""
        call = job.call
        if isinstance(pool, ClusterPool):
            return self._unclaimed(call) or pool.deliver(call, job.need, self._output, self._only)
        located = Located(path=call.path, source=call.source)
        located.fetch()
        try:
            need = self._need(call) if located.remote else job.need
            if need not in self._only:
                return without_work(call, "unchanged")
            if (left := self._unclaimed(call)) is not None:
                return left
            outcome = self._unsent.get(call.source) or pool.process(call, need)
            if outcome.folder is not None:
                self._unsent[call.source] = outcome  # to be sent alone the next time, if this fails
                self._output.push_call(outcome.folder)
                del self._unsent[call.source]
            return outcome
        finally:
            located.release()

    def _unclaimed(self, call: PlannedCall) -> CallOutcome | None:
        """What to say of a call that another run has or has done; ``None`` if it is this one's."""
        claim = self._ledger.claim(call)
        if claim == "claimed":
            return None
        return without_work(call, "unchanged" if claim == "done" else "elsewhere")

    def _need(self, call: PlannedCall) -> Need:
        need = need_of(call, self._output.local, self._settings)
        if need != "analyze" and self._ledger.available and lacks_history(call.folder(self._output.local)):
            return "analyze"
        return need

    def _write_down(self, job: Job, outcome: CallOutcome) -> None:
        if outcome.done or outcome.failed:
            self._ledger.settle(job.call, outcome)

    def _take(self, job: Job, outcome: CallOutcome) -> None:
        if outcome.status == "unchanged":
            self._unchanged += 1
        elif outcome.status == "elsewhere":
            self._elsewhere += 1
        elif outcome.status == "forgotten":
            self._forgotten += 1
        else:
            self._rescored += outcome.done and job.need == "rescore"
            self.outcomes.append(outcome)
        self.tell(outcome)

    def tell(self, outcome: CallOutcome) -> None:
        """Log what became of a call."""
        facts: dict[str, object] = {"run": self._ledger.owner, "call_id": outcome.call_id}
        if outcome.failed:
            facts |= {"seconds": round(outcome.seconds, 3), "error_kind": outcome.error_kind}
            LOG.warning("call_failed", extra={"facts": facts})
        elif outcome.done:
            LOG.info("call_done", extra={"facts": facts | {"seconds": round(outcome.seconds, 3)}})
        else:
            LOG.info("call_left", extra={"facts": facts | {"because": outcome.status}})


def _pool(
    output: Output,
    settings: Settings,
    workers: int | None,
    analyze: Analyze | None,
    calls: Sequence[PlannedCall],
) -> CallPool | ClusterPool:
    if settings.batch.dask_address:
        return ClusterPool(settings, analyze=analyze)
    sound = not all(is_script(call.path) for call in calls)
    return CallPool(output.local, settings, workers=workers, analyze=analyze, sound=sound)


def _make_ready(output: Output, settings: Settings) -> None:
    """Make the output folder and see that it can be written, before hours of work are for nothing."""
    with _written(output):
        files.make_folder(output.local, files.Modes.of(settings.output))
        files.sweep(output.local)
        with tempfile.TemporaryFile(dir=output.local):
            pass


@contextmanager
def _written(output: Output) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StageFailed(
            f"{output.uri}: cannot be written ({error.strerror or error}); what is finished is kept"
        ) from error


def _is_forgotten(call: PlannedCall, forgotten: ForgottenOnes) -> bool:
    return forgotten.any_recordings and call.path.is_file() and forgotten.recording(sha256_of(call.path))


def _stands_failed(entry: "BatchCall") -> bool:
    """Whether trying an unchanged call again is of no use, or has been tried often enough."""
    return entry.state == "quarantined" or (entry.state == "failed" and entry.error_kind == REJECTED)


def _failed_before(entry: "BatchCall") -> CallOutcome:
    return CallOutcome(
        source=entry.source,
        call_id=entry.call_id,
        status="failed",
        seconds=0.0,
        error=entry.error,
        error_kind=entry.error_kind,
    )


def _started_on(date: str, call: PlannedCall) -> bool:
    return (call.metadata.started_at or "").startswith(date)
