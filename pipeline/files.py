"""Writing files so that a killed run leaves a whole file or none.

Content goes to a hidden temporary file in the target's own folder, is flushed to the disk and then
renamed over the target, which POSIX and Windows do in one step.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.processes import has_ended, this_process
from pipeline.settings import OutputSettings

PART = ".part"
ABANDONED_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Modes:
    """Permissions of what is written, as in ``os.chmod``."""

    file: int
    folder: int

    @classmethod
    def of(cls, output: OutputSettings) -> "Modes":
        return cls(file=int(output.file_mode, 8), folder=int(output.folder_mode, 8))


def make_folder(path: Path, modes: Modes) -> Path:
    """Create ``path`` and its missing parents with the mode of folders; existing ones are left alone."""
    missing = [path, *path.parents]
    while missing and missing[-1].exists():
        missing.pop()
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        folder.chmod(modes.folder)  # the umask has no say
    if not path.is_dir():
        raise NotADirectoryError(f"{path}: a folder was expected here, but it is a file")
    return path


def open_to_others(path: Path) -> bool:
    """Whether anybody but its owner can do anything with a file or folder."""
    return path.exists() and bool(path.stat().st_mode & 0o077)


def close_to_others(path: Path, mode: int) -> None:
    """Give a file or folder that others can use ``mode``, if it is ours to do so."""
    with suppress(FileNotFoundError):  # another process has removed it meanwhile
        if open_to_others(path) and path.stat().st_uid == os.geteuid():
            path.chmod(mode)


@contextmanager
def atomic_path(path: Path, modes: Modes) -> Iterator[Path]:
    """A temporary path to write to, which becomes ``path`` when the block ends without an error.

    For writers that need a path (Parquet, audio); the writer may open and close it as it likes.
    """
    handle, name = tempfile.mkstemp(prefix=part_prefix(), suffix=PART, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(modes.file)
        sync(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def part_prefix(name: str = "") -> str:
    """How the names of this process's unfinished files and folders begin."""
    return f".{name}.{this_process()}." if name else f".{this_process()}."


def sweep(folder: Path) -> None:
    """Remove what killed processes left unfinished in ``folder``, but not what others are at.

    Of another machine's nobody here knows; a day is enough for it.
    """
    for left in folder.glob(f".*{PART}"):
        maker = left.name.split(".")[-3]
        try:
            if not has_ended(maker) and time.time() - left.stat().st_mtime < ABANDONED_S:
                continue
        except FileNotFoundError:
            continue  # finished meanwhile
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, modes: Modes) -> Path:
    """Write ``content`` to ``path`` in one step."""
    with atomic_path(path, modes) as temporary:
        temporary.write_bytes(content)
    return path


def write_text(path: Path, content: str, modes: Modes) -> Path:
    """Write ``content`` as UTF-8 in one step; what UTF-8 cannot hold (half a surrogate) becomes ``?``."""
    return write_bytes(path, content.encode("utf-8", "replace"), modes)


def update_text(path: Path, content: str, modes: Modes) -> Path:
    """:func:`write_text`, but a file that holds just that already is left alone."""
    if path.is_file() and path.read_bytes() == content.encode("utf-8", "replace"):
        path.chmod(modes.file)
        return path
    return write_text(path, content, modes)


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a folder
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
