"""Phrases with gaps, as a coach writes them.

``*`` stands for up to four words, ``(one|two)`` for one of several, ``(word)?`` for what may be left out,
``<name>`` for a named group, ``^`` and ``$`` for the ends of the sentence. Letter case, punctuation and
apostrophes do not count.
"""

import re
from collections.abc import Iterable, Mapping

from pipeline.errors import SettingsError
from pipeline.phrases import normal_words

TOKEN = re.compile(r"\)\?|[*^$()|]|<[^<>]*>|[^\s*^$()|<>?]+")
GAP = r"(?:[^ ]+ ){0,4}?"
REGEX = {"*": GAP, "$": "$", "(": "(?:", "|": "|", ")": ")", ")?": ")?"}
OPENING = "opening"
"""The group of words that may come before ``^``."""


def bare_words(text: str) -> tuple[str, ...]:
    """Lower-case words without punctuation and apostrophes, which recognizers leave out at will."""
    return tuple(word.replace("'", "") for word in normal_words(text))


def searchable(text: str) -> str:
    """The bare words of a text, each between blanks: what a compiled pattern searches."""
    return f" {' '.join(bare_words(text))} "


def compile_pattern(pattern: str, groups: Mapping[str, Iterable[str]]) -> re.Pattern[str]:
    """A regular expression over ``searchable`` text; a match begins with a word and ends on a blank.

    Raises:
        SettingsError: it has no words, its brackets do not match, or a group is not known.
    """
    begins = f"^ (?:{_group(OPENING, pattern, groups)})*" if pattern.startswith("^") else "(?<= )"
    parts = _translate(pattern.removeprefix("^"), groups)
    try:
        found = re.compile(f"{begins}(?:{parts})")
    except re.error as error:
        raise SettingsError(f"phrase {pattern!r}: {error.msg}; check its brackets") from error
    if found.search(" "):
        raise SettingsError(f"phrase {pattern!r} has no word that must be there")
    return found


def _translate(pattern: str, groups: Mapping[str, Iterable[str]]) -> str:
    parts = []
    for token in TOKEN.findall(pattern):
        if token.startswith("<"):
            parts.append(f"(?:{_group(token[1:-1], pattern, groups)})")
        else:
            parts.append(REGEX.get(token) or "".join(f"{re.escape(word)} " for word in bare_words(token)))
    return "".join(parts)


def _group(name: str, pattern: str, groups: Mapping[str, Iterable[str]]) -> str:
    if name not in groups:
        raise SettingsError(f"phrase {pattern!r}: there is no group {name!r}")
    return "|".join(_translate(each, groups) for each in groups[name])
