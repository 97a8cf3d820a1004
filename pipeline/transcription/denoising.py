"""Steady noise taken out of a channel before its words are recognized.

A Wiener filter: each band is weakened as far as it holds noise, which is estimated from what is quiet in it,
anew every few seconds. Nothing else hears this sound; what is measured is measured on the recording.
"""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d
from scipy.signal import istft, stft

from pipeline.records import Samples
from pipeline.settings import RecognizerSettings

Bands = npt.NDArray[np.float32]
"""A number per band and frame, shape (bands, frames)."""
FRAME_S, HOPS = 0.032, 4
BLOCK_S, MARGIN_S = 10.0, 0.5
"""Stretches that have one estimate of the noise, and what is filtered with them on both sides."""
QUIET_SHARE = 0.2
"""Of a band's frames, how many are quieter than the level that is taken for noise."""
OVER_QUIET = 1.15
"""By how much noise is louder than that level."""
SMOOTH_FRAMES = 7
DECISION = 0.96
"""How much of the estimate of a frame is what was found in the frame before."""
LEAST_BEFORE = 0.05
SILENCE_DBFS = -90.0
"""Frames under it are no noise: a line that was muted, a gap that was filled."""


def denoised(samples: Samples, sample_rate_hz: int, settings: RecognizerSettings) -> Samples:
    """A channel, shape (n,), float32, without its steady noise; bands lose up to ``denoise_db``."""
    block, margin = round(BLOCK_S * sample_rate_hz), round(MARGIN_S * sample_rate_hz)
    found = np.empty_like(samples)
    for first in range(0, samples.size, block):
        before = min(margin, first)
        part = samples[first - before : first + block + margin]
        found[first : first + block] = _filtered(part, sample_rate_hz, settings)[before : before + block]
    return found


def _filtered(samples: Samples, sample_rate_hz: int, settings: RecognizerSettings) -> Samples:
    size = round(FRAME_S * sample_rate_hz) // HOPS * HOPS
    if samples.size < size:
        return samples
    frames = {"fs": sample_rate_hz, "nperseg": size, "noverlap": size - size // HOPS}
    _, _, spectrum = stft(samples, **frames)
    power = np.abs(spectrum) ** 2
    heard = power.sum(axis=0) > 10 ** (SILENCE_DBFS / 10)
    if not heard.any():
        return samples
    smooth = uniform_filter1d(power, SMOOTH_FRAMES, axis=1)
    noise = OVER_QUIET * np.quantile(smooth[:, heard], QUIET_SHARE, axis=1, keepdims=True)
    gain = _gains(power, noise, 10 ** (-settings.denoise_db / 20))
    _, clean = istft(spectrum * gain, **frames)
    return np.asarray(clean[: samples.size], np.float32)


def _gains(power: Bands, noise: Bands, least: float) -> Bands:
    """Of amplitudes, by the decision-directed estimate of Ephraim & Malah (1984), which follows speech and
    leaves no chirping."""
    over = power / np.maximum(noise, 1e-20)
    gains = np.empty_like(over)
    last = np.maximum(over[:, 0] - 1, 0)
    for frame in range(over.shape[1]):
        prior = DECISION * last + (1 - DECISION) * np.maximum(over[:, frame] - 1, 0)
        gain = prior / (1 + prior)
        last = np.maximum(gain, LEAST_BEFORE) ** 2 * over[:, frame]
        gains[:, frame] = gain
    return np.maximum(gains, least)
