"""What limits the figures of a call, found after its speech and words are known."""

import re
from collections.abc import Mapping

from pipeline.audio.probe import channel_bleed, low_snr
from pipeline.measures import Conversation
from pipeline.prosody.nuclei import contradicts
from pipeline.records import (
    ChannelActivity,
    QualityWarning,
    Recording,
    Role,
    SpeakerMeasures,
    SpeakerTranscript,
)
from pipeline.settings import Settings
from pipeline.timeline import total_s

NAMES_A_SPEAKER = frozenset(
    ("one_sided", "music_or_tone", "low_asr_confidence", "low_coverage", "dropped_words", "rate_unreliable")
)
"""Codes of the warnings whose message says which of agent and customer it is about."""
ROLE_NAME = re.compile(r"\b(agent|customer)\b")


def exchange_names(message: str) -> str:
    """A message about the agent as one about the customer, and the other way round."""
    return ROLE_NAME.sub(lambda name: "customer" if name[0] == "agent" else "agent", message)


def quality_warnings(
    recording: Recording,
    channel_of: dict[Role, int],
    conversation: Conversation,
    measures: Mapping[Role, SpeakerMeasures],
    settings: Settings,
) -> tuple[QualityWarning, ...]:
    """Warnings low_snr, channel_bleed, no_speech, one_sided, music_or_tone, and about words and rates."""
    found = _speech_warnings(conversation, settings)
    for role, channel in channel_of.items():
        noisy = low_snr(conversation.activity[role], channel, settings.audio)
        found += [noisy] if noisy else []
        found += _sound_warnings(role, conversation.activity[role], settings)
        found += _word_warnings(role, conversation.transcripts[role], settings)
        found += _rate_warnings(role, measures[role], settings)
    if len(channel_of) == 2:
        by_channel = {channel_of[role]: spans for role, spans in conversation.speech.items()}
        leak = channel_bleed(recording, [by_channel[0], by_channel[1]], settings.audio)
        found += [leak] if leak else []
    return tuple(found)


def _rate_warnings(role: Role, measures: SpeakerMeasures, settings: Settings) -> list[QualityWarning]:
    by_words_sps, by_signal_sps = measures.articulation_rate_sps, measures.nuclei_rate_sps
    if not contradicts(by_words_sps, by_signal_sps, settings.rate):
        return []
    message = (
        f"The words of the {role.replace('_', ' ')} give {by_words_sps:.1f} syllables a second, the signal "
        f"{by_signal_sps:.1f}: the rate is of low confidence; words may be missing."
    )
    return [QualityWarning(code="rate_unreliable", message=message)]


def _speech_warnings(conversation: Conversation, settings: Settings) -> list[QualityWarning]:
    talk_s = {role: total_s(spans) for role, spans in conversation.speech.items()}
    if all(seconds == 0 for seconds in talk_s.values()):
        return [QualityWarning(code="no_speech", message="No speech was found in this recording.")]
    quiet = [role for role, seconds in talk_s.items() if seconds < settings.speech.one_sided_s]
    if quiet and len(talk_s) == 2:
        message = f"Only one side speaks: the {quiet[0]} is heard for {talk_s[quiet[0]]:.1f} s."
        return [QualityWarning(code="one_sided", message=message)]
    return []


def _sound_warnings(role: Role, activity: ChannelActivity, settings: Settings) -> list[QualityWarning]:
    message = f"Music or a tone on the channel of the {role.replace('_', ' ')}; it was not transcribed."
    return [
        QualityWarning(code="music_or_tone", message=message, start_s=start_s, end_s=end_s)
        for start_s, end_s in activity.non_speech
        if end_s - start_s >= settings.turns.gap_s
    ]


def _word_warnings(role: Role, transcript: SpeakerTranscript, settings: Settings) -> list[QualityWarning]:
    found = []
    name, words = role.replace("_", " "), transcript.words
    if words:
        mean = sum(word.probability for word in words) / len(words)
        if mean < settings.recognizer.low_confidence_probability:
            message = (
                f"The words of the {name} are uncertain (mean probability {mean:.2f}); check quotes by ear."
            )
            found.append(QualityWarning(code="low_asr_confidence", message=message))
    if transcript.coverage is not None and transcript.coverage < settings.rate.coverage_min:
        message = f"Words cover {transcript.coverage:.0%} of the speech of the {name}: no rates are given."
        found.append(QualityWarning(code="low_coverage", message=message))
    if transcript.dropped_words:
        message = f"{transcript.dropped_words} words of the {name} were dropped: no speech supports them."
        found.append(QualityWarning(code="dropped_words", message=message))
    return found
