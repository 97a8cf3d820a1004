"""Removal by age: the sound of a call, its words, then all of it, each after a limit of its own."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.errors import CallError, InputRejected
from pipeline.files import Modes, make_folder, sweep
from pipeline.ledger import batch_name
from pipeline.planning import started_utc
from pipeline.privacy import audit_log
from pipeline.privacy.cut import cut_call, original_dir_of
from pipeline.privacy.forgotten import bury, refuse_other_key
from pipeline.privacy.place import Place
from pipeline.privacy.removal import remove_files
from pipeline.records import Analysis
from pipeline.reports.write import read_call
from pipeline.rollup import call_folders, mark_stale, roll_up_again
from pipeline.settings import PrivacySettings, Settings
from pipeline.storage import Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What was removed, or would be: call ids by kind. ``failed`` are calls whose analysis cannot be read."""

    audio: tuple[str, ...]
    transcript: tuple[str, ...]
    metrics: tuple[str, ...]
    failed: tuple[str, ...]
    index: str | None

    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in ("audio", "transcript", "metrics", "failed")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What of one call is older than its limit, and still there."""

    folder: Path
    analysis: Analysis
    audio: bool
    transcript: bool
    metrics: bool


def retain(
    settings: Settings, out: str | None = None, *, dry_run: bool = False, now: datetime | None = None
) -> Retention:
    """Remove from ``out`` (``batch.out`` by default) what is older than ``privacy.*_days``.

    Does nothing a second time; a run that was killed is finished by the next. The batch's files are written
    once, at the end.

    Raises:
        InputRejected: there is no such output.
        StoreUnavailable: calls are to be removed and the store does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="callcoach-retention-") as folder:
        output = Output(out or settings.batch.out, Path(folder))
        output.pull_analyses()
        modes = Modes.of(settings.output)
        if not output.remote and not output.local.is_dir():
            raise InputRejected(f"{output.uri}: there is no such folder")
        make_folder(output.local, modes)
        now = now or datetime.now(UTC)
        due, failed = _due(output.local, settings.privacy, now)
        index = None
        if not dry_run:
            index = _remove(due, output, settings, now)
    done = Retention(
        audio=tuple(each.analysis.call.call_id for each in due if each.audio),
        transcript=tuple(each.analysis.call.call_id for each in due if each.transcript),
        metrics=tuple(each.analysis.call.call_id for each in due if each.metrics),
        failed=tuple(failed),
        index=index,
    )
    if index is not None:
        audit_log.append(Place.of(settings), "retention", out=batch_name(output.uri), **done.counts())
    return done


def moment_of(analysis: Analysis) -> datetime:
    """From when a call's age counts: its start, else its analysis."""
    return started_utc(analysis.call.started_at) or _utc(analysis.provenance.created_at)


def _due(out: Path, limits: PrivacySettings, now: datetime) -> tuple[list[Due], list[str]]:
    found: list[Due] = []
    failed: list[str] = []
    for folder in call_folders(out):
        try:
            analysis = read_call(folder)
        except CallError:
            failed.append(folder.name)
            continue
        age = now - moment_of(analysis)
        metrics = _over(age, limits.metrics_days)
        removed = analysis.removed
        each = Due(
            folder=folder,
            analysis=analysis,
            metrics=metrics,
            transcript=not metrics and removed.transcript_at is None and _over(age, limits.transcript_days),
            audio=not metrics and removed.audio_at is None and _over(age, limits.audio_days),
        )
        if each.metrics or each.transcript or each.audio:
            found.append(each)
    return found, failed


def _remove(due: Sequence[Due], output: Output, settings: Settings, now: datetime) -> str | None:
    """Where the index is that was written, ``None`` if there was nothing to do."""
    from pipeline.store import ledger
    from pipeline.store.database import open_store
    from pipeline.store.tombstones import remove_calls, remove_older, scrub

    store, days = open_store(settings.store), settings.privacy.metrics_days
    oldest = None if days is None else now - timedelta(days=days)
    name = batch_name(output.uri)
    with store.session() as session:
        rows = 0 if oldest is None else remove_older(session, name, oldest)
    if not due and not rows and not output.pull_mark():
        return None
    place = Place.of(settings)
    if not output.remote:
        sweep(output.local)
    mark_stale(output.local, settings)
    output.push_mark()
    gone = [each for each in due if each.metrics]
    if gone:
        with store.session() as session:
            refuse_other_key(session, place)
            bury(session, place, "recording", [each.analysis.call.sha256 for each in gone])
        with store.session() as session:
            calls = [each.analysis.call for each in gone]
            remove_calls(session, [call.call_id for call in calls], [call.sha256 for call in calls])
    for each in gone:
        call, kept = each.analysis.call, original_dir_of(each.analysis)
        remove_files(each.folder, call.call_id, call.sha256, output, settings, original_dir=kept)
    for each in due:
        if not each.metrics:
            output.pull_call(each.folder, reports=True)
            cut_call(each.folder, settings, audio=each.audio, words=each.transcript)
            output.replace_call(each.folder)
    with store.session() as session:
        entries = ledger.entries(session, name)
    index = roll_up_again(output.local, settings, entries)
    output.replace_batch_files()
    if gone or rows:
        scrub(store)
    return output.address(index)


def _over(age: timedelta, days: float | None) -> bool:
    return days is not None and age > timedelta(days=days)


def _utc(moment: str) -> datetime:
    return started_utc(moment) or datetime.now(UTC)
