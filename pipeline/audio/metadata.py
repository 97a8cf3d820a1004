"""What is known about a call besides its sound, from the first source that has anything to say."""

import csv
import difflib
import hashlib
import io
import json
import re
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pipeline.errors import InputRejected, SettingsError
from pipeline.printable import UNPRINTABLE, is_there, read_limited
from pipeline.records import Metadata
from pipeline.settings import AudioSettings

Origin = Literal["sidecar", "calls.csv", "file name", "unknown"]

TEXT_KEYS = ("agent_id", "customer_id", "queue", "language")
CHANNEL_KEYS = frozenset(("agent_channel", "customer_channel"))
KEYS = frozenset(("call_id", *TEXT_KEYS, "started_at")) | CHANNEL_KEYS
FILE_COLUMN = "file"
CHANNELS: dict[object, int] = {0: 0, 1: 1, "0": 0, "1": 1, "left": 0, "right": 1}
CALLS_TABLE = "calls.csv"
CALL_ID_BYTES = 120
CALL_ID_HASH_DIGITS = 8
# Names that a batch writes beside the folders of its calls.
RESERVED_IDS = frozenset(
    (
        *("agents", "index.html", "effort_audit.html", "team.html", "summary.json", "summary.csv"),
        *("summary.md", "calls.parquet", "calls.csv"),
    )
)
TEXT_CHARACTERS_MAX = 200
UNSAFE = re.compile(r"[^\w.\-+=@]")
TABLES_KEPT = 8


def read_metadata(
    path: Path, settings: AudioSettings, *, defaults: Mapping[str, object] | None = None
) -> tuple[Metadata, Origin]:
    """Metadata of the recording at ``path`` and where it comes from.

    The first of these that exists is used alone: ``call.wav.json`` or ``call.json`` beside ``call.wav``; what
    a transcript in JSON says beside its turns; the row of ``calls.csv`` in the folder whose ``file`` is the
    file's name; ``settings.filename_pattern``.
    ``defaults`` (same keys) stand in for what that source leaves open. The call's id is its file's stem where
    nothing names it, and is always fit to be a folder's name.

    Raises:
        InputRejected: a source is broken or a value is not allowed; names the file and the key.
        SettingsError: ``settings.filename_pattern`` is not a pattern.
    """
    path = Path(path)
    values, where, origin = _first_source(path, settings)
    given = {key: value for key, value in values.items() if not _is_empty(value)}
    backing = dict(defaults or {})
    if given.keys() & CHANNEL_KEYS:  # a default must not contradict what is said of the other channel
        backing = {key: value for key, value in backing.items() if key not in CHANNEL_KEYS}
    merged = {**backing, **given}
    return _metadata(merged, path, where), origin


def columns_not_read(recordings: Iterable[tuple[Path, str]]) -> list[str]:
    """A line for each ``calls.csv`` beside recordings that has columns which nothing reads.

    ``recordings`` are pairs of where a file lies and how its owner knows it. A table that cannot be read is
    told with each of its calls, not here.
    """
    tables = {path.with_name(CALLS_TABLE): source for path, source in recordings}
    lines = []
    for table, source in tables.items():
        try:
            unread = _read_table(table).unread if table.is_file() else ()
        except InputRejected:
            continue
        hints = []
        for name in unread:
            near = difflib.get_close_matches(name, KEYS, n=1)
            hints.append(f"{name!r} (did you mean {near[0]}?)" if near else repr(name))
        if hints:
            folder = source.rpartition("/")[0]
            name = f"{folder}/{CALLS_TABLE}" if folder else CALLS_TABLE
            known = ", ".join((FILE_COLUMN, *sorted(KEYS)))
            lines.append(f"{name}: not read: {', '.join(hints)}; columns that are: {known}")
    return lines


def safe_call_id(text: str) -> str:
    """``text`` as the name of one folder: unchanged, or a readable form with 8 hex digits of its hash."""
    name = UNSAFE.sub("_", unicodedata.normalize("NFC", text)).strip(".")
    if name == text and len(name.encode()) <= CALL_ID_BYTES and name.casefold() not in RESERVED_IDS and name:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:CALL_ID_HASH_DIGITS]
    room = CALL_ID_BYTES - CALL_ID_HASH_DIGITS - 1
    stem = name.encode()[:room].decode("utf-8", "ignore") or "call"
    return f"{stem}-{digest}"


def _first_source(path: Path, settings: AudioSettings) -> tuple[Mapping[str, object], str, Origin]:
    for sidecar in (path.with_name(path.name + ".json"), path.with_suffix(".json")):
        if sidecar != path and is_there(sidecar):
            return _read_sidecar(sidecar), str(sidecar), "sidecar"
    if path.suffix.lower() == ".json" and (own := _read_sidecar(path)):
        return own, str(path), "sidecar"
    table_path = path.with_name(CALLS_TABLE)
    if table_path.is_file():
        table = _read_table(table_path)
        if path.name in table.repeated:
            raise InputRejected(f"{table_path}: has more than one row for {path.name}; keep one")
        if path.name in table.rows:
            row = table.rows[path.name]
            return dict(zip(table.columns, row, strict=False)), f"{table_path} ({path.name})", "calls.csv"
    if settings.filename_pattern:
        matched = _match_name(path, settings.filename_pattern)
        if matched is not None:
            return matched, f"{path} (file name)", "file name"
    return {}, str(path), "unknown"


def _metadata(values: Mapping[str, object], path: Path, where: str) -> Metadata:
    texts = {key: _text(values.get(key), key, where) for key in TEXT_KEYS}
    return Metadata(
        call_id=safe_call_id(_identity(values.get("call_id"), where) or path.stem),
        agent_id=texts["agent_id"],
        customer_id=texts["customer_id"],
        queue=texts["queue"],
        language=texts["language"],
        started_at=_moment(values.get("started_at"), where),
        agent_channel=_agent_channel(values, where),
    )


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _identity(value: object, where: str) -> str | None:
    """The id of a call, of any characters: :func:`safe_call_id` makes a name of it."""
    if isinstance(value, str):
        return value.strip() or None
    return _text(value, "call_id", where)


def _text(value: object, key: str, where: str) -> str | None:
    if _is_empty(value):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputRejected(f"{where}: {key} is {value!r}, expected text or a whole number")
    text = str(value).strip()
    if len(text) > TEXT_CHARACTERS_MAX or UNPRINTABLE.search(text):
        raise InputRejected(
            f"{where}: {key} is {text[:TEXT_CHARACTERS_MAX]!r}, expected at most {TEXT_CHARACTERS_MAX} "
            "characters, none of them control characters"
        )
    return text


def _moment(value: object, where: str) -> str | None:
    if _is_empty(value):
        return None
    text = value.strip() if isinstance(value, str) else ""
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise InputRejected(
            f"{where}: started_at is {value!r}, expected ISO 8601 such as 2026-03-01T09:30:00+01:00"
        ) from error
    return text


def _agent_channel(values: Mapping[str, object], where: str) -> int | None:
    agent = _channel(values.get("agent_channel"), "agent_channel", where)
    customer = _channel(values.get("customer_channel"), "customer_channel", where)
    if customer is None:
        return agent
    if agent is not None and agent == customer:
        raise InputRejected(f"{where}: agent_channel and customer_channel are both {agent}; they must differ")
    return 1 - customer


def _channel(value: object, key: str, where: str) -> int | None:
    if _is_empty(value):
        return None
    asked = value.strip().casefold() if isinstance(value, str) else value
    if isinstance(asked, str | int) and not isinstance(asked, bool) and asked in CHANNELS:
        return CHANNELS[asked]
    raise InputRejected(f"{where}: {key} is {value!r}, expected 0, 1, left or right")


def _read_sidecar(path: Path) -> Mapping[str, object]:
    try:
        content = json.loads(read_limited(path).decode("utf-8-sig"))
    except InputRejected:
        raise
    except OSError as error:
        raise InputRejected(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except RecursionError as error:
        raise InputRejected(f"{path}: is nested too deeply; correct or remove it") from error
    except ValueError as error:
        raise InputRejected(f"{path}: is not JSON ({error}); correct or remove it") from error
    if not isinstance(content, dict):
        raise InputRejected(f"{path}: expected a JSON object with keys such as call_id and agent_id")
    return {key: value for key, value in content.items() if key in KEYS}  # other systems' keys stay theirs


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows of one calls.csv by file name, as tuples in the order of ``columns``; ``unread`` are the other
    columns."""

    columns: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]
    repeated: frozenset[str]
    unread: tuple[str, ...] = ()


_tables: OrderedDict[tuple[str, int, int], _Table] = OrderedDict()
_tables_lock = threading.Lock()


def _read_table(path: Path) -> _Table:
    """The parsed table, once per version of the file: a folder may hold 100,000 calls."""
    try:
        state = path.stat()
        key = (str(path), state.st_mtime_ns, state.st_size)
        with _tables_lock:
            if key not in _tables:
                _tables[key] = _parse_table(path)
                while len(_tables) > TABLES_KEPT:
                    _tables.popitem(last=False)
            return _tables[key]
    except OSError as error:
        raise InputRejected(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputRejected(f"{path}: is not a UTF-8 CSV table ({error}); save it as CSV UTF-8") from error


def _parse_table(path: Path) -> _Table:
    with io.StringIO(read_limited(path).decode("utf-8-sig"), newline="") as file:
        header = file.readline()
        delimiter = max(",;\t", key=header.count)
        names = [name.strip().casefold() for name in next(csv.reader([header], delimiter=delimiter), [])]
        if FILE_COLUMN not in names:
            raise InputRejected(f"{path}: has no column file; expected file,call_id,agent_id,...")
        if len(set(names)) < len(names):
            raise InputRejected(f"{path}: a column appears twice; its columns are {', '.join(names)}")
        wanted = [(index, name) for index, name in enumerate(names) if name in KEYS]
        unread = tuple(name for name in names if name and name not in KEYS and name != FILE_COLUMN)
        file_index = names.index(FILE_COLUMN)
        rows: dict[str, tuple[str, ...]] = {}
        repeated = set()
        for cells in csv.reader(file, delimiter=delimiter):
            if len(cells) <= file_index or not cells[file_index].strip():
                continue
            row = tuple(cells[index] if index < len(cells) else "" for index, _ in wanted)
            name = cells[file_index].strip()
            if rows.setdefault(name, row) != row:
                repeated.add(name)
        return _Table(tuple(name for _, name in wanted), rows, frozenset(repeated), unread)


def _match_name(path: Path, pattern: str) -> Mapping[str, object] | None:
    """Named parts of a file's stem or name; ``None`` where the pattern does not fit."""
    if "(?P<" in pattern:
        expression = pattern
    else:
        parts = re.split(r"\{(\w+)\}", pattern)
        expression = "".join(
            f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
        )
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise SettingsError(
            f"setting audio.filename_pattern: {pattern!r} is not a pattern ({error}); example: "
            "{agent_id}_{call_id}"
        ) from error
    unknown = sorted(set(compiled.groupindex) - KEYS)
    if unknown or not compiled.groupindex:
        named = f"does not know {', '.join(unknown)}" if unknown else "names nothing"
        raise SettingsError(
            f"setting audio.filename_pattern: {pattern!r} {named}; known: {', '.join(sorted(KEYS))}"
        )
    found = compiled.fullmatch(path.stem) or compiled.fullmatch(path.name)
    return found.groupdict() if found else None
