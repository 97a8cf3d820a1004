"""Promises: who commits to what, and by when."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.guidance.config import Guidance
from pipeline.guidance.language import Language
from pipeline.records import Act, Promise

PROMISES = ("promise", "follow_up")


def promises_of(
    acts: Sequence[Act], started_at: str | None, language: Language | None, guidance: Guidance
) -> tuple[Promise, ...]:
    """Every promise of the call in time order, one a sentence.

    Args:
        started_at: when the call began, ISO 8601; days and times then become dates.
    """
    if language is None:
        return ()
    found: dict[tuple[int, float], Promise] = {}
    for act in sorted(acts, key=lambda act: (act.start_s, act.turn)):
        if act.id not in PROMISES or act.confidence < guidance.limits.act_confidence:
            continue
        when = language.times.find(act.quote, _moment(started_at))
        found[act.turn, act.start_s] = Promise(
            who=act.speaker,
            what=language.promised(act.quote),
            when=(when.due or when.said) if when else None,
            start_s=act.start_s,
            quote=act.quote,
            said_when=when.said if when else None,
        )
    return tuple(found.values())


def _moment(started_at: str | None) -> datetime | None:
    if started_at is None:
        return None
    try:
        return datetime.fromisoformat(started_at)
    except ValueError:  # metadata may hold anything
        return None
