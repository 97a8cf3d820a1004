"""Calls to reports: one call in this process, or many in supervised worker processes."""

import os
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from pipeline.audio.discover import ANALYSIS_FILE, is_script
from pipeline.errors import CallError, InputRejected, ModelUnavailable, SettingsError, StageFailed
from pipeline.planning import UNKNOWN, Need, PlannedCall, RefusedCall, Stamp, file_stamp, plan
from pipeline.printable import as_text, source_of
from pipeline.settings import Settings
from pipeline.workers import (
    Allow,
    DeadlinePassed,
    Handler,
    PoolOptions,
    WorkerLost,
    WorkerPool,
    WorkersUnusable,
)

if TYPE_CHECKING:
    from pipeline.history import History
    from pipeline.records import Analysis, Baseline, Metadata, Recording
    from pipeline.reports.table import Row

STOPS_THE_BATCH = (ModelUnavailable, SettingsError, WorkersUnusable)
MAY_PASS_NEXT_TIME = (StageFailed, OSError, MemoryError, WorkerLost)


class Analyze(Protocol):
    """What turns a decoded call into its analysis; :func:`pipeline.call.analyze_call` outside tests."""

    def __call__(
        self,
        recording: "Recording",
        metadata: "Metadata",
        settings: Settings,
        *,
        agent_channel: int | None = None,
        baseline: "Baseline | None" = None,
        earlier: Sequence[str] = (),
    ) -> "Analysis": ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """What became of one call: its folder and figures, or the reason there are none.

    It is ``unchanged`` where the output had it already, ``elsewhere`` where another run has it, ``forgotten``
    where it is not to be analyzed again. ``analysis`` is the stamp of its ``analysis.json`` as written.
    ``expected`` failures have a message that the product wrote; ``retriable`` says that the same call may
    pass the next time, ``bad_input`` that it cannot; ``traceback`` is for ``--debug`` only.
    """

    source: str
    call_id: str | None
    status: Literal["done", "failed", "unchanged", "elsewhere", "forgotten"]
    seconds: float
    folder: Path | None = None
    row: "Row | None" = None
    sha256: str | None = None
    analysis: Stamp = UNKNOWN
    error: str | None = None
    error_kind: str | None = None
    expected: bool = True
    retriable: bool = False
    bad_input: bool = False
    traceback: str | None = field(default=None, repr=False)

    @property
    def done(self) -> bool:
        return self.status == "done"

    @property
    def failed(self) -> bool:
        return self.status == "failed"

    @property
    def public_error(self) -> str | None:
        """Why it failed, without any text that the product did not write itself."""
        return self.error if self.expected else f"unexpected {self.error_kind}"


def process_call(
    path: Path,
    out: Path,
    settings: Settings,
    *,
    agent_channel: int | None = None,
    html: bool = True,
    source: str | None = None,
    metadata: "Metadata | None" = None,
    analyze: Analyze | None = None,
    on_decoded: Callable[[float], None] | None = None,
) -> CallOutcome:
    """Decode, analyze and write one call, or a transcript alone; what is wrong with it is a failed outcome.

    A known agent is compared with earlier calls in the store, and not coached twice running on the same if
    there is something better to say; the call is recorded there once it is written. A store that does not
    answer costs the comparison, not the call: the analysis has the warning ``store_unavailable``.

    ``metadata`` that are not given are read from beside the recording. ``on_decoded`` is told the duration
    in seconds as soon as it is known.

    Raises:
        ModelUnavailable, SettingsError: no call can be analyzed.
    """
    from pipeline.audio.metadata import read_metadata
    from pipeline.reports.write import refuse_originals_among_reports, write_call
    from pipeline.texts import load_texts

    refuse_originals_among_reports(out, settings)
    load_texts(settings.output.language)  # before any work: a language may lack texts
    started = time.perf_counter()
    source = source or source_of(path)
    call_id = None
    try:
        if metadata is None:
            metadata, _ = read_metadata(path, settings.audio)
        call_id = metadata.call_id
        told = on_decoded or (lambda duration_s: None)
        if is_script(path):
            recording = None
            analysis, history = _transcript_analysis(path, source, metadata, out, settings, told)
        else:
            analysis, history, recording = _recording_analysis(
                path, source, metadata, out, settings, agent_channel, analyze or _analyze_call(), told
            )
        folder = write_call(analysis, recording, out, settings, html=html)
        if not history.record(analysis):
            analysis = history.noted(analysis)
            folder = write_call(analysis, recording, out, settings, html=html)
    except STOPS_THE_BATCH:
        raise
    except Exception as error:
        return failed_outcome(source, call_id, error, time.perf_counter() - started)
    return _done(source, analysis, folder, time.perf_counter() - started)


def process_again(source: str, folder: Path, settings: Settings) -> CallOutcome:
    """Judge a stored analysis by these settings and write its reports again, without its sound."""
    from pipeline.rescore import rescore_call

    started = time.perf_counter()
    try:
        analysis = rescore_call(folder, settings)
    except STOPS_THE_BATCH:
        raise
    except Exception as error:
        return failed_outcome(source, None, error, time.perf_counter() - started)
    return _done(source, analysis, folder, time.perf_counter() - started)


def _done(source: str, analysis: "Analysis", folder: Path, seconds: float) -> CallOutcome:
    from pipeline.reports.table import call_row

    return CallOutcome(
        source=source,
        call_id=analysis.call.call_id,
        status="done",
        seconds=seconds,
        folder=folder,
        row=call_row(analysis),
        sha256=analysis.call.sha256,
        analysis=file_stamp(folder / ANALYSIS_FILE),
    )


def _recording_analysis(
    path: Path,
    source: str,
    metadata: "Metadata",
    out: Path,
    settings: Settings,
    agent_channel: int | None,
    analyze: Analyze,
    on_decoded: Callable[[float], None],
) -> "tuple[Analysis, History, Recording]":
    from pipeline.audio.isolation import decode_isolated
    from pipeline.correction import corrected
    from pipeline.history import History
    from pipeline.privacy.forgotten import refuse_forgotten

    recording = decode_isolated(path, settings, source=source)
    on_decoded(recording.duration_s)
    refuse_forgotten(source, recording.sha256, metadata.agent_id, settings)
    metadata = corrected(metadata, out, recording.sha256)
    history = History(recording, metadata, settings, agent_channel)
    analysis = analyze(
        recording,
        metadata,
        settings,
        agent_channel=agent_channel,
        baseline=history.baseline(),
        earlier=history.coached(),
    )
    return history.noted(analysis), history, recording


def _transcript_analysis(
    path: Path,
    source: str,
    metadata: "Metadata",
    out: Path,
    settings: Settings,
    on_decoded: Callable[[float], None],
) -> "tuple[Analysis, History]":
    from pipeline.correction import corrected
    from pipeline.history import History
    from pipeline.privacy.forgotten import refuse_forgotten
    from pipeline.transcript_call import analyze_transcript, load_script

    script, language = load_script(path, metadata, settings, source=source)
    on_decoded(script.duration_s)
    refuse_forgotten(source, script.sha256, metadata.agent_id, settings)
    metadata = corrected(metadata, out, script.sha256)
    history = History(None, metadata, settings, None)
    analysis = analyze_transcript(script, language, metadata, settings, earlier=history.coached())
    return history.noted(analysis), history


class CallPool:
    """Worker processes with loaded models that process calls; its methods may be called from threads."""

    def __init__(
        self,
        out: Path,
        settings: Settings,
        *,
        workers: int | None = None,
        agent_channel: int | None = None,
        html: bool = True,
        analyze: Analyze | None = None,
        sound: bool = True,
    ) -> None:
        """A pool; without ``sound`` all calls are transcripts, and no model of speech is loaded."""
        self.workers = workers or settings.batch.workers
        work = partial(
            _load_worker,
            out,
            settings,
            agent_channel=agent_channel,
            html=html,
            analyze=analyze,
            sound=sound,
        )
        self._pool = WorkerPool(
            work,
            PoolOptions(
                workers=self.workers,
                threads=settings.recognizer.cpu_threads or max(1, available_cores() // self.workers),
                limit_s=settings.batch.call_timeout_base_s,
                recycle_after=settings.batch.recycle_after_calls,
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close(kill=error is not None)

    def process(self, call: PlannedCall, need: Need = "analyze") -> CallOutcome:
        """The outcome of one call, also when its worker died or ran out of time.

        Raises:
            ModelUnavailable, SettingsError, WorkersUnusable: no call can be analyzed.
        """
        started = time.perf_counter()
        try:
            outcome: CallOutcome = self._pool.run((call, need))
        except (WorkerLost, DeadlinePassed) as error:
            return failed_outcome(call.source, call.metadata.call_id, error, time.perf_counter() - started)
        return outcome


def run_batch(
    recordings: Iterable[Path],
    out: Path,
    settings: Settings,
    *,
    on_outcome: Callable[[CallOutcome], None],
    workers: int | None = None,
    agent_channel: int | None = None,
    html: bool = True,
    analyze: Analyze | None = None,
) -> list[CallOutcome]:
    """Process calls in worker processes; ``on_outcome`` gets each one's final outcome as soon as it is known.

    What may pass the next time is tried again at the end, one call at a time, so that a call which takes
    the machine's memory cannot take another call with it.
    """
    batch = plan(((path, source_of(path)) for path in recordings), out, settings)
    outcomes: list[CallOutcome] = []

    def settle(outcome: CallOutcome) -> None:
        outcomes.append(outcome)
        on_outcome(outcome)

    for refused in batch.refused:
        settle(refused_outcome(refused))
    again: list[PlannedCall] = []
    with CallPool(
        out,
        settings,
        workers=workers,
        agent_channel=agent_channel,
        html=html,
        analyze=analyze,
        sound=not all(is_script(call.path) for call in batch.calls),
    ) as pool:
        for call, outcome in _in_parallel(pool, batch.calls):
            if outcome.retriable and settings.batch.max_attempts > 1:
                again.append(call)
            else:
                settle(outcome)
        for call in again:
            settle(_persist(pool, call, settings.batch.max_attempts - 1))
    return outcomes


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def refused_outcome(refused: RefusedCall) -> CallOutcome:
    return failed_outcome(refused.source, refused.call_id, refused.error, 0.0)


def without_work(call: PlannedCall, status: Literal["unchanged", "elsewhere", "forgotten"]) -> CallOutcome:
    return CallOutcome(source=call.source, call_id=call.metadata.call_id, status=status, seconds=0.0)


def _in_parallel(pool: CallPool, calls: Iterable[PlannedCall]) -> Iterable[tuple[PlannedCall, CallOutcome]]:
    """Calls with their outcomes as they become ready, one thread a worker."""
    threads = ThreadPoolExecutor(pool.workers, thread_name_prefix="callcoach-batch")
    try:
        futures: dict[Future[CallOutcome], PlannedCall] = {
            threads.submit(pool.process, call): call for call in calls
        }
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        # after Ctrl-C or a missing model: leave the running calls to the pool, which ends them
        threads.shutdown(wait=False, cancel_futures=True)


def _persist(pool: CallPool, call: PlannedCall, attempts: int) -> CallOutcome:
    for _ in range(attempts):
        outcome = pool.process(call)
        if not outcome.retriable:
            break
    return outcome


def _load_worker(
    out: Path,
    settings: Settings,
    *,
    agent_channel: int | None,
    html: bool,
    analyze: Analyze | None,
    sound: bool,
) -> Handler:
    """Runs once in each worker: load the models, return what processes a call."""
    if analyze is None and sound:
        from pipeline.audio.isolation import start_decoder

        start_decoder()  # it loads while the models do
        analyze = _analyze_call()
        _load_models(settings)

    def handle(job: tuple[PlannedCall, Need], allow: Allow) -> CallOutcome:
        call, need = job
        limits = settings.batch
        if need == "rescore":
            return process_again(call.source, call.folder(out), settings)
        return process_call(
            call.path,
            out,
            settings,
            agent_channel=agent_channel,
            html=html,
            source=call.source,
            metadata=call.metadata,
            analyze=analyze,
            on_decoded=lambda duration_s: allow(
                limits.call_timeout_base_s + limits.call_timeout_ratio * duration_s
            ),
        )

    return handle


def _load_models(settings: Settings) -> None:
    from pipeline.models import load_recognizer, load_voice_activity, resolve_recognizer

    wanted = settings.recognizer
    model = resolve_recognizer(wanted.model, settings.models)
    load_recognizer(model, wanted.device, wanted.compute_type, wanted.cpu_threads)
    load_voice_activity(settings.models)


def _analyze_call() -> Analyze:
    from pipeline.call import analyze_call

    return analyze_call


def failed_outcome(source: str, call_id: str | None, error: Exception, seconds: float) -> CallOutcome:
    """The outcome of a call that ended in ``error``."""
    expected = isinstance(error, CallError | WorkerLost | DeadlinePassed)
    trace = error.output if isinstance(error, WorkerLost) else "".join(traceback.format_exception(error))
    return CallOutcome(
        source=source,
        call_id=call_id,
        status="failed",
        seconds=seconds,
        error=as_text(str(error) if expected else f"unexpected {type(error).__name__}: {error}"),
        error_kind=type(error).__name__,
        expected=expected,
        retriable=isinstance(error, MAY_PASS_NEXT_TIME),
        bad_input=isinstance(error, InputRejected),
        traceback=trace,
    )
