"""Where a second agent takes over on the agent's channel, by what the two say."""

from collections.abc import Sequence

from pipeline.phrases import Phrases, normal_words
from pipeline.records import Turn
from pipeline.settings import TurnsSettings

INTRODUCES = (("this", "is"), ("my", "name", "is"))


def second_agent_s(turns: Sequence[Turn], phrases: Phrases, settings: TurnsSettings) -> float | None:
    """When another agent first speaks: a transfer was announced, the line was quiet, a new name is given.

    ``None`` where that does not show. Who comes back after a hold and gives the same name is no other.
    """
    own = [turn for turn in turns if turn.speaker == "agent"]
    announced: Turn | None = None
    named: set[str] = set()
    for before, turn in zip([None, *own], own, strict=False):
        name = _name(turn.text)
        quiet_s = turn.start_s - (before.end_s if before else 0.0)
        if announced is not None and name is not None and quiet_s > settings.gap_s and name not in named:
            return turn.start_s
        if name is not None:
            named.add(name)
        if phrases.announces_transfer(turn.text):
            announced = turn
    return None


def _name(text: str) -> str | None:
    """The name with which a speaker introduces themself: a capitalized word after "this is"."""
    said = text.split()
    words = [" ".join(normal_words(word)) for word in said]
    for phrase in INTRODUCES:
        for first in range(len(said) - len(phrase)):
            name = said[first + len(phrase)]
            if tuple(words[first : first + len(phrase)]) == phrase and name[:1].isupper():
                return words[first + len(phrase)]
    return None
