"""Looking for what should be gone: in the names and the content of files, and in every table of the store."""

import csv
import html
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.reports.naming import AGENTS, folder_name

SOUND = (".ogg", ".wav")
TABLE = ".parquet"
AGENT_ID = "agent_id"
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
        spelled = {form for each in long for form in _spellings(each)}
        parts = [re.escape(form) for form in sorted(spelled | set(words), key=len, reverse=True) if form]
        self._pattern = re.compile(BOUND.format(f"(?:{'|'.join(parts)})")) if parts else None

    @property
    def everywhere(self) -> bool:
        """Whether all ids are looked for in running text, too."""
        return all(map(is_distinctive, self.ids))

    def in_text(self, text: str) -> bool:
        return self._pattern is not None and self._pattern.search(text) is not None

    def in_page(self, text: str) -> bool:
        """Whether it is in an HTML page."""
        return self.in_text(text)

    def without(self, text: str, instead: str) -> str:
        """``text`` with something else in place of what is sought, or all of it if it is just that."""
        return instead if text in self.values else self.without_words(text, instead)

    def without_words(self, text: str, instead: str) -> str:
        """``text`` with something else in place of what is sought in running text."""
        return text if self._pattern is None else self._pattern.sub(instead, text)

    def in_value(self, value: str, field: str = "") -> bool:
        """Whether a value, which has the name ``field`` where it stands, is or holds what is sought."""
        return value in self.values or self.in_text(value)

    def in_name(self, path: Path) -> bool:
        return any(
            part in self.values or Path(part).stem in self.values or self.in_text(part) for part in path.parts
        )


class SoughtAgent(Sought):
    """An agent who has a pseudonym: the id where agents' ids are, ``words`` as whole words everywhere.

    An id of letters alone may be a word of the language, so that it is looked for in no running text; in what
    the agent's own calls say, `Renaming` tells it. Other ids are, if they are distinctive, as are ``told``,
    ids and sources of calls that had the agent's id in them.
    """

    def __init__(self, agent_id: str, words: Iterable[str] = (), told: Iterable[str] = ()) -> None:
        self._agent = agent_id.casefold()
        self._page = folder_name(agent_id).casefold()
        self._in_texts = is_distinctive(agent_id) and not agent_id.isalpha()
        ids = {each for each in told if is_distinctive(each) and each.casefold() != self._agent}
        super().__init__(ids | ({agent_id} if self._in_texts else set()), words)

    @property
    def everywhere(self) -> bool:
        return self._in_texts

    def in_page(self, text: str) -> bool:
        return f"{AGENTS}/{quote(self._page)}.html" in text.casefold() or self.in_text(text)

    def without(self, text: str, instead: str) -> str:
        return self.without_words(text, instead)

    def in_value(self, value: str, field: str = "") -> bool:
        return (field == AGENT_ID and value.casefold() == self._agent) or self.in_text(value)

    def in_name(self, path: Path) -> bool:
        is_page = path.parent.name == AGENTS and path.stem.casefold() == self._page
        return is_page or any(map(self.in_text, path.parts))


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


def in_texts(texts: Iterable[tuple[str, str, str]], sought: Sought) -> Iterator[Trace]:
    """Tables of the store that hold it; ``texts`` are table, column and value."""
    for table, column, value in texts:
        if sought.in_value(value, column):
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
        return any(sought.in_value(value, field) for field, value in _parquet_texts(path))
    text = path.read_bytes().decode("utf-8", "replace")
    if sought.in_text(text):
        return True
    if ending == ".html":
        return sought.in_page(text)
    if ending == ".json":
        return any(sought.in_value(value, field) for field, value in _json_texts(text))
    if ending == ".csv":
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
        cells = (pair for row in rows for pair in zip_longest(row, rows[0], fillvalue=""))
        return any(sought.in_value(cell, field) for cell, field in cells)
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


def _json_texts(text: str) -> Iterator[tuple[str, str]]:
    """(field, value) of each string; keys have no field."""
    try:
        yield from _strings(json.loads(text), "")
    except (ValueError, RecursionError):
        yield "", text


def _strings(value: Any, field: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield "", str(key)
            yield from _strings(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, field)


def _parquet_texts(path: Path) -> Iterator[tuple[str, str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    for value in (table.schema.metadata or {}).values():
        yield from _json_texts(value.decode("utf-8", "replace"))
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_string(column.type):
            yield from ((name, str(value)) for value in column.unique().to_pylist() if value is not None)
