"""The private folder of the audit log, receipts and tombstones, and the key of its digests.

What must outlive a forgotten call is kept as a digest that nobody can make or compare without the key, so
that a guessed id cannot be tried.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Literal

import platformdirs
from filelock import FileLock

from pipeline.files import Modes, close_to_others, make_folder, write_bytes
from pipeline.settings import Settings

PRIVATE = Modes(file=0o600, folder=0o700)
FOLDER = "privacy"
KEY_BYTES = 32
DigestOf = Literal["call", "customer", "agent", "recording"]


class Place:
    """The private folder; made, or closed to others, when something is first written there, like its key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.audit_log = folder / "audit.jsonl"
        self.receipts = folder / "receipts"
        self.key_file = folder / "key"
        self.tombstones = folder / "forgotten.txt"

    @classmethod
    def of(cls, settings: Settings) -> "Place":
        if settings.privacy.folder is not None:
            return cls(Path(settings.privacy.folder))
        return cls((_store_folder(settings.store.url) or platformdirs.user_data_path("callcoach")) / FOLDER)

    def ready(self) -> Path:
        make_folder(self.folder, PRIVATE)
        close_to_others(self.folder, PRIVATE.folder)  # where it was there already
        return self.folder

    def lock(self, name: str) -> FileLock:
        """A lock between processes for one of the files here."""
        self.ready()
        return FileLock(self.folder / f".{name}.lock", mode=PRIVATE.file)

    def digest(self, of: DigestOf, identity: str) -> str:
        """HMAC-SHA256 of an id, 64 hexadecimal digits; the same id of another kind has another.

        Agents are the same in any case of letters.
        """
        identity = identity.casefold() if of == "agent" else identity
        return hmac.new(
            self._key(), f"{of}\0{identity}".encode("utf-8", "surrogatepass"), "sha256"
        ).hexdigest()

    def key_check(self) -> str:
        """What tells one key from another, and nothing of the key."""
        return hmac.new(self._key(), b"key", hashlib.sha256).hexdigest()[:16]

    def append(self, path: Path, content: bytes) -> None:
        """Add to a file here, on the disk when this returns."""
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE.file)
        try:
            while content:
                content = content[os.write(handle, content) :]
            os.fsync(handle)
        finally:
            os.close(handle)

    def _key(self) -> bytes:
        try:
            return self.key_file.read_bytes()
        except FileNotFoundError:
            pass
        with self.lock("key"):
            if not self.key_file.exists():
                write_bytes(self.key_file, secrets.token_bytes(KEY_BYTES), PRIVATE)
            return self.key_file.read_bytes()


def _store_folder(url: str | None) -> Path | None:
    """The folder of an SQLite store; ``None`` of the default one and of PostgreSQL."""
    if url is None or not url.startswith("sqlite"):
        return None
    database = url.partition("://")[2].removeprefix("/").partition("?")[0]
    return Path(database).parent if database else None
