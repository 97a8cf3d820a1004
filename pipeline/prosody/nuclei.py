"""Syllable nuclei counted in the signal: a check of the articulation rate that needs no words.

Each syllable has a peak of energy in the band of its vowel. Peaks of the 300 to 2500 Hz envelope that rise
out of dips on both sides are counted (after Mermelstein 1975, and de Jong & Wempe 2009); a fixed gain makes
up for syllables that run together. The count agrees with words over a call, not over an utterance.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.audio.frames import FrameClock, cut
from pipeline.records import Samples
from pipeline.settings import RateSettings
from pipeline.timeline import Span

ENVELOPE_CLOCK = FrameClock(frame_s=0.016, hop_s=0.005)
BAND_HZ = (300.0, 2500.0)
SMOOTHING_S = 0.040
BLOCK_FRAMES = 4000

Envelope = npt.NDArray[np.float64]


def nuclei_rate_sps(
    samples: Samples, sample_rate_hz: int, speech: Sequence[Span], settings: RateSettings
) -> float | None:
    """Syllables per second of speech as counted in the signal; ``None`` without speech.

    Args:
        samples: one channel, shape (n,).
        speech: the inter-pausal units that the articulation rate rests on.
    """
    speech_s = sum(end_s - start_s for start_s, end_s in speech)
    if speech_s <= 0:
        return None
    nuclei = sum(
        count_nuclei(band_envelope_db(cut(samples, sample_rate_hz, span), sample_rate_hz), settings)
        for span in speech
    )
    return settings.nuclei_gain_ratio * nuclei / speech_s


def contradicts(by_words_sps: float | None, by_signal_sps: float | None, settings: RateSettings) -> bool:
    """Whether the count in the signal is too far from the rate by words for that to be relied on."""
    if by_words_sps is None or by_signal_sps is None:
        return False
    return abs(by_words_sps - by_signal_sps) > settings.nuclei_disagreement_sps


def band_envelope_db(samples: Samples, sample_rate_hz: int) -> Envelope:
    """Smoothed level of the vowel band in dB, one value every 5 ms, shape (frames,)."""
    size = round(ENVELOPE_CLOCK.frame_s * sample_rate_hz)
    hop = round(ENVELOPE_CLOCK.hop_s * sample_rate_hz)
    if samples.size < size:
        return np.empty(0)
    framed = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    low, high = (round(edge_hz * size / sample_rate_hz) for edge_hz in BAND_HZ)
    window = np.hanning(size)
    power = np.empty(framed.shape[0])
    for first in range(0, framed.shape[0], BLOCK_FRAMES):
        spectrum = np.fft.rfft(framed[first : first + BLOCK_FRAMES] * window, axis=1)[:, low : high + 1]
        power[first : first + BLOCK_FRAMES] = np.sum(np.abs(spectrum) ** 2, axis=1)
    width = round(SMOOTHING_S / ENVELOPE_CLOCK.hop_s) | 1
    kernel = np.hanning(width + 2)[1:-1]
    padded = np.pad(power, width // 2, mode="edge")
    smooth = np.convolve(padded, kernel / kernel.sum(), mode="valid")
    return 10 * np.log10(smooth + 1e-12)


def count_nuclei(envelope_db: Envelope, settings: RateSettings) -> int:
    """Peaks that are ``nuclei_dip_db`` over the dips beside them, and loud enough in their unit."""
    if envelope_db.size == 0:
        return 0
    floor_db = float(envelope_db.max()) - settings.nuclei_range_db
    nuclei = 0
    peak_db = dip_db = float(envelope_db[0])
    rising = True
    for level_db in map(float, envelope_db):
        if rising:
            peak_db = max(peak_db, level_db)
            if level_db <= peak_db - settings.nuclei_dip_db:
                nuclei += peak_db >= floor_db
                rising, dip_db = False, level_db
        else:
            dip_db = min(dip_db, level_db)
            if level_db >= dip_db + settings.nuclei_dip_db:
                rising, peak_db = True, level_db
    return nuclei + int(rising and peak_db >= floor_db)
