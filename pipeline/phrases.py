"""Words and phrases of a language, from ``configs/phrases.<language>.yaml``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import yaml

from pipeline.errors import SettingsError
from pipeline.settings import CONFIG_DIR

NOT_A_LETTER = re.compile(r"[^\w']+")


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases in normal form, each a tuple of words; empty where a language has no file."""

    language: str
    verbatim_prompt: str | None
    acknowledgements: frozenset[tuple[str, ...]]
    incomplete_endings: frozenset[tuple[str, ...]]
    open_endings: frozenset[tuple[str, ...]]
    hold_announcements: frozenset[tuple[str, ...]]

    def is_acknowledgement(self, text: str) -> bool:
        """Whether a text consists of acknowledgements only; an empty text does."""
        return _made_of(normal_words(text), self.acknowledgements)

    def is_incomplete(self, text: str) -> bool:
        """Whether a text breaks off: by its punctuation, or on a word that wants a successor."""
        stripped = text.rstrip()
        if stripped.endswith(("-", "–", "—", "...", "…")):
            return True
        last = normal_words(text)[-1:]
        if last in self.incomplete_endings:
            return not stripped.endswith("?")
        return last in self.open_endings and not stripped.endswith((".", "?", "!"))

    def announces_hold(self, text: str) -> bool:
        """Whether a text says that a silence is coming."""
        words = normal_words(text)
        return any(_contains(words, phrase) for phrase in self.hold_announcements)


def normal_words(text: str) -> tuple[str, ...]:
    """Lower-case words of a text without punctuation; apostrophes stay, hyphens part words."""
    plain = text.lower().replace("’", "'")
    return tuple(word.strip("'") for word in NOT_A_LETTER.split(plain) if word.strip("'"))


@cache
def load_phrases(language: str) -> Phrases:
    """Phrases of a language.

    Raises:
        SettingsError: the language's file is there but is not what it should be.
    """
    path = CONFIG_DIR / f"phrases.{language}.yaml"
    if not path.exists():
        return Phrases(language, None, frozenset(), frozenset(), frozenset(), frozenset())
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    lists = ("acknowledgements", "incomplete_endings", "open_endings", "hold_announcements")
    expected = {"verbatim_prompt", *lists}
    if not isinstance(content, dict) or set(content) != expected:
        raise SettingsError(f"{path.name}: expected exactly the keys {', '.join(sorted(expected))}")
    phrases = {name: _normal_set(path.name, name, content[name]) for name in lists}
    return Phrases(language=language, verbatim_prompt=content["verbatim_prompt"], **phrases)


def _normal_set(file: str, name: str, entries: Iterable[object]) -> frozenset[tuple[str, ...]]:
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise SettingsError(
            f"{file}: {name} must be a list of texts (put words such as no and yes in quotes)"
        )
    return frozenset(normal_words(entry) for entry in entries)


def _contains(words: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    size = len(phrase)
    return any(words[first : first + size] == phrase for first in range(len(words) - size + 1))


def _made_of(words: tuple[str, ...], phrases: frozenset[tuple[str, ...]]) -> bool:
    """Whether a sequence of words can be cut into phrases of the set."""
    longest = max((len(phrase) for phrase in phrases), default=0)
    reachable = [True] + [False] * len(words)
    for end in range(1, len(words) + 1):
        reachable[end] = any(
            reachable[end - size] and words[end - size : end] in phrases
            for size in range(1, min(longest, end) + 1)
        )
    return reachable[-1]
