"""Speech acts in a call: found by phrases and by meaning, each with the sentence that is the act."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.guidance.meaning import Meaning, load_adapter, load_weights, meaning_of
from pipeline.guidance.sentences import Sentence, sentences
from pipeline.guidance.speech_acts import SpeechAct, SpeechActs, has_acts, load_speech_acts
from pipeline.models import ResolvedModel, load_sentence_encoder, resolve_sentence_embedding
from pipeline.phrases import load_phrases
from pipeline.records import Act, QualityWarning, Turn
from pipeline.settings import ActsSettings, Settings
from pipeline.texts import Text
from pipeline.weights import ExtraMissing

CONFIDENCE_DIGITS = 3
UNFITTED_PRECISION = 0.9
"""Confidence in the phrases of an act that no sentences are labeled for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundActs:
    """The acts of a call in time order; ``model`` is the embedding if meaning was asked.

    ``not_scored`` is why no acts were looked for.
    """

    acts: tuple[Act, ...] = ()
    model: ResolvedModel | None = None
    warnings: tuple[QualityWarning, ...] = ()
    not_scored: str | None = None


def find_acts(turns: Sequence[Turn], language: str, settings: Settings) -> FoundActs:
    """The acts that the agent and the customer do.

    Raises:
        SettingsError: the files of the language are not what they should be.
        ModelUnavailable: the embedding has wrong bytes.
    """
    if not has_acts(language):
        return FoundActs(not_scored=Text("unmeasured.no_phrases", language=language))
    if not any(turn.speaker in ("agent", "customer") for turn in turns):
        return FoundActs(not_scored=Text("unmeasured.roles_unknown"))
    known = load_speech_acts(language)
    said = sentences(turns, load_phrases(language), known, settings.acts)
    model, warnings = _embedding(language, settings)
    probabilities = _by_meaning(said, known, model, settings.acts.meaning_min_words)
    acts = [
        act
        for sentence, meant in zip(said, probabilities, strict=True)
        for act in _acts_of(sentence, known, meant, settings.acts)
    ]
    return FoundActs(acts=tuple(acts), model=model, warnings=warnings)


def _embedding(language: str, settings: Settings) -> tuple[ResolvedModel | None, tuple[QualityWarning, ...]]:
    if not settings.acts.meaning or load_weights(language) is None:
        return None, ()
    try:
        return resolve_sentence_embedding(settings.models), ()
    except ExtraMissing as error:
        message = Text("quality.meaning_unavailable", error=str(error))
        return None, (QualityWarning(code="meaning_unavailable", message=message),)


def _by_meaning(
    said: Sequence[Sentence], known: SpeechActs, model: ResolvedModel | None, min_words: int
) -> list[dict[str, float]]:
    """Of each sentence the acts that its meaning shows, and how likely each is."""
    file = load_weights(known.language)
    if model is None or file is None or not said:
        return [{} for _ in said]
    meaning = meaning_of(known, file, model.sha256)
    vectors = load_sentence_encoder(model, load_adapter(known.language)).encode(
        [sentence.text for sentence in said]
    )
    return [
        _over_threshold(meaning, row) if len(sentence.text.split()) >= min_words else {}
        for sentence, row in zip(said, meaning.probabilities(said, vectors), strict=True)
    ]


def _over_threshold(meaning: Meaning, probabilities: Sequence[float]) -> dict[str, float]:
    return {
        name: float(probability)
        for name, probability, threshold in zip(meaning.acts, probabilities, meaning.thresholds, strict=True)
        if probability >= threshold
    }


def _acts_of(
    sentence: Sentence, known: SpeechActs, meant: dict[str, float], settings: ActsSettings
) -> list[Act]:
    return [
        found
        for act in known.acts.values()
        if act.done_by(sentence.speaker)
        and (found := _judged(sentence, act, known, meant.get(act.id), settings))
        and found.confidence >= settings.listed_confidence
    ]


def _judged(
    sentence: Sentence, act: SpeechAct, known: SpeechActs, probability: float | None, settings: ActsSettings
) -> Act | None:
    by_phrase = known.has_phrase(
        act, sentence.text, question=sentence.question, reach_words=settings.negation_reach_words
    )
    if not by_phrase and probability is None:
        return None
    confidence = max(probability or 0.0, _phrase_precision(act, known) if by_phrase else 0.0)
    enough = settings.accusing_sure_confidence if act.entry.accuses else settings.sure_confidence
    return Act(
        id=act.id,
        speaker=sentence.speaker,
        turn=sentence.turn,
        start_s=sentence.start_s,
        end_s=sentence.end_s,
        quote=sentence.text,
        layer="phrase" if by_phrase else "meaning",
        confidence=round(confidence, CONFIDENCE_DIGITS),
        sure=confidence >= enough,
    )


def _phrase_precision(act: SpeechAct, known: SpeechActs) -> float:
    file = load_weights(known.language)
    fitted = file.acts.get(act.id) if file else None
    return fitted.phrase_precision if fitted else UNFITTED_PRECISION
