"""A finished night of several calls, with all that a night leaves."""

import shutil
from pathlib import Path

import pytest

from tests.privacy.night import Night
from tests.store.conftest import server, url

__all__ = ["server", "url"]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished night, and a copy of it, since paths are in its ledger."""
    folder = tmp_path_factory.mktemp("night")
    with pytest.MonkeyPatch.context() as patch:
        Night(folder / "here", sqlite_in(folder / "here"), patch).finish()
    shutil.copytree(folder / "here", folder / "copy")
    return folder


@pytest.fixture
def night(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    """That night as it was, with its store in an SQLite file."""
    shutil.rmtree(finished / "here")
    shutil.copytree(finished / "copy", finished / "here")
    return Night(finished / "here", sqlite_in(finished / "here"), monkeypatch)


def sqlite_in(folder: Path) -> str:
    return f"sqlite:///{folder}/store/callcoach.sqlite"


@pytest.fixture
def shared_night(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Night:
    """A night on SQLite, and on PostgreSQL."""
    night = Night(tmp_path, url, monkeypatch)
    night.finish()
    return night
