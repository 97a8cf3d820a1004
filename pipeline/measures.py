"""Brings the figures of a call together: one record per speaker, one for the call."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.audio.frames import Levels
from pipeline.phrases import Phrases
from pipeline.prosody.nuclei import contradicts, nuclei_rate_sps
from pipeline.prosody.rate import measure_rate, turn_rate_sps
from pipeline.prosody.voice import VoiceMeasures, measure_voice
from pipeline.records import (
    Baseline,
    CallMeasures,
    ChannelActivity,
    Event,
    Role,
    Samples,
    SpeakerMeasures,
    SpeakerTranscript,
    Turn,
    VoiceTurn,
)
from pipeline.settings import RateSettings, Settings, TurnsSettings
from pipeline.texts import Text
from pipeline.timeline import Span, intersect, total_s, union
from pipeline.turns.floor import Floor, turn_spans
from pipeline.turns.listening import measure_listening
from pipeline.turns.silence import ROLES_UNKNOWN, find_silences
from pipeline.turns.units import Unit

NO_SPEECH = Text("unmeasured.no_speech")
NO_WORDS = Text("unmeasured.no_words")
ONE_SPEAKER = Text("unmeasured.one_speaker")
ONE_CHANNEL = Text("unmeasured.one_channel_backchannels")
CUT_APART = Text("unmeasured.cut_apart")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What the stages found out about each speaker, and about both together."""

    samples: Mapping[Role, Samples]
    sample_rate_hz: int
    duration_s: float
    levels: Mapping[Role, Levels]
    activity: Mapping[Role, ChannelActivity]
    transcripts: Mapping[Role, SpeakerTranscript]
    units: Mapping[Role, Sequence[Unit]]
    floor: Floor
    events: Sequence[Event]
    language: str
    phrases: Phrases
    one_channel: bool = False
    """Whether both speakers are on one channel."""
    first_agent_until_s: float | None = None
    """When a second agent takes over; what that one says is no part of the first one's rate and pitch."""

    @property
    def speech(self) -> dict[Role, tuple[Span, ...]]:
        return {role: activity.speech for role, activity in self.activity.items()}

    def others_speech(self, role: Role) -> list[Span]:
        """Speech of everybody but one speaker."""
        return union(span for other, spans in self.speech.items() if other != role for span in spans)


def speaker_measures(
    role: Role, conversation: Conversation, settings: Settings, baseline: Baseline | None = None
) -> SpeakerMeasures:
    """Figures of one speaker; ``baseline`` is a firm one, from earlier calls."""
    activity = conversation.activity[role]
    transcript = conversation.transcripts[role]
    held = conversation.floor.held_by(role)
    units, speech = conversation.units[role], list(activity.speech)
    until_s = conversation.first_agent_until_s if role == "agent" else None
    if until_s is not None:
        held = [turn for turn in held if turn.start_s < until_s]
        units = [unit for unit in units if unit.start_s < until_s]
        speech = [span for span in speech if span[0] < until_s]
    talk_s = total_s(activity.speech)
    speech_s = sum(total_s(spans) for spans in conversation.speech.values())
    rate = measure_rate(units, held, transcript.coverage, conversation.language, settings.rate)
    voice = measure_voice(
        conversation.samples[role],
        conversation.sample_rate_hz,
        conversation.levels[role],
        speech,
        conversation.others_speech(role),
        activity.snr_db,
        settings.pitch,
        baseline,
        turn_spans(held),
        settings.tension if role == "customer" else None,
    )
    spoken = [u.span for u in units if u.words and u.duration_s >= settings.rate.min_ipu_s]
    samples, sample_rate_hz = conversation.samples[role], conversation.sample_rate_hz
    nuclei_sps = nuclei_rate_sps(samples, sample_rate_hz, spoken, settings.rate)
    measurable = _overlap_reason(conversation, settings.turns)
    kinds = Counter(event.kind for event in conversation.events if event.by == role and event.sure)
    latency_s = conversation.floor.response_latency_median_s(role)
    not_scored = {**rate.not_scored, **voice.not_scored}
    if talk_s == 0:
        not_scored.update(dict.fromkeys(("coverage", "snr_db"), NO_SPEECH))
    if not held:
        not_scored["longest_turn_s"] = Text("unmeasured.never_held_floor") if talk_s else NO_SPEECH
    if speech_s == 0:
        not_scored["talk_share"] = NO_SPEECH
    if nuclei_sps is None:
        not_scored["nuclei_rate_sps"] = NO_WORDS if talk_s else NO_SPEECH
    if measurable is not None:
        not_scored.update(dict.fromkeys(("interruptions", "backchannels"), measurable))
    elif conversation.one_channel:
        not_scored["backchannels"] = ONE_CHANNEL
    if latency_s is None:
        not_scored["response_latency_median_s"] = Text("unmeasured.never_took_floor")
    return SpeakerMeasures(
        talk_s=talk_s,
        talk_share=talk_s / speech_s if speech_s else None,
        words=rate.words,
        syllables=rate.syllables,
        turns=len(conversation.floor.held_by(role)),
        turn_words=rate.turn_words,
        turn_time_s=rate.turn_time_s,
        phonation_s=rate.phonation_s,
        longest_turn_s=max((turn.end_s - turn.start_s for turn in held), default=None),
        coverage=transcript.coverage,
        dropped_words=transcript.dropped_words,
        speech_rate_wpm=rate.speech_rate_wpm,
        articulation_rate_sps=rate.articulation_rate_sps,
        rate_confidence="low"
        if contradicts(rate.articulation_rate_sps, nuclei_sps, settings.rate)
        else rate.confidence,
        rate_windows=rate.windows,
        voiced_s=voice.voiced_s,
        f0_median_hz=voice.f0_median_hz,
        f0_median_st=voice.f0_vs_baseline_st,
        f0_range_st=voice.f0_range_st,
        f0_baseline_hz=voice.f0_baseline_hz,
        f0_vs_baseline_st=voice.f0_vs_baseline_st,
        pitch_windows=voice.windows,
        loudness_median_db=voice.loudness_median_db,
        loudness_vs_baseline_db=voice.loudness_vs_baseline_db,
        noise_floor_db=activity.noise_floor_db,
        snr_db=activity.snr_db,
        interruptions=None if measurable else kinds["interruption"],
        backchannels=None if measurable or conversation.one_channel else kinds["backchannel"],
        response_latency_median_s=latency_s,
        not_scored=not_scored,
        baseline=voice.baseline,
        nuclei_rate_sps=nuclei_sps,
        voice_turns=_voice_turns(held, units, voice, conversation.language, settings.rate),
    )


def _voice_turns(
    held: Sequence[Turn],
    units: Sequence[Unit],
    voice: VoiceMeasures,
    language: str,
    settings: RateSettings,
) -> tuple[VoiceTurn, ...]:
    """Rate, pitch and loudness of each turn."""
    return tuple(
        VoiceTurn(
            turn=turn.turn,
            start_s=turn.start_s,
            end_s=turn.end_s,
            sps=turn_rate_sps(units, turn, language, settings),
            f0_median_hz=of_turn.f0_median_hz,
            st=of_turn.st,
            slope_st_per_s=of_turn.slope_st_per_s,
            loudness_db=of_turn.loudness_db,
            f0_z=of_turn.scores.f0_z,
            level_z=of_turn.scores.level_z,
            high_frequency_z=of_turn.scores.high_frequency_z,
        )
        for turn, of_turn in zip(held, voice.turns, strict=True)
    )


def call_measures(conversation: Conversation, settings: Settings) -> CallMeasures:
    """Figures of the call as a whole."""
    spoken = union(span for spans in conversation.speech.values() for span in spans)
    speech_s = total_s(spoken)
    silence_s = max(0.0, conversation.duration_s - speech_s)
    least_s = settings.turns.one_channel_overlap_s if conversation.one_channel else 0.0
    shared = _overlap_s(conversation, least_s)
    reason = _overlap_reason(conversation, settings.turns)
    not_scored = dict.fromkeys(("overlap_s", "overlap_share"), reason) if reason else {}
    if not reason and not speech_s:
        not_scored["overlap_share"] = NO_SPEECH
    talk = {role: total_s(spans) for role, spans in conversation.speech.items()}
    both_s = talk.get("agent", 0.0) + talk.get("customer", 0.0)
    if both_s == 0:
        not_scored["talk_ratio_agent"] = NO_SPEECH if not speech_s else ROLES_UNKNOWN
    music = [span for activity in conversation.activity.values() for span in activity.non_speech]
    silences = find_silences(
        music,
        spoken,
        conversation.floor.turns,
        conversation.duration_s,
        conversation.phrases,
        settings.turns,
    )
    after_s = sum(gap.end_s - gap.start_s for gap in silences.gaps if gap.kind == "after_call")
    silence_s, talked_s = max(0.0, silence_s - after_s), conversation.duration_s - after_s
    return CallMeasures(
        duration_s=conversation.duration_s,
        speech_s=speech_s,
        overlap_s=None if reason else shared,
        overlap_share=None if reason or not speech_s else shared / speech_s,
        silence_s=silence_s,
        silence_share=silence_s / talked_s if talked_s > 0 else 0.0,
        gaps=silences.gaps,
        holds=silences.holds,
        talk_ratio_agent=talk.get("agent", 0.0) / both_s if both_s else None,
        not_scored={name: why for name, why in not_scored.items() if why},
        look_ups=silences.look_ups,
        listening=measure_listening(
            conversation.floor,
            conversation.events,
            conversation.speech,
            reason,
            conversation.phrases,
            settings.turns,
            settings.listening,
        ),
    )


def _overlap_s(conversation: Conversation, least_s: float = 0.0) -> float:
    """Seconds of overlaps that last at least ``least_s``."""
    speech = list(conversation.speech.values())
    overlaps = intersect(speech[0], speech[1]) if len(speech) == 2 else []
    return total_s(span for span in overlaps if span[1] - span[0] >= least_s)


def _overlap_reason(conversation: Conversation, settings: TurnsSettings) -> str | None:
    """Why overlap cannot be measured on this recording, if so."""
    if len(conversation.speech) < 2:
        return ONE_SPEAKER
    if conversation.one_channel:
        return None
    exchange_s = _lively_talk_s(conversation)
    if _overlap_s(conversation) == 0 and exchange_s >= settings.lively_talk_s:
        return CUT_APART
    return None


def _lively_talk_s(conversation: Conversation) -> float:
    """Turn time of speakers who both speak."""
    held = [conversation.floor.held_by(role) for role in conversation.speech]
    if not all(held):
        return 0.0
    return total_s(
        intersect([(0.0, conversation.duration_s)], [s for turns in held for s in turn_spans(turns)])
    )
