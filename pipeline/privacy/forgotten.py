"""What must not be analyzed again: recordings that were forgotten or are too old, and agents who left.

The store keeps their tombstones; a copy lies in the private folder, for nights without the store.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.errors import Forgotten, SettingsError, StoreUnavailable
from pipeline.privacy.place import DigestOf, Place
from pipeline.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

WRONG_KEY = (
    "holds another key than the one by which recordings were forgotten, so that they cannot be told; copy "
    "the file `key` from the machine where that was done, or set privacy.folder to a folder that all share"
)


class ForgottenOnes:
    """What is forgotten, as one run sees it."""

    def __init__(self, settings: Settings) -> None:
        """Look whether anything is; a store that does not answer is replaced by the copy.

        Raises:
            SettingsError: there are tombstones, and the key is not theirs.
        """
        self._settings = settings
        self._place = Place.of(settings)
        self._copy: set[tuple[str, str]] | None = None
        from pipeline.store import tombstones
        from pipeline.store.database import open_store

        try:
            with open_store(settings.store).session() as session:
                refuse_other_key(session, self._place)
                self._agents = tombstones.all_of(session, "agent")
                self._any_recordings = tombstones.any_of(session, "recording")
        except StoreUnavailable:
            self._copy = _read_copy(self._place)
            self._agents = {digest for kind, digest in self._copy if kind == "agent"}
            self._any_recordings = any(kind == "recording" for kind, _ in self._copy)

    def agent(self, agent_id: str | None) -> bool:
        return (
            bool(self._agents)
            and agent_id is not None
            and self._place.digest("agent", agent_id) in self._agents
        )

    @property
    def any_recordings(self) -> bool:
        """Whether it is worth while to read a recording for its digest."""
        return self._any_recordings

    def recording(self, sha256: str) -> bool:
        if not self._any_recordings:
            return False
        digest = self._place.digest("recording", sha256)
        if self._copy is not None:
            return ("recording", digest) in self._copy
        from pipeline.store import tombstones
        from pipeline.store.database import open_store

        with open_store(self._settings.store).session() as session:
            return bool(tombstones.found(session, "recording", [digest]))


def refuse_forgotten(source: str, sha256: str, agent_id: str | None, settings: Settings) -> None:
    """Keep what was forgotten from being analyzed. Without a shared store, nothing was forgotten that this
    machine does not know.

    Raises:
        Forgotten: it was.
    """
    shared = (settings.store.url or "").startswith("postgresql")
    if not shared and not Place.of(settings).tombstones.exists():
        return
    ones = ForgottenOnes(settings)
    if ones.agent(agent_id) or ones.recording(sha256):
        raise Forgotten(f"{source}: was forgotten, or is of an agent who was; it is not analyzed again")


def bury(
    session: "Session", place: Place, of: DigestOf, identities: Iterable[str], pseudonym: str | None = None
) -> None:
    """Set tombstones, in the copy first: what is forgotten here stays so even if the store fails now."""
    from pipeline.store import tombstones
    from pipeline.store.tables import Tombstone

    digests = [place.digest(of, each) for each in identities]
    place.ready()
    place.append(place.tombstones, "".join(f"{of} {digest}\n" for digest in digests).encode())
    now, check = datetime.now(UTC), place.key_check()
    rows = [
        Tombstone(kind=of, digest=digest, key_check=check, at=now, pseudonym=pseudonym) for digest in digests
    ]
    tombstones.add(session, rows)


def refuse_other_key(session: "Session", place: Place) -> None:
    """Raises:
    SettingsError: there are tombstones by another key than that of ``place``.
    """
    from pipeline.store import tombstones

    checks = tombstones.key_checks(session)
    if checks and (not place.key_file.exists() or checks != {place.key_check()}):
        raise SettingsError(f"{place.folder}: {WRONG_KEY}")


def _read_copy(place: Place) -> set[tuple[str, str]]:
    try:
        lines = place.tombstones.read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return set()
    return {(kind, digest) for kind, _, digest in (line.partition(" ") for line in lines)}
