"""How a voice in one turn stands against the same voice earlier in the call (docs/measures/tension.md)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.audio.frames import CLOCK, Levels
from pipeline.prosody.pitch import PitchTrack
from pipeline.records import Samples
from pipeline.settings import TensionSettings
from pipeline.timeline import Span

SEMITONES = 12
FFT_SIZE = 256
CHUNK = 8192
TINY = 1e-12

Features = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceScores:
    """Pitch, level and share of high frequencies of a turn, in standard deviations; ``None`` without them."""

    f0_z: float | None = None
    level_z: float | None = None
    high_frequency_z: float | None = None


def voice_scores(
    track: PitchTrack,
    samples: Samples,
    sample_rate_hz: int,
    levels: Levels,
    turns: Sequence[Span],
    settings: TensionSettings,
) -> list[VoiceScores]:
    """Scores of each turn against the first voiced speech of the call, all empty where that is too short.

    The reference is cut into pieces of a second of voice, about what a short turn has: the scores are of
    means over such pieces, since single frames vary far more than a turn does.

    Args:
        track: F0 of the speaker.
        samples: the speaker's channel at ``sample_rate_hz``, shape (n,).
        levels: its frame levels in dBFS.
    """
    times_s = track.times_s[track.voiced]
    features = _features(times_s, track.f0_hz[track.voiced], samples, sample_rate_hz, levels, settings)
    reference = features[: round(settings.reference_voiced_s / track.hop_s)]
    size = round(settings.piece_voiced_s / track.hop_s)
    pieces = reference[: len(reference) // size * size].reshape(-1, size, 3).mean(axis=1)
    if len(pieces) * settings.piece_voiced_s < settings.reference_min_voiced_s:
        return [VoiceScores()] * len(turns)
    center = pieces.mean(axis=0)
    least = (settings.least_sd_st, settings.least_sd_db, settings.least_sd_db)
    spread = np.maximum(pieces.std(axis=0, ddof=1), least)
    found = []
    for start_s, end_s in turns:
        own = features[np.searchsorted(times_s, start_s) : np.searchsorted(times_s, end_s)]
        if len(own) < size:
            found.append(VoiceScores())
            continue
        z = np.clip((own.mean(axis=0) - center) / spread, -settings.clip_z, settings.clip_z)
        found.append(VoiceScores(f0_z=float(z[0]), level_z=float(z[1]), high_frequency_z=float(z[2])))
    return found


def _features(
    times_s: npt.NDArray[np.float64],
    f0_hz: npt.NDArray[np.float64],
    samples: Samples,
    sample_rate_hz: int,
    levels: Levels,
    settings: TensionSettings,
) -> Features:
    """Semitones, level in dB and high-frequency share in dB of voiced frames, shape (frames, 3)."""
    if not times_s.size:
        return np.empty((0, 3))
    nearest = np.clip(np.round((times_s - CLOCK.frame_s / 2) / CLOCK.hop_s).astype(int), 0, levels.size - 1)
    high_db = _high_frequency_db(times_s, samples, sample_rate_hz, settings.high_frequency_hz)
    return np.column_stack((SEMITONES * np.log2(f0_hz), levels[nearest], high_db))


def _high_frequency_db(
    times_s: npt.NDArray[np.float64], samples: Samples, sample_rate_hz: int, above_hz: float
) -> npt.NDArray[np.float64]:
    """Energy over ``above_hz`` relative to that under it, in dB, of a frame around each moment."""
    window = np.hanning(FFT_SIZE)
    high = np.fft.rfftfreq(FFT_SIZE, 1 / sample_rate_hz) >= above_hz
    starts = np.round(times_s * sample_rate_hz).astype(int) - FFT_SIZE // 2
    starts = np.clip(starts, 0, max(0, samples.size - FFT_SIZE))
    found = np.empty(times_s.size)
    for first in range(0, times_s.size, CHUNK):
        rows = starts[first : first + CHUNK, None] + np.arange(FFT_SIZE)
        power = np.abs(np.fft.rfft(samples[rows] * window, axis=1)) ** 2
        ratio = (power[:, high].sum(axis=1) + TINY) / (power[:, ~high].sum(axis=1) + TINY)
        found[first : first + CHUNK] = 10 * np.log10(ratio)
    return found
