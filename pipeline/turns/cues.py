"""What the sound of an encounter tells besides its times and words.

How a holder's speech ends (a finished sentence falls in level and pitch and is drawn out; one that is cut off
does not), and how the other comes in against their own usual starts (a listener's "mm-hm" is softer, somebody
who takes the floor is louder and higher). See docs/measures/turn-taking.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipeline.audio.frames import CLOCK, Levels, resample
from pipeline.prosody.pitch import PitchTrack, track_pitch
from pipeline.records import ChannelActivity, EventCues, Role, Samples
from pipeline.timeline import Span, union
from pipeline.turns.units import Unit

PITCH_RATE_HZ = 8_000
START_S = 0.4
"""How much of a unit is its start."""
END_S = 0.3
BEFORE_END_S = 1.5
"""The end of a unit is compared with this much before it."""
LOUD_PERCENTILE = 75.0
LOUD_UNITS_SHARE = 0.9
DECAY_DB, DECAY_PERCENTILE = 10.0, 85.0
"""A voice dies away from where it is last within this of its loud frames."""
MIN_VOICED_FRAMES = 4


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker's sound as far as turn-taking needs it."""

    units: Sequence[Unit]
    levels: Levels
    track: PitchTrack
    snr_db: float | None
    start_level_db: float | None
    start_pitch_hz: float | None
    loud_level_db: float | None

    def level_db(self, span: Span) -> float | None:
        """How loud the loud frames of a span are."""
        inside = self.levels[CLOCK.slice(span)]
        return float(np.percentile(inside, LOUD_PERCENTILE)) if inside.size else None

    def under_loud_db(self, span: Span) -> float | None:
        """How far a span is under the speaker's loud units."""
        return _difference(self.loud_level_db, self.level_db(span))

    def decay_s(self, span: Span) -> float | None:
        """How long the voice dies away at the end of a span."""
        inside = self.levels[CLOCK.slice(span)]
        if inside.size == 0:
            return None
        loud = np.flatnonzero(inside >= np.percentile(inside, DECAY_PERCENTILE) - DECAY_DB)
        return float(inside.size - 1 - loud[-1]) * CLOCK.hop_s

    def pitch_hz(self, span: Span) -> float | None:
        """Median F0 of a span."""
        f0_hz = self._f0_hz(span)
        voiced = f0_hz[np.isfinite(f0_hz)]
        return float(np.median(voiced)) if voiced.size >= MIN_VOICED_FRAMES else None

    def voiced_share(self, span: Span) -> float | None:
        """Share of the frames of a span that have a pitch."""
        f0_hz = self._f0_hz(span)
        return float(np.isfinite(f0_hz).mean()) if f0_hz.size else None

    def _f0_hz(self, span: Span) -> npt.NDArray[np.float64]:
        first, last = np.searchsorted(self.track.times_s, span)
        return self.track.f0_hz[first:last]


def hear_voices(
    samples: Mapping[Role, Samples],
    sample_rate_hz: int,
    levels: Mapping[Role, Levels],
    activity: Mapping[Role, ChannelActivity],
    units: Mapping[Role, Sequence[Unit]],
) -> dict[Role, Voice]:
    """The voice of each speaker; pitch is tracked only at the edges of units."""
    voices: dict[Role, Voice] = {}
    for role, own in units.items():
        others = [unit for other, theirs in units.items() if other != role for unit in theirs]
        regions = [edge for unit in own for edge in _edges(unit, others)]
        track = track_pitch(
            resample(samples[role], sample_rate_hz, PITCH_RATE_HZ),
            PITCH_RATE_HZ,
            regions=np.array(regions, dtype=np.float64).reshape(-1, 2),
        )
        voice = Voice(own, levels[role], track, activity[role].snr_db, None, None, None)
        starts = [_start(unit) for unit in own]
        voices[role] = replace(
            voice,
            start_level_db=_median([voice.level_db(span) for span in starts]),
            start_pitch_hz=_median([voice.pitch_hz(span) for span in starts]),
            loud_level_db=_loud_level_db(voice),
        )
    return voices


def listen(by: Voice, of: Voice, comer: Sequence[Span], holder: Span | None) -> EventCues:
    """The cues of one encounter.

    Args:
        comer: the units of the one who comes in.
        holder: the unit of the other that is going on, up to its end.
    """
    start = (comer[0][0], min(comer[0][1], comer[0][0] + START_S))
    level_db, pitch_hz = by.level_db(start), by.pitch_hz(start)
    voiced = by.voiced_share(start)
    fall_db = fall_st = decay_s = None
    if holder is not None:
        decay_s = of.decay_s((max(holder[0], holder[1] - BEFORE_END_S), holder[1]))
        end = (max(holder[0], holder[1] - END_S), holder[1])
        before = (max(holder[0], holder[1] - BEFORE_END_S), end[0])
        if before[1] > before[0]:
            fall_db = _difference(of.level_db(end), of.level_db(before))
            fall_st = _semitones(of.pitch_hz(end), of.pitch_hz(before))
    snrs = [snr for snr in (by.snr_db, of.snr_db) if snr is not None]
    return EventCues(
        comer_level_db=_difference(level_db, by.start_level_db),
        comer_pitch_st=_semitones(pitch_hz, by.start_pitch_hz),
        comer_voiced_share=voiced,
        holder_end_level_db=fall_db,
        holder_end_pitch_st=fall_st,
        holder_end_decay_s=decay_s,
        snr_db=min(snrs) if snrs else None,
    )


def _edges(unit: Unit, others: Sequence[Unit]) -> list[Span]:
    """The start of a unit, and its end where the other speaks meanwhile; all of it where these touch."""
    end = (max(unit.start_s, unit.end_s - BEFORE_END_S), unit.end_s)
    met = any(other.start_s < end[1] and other.end_s > end[0] for other in others)
    return union([_start(unit), end]) if met else [_start(unit)]


def _loud_level_db(voice: Voice) -> float | None:
    """How loud the speaker's loud units are; short ones weigh little."""
    if not voice.units:
        return None
    ordered = sorted((voice.level_db(unit.span) or 0.0, unit.end_s - unit.start_s) for unit in voice.units)
    lasting = np.cumsum([duration_s for _, duration_s in ordered])
    return ordered[int(np.searchsorted(lasting, lasting[-1] * LOUD_UNITS_SHARE))][0]


def _start(unit: Unit) -> Span:
    return unit.start_s, min(unit.end_s, unit.start_s + START_S)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _difference(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else value - reference


def _semitones(value_hz: float | None, reference_hz: float | None) -> float | None:
    if value_hz is None or reference_hz is None:
        return None
    return float(12 * np.log2(value_hz / reference_hz))
