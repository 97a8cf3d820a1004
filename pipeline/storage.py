"""Recordings and reports in object stores: staged in a local folder, where the analysis reads and writes.

Local paths and ``file://`` URIs are used in place. Everything else goes through fsspec, so that ``s3://``,
``gs://`` and ``az://`` work once their fsspec package is installed.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.audio.discover import (
    ANALYSIS_FILE,
    CORRECTION_FILE,
    EXTENSIONS,
    JSON,
    discover,
    may_be_scripts,
    scripts_in,
)
from pipeline.audio.metadata import CALLS_TABLE
from pipeline.errors import CallError, InputRejected, SettingsError, StageFailed
from pipeline.planning import UNKNOWN, Stamp
from pipeline.printable import source_of
from pipeline.reports.naming import AGENTS, STALE

OF_A_CALL = (ANALYSIS_FILE, CORRECTION_FILE)
CHANGED = ("LastModified", "last_modified", "updated", "mtime", "created")
"""Under which name a store tells when a file was last changed: S3, Azure, Google, folders, others."""


class StorageFailed(StageFailed):
    """A store did not answer as it should; it may the next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A recording: ``source`` is its path or URI, ``path`` where it is, or will be once fetched; ``listed``
    is what a store says of a remote one."""

    path: Path
    source: str
    listed: Stamp = UNKNOWN

    @property
    def remote(self) -> bool:
        return is_remote(self.source)

    def fetch(self) -> None:
        """Copy a remote recording to ``path``.

        Raises:
            StorageFailed: the store did not give it.
        """
        if self.remote:
            _get_all(self.source, [(_store(self.source)[1], self.path)])

    def release(self) -> None:
        """Remove the copy of a remote recording; its owner's file is never touched."""
        if self.remote:
            self.path.unlink(missing_ok=True)


class Output:
    """Where reports go: ``local`` is written first; for a remote ``uri`` it is a staging folder."""

    def __init__(self, uri: str, staging: Path) -> None:
        self.uri = uri
        self.remote = is_remote(uri)
        self.local = staging / "out" if self.remote else local_path(uri)

    def address(self, path: Path) -> str:
        """Where a reader finds ``path``, which is in ``local``."""
        if not self.remote:
            return str(path)
        return f"{self.uri.rstrip('/')}/{path.relative_to(self.local).as_posix()}"

    def pull_analyses(self) -> None:
        """Bring the analyses that are already there, for what is done and for the batch's figures, and what
        users have corrected."""
        if not self.remote:
            return
        files = ((name, relative) for name, relative in _files(self.uri) if len(relative.parts) == 2)
        _get_all(self.uri, [(name, self.local / one) for name, one in files if one.name in OF_A_CALL])

    def pull_call(self, folder: Path, *, reports: bool = False) -> None:
        """The same for the call whose folder in ``local`` this is; with ``reports``, all that it has."""
        if self.remote:
            uri = f"{self.uri.rstrip('/')}/{folder.name}"
            there = [(name, folder / relative) for name, relative in _files(uri)]
            _get_all(uri, [(name, path) for name, path in there if reports or path.name in OF_A_CALL])

    def push_call(self, folder: Path) -> None:
        """Upload the reports of one call, its analysis last, since that is what marks it done; the staged
        ones are removed, or a night's reports would fill the disk."""
        if self.remote:
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            self._push(sorted(files, key=lambda path: path.name == ANALYSIS_FILE))
            shutil.rmtree(folder)

    def push_batch_files(self) -> None:
        """Upload what is not in the folder of a call."""
        if self.remote:
            calls = {path.parent for path in self.local.glob(f"*/{ANALYSIS_FILE}")}
            files = (path for path in self.local.rglob("*") if path.is_file())
            self._push([path for path in files if not calls & set(path.parents)])

    def remove_call(self, folder: Path) -> int:
        """Remove the files of a call from a remote output, its analysis last; how many there were."""
        if not self.remote:
            return 0
        uri = f"{self.uri.rstrip('/')}/{folder.name}"
        names = sorted((name for name, _ in _files(uri)), key=lambda name: name.endswith(f"/{ANALYSIS_FILE}"))
        self._remove(names)
        return len(names)

    def remove_file(self, path: Path) -> None:
        """Remove a file of the batch."""
        path.unlink(missing_ok=True)
        if self.remote:
            relative = path.relative_to(self.local).as_posix()
            self._remove([name for name, found in _files(self.uri) if found.as_posix() == relative])

    def replace_call(self, folder: Path) -> None:
        """Make a call of a remote output what it is in ``local``, where it stays."""
        if self.remote:
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            kept = {path.relative_to(folder).as_posix() for path in files}
            there = _files(f"{self.uri.rstrip('/')}/{folder.name}")
            self._remove([name for name, relative in there if relative.as_posix() not in kept])
            self._push(sorted(files, key=lambda path: path.name == ANALYSIS_FILE))

    def replace_batch_files(self) -> None:
        """Upload what is not in the folder of a call; remove pages of agents who have no call any more, and
        the mark that says that this was to be done."""
        if self.remote:
            self.push_batch_files()
            there = [(name, path) for name, path in _files(self.uri) if path.parts[0] in (AGENTS, STALE)]
            self._remove([name for name, path in there if not (self.local / path).exists()])

    def push_mark(self) -> None:
        """Upload the mark that the batch's files are to be written again."""
        if self.remote:
            self._push([self.local / STALE])

    def pull_mark(self) -> bool:
        """Whether that mark is there."""
        return STALE in self.names() if self.remote else (self.local / STALE).exists()

    def pull_batch_files(self) -> None:
        """Bring what is not in the folder of a call."""
        if self.remote:
            found = (
                (name, path)
                for name, path in _files(self.uri)
                if len(path.parts) == 1 or path.parts[0] == AGENTS
            )
            _get_all(self.uri, [(name, self.local / path) for name, path in found])

    def names(self) -> list[str]:
        """Of a remote output, all files by their path in it."""
        return [path.as_posix() for _, path in _files(self.uri)] if self.remote else []

    def _remove(self, names: Sequence[str]) -> None:
        store, _ = _store(self.uri)
        with _storage_errors(self.uri):
            for name in names:
                store.rm_file(name)

    def _push(self, files: list[Path]) -> None:
        store, root = _store(self.uri)
        with _storage_errors(self.uri):
            for path in files:
                target = f"{root}/{path.relative_to(self.local).as_posix()}"
                store.makedirs(target.rpartition("/")[0], exist_ok=True)
                store.put_file(str(path), target)


def is_remote(uri: str) -> bool:
    return "://" in uri and not uri.startswith("file://")


def local_path(uri: str) -> Path:
    return Path(uri.removeprefix("file://"))


def locate(uri: str, staging: Path) -> list[Located]:
    """The recordings in a folder, or the one that ``uri`` is; metadata files of remote ones are staged.

    Raises:
        InputRejected: there is nothing at that path.
        StorageFailed: the store did not answer.
    """
    if not is_remote(uri):
        return [Located(path=path, source=source_of(path)) for path in discover([local_path(uri)])]
    folder = staging / "source"
    scheme = uri.partition("://")[0]
    listing = _listing(uri)
    names = {folder / relative: name for name, relative, _ in listing}
    stamps = {folder / relative: stamp for _, relative, stamp in listing}
    written = may_be_scripts(list(names))
    # the content of a JSON file tells whether it is a transcript
    _get_all(uri, [(names[path], path) for path in written if path.suffix.lower() == JSON])
    scripts = set(scripts_in(written))
    found = [
        Located(path=path, source=f"{scheme}://{name.lstrip('/')}", listed=stamps[path])
        for path, name in names.items()
        if path.suffix.lower() in EXTENSIONS or path in scripts
    ]
    if not found:
        raise InputRejected(f"{uri}: holds no recordings ({', '.join(sorted(EXTENSIONS))})")
    for located in found:
        located.path.parent.mkdir(parents=True, exist_ok=True)
    wanted = {sidecar for located in found for sidecar in _sidecars(located.path)}
    _get_all(uri, [(names[path], path) for path in names if path in wanted or path.name == CALLS_TABLE])
    return sorted(found, key=lambda located: located.source)


def _sidecars(recording: Path) -> tuple[Path, Path]:
    return recording.with_name(recording.name + ".json"), recording.with_suffix(".json")


def _files(uri: str) -> list[tuple[str, PurePosixPath]]:
    """Files under ``uri`` as (name in the store, path from ``uri``); of one file, those beside it too."""
    return [(name, relative) for name, relative, _ in _listing(uri)]


def _listing(uri: str) -> list[tuple[str, PurePosixPath, Stamp]]:
    """The same, with what the store says of each file."""
    store, root = _store(uri)
    store.invalidate_cache()
    with _storage_errors(uri):
        if store.isfile(root):
            folder = root.rpartition("/")[0]
            beside = [*map(str, _sidecars(Path(root))), f"{folder}/{CALLS_TABLE}"]
            names = [root, *(name for name in beside if store.isfile(name))]
            found = {name: store.info(name) for name in names}
        else:
            folder = root.rstrip("/")
            found = store.find(root, detail=True) if store.exists(root) else {}
    listing = [
        (name, PurePosixPath(name.removeprefix(folder).lstrip("/")), stamp_of(facts))
        for name, facts in found.items()
    ]
    return [one for one in listing if ".." not in one[1].parts]


def stamp_of(facts: Mapping[str, Any]) -> Stamp:
    """Size and time of the last change of a file in a store, as far as it tells."""
    changed = next((facts[name] for name in CHANGED if facts.get(name) is not None), None)
    if isinstance(changed, str):
        changed = datetime.fromisoformat(changed)
    seconds = changed.timestamp() if isinstance(changed, datetime) else changed
    return facts.get("size"), None if seconds is None else round(1e6 * seconds) * 1000


def _get_all(uri: str, files: Sequence[tuple[str, Path]]) -> None:
    """Copy (name in the store, path) pairs; stores that can do it give many at a time."""
    store, _ = _store(uri)
    for folder in {path.parent for _, path in files}:
        folder.mkdir(parents=True, exist_ok=True)
    with _storage_errors(uri):
        if files:
            store.get([name for name, _ in files], [str(path) for _, path in files])


def _store(uri: str) -> tuple[Any, str]:
    """The file system of a URI and the name in it."""
    import fsspec.core

    try:
        store, name = fsspec.core.url_to_fs(uri)
    except (ImportError, ValueError) as error:
        raise SettingsError(f"{uri}: this kind of URI cannot be used here ({error})") from error
    return store, str(name)


@contextmanager
def _storage_errors(uri: str) -> Iterator[None]:
    """Whatever a store's client raises (each has errors of its own) as one family."""
    try:
        yield
    except CallError:
        raise
    except Exception as error:
        raise StorageFailed(f"{uri}: {type(error).__name__}: {error}") from error
