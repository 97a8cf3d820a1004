"""Which files a run analyses."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import InputRejected

EXTENSIONS = frozenset(
    (
        *(".wav", ".wave", ".mp3", ".ogg", ".oga", ".opus", ".flac", ".m4a", ".mp4", ".aac", ".3gp"),
        *(".amr", ".gsm", ".wma", ".webm", ".mka", ".au", ".aif", ".aiff", ".caf", ".w64"),
    )
)
ANALYSIS_FILE = "analysis.json"
CORRECTION_FILE = "correction.json"


def discover(paths: Sequence[Path]) -> list[Path]:
    """The recordings under ``paths``: files as given, folders searched with their sub-folders.

    Keeps the order of ``paths``; sorts within a folder; gives each file once. Hidden files and folders are
    left out, and so are folders that hold an analysis, whose audio is a playback copy.

    Raises:
        InputRejected: a path does not exist, is neither file nor folder, or a folder cannot be listed.
    """
    found: dict[Path, Path] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            for file in sorted(_audio_files(path)):
                found.setdefault(file.absolute(), file)
        elif path.is_file():
            found.setdefault(path.absolute(), path)
        elif path.exists():
            raise InputRejected(f"{path}: is neither a file nor a folder; give recordings or folders of them")
        else:
            raise InputRejected(f"{path}: does not exist; check the path")
    return list(found.values())


def _audio_files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        if ANALYSIS_FILE in files:
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            file = Path(parent, name)
            if not name.startswith(".") and file.suffix.lower() in EXTENSIONS and file.is_file():
                yield file


def _refuse(error: OSError) -> None:
    raise InputRejected(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions")
