"""Words and phrases of a language, from ``configs/phrases.<language>.yaml``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, create_model

from pipeline.language_files import read_language_file

CLAUSE_ENDS = ".,;:?!"
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
    transfer_announcements: frozenset[tuple[str, ...]]
    hold_reasons: frozenset[tuple[str, ...]]
    time_units: frozenset[tuple[str, ...]]
    quantities: frozenset[tuple[str, ...]]
    consent_questions: frozenset[tuple[str, ...]]
    objection_questions: frozenset[tuple[str, ...]]
    consents: frozenset[tuple[str, ...]]
    refusals: frozenset[tuple[str, ...]]
    hold_thanks: frozenset[tuple[str, ...]]
    story_prompts: frozenset[tuple[str, ...]]
    announcements: frozenset[tuple[str, ...]]
    person_openings: frozenset[tuple[str, ...]]

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
        return says(text, self.hold_announcements) or self.announces_transfer(text)

    def announces_transfer(self, text: str) -> bool:
        """Whether a text says that the caller is about to be passed on."""
        return says(text, self.transfer_announcements)

    def hold_reason(self, text: str) -> str | None:
        """The clause of a sentence that says what a silence is for, as it was said."""
        tokens = text.split()
        for first in range(len(tokens)):
            rest = normal_words(" ".join(tokens[first:]))
            if any(rest[: len(opening)] == opening for opening in self.hold_reasons):
                last = next((n for n in range(first, len(tokens)) if tokens[n][-1] in CLAUSE_ENDS), None)
                return " ".join(tokens[first : None if last is None else last + 1]).rstrip(CLAUSE_ENDS)
        return None

    def time_given(self, text: str) -> str | None:
        """The length of time that a sentence names; not one that only asks for patience ("one second")."""
        tokens = text.split()
        words = [normal_words(token) for token in tokens]
        for last, word in enumerate(words):
            first = last
            while first and (words[first - 1] in self.quantities or any(map(str.isdigit, tokens[first - 1]))):
                first -= 1
            named = " ".join(tokens[first : last + 1])
            if word in self.time_units and first < last:
                before = normal_words(" ".join(tokens[: last + 1]))
                if not any(before[-len(idiom) :] == idiom for idiom in self.hold_announcements):
                    return named.rstrip(CLAUSE_ENDS)
        return None

    def asks_consent(self, text: str) -> bool:
        """Whether a sentence asks if the customer would wait."""
        return says(text, self.consent_questions) or says(text, self.objection_questions)

    def consents_to(self, question: str, reply: str) -> bool | None:
        """Whether a reply agrees to wait; ``None`` when it neither agrees nor refuses.

        A bare "no" agrees where the question was whether the customer minds.
        """
        refused = {phrase for phrase in self.refusals if says(reply, {phrase})}
        if says(question, self.objection_questions) and any(len(phrase) == 1 for phrase in refused):
            return all(len(phrase) == 1 for phrase in refused)
        longer = {phrase for phrase in self.consents if says(reply, {phrase})}
        if any(not any(_contains(agreed, phrase) for agreed in longer) for phrase in refused):
            return False
        return True if longer else None

    def thanks_for_waiting(self, text: str) -> bool:
        return says(text, self.hold_thanks)

    def is_announcement(self, text: str) -> bool:
        """Whether a text says what recorded menus and queues say, and people do not."""
        return says(text, self.announcements)

    def opens_as_person(self, text: str) -> bool:
        """Whether a text gives a name or offers help, as who answers a call does."""
        return says(text, self.person_openings)

    def invites_to_tell(self, text: str) -> bool:
        """Whether a text hands the floor to the other for telling what happened."""
        return says(text, self.story_prompts)


def _is_text(entry: object) -> object:
    if not isinstance(entry, str):
        raise ValueError(f"{entry!r} is not text; put words such as no and yes in quotes")
    return entry


LISTS = tuple(field.name for field in fields(Phrases) if field.name not in ("language", "verbatim_prompt"))
_Entries = list[Annotated[str, BeforeValidator(_is_text)]]
_FIELDS: dict[str, Any] = dict.fromkeys(LISTS, (_Entries, ...))
PhrasesFile = create_model(
    "PhrasesFile", __config__=ConfigDict(extra="forbid"), verbatim_prompt=(str | None, ...), **_FIELDS
)


def says(text: str, phrases: Iterable[tuple[str, ...]]) -> bool:
    """Whether a text holds one of the phrases, whole and in its order."""
    words = normal_words(text)
    return any(_contains(words, phrase) for phrase in phrases)


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
    file: Any = read_language_file("phrases", language, PhrasesFile)
    if file is None:
        return Phrases(language, None, *(frozenset[tuple[str, ...]]() for _ in LISTS))
    lists = {name: frozenset(map(normal_words, getattr(file, name))) for name in LISTS}
    return Phrases(language=language, verbatim_prompt=file.verbatim_prompt, **lists)


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
