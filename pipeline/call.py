"""One call, from decoded sound to the finished analysis: every stage in the order it runs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version

from pipeline.audio.frames import levels_db
from pipeline.audio.probe import probe
from pipeline.document import call_facts, measures_by_role, speech_segments
from pipeline.guidance.judge import Heard, judge
from pipeline.guidance.version import guidance_sha256
from pipeline.measures import Conversation, call_measures, speaker_measures
from pipeline.models import load_recognizer, load_voice_activity, resolve_recognizer
from pipeline.phrases import load_phrases
from pipeline.quality import quality_warnings
from pipeline.records import (
    Analysis,
    Baseline,
    Metadata,
    ModelUsed,
    Provenance,
    Quality,
    Recording,
    Samples,
    SpeakerTranscript,
    Speech,
    Transcript,
)
from pipeline.settings import Settings
from pipeline.speakers.channels import speakers_by_channel
from pipeline.speakers.renaming import renamed
from pipeline.speakers.roles import name_speakers, role_warnings
from pipeline.speech.activity import channel_activity
from pipeline.timeline import Span
from pipeline.transcription.kept import KeptTranscripts, key_of
from pipeline.transcription.recognizer import WhisperRecognizer, transcribe
from pipeline.turns.events import judge_all
from pipeline.turns.floor import build_floor
from pipeline.turns.units import units_of

DETECT_LANGUAGE = "auto"


def analyze_call(
    recording: Recording,
    metadata: Metadata,
    settings: Settings,
    *,
    agent_channel: int | None = None,
    baseline: Baseline | None = None,
) -> Analysis:
    """Everything that is known of a call.

    Args:
        agent_channel: 0 or 1 when the user says which channel is the agent; wins over metadata.
        baseline: what is usual for the agent, from earlier calls; without one, or where roles are not known,
            a speaker is compared with the first calm part of this call.

    Raises:
        InputRejected: the call cannot be analysed as it is, e.g. the model does not know its language.
        ModelUnavailable: weights are missing or wrong.
        StageFailed: a stage failed; trying again may help.
    """
    clock = StageClock()
    with clock.stage("models"):
        resolved = resolve_recognizer(settings.recognizer.model, settings.models)
        recognizer = WhisperRecognizer(
            load_recognizer(
                resolved,
                settings.recognizer.device,
                settings.recognizer.compute_type,
                settings.recognizer.cpu_threads,
            ),
            settings.recognizer,
        )
        silero = load_voice_activity(settings.models)

    with clock.stage("speech"):
        found = probe(recording, settings.audio)
        codes = {warning.code for warning in found}
        speakers = speakers_by_channel(recording, metadata, agent_channel, codes, settings.speakers)
        rate_hz = recording.sample_rate_hz
        samples = {role: recording.samples[channel] for role, channel in speakers.channel_of.items()}
        levels = {role: levels_db(own, rate_hz) for role, own in samples.items()}
        activity = {
            role: channel_activity(own, rate_hz, levels[role], silero, settings.speech)
            for role, own in samples.items()
        }

    with clock.stage("transcript"):
        chosen = metadata.language or settings.recognizer.language
        language = None if chosen == DETECT_LANGUAGE else chosen.split("-")[0].lower()
        kept = KeptTranscripts(recording.sha256, settings.batch)

        def words_of(own: Samples, speech: Sequence[Span]) -> SpeakerTranscript:
            key = key_of(own, rate_hz, speech, language, settings.recognizer, resolved.sha256)
            return kept.get_or_make(
                key, lambda: transcribe(own, rate_hz, speech, recognizer, settings.recognizer, language)
            )

        transcripts = {role: words_of(own, activity[role].speech) for role, own in samples.items()}
        language = language or max(transcripts.values(), key=lambda one: len(one.words)).language

    with clock.stage("turns"):
        units = {role: units_of(role, activity[role].speech, transcripts[role].words) for role in samples}
        phrases = load_phrases(language)
        judged = judge_all(units, phrases, settings.turns)
        floor = build_floor(judged, settings.turns)

        separation, names = name_speakers(
            speakers.separation, floor.turns, language, metadata.correction, settings.speakers
        )
        channel_of = renamed(speakers.channel_of, names)

    with clock.stage("measures"):
        unnamed = Conversation(
            samples=samples,
            sample_rate_hz=rate_hz,
            duration_s=recording.duration_s,
            levels=levels,
            activity=activity,
            transcripts=transcripts,
            units=units,
            floor=floor,
            events=[item.event for item in judged if item.event],
            language=language,
            phrases=phrases,
        )
        conversation = renamed(unnamed, names)
        of_speakers = {
            role: speaker_measures(role, conversation, settings, baseline if role == "agent" else None)
            for role in conversation.samples
        }
        measures = measures_by_role(of_speakers, call_measures(conversation, settings))

    with clock.stage("guidance"):
        heard = Heard(
            facts=call_facts(recording, metadata, language),
            separation=separation,
            turns=conversation.floor.turns,
            events=tuple(conversation.events),
            measures=measures,
            acts=(),
        )
        judgement = judge(heard, settings)

    warnings = (
        *recording.warnings,
        *found,
        *speakers.warnings,
        *role_warnings(heard.turns, language, metadata.correction, settings.speakers),
        *quality_warnings(recording, channel_of, conversation, of_speakers, settings),
    )
    return Analysis(
        call=heard.facts,
        separation=heard.separation,
        quality=Quality(warnings=warnings),
        transcript=Transcript(turns=heard.turns),
        speech=Speech(segments=speech_segments(conversation)),
        measures=measures,
        interruptions=heard.events,
        acts=heard.acts,
        tension=judgement.tension,
        guidance=judgement.guidance,
        effort=judgement.effort,
        promises=judgement.promises,
        scores=judgement.scores,
        coaching=judgement.coaching,
        redactions=(),
        thresholds=settings.thresholds(),
        provenance=Provenance(
            product_version=version("callcoach"),
            config_sha256=settings.sha256(),
            models=(
                ModelUsed(
                    role=resolved.role, name=resolved.name, sha256=resolved.sha256, source=resolved.source
                ),
            ),
            stage_seconds=clock.seconds,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            guidance_sha256=guidance_sha256(language),
        ),
    )


class StageClock:
    """Wall-clock seconds of each stage, in the order they ran."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
