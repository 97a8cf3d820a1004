"""The texts of an analysis, said in the language of its report; a stored analysis keeps what was meant.

`analysis.json` holds plain strings. Beside them it has of each string the key and the values that it was
made from, so that a report in another language can be made from it.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import JsonValue

from pipeline.records import Analysis, Hold, Worded
from pipeline.texts import Text, Texts, Value

WITH_TEXTS = (
    "call_kind",
    "quality",
    "measures",
    "interruptions",
    "tension",
    "guidance",
    "effort",
    "coaching",
    "headline",
)
FIELDS = frozenset(
    ("message", "reason", "note", "not_scored", "summary", "title", "why", "try_this", "say_to_agent")
)
"""The fields that hold texts; that of a `Hold` called reason is what the agent said."""
DIGITS = 6


def worded(analysis: Analysis, texts: Texts) -> Analysis:
    """The analysis with every text said, and with what was said of each."""
    made = {each.text: each for each in analysis.texts}

    def say(text: str) -> str:
        if not isinstance(text, Text):
            return text
        meant = _rounded(text)
        said = texts.said(meant)
        made[said] = Worded(text=said, key=meant.key, values=_plain(meant.values))
        return said

    changed = _changed(analysis, say)
    return dataclasses.replace(changed, texts=tuple(made.values()))


def unworded(analysis: Analysis) -> Analysis:
    """The analysis with every text as it was meant, as far as it says so."""
    meant = {each.text: Text(each.key, **_values(each.values)) for each in analysis.texts}
    return dataclasses.replace(_changed(analysis, lambda text: meant.get(text, text)), texts=())


def reworded(analysis: Analysis, texts: Texts) -> Analysis:
    """The analysis in another language."""
    return worded(unworded(analysis), texts)


def _changed(analysis: Analysis, change: Callable[[str], str]) -> Analysis:
    parts = {name: _walked(getattr(analysis, name), "", change) for name in WITH_TEXTS}
    return dataclasses.replace(analysis, **parts)


def _walked(thing: Any, field: str, change: Callable[[str], str]) -> Any:
    if isinstance(thing, str):
        return change(thing) if field in FIELDS else thing
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        before = {spec.name: getattr(thing, spec.name) for spec in dataclasses.fields(thing)}
        if isinstance(thing, Hold):
            del before["reason"]
        after = {name: _walked(value, name, change) for name, value in before.items()}
        differ = {name: value for name, value in after.items() if value is not before[name]}
        return dataclasses.replace(thing, **differ) if differ else thing
    if isinstance(thing, dict):
        return {key: _walked(value, field, change) for key, value in thing.items()}
    if isinstance(thing, tuple | list):
        walked = [_walked(each, field, change) for each in thing]
        unchanged = all(one is other for one, other in zip(walked, thing, strict=True))
        return thing if unchanged else type(thing)(walked)
    return thing


def _rounded(value: Any) -> Any:
    """A value with as many digits as are kept: what is said now is what will be said then."""
    if isinstance(value, Text):
        return Text(value.key, **{name: _rounded(each) for name, each in value.values.items()})
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def _plain(values: Mapping[str, Value]) -> dict[str, JsonValue]:
    def plain(value: Any) -> JsonValue:
        if isinstance(value, Text):
            return {"key": value.key, "values": _plain(value.values)}
        return [plain(each) for each in value] if isinstance(value, list | tuple) else value

    return {name: plain(value) for name, value in values.items()}


def _values(values: Mapping[str, JsonValue]) -> dict[str, Value]:
    def back(value: Any) -> Value:
        if isinstance(value, dict):
            return Text(str(value["key"]), **_values(value["values"]))
        return [back(each) for each in value] if isinstance(value, list) else value

    return {name: back(value) for name, value in values.items()}
