"""One call, from decoded sound to the finished analysis: every stage in the order it runs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version

from pipeline.audio.frames import levels_db
from pipeline.audio.probe import probe
from pipeline.document import call_facts, measures_by_role, speech_segments
from pipeline.guidance.acts import find_acts
from pipeline.guidance.config import load_guidance
from pipeline.guidance.judge import Heard, judge
from pipeline.guidance.speech_acts import speech_acts_sha256
from pipeline.guidance.version import guidance_sha256
from pipeline.measures import Conversation, call_measures, speaker_measures
from pipeline.models import ResolvedModel, load_recognizer, load_voice_activity, resolve_recognizer
from pipeline.phrases import load_phrases
from pipeline.quality import quality_warnings, unredacted
from pipeline.records import (
    Analysis,
    Baseline,
    Diarization,
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
from pipeline.redaction.apply import redact_quotes, redact_turns, redactions
from pipeline.redaction.secrets import find_secrets
from pipeline.reports.write import keep_original
from pipeline.settings import Settings
from pipeline.speakers.channels import speakers_by_channel
from pipeline.speakers.diarization import load_diarizer, wanted
from pipeline.speakers.one_channel import activity_of, speakers_of, transcripts_of
from pipeline.speakers.renaming import renamed
from pipeline.speakers.roles import name_speakers, role_warnings
from pipeline.speech.activity import channel_activity
from pipeline.speech.bleed import without_leak
from pipeline.timeline import Span, union
from pipeline.transcription.kept import KeptTranscripts, key_of
from pipeline.transcription.recognizer import WhisperRecognizer, transcribe
from pipeline.turns.cues import hear_voices
from pipeline.turns.events import judge_all, possible_only
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
    earlier: Sequence[str] = (),
) -> Analysis:
    """Everything that is known of a call.

    Args:
        agent_channel: 0 or 1 when the user says which channel is the agent; wins over metadata.
        baseline: what is usual for the agent, from earlier calls; without one, or where roles are not known,
            a speaker is compared with the first calm part of this call.
        earlier: ids of the checks that the agent's last coaching was about.

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
        sounding = {
            role: channel_activity(own, rate_hz, levels[role], silero, settings.speech)
            for role, own in samples.items()
        }
        activity = without_leak(sounding, levels, settings.speech)

    diarization: Diarization | None = None
    used: tuple[ModelUsed, ...] = ()
    if speakers.separation.method == "single" and wanted(settings.speakers):
        with clock.stage("speakers"):
            (role,) = samples
            diarizer = load_diarizer(settings.speakers, settings.models)
            diarization, used = diarizer.diarize(samples[role], rate_hz, activity[role].speech), diarizer.used
            speakers = speakers_of(diarization, settings.turns)
            heard_s = union(span for spans in diarization.segments for span in spans)
            activity = {role: replace(activity[role], speech=tuple(heard_s))}

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
        if diarization is not None and len(speakers.channel_of) == 2:
            (role,) = samples
            activity = activity_of(diarization, activity[role], levels[role], settings.speech)
            transcripts = transcripts_of(diarization, transcripts[role], activity, settings)
            samples = dict.fromkeys(activity, samples[role])
            levels = dict.fromkeys(activity, levels[role])

    with clock.stage("turns"):
        units = {role: units_of(role, activity[role].speech, transcripts[role].words) for role in samples}
        phrases = load_phrases(language)
        one_channel = speakers.separation.method == "diarization"
        voices = None
        if len(units) == 2 and not one_channel:
            voices = hear_voices(samples, rate_hz, levels, activity, units)
        judged = judge_all(units, phrases, settings.turns, voices)
        if one_channel:
            judged = possible_only(judged, settings.turns)
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
            one_channel=one_channel,
        )
        conversation = renamed(unnamed, names)
        usual = baseline if speakers.separation.method == "channels" else None
        of_speakers = {
            role: speaker_measures(role, conversation, settings, usual if role == "agent" else None)
            for role in conversation.samples
        }
        measures = measures_by_role(of_speakers, call_measures(conversation, settings))

    with clock.stage("redaction"):  # after measuring: what is silenced is no silence
        said = conversation.floor.turns
        cut_offs = renamed(tuple(item.cut_off for item in judged if item.cut_off), names)
        secrets = find_secrets(said, language, settings.redaction)
        turns = redact_turns(said, secrets)
        events, cut_offs, measures = redact_quotes(
            (tuple(conversation.events), cut_offs, measures), said, secrets
        )
        keep_original(metadata.call_id, recording, said, settings)

    with clock.stage("guidance"):
        found_acts = find_acts(turns, language, settings)
        heard = Heard(
            facts=call_facts(recording, metadata, language),
            separation=separation,
            turns=turns,
            events=events,
            measures=measures,
            acts=found_acts.acts,
        )
        guidance = load_guidance()
        judgement = judge(heard, settings, guidance=guidance, earlier=earlier)

    warnings = (
        *recording.warnings,
        *found,
        *speakers.warnings,
        *role_warnings(heard.facts, heard.turns, metadata.correction, settings.speakers),
        *found_acts.warnings,
        *quality_warnings(recording, channel_of, conversation, of_speakers, settings),
        *unredacted(language, settings.redaction),
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
        redactions=redactions(secrets, said, settings.redaction.margin_s, recording.duration_s),
        cut_offs=cut_offs,
        thresholds=settings.thresholds(),
        provenance=Provenance(
            product_version=version("callcoach"),
            config_sha256=settings.sha256(),
            models=(*(_used(model) for model in (resolved, found_acts.model) if model is not None), *used),
            stage_seconds=clock.seconds,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            guidance_version=guidance.version,
            guidance_sha256=guidance_sha256(language),
            speech_acts_sha256=speech_acts_sha256(language),
        ),
    )


def _used(model: ResolvedModel) -> ModelUsed:
    return ModelUsed(role=model.role, name=model.name, sha256=model.sha256, source=model.source)


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
