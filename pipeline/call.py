"""One call, from decoded sound to the finished analysis: every stage in the order it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.audio.frames import Levels, levels_db
from pipeline.audio.probe import probe
from pipeline.audio.sameness import SAME_SOUND, same_sound
from pipeline.clock import StageClock
from pipeline.conclusion import Measured, conclude, model_used
from pipeline.document import call_facts, measures_by_role, speech_segments
from pipeline.measures import Conversation, call_measures, speaker_measures
from pipeline.models import (
    ResolvedModel,
    load_recognizer,
    load_voice_activity,
    resolve_recognizer,
)
from pipeline.phrases import load_phrases
from pipeline.quality import language_warnings, quality_warnings
from pipeline.records import (
    Analysis,
    Baseline,
    ChannelActivity,
    CutOff,
    Diarization,
    Metadata,
    ModelUsed,
    QualityWarning,
    Recording,
    Role,
    Samples,
    Separation,
    SpeakerTranscript,
    WindowLanguage,
)
from pipeline.settings import Settings
from pipeline.speakers.channels import Speakers, speakers_by_channel
from pipeline.speakers.diarization import load_diarizer, wanted
from pipeline.speakers.one_channel import activity_of, speakers_of, transcripts_of
from pipeline.speakers.renaming import renamed
from pipeline.speakers.roles import name_speakers
from pipeline.speakers.shared import given_to_voices, speech_in, without_stretches
from pipeline.speech.activity import VoiceActivityModel, channel_activity
from pipeline.speech.bleed import without_leak
from pipeline.texts import Text
from pipeline.timeline import Span, overlap_s, union
from pipeline.transcription.kept import KeptTranscripts, key_of
from pipeline.transcription.languages import CallLanguage, call_language, shares, speaks_own
from pipeline.transcription.recognizer import WhisperRecognizer, transcribe
from pipeline.turns.announcements import recorded_opening
from pipeline.turns.cues import hear_voices
from pipeline.turns.events import judge_all, possible_only, with_doubts, without_words
from pipeline.turns.floor import build_floor
from pipeline.turns.handover import second_agent_s
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
        InputRejected: the call cannot be analyzed as it is, e.g. the model does not know its language.
        ModelUnavailable: weights are missing or wrong.
        StageFailed: a stage failed; trying again may help.
    """
    clock = StageClock()
    with clock.stage("models"):
        resolved, recognizer, silero = _models(settings)
    with clock.stage("speech"):
        voices = _voices(recording, metadata, agent_channel, silero, settings)
    if voices.speakers.separation.method == "single" and wanted(settings.speakers):
        with clock.stage("speakers"):
            voices = _told_apart(voices, settings)
    with clock.stage("transcript"):
        voices, transcripts, language = _words(voices, recording, metadata, resolved, recognizer, settings)
    with clock.stage("turns"):
        voices, transcripts = _answered(voices, transcripts, language.judged, settings)
        talk = _talk(recording, voices, transcripts, language.judged, metadata, settings)
    with clock.stage("measures"):
        measured = _measured(recording, metadata, voices, talk, language, baseline, settings)
    measured = replace(measured, models=(model_used(resolved), *voices.models))
    analysis = conclude(measured, metadata, settings, clock, recording=recording, earlier=earlier)
    KeptTranscripts(recording.sha256, settings.batch).forget()
    return analysis


@dataclass(frozen=True, slots=True, kw_only=True)
class _Voices:
    """The speakers of a recording and the sound of each; two voices on one channel share it."""

    rate_hz: int
    speakers: Speakers
    samples: Mapping[Role, Samples]
    levels: Mapping[Role, Levels]
    activity: Mapping[Role, ChannelActivity]
    warnings: tuple[QualityWarning, ...]
    diarization: Diarization | None = None
    models: tuple[ModelUsed, ...] = ()

    @property
    def one_channel(self) -> bool:
        """Whether both speakers are on one channel."""
        return self.speakers.separation.method == "diarization"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Talk:
    """Who said what to whom, under the names of the roles as far as they are known."""

    conversation: Conversation
    separation: Separation
    channel_of: dict[Role, int]
    cut_offs: tuple[CutOff, ...]


def _models(settings: Settings) -> tuple[ResolvedModel, WhisperRecognizer, VoiceActivityModel]:
    chosen = settings.recognizer
    resolved = resolve_recognizer(chosen.model, settings.models)
    loaded = load_recognizer(resolved, chosen.device, chosen.compute_type, chosen.cpu_threads)
    return resolved, WhisperRecognizer(loaded, chosen), load_voice_activity(settings.models)


def _voices(
    recording: Recording,
    metadata: Metadata,
    agent_channel: int | None,
    silero: VoiceActivityModel,
    settings: Settings,
) -> _Voices:
    """What each channel carries, and whose it is."""
    same = same_sound(recording, settings.audio)
    found = probe(recording, settings.audio, same)
    codes = {warning.code for warning in found}
    speakers = speakers_by_channel(recording, metadata, agent_channel, codes, settings.speakers)
    rate_hz = recording.sample_rate_hz
    samples = {role: recording.samples[channel] for role, channel in speakers.channel_of.items()}
    levels = {role: levels_db(own, rate_hz) for role, own in samples.items()}
    sounding = {
        role: channel_activity(own, rate_hz, levels[role], silero, settings.speech)
        for role, own in samples.items()
    }
    stretches = same.stretches if len(sounding) > 1 else ()
    shared = speech_in(sounding, stretches)
    if shared:
        apart = without_stretches(sounding, stretches)
        sounding = {role: replace(own, speech=tuple(apart[role])) for role, own in sounding.items()}
    voices = _Voices(
        rate_hz=rate_hz,
        speakers=speakers,
        samples=samples,
        levels=levels,
        activity=without_leak(sounding, levels, settings.speech),
        warnings=(*recording.warnings, *found),
    )
    return _with_shared(voices, recording, stretches, shared, settings) if shared else voices


def _with_shared(
    voices: _Voices,
    recording: Recording,
    stretches: Sequence[Span],
    shared: Sequence[Span],
    settings: Settings,
) -> _Voices:
    """Speech that is the same on both channels, taken once and given to who speaks, or left out."""
    own = {role: activity.speech for role, activity in voices.activity.items()}
    given, models = None, voices.models
    if wanted(settings.speakers):
        diarizer = load_diarizer(settings.speakers, settings.models)
        speech = union([*shared, *(span for spans in own.values() for span in spans)])
        mix = recording.samples.mean(axis=0, dtype=np.float32)
        given = given_to_voices(own, shared, diarizer.diarize(mix, voices.rate_hz, speech))
        models = (*models, *diarizer.used)
    key = "quality.same_sound" if given is not None else "quality.same_sound_left_out"
    warnings = [
        QualityWarning(code=SAME_SOUND, message=Text(key), start_s=start_s, end_s=end_s)
        for start_s, end_s in stretches
        if overlap_s(shared, [(start_s, end_s)])
    ]
    activity = {
        role: replace(each, speech=tuple(union([*each.speech, *(given or {}).get(role, [])])))
        for role, each in voices.activity.items()
    }
    return replace(voices, activity=activity, warnings=(*voices.warnings, *warnings), models=models)


def _told_apart(voices: _Voices, settings: Settings) -> _Voices:
    """The voices on one channel by their sound; who speaks when is given to each with the words."""
    (role,) = voices.samples
    diarizer = load_diarizer(settings.speakers, settings.models)
    diarization = diarizer.diarize(voices.samples[role], voices.rate_hz, voices.activity[role].speech)
    heard_s = union(span for spans in diarization.segments for span in spans)
    return replace(
        voices,
        speakers=speakers_of(diarization, settings.turns),
        activity={role: replace(voices.activity[role], speech=tuple(heard_s))},
        diarization=diarization,
        models=diarizer.used,
    )


def _words(
    voices: _Voices,
    recording: Recording,
    metadata: Metadata,
    model: ResolvedModel,
    recognizer: WhisperRecognizer,
    settings: Settings,
) -> tuple[_Voices, dict[Role, SpeakerTranscript], CallLanguage]:
    """What each speaker says, and in which language; voices on one channel become speakers of their own.

    Who says too little to tell their language by speaks that of the call.
    """
    chosen = metadata.language or settings.recognizer.language
    stated = None if chosen == DETECT_LANGUAGE else chosen.split("-")[0].lower()
    kept = KeptTranscripts(recording.sha256, settings.batch)

    def words_of(own: Samples, activity: ChannelActivity, language: str | None) -> SpeakerTranscript:
        speech, rate_hz = activity.speech, voices.rate_hz
        return kept.get_or_make(
            key_of(own, rate_hz, speech, language, settings.recognizer, model.sha256),
            lambda: transcribe(
                own, rate_hz, speech, recognizer, settings.recognizer, language, activity.snr_db
            ),
        )

    transcripts = {role: words_of(own, voices.activity[role], stated) for role, own in voices.samples.items()}
    heard = call_language(_windows(transcripts), stated, settings.recognizer)
    for role, transcript in transcripts.items():
        if stated is None and not speaks_own(transcript, heard, settings.recognizer):
            transcripts[role] = words_of(voices.samples[role], voices.activity[role], heard.language)
    language = replace(heard, languages=shares(_windows(transcripts)))
    if voices.diarization is None or len(voices.speakers.channel_of) < 2:
        return voices, transcripts, language
    (role,) = voices.samples
    activity = activity_of(voices.diarization, voices.activity[role], voices.levels[role], settings.speech)
    apart = replace(
        voices,
        activity=activity,
        samples=dict.fromkeys(activity, voices.samples[role]),
        levels=dict.fromkeys(activity, voices.levels[role]),
    )
    return apart, transcripts_of(voices.diarization, transcripts[role], activity, settings), language


def _answered(
    voices: _Voices, transcripts: Mapping[Role, SpeakerTranscript], language: str, settings: Settings
) -> tuple[_Voices, dict[Role, SpeakerTranscript]]:
    """The call from where somebody answers it: what a machine says before is no speech of the agent."""
    units = {
        role: units_of(role, own.speech, transcripts[role].words) for role, own in voices.activity.items()
    }
    before = recorded_opening(units, load_phrases(language), settings.turns)
    if before is None or voices.one_channel:
        return voices, dict(transcripts)
    agent, spoken = voices.activity["agent"], transcripts["agent"]
    warning = QualityWarning(
        code="announcement",
        message=Text("quality.announcement", count=before.words),
        start_s=before.spans[0][0],
        end_s=before.end_s,
    )
    activity = replace(
        agent,
        speech=tuple(span for span in agent.speech if span[0] >= before.end_s),
        non_speech=tuple(union([*agent.non_speech, *before.spans])),
    )
    words = tuple(word for word in spoken.words if word.start_s >= before.end_s)
    answered = replace(
        voices,
        activity={**voices.activity, "agent": activity},
        warnings=(*voices.warnings, warning),
    )
    return answered, {**transcripts, "agent": replace(spoken, words=words)}


def _windows(transcripts: Mapping[Role, SpeakerTranscript]) -> list[WindowLanguage]:
    return [window for transcript in transcripts.values() for window in transcript.windows]


def _talk(
    recording: Recording,
    voices: _Voices,
    transcripts: Mapping[Role, SpeakerTranscript],
    language: str,
    metadata: Metadata,
    settings: Settings,
) -> _Talk:
    """Turns and turn-taking, and the roles of speakers that the channels did not name."""
    samples, activity = voices.samples, voices.activity
    units = {role: units_of(role, activity[role].speech, transcripts[role].words) for role in samples}
    phrases = load_phrases(language)
    heard = None
    if len(units) == 2 and not voices.one_channel:
        heard = hear_voices(samples, voices.rate_hz, voices.levels, activity, units)
    judged = judge_all(units, phrases, settings.turns, heard)
    if voices.one_channel:
        judged = possible_only(judged, settings.turns)
    elif not phrases.acknowledgements:
        judged = without_words(judged, settings.turns)
    judged = with_doubts(judged, settings.turns)
    floor = build_floor(judged, settings.turns)
    separation, names = name_speakers(
        voices.speakers.separation, floor.turns, language, metadata.correction, settings.speakers
    )
    conversation = Conversation(
        samples=samples,
        sample_rate_hz=voices.rate_hz,
        duration_s=recording.duration_s,
        levels=voices.levels,
        activity=activity,
        transcripts=transcripts,
        units=units,
        floor=floor,
        events=[item.event for item in judged if item.event],
        language=language,
        phrases=phrases,
        one_channel=voices.one_channel,
    )
    return _Talk(
        conversation=renamed(conversation, names),
        separation=separation,
        channel_of=renamed(voices.speakers.channel_of, names),
        cut_offs=renamed(tuple(item.cut_off for item in judged if item.cut_off), names),
    )


def _measured(
    recording: Recording,
    metadata: Metadata,
    voices: _Voices,
    talk: _Talk,
    language: CallLanguage,
    baseline: Baseline | None,
    settings: Settings,
) -> Measured:
    """All figures of the call, and what limits them."""
    conversation = talk.conversation
    taken_over_s = second_agent_s(conversation.floor.turns, conversation.phrases, settings.turns)
    conversation = replace(conversation, first_agent_until_s=taken_over_s)
    second = (
        [QualityWarning(code="second_agent", message=Text("quality.second_agent"), start_s=taken_over_s)]
        if taken_over_s is not None
        else []
    )
    usual = baseline if voices.speakers.separation.method == "channels" else None
    speakers = {
        role: speaker_measures(role, conversation, settings, usual if role == "agent" else None)
        for role in conversation.samples
    }
    return Measured(
        facts=call_facts(recording, metadata, language),
        separation=talk.separation,
        turns=conversation.floor.turns,
        speech=speech_segments(conversation),
        measures=measures_by_role(speakers, call_measures(conversation, settings)),
        events=tuple(conversation.events),
        cut_offs=talk.cut_offs,
        warnings=(
            *voices.warnings,
            *voices.speakers.warnings,
            *second,
            *language_warnings(language, settings.recognizer),
            *(
                each
                for each in quality_warnings(
                    recording, talk.channel_of, conversation, speakers, _stretches(voices.warnings), settings
                )
                if not _announced(each, voices.warnings)
            ),
        ),
        models=(),
    )


def _stretches(warnings: Sequence[QualityWarning]) -> list[Span]:
    """Where both channels carry the same sound, as the warnings say."""
    return [
        (each.start_s, each.end_s)
        for each in warnings
        if each.code == SAME_SOUND and each.start_s is not None and each.end_s is not None
    ]


def _announced(warning: QualityWarning, before: Sequence[QualityWarning]) -> bool:
    """Whether what a warning calls music is an announcement that has a warning of its own."""
    return warning.code == "music_or_tone" and any(
        each.code == "announcement"
        and (each.start_s or 0.0) <= (warning.start_s or 0.0) < (each.end_s or 0.0)
        for each in before
    )
