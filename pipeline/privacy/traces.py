"""Looking for what should be gone: in the names and the content of files, and in every table of the store."""

import csv
import html
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.reports.naming import folder_name

SOUND = (".ogg", ".wav")
TABLE = ".parquet"
BOUND = r"(?<![A-Za-z0-9]){}(?![A-Za-z0-9])"
LONG_ENOUGH = 6
LONG_ENOUGH_MIXED = 4


@dataclass(frozen=True, slots=True)
class Trace:
    """Where something was found: a kind of place, and which file or table."""

    place: str
    where: str


class Sought:
    """What is looked for: ids, and ``words``, which are looked for as whole words wherever they are.

    So are ids, but for short ones: '42' is in every second file by chance, and is only looked for where a
    whole value, a name of a file, or a text of a table is equal to it.
    """

    def __init__(self, ids: Iterable[str], words: Iterable[str] = ()) -> None:
        self.ids = frozenset(each for each in ids if each)
        self.values = self.ids | {folder_name(each) for each in self.ids}
        long = [each for each in self.ids if is_distinctive(each)]
        spelt = {form for each in long for form in _spellings(each)}
        parts = [re.escape(form) for form in sorted(spelt | set(words), key=len, reverse=True) if form]
        self._pattern = re.compile(BOUND.format(f"(?:{'|'.join(parts)})")) if parts else None

    @property
    def everywhere(self) -> bool:
        """Whether all ids are looked for in running text, too."""
        return all(map(is_distinctive, self.ids))

    def in_text(self, text: str) -> bool:
        return self._pattern is not None and self._pattern.search(text) is not None

    def without(self, text: str, instead: str) -> str:
        """``text`` with something else in place of what is sought, or all of it if it is just that."""
        return instead if text in self.values else self.without_words(text, instead)

    def without_words(self, text: str, instead: str) -> str:
        """``text`` with something else in place of what is sought in running text."""
        return text if self._pattern is None else self._pattern.sub(instead, text)

    def in_value(self, value: str) -> bool:
        return value in self.values or self.in_text(value)

    def in_name(self, path: Path) -> bool:
        return any(
            part in self.values or Path(part).stem in self.values or self.in_text(part) for part in path.parts
        )


def is_distinctive(identity: str) -> bool:
    """Whether an id is hardly found by chance: six characters, or four with a letter and a digit."""
    mixed = bool(re.search(r"[A-Za-z]", identity) and re.search(r"\d", identity))
    return len(identity) >= (LONG_ENOUGH_MIXED if mixed else LONG_ENOUGH)


def in_folder(root: Path, place: str, sought: Sought, but: Sequence[str] = ()) -> Iterator[Trace]:
    """Files under ``root`` that hold what is sought, or have it in their names; ``but`` are left out."""
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        relative = path.relative_to(root)
        if relative.name in but:
            continue
        if sought.in_name(relative):
            yield Trace(f"{place}: names", str(path))
        elif path.is_file() and _holds(path, sought):
            yield Trace(place, str(path))


def in_texts(texts: Iterable[tuple[str, str]], sought: Sought) -> Iterator[Trace]:
    """Tables of the store that hold it; ``texts`` are pairs of table and value."""
    for table, value in texts:
        if sought.in_value(value):
            yield Trace("store", table)


def in_bytes(paths: Iterable[Path], place: str, sought: Sought) -> Iterator[Trace]:
    """Files whose bytes hold it, whatever their format."""
    for path in paths:
        if path.is_file() and sought.in_text(path.read_bytes().decode("utf-8", "replace")):
            yield Trace(place, str(path))


def counted(traces: Iterable[Trace]) -> dict[str, int]:
    return dict(sorted(Counter(trace.place for trace in traces).items()))


def _holds(path: Path, sought: Sought) -> bool:
    ending = path.suffix.lower()
    if ending in SOUND:
        return False
    if ending == TABLE:
        return any(map(sought.in_value, _parquet_texts(path)))
    text = path.read_bytes().decode("utf-8", "replace")
    if sought.in_text(text):
        return True
    if ending == ".json":
        return any(map(sought.in_value, _json_texts(text)))
    if ending == ".csv":
        return any(sought.in_value(cell) for row in csv.reader(io.StringIO(text)) for cell in row)
    return False


def _spellings(identity: str) -> set[str]:
    """An id as texts, pages, addresses, JSON and names of folders have it."""
    return {
        identity,
        html.escape(identity),
        quote(identity),
        json.dumps(identity)[1:-1],
        folder_name(identity),
    }


def _json_texts(text: str) -> Iterator[str]:
    try:
        yield from _strings(json.loads(text))
    except ValueError:
        yield text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _parquet_texts(path: Path) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    for value in (table.schema.metadata or {}).values():
        yield from _json_texts(value.decode("utf-8", "replace"))
    for column in table.columns:
        if pa.types.is_string(column.type):
            yield from (str(value) for value in column.unique().to_pylist() if value is not None)
