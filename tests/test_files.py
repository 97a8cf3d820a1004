"""Files appear whole or not at all, with the permissions of the settings."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import files
from tests import factories

MODES = files.Modes(file=0o640, folder=0o750)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_write_replaces_content_and_leaves_nothing_else(tmp_path: Path) -> None:
    """A second write wins whole, and no temporary file stays."""
    target = tmp_path / "report.md"
    files.write_text(target, "first, and longer", MODES)
    files.write_text(target, "second", MODES)
    assert target.read_text() == "second"
    assert names(tmp_path) == ["report.md"]


def test_update_leaves_a_file_alone_that_needs_none(tmp_path: Path) -> None:
    """The same text is not written again, another one is; permissions are set either way."""
    target = files.update_text(tmp_path / "agent.html", "caf\udce9", MODES)
    first = target.stat().st_ino
    target.chmod(0o600)
    files.update_text(target, "caf\udce9", MODES)
    assert (target.stat().st_ino, target.stat().st_mode & 0o777) == (first, MODES.file)
    files.update_text(target, "tea", MODES)
    assert target.read_text() == "tea"


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    """A writer that dies half-way leaves the earlier content."""
    target = tmp_path / "calls.parquet"
    files.write_bytes(target, b"whole", MODES)

    def dies() -> None:
        with files.atomic_path(target, MODES) as path:
            path.write_bytes(b"ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dies()
    assert target.read_bytes() == b"whole"
    assert names(tmp_path) == ["calls.parquet"]


def test_nothing_is_visible_before_the_end(tmp_path: Path) -> None:
    """While it is being written, the target does not exist."""
    target = tmp_path / "audio.ogg"
    with files.atomic_path(target, MODES) as path:
        path.write_bytes(b"half")
        assert not target.exists()
        assert path.parent == target.parent
    assert target.read_bytes() == b"half"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_come_from_settings_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """Neither a lax nor a strict umask changes what the settings say, also for parents made on the way."""
    before = os.umask(umask)
    try:
        folder = files.make_folder(tmp_path / "a" / "b", MODES)
        files.write_text(folder / "f", "x", MODES)
    finally:
        os.umask(before)
    assert (folder / "f").stat().st_mode & 0o777 == 0o640
    assert folder.stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o750


def test_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    """A folder that somebody else made is used as it is."""
    tmp_path.chmod(0o755)
    files.make_folder(tmp_path, MODES)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_file_in_place_of_a_folder_is_said(tmp_path: Path) -> None:
    """The message names the path that is in the way."""
    (tmp_path / "out").write_text("")
    with pytest.raises(NotADirectoryError, match="out: a folder was expected"):
        files.make_folder(tmp_path / "out", MODES)


def test_what_killed_processes_left_is_swept(tmp_path: Path) -> None:
    """It holds what was said on calls; what a living process is at, or another machine may be, stays."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here, mine = socket.gethostname().replace(".", "_"), os.getpid()
    left = {
        f".a.{here}-{ended.pid}.x1.part": 0.0,
        f".{here}-{ended.pid}.x2.part": 0.0,
        f".a.{here}-{mine}.x3.part": 0.0,
        ".a.elsewhere-1.x4.part": 0.0,
        ".a.elsewhere-1.x5.part": 2 * files.ABANDONED_S,
    }
    for name, age_s in left.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.html").touch()
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    (tmp_path / f".{here}-{ended.pid}.x6.part").touch()
    files.sweep(tmp_path)
    assert names(tmp_path) == sorted([f".a.{here}-{mine}.x3.part", ".a.elsewhere-1.x4.part"])


def test_half_a_surrogate_is_written(tmp_path: Path) -> None:
    """A file name that is not UTF-8 reaches reports as surrogates and must not stop them."""
    assert files.write_text(tmp_path / "f", "a\udcffb", MODES).read_text() == "a?b"


def test_modes_of_settings() -> None:
    """The defaults keep other users out."""
    assert files.Modes.of(factories.settings().output) == files.Modes(file=0o600, folder=0o700)
