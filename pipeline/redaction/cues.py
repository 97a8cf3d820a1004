"""Phrases that announce a secret, or a number that may stay."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from pipeline.records import Role
from pipeline.redaction.language import Phrase, SpokenLanguage
from pipeline.redaction.reader import Token

HARMLESS = "harmless"
NOUN_AND_NUMBER = 2


@dataclass(frozen=True, slots=True, order=True)
class Cue:
    """A phrase that announces a secret of a kind, or ``HARMLESS`` for a number that may stay."""

    start_s: float
    end_s: float
    kind: str
    speaker: Role
    words: int
    strong: bool = False
    """Names a number or a date itself, not only a thing that has one."""


def read_cues(streams: Mapping[Role, Sequence[Token]], language: SpokenLanguage) -> list[Cue]:
    """All cues in time order; of those that share words the one that begins first, then the longest."""
    phrases: dict[str, list[tuple[Phrase, str]]] = {}
    for kind, own in (*language.cues.items(), (HARMLESS, language.harmless_cues)):
        for phrase in own:
            phrases.setdefault(phrase[0], []).append((phrase, kind))
    named = {word for own in language.cues.values() for phrase in own for word in phrase}
    cues = []
    for speaker, tokens in streams.items():
        words = tuple(token.plain for token in tokens)
        index = 0
        while index < len(words):
            said = [
                (len(phrase), kind)
                for phrase, kind in phrases.get(words[index], ())
                if words[index : index + len(phrase)] == phrase
            ]
            size, kind = max(said, default=(0, HARMLESS))
            if not size and _names_other_number(words, index, named, language):
                size = NOUN_AND_NUMBER
            if size:
                strong = any(word in language.naming_words for word in words[index : index + size])
                start_s, end_s = tokens[index].start_s, tokens[index + size - 1].end_s
                cues.append(Cue(start_s, end_s, kind, speaker, size, strong))
            index += max(size, 1)
    return sorted(cues)


def _names_other_number(
    words: Sequence[str], index: int, named: Container[str], language: SpokenLanguage
) -> bool:
    """Whether two words name a number that no cue names: "policy number", "MAC address"."""
    noun = words[index]
    return (
        words[index + 1 : index + 2] != ()
        and words[index + 1] in language.number_nouns
        and noun.isalpha()
        and len(noun) > 1
        and noun not in named
        and noun not in language.plain_before_number
    )
