"""Words of one channel, by faster-whisper on packed windows.

Each channel is recognized by itself. A window whose text repeats itself is decoded once more without
repeats; what still looks invented is dropped and counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pipeline.errors import CallError, InputRejected, StageFailed
from pipeline.phrases import load_phrases
from pipeline.records import Samples, SpeakerTranscript, Word
from pipeline.settings import RecognizerSettings
from pipeline.timeline import Span, containing, subtract
from pipeline.transcription.alignment import align, coverage
from pipeline.transcription.denoising import denoised
from pipeline.transcription.packing import (
    RECOGNIZER_RATE_HZ,
    Window,
    in_recording,
    pack,
    quietest,
    window_samples,
)

NO_REPEAT_WORDS = 3
GOES_ON = ("-", "'", "\N{RIGHT SINGLE QUOTATION MARK}")
FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class WindowText:
    """What a recognizer heard in one window; word times count from the window's start."""

    words: tuple[Word, ...]
    language: str
    mean_log_probability: float
    no_speech_probability: float
    compression_ratio: float


class Recognizer(Protocol):
    """Turns windows of sound at 16 kHz into words."""

    def recognize(
        self,
        windows: Sequence[Samples],
        language: str | None,
        *,
        verbatim: bool,
        no_repeat_words: int = 0,
    ) -> list[WindowText]: ...


class WhisperRecognizer:
    """faster-whisper's batched pipeline as a :class:`Recognizer`."""

    def __init__(self, model: Any, settings: RecognizerSettings) -> None:
        from faster_whisper import BatchedInferencePipeline

        self._model = model
        self._pipeline = BatchedInferencePipeline(model=model)
        self._settings = settings

    def recognize(
        self,
        windows: Sequence[Samples],
        language: str | None,
        *,
        verbatim: bool,
        no_repeat_words: int = 0,
    ) -> list[WindowText]:
        """One text per window; ``language`` of ``None`` lets the model detect it."""
        import numpy as np

        if language not in (None, "en") and not self._model.model.is_multilingual:
            raise InputRejected(
                f"language {language!r}: the model {self._settings.model!r} knows English only; "
                "set recognizer.model to a multilingual one, e.g. base"
            )
        clips, offset = [], 0
        for window in windows:
            clips.append(
                {"start": offset / RECOGNIZER_RATE_HZ, "end": (offset + window.size) / RECOGNIZER_RATE_HZ}
            )
            offset += window.size
        segments, info = self._pipeline.transcribe(
            np.concatenate(windows),
            language=language,
            beam_size=self._settings.beam_size,
            batch_size=self._settings.batch_size,
            clip_timestamps=clips,
            vad_filter=False,
            word_timestamps=True,
            condition_on_previous_text=False,
            no_repeat_ngram_size=no_repeat_words,
            initial_prompt=self._prompt(language, verbatim),
        )
        return self._by_window(segments, [clip["start"] for clip in clips], info.language)

    def _prompt(self, language: str | None, verbatim: bool) -> str | None:
        """The user's own terms, then text that leads the model to write hesitations down."""
        hesitations = load_phrases(language).verbatim_prompt if verbatim and language else None
        parts = [part for part in (self._settings.initial_prompt, hesitations) if part]
        return " ".join(parts) or None

    def _by_window(self, segments: Iterable[Any], starts_s: list[float], language: str) -> list[WindowText]:
        empty = WindowText((), language, 0.0, 0.0, 0.0)
        texts = [empty] * len(starts_s)
        window = 0
        for segment in segments:
            while window + 1 < len(starts_s) and segment.seek / 100 >= starts_s[window + 1] - 0.02:
                window += 1
            words = _whole_words(segment.words or (), starts_s[window])
            texts[window] = WindowText(
                words=texts[window].words + words,
                language=language,
                mean_log_probability=segment.avg_logprob,
                no_speech_probability=segment.no_speech_prob,
                compression_ratio=segment.compression_ratio,
            )
        return texts


def _whole_words(tokens: Iterable[Any], window_start_s: float) -> tuple[Word, ...]:
    """Words in window time; a hyphen or an apostrophe without a space before it goes on with the word."""
    words: list[Word] = []
    for token in tokens:
        text = token.word.strip()
        start_s, end_s = float(token.start) - window_start_s, float(token.end) - window_start_s
        if words and token.word.startswith(GOES_ON) and len(text) > 1:
            first = words[-1]
            probability = min(first.probability, float(token.probability))
            words[-1] = replace(first, word=first.word + text, end_s=end_s, probability=probability)
        elif text:
            words.append(Word(word=text, start_s=start_s, end_s=end_s, probability=float(token.probability)))
    return tuple(words)


def transcribe(
    samples: Samples,
    sample_rate_hz: int,
    speech: Sequence[Span],
    recognizer: Recognizer,
    settings: RecognizerSettings,
    language: str | None,
    snr_db: float | None = None,
) -> SpeakerTranscript:
    """The words of one speaker's channel, laid into that speaker's speech.

    Args:
        samples: one channel, shape (n,), float32.
        speech: the speaker's IPUs, unpadded; nothing else is given to the recognizer.
        language: ISO 639-1 code, or ``None`` to detect it.
        snr_db: level of the speech over the noise, ``None`` where it is not known.

    Raises:
        InputRejected: the model does not know the language.
        StageFailed: the recognizer failed.
    """
    if snr_db is not None and snr_db < settings.denoise_under_snr_db:
        samples = denoised(samples, sample_rate_hz, settings)
    listen = _Listener(samples, sample_rate_hz, recognizer, settings)
    heard = listen.to(speech, language, verbatim=True)
    language = language or heard.language
    aligned = align(heard.words, speech, settings)
    missed = _without_words(aligned.words, speech, settings.relisten_s)
    dropped = heard.dropped
    if missed:
        again = listen.to(missed, language, verbatim=False)
        new = [word for word in again.words if containing(missed, (word.start_s + word.end_s) / 2)]
        words = sorted((*heard.words, *new), key=lambda word: word.start_s)
        aligned = align(words, speech, settings)
        dropped += again.dropped
    return SpeakerTranscript(
        words=aligned.words,
        language=language or FALLBACK_LANGUAGE,
        dropped_words=dropped + aligned.dropped,
        coverage=coverage(aligned.words, speech),
    )


@dataclass(frozen=True, slots=True)
class _Heard:
    """Words in recording time before they are laid into speech."""

    words: tuple[Word, ...]
    dropped: int
    language: str | None


@dataclass(frozen=True, slots=True)
class _Listener:
    """One channel and what recognizes it."""

    samples: Samples
    sample_rate_hz: int
    recognizer: Recognizer
    settings: RecognizerSettings

    def to(self, speech: Sequence[Span], language: str | None, *, verbatim: bool) -> _Heard:
        """What is said in some spans of the channel."""
        duration_s = self.samples.size / self.sample_rate_hz
        windows = pack(speech, duration_s, self.settings, quietest(self.samples, self.sample_rate_hz))
        words: list[Word] = []
        dropped = 0
        for first in range(0, len(windows), self.settings.batch_size):
            group = windows[first : first + self.settings.batch_size]
            for window, text in zip(group, self._texts(group, language, verbatim), strict=True):
                language = language or text.language
                if _invented(text, self.settings):
                    dropped += len(text.words)
                else:
                    words.extend(in_recording(text.words, window, self.settings.margin_s))
        return _Heard(tuple(words), dropped, language)

    def _texts(self, windows: Sequence[Window], language: str | None, verbatim: bool) -> list[WindowText]:
        """Texts of some windows; those that repeat themselves are decoded once more without repeats."""
        gap_s = self.settings.join_gap_s
        sounds = [window_samples(self.samples, self.sample_rate_hz, window, gap_s) for window in windows]
        try:
            texts = self.recognizer.recognize(sounds, language, verbatim=verbatim)
            limit = self.settings.compression_ratio
            again = [index for index, text in enumerate(texts) if text.compression_ratio > limit]
            if again:
                repaired = self.recognizer.recognize(
                    [sounds[index] for index in again],
                    language,
                    verbatim=False,
                    no_repeat_words=NO_REPEAT_WORDS,
                )
                for index, text in zip(again, repaired, strict=True):
                    texts[index] = text
        except RuntimeError as error:
            if isinstance(error, CallError):
                raise
            raise StageFailed(f"the recognizer failed: {error}") from error
        return texts


def _without_words(words: Sequence[Word], speech: Sequence[Span], at_least_s: float) -> list[Span]:
    """Stretches of speech, of some length and more, in which no word lies."""
    spans = [(word.start_s, word.end_s) for word in words]
    return [span for span in subtract(speech, spans) if span[1] - span[0] >= at_least_s]


def _invented(text: WindowText, settings: RecognizerSettings) -> bool:
    doubted = text.mean_log_probability < settings.log_probability
    return text.compression_ratio > settings.compression_ratio or (
        doubted and text.no_speech_probability > settings.no_speech_probability
    )
