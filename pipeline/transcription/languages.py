"""Which language is spoken, by what the recognizer's own model makes of each window of speech.

Whisper gives the probability of each of its languages for a window (Radford et al. 2022, section 2.3). One
window can mislead, so the windows of a speaker are pooled by their speech, and those of a call over its
speakers. A window has a language of its own only where the model is sure of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.language_files import languages_of as languages_with_rules
from pipeline.records import UNDETERMINED, LanguageShare, SpeakerTranscript, WindowLanguage
from pipeline.settings import RecognizerSettings

FALLBACK_LANGUAGE = "en"
CONFIDENCE_DIGITS = 3
KEPT_LANGUAGES = 5
"""The likeliest languages of a window that are kept."""


def likeliest(raw: Iterable[tuple[str, float]], candidates: Sequence[str]) -> dict[str, float]:
    """Probabilities of the likeliest languages of a window, among ``candidates`` where there are any.

    Args:
        raw: tokens such as ``<|en|>`` with their probabilities.
    """
    named = {token.strip("<|>"): probability for token, probability in raw}
    allowed = {name: one for name, one in named.items() if not candidates or name in candidates}
    total = sum(allowed.values()) or 1.0
    best = sorted(allowed, key=lambda name: -allowed[name])[:KEPT_LANGUAGES]
    return {name: allowed[name] / total for name in best}


def pooled(windows: Iterable[WindowLanguage]) -> dict[str, float]:
    """Probabilities over several windows, each weighed by the speech in it; empty without windows."""
    sums: dict[str, float] = {}
    speech_s = 0.0
    for window in windows:
        speech_s += window.speech_s
        for name, probability in window.probabilities.items():
            sums[name] = sums.get(name, 0.0) + window.speech_s * probability
    return {name: one / speech_s for name, one in sums.items()} if speech_s else {}


def best_of(probabilities: Mapping[str, float]) -> tuple[str, float] | None:
    """The likeliest language and its probability."""
    name = max(probabilities, key=lambda one: (probabilities[one], one), default=None)
    return None if name is None else (name, probabilities[name])


def language_of(window: WindowLanguage, main: str, settings: RecognizerSettings) -> str:
    """The language of a whole window: its own where the model is sure of another, else ``main``."""
    return _own(window, main, settings.language_switch_probability, settings)


def language_of_part(window: WindowLanguage, main: str, settings: RecognizerSettings) -> str:
    """The same for a part of a window of which the model is not sure.

    An accent leads the model astray in a few seconds of speech, so a language that nobody expects here has to
    be clearer than one that calls can be in or that has rules.
    """
    best = best_of(window.probabilities)
    expected = candidates(settings) or tuple(languages_with_rules("language"))
    usual = best is not None and best[0] in expected
    at_least = settings.language_stretch_probability if usual else settings.language_clear_probability
    return _own(window, main, at_least, settings)


def _own(window: WindowLanguage, main: str, at_least: float, settings: RecognizerSettings) -> str:
    best = best_of(window.probabilities)
    if best is None or window.speech_s < settings.language_least_s:
        return main
    return best[0] if best[1] >= at_least else main


def is_doubtful(window: WindowLanguage, settings: RecognizerSettings) -> bool:
    """Whether a window may hold more than one language: the model is sure of none."""
    best = best_of(window.probabilities)
    return best is not None and best[1] < settings.language_doubt_probability


def shares(windows: Iterable[WindowLanguage]) -> tuple[LanguageShare, ...]:
    """How much of the speech is in which language, the most first."""
    seconds: dict[str, float] = {}
    for window in windows:
        seconds[window.language] = seconds.get(window.language, 0.0) + window.speech_s
    total = sum(seconds.values())
    ordered = sorted(seconds, key=lambda name: (-seconds[name], name))
    return tuple(LanguageShare(language=name, share=seconds[name] / total) for name in ordered if total)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLanguage:
    """The language of a call, and why nothing is judged by its words, if so."""

    language: str
    confidence: float | None
    languages: tuple[LanguageShare, ...]
    doubt: Literal["unsure", "mixed", "mismatch"] | None
    heard: str | None
    """What the sound says where that is not ``language``."""
    assumed: bool = False
    """Whether nobody states the language and the model cannot hear it."""

    @classmethod
    def of_text(cls, language: str) -> "CallLanguage":
        """The language of a call of which only the words are known."""
        return cls(language=language, confidence=None, languages=(), doubt=None, heard=None)

    @property
    def judged(self) -> str:
        """The language whose rules hold for the words: an undetermined one where that is in doubt."""
        return UNDETERMINED if self.doubt else self.language


def call_language(
    windows: Sequence[WindowLanguage], stated: str | None, settings: RecognizerSettings
) -> CallLanguage:
    """The language of all windows of a call together.

    Args:
        stated: what the metadata or the settings say; it stands, but a sound that says otherwise is told.
    """
    heard = pooled(windows)
    best = best_of(heard)
    if best is None:
        return CallLanguage(
            language=stated or expected_language(settings),
            confidence=None,
            languages=shares(windows),
            doubt=None,
            heard=None,
            assumed=stated is None and bool(windows),
        )
    language = stated or best[0]
    return CallLanguage(
        language=language,
        confidence=round(heard.get(language, 0.0), CONFIDENCE_DIGITS),
        languages=shares(windows),
        doubt=_mismatch(windows, best, stated, settings) if stated else _doubt(windows, best, settings),
        heard=None if best[0] == language else best[0],
    )


def expected_language(settings: RecognizerSettings) -> str:
    """What is decoded first, until the sound has told."""
    return next(iter(candidates(settings)), FALLBACK_LANGUAGE)


def candidates(settings: RecognizerSettings) -> tuple[str, ...]:
    """The languages that calls can be in; none where any can."""
    return tuple(name.strip().lower() for name in (settings.languages or "").split(",") if name.strip())


def _mismatch(
    windows: Sequence[WindowLanguage], best: tuple[str, float], stated: str, settings: RecognizerSettings
) -> Literal["mismatch"] | None:
    if best[0] == stated or best[1] < settings.language_mismatch_probability:
        return None
    agreeing_s = sum(one.speech_s for one in windows if (best_of(one.probabilities) or stated)[0] == best[0])
    return "mismatch" if 2 * agreeing_s > sum(one.speech_s for one in windows) else None


def _doubt(
    windows: Sequence[WindowLanguage], best: tuple[str, float], settings: RecognizerSettings
) -> Literal["unsure", "mixed"] | None:
    others = sum(one.share for one in shares(windows) if one.language != best[0])
    if others >= settings.language_mixed_share:
        return "mixed"
    return "unsure" if best[1] < settings.language_sure_probability else None


def speaks_own(transcript: SpeakerTranscript, call: CallLanguage, settings: RecognizerSettings) -> bool:
    """Whether a speaker's own speech is enough to tell their language, where it is not that of the call."""
    if transcript.language == call.language:
        return True
    speech_s = sum(window.speech_s for window in transcript.windows)
    sure = pooled(transcript.windows).get(transcript.language, 0.0) >= settings.language_switch_probability
    return sure and speech_s >= settings.language_least_s
