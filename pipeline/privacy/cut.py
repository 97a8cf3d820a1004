"""Taking the sound or the words out of a call that is written, its figures staying."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pipeline.files import Modes, sweep, write_bytes
from pipeline.privacy.wordless import without_words
from pipeline.records import Analysis
from pipeline.reports.naming import folder_name
from pipeline.reports.write import AUDIO, DIGEST, ORIGINAL_WORDS, PDF, read_call, rerender
from pipeline.settings import Settings
from pipeline.texts import load_texts
from pipeline.transcription.kept import KeptTranscripts

ORIGINAL_DIR = "redaction.original_dir"
ORIGINAL_FILES = (AUDIO, ORIGINAL_WORDS)


def cut_call(folder: Path, settings: Settings, *, audio: bool, words: bool) -> Analysis:
    """Remove sound, words or both of the call in ``folder`` and write its reports again.

    The analysis, which says what is removed, is written last: a killed run is made good by the next.
    """
    analysis = read_call(folder)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if audio:
        removed = dataclasses.replace(analysis.removed, audio_at=now)
        analysis = dataclasses.replace(analysis, removed=removed)
        cut_audio(folder, settings)
        remove_original(analysis.call.call_id, settings, original_dir_of(analysis), AUDIO)
    if words:
        analysis = without_words(analysis, now, load_texts(settings.output.language))
        remove_original(analysis.call.call_id, settings, original_dir_of(analysis), ORIGINAL_WORDS)
        KeptTranscripts(analysis.call.sha256, settings.batch).forget()
    (folder / PDF).unlink(missing_ok=True)
    rerender(folder, settings, analysis)
    return analysis


def cut_audio(folder: Path, settings: Settings) -> None:
    """Remove the playback copy; its digest (peaks and levels, no sound) is from then on of no copy."""
    digest = folder / DIGEST
    if digest.is_file():
        content = json.loads(digest.read_bytes())
        if content.get("audio_bytes") is not None:
            text = json.dumps(content | {"audio_bytes": None}, separators=(",", ":")) + "\n"
            write_bytes(digest, text.encode(), Modes.of(settings.output))
    (folder / AUDIO).unlink(missing_ok=True)


def remove_original(call_id: str, settings: Settings, original_dir: str | None, *names: str) -> int:
    """Remove what is kept of a call as it was, all of it by default; how many files there were.

    Args:
        original_dir: the folder in which the call's analysis says that it was kept; that of ``settings`` is
            looked in, too.
    """
    removed = 0
    for place in {Path(each).resolve() for each in (settings.redaction.original_dir, original_dir) if each}:
        folder = place / folder_name(call_id)
        sweep(folder)
        for path in [folder / name for name in names or ORIGINAL_FILES]:
            removed += path.exists()
            path.unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return removed


def original_dir_of(analysis: Analysis) -> str | None:
    """The folder in which originals of the call were kept, as its analysis says."""
    settings = {each.key: each.value for each in analysis.thresholds}
    return original_dir_in(analysis.provenance.original_dir, settings)


def original_dir_in(named: object, settings: Mapping[str, object]) -> str | None:
    """The same, from the folder that is named and the settings of a stored analysis, which older ones have
    alone."""
    found = named or settings.get(ORIGINAL_DIR)
    return found if isinstance(found, str) else None
