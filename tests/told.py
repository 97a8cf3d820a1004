"""Calls with the words that were really said in place of a recognizer's.

A quantized recognizer hears other words on another processor. What is tested of measures and verdicts rests
on the true words of the sample calls, laid into the speech that was found; the recognizer has benchmarks.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline import call
from pipeline.records import SpeakerTranscript, Word
from pipeline.settings import RecognizerSettings
from pipeline.timeline import Span, overlap_s
from pipeline.transcription.alignment import align, coverage
from tests.benchmarks.truth import Truth

STARTS = Path(__file__).parent / "data/turntaking/word_starts.json"
ROLES = ("agent", "customer")
CERTAIN = 0.95


@cache
def word_starts() -> dict[str, list[list[float]]]:
    """By call and utterance, when each word starts from the start of its utterance."""
    content: dict[str, list[list[float]]] = json.loads(STARTS.read_text(encoding="utf-8"))
    return content


def true_words(truth: Truth, role: str) -> tuple[Word, ...]:
    """Every word of a speaker; where nobody has timed them, they share an utterance by their length."""
    timed = word_starts().get(truth.call_id)
    found: list[Word] = []
    for index, one in enumerate(truth.content["utterances"]):
        if one["speaker"] == role:
            words = one["text"].split()
            starts = timed[index] if timed else _shared(words, one["end_s"] - one["start_s"])
            edges = [one["start_s"] + each for each in starts] + [one["end_s"]]
            found += [
                Word(word=word, start_s=edges[at], end_s=max(edges[at + 1], edges[at]), probability=CERTAIN)
                for at, word in enumerate(words)
            ]
    return tuple(sorted(found, key=lambda word: word.start_s))


def _shared(words: Sequence[str], duration_s: float) -> list[float]:
    letters = [len(word) for word in words]
    return [duration_s * sum(letters[:at]) / sum(letters) for at in range(len(words))]


@contextmanager
def told(truth: Truth, language: str = "en") -> Iterator[None]:
    """Within it, calls get the true words of one sample call instead of a recognizer's."""

    def transcribe(
        samples: Any,
        sample_rate_hz: int,
        speech: Sequence[Span],
        recognizer: Any,
        settings: RecognizerSettings,
        *rest: Any,
    ) -> SpeakerTranscript:
        role = max(ROLES, key=lambda one: overlap_s(speech, truth.speech(one)))
        words = align(true_words(truth, role), speech, settings).words if speech else ()
        return SpeakerTranscript(
            words=words, language=language, dropped_words=0, coverage=coverage(words, speech)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(call, "transcribe", transcribe)
        yield
