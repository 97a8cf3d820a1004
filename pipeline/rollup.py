"""The batch's own files over every call in a folder: index, figures, table."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from pipeline.audio.discover import ANALYSIS_FILE
from pipeline.batch import CallOutcome
from pipeline.errors import Forgotten, InputRejected
from pipeline.files import Modes, make_folder, sweep, write_bytes
from pipeline.planning import Stamp, file_stamp
from pipeline.reports import analysis_json
from pipeline.reports.naming import STALE
from pipeline.reports.site import BatchEntry, write_batch
from pipeline.reports.table import Row, call_row, read_parquet
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.store.tables import BatchCall

LOCK = ".index.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the calls of a batch stand over all runs; ``error`` says why that is not known."""

    counts: Mapping[str, int] | None = None
    entries: tuple["BatchCall", ...] = field(default=())
    error: str | None = None


def call_folders(root: Path) -> list[Path]:
    """``root`` if it is the folder of a call, else the folders of calls in it."""
    if (root / ANALYSIS_FILE).is_file():
        return [root]
    return sorted(path.parent for path in root.glob(f"[!.]*/{ANALYSIS_FILE}"))


def roll_up(
    out: Path, outcomes: Iterable[CallOutcome], settings: Settings, standing: Standing | None = None
) -> Path:
    """Write the batch's files and return the path of the index.

    They cover all calls that are in ``out``, those of earlier runs too, and what failed in this run, or by
    the ledger in another. A call whose analysis has not changed since the last table is not read again. One
    run at a time: of two that end together, the later sees what both have done.
    """
    modes = Modes.of(settings.output)
    make_folder(out, modes)
    with FileLock(out / LOCK, mode=modes.file):
        sweep(out)
        outcomes = [
            outcome
            for outcome in outcomes
            if outcome.done or (outcome.failed and outcome.error_kind != Forgotten.__name__)
        ]
        entries = [_of_outcome(outcome) for outcome in outcomes]
        told = {entry.call_id for entry in entries}
        fresh = {outcome.folder for outcome in outcomes}
        known = read_parquet(out / "calls.parquet")
        for folder in call_folders(out):
            if folder not in fresh and (entry := _of_folder(folder, known)) is not None:
                entries.append(entry)
        if standing is not None:
            entries += [_of_ledger(row) for row in standing.entries if _failed_elsewhere(row, told)]
        entries.sort(key=lambda entry: (entry.call_id, entry.source))  # whichever call was ready first
        ledger = ledger_document(standing) if standing is not None else None
        shown = [(entry.folder, (entry.stamp, entry.row)) for entry in entries if entry.row is not None]
        index = write_batch(out, entries, settings, ledger, tables_hold=shown == list(known.items()))
        (out / STALE).unlink(missing_ok=True)
        return index


def roll_up_again(out: Path, settings: Settings, entries: Sequence["BatchCall"]) -> Path:
    """The same without a run, ``entries`` being what the ledger has of the batch, if anything."""
    standing = Standing(counts=Counter(row.state for row in entries), entries=tuple(entries))
    return roll_up(out, (), settings, standing if entries else None)


def mark_stale(out: Path, settings: Settings) -> None:
    """Note that the batch's files must be written again, also if this run is killed before."""
    write_bytes(out / STALE, b"", Modes.of(settings.output))


def ledger_document(standing: Standing) -> dict[str, object]:
    """What ``summary.json`` and ``callcoach status`` say of the ledger."""
    from pipeline.store.ledger import RUNNING, STATES

    counts = standing.counts if standing.counts is not None else Counter()
    return {
        "available": standing.counts is not None,
        "error": standing.error,
        "counts": {state: counts.get(state, 0) for state in STATES},
        "running": [
            {
                "call_id": row.call_id,
                "owner": row.owner,
                "since": row.since.isoformat(timespec="seconds"),
            }
            for row in standing.entries
            if row.state == RUNNING
        ],
        "failed": [
            {
                "call_id": row.call_id,
                "source": row.source,
                "state": row.state,
                "since": row.since.isoformat(timespec="seconds"),
                "tries": row.tries,
                "error_kind": row.error_kind,
                "error": row.error,
            }
            for row in standing.entries
            if row.state in ("failed", "quarantined")
        ],
    }


def _failed_elsewhere(row: "BatchCall", told: set[str]) -> bool:
    return row.state in ("failed", "quarantined") and row.call_id not in told


def _of_ledger(row: "BatchCall") -> BatchEntry:
    return BatchEntry(row.call_id, None, None, row.error or row.error_kind or row.state, row.source)


def _of_outcome(outcome: CallOutcome) -> BatchEntry:
    return BatchEntry(
        call_id=outcome.call_id or Path(outcome.source).stem,
        folder=outcome.folder.name if outcome.folder else None,
        row=outcome.row,
        error=outcome.public_error,
        source=outcome.source,
        stamp=file_stamp(outcome.folder / ANALYSIS_FILE) if outcome.folder else None,
    )


def _of_folder(folder: Path, known: Mapping[str, tuple[Stamp, Row]]) -> BatchEntry | None:
    """``None`` if another run is replacing it at this moment: that run writes the index again."""
    stamp = file_stamp(folder / ANALYSIS_FILE)
    if folder.name in known and known[folder.name][0] == stamp:
        row = known[folder.name][1]
        return BatchEntry(str(row["call_id"]), folder.name, row, None, str(folder), stamp)
    try:
        analysis = analysis_json.loads((folder / ANALYSIS_FILE).read_bytes())
    except FileNotFoundError:
        return None
    except InputRejected as error:  # written by another version
        return BatchEntry(folder.name, None, None, str(error), str(folder))
    return BatchEntry(
        analysis.call.call_id, folder.name, call_row(analysis), None, analysis.call.source, stamp
    )
