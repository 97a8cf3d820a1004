"""Taking the sound or the words out of a call that is written, its figures staying."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

from pipeline.files import Modes, write_bytes
from pipeline.privacy.wordless import without_words
from pipeline.records import Analysis
from pipeline.reports.naming import folder_name
from pipeline.reports.write import AUDIO, DIGEST, ORIGINAL_WORDS, PDF, read_call, rerender
from pipeline.settings import Settings
from pipeline.texts import load_texts
from pipeline.transcription.kept import KeptTranscripts


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
        remove_original(analysis.call.call_id, settings, AUDIO)
    if words:
        analysis = without_words(analysis, now, load_texts(settings.output.language))
        remove_original(analysis.call.call_id, settings, ORIGINAL_WORDS)
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


def remove_original(call_id: str, settings: Settings, *names: str) -> int:
    """Remove what is kept of a call as it was, all of it by default; how many files there were."""
    if not settings.redaction.original_dir:
        return 0
    folder = Path(settings.redaction.original_dir) / folder_name(call_id)
    there = [path for path in folder.glob("*") if not names or path.name in names]
    for path in there:
        path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return len(there)
