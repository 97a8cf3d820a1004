"""Words of one channel, by faster-whisper on packed windows.

Each channel is recognized by itself. A window whose text repeats itself is decoded once more without
repeats; what still looks invented is dropped and counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pipeline.errors import CallError, InputRejected, StageFailed
from pipeline.phrases import load_phrases
from pipeline.records import Samples, SpeakerTranscript, WindowLanguage, Word
from pipeline.settings import RecognizerSettings
from pipeline.timeline import Span, containing, intersect, subtract, total_s
from pipeline.transcription.alignment import align, coverage
from pipeline.transcription.denoising import denoised
from pipeline.transcription.languages import (
    FALLBACK_LANGUAGE,
    best_of,
    candidates,
    expected_language,
    is_doubtful,
    language_of,
    language_of_part,
    likeliest,
    pooled,
)
from pipeline.transcription.packing import (
    RECOGNIZER_RATE_HZ,
    Window,
    in_recording,
    pack,
    quietest,
    stretches,
    window_samples,
)

NO_REPEAT_WORDS = 3
GOES_ON = ("-", "'", "\N{RIGHT SINGLE QUOTATION MARK}")


@dataclass(frozen=True, slots=True)
class WindowText:
    """What a recognizer heard in one window; word times count from the window's start."""

    words: tuple[Word, ...]
    language: str
    mean_log_probability: float
    no_speech_probability: float
    compression_ratio: float
    languages: Mapping[str, float] = field(default_factory=dict)
    """Probabilities of the likeliest languages; empty where the model knows one only."""


class Recognizer(Protocol):
    """Turns windows of sound at 16 kHz into words."""

    def recognize(
        self,
        windows: Sequence[Samples],
        language: str,
        *,
        verbatim: bool,
        no_repeat_words: int = 0,
    ) -> list[WindowText]: ...

    def languages(self, windows: Sequence[Samples]) -> list[dict[str, float]]:
        """What is spoken in each window, without its words: probabilities of the likeliest languages."""
        ...


class WhisperRecognizer:
    """faster-whisper's batched pipeline as a :class:`Recognizer`."""

    def __init__(self, model: Any, settings: RecognizerSettings) -> None:
        from faster_whisper import BatchedInferencePipeline

        class Pipeline(BatchedInferencePipeline):  # type: ignore[misc]
            """Keeps what the model says of the language of each window that it has encoded anyway."""

            def __init__(self, model: Any) -> None:
                super().__init__(model)
                self.heard: list[list[tuple[str, float]]] = []

            def generate_segment_batched(self, *given: Any, **named: Any) -> Any:
                encoded, output = super().generate_segment_batched(*given, **named)
                if self.model.model.is_multilingual:
                    self.heard.extend(self.model.model.detect_language(encoded))
                return encoded, output

        self._model = model
        self._pipeline = Pipeline(model=model)
        self._settings = settings

    def recognize(
        self,
        windows: Sequence[Samples],
        language: str,
        *,
        verbatim: bool,
        no_repeat_words: int = 0,
    ) -> list[WindowText]:
        """One text per window, and what the model makes of its language."""
        import numpy as np

        if language != FALLBACK_LANGUAGE and not self._model.model.is_multilingual:
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
        self._pipeline.heard = []
        segments, _ = self._pipeline.transcribe(
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
        texts = self._by_window(segments, [clip["start"] for clip in clips], language)
        allowed, heard = candidates(self._settings), self._pipeline.heard
        return [
            replace(text, languages=likeliest(raw, allowed))
            for text, raw in zip(texts, heard or [[] for _ in texts], strict=True)
        ]

    def languages(self, windows: Sequence[Samples]) -> list[dict[str, float]]:
        """The model's probabilities, at the cost of one pass of its encoder a window."""
        if not self._model.model.is_multilingual:
            return [{} for _ in windows]
        allowed = candidates(self._settings)
        return [
            likeliest(self._model.detect_language(window, language_detection_segments=1)[2], allowed)
            for window in windows
        ]

    def _prompt(self, language: str, verbatim: bool) -> str | None:
        """The user's own terms, then text that leads the model to write hesitations down."""
        hesitations = load_phrases(language).verbatim_prompt if verbatim else None
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
        language: ISO 639-1 code, or ``None`` to hear it.
        snr_db: level of the speech over the noise, ``None`` where it is not known.

    Raises:
        InputRejected: the model does not know the language.
        StageFailed: the recognizer failed.
    """
    if snr_db is not None and snr_db < settings.denoise_under_snr_db:
        samples = denoised(samples, sample_rate_hz, settings)
    listen = _Listener(samples, sample_rate_hz, recognizer, settings)
    heard = listen.to(speech, language or expected_language(settings), verbatim=True)
    main = language
    if main is None:
        best = best_of(pooled(window.language for window in heard))
        main = best[0] if best else expected_language(settings)
        heard = listen.settled(heard, main, speech)
    words, dropped = listen.words(heard)
    aligned = align(words, speech, settings)
    missed = _without_words(aligned.words, speech, settings.relisten_s)
    if missed:
        again, lost = listen.words(listen.to(missed, main, verbatim=False))
        new = [word for word in again if containing(missed, (word.start_s + word.end_s) / 2)]
        aligned = align(sorted((*words, *new), key=lambda word: word.start_s), speech, settings)
        dropped += lost
    return SpeakerTranscript(
        words=aligned.words,
        language=main,
        dropped_words=dropped + aligned.dropped,
        coverage=coverage(aligned.words, speech),
        windows=tuple(window.language for window in heard),
    )


@dataclass(frozen=True, slots=True)
class _Heard:
    """One window with its text in its language; without one where it is still to be decoded in it."""

    window: Window
    text: WindowText | None
    language: WindowLanguage


@dataclass(frozen=True, slots=True)
class _Listener:
    """One channel and what recognizes it."""

    samples: Samples
    sample_rate_hz: int
    recognizer: Recognizer
    settings: RecognizerSettings

    def to(self, speech: Sequence[Span], language: str, *, verbatim: bool) -> list[_Heard]:
        """What is said in some spans of the channel, decoded in one language."""
        duration_s = self.samples.size / self.sample_rate_hz
        windows = pack(speech, duration_s, self.settings, quietest(self.samples, self.sample_rate_hz))
        return [
            _Heard(window, text, _language(window, text.languages, speech, language))
            for window, text in zip(windows, self._all(windows, language, verbatim), strict=True)
        ]

    def settled(self, heard: Sequence[_Heard], main: str, speech: Sequence[Span]) -> list[_Heard]:
        """The same, each stretch decoded in the language that is spoken in it.

        A window of which the model is not sure is listened to in parts, and cut where the language changes.
        """
        parts = [part for one in heard for part in self._parts(one, main, speech)]
        for language in sorted({part.language.language for part in parts if part.text is None}):
            rows = [
                row
                for row, part in enumerate(parts)
                if part.text is None and part.language.language == language
            ]
            texts = self._all([parts[row].window for row in rows], language, verbatim=True)
            for row, text in zip(rows, texts, strict=True):
                parts[row] = replace(parts[row], text=text)
        return parts

    def _parts(self, one: _Heard, main: str, speech: Sequence[Span]) -> list[_Heard]:
        """A window as one stretch or several; those that were not decoded in their language lack a text."""
        settings = self.settings
        windows = (
            stretches(one.window, settings.language_window_s, settings.join_gap_s)
            if is_doubtful(one.language, settings)
            else []
        )
        if len(windows) > 1:
            heard = [
                _language(window, probabilities, speech, main)
                for window, probabilities in zip(windows, self._languages(windows), strict=True)
            ]
            own = [language_of_part(of, main, settings) for of in heard]
            if len(set(own)) > 1:
                return [
                    _Heard(window, None, replace(of, language=name))
                    for window, of, name in zip(windows, heard, own, strict=True)
                ]
        language = language_of(one.language, main, settings)
        if language == one.language.language:
            return [one]
        return [_Heard(one.window, None, replace(one.language, language=language))]

    def _languages(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        try:
            return self.recognizer.languages([self._sound(window) for window in windows])
        except RuntimeError as error:
            raise StageFailed(f"the recognizer failed: {error}") from error

    def words(self, heard: Sequence[_Heard]) -> tuple[list[Word], int]:
        """The words in recording time before they are laid into speech, and how many were dropped."""
        words: list[Word] = []
        dropped = 0
        for one in heard:
            if one.text is None:
                continue
            if _invented(one.text, self.settings):
                dropped += len(one.text.words)
            else:
                words.extend(in_recording(one.text.words, one.window, self.settings.margin_s))
        return words, dropped

    def _all(self, windows: Sequence[Window], language: str, verbatim: bool) -> list[WindowText]:
        texts: list[WindowText] = []
        for first in range(0, len(windows), self.settings.batch_size):
            group = windows[first : first + self.settings.batch_size]
            texts += self._texts(group, language, verbatim)
        return texts

    def _sound(self, window: Window) -> Samples:
        return window_samples(self.samples, self.sample_rate_hz, window, self.settings.join_gap_s)

    def _texts(self, windows: Sequence[Window], language: str, verbatim: bool) -> list[WindowText]:
        """Texts of some windows; those that repeat themselves are decoded once more without repeats."""
        sounds = [self._sound(window) for window in windows]
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


def _language(
    window: Window, probabilities: Mapping[str, float], speech: Sequence[Span], language: str
) -> WindowLanguage:
    spans = [piece.span for piece in window.pieces]
    return WindowLanguage(
        start_s=spans[0][0],
        end_s=spans[-1][1],
        speech_s=total_s(intersect(speech, spans)),
        language=language,
        probabilities=dict(probabilities),
    )


def _without_words(words: Sequence[Word], speech: Sequence[Span], at_least_s: float) -> list[Span]:
    """Stretches of speech, of some length and more, in which no word lies."""
    spans = [(word.start_s, word.end_s) for word in words]
    return [span for span in subtract(speech, spans) if span[1] - span[0] >= at_least_s]


def _invented(text: WindowText, settings: RecognizerSettings) -> bool:
    doubted = text.mean_log_probability < settings.log_probability
    return text.compression_ratio > settings.compression_ratio or (
        doubted and text.no_speech_probability > settings.no_speech_probability
    )
