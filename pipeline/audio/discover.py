"""Which files a run analyzes."""

import json
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.audio import headerless
from pipeline.errors import InputRejected
from pipeline.printable import is_there, read_limited

EXTENSIONS = frozenset(
    (
        *(".wav", ".wave", ".mp3", ".ogg", ".oga", ".opus", ".flac", ".m4a", ".mp4", ".aac", ".3gp"),
        *(".amr", ".gsm", ".wma", ".webm", ".mka", ".au", ".aif", ".aiff", ".caf", ".w64", ".voc", ".sph"),
        *headerless.EXTENSIONS,
        *headerless.CONVERTERS,
    )
)
VTT, JSON = ".vtt", ".json"
BESIDE = frozenset((VTT, JSON, ".csv", ".yaml", ".md", ".txt", ".rttm", ".html", ".parquet"))
"""Endings of files that lie beside recordings and are none."""
SIDES = (
    ("-in", "-out"),
    ("_in", "_out"),
    ("-agent", "-customer"),
    ("_agent", "_customer"),
    ("_agent", "_caller"),
)
ANALYSIS_FILE = "analysis.json"
CORRECTION_FILE = "correction.json"


def discover(paths: Sequence[Path]) -> list[Path]:
    """The recordings and transcripts under ``paths``: files as given, folders with their sub-folders.

    Keeps the order of ``paths``; sorts within a folder; gives each file once. Hidden files and folders are
    left out, and so are folders that hold an analysis, whose audio is a playback copy. In a folder a
    transcript counts where there is no recording of its name; a JSON file is one if it has turns. What is
    called as a recording is, but cannot be one (:func:`why_unreadable`), is given too, to be refused.

    Raises:
        InputRejected: a path does not exist, is neither file nor folder, or a folder cannot be listed.
    """
    found: dict[Path, Path] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            for file in sorted(_calls(path)):
                found.setdefault(file.absolute(), file)
        elif path.is_file():
            if not _is_sidecar(path):  # as when a shell lists all files of a folder
                found.setdefault(path.absolute(), path)
        elif path.is_symlink() and not path.exists():  # as when a shell lists all files of a folder
            found.setdefault(path.absolute(), path)
        elif path.exists():
            raise InputRejected(f"{path}: is neither a file nor a folder; give recordings or folders of them")
        else:
            raise InputRejected(f"{path}: does not exist; check the path")
    return list(found.values())


def left_out(paths: Sequence[Path]) -> list[tuple[str, int]]:
    """Endings of files in the folders among ``paths`` that no run reads, and how many files have each."""
    counts = Counter[str]()
    for folder in (Path(path) for path in paths if Path(path).is_dir()):
        for _, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            if ANALYSIS_FILE in files:
                continue
            endings = (Path(name).suffix.lower() for name in files if not name.startswith("."))
            counts.update(ending for ending in endings if ending not in (*EXTENSIONS, *BESIDE))
    return sorted(counts.items())


def two_sides(recordings: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Recordings in one folder whose names differ only by which side of a call they are."""
    known = set(recordings)
    pairs = []
    for path in recordings:
        for one, other in SIDES:
            if path.stem.casefold().endswith(one):
                stem = path.stem[: len(path.stem) - len(one)]
                partner = path.with_name(stem + other + path.suffix)
                if stem and partner in known:
                    pairs.append((path, partner))
    return pairs


def why_unreadable(path: Path) -> str | None:
    """What keeps something in a folder from being a recording, as a recording whose disk is gone must not
    look like a call that never was; ``None`` of a file, a folder and of nothing."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if not path.is_symlink():
            return None
        return f"is a link that leads to no file ({error.strerror}); is its disk mounted?"
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    return "is not a file, but a pipe or a device; remove it"


def is_script(path: Path) -> bool:
    """Whether a file's name is that of a transcript, and not of a recording."""
    return path.suffix.lower() in (VTT, JSON)


def turns_in(content: Any) -> Any:
    """The turns of a transcript in JSON, or of an analysis, which has them one level down."""
    if not isinstance(content, dict):
        return None
    inner = content.get("transcript")
    return content["turns"] if "turns" in content else inner.get("turns") if isinstance(inner, dict) else None


def _calls(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        if ANALYSIS_FILE in files:
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        shown = (Path(parent, name) for name in files if not name.startswith("."))
        paths = [file for file in shown if _is_file(file)]
        yield from (file for file in paths if file.suffix.lower() in EXTENSIONS)
        yield from scripts_in(may_be_scripts(paths))


def _is_file(path: Path) -> bool:
    """Whether it is a file, or would be a recording or a transcript if it were one."""
    named = path.suffix.lower() in (VTT, *EXTENSIONS)
    return path.is_file() or (named and why_unreadable(path) is not None)


def may_be_scripts(paths: Sequence[Path]) -> list[Path]:
    """Files that no recording among ``paths`` has the name of, and that are transcripts by their names."""
    recorded = {
        file.with_name(name)
        for file in paths
        if file.suffix.lower() in EXTENSIONS
        for name in (file.name, file.stem)
    }
    return [file for file in paths if is_script(file) and file.with_suffix("") not in recorded]


def scripts_in(paths: Sequence[Path]) -> list[Path]:
    """Those that are transcripts; one in JSON, which may time words, over captions of the same name."""
    in_json = [file for file in paths if file.suffix.lower() == JSON and _holds_turns(file)]
    names = {file.with_suffix("") for file in in_json}
    captions = [file for file in paths if file.suffix.lower() == VTT]
    return [*in_json, *(file for file in captions if file.with_suffix("") not in names)]


def _is_sidecar(path: Path) -> bool:
    """Whether a file is the metadata of a recording or of captions beside it."""
    if path.suffix.lower() != JSON or _holds_turns(path):
        return False
    owner = path.with_suffix("")
    if owner.suffix.lower() in EXTENSIONS and is_there(owner):
        return True
    endings = (VTT, *EXTENSIONS)
    return any(is_there(path.with_suffix(cased)) for end in endings for cased in (end, end.upper()))


def _holds_turns(path: Path) -> bool:
    """Whether a JSON file is a transcript, and not metadata or something of another system."""
    try:
        return isinstance(turns_in(json.loads(read_limited(path).decode("utf-8-sig"))), list)
    except (OSError, ValueError, RecursionError):  # too large is a ValueError, too
        return False  # whatever it is, it says nothing of itself


def _refuse(error: OSError) -> None:
    raise InputRejected(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions")
