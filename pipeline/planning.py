"""Which calls a batch has to analyse: who they are, which clash, which are already done."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.audio.discover import ANALYSIS_FILE
from pipeline.audio.metadata import read_metadata
from pipeline.errors import CallError, InputRejected, SettingsError, StageFailed
from pipeline.records import Metadata
from pipeline.settings import Settings

METADATA_SHOWN = ("agent_id", "customer_id", "queue", "started_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One recording of a batch; ``source`` is how its owner knows it, ``path`` is where to read it."""

    path: Path
    source: str
    metadata: Metadata

    @property
    def remote(self) -> bool:
        from pipeline.storage import is_remote

        return is_remote(self.source)

    def folder(self, out: Path) -> Path:
        from pipeline.reports.write import folder_name

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


def plan(recordings: Iterable[tuple[Path, str]], out: Path, settings: Settings) -> Plan:
    """The calls behind pairs of (path, source), by their start; then, as given, those that have none.

    A call is compared with earlier calls of its agent, which are best analysed before it.

    Two recordings with one call id would be written to one folder: the first keeps it, the others are
    refused, and so is a recording whose folder holds the analysis of another one.
    """
    calls: list[PlannedCall] = []
    refused: list[RefusedCall] = []
    owners: dict[str, str] = {}
    for path, source in recordings:
        call_id = None
        try:
            metadata, _ = read_metadata(path, settings.audio)
            call_id = metadata.call_id
            call = PlannedCall(path=path, source=source, metadata=metadata)
            _refuse_taken(call, owners.setdefault(call_id.casefold(), source), out)
        except SettingsError:
            raise
        except CallError as error:
            refused.append(RefusedCall(source=source, call_id=call_id, error=error))
        except OSError as error:
            problem = StageFailed(f"{source}: cannot be read ({error.strerror}); check its permissions")
            refused.append(RefusedCall(source=source, call_id=call_id, error=problem))
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


def is_current(call: PlannedCall, out: Path, settings: Settings) -> bool:
    """Whether ``out`` has this very recording and metadata, analysed by these settings and this version."""
    stored = stored_analysis(call.folder(out))
    if stored is None:
        return False
    provenance, facts = _mapping(stored, "provenance"), _mapping(stored, "call")
    return (
        provenance.get("config_sha256") == settings.sha256()
        and provenance.get("product_version") == version("callcoach")
        and all(facts.get(name) == getattr(call.metadata, name) for name in METADATA_SHOWN)
        and facts.get("sha256") == _sha256(call.path)
    )


def stored_analysis(folder: Path) -> Mapping[str, Any] | None:
    """The document in ``folder`` as plain JSON, unchecked; ``None`` without a readable one."""
    try:
        stored = json.loads((folder / ANALYSIS_FILE).read_bytes())
    except (OSError, ValueError):
        return None  # nothing there or not ours: the call counts as not analysed
    return stored if isinstance(stored, dict) else None


def _refuse_taken(call: PlannedCall, owner: str, out: Path) -> None:
    call_id = call.metadata.call_id
    if owner != call.source:
        raise InputRejected(
            f"{call.source}: call id {call_id!r} is already that of {owner}; give each recording its own "
            "call_id in a sidecar file or calls.csv"
        )
    stored = stored_analysis(call.folder(out))
    if stored is None:
        return
    facts = _mapping(stored, "call")
    if (
        facts.get("source") != call.source
        and call.path.is_file()
        and facts.get("sha256") != _sha256(call.path)
    ):
        raise InputRejected(
            f"{call.source}: {call.folder(out)} holds the analysis of another recording "
            f"({facts.get('source')}); use another --out or another call_id, or remove that folder"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}
