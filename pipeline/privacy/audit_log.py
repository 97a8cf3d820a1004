"""The audit log: a line of JSON for each run, export, erasure and correction, chained by SHA-256.

Each record has its number, its own digest and the digest of the one before, so that a line which was changed,
removed, added or moved is found. What a chain cannot tell is that its *end* is gone, or that all of it was
written anew: for that a record's number and digest must be kept elsewhere. Each receipt of an erasure holds
those of its record; `callcoach audit` prints the last ones.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pipeline.privacy.place import Place
from pipeline.settings import Settings

Event = Literal[
    "analyze",
    "nightly",
    "rescore",
    "swap_roles",
    "keep_roles",
    "export",
    "retention",
    "erasure",
    "baseline_removed",
]
GENESIS = "0" * 64
TAIL_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Head:
    """The last record: ``number`` counts from 1; 0 is an empty log."""

    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check of a log found; it is whole without ``problems``. ``unfinished`` are lines that a killed
    process has left, and that the next record has sealed."""

    head: Head
    problems: tuple[str, ...]
    unfinished: tuple[int, ...]


def append(place: Place, event: Event, **facts: Any) -> Head:
    """Add a record. ``facts`` hold counts and digests, never who or what was said.

    Raises:
        OSError: the log cannot be written.
    """
    with place.lock("audit"):
        before, cut = _head(place.audit_log)
        record: dict[str, Any] = {
            "number": before.number + 1,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "event": event,
            "user": os.getuid() if hasattr(os, "getuid") else None,
            "facts": facts,
            "before": before.sha256,
        }
        record["sha256"] = _digest(record)
        place.append(place.audit_log, b"\n" * cut + _line(record) + b"\n")
    return Head(int(record["number"]), str(record["sha256"]))


def enter(settings: Settings, event: Event, **facts: Any) -> str | None:
    """Add a record of a run; that the log cannot be written undoes no run, and is returned."""
    try:
        append(Place.of(settings), event, **facts)
    except OSError as error:
        return f"the audit log cannot be written ({error.strerror or error})"
    return None


def verify(path: Path, known: Mapping[int, str] | None = None) -> Verdict:
    """Check every record; ``known`` are digests of records by number that were kept elsewhere."""
    problems: list[str] = []
    unfinished: list[int] = []
    head, numbers = Head(0, GENESIS), dict(known or {})
    content = path.read_bytes() if path.is_file() else b""
    for at, line in enumerate(content.splitlines(keepends=True), start=1):
        line, ended = line.removesuffix(b"\n"), line.endswith(b"\n")
        record = _record(line)
        if record is None:
            unfinished.append(at)
            if ended and at == content.count(b"\n"):
                problems.append(f"line {at}: is no record")
            head = Head(head.number + 1, hashlib.sha256(line).hexdigest())
            continue
        if line != _line(record) or record["sha256"] != _digest(record):
            problems.append(f"line {at}: was changed")
        if record["before"] != head.sha256 or record["number"] != head.number + 1:
            problems.append(f"line {at}: does not follow the line before; one was removed, added or moved")
            unfinished = [number for number in unfinished if number != at - 1]
        head = Head(int(record["number"]), str(record["sha256"]))
        if (digest := numbers.pop(head.number, head.sha256)) != head.sha256:
            problems.append(f"line {at}: record {head.number} is not the one with the digest {digest}")
    for number in sorted(numbers):
        problems.append(f"record {number} is missing; the log ends with record {head.number}")
    return Verdict(head, tuple(problems), tuple(unfinished))


def _head(path: Path) -> tuple[Head, bool]:
    """The end of the chain, and whether its line was cut off by a crash."""
    if not path.exists() or not (size := path.stat().st_size):
        return Head(0, GENESIS), False
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
    last = tail.rstrip(b"\n").rpartition(b"\n")[2]
    record = _record(last)
    if record is not None and tail.endswith(b"\n"):
        return Head(record["number"], record["sha256"]), False
    return verify(path).head, not tail.endswith(b"\n")


def _record(line: bytes) -> dict[str, Any] | None:
    """The record in a line; ``None`` where there is none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    keys = {"number": int, "sha256": str, "before": str}
    if isinstance(record, dict) and all(isinstance(record.get(key), kind) for key, kind in keys.items()):
        return record
    return None


def _digest(record: Mapping[str, Any]) -> str:
    own = {key: value for key, value in record.items() if key != "sha256"}
    return hashlib.sha256(_line(own)).hexdigest()


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
