"""What somebody said, sentence by sentence, with times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from statistics import fmean

from pipeline.guidance.patterns import bare_words
from pipeline.guidance.speech_acts import SpeechActs
from pipeline.phrases import Phrases
from pipeline.records import Role, Turn, Word
from pipeline.settings import ActsSettings

SENTENCE_ENDS = (".", "?", "!", "…")
CLAUSE_MIN_WORDS = 3
CLOSERS = "\"')]”’"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """``text`` is a stretch of the turn's text, letter by letter; ``question`` tells whether it asks;
    ``probability`` is the mean of its words', as the recognizer says."""

    turn: int
    speaker: Role
    start_s: float
    end_s: float
    text: str
    question: bool
    probability: float = 1.0


def sentences(
    turns: Sequence[Turn], phrases: Phrases, speech_acts: SpeechActs, settings: ActsSettings
) -> tuple[Sentence, ...]:
    """The sentences of all turns that hold the floor, in time order.

    A sentence ends where the recognizer has put a mark, in a pause, or, where it goes on for long without
    either, before words that begin a clause.
    """
    found = []
    for turn in turns:
        if turn.backchannel:
            continue
        for marked in _at_marks(turn.words or _spread(turn), phrases, speech_acts, settings):
            for words in _at_clauses(marked, speech_acts, settings.sentence_max_words):
                found.append(_sentence(turn, words, speech_acts))
    return tuple(sorted(found, key=lambda sentence: (sentence.start_s, sentence.end_s, sentence.turn)))


def _spread(turn: Turn) -> tuple[Word, ...]:
    """The words of a turn that has a text alone, sharing its time by length."""
    tokens = turn.text.split()
    letters = sum(map(len, tokens))
    words, at = [], 0
    for token in tokens:
        edges = [
            turn.start_s + (turn.end_s - turn.start_s) * count / letters for count in (at, at + len(token))
        ]
        at += len(token)
        words.append(Word(word=token, start_s=edges[0], end_s=edges[1], probability=1.0, interpolated=True))
    return tuple(words)


def _at_marks(
    words: Sequence[Word], phrases: Phrases, speech_acts: SpeechActs, settings: ActsSettings
) -> Iterator[list[Word]]:
    sentence: list[Word] = []
    for word, following in zip_longest(words, words[1:]):
        sentence.append(word)
        if following is None or _ends(sentence, following, phrases, speech_acts, settings):
            yield sentence
            sentence = []


def _ends(
    sentence: Sequence[Word],
    following: Word,
    phrases: Phrases,
    speech_acts: SpeechActs,
    settings: ActsSettings,
) -> bool:
    last = sentence[-1].word.rstrip(CLOSERS)
    if last.endswith(SENTENCE_ENDS):
        return last.rstrip(".").lower() not in speech_acts.abbreviations
    paused = following.start_s - sentence[-1].end_s >= settings.sentence_pause_s
    return paused and not phrases.is_incomplete(" ".join(word.word for word in sentence))


def _at_clauses(words: Sequence[Word], speech_acts: SpeechActs, most: int) -> Iterator[Sequence[Word]]:
    """Cut before a clause, the one nearest to the middle first, until all parts are short or of one piece."""
    cuts = [
        index
        for index in range(CLAUSE_MIN_WORDS, len(words) - CLAUSE_MIN_WORDS + 1)
        if speech_acts.starts_clause(bare_words(" ".join(word.word for word in words[index : index + 3])))
    ]
    if len(words) <= most or not cuts:
        yield words
        return
    cut = min(cuts, key=lambda index: abs(index - len(words) / 2))
    yield from _at_clauses(words[:cut], speech_acts, most)
    yield from _at_clauses(words[cut:], speech_acts, most)


def _sentence(turn: Turn, words: Sequence[Word], speech_acts: SpeechActs) -> Sentence:
    text = " ".join(word.word for word in words)
    return Sentence(
        turn=turn.turn,
        speaker=turn.speaker,
        start_s=words[0].start_s,
        end_s=words[-1].end_s,
        text=text,
        question=speech_acts.is_question(text),
        probability=fmean(word.probability for word in words),
    )
