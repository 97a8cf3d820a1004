"""A call without its words: figures, verdicts and moments stay, everything that was said goes."""

import dataclasses
import re
from typing import Any, TypeVar

from pipeline.records import (
    Analysis,
    CoachingPoint,
    Evidence,
    Finding,
    Headline,
    Hold,
    Promise,
    SecondOpinion,
    Turn,
    Word,
)
from pipeline.texts import Text, Texts
from pipeline.wording import unworded, worded

Found = TypeVar("Found")
EMPTY: dict[type, dict[str, Any]] = {
    Turn: {"text": "", "words": ()},
    Word: {"word": ""},
    Evidence: {"quote": "", "note": ""},
    SecondOpinion: {"reason": ""},
    Promise: {"what": "", "quote": "", "said_when": None},
    CoachingPoint: {"quote": ""},
    Headline: {"about": None},
}
"""What a record has in place of its words; of other records only ``quote`` is emptied."""
GIVEN = ("reason", "time_given")
"""Words of a hold: that something was given stays known."""
LISTED = "words"
"""The value of a reason that is words of the call."""
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ][\d:.+Z-]+)?|\d{2}:\d{2}(:\d{2})?")


def without_words(analysis: Analysis, at: str, texts: Texts) -> Analysis:
    """The analysis with nothing of what was said; ``at`` is when, ISO 8601 in UTC."""
    removed = dataclasses.replace(analysis.removed, transcript_at=at)
    return worded(dataclasses.replace(_emptied(unworded(analysis)), removed=removed), texts)


def _emptied(value: Found) -> Found:
    """``value`` with every record in it emptied."""
    if isinstance(value, tuple):
        return tuple(_emptied(each) for each in value)  # type: ignore[return-value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    empty = dict(EMPTY.get(type(value), {}))
    names = [field.name for field in dataclasses.fields(value)]
    if "quote" in names:
        empty["quote"] = ""
    if isinstance(value, Hold):
        empty |= {name: "" for name in GIVEN if getattr(value, name) is not None}
    if isinstance(value, Promise) and value.when is not None and not ISO.fullmatch(value.when):
        empty["when"] = None
    if isinstance(value, Finding):
        replaced = value.second_opinion is not None and value.second_opinion.replaced is not None
        empty["reason"] = "" if replaced else _unsaid(value.reason)
    kept = {name: _emptied(getattr(value, name)) for name in names if name not in empty}
    return dataclasses.replace(value, **kept, **empty)  # type: ignore[type-var]


def _unsaid(reason: str) -> str:
    """A reason without the words of the call that it lists."""
    if not isinstance(reason, Text):
        return reason
    values = {
        name: Text("removed.words") if name == LISTED and isinstance(value, list) else value
        for name, value in reason.values.items()
    }
    return Text(reason.key, **values)
