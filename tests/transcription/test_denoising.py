"""Steady noise is weakened, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.records import Samples
from pipeline.transcription.denoising import denoised
from tests import factories

RATE_HZ = 8000
SETTINGS = factories.settings().recognizer
OFF = SETTINGS.model_copy(update={"denoise_db": 0.0})


def level_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


def burst_in_noise(duration_s: float = 24.0) -> tuple[Samples, Samples, Samples]:
    """A tone for the middle third of each second, noise 10 dB under it, and where the tone is."""
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    on = (time_s % 1.0 > 1 / 3) & (time_s % 1.0 < 2 / 3)
    tone = np.where(on, 0.1 * np.sin(2 * np.pi * 440 * time_s), 0).astype(np.float32)
    noise = np.random.default_rng(1).normal(0, 0.1 / np.sqrt(2) * 10**-0.5, time_s.size).astype(np.float32)
    return tone, noise, on


def test_noise_is_weakened_and_speech_stays() -> None:
    """In pauses the noise loses most of what the setting allows; the tone keeps its level within 1 dB."""
    tone, noise, on = burst_in_noise()
    clean = denoised(tone + noise, RATE_HZ, SETTINGS)
    assert clean.shape == tone.shape
    assert clean.dtype == np.float32
    lost_db = level_db(noise[~on]) - level_db(clean[~on])
    assert 0.6 * SETTINGS.denoise_db < lost_db < SETTINGS.denoise_db + 1
    kept = float(clean[on] @ tone[on] / (tone[on] @ tone[on]))
    assert abs(20 * np.log10(kept)) < 1


def test_a_clean_line_comes_through() -> None:
    """Where noise is 50 dB under the speech, what changes is 30 dB and more under it."""
    tone, noise, _ = burst_in_noise()
    line = tone + noise / 100
    assert level_db(denoised(line, RATE_HZ, SETTINGS) - line) < level_db(line) - 30


def test_zero_is_off() -> None:
    """The setting of 0 dB leaves everything."""
    tone, noise, _ = burst_in_noise()
    assert np.allclose(denoised(tone + noise, RATE_HZ, OFF), tone + noise, atol=1e-5)


@given(
    arrays.arrays(np.float32, st.integers(0, 5000), elements=st.floats(-1, 1, width=32)),
    st.sampled_from([8000, 11025, 16000, 44100]),
)
def test_any_sound_stays_finite_and_as_long(samples: Samples, rate_hz: int) -> None:
    """Short ones, silent ones, odd rates."""
    clean = denoised(samples, rate_hz, SETTINGS)
    assert clean.shape == samples.shape
    assert np.isfinite(clean).all()


@pytest.mark.parametrize("silent", [0.0, 1e-6])
def test_silence_stays_silent(silent: float) -> None:
    """A muted line is no noise."""
    assert np.abs(denoised(np.full(RATE_HZ, silent, np.float32), RATE_HZ, SETTINGS)).max() <= 2e-6
