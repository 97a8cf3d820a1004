"""Speech acts in a call: found by phrases and by meaning, each with the sentence that is the act."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.guidance.meaning import Certainty, load_weights, meaning_of
from pipeline.guidance.sentences import Sentence, sentences
from pipeline.guidance.speech_acts import SpeechAct, SpeechActs, has_acts, load_speech_acts
from pipeline.models import ResolvedModel, load_sentence_encoder, resolve_sentence_embedding
from pipeline.phrases import load_phrases
from pipeline.records import Act, Turn
from pipeline.settings import ActsSettings, Settings
from pipeline.texts import Text

CONFIDENCE_DIGITS = 3
UNFITTED = Certainty(offset=0, slope=0, phrase=0, phrase_precision=0.9)
"""Of an act that no sentences are labeled for: its phrases alone find it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundActs:
    """The acts of a call in time order; ``model`` is the embedding if meaning was asked.

    ``not_scored`` is why no acts were looked for.
    """

    acts: tuple[Act, ...] = ()
    model: ResolvedModel | None = None
    not_scored: str | None = None


def find_acts(turns: Sequence[Turn], language: str, settings: Settings) -> FoundActs:
    """The acts that the agent and the customer do.

    Raises:
        SettingsError: the files of the language are not what they should be.
        ModelUnavailable: the embedding is missing or has wrong bytes.
    """
    if not has_acts(language):
        return FoundActs(not_scored=Text("unmeasured.no_phrases", language=language))
    if not any(turn.speaker in ("agent", "customer") for turn in turns):
        return FoundActs(not_scored=Text("unmeasured.roles_unknown"))
    known = load_speech_acts(language)
    said = sentences(turns, load_phrases(language), known, settings.acts)
    model = _embedding(language, settings)
    scores = _by_meaning(said, known, model)
    acts = [
        act
        for sentence, own in zip(said, scores, strict=True)
        for act in _acts_of(sentence, known, own, settings.acts)
    ]
    return FoundActs(acts=tuple(acts), model=model)


def _embedding(language: str, settings: Settings) -> ResolvedModel | None:
    if not settings.acts.meaning or load_weights(language) is None:
        return None
    return resolve_sentence_embedding(settings.models)


def _by_meaning(
    said: Sequence[Sentence], known: SpeechActs, model: ResolvedModel | None
) -> list[dict[str, float]]:
    """Of each sentence what its meaning says of each act: outputs of the network."""
    stored = load_weights(known.language)
    if model is None or stored is None or not said:
        return [{} for _ in said]
    meaning = meaning_of(known, *stored, model.sha256)
    vectors = load_sentence_encoder(model).encode([sentence.text for sentence in said])
    return [dict(zip(meaning.acts, row.tolist(), strict=True)) for row in meaning.scores(said, vectors)]


def _acts_of(
    sentence: Sentence, known: SpeechActs, scores: dict[str, float], settings: ActsSettings
) -> list[Act]:
    return [
        found
        for act in known.acts.values()
        if act.done_by(sentence.speaker)
        and (found := _judged(sentence, act, known, scores.get(act.id), settings))
        and found.confidence >= _listed(act, settings)
    ]


def _judged(
    sentence: Sentence, act: SpeechAct, known: SpeechActs, score: float | None, settings: ActsSettings
) -> Act | None:
    by_phrase = known.has_phrase(
        act, sentence.text, question=sentence.question, reach_words=settings.negation_reach_words
    )
    if not by_phrase and len(sentence.text.split()) < settings.meaning_min_words:
        return None
    confidence = _certainty(act, known).share(score, by_phrase=by_phrase)
    return Act(
        id=act.id,
        speaker=sentence.speaker,
        turn=sentence.turn,
        start_s=sentence.start_s,
        end_s=sentence.end_s,
        quote=sentence.text,
        layer="phrase" if by_phrase else "meaning",
        confidence=round(confidence, CONFIDENCE_DIGITS),
        sure=confidence >= sure_from(act, settings)
        and sentence.probability >= settings.clear_words_probability,
        kind=act.kind_of(sentence.text),
    )


def _listed(act: SpeechAct, settings: ActsSettings) -> float:
    return settings.accusing_listed_confidence if act.entry.accuses else settings.listed_confidence


def sure_from(act: SpeechAct, settings: ActsSettings) -> float:
    """The confidence from which an act counts; the one place that decides it."""
    if act.entry.sure_from is not None:
        return act.entry.sure_from
    if not act.entry.accuses:
        return settings.sure_confidence
    if act.entry.by == "customer":
        return settings.customer_accusing_sure_confidence
    return settings.agent_accusing_sure_confidence


def _certainty(act: SpeechAct, known: SpeechActs) -> Certainty:
    stored = load_weights(known.language)
    fitted = stored[0].acts.get(act.id) if stored else None
    return fitted or UNFITTED
