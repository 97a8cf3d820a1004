"""Transcripts of calls that are not finished, so that a crash does not cost the dearest stage twice.

They hold what was said, unredacted: they lie in the user's private state folder, readable by that user only,
and go as soon as their call is analyzed; those of a call that never is go with the first call that is,
or that needs the room, after ``batch.transcript_cache_days``.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import platformdirs
from pydantic import TypeAdapter, ValidationError

from pipeline.files import Modes, make_folder, sweep, write_bytes
from pipeline.records import Samples, SpeakerTranscript
from pipeline.settings import BatchSettings, RecognizerSettings
from pipeline.timeline import Span

PRIVATE = Modes(file=0o600, folder=0o700)
DAY_S = 86_400.0
_ADAPTER: TypeAdapter[SpeakerTranscript] = TypeAdapter(SpeakerTranscript)


class KeptTranscripts:
    """What was recognized of one recording; ``batch.transcript_cache_bytes`` of 0 keeps nothing."""

    def __init__(self, sha256: str, settings: BatchSettings) -> None:
        self._sha256 = sha256
        self._settings = settings
        self._folder = platformdirs.user_state_path("callcoach") / "transcripts"

    def get_or_make(self, key: str, make: Callable[[], SpeakerTranscript]) -> SpeakerTranscript:
        """The transcript that was kept under ``key``, or a new one, which is kept until :meth:`forget`.

        A folder that cannot be written costs nothing but the saving.
        """
        if self._settings.transcript_cache_bytes == 0:
            return make()
        path = self._folder / f"{self._sha256}.{key}.json"
        try:
            return _ADAPTER.validate_json(path.read_bytes())
        except (OSError, ValidationError):
            made = make()
        try:
            content = _ADAPTER.dump_json(made)
            make_folder(self._folder, PRIVATE)
            self._make_room(len(content))
            if len(content) <= self._settings.transcript_cache_bytes:
                write_bytes(path, content, PRIVATE)
        except OSError:
            return made
        return made

    def forget(self) -> int:
        """Remove what is kept of this recording, whose call is written, and what was kept too long; how many
        transcripts were kept of it."""
        kept = list(self._folder.glob(f"{self._sha256}.*.json"))
        for path in kept:
            path.unlink(missing_ok=True)
        self._make_room(0)
        return len(kept)

    def _make_room(self, size_bytes: int) -> None:
        """Remove what is too old, then the oldest until ``size_bytes`` more fit."""
        sweep(self._folder)
        room = self._settings.transcript_cache_bytes - size_bytes
        oldest = time.time() - DAY_S * self._settings.transcript_cache_days
        newest_first = sorted(
            ((found.st_mtime, found.st_size, path) for path, found in _stats(self._folder)), reverse=True
        )
        for changed_at, size, path in newest_first:
            room -= size
            if room < 0 or changed_at < oldest:
                path.unlink(missing_ok=True)


def key_of(
    samples: Samples,
    sample_rate_hz: int,
    speech: Sequence[Span],
    language: str | None,
    settings: RecognizerSettings,
    model_sha256: str,
) -> str:
    """Identity of everything that a transcript depends on: sound, speech, language, settings, weights."""
    digest = hashlib.sha256(samples.tobytes())
    others = [sample_rate_hz, list(speech), language, settings.model_dump(), model_sha256]
    digest.update(json.dumps(others, sort_keys=True).encode())
    return digest.hexdigest()[:32]


def _stats(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.glob("*.json"):
        try:
            yield path, path.stat()
        except FileNotFoundError:
            continue
