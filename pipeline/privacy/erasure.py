"""Erasure on request: every trace of a call or of a customer's calls is removed, an agent gets a pseudonym.

What was removed is then looked for in every file and table, and a receipt without personal data says whether
anything is left. Recordings are their owner's archive: they are never touched, and not analyzed again.
"""

import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import platformdirs

from pipeline.errors import CallError, InputRejected, StageFailed
from pipeline.files import sweep, write_text
from pipeline.ledger import batch_name
from pipeline.planning import mapping_in, sha256_of, stored_analysis, thresholds_in
from pipeline.privacy import audit_log, orchestrator
from pipeline.privacy.cut import original_dir_in
from pipeline.privacy.forgotten import bury, refuse_other_key
from pipeline.privacy.place import PRIVATE, Place
from pipeline.privacy.receipts import write_receipt
from pipeline.privacy.removal import remove_files
from pipeline.privacy.renaming import SHORTEST_NAME, Renaming, remains_in, rename_in_call
from pipeline.privacy.traces import Sought, Trace, counted, in_bytes, in_folder, in_texts
from pipeline.processes import has_ended
from pipeline.reports.naming import folder_name
from pipeline.reports.night import SUMMARY
from pipeline.reports.table import read_parquet
from pipeline.reports.write import ANALYSIS, ORIGINAL_WORDS
from pipeline.rollup import call_folders, mark_stale, roll_up_again
from pipeline.settings import Settings
from pipeline.storage import Output, is_remote
from pipeline.store import ledger, tombstones
from pipeline.store.baselines import calls_of
from pipeline.store.database import open_store

if TYPE_CHECKING:
    from pipeline.store.tables import BatchCall

Kind = Literal["call", "customer", "agent"]
SEARCHED_ALL = "words and values"
SEARCHED = (
    "values; short ids not among words",
    "values, and words of the agent's own calls; short ids and ordinary words not among others",
)
NOTE = "unfinished-{}.json"
TRANSCRIPTS = "kept transcripts"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCall:
    """A call that is to be forgotten: where it is written (``out`` as the ledger names it), and as what."""

    out: str
    call_id: str
    folder: str | None = None
    sha256: str | None = None
    source: str | None = None
    original_dir: str | None = None
    """Where its analysis says that it was kept as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was done, or would be. ``remaining`` is what the search found afterwards; ``again`` says that it
    was done before, and that this was only the search."""

    kind: Kind
    calls: tuple[FoundCall, ...]
    outs: tuple[str, ...]
    removed: dict[str, int]
    remaining: tuple[Trace, ...]
    everywhere: bool
    twins: tuple[str, ...] = ()
    """Other calls of the same recording, which are not to be forgotten: its digest stays in them."""
    again: bool = False
    pseudonym: str | None = None
    receipt: Path | None = None

    @property
    def verified(self) -> bool:
        return not self.remaining


class Eraser:
    """One request: whom or what, and in which outputs."""

    def __init__(
        self, settings: Settings, kind: Kind, identity: str, outs: Sequence[str], names: Sequence[str] = ()
    ) -> None:
        self._settings = settings
        self._kind = kind
        self._identity = identity
        self._names = names
        self._place = Place.of(settings)
        self._store = open_store(settings.store)
        self._outs = self._all_outs(outs or [settings.batch.out])
        self._there: list[FoundCall] = []

    def forget(self, *, dry_run: bool = False) -> Erasure:
        """Remove, write the batches again, search, and write a receipt; a killed run is finished by the next.

        Raises:
            InputRejected: nothing is kept of it.
            StageFailed: a run is at one of the outputs, or an object store does not answer.
            StoreUnavailable: the store does not answer.
        """
        with self._opened() as outputs, self._place.lock("erasure"):
            found = self._find(outputs)
            again = not found and self._buried()
            if not found and not again:
                raise InputRejected(f"nothing is kept of this {self._kind}; check its id and --out")
            renaming = self._renaming(found, assign=not dry_run) if self._kind == "agent" else None
            if dry_run:
                return self._erasure(found, Counter(), (), again, renaming)
            self._refuse_running(outputs)
            self._note(found)
            removed = Counter[str]()
            self._bury(found)
            for name, output in outputs.items():
                self._in_output(name, output, [each for each in found if each.out == name], renaming, removed)
            sought = renaming.sought if renaming else self._sought(found)
            self._in_store(found, sought, removed)
            if renaming is not None:
                self._in_words_kept(renaming, removed)
            self._in_prefect(sought, removed)
            remaining = tuple(self._search(outputs, sought, renaming))
            done = self._erasure(found, removed, remaining, again, renaming)
            receipt = self._receipt(done)
            if done.verified:
                self._unfinished().unlink(missing_ok=True)
        return replace(done, receipt=receipt)

    # --- what there is --------------------------------------------------------------------------------

    def _all_outs(self, given: Sequence[str]) -> list[str]:
        """The given outputs and those that the store knows of; of local ones those that are there."""
        with self._store.session() as session:
            known = {row.out for row in ledger.entries(session)}
        names = dict.fromkeys([*map(batch_name, given), *sorted(known)])
        return [name for name in names if is_remote(name) or Path(name).is_dir()]

    @contextmanager
    def _opened(self) -> Iterator[dict[str, Output]]:
        with tempfile.TemporaryDirectory(prefix="callcoach-forget-") as folder:
            outputs = {name: Output(name, Path(folder) / str(at)) for at, name in enumerate(self._outs)}
            for output in outputs.values():
                output.pull_analyses()
                output.pull_batch_files()
                if not output.remote:
                    sweep(output.local)
            yield outputs

    def _find(self, outputs: dict[str, Output]) -> list[FoundCall]:
        found: dict[tuple[str, str], FoundCall] = {}
        for each in self._noted():
            found[each.out, each.call_id] = each
        self._there = []
        for name, output in outputs.items():
            for each, whose in _calls_in(name, output.local, f"{self._kind}_id"):
                self._there.append(each)
                if _same(self._kind, whose, self._identity):
                    found[each.out, each.call_id] = each
        if self._kind == "call":
            with self._store.session() as session:
                rows = [row for row in ledger.entries(session) if row.call_id == self._identity]
                voices = [row for row in calls_of(session) if row.call_id == self._identity]
            for row in rows:
                sha256 = row.sha256
                if sha256 is None and not is_remote(row.source) and Path(row.source).is_file():
                    sha256 = sha256_of(Path(row.source))  # of one that has failed
                known = FoundCall(out=row.out, call_id=row.call_id, sha256=sha256, source=row.source)
                found.setdefault((row.out, row.call_id), known)
            if voices and not found:
                found["", self._identity] = FoundCall(out="", call_id=self._identity, sha256=voices[0].sha256)
        if self._kind == "agent" and not found:
            with self._store.session() as session:
                if calls_of(session, self._identity):
                    found["", ""] = FoundCall(out="", call_id="")
        return list(found.values())

    def _buried(self) -> bool:
        """Whether this was forgotten before."""
        digest = self._place.digest(self._kind, self._identity)
        with self._store.session() as session:
            return bool(tombstones.found(session, self._kind, [digest]))

    def _refuse_running(self, outputs: Iterable[str]) -> None:
        """A run writes its index at its end, from what it remembers: it would bring forgotten calls back."""
        oldest = datetime.now(UTC) - timedelta(seconds=self._settings.batch.claim_expires_s)
        with self._store.session() as session:
            for name in outputs:
                for row in ledger.entries(session, name):
                    alive = row.state == ledger.RUNNING and (row.heartbeat_at or row.since) > oldest
                    if alive and not has_ended((row.owner or "").partition(":")[0]):
                        raise StageFailed(f"{name}: a run is writing there; try again when it has ended")

    def _renaming(self, found: Iterable[FoundCall], *, assign: bool) -> Renaming:
        digest = self._place.digest("agent", self._identity)
        with self._store.session() as session:
            refuse_other_key(session, self._place)
            name = tombstones.pseudonym_of(session, digest)
            if name is None:
                name = tombstones.next_pseudonym(session)
                if assign:
                    bury(session, self._place, "agent", [self._identity], pseudonym=name)
            told = {row.call_id for row in ledger.entries(session) if row.state in tombstones.UNDONE}
        if len(self._identity) < SHORTEST_NAME:
            told = set()  # of others, for all we know
        told |= {value for each in found for value in (each.call_id, each.source) if value}
        return Renaming(self._identity, self._names, name, told)

    def _sought(self, found: Iterable[FoundCall]) -> Sought:
        ids = {self._identity, *(each.call_id for each in found)}
        ids |= {value for each in found for value in (each.sha256, each.source) if value}
        return Sought(ids)

    # --- what is done ---------------------------------------------------------------------------------

    def _bury(self, found: Sequence[FoundCall]) -> None:
        with self._store.session() as session:
            refuse_other_key(session, self._place)
            bury(session, self._place, "recording", {each.sha256 for each in found if each.sha256})
            if self._kind == "agent":
                return  # who has a pseudonym by now, which is the tombstone
            bury(session, self._place, "call", {each.call_id for each in found})
            bury(session, self._place, self._kind, [self._identity])

    def _in_output(
        self,
        name: str,
        output: Output,
        found: Sequence[FoundCall],
        renaming: Renaming | None,
        removed: Counter[str],
    ) -> None:
        stale = output.pull_mark()
        if found or renaming:
            mark_stale(output.local, self._settings)
            output.push_mark()
        changed = 0
        if renaming is not None:
            changed = self._rename(output, renaming)
            removed["calls under a pseudonym"] += changed
        else:
            for each in found:
                folder = output.local / (each.folder or folder_name(each.call_id))
                gone = remove_files(
                    folder,
                    each.call_id,
                    each.sha256,
                    output,
                    self._settings,
                    original_dir=each.original_dir,
                )
                removed.update(gone)
        sought = renaming.sought if renaming else self._sought(found)
        summary = output.local / SUMMARY
        if summary.is_file() and sought.in_text(summary.read_text(encoding="utf-8")):
            output.remove_file(summary)
            removed["files"] += 1
        with self._store.session() as session:
            if renaming is None:
                calls = [each.call_id for each in found]
                removed.update(
                    tombstones.remove_calls(session, calls, [each.sha256 for each in found if each.sha256])
                )
            else:
                ids = [each.call_id for each in found if each.call_id]
                removed["batch_calls"] += tombstones.remove_entries(session, name, ids)
            matching = tombstones.remove_matching(session, sought.in_value, name)
            removed["batch_calls"] += matching
            entries: list[BatchCall] = ledger.entries(session, name)
        if found or changed or stale or matching:
            roll_up_again(output.local, self._settings, entries)
            output.replace_batch_files()

    def _rename(self, output: Output, renaming: Renaming) -> int:
        """Write calls under the pseudonym: the agent's own, and those in which the agent is spoken of."""
        changed = 0
        for folder in call_folders(output.local):
            try:
                if output.remote and remains_in(folder, renaming):
                    output.pull_call(folder, reports=True)
                target = rename_in_call(folder, renaming, self._settings)
            except CallError:
                continue  # the search will say so
            if target is not None:
                changed += 1
                output.replace_call(target)
                if target != folder:
                    output.remove_call(folder)
        return changed

    def _in_store(self, found: Sequence[FoundCall], sought: Sought, removed: Counter[str]) -> None:
        with self._store.session() as session:
            removed["batch_calls"] += tombstones.remove_matching(session, sought.in_value)
            if self._kind == "agent":
                removed["baseline_calls"] += tombstones.remove_agent(session, self._identity)
            else:
                ids = [each.call_id for each in found]
                sums = [each.sha256 for each in found if each.sha256]
                removed.update(tombstones.remove_calls(session, ids, sums))
        tombstones.scrub(self._store)

    def _in_words_kept(self, renaming: Renaming, removed: Counter[str]) -> None:
        """Put the pseudonym into words that are kept of other agents' calls."""
        for place, folder in self._words_kept():
            for path in sorted(folder.glob("*.json" if place == TRANSCRIPTS else f"*/{ORIGINAL_WORDS}")):
                text = path.read_text(encoding="utf-8")
                if renaming.sought.in_text(text):
                    after = renaming.sought.without_words(text, renaming.pseudonym)
                    write_text(path, after, PRIVATE)
                    removed["words kept of other calls"] += 1

    def _words_kept(self) -> list[tuple[str, Path]]:
        """Folders with words outside the outputs, and what they are called: those of originals by this run's
        setting and by what analyses say."""
        originals = {self._settings.redaction.original_dir, *(each.original_dir for each in self._there)}
        places = sorted({Path(each).resolve() for each in originals if each})
        transcripts = platformdirs.user_state_path("callcoach") / "transcripts"
        return [(TRANSCRIPTS, transcripts), *(("originals", place) for place in places)]

    def _in_prefect(self, sought: Sought, removed: Counter[str]) -> None:
        for path in orchestrator.databases():
            try:
                removed[orchestrator.PLACE] += orchestrator.scrub_database(path, sought)
            except sqlite3.Error:
                continue  # in use: the search will say what is left

    def _search(
        self, outputs: dict[str, Output], sought: Sought, renaming: Renaming | None
    ) -> Iterator[Trace]:
        for name, output in outputs.items():
            if renaming is not None:
                named = (folder for folder in call_folders(output.local) if remains_in(folder, renaming))
                yield from (Trace("output: words", str(folder / ANALYSIS)) for folder in named)
            yield from in_folder(output.local, "output", sought)
            for stored in output.names():
                if sought.in_name(Path(stored)):
                    yield Trace("output: names", f"{name}/{stored}")
        for place, folder in self._words_kept():
            yield from in_folder(folder, place, sought)
        notes = [
            path.name for path in self._place.folder.glob(NOTE.format("*"))
        ]  # each goes with its request
        yield from in_folder(self._place.folder, "privacy folder", sought, notes)
        with self._store.session() as session:
            yield from in_texts(tombstones.texts(session), sought)
        if self._store.engine.dialect.name == "sqlite":
            file = Path(str(self._store.engine.url.database))
            yield from in_bytes((file, file.with_name(f"{file.name}-wal")), "store file", sought)
        for path in orchestrator.databases():
            try:
                yield from orchestrator.in_database(path, sought)
            except sqlite3.Error as error:
                yield Trace(orchestrator.PLACE, f"{path}: cannot be searched ({error})")

    # --- what is told ---------------------------------------------------------------------------------

    def _erasure(
        self,
        found: Sequence[FoundCall],
        removed: Counter[str],
        remaining: tuple[Trace, ...],
        again: bool,
        renaming: Renaming | None,
    ) -> Erasure:
        return Erasure(
            kind=self._kind,
            calls=tuple(each for each in found if each.call_id),
            outs=tuple(self._outs),
            removed={place: count for place, count in sorted(removed.items()) if count},
            remaining=remaining,
            everywhere=(renaming.sought if renaming else self._sought(found)).everywhere,
            twins=self._twins(found),
            again=again,
            pseudonym=renaming.pseudonym if renaming else None,
        )

    def _twins(self, found: Iterable[FoundCall]) -> tuple[str, ...]:
        """Other calls of the same recordings."""
        if self._kind == "agent":
            return ()
        ids, sums = {each.call_id for each in found}, {each.sha256 for each in found if each.sha256}
        return tuple(sorted({each.call_id for each in self._there if each.sha256 in sums} - ids))

    def _receipt(self, done: Erasure) -> Path:
        """Write what was done, without personal data, and enter it in the audit log."""
        facts: dict[str, Any] = {
            "kind": done.kind,
            "subject": self._place.digest(done.kind, self._identity),
            "calls": len(done.calls),
            "removed": done.removed,
            "remaining": counted(done.remaining),
            "verified": done.verified,
        }
        head = audit_log.append(self._place, "erasure", **facts)
        kept = {self._place.digest("recording", each.sha256) for each in done.calls if each.sha256}
        facts["searched"] = SEARCHED_ALL if done.everywhere else SEARCHED[self._kind == "agent"]
        return write_receipt(self._place, facts | {"recordings_kept": sorted(kept)}, head)

    def _note(self, found: Sequence[FoundCall]) -> None:
        """Keep what is to be removed until it is, so that a run that is killed can be finished."""
        self._place.ready()
        document = [asdict(each) for each in found]
        write_text(self._unfinished(), json.dumps(document) + "\n", PRIVATE)

    def _noted(self) -> list[FoundCall]:
        """What an earlier run for the same one had begun to remove."""
        try:
            calls = json.loads(self._unfinished().read_bytes())
        except FileNotFoundError:
            return []
        return [FoundCall(**each) for each in calls]

    def _unfinished(self) -> Path:
        return self._place.folder / NOTE.format(self._place.digest(self._kind, self._identity)[:16])


def _calls_in(name: str, out: Path, field: str) -> Iterator[tuple[FoundCall, object]]:
    """Calls in a batch by their analyses, and by the table where an analysis is already gone; with each,
    what it has in ``field``."""
    told: set[str] = set()
    for folder in call_folders(out):
        told.add(folder.name)
        document = stored_analysis(folder) or {}
        facts = document.get("call")
        if isinstance(facts, dict):
            named = mapping_in(document, "provenance").get("original_dir")
            call = FoundCall(
                out=name,
                call_id=str(facts.get("call_id")),
                folder=folder.name,
                sha256=facts.get("sha256"),
                source=facts.get("source"),
                original_dir=original_dir_in(named, dict(thresholds_in(document))),
            )
            yield call, facts.get(field)
    for folder_of, (_, row) in read_parquet(out / "calls.parquet").items():
        if folder_of not in told:
            call = FoundCall(
                out=name,
                call_id=str(row["call_id"]),
                folder=folder_of,
                sha256=str(row["sha256"]),
                source=str(row["source"]),
            )
            yield call, row[field]


def _same(kind: Kind, value: object, identity: str) -> bool:
    if not isinstance(value, str):
        return False
    return value.casefold() == identity.casefold() if kind == "agent" else value == identity
