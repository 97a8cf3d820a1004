"""What limits the figures of a call, found after its speech and words are known."""

from collections.abc import Mapping, Sequence

from pipeline.audio.probe import channel_bleed, low_snr
from pipeline.language_files import has_rules, languages_of
from pipeline.measures import Conversation
from pipeline.prosody.nuclei import contradicts
from pipeline.records import (
    UNDETERMINED,
    CallFacts,
    ChannelActivity,
    QualityWarning,
    Recording,
    Role,
    SpeakerMeasures,
    SpeakerTranscript,
)
from pipeline.redaction.language import load_spoken_language
from pipeline.settings import RecognizerSettings, RedactionSettings, Settings
from pipeline.texts import Text
from pipeline.timeline import Span, subtract, total_s
from pipeline.transcription.languages import CallLanguage

DOUBTS = {
    "unsure": "quality.language_unsure",
    "mixed": "quality.language_mixed",
    "mismatch": "quality.language_mismatch",
}


def quality_warnings(
    recording: Recording,
    channel_of: dict[Role, int],
    conversation: Conversation,
    measures: Mapping[Role, SpeakerMeasures],
    same: Sequence[Span],
    settings: Settings,
) -> tuple[QualityWarning, ...]:
    """Warnings low_snr, channel_bleed, no_speech, one_sided, music_or_tone, and about words and rates.

    Args:
        same: stretches in which both channels carry the same sound: that is no leak.
    """
    found = _speech_warnings(conversation, settings)
    first_on = {channel: role for role, channel in reversed(channel_of.items())}
    for role, channel in channel_of.items():
        if first_on[channel] == role:
            noisy = low_snr(conversation.activity[role], channel, settings.audio)
            found += [noisy] if noisy else []
            found += _sound_warnings(role, conversation.activity[role], settings)
        found += _word_warnings(role, conversation.transcripts[role], settings)
        found += _rate_warnings(role, measures[role], settings)
    if len(first_on) == 2:
        by_channel = {channel_of[role]: subtract(spans, same) for role, spans in conversation.speech.items()}
        leak = channel_bleed(recording, [by_channel[0], by_channel[1]], settings.audio)
        found += [leak] if leak else []
    return tuple(found)


def language_warnings(language: CallLanguage, settings: RecognizerSettings) -> tuple[QualityWarning, ...]:
    """A warning where nothing is judged by words, or where the language is taken for granted."""
    if language.assumed:
        message = Text("quality.language_assumed", language=language.language, model=settings.model)
        return (QualityWarning(code="language_assumed", message=message),)
    if language.doubt is None:
        if has_rules(language.language):
            return ()
        known = languages_of("language")
        message = Text("quality.language_without_rules", language=language.language, known=known)
        return (QualityWarning(code="language_without_rules", message=message),)
    message = Text(
        DOUBTS[language.doubt],
        language=language.language,
        confidence=language.confidence,
        heard=language.heard or language.language,
        languages=[one.language for one in language.languages],
    )
    return (QualityWarning(code=f"language_{language.doubt}", message=message),)


def unredacted(call: CallFacts, settings: RedactionSettings) -> tuple[QualityWarning, ...]:
    """A warning where secrets stay: redaction is off, or nobody wrote down how a language says them."""
    spoken = sorted({call.judged_language, *(one.language for one in call.languages)})
    unknown = [name for name in spoken if name == UNDETERMINED or load_spoken_language(name) is None]
    if not settings.wanted:
        message = Text("quality.redaction_off")
    elif unknown:
        named = [name for name in unknown if name != UNDETERMINED] or unknown
        message = Text("quality.not_redacted", languages=named)
    else:
        return ()
    return (QualityWarning(code="not_redacted", message=message),)


def _rate_warnings(role: Role, measures: SpeakerMeasures, settings: Settings) -> list[QualityWarning]:
    by_words_sps, by_signal_sps = measures.articulation_rate_sps, measures.nuclei_rate_sps
    if not contradicts(by_words_sps, by_signal_sps, settings.rate):
        return []
    message = Text("quality.rate_unreliable", who=role, words=by_words_sps, signal=by_signal_sps)
    return [QualityWarning(code="rate_unreliable", message=message)]


def _speech_warnings(conversation: Conversation, settings: Settings) -> list[QualityWarning]:
    talk_s = {role: total_s(spans) for role, spans in conversation.speech.items()}
    if all(seconds == 0 for seconds in talk_s.values()):
        return [QualityWarning(code="no_speech", message=Text("quality.no_speech"))]
    quiet = [role for role, seconds in talk_s.items() if seconds < settings.speech.one_sided_s]
    if quiet and len(talk_s) == 2:
        message = Text("quality.one_sided", who=quiet[0], seconds=talk_s[quiet[0]])
        return [QualityWarning(code="one_sided", message=message)]
    return []


def _sound_warnings(role: Role, activity: ChannelActivity, settings: Settings) -> list[QualityWarning]:
    message = Text("quality.music_or_tone", who=role)
    return [
        QualityWarning(code="music_or_tone", message=message, start_s=start_s, end_s=end_s)
        for start_s, end_s in activity.non_speech
        if end_s - start_s >= settings.turns.gap_s
    ]


def _word_warnings(role: Role, transcript: SpeakerTranscript, settings: Settings) -> list[QualityWarning]:
    found = []
    words = transcript.words
    if words:
        mean = sum(word.probability for word in words) / len(words)
        if mean < settings.recognizer.low_confidence_probability:
            message = Text("quality.low_asr_confidence", who=role, probability=mean)
            found.append(QualityWarning(code="low_asr_confidence", message=message))
    if transcript.coverage is not None and transcript.coverage < settings.rate.coverage_min:
        message = Text("quality.low_coverage", who=role, share=transcript.coverage)
        found.append(QualityWarning(code="low_coverage", message=message))
    if transcript.dropped_words:
        message = Text("quality.dropped_words", who=role, count=transcript.dropped_words)
        found.append(QualityWarning(code="dropped_words", message=message))
    return found
