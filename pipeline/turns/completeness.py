"""How likely words are the end of a sentence, whatever punctuation the recognizer has put there.

A recognizer likes to write a full stop where somebody was cut off, as its language model knows hardly any
sentence without one. The words before it are heard: "my bill is" ends no sentence. A logistic model over the
last words tells; its weights per language are in ``configs/completeness.<language>.json``, fitted by
``tests/benchmarks/fit_completeness.py``.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from pipeline.errors import SettingsError
from pipeline.phrases import normal_words
from pipeline.settings import CONFIG_DIR

FILE = "completeness.{language}.json"
REACH = 5
"""How many of the last words are looked at."""
NUMBER = "#"
INNER_END = re.compile(r"[.?!]\s")


def sentence_words(text: str) -> tuple[str, ...]:
    """Words since the last mark of a sentence's end inside a text; the mark at the very end tells nothing."""
    words = normal_words(INNER_END.split(text.rstrip())[-1])
    return tuple(NUMBER if any(sign.isdigit() for sign in word) else word for word in words)


def features(words: Sequence[str]) -> list[str]:
    """What is looked at, each a text of its own; ``words`` are not empty.

    The last words by their distance from the end, the last two and three together, and how the last is
    spelled at its end. Not how many words there are: that is a matter of whose sentences one has.
    """
    found = [f"{distance}:{word}" for distance, word in enumerate(reversed(words[-REACH:]))]
    found += [f"{size}: {' '.join(words[-size:])}" for size in (2, 3) if len(words) >= size]
    return [*found, *(f"-{words[-1][-size:]}" for size in (2, 3)), "constant"]


@dataclass(frozen=True, slots=True)
class Completeness:
    """A fitted model of one language."""

    weights: Mapping[str, float]

    def log_odds(self, text: str) -> float | None:
        """Natural logarithm of the odds that a text ends with a finished sentence; ``None`` without words."""
        words = sentence_words(text)
        return sum(self.weights.get(name, 0.0) for name in features(words)) if words else None

    def probability(self, text: str) -> float | None:
        """How likely a text ends with a finished sentence."""
        odds = self.log_odds(text)
        return None if odds is None else 1 / (1 + math.exp(-odds))


@cache
def load_completeness(language: str) -> Completeness | None:
    """The model of a language; ``None`` where a language has none.

    Raises:
        SettingsError: the language's file is not what the fitting script writes.
    """
    path = CONFIG_DIR / FILE.format(language=language)
    if not path.exists():
        return None
    try:
        weights = {name: float(weight) for name, weight in json.loads(path.read_bytes())["weights"].items()}
        if "constant" not in weights:
            raise ValueError("expected weights with a constant")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"{path.name}: {error!r}; write it again with tests/benchmarks/fit_completeness.py"
        ) from error
    return Completeness(weights)
