"""What the guidance knows of a language besides speech acts, from ``configs/language.<language>.yaml``."""

import re
from collections.abc import Collection
from functools import cache

from pydantic import Field, field_validator

from pipeline.guidance.times import TimeWords
from pipeline.language_files import read_language_file
from pipeline.phrases import normal_words
from pipeline.settings import Section


class Language(Section):
    """Words of a language, all in lower case."""

    function_words: frozenset[str]
    endings: tuple[str, ...]
    shortest_stem: int = Field(ge=1)
    promise_openings: tuple[str, ...]
    commitments: tuple[str, ...]
    saying_back: tuple[str, ...]
    opening_questions: tuple[str, ...]
    leave_questions: tuple[str, ...]
    supposing: tuple[str, ...]
    earlier_contacts: dict[str, int]
    times: TimeWords

    @field_validator("function_words", mode="before")
    @classmethod
    def _words(cls, given: object) -> object:
        return frozenset(given.split()) if isinstance(given, str) else given

    def content(self, text: str) -> frozenset[str]:
        """Stems of the words that say what a text is about."""
        return frozenset(self._stem(word) for word in normal_words(text) if word not in self.function_words)

    def words_of(self, stems: Collection[str], text: str) -> list[str]:
        """The words of a text with these stems, each once, as they come."""
        found = (word for word in normal_words(text) if word not in self.function_words)
        return list(dict.fromkeys(word for word in found if self._stem(word) in stems))

    def promised(self, sentence: str) -> str:
        """What a sentence promises: the sentence without the words that make it a promise."""
        lowered = sentence.lower().replace("’", "'")
        for opening in sorted(self.promise_openings, key=len, reverse=True):
            found = re.search(rf"(?<!\w){re.escape(opening)}(?!\w)", lowered)
            if found is not None:
                return sentence[found.end() :].strip(" .!?,") or sentence
        return sentence.strip(" .!?,")

    def commits(self, sentence: str) -> bool:
        """Whether a sentence has the words of a commitment: somebody will do something."""
        return _has_any(sentence, self.commitments)

    def says_back(self, text: str) -> bool:
        """Whether words are in it that begin what says a concern back."""
        return _has_any(text, self.saying_back)

    def opens(self, text: str) -> bool:
        """Whether a question is in it that opens calls."""
        return _has_any(text, self.opening_questions)

    def asks_leave(self, text: str) -> bool:
        """Whether a question asks leave, not whether something was understood."""
        return _has_any(text, self.leave_questions)

    def supposes(self, sentence: str) -> bool:
        """Whether a sentence begins by supposing something."""
        words = f"{' '.join(normal_words(sentence))} "
        return any(words.startswith(f"{each} ") for each in self.supposing)

    def contacts_before(self, text: str) -> int | None:
        """How often a sentence says that somebody was in contact before; ``None`` where it does not say."""
        return max(
            (count for said, count in self.earlier_contacts.items() if _has_any(text, [said])), default=None
        )

    def _stem(self, word: str) -> str:
        for ending in self.endings:
            if word.endswith(ending) and len(word) - len(ending) >= self.shortest_stem:
                return word.removesuffix(ending)
        return word


def _has_any(text: str, phrases: Collection[str]) -> bool:
    words = f" {' '.join(normal_words(text))} "
    return any(f" {' '.join(normal_words(each))} " in words for each in phrases)


@cache
def load_language(language: str) -> Language | None:
    """What is known of a language; ``None`` where it has no file.

    Raises:
        SettingsError: the file is there but is not what it should be.
    """
    return read_language_file("language", language, Language)
