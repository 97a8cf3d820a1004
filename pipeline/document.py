"""Parts of the analysis document that need no analysis of their own."""

from pipeline.measures import Conversation
from pipeline.records import (
    CallFacts,
    CallMeasures,
    Measures,
    Metadata,
    Recording,
    Role,
    Segment,
    SpeakerMeasures,
)
from pipeline.transcription.languages import CallLanguage


def call_facts(recording: Recording, metadata: Metadata, language: CallLanguage) -> CallFacts:
    return CallFacts(
        call_id=metadata.call_id,
        source=recording.source,
        sha256=recording.sha256,
        agent_id=metadata.agent_id,
        customer_id=metadata.customer_id,
        queue=metadata.queue,
        started_at=metadata.started_at,
        duration_s=recording.duration_s,
        sample_rate_hz=recording.source_rate_hz,
        channels=recording.channels,
        codec=recording.codec,
        language=language.language,
        language_confidence=language.confidence,
        languages=language.languages,
        language_doubt=language.doubt,
    )


def speech_segments(conversation: Conversation) -> tuple[Segment, ...]:
    """Everybody's speech in time order."""
    segments = [
        Segment(speaker=role, start_s=start_s, end_s=end_s)
        for role, spans in conversation.speech.items()
        for start_s, end_s in spans
    ]
    return tuple(sorted(segments, key=lambda segment: (segment.start_s, segment.end_s, segment.speaker)))


def measures_by_role(speakers: dict[Role, SpeakerMeasures], call: CallMeasures) -> Measures:
    return Measures(
        agent=speakers.get("agent"),
        customer=speakers.get("customer"),
        speaker_1=speakers.get("speaker_1"),
        speaker_2=speakers.get("speaker_2"),
        call=call,
    )
