"""The speech acts of a language and the phrases that show them: ``configs/speech_acts.<language>.yaml``."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.errors import SettingsError
from pipeline.guidance.patterns import bare_words, compile_pattern, searchable
from pipeline.language_files import read_language_file
from pipeline.records import Role
from pipeline.settings import CONFIG_DIR

Words = tuple[str, ...]


class ActEntry(BaseModel):
    """One act as it is in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["agent", "customer", "both"]
    phrases: tuple[str, ...]
    unless: tuple[str, ...] = ()
    negated: Literal["refused", "allowed"] = "refused"
    questions: Literal["allowed", "refused", "only"] = "allowed"
    accuses: bool = False
    sure_from: float | None = None
    overlaps: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    kinds: dict[str, tuple[str, ...]] = {}


class ActsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: dict[str, tuple[str, ...]]
    negations: tuple[str, ...]
    question_starts: tuple[str, ...]
    clause_starts: tuple[str, ...]
    abbreviations: tuple[str, ...]
    acts: dict[str, ActEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechAct:
    """One act, with its phrases compiled."""

    id: str
    entry: ActEntry
    phrases: tuple[re.Pattern[str], ...]
    unless: tuple[re.Pattern[str], ...]
    kinds: Mapping[str, tuple[re.Pattern[str], ...]]

    def kind_of(self, text: str) -> str | None:
        """The first of its kinds that a phrase shows."""
        words = searchable(text)
        shown = (name for name, phrases in self.kinds.items() if any(one.search(words) for one in phrases))
        return next(shown, None)

    def done_by(self, role: Role) -> bool:
        return self.entry.by == "both" or self.entry.by == role


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechActs:
    """The acts of a language, and the words of it that show where sentences begin and what they ask."""

    language: str
    acts: dict[str, SpeechAct]
    negations: frozenset[str]
    question_starts: frozenset[Words]
    clause_starts: frozenset[Words]
    abbreviations: frozenset[str]
    openings: frozenset[str]

    def is_question(self, text: str) -> bool:
        """Whether a sentence asks: by its mark, or by how it begins where there is none."""
        stripped = text.rstrip("\"')]”’ ")
        if stripped.endswith(("?", ".", "!")):
            return stripped.endswith("?")
        words = bare_words(text)
        while words and words[0] in self.openings:
            words = words[1:]
        return _begins(words, self.question_starts)

    def starts_clause(self, words: Words) -> bool:
        return _begins(words, self.clause_starts)

    def has_phrase(self, act: SpeechAct, text: str, *, question: bool, reach_words: int) -> bool:
        """Whether a phrase of ``act`` is in the sentence and nothing in it speaks against the act.

        A negation counts up to ``reach_words`` words before a phrase.
        """
        if act.entry.questions == ("refused" if question else "only"):
            return False
        words = searchable(text)
        if any(pattern.search(words) for pattern in act.unless):
            return False
        hits = (match for pattern in act.phrases for match in pattern.finditer(words))
        if act.entry.negated == "allowed":
            return any(True for _ in hits)
        return any(not self._negated(words[: hit.start()], reach_words) for hit in hits)

    def _negated(self, before: str, reach_words: int) -> bool:
        return not self.negations.isdisjoint(before.split()[-reach_words:] if reach_words else ())


def acts_path(language: str) -> Path:
    return CONFIG_DIR / f"speech_acts.{language}.yaml"


def has_acts(language: str) -> bool:
    return acts_path(language).exists()


@cache
def load_speech_acts(language: str) -> SpeechActs:
    """The acts of a language that has a file.

    Raises:
        SettingsError: the file is not what it should be.
    """
    path = acts_path(language)
    file = read_language_file("speech_acts", language, ActsFile)
    if file is None:
        raise SettingsError(f"{path.name}: is missing")
    try:
        acts = {name: _compiled(name, entry, file) for name, entry in file.acts.items()}
    except SettingsError as error:
        raise SettingsError(f"{path.name}: {error}") from error
    return SpeechActs(
        language=language,
        acts=acts,
        negations=frozenset(word for text in file.negations for word in bare_words(text)),
        question_starts=_word_set(file.question_starts),
        clause_starts=_word_set(file.clause_starts),
        abbreviations=frozenset(file.abbreviations),
        openings=frozenset(word for text in file.groups["opening"] for word in bare_words(text)),
    )


def _compiled(name: str, entry: ActEntry, file: ActsFile) -> SpeechAct:
    if unknown := set(entry.overlaps) - set(file.acts):
        raise SettingsError(f"{name}: overlaps with acts that there are not: {', '.join(sorted(unknown))}")
    return SpeechAct(
        id=name,
        entry=entry,
        phrases=tuple(compile_pattern(phrase, file.groups) for phrase in entry.phrases),
        unless=tuple(compile_pattern(phrase, file.groups) for phrase in entry.unless),
        kinds={
            kind: tuple(compile_pattern(phrase, file.groups) for phrase in phrases)
            for kind, phrases in entry.kinds.items()
        },
    )


def _word_set(texts: Sequence[str]) -> frozenset[Words]:
    return frozenset(bare_words(text) for text in texts)


def _begins(words: Words, starts: frozenset[Words]) -> bool:
    return any(words[:size] in starts for size in range(1, 4))


def speech_acts_sha256(language: str) -> str | None:
    """Identity of the files that recognize a language's acts; ``None`` for a language that has none."""
    if not has_acts(language):
        return None
    digest = hashlib.sha256()
    for path in (acts_path(language), weights_path(language)):
        if path.exists():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def weights_path(language: str) -> Path:
    return CONFIG_DIR / f"speech_acts.{language}.weights.npz"
