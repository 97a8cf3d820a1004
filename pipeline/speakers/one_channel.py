"""Two parties on one channel: its speech, its words and what is known of it, given to each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.audio.frames import CLOCK, Levels
from pipeline.records import (
    ChannelActivity,
    Diarization,
    QualityWarning,
    Role,
    Separation,
    SpeakerTranscript,
    Word,
)
from pipeline.settings import Settings, SpeechSettings, TurnsSettings
from pipeline.speakers.channels import Speakers
from pipeline.speakers.parties import nearest
from pipeline.texts import Text
from pipeline.timeline import Span, containing, subtract, total_s
from pipeline.transcription.alignment import align, coverage

SPEAKERS: tuple[Role, ...] = ("speaker_1", "speaker_2")


def speakers_of(diarization: Diarization, turns: TurnsSettings) -> Speakers:
    """The parties by the order in which they first speak, and what limits what is said of them."""
    if len(diarization.segments) < 2:
        one_voice = QualityWarning(code="one_channel", message=Text("quality.one_voice"))
        return _speakers("single", [one_voice])
    message = Text("quality.told_apart", least=turns.one_channel_overlap_s)
    warnings = [QualityWarning(code="one_channel", message=message)]
    if diarization.further:
        parties_s = total_s(span for spans in diarization.segments for span in spans)
        further_s = total_s(diarization.further)
        message = Text(
            "quality.more_voices",
            voices=diarization.voices,
            seconds=further_s,
            share=further_s / (further_s + parties_s),
        )
        first_s, end_s = diarization.further[0][0], diarization.further[-1][1]
        warnings.append(
            QualityWarning(code="more_than_two_voices", message=message, start_s=first_s, end_s=end_s)
        )
    return _speakers("diarization", warnings)


def activity_of(
    diarization: Diarization, channel: ChannelActivity, levels: Levels, settings: SpeechSettings
) -> dict[Role, ChannelActivity]:
    """The channel's speech party by party, overlap kept; the noise floor is the channel's.

    Args:
        levels: frame levels of the channel in dBFS.
    """
    found: dict[Role, ChannelActivity] = {}
    for number, (role, spans) in enumerate(zip(SPEAKERS, diarization.segments, strict=False)):
        speech = [span for span in spans if span[1] - span[0] >= settings.min_speech_s]
        others = [span for other in _without(diarization.segments, number) for span in other]
        own = levels[CLOCK.mask(subtract(speech, others), levels.size)]
        level_db = float(np.median(own)) if own.size else channel.speech_level_db
        found[role] = replace(channel, speech=tuple(speech), speech_level_db=level_db if speech else None)
    return found


def transcripts_of(
    diarization: Diarization,
    transcript: SpeakerTranscript,
    activity: Mapping[Role, ChannelActivity],
    settings: Settings,
) -> dict[Role, SpeakerTranscript]:
    """The words of one channel, each given to the party who holds its middle.

    Args:
        transcript: of all speech of the channel; the words that it dropped were nobody's.
    """
    parties = parties_of(transcript.words, diarization, settings.speech.bridge_s)
    found: dict[Role, SpeakerTranscript] = {}
    for number, role in enumerate(activity):
        own = [word for word, party in zip(transcript.words, parties, strict=True) if party == number]
        speech = activity[role].speech
        aligned = align(own, speech, settings.recognizer)
        found[role] = SpeakerTranscript(
            words=aligned.words,
            language=transcript.language,
            dropped_words=aligned.dropped,
            coverage=coverage(aligned.words, speech),
        )
    return found


def parties_of(words: Sequence[Word], diarization: Diarization, bridge_s: float) -> list[int]:
    """The party of each word: who holds its middle; a stray word in the other's flow goes to the other.

    A word is stray when the words around it are the other's, follow without a pause, and the other is heard
    during it.

    Args:
        bridge_s: pauses under this length do not end a flow.
    """
    by_time = []
    for word in words:
        middle_s = (word.start_s + word.end_s) / 2
        holding = [
            number
            for number, own in enumerate(diarization.exclusive)
            if containing(own, middle_s) is not None
        ]
        by_time.append(holding[0] if holding else nearest(diarization.exclusive, (word.start_s, word.end_s)))
    parties = list(by_time)
    for index in range(1, len(words) - 1):
        before, word, after = words[index - 1 : index + 2]
        other = by_time[index - 1]
        if by_time[index] == other or by_time[index + 1] != other:
            continue
        flowing = word.start_s - before.end_s < bridge_s and after.start_s - word.end_s < bridge_s
        if flowing and containing(diarization.segments[other], (word.start_s + word.end_s) / 2):
            parties[index] = other
    return parties


def _without(segments: Sequence[tuple[Span, ...]], number: int) -> list[tuple[Span, ...]]:
    return [spans for other, spans in enumerate(segments) if other != number]


def _speakers(method: str, warnings: list[QualityWarning]) -> Speakers:
    separation = Separation(
        method="diarization" if method == "diarization" else "single",
        role_method="unknown",
        role_confidence=0.0,
        agent_label=None,
    )
    roles = SPEAKERS if method == "diarization" else SPEAKERS[:1]
    return Speakers(dict.fromkeys(roles, 0), separation, tuple(warnings))
