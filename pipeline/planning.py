"""Which calls a batch has to work on: who they are, which clash, what each of them needs."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pipeline.audio.discover import ANALYSIS_FILE, why_unreadable
from pipeline.audio.metadata import CALL_ID_HASH_DIGITS, read_metadata, safe_call_id
from pipeline.errors import CallError, InputRejected, SettingsError, StageFailed
from pipeline.guidance.version import ANY_LANGUAGE, guidance_sha256
from pipeline.records import Metadata
from pipeline.settings import Settings, acts_on_sound

if TYPE_CHECKING:
    from pipeline.store.tables import BatchCall

PLAYBACK = "output.audio"
"""How settings of the playback copy begin."""
METADATA_SHOWN = ("agent_id", "customer_id", "queue", "started_at")
Stamp = tuple[int | None, int | None]
"""Size in bytes and time of the last change in ns of a file."""
UNKNOWN: Stamp = (None, None)
Need = Literal["current", "rescore", "analyze"]
"""What a call needs: nothing, to be judged and shown anew from its analysis, or all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One recording of a batch; ``source`` is how its owner knows it, ``path`` is where to read it,
    ``listed`` what a store says of a remote one."""

    path: Path
    source: str
    metadata: Metadata
    listed: Stamp = UNKNOWN

    @property
    def remote(self) -> bool:
        from pipeline.storage import is_remote

        return is_remote(self.source)

    def folder(self, out: Path) -> Path:
        from pipeline.reports.naming import folder_name

        return out / folder_name(self.metadata.call_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCall:
    """A recording that cannot be part of the batch, and why."""

    source: str
    call_id: str | None
    error: CallError


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    calls: tuple[PlannedCall, ...]
    refused: tuple[RefusedCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the work on a call depends on besides its sound."""

    metadata_sha256: str
    settings_sha256: str
    guidance_sha256: str
    product_version: str

    @classmethod
    def of(cls, call: PlannedCall, settings: Settings) -> Self:
        facts = json.dumps(asdict(call.metadata), sort_keys=True)
        return cls(
            metadata_sha256=hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest(),
            settings_sha256=_settings_sha256(settings),
            guidance_sha256=guidance_sha256(ANY_LANGUAGE),
            product_version=_product_version(),
        )


def plan(
    recordings: Iterable[tuple[Path, str]],
    out: Path,
    settings: Settings,
    known: Mapping[str, "BatchCall"] | None = None,
    listed: Mapping[str, Stamp] | None = None,
) -> Plan:
    """The calls behind pairs of (path, source), by their start; then, as given, those that have none.

    A call is compared with earlier calls of its agent, which are best analyzed before it.

    Two recordings with one call id would be written to one folder: the first keeps it, the others are
    refused, and so is a recording whose folder holds the analysis of another one; but where the id is only
    the file's name, the other one's is told apart by a hash of its source. ``known`` entries of the
    ledger say whose an unchanged analysis is without reading it. ``listed`` is what stores say of remote
    recordings, by source.
    """
    calls: list[PlannedCall] = []
    refused: list[RefusedCall] = []
    owners: dict[str, str] = {}
    for path, source in recordings:
        call_id = None
        try:
            metadata, _ = read_metadata(path, settings.audio)
            call_id = metadata.call_id
            if problem := why_unreadable(path):
                raise InputRejected(f"{source}: {problem}")
            stamp = (listed or {}).get(source, UNKNOWN)
            call = _with_free_id(
                PlannedCall(path=path, source=source, metadata=metadata, listed=stamp),
                owners,
                out,
                known or {},
            )
        except SettingsError:
            raise
        except CallError as error:
            refused.append(RefusedCall(source=source, call_id=call_id, error=error))
        except OSError as error:
            failed = StageFailed(f"{source}: cannot be read ({error.strerror}); check its permissions")
            refused.append(RefusedCall(source=source, call_id=call_id, error=failed))
        else:
            calls.append(call)
    return Plan(calls=tuple(sorted(calls, key=_order)), refused=tuple(refused))


def started_utc(started_at: str | None) -> datetime | None:
    """When a call started, in UTC; a time without an offset is taken as UTC. ``None`` is not known."""
    if started_at is None:
        return None
    moment = datetime.fromisoformat(started_at)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar: no date of a call
        return None


def _order(call: PlannedCall) -> tuple[bool, datetime]:
    start = started_utc(call.metadata.started_at)
    return start is None, start or datetime.min.replace(tzinfo=UTC)


def need_of(call: PlannedCall, out: Path, settings: Settings) -> Need:
    """What is to be done for a call, by its recording and what is in ``out``."""
    stored = stored_analysis(call.folder(out))
    if stored is None:
        return "analyze"
    provenance, facts = mapping_in(stored, "provenance"), mapping_in(stored, "call")
    if mapping_in(stored, "removed").get("transcript_at") and facts.get("sha256") == sha256_of(call.path):
        return "current"  # its words were removed by age; they are not to come back
    if (
        provenance.get("product_version") != _product_version()
        or any(facts.get(name) != getattr(call.metadata, name) for name in METADATA_SHOWN)
        or facts.get("sha256") != sha256_of(call.path)
    ):
        return "analyze"
    judged = mapping_in(provenance, "rescored") or provenance
    language = str(facts.get("language"))
    if judged.get("config_sha256") == settings.sha256() and provenance.get("guidance_sha256") in (
        None,
        guidance_sha256(language),
    ):
        return "current"
    now = ((key, value) for key, value, *_ in settings.describe())
    return "rescore" if _of_sound(thresholds_in(stored)) == _of_sound(now) else "analyze"


def lacks_history(folder: Path) -> bool:
    """Whether a call was analyzed while the store did not answer, so that its agent's baseline is missing."""
    warnings = mapping_in(stored_analysis(folder) or {}, "quality").get("warnings")
    return any(
        isinstance(each, dict) and each.get("code") == "store_unavailable"
        for each in (warnings if isinstance(warnings, list) else ())
    )


def is_as_written(entry: "BatchCall", folder: Path, *, staged: bool = False) -> bool:
    """Whether a call's analysis is the file that the ledger knows, by size and time.

    Where the folder is ``staged``, the time is that of the copy: whose analysis it is counts instead.
    """
    written = (entry.analysis_bytes, entry.analysis_mtime_ns)
    found = file_stamp(folder / ANALYSIS_FILE)
    if entry.state != "done" or None in written or found[0] != written[0]:
        return False
    return _source(folder) == entry.source if staged else found == written


def file_stamp(path: Path) -> Stamp:
    """Size in bytes and time of the last change in ns; ``None`` where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return UNKNOWN
    return found.st_size, found.st_mtime_ns


@cache
def _product_version() -> str:
    return version("callcoach")


@cache
def _settings_sha256(settings: Settings) -> str:
    return settings.sha256()


def _of_sound(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The settings whose change needs the sound: those it was measured by, and made into a copy by."""
    return {key: value for key, value in values if acts_on_sound(key) or key.startswith(PLAYBACK)}


def thresholds_in(document: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    found = document.get("thresholds")
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict) and isinstance(each.get("key"), str):
            yield each["key"], each.get("value")


def stored_analysis(folder: Path) -> Mapping[str, Any] | None:
    """The document in ``folder`` as plain JSON, unchecked; ``None`` without a readable one."""
    try:
        stored = json.loads((folder / ANALYSIS_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None  # nothing there or not ours: the call counts as not analyzed
    return stored if isinstance(stored, dict) else None


def _source(folder: Path) -> object:
    """Of which recording the analysis in ``folder`` is."""
    return mapping_in(stored_analysis(folder) or {}, "call").get("source")


def _with_free_id(
    call: PlannedCall, owners: dict[str, str], out: Path, known: Mapping[str, "BatchCall"]
) -> PlannedCall:
    """``call`` as the owner of its id, which is made its own where nobody but the file's name gave it.

    Raises:
        InputRejected: the id is that of another recording.
    """
    call_id = call.metadata.call_id
    try:
        _refuse_taken(call, owners.get(call_id.casefold(), call.source), out, known.get(call_id))
    except InputRejected:
        if call_id != safe_call_id(call.path.stem):
            raise
        digest = hashlib.sha256(call.source.encode("utf-8", "surrogatepass")).hexdigest()
        call_id = safe_call_id(f"{call_id}-{digest[:CALL_ID_HASH_DIGITS]}")
        call = replace(call, metadata=replace(call.metadata, call_id=call_id))
        _refuse_taken(call, owners.get(call_id.casefold(), call.source), out, known.get(call_id))
    owners[call_id.casefold()] = call.source
    return call


def _refuse_taken(call: PlannedCall, owner: str, out: Path, entry: "BatchCall | None") -> None:
    call_id = call.metadata.call_id
    if owner != call.source:
        raise InputRejected(
            f"{call.source}: call id {call_id!r} is already that of {owner}; give each recording its own "
            "call_id in a sidecar file or calls.csv"
        )
    if entry is not None and entry.source == call.source and is_as_written(entry, call.folder(out)):
        return
    stored = stored_analysis(call.folder(out))
    if stored is None:
        return
    facts = mapping_in(stored, "call")
    if (
        facts.get("source") != call.source
        and call.path.is_file()
        and facts.get("sha256") != sha256_of(call.path)
    ):
        raise InputRejected(
            f"{call.source}: {call.folder(out)} holds the analysis of another recording "
            f"({facts.get('source')}); use another --out or another call_id, or remove that folder"
        )


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mapping_in(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}
