"""Words of a turn with times, whatever the recognizer gave."""

import textwrap
from dataclasses import dataclass

from pipeline.records import Turn


@dataclass(frozen=True, slots=True)
class TimedWord:
    text: str
    start_s: float
    end_s: float


def timed_words(turn: Turn) -> list[TimedWord]:
    """The words of ``turn.text`` with their times.

    Where the text says something else than the words (it was redacted or corrected), the text wins and
    times are spread over the turn by length of word.
    """
    spoken = [TimedWord(word.word.strip(), word.start_s, word.end_s) for word in turn.words]
    if " ".join(word.text for word in spoken).split() == turn.text.split():
        return [word for word in spoken if word.text]
    return _spread(turn)


def _spread(turn: Turn) -> list[TimedWord]:
    texts = turn.text.split()
    letters = sum(len(text) + 1 for text in texts)
    words: list[TimedWord] = []
    seen = 0
    for text in texts:
        start_s = turn.start_s + (turn.end_s - turn.start_s) * seen / letters
        seen += len(text) + 1
        end_s = turn.start_s + (turn.end_s - turn.start_s) * seen / letters
        words.append(TimedWord(text, start_s, end_s))
    return words


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters; a longer word is broken."""
    return textwrap.wrap(text, width, break_on_hyphens=False) or [text]
