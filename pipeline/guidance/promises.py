"""Promises: who commits to what, and by when."""

import re
from collections.abc import Sequence
from datetime import datetime

from pipeline.guidance.config import Guidance
from pipeline.guidance.language import Language
from pipeline.guidance.times import When
from pipeline.records import Act, Promise, Turn

PROMISES = ("promise", "follow_up", "vague_promise")
WARNINGS = ("set_limit", "rush")
AT_ONCE = ("announce_hold", "announce_transfer")
"""What is done while the customer waits is no promise to follow up, also where that is not sure."""
SENTENCE_END = re.compile(r"(?<=[.?!])\s+")


def promises_of(
    turns: Sequence[Turn],
    acts: Sequence[Act],
    started_at: str | None,
    language: Language | None,
    guidance: Guidance,
) -> tuple[Promise, ...]:
    """Every promise of the call in time order, one a sentence.

    Args:
        started_at: when the call began, ISO 8601; days and times then become dates.
    """
    if language is None:
        return ()
    moment = _moment(started_at)
    texts = {turn.turn: turn.text for turn in turns}
    sure = [act for act in acts if act.sure]
    warnings = {(act.turn, act.start_s) for act in sure if act.id in WARNINGS}
    warnings |= {(act.turn, act.start_s) for act in acts if act.id in AT_ONCE}
    found: dict[tuple[int, float], Promise] = {}
    for act in sorted(sure, key=lambda act: (act.start_s, act.turn)):
        if act.id not in PROMISES or (act.turn, act.start_s) in warnings:
            continue
        if act.layer == "meaning" and not language.commits(act.quote):
            continue
        when = _when(act.quote, texts.get(act.turn, ""), moment, language)
        found[act.turn, act.start_s] = Promise(
            who=act.speaker,
            what=language.promised(act.quote),
            when=(when.due or when.said) if when else None,
            start_s=act.start_s,
            quote=act.quote,
            said_when=when.said if when else None,
        )
    return tuple(found.values())


def _when(quote: str, text: str, moment: datetime | None, language: Language) -> When | None:
    """The time that a promise names, or else the sentence after it does: "It will be there by noon." """
    found = language.times.find(quote, moment)
    _, said, rest = text.partition(quote)
    if found is not None or not said:
        return found
    following = next((part for part in SENTENCE_END.split(rest.strip()) if part), "")
    return None if following.endswith("?") else language.times.find(following, moment)


def _moment(started_at: str | None) -> datetime | None:
    if started_at is None:
        return None
    try:
        return datetime.fromisoformat(started_at)
    except ValueError:  # metadata may hold anything
        return None
