"""Removing every file of one call."""

from pathlib import Path

from pipeline.files import sync
from pipeline.privacy.cut import remove_original
from pipeline.reports.write import ANALYSIS
from pipeline.settings import Settings
from pipeline.storage import Output
from pipeline.transcription.kept import KeptTranscripts


def remove_files(
    folder: Path,
    call_id: str,
    sha256: str | None,
    output: Output,
    settings: Settings,
    *,
    original_dir: str | None,
) -> dict[str, int]:
    """Remove the folder of a call, what is kept of it as it was, and kept transcripts; how many files.

    The analysis goes last: until then, a run that was killed is found again by it. ``original_dir`` is where
    it says that the call was kept as it was.
    """
    counts = {
        "originals": remove_original(call_id, settings, original_dir),
        "kept transcripts": KeptTranscripts(sha256, settings.batch).forget() if sha256 else 0,
    }
    files = sorted(
        (path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.name == ANALYSIS
    )
    for path in files:
        path.unlink(missing_ok=True)
    counts["files"] = max(len(files), output.remove_call(folder))
    for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        inner.rmdir()
    if folder.is_dir():
        folder.rmdir()
        sync(folder.parent)
    return counts
