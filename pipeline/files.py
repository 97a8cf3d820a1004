"""Writing files so that a killed run leaves a whole file or none.

Content goes to a hidden temporary file in the target's own folder, is flushed to the disk and then
renamed over the target, which POSIX and Windows do in one step.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.settings import OutputSettings


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


@contextmanager
def atomic_path(path: Path, modes: Modes) -> Iterator[Path]:
    """A temporary path to write to, which becomes ``path`` when the block ends without an error.

    For writers that need a path (Parquet, audio); the writer may open and close it as it likes.
    """
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
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


def write_bytes(path: Path, content: bytes, modes: Modes) -> Path:
    """Write ``content`` to ``path`` in one step."""
    with atomic_path(path, modes) as temporary:
        temporary.write_bytes(content)
    return path


def write_text(path: Path, content: str, modes: Modes) -> Path:
    """Write ``content`` as UTF-8 in one step; what UTF-8 cannot hold (half a surrogate) becomes ``?``."""
    return write_bytes(path, content.encode("utf-8", "replace"), modes)


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a folder
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
