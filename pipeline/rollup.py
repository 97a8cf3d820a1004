"""The batch's own files over every call in a folder: index, figures, table."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.audio.discover import ANALYSIS_FILE
from pipeline.batch import CallOutcome
from pipeline.errors import InputRejected
from pipeline.reports import analysis_json
from pipeline.reports.site import TABLE, BatchEntry, write_batch
from pipeline.reports.table import Row, call_row, read_rows, stamp
from pipeline.reports.write import folder_name
from pipeline.settings import Settings


def call_folders(root: Path) -> list[Path]:
    """``root`` if it is the folder of a call, else the folders of calls in it."""
    if (root / ANALYSIS_FILE).is_file():
        return [root]
    return sorted(path.parent for path in root.glob(f"[!.]*/{ANALYSIS_FILE}"))


def roll_up(out: Path, outcomes: Iterable[CallOutcome], settings: Settings) -> Path:
    """Write the batch's files and return the path of the index.

    They cover all calls that are in ``out``, those of earlier runs too, and what failed in this run. The
    rows of analyses that are as they were come from the last roll-up, without reading these again; and the
    order is that of the call ids, so that the files are the same whichever call was ready first.
    """
    outcomes = list(outcomes)
    entries = [_of_outcome(outcome) for outcome in outcomes]
    fresh = {outcome.folder for outcome in outcomes}
    known = {folder_name(str(row["call_id"])): row for row in read_rows(out / TABLE)}
    entries += (
        _of_folder(folder, known.get(folder.name)) for folder in call_folders(out) if folder not in fresh
    )
    entries.sort(key=lambda entry: (entry.call_id, entry.source))
    return write_batch(out, entries, settings)


def _of_outcome(outcome: CallOutcome) -> BatchEntry:
    return BatchEntry(
        call_id=outcome.call_id or Path(outcome.source).stem,
        folder=outcome.folder.name if outcome.folder else None,
        row=outcome.row,
        error=outcome.error,
        source=outcome.source,
    )


def _of_folder(folder: Path, known: Row | None) -> BatchEntry:
    file = folder / ANALYSIS_FILE
    now = stamp(file)
    if known is not None and known.items() >= now.items():
        return BatchEntry(str(known["call_id"]), folder.name, known, None, str(known["source"]))
    try:
        analysis = analysis_json.loads(file.read_bytes())
    except InputRejected as error:  # written by another version
        return BatchEntry(folder.name, None, None, str(error), str(folder))
    return BatchEntry(
        analysis.call.call_id, folder.name, call_row(analysis) | now, None, analysis.call.source
    )
