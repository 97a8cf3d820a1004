"""What a batch knows of its calls between runs, and how runs at the same time share them.

Without the store a batch runs all the same: nothing is claimed then, and what is done is found in the output.
"""

import dataclasses
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from pipeline.audio.discover import ANALYSIS_FILE
from pipeline.errors import StoreUnavailable
from pipeline.planning import Identity, PlannedCall, Stamp, file_stamp
from pipeline.processes import has_ended, this_process
from pipeline.settings import Settings
from pipeline.storage import is_remote, local_path

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.batch import CallOutcome
    from pipeline.store.tables import BatchCall

Claim = Literal["claimed", "done", "failed", "elsewhere"]
"""This run's; or what another run has made, is making, or failed to make of the call meanwhile."""

Found = TypeVar("Found")
CLAIM_TRIES = 5


class Ledger:
    """The ledger as one run of a batch sees it; may be used from threads.

    ``failure`` says why the store could not be used, if ever it could not.
    """

    def __init__(self, settings: Settings, out: str) -> None:
        self.out = out
        self.failure: str | None = None
        self.owner = f"{this_process()}:{secrets.token_hex(4)}"
        self._settings = settings
        self._limits = settings.batch
        self._started = _now()
        self._seen: dict[str, BatchCall] = {}
        self._unwritten: dict[str, dict[str, Any]] = {}
        self._available = True
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="callcoach-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self.read()
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is not yet written, and give back what was not finished."""
        from pipeline.store import ledger

        self._stopped.set()
        self._heart.join()
        if self._unwritten:
            self._available = True  # a last try
        self._write_late()
        self._ask(lambda session: ledger.give_back(session, self.owner, _now()))

    @property
    def available(self) -> bool:
        """Whether the store answered when it was last asked."""
        return self._available

    def read(self) -> "dict[str, BatchCall]":
        """The entries of this batch by call id; without the store, what was last seen of them."""
        from pipeline.store import ledger

        found = self._ask(lambda session: ledger.entries(session, self.out))
        if found is not None:
            with self._lock:
                self._seen = {row.call_id: row for row in found}
        return dict(self._seen)

    def expect(self, calls: Iterable[PlannedCall]) -> None:
        """Enter calls that are to be worked on as pending."""
        from pipeline.store import ledger
        from pipeline.store.tables import BatchCall

        now = _now()
        wanted = {call.metadata.call_id: call for call in calls}
        changed = [self._seen[name] for name in wanted if name in self._seen]
        changed = [row for row in changed if row.state not in (ledger.PENDING, ledger.RUNNING)]
        new = [
            BatchCall(out=self.out, call_id=name, source=call.source, state=ledger.PENDING, since=now)
            for name, call in wanted.items()
            if name not in self._seen
        ]

        def enter(session: "Session") -> None:
            ledger.add(session, new)
            ledger.replace(session, [(row.revision, _pending(row, now)) for row in changed])

        self._ask(enter)
        self.read()

    def claim(self, call: PlannedCall) -> Claim:
        """Take a call for this run, unless another has it, or has settled it since this run began."""
        from pipeline.store import ledger

        name = call.metadata.call_id
        for _ in range(CLAIM_TRIES):
            seen = self._seen.get(name)
            if seen is not None and (settled := self._settled_elsewhere(seen, call)):
                return settled
            if seen is not None and self._is_held(seen):
                newer = self._ask(lambda session: ledger.entry(session, self.out, name))
                if newer is None:
                    return "elsewhere" if self._available else "claimed"
                if newer.revision == seen.revision and not self._is_gone(newer):
                    return "elsewhere"
                with self._lock:
                    self._seen[name] = newer
                continue
            won = self._take(call, seen)
            if won is None or won:
                return "claimed"  # without a store nobody can say no
            newer = self._ask(lambda session: ledger.entry(session, self.out, name))
            with self._lock:
                if newer is None:
                    self._seen.pop(name, None)
                else:
                    self._seen[name] = newer
        return "elsewhere"

    def settle(self, call: PlannedCall, outcome: "CallOutcome") -> None:
        """Write down what became of a call that this run has claimed."""
        name = call.metadata.call_id
        values = self._values(call, outcome)
        with self._lock:
            self._unwritten[name] = values
            seen = self._seen.get(name)
            if seen is not None:  # what this run would read
                for key, value in values.items():
                    setattr(seen, key, value)
        self._write_late()

    def drop(self, call: PlannedCall) -> None:
        """Forget a call that this run has claimed, and that turned out to be one that was forgotten."""
        from pipeline.store import ledger

        name = call.metadata.call_id
        self._ask(lambda session: ledger.remove(session, self.out, name, self.owner))
        with self._lock:
            self._seen.pop(name, None)

    def adopt(self, calls: Iterable[PlannedCall], out: Path) -> None:
        """Note that calls are done by these settings, as their folders in ``out`` show."""
        from pipeline.store import ledger
        from pipeline.store.tables import BatchCall

        now = _now()
        rows = [
            BatchCall(
                out=self.out,
                call_id=call.metadata.call_id,
                source=call.source,
                state=ledger.DONE,
                since=now,
                **_stamp(call),
                **_analysis(file_stamp(call.folder(out) / ANALYSIS_FILE)),
                **dataclasses.asdict(Identity.of(call, self._settings)),
            )
            for call in calls
        ]
        new = [row for row in rows if row.call_id not in self._seen]
        known = [(self._seen[row.call_id], row) for row in rows if row.call_id in self._seen]

        def enter(session: "Session") -> None:
            ledger.add(session, new)
            ledger.replace(session, [(seen.revision, row) for seen, row in known])

        if rows:
            self._ask(enter)

    def _values(self, call: PlannedCall, outcome: "CallOutcome") -> dict[str, Any]:
        from pipeline.store import ledger

        now = _now()
        if outcome.status != "failed":
            done = {"state": ledger.DONE, "since": now, "tries": 0, "error_kind": None, "error": None}
            return done | _analysis(outcome.analysis) | {"sha256": outcome.sha256}
        seen = self._seen.get(call.metadata.call_id)
        tries = (seen.tries if seen is not None else 0) + 1
        given_up = not outcome.bad_input and tries >= self._limits.quarantine_after
        return {
            "state": ledger.QUARANTINED if given_up else ledger.FAILED,
            "since": now,
            "tries": tries,
            "error_kind": outcome.error_kind,
            "error": outcome.public_error,
        }

    def _take(self, call: PlannedCall, seen: "BatchCall | None") -> bool | None:
        """Whether the entry could be made this run's; ``None`` without the store."""
        from pipeline.store import ledger
        from pipeline.store.tables import BatchCall

        now, name = _now(), call.metadata.call_id
        values = _stamp(call) | dataclasses.asdict(Identity.of(call, self._settings))
        if seen is None:
            row = BatchCall(out=self.out, call_id=name, source=call.source, state=ledger.PENDING, since=now)
            if self._ask(lambda session: ledger.add(session, [row])) is None:
                return None
            seen = row
        same = all(getattr(seen, key) in (None, value) for key, value in values.items())
        values |= {"source": call.source, "tries": seen.tries if same else 0}
        won = self._ask(lambda session: ledger.claim(session, seen, self.owner, now, values))
        if won:
            with self._lock:
                self._seen[name] = BatchCall(
                    out=self.out,
                    call_id=name,
                    state=ledger.RUNNING,
                    since=now,
                    revision=seen.revision + 1,
                    owner=self.owner,
                    heartbeat_at=now,
                    **values,
                )
        return won

    def _settled_elsewhere(self, seen: "BatchCall", call: PlannedCall) -> Claim | None:
        """What another run made of the call since this one began, if it is the same work."""
        from pipeline.store import ledger

        if seen.owner in (None, self.owner) or seen.since < self._started:
            return None
        if not _same_work(seen, call, self._settings):
            return None
        if seen.state == ledger.DONE:
            return "done"
        return "failed" if seen.state in (ledger.FAILED, ledger.QUARANTINED) else None

    def _is_held(self, seen: "BatchCall") -> bool:
        return seen.state == "running" and not self._is_gone(seen)

    def _is_gone(self, seen: "BatchCall") -> bool:
        """Whether the run that had a call has ended or has said nothing for long."""
        silent = _now() - (seen.heartbeat_at or seen.since)
        if silent > timedelta(seconds=self._limits.claim_expires_s):
            return True
        return seen.owner == self.owner or has_ended((seen.owner or "").partition(":")[0])

    def _beat(self) -> None:
        from pipeline.store import ledger

        while not self._stopped.wait(self._limits.heartbeat_s):
            self._available = True  # ask again
            self._ask(lambda session: ledger.beat(session, self.owner, _now()))
            self._write_late()

    def _write_late(self) -> None:
        """Write what is settled and not yet written."""
        from pipeline.store import ledger

        with self._lock:
            waiting = dict(self._unwritten)
        for name, values in waiting.items():

            def write(session: "Session", name: str = name, values: Mapping[str, Any] = values) -> bool:
                return ledger.settle(session, self.out, name, self.owner, values)

            if self._ask(write) is None:
                return
            with self._lock:
                if self._unwritten.get(name) is values:
                    del self._unwritten[name]

    def _ask(self, question: "Callable[[Session], Found]") -> Found | None:
        """The store's answer; ``None`` where there is none. After a failure it is asked again a heartbeat
        later, so that not every call waits for it."""
        from pipeline.store.database import open_store

        if not self._available:
            return None
        try:
            with open_store(self._settings.store).session() as session:
                return question(session)
        except StoreUnavailable as error:
            self._available, self.failure = False, str(error)
            return None


def batch_name(out: str) -> str:
    """What the ledger calls the batch that is written to a folder or URI."""
    return out.rstrip("/") if is_remote(out) else str(local_path(out).resolve())


def matches(row: "BatchCall", call: PlannedCall, settings: Settings) -> bool:
    """Whether an entry is about this very file, unchanged since, and these settings, guidance and version."""
    return None not in _stamp(call).values() and _same_work(row, call, settings)


def _same_work(row: "BatchCall", call: PlannedCall, settings: Settings) -> bool:
    """Whether an entry is of the same call by the same settings."""
    known = dataclasses.asdict(Identity.of(call, settings)) | {"source": call.source} | _stamp(call)
    return all(getattr(row, key) == value for key, value in known.items())


def _stamp(call: PlannedCall) -> dict[str, Any]:
    size_bytes, mtime_ns = call.listed if call.remote else file_stamp(call.path)
    return {"size_bytes": size_bytes, "mtime_ns": mtime_ns}


def _analysis(stamp: Stamp) -> dict[str, Any]:
    return dict(zip(("analysis_bytes", "analysis_mtime_ns"), stamp, strict=True))


def _pending(row: "BatchCall", now: datetime) -> "BatchCall":
    return dataclasses.replace(row, state="pending", since=now)


def _now() -> datetime:
    return datetime.now(UTC)
