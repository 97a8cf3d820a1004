"""Pitch and loudness of one speaker over a call, against a baseline of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.audio.frames import Levels, resample
from pipeline.prosody.against_self import VoiceScores, voice_scores
from pipeline.prosody.loudness import median_level_db
from pipeline.prosody.pitch import (
    PITCH_TRACKERS,
    PitchTrack,
    PitchTrackerSettings,
    median_f0_hz,
    range_st,
    semitones,
    slope_st_per_s,
)
from pipeline.prosody.windows import speech_windows
from pipeline.records import Baseline, PitchWindow, Samples
from pipeline.settings import PitchSettings, TensionSettings
from pipeline.texts import Text
from pipeline.timeline import Span, intersect, subtract

PITCH_RATE_HZ = 8_000
"""F0 is tracked at the telephone rate whatever the recording's, so that baselines compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnVoice:
    """Pitch and loudness of one turn; ``None`` where it has too little voice."""

    f0_median_hz: float | None
    st: float | None
    slope_st_per_s: float | None
    loudness_db: float | None
    scores: VoiceScores


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceMeasures:
    """Pitch and loudness figures; ``None`` where not measured, with the reason in ``not_scored``."""

    voiced_s: float
    f0_median_hz: float | None
    f0_range_st: float | None
    f0_baseline_hz: float | None
    f0_vs_baseline_st: float | None
    loudness_median_db: float | None
    loudness_vs_baseline_db: float | None
    windows: tuple[PitchWindow, ...]
    turns: tuple[TurnVoice, ...]
    """One for each turn that was asked about, in their order."""
    baseline: Baseline | None
    not_scored: dict[str, str]


def measure_voice(
    samples: Samples,
    sample_rate_hz: int,
    levels: Levels,
    own_speech: Sequence[Span],
    others_speech: Sequence[Span],
    snr_db: float | None,
    settings: PitchSettings,
    baseline: Baseline | None = None,
    turns: Sequence[Span] = (),
    tension: TensionSettings | None = None,
) -> VoiceMeasures:
    """Pitch and loudness of one speaker's channel, over own speech without overlap.

    Both are compared with ``baseline``; without one, or for a figure that it lacks, with the first calm part
    of this call.

    Args:
        samples: the speaker's channel, shape (n,).
        levels: its frame levels in dBFS.
        snr_db: level of the speech over the noise floor; ``None`` without speech.
        baseline: a firm one, from earlier calls of this speaker.
        turns: this speaker's turns, of which single figures are wanted.
        tension: for the customer: the turns are also scored against the start of the call.
    """
    alone = subtract(own_speech, others_speech)
    loudness_db = median_level_db(levels, alone)
    reason = _no_pitch_reason(snr_db, settings)
    if reason is not None:
        return _without_pitch(loudness_db, reason, baseline, [VoiceScores()] * len(turns))
    narrow = resample(samples, sample_rate_hz, PITCH_RATE_HZ)
    track = PITCH_TRACKERS[settings.tracker](
        narrow,
        PITCH_RATE_HZ,
        PitchTrackerSettings(floor_hz=settings.floor_hz, ceiling_hz=settings.ceiling_hz),
        np.array(alone, dtype=np.float64).reshape(-1, 2),
    )
    scores = (
        voice_scores(track, narrow, PITCH_RATE_HZ, levels, turns, tension)
        if tension is not None
        else [VoiceScores()] * len(turns)
    )
    if track.voiced_s < settings.min_voiced_s:
        reason = Text("unmeasured.short_voice", seconds=track.voiced_s, least=settings.min_voiced_s)
        return _without_pitch(loudness_db, reason, baseline, scores, track.voiced_s)
    start = _start_of_call(track, levels, alone, settings.baseline_voiced_s)
    reference = baseline or start
    baseline_hz = _first(reference.f0_median_hz, start.f0_median_hz)
    baseline_db = _first(reference.loudness_median_db, start.loudness_median_db)
    median_hz = median_f0_hz(track, settings.min_voiced_s)
    not_scored: dict[str, str] = {}
    if snr_db is not None and snr_db < settings.full_snr_db:
        not_scored["f0_range_st"] = Text("unmeasured.noisy_range", snr=snr_db, least=settings.full_snr_db)
    return VoiceMeasures(
        voiced_s=track.voiced_s,
        f0_median_hz=median_hz,
        f0_range_st=None if not_scored else range_st(track, settings.min_voiced_s),
        f0_baseline_hz=baseline_hz,
        f0_vs_baseline_st=_difference_st(median_hz, baseline_hz),
        loudness_median_db=loudness_db,
        loudness_vs_baseline_db=_difference(loudness_db, baseline_db),
        windows=_windows(track, levels, alone, baseline_hz, baseline_db, settings),
        turns=tuple(
            _turn(track, levels, alone, turn, baseline_hz, baseline_db, settings, of_turn)
            for turn, of_turn in zip(turns, scores, strict=True)
        ),
        baseline=reference,
        not_scored=not_scored,
    )


def _no_pitch_reason(snr_db: float | None, settings: PitchSettings) -> str | None:
    if snr_db is None:
        return Text("unmeasured.no_speech")
    if snr_db < settings.min_snr_db:
        return Text("unmeasured.noisy", snr=snr_db, least=settings.min_snr_db)
    return None


def _start_of_call(track: PitchTrack, levels: Levels, alone: Sequence[Span], voiced_s: float) -> Baseline:
    """The provisional baseline: the first part of the call that has so much voice."""
    until_s = _time_of_voice(track, voiced_s)
    spans = [span for span in alone if span[0] < until_s]
    inside = track.within(np.array(spans))
    return Baseline(
        agent_id=None,
        line_type=None,
        kind="provisional",
        calls=0,
        voiced_s=inside.voiced_s,
        f0_median_hz=median_f0_hz(inside, 0.0),
        f0_range_st=None,
        loudness_median_db=median_level_db(levels, spans),
        articulation_rate_sps=None,
        speech_rate_wpm=None,
        as_of=None,
    )


def _without_pitch(
    loudness_db: float | None,
    reason: str,
    baseline: Baseline | None,
    scores: Sequence[VoiceScores],
    voiced_s: float = 0.0,
) -> VoiceMeasures:
    """Loudness alone, which a baseline from earlier calls gives a reference even now."""
    baseline_hz = baseline.f0_median_hz if baseline else None
    against_db = _difference(loudness_db, baseline.loudness_median_db if baseline else None)
    names = ["f0_median_hz", "f0_median_st", "f0_range_st", "f0_vs_baseline_st", "pitch_windows"]
    found = {
        "f0_baseline_hz": baseline_hz,
        "loudness_median_db": loudness_db,
        "loudness_vs_baseline_db": against_db,
        "baseline": baseline,
    }
    names += [name for name, value in found.items() if value is None]
    return VoiceMeasures(
        voiced_s=voiced_s,
        f0_median_hz=None,
        f0_range_st=None,
        f0_baseline_hz=baseline_hz,
        f0_vs_baseline_st=None,
        loudness_median_db=loudness_db,
        loudness_vs_baseline_db=against_db,
        windows=(),
        turns=tuple(
            TurnVoice(f0_median_hz=None, st=None, slope_st_per_s=None, loudness_db=None, scores=of_turn)
            for of_turn in scores
        ),
        baseline=baseline,
        not_scored=dict.fromkeys(names, reason),
    )


def _time_of_voice(track: PitchTrack, voiced_s: float) -> float:
    """When a speaker has been voiced for so long; the end of the track if never."""
    times_s = track.times_s[track.voiced]
    count = round(voiced_s / track.hop_s)
    return float(times_s[count - 1]) if count <= times_s.size else float("inf")


def _windows(
    track: PitchTrack,
    levels: Levels,
    alone: Sequence[Span],
    baseline_hz: float | None,
    baseline_db: float | None,
    settings: PitchSettings,
) -> tuple[PitchWindow, ...]:
    windows = []
    for spans in speech_windows(alone, settings.window_s, settings.hop_s):
        inside = track.within(np.array(spans))
        median_hz = median_f0_hz(inside, settings.window_min_voiced_s)
        if median_hz is None:
            continue
        windows.append(
            PitchWindow(
                start_s=spans[0][0],
                end_s=spans[-1][1],
                f0_median_hz=median_hz,
                st=_difference_st(median_hz, baseline_hz),
                loudness_db=_difference(median_level_db(levels, spans), baseline_db),
                voiced_s=inside.voiced_s,
            )
        )
    return tuple(windows)


def _first(value: float | None, otherwise: float | None) -> float | None:
    return otherwise if value is None else value


def _turn(
    track: PitchTrack,
    levels: Levels,
    alone: Sequence[Span],
    turn: Span,
    baseline_hz: float | None,
    baseline_db: float | None,
    settings: PitchSettings,
    scores: VoiceScores,
) -> TurnVoice:
    own = intersect(alone, [turn])
    inside = track.within(np.array(own).reshape(-1, 2))
    median_hz = median_f0_hz(inside, settings.turn_min_voiced_s)
    return TurnVoice(
        f0_median_hz=median_hz,
        st=_difference_st(median_hz, baseline_hz),
        slope_st_per_s=slope_st_per_s(inside, settings.turn_min_voiced_s),
        loudness_db=_difference(median_level_db(levels, own), baseline_db),
        scores=scores,
    )


def _difference(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else value - reference


def _difference_st(f0_hz: float | None, reference_hz: float | None) -> float | None:
    return None if f0_hz is None or reference_hz is None else semitones(f0_hz, reference_hz)
