"""Every text that a reader of reports sees, by key: the words are in ``configs/texts.<language>.yaml``.

Stages say *what* there is to say, as a :class:`Text`; :class:`Texts` says it in the language of the report,
at the end of the line. So nothing is English before that, and a stored analysis can be said in another
language (:mod:`pipeline.wording`).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from gettext import c2py
from string import Formatter
from typing import Any, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.errors import SettingsError
from pipeline.language_files import languages_of, read_language_file
from pipeline.settings import Section

FILE = "texts"
COMPLETE_LANGUAGE = "en"
"""The language that the code is written with: every other has the keys that it has."""
JOINS = ("and", "clauses", "sentences")
MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
SHARE_DIGITS = 3
"""Of shares, as in ``analysis.json``: said from there or at once, a percentage is the same."""
DECIDES_FORM = "count"

Value: TypeAlias = "str | float | Sequence[Value] | None"


class Text(str):
    """A text that is to be said: its key and what is filled in; as a string it is just these.

    Numbers are filled in as numbers, codes as codes: the language decides how they are written. Texts may
    be filled into texts.
    """

    key: str
    values: Mapping[str, Value]

    def __new__(cls, key: str, /, **values: Value) -> Self:
        filled = ", ".join(f"{name}={value!r}" for name, value in values.items())
        text = super().__new__(cls, f"<{key}: {filled}>" if filled else f"<{key}>")
        text.key, text.values = key, values
        return text

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Value]]:
        return (self.key,), dict(self.values)


class Locale(Section):
    """How a language writes numbers and lists, and which of its forms a count takes."""

    decimal: str = Field(min_length=1, max_length=1)
    thousands: str = Field(min_length=1, max_length=1)
    percent: str
    forms: tuple[str, ...] = Field(min_length=1)
    plural: str
    """Index of the form for a count ``n``: a rule as in the ``Plural-Forms`` of gettext."""
    list: dict[str, str]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if {"comma", *JOINS} - set(self.list):
            raise ValueError(f"list needs comma, {', '.join(JOINS)}")
        try:
            c2py(self.plural)(1)
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(f"plural: {error}") from error
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="allow")
    locale: Locale


class _Filler(Formatter):
    """Fills in a template: ``{name:what}``, where ``what`` is a number's format or a group of names."""

    def __init__(self, texts: "Texts") -> None:
        self._texts = texts

    def format_field(self, value: Any, format_spec: str) -> str:
        return self._texts.written(value, format_spec)


class Texts:
    """Says texts in one language; an unknown key is an error."""

    def __init__(self, language: str, tree: Mapping[str, Any], locale: Locale) -> None:
        self.language = language
        self.locale = locale
        self._tree = tree
        self._form = c2py(locale.plural)
        self._filler = _Filler(self)

    def __call__(self, key: str, /, **values: Value) -> str:
        node = self._node(key)
        if isinstance(node, Mapping) and set(node) == set(self.locale.forms):
            node = node[self.locale.forms[self._form(_whole(values, DECIDES_FORM))]]
        if node is None or isinstance(node, Mapping):
            raise KeyError(f"no text {key!r} in the language {self.language!r}")
        return self._filler.vformat(str(node), (), values) if values else str(node)

    def said(self, text: str) -> str:
        """A text in this language; what is no :class:`Text` is as it is."""
        return self(text.key, **text.values) if isinstance(text, Text) else text

    def find(self, key: str) -> str | None:
        """The text at ``key`` as it stands, or ``None``."""
        node = self._node(key)
        return None if node is None or isinstance(node, Mapping) else str(node)

    def name_of(self, group: str, code: str) -> str:
        """The name of a code from an open list; an unknown one is spelled out."""
        return self.find(f"{group}.{code}") or code.replace("_", " ").capitalize()

    def keys(self, group: str) -> list[str]:
        """The keys under ``group``, in order."""
        node = self._node(group)
        return [key for key, each in node.items() if isinstance(each, Mapping)] if node else []

    def number(self, value: float, decimals: int = 0, *, signed: bool = False) -> str:
        """A number for reading: a real minus, a plus when ``signed``; nothing is no plus or minus."""
        text = self._localized(f"{abs(value):,.{decimals}f}")
        if not text.strip(f"0{self.locale.decimal}"):
            return text
        return f"{MINUS}{text}" if value < 0 else f"+{text}" if signed else text

    def percent(self, share: float) -> str:
        share = round(share, SHARE_DIGITS)
        return self.locale.percent.format(number=self.number(100 * share, 1 if 0 < share < 0.1 else 0))

    def quantity(self, value: float, unit: str, decimals: int = 0, *, signed: bool = False) -> str:
        return f"{self.number(value, decimals, signed=signed)}{NBSP}{unit}"

    def written(self, value: Any, how: str = "") -> str:
        """A value as it stands in a sentence.

        Args:
            how: the format of a number (as of `format`), the group that has the names of codes, or how a
                list is joined.
        """
        if isinstance(value, Text):
            return self.said(value)
        if isinstance(value, str):
            return self.name_of(how, value) if how else value
        if isinstance(value, int | float):
            return self._formatted(value, how)
        if isinstance(value, Sequence):
            join = how if how in JOINS else "comma"
            parts = [self.written(one, "" if how in JOINS else how) for one in value]
            return self._joined(parts, join)
        return ""

    def _joined(self, parts: Sequence[str], how: str) -> str:
        if how != "and" or len(parts) < 2:
            return self.locale.list["comma" if how == "and" else how].join(parts)
        first = self.locale.list["comma"].join(parts[:-1])
        return first + self.locale.list["and"] + parts[-1]

    def _formatted(self, value: float, how: str) -> str:
        if how.endswith("%"):
            value = round(value, SHARE_DIGITS)
            return self.locale.percent.format(number=self._localized(format(100 * value, f"{how[:-1]}f")))
        return self._localized(format(value, how or ("," if isinstance(value, int) else "g")))

    def _localized(self, number: str) -> str:
        signs = {".": self.locale.decimal, ",": self.locale.thousands, "-": MINUS}
        return "".join(signs.get(sign, sign) for sign in number)

    def _node(self, key: str) -> Any:
        node: Any = self._tree
        for part in key.split("."):
            if not isinstance(node, Mapping) or part not in node:
                return None
            node = node[part]
        return node


def _whole(values: Mapping[str, Value], name: str) -> int:
    value = values.get(name)
    if not isinstance(value, int):
        raise KeyError(f"{name} decides which text is meant, and is {value!r}")
    return value


@cache
def load_texts(language: str) -> Texts:
    """The texts in ``language``.

    Raises:
        SettingsError: there is no such language, or its file lacks texts; names what is known, or the keys.
    """
    texts = _read(language)
    if texts is None:
        known = ", ".join(languages_of(FILE))
        raise SettingsError(f"setting output.language: there are no texts in {language!r}; known: {known}")
    complete = _read(COMPLETE_LANGUAGE)
    if complete is not None and complete is not texts:
        _refuse_other_keys(texts, complete)
    return texts


@cache
def _read(language: str) -> Texts | None:
    file = read_language_file(FILE, language, _File)
    return None if file is None else Texts(language, file.model_extra or {}, file.locale)


def _refuse_other_keys(texts: Texts, complete: Texts) -> None:
    wanted, found = dict(_leaves(complete)), dict(_leaves(texts))
    problems = {
        "lacks": sorted(set(wanted) - set(found)),
        "has unknown": sorted(set(found) - set(wanted)),
        "fills in other names than English at": sorted(
            key for key in set(wanted) & set(found) if found[key] - wanted[key]
        ),
    }
    told = [f"{what} {', '.join(keys)}" for what, keys in problems.items() if keys]
    if told:
        raise SettingsError(f"{FILE}.{texts.language}.yaml: {'; '.join(told)}")


def _leaves(texts: Texts) -> Iterator[tuple[str, frozenset[str]]]:
    """Each key with the names that are filled in; forms of a count are one."""

    def walk(node: Any, key: str) -> Iterator[tuple[str, frozenset[str]]]:
        if isinstance(node, Mapping) and set(node) != set(texts.locale.forms):
            for name, each in node.items():
                yield from walk(each, f"{key}.{name}" if key else str(name))
            return
        parts = node.values() if isinstance(node, Mapping) else [node]
        fields = [field for part in parts for _, field, _, _ in Formatter().parse(str(part))]
        yield key, frozenset(field for field in fields if field is not None)

    yield from walk(texts._tree, "")
