"""Agent and customer exchanged in all that was measured, as a user says, without the sound."""

import dataclasses

from pipeline.errors import InputRejected
from pipeline.phrases import load_phrases
from pipeline.prosody.pitch import semitones
from pipeline.records import (
    Analysis,
    Baseline,
    CallMeasures,
    Quality,
    QualityWarning,
    Role,
    Separation,
    SpeakerMeasures,
)
from pipeline.settings import Settings
from pipeline.speakers.channels import GIVEN_CONFIDENCE
from pipeline.speakers.renaming import EXCHANGED, OTHER_PART, renamed
from pipeline.speakers.roles import BY_WORDS, CORRECTED, EXCHANGED_MIDWAY, SWAPPED, corrected_warning
from pipeline.texts import Text
from pipeline.timeline import Span
from pipeline.turns.floor import stored_floor
from pipeline.turns.listening import measure_listening
from pipeline.turns.silence import find_silences

OTHERS_BASELINE = Text("unmeasured.others_baseline")


def exchange_roles(analysis: Analysis, settings: Settings, baseline: Baseline | None) -> Analysis:
    """The analysis with agent and customer exchanged in all that was measured.

    What compares a voice with a baseline is compared with the right one: the agent with ``baseline``, if
    there is one; the customer never with the agent's, but with the start of the call. Voice scores are the
    customer's only and need the sound: nobody has them until the call is analyzed again.
    """
    if analysis.separation.agent_label not in OTHER_PART:
        raise InputRejected(
            f"{analysis.call.call_id}: its roles are not known and cannot be exchanged; if its "
            "speakers are on two channels, analyze it again with --agent-channel"
        )
    midway = any(each.code == EXCHANGED_MIDWAY for each in analysis.quality.warnings)
    other = renamed(analysis, EXCHANGED)
    agent, customer = other.measures.agent, other.measures.customer
    measures = dataclasses.replace(
        other.measures,
        agent=agent
        and _without_scores(compared_with(agent, baseline, agent.baseline) if baseline else agent),
        customer=customer and _customer_again(customer),
        call=_call_again(other, settings),
    )
    return dataclasses.replace(
        other,
        separation=_corrected(analysis.separation, midway),
        quality=Quality(warnings=_warnings_again(other.quality.warnings)),
        measures=measures,
    )


def confirm_roles(analysis: Analysis) -> Analysis:
    """The analysis with its roles as they are, as a user says who has looked; nothing is doubted anymore."""
    if analysis.separation.agent_label not in OTHER_PART:
        raise InputRejected(f"{analysis.call.call_id}: its roles are not known and cannot be confirmed")
    return dataclasses.replace(
        analysis,
        separation=dataclasses.replace(analysis.separation, role_confidence=GIVEN_CONFIDENCE, doubted=False),
        quality=Quality(warnings=_warnings_again(analysis.quality.warnings)),
    )


def _corrected(separation: Separation, midway: bool) -> Separation:
    """Roles as a user says; sides that change places during the call stay doubted either way."""
    return dataclasses.replace(
        separation,
        role_method="channel_map" if separation.method == "channels" else "metadata",
        role_confidence=GIVEN_CONFIDENCE,
        doubted=midway,
        agent_label=OTHER_PART[str(separation.agent_label)],
    )


def _warnings_again(warnings: tuple[QualityWarning, ...]) -> tuple[QualityWarning, ...]:
    kept = [each for each in warnings if each.code not in (SWAPPED, CORRECTED, BY_WORDS)]
    return (*kept, corrected_warning())


def _call_again(analysis: Analysis, settings: Settings) -> CallMeasures:
    """Figures of the call that depend on who the agent is: talk ratio, silences by cause, listening."""
    call, language = analysis.measures.call, analysis.call.judged_language
    if not analysis.call.has_sound:
        return call
    speech = [(segment.start_s, segment.end_s) for segment in analysis.speech.segments]
    music = [
        (warning.start_s, warning.end_s)
        for warning in analysis.quality.warnings
        if warning.code == "music_or_tone" and warning.start_s is not None and warning.end_s is not None
    ]
    phrases, turns = load_phrases(language), analysis.transcript.turns
    silences = find_silences(music, speech, turns, call.duration_s, phrases, settings.turns)
    of_speaker: dict[Role, list[Span]] = {}
    for segment in analysis.speech.segments:
        of_speaker.setdefault(segment.speaker, []).append((segment.start_s, segment.end_s))
    return dataclasses.replace(
        call,
        talk_ratio_agent=None if call.talk_ratio_agent is None else 1 - call.talk_ratio_agent,
        gaps=silences.gaps,
        holds=silences.holds,
        look_ups=silences.look_ups,
        listening=measure_listening(
            stored_floor(turns, analysis.interruptions),
            analysis.interruptions,
            of_speaker,
            call.not_scored.get("overlap_s"),
            phrases,
            settings.turns,
            settings.listening,
        ),
    )


def _without_scores(agent: SpeakerMeasures) -> SpeakerMeasures:
    """An agent who was taken for the customer, without the scores that tension is told by."""
    turns = [
        dataclasses.replace(each, f0_z=None, level_z=None, high_frequency_z=None)
        for each in agent.voice_turns
    ]
    return dataclasses.replace(agent, voice_turns=tuple(turns))


def _customer_again(customer: SpeakerMeasures) -> SpeakerMeasures:
    """A customer who was taken for the agent, compared with the start of the call and not with the agent."""
    if customer.baseline is None or customer.baseline.kind == "provisional":
        return customer
    start = customer.pitch_windows[0] if customer.pitch_windows else None
    reference_db = _reference_db(customer)
    own_db = None
    if start is not None and start.loudness_db is not None and reference_db is not None:
        own_db = start.loudness_db + reference_db
    provisional = Baseline(
        agent_id=None,
        line_type=None,
        kind="provisional",
        calls=0,
        voiced_s=start.voiced_s if start else 0.0,
        f0_median_hz=start.f0_median_hz if start else None,
        f0_range_st=None,
        loudness_median_db=own_db,
        articulation_rate_sps=None,
        speech_rate_wpm=None,
        as_of=None,
    )
    return compared_with(customer, provisional)


def compared_with(
    speaker: SpeakerMeasures, baseline: Baseline, otherwise: Baseline | None = None
) -> SpeakerMeasures:
    """Pitch and loudness of a speaker against another baseline, or for what that lacks against ``otherwise``.

    What neither has is ``None``, with a reason.
    """
    known = [each for each in (baseline, otherwise) if each is not None]
    base_hz = next((each.f0_median_hz for each in known if each.f0_median_hz is not None), None)
    base_db = next((each.loudness_median_db for each in known if each.loudness_median_db is not None), None)
    shift_db = _difference(_reference_db(speaker), base_db)

    def st(f0_hz: float | None) -> float | None:
        return None if f0_hz is None or base_hz is None else semitones(f0_hz, base_hz)

    def db(relative_db: float | None) -> float | None:
        return None if relative_db is None or shift_db is None else relative_db + shift_db

    again = dataclasses.replace(
        speaker,
        f0_baseline_hz=base_hz,
        f0_median_st=st(speaker.f0_median_hz),
        f0_vs_baseline_st=st(speaker.f0_median_hz),
        loudness_vs_baseline_db=_difference(speaker.loudness_median_db, base_db),
        pitch_windows=tuple(
            dataclasses.replace(each, st=st(each.f0_median_hz), loudness_db=db(each.loudness_db))
            for each in speaker.pitch_windows
        ),
        voice_turns=tuple(
            dataclasses.replace(each, st=st(each.f0_median_hz), loudness_db=db(each.loudness_db))
            for each in speaker.voice_turns
        ),
        baseline=baseline,
    )
    compared = ("f0_baseline_hz", "f0_median_st", "f0_vs_baseline_st", "loudness_vs_baseline_db")
    missing = [name for name in compared if getattr(again, name) is None]
    reasons = {
        name: why for name, why in speaker.not_scored.items() if name not in compared or name in missing
    }
    return dataclasses.replace(again, not_scored=dict.fromkeys(missing, OTHERS_BASELINE) | reasons)


def _reference_db(speaker: SpeakerMeasures) -> float | None:
    """The level that loudness is relative to."""
    if speaker.loudness_median_db is None or speaker.loudness_vs_baseline_db is None:
        return None
    return speaker.loudness_median_db - speaker.loudness_vs_baseline_db


def _difference(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else value - reference
