"""Syllables counted in the signal, against signals whose count is known."""

import numpy as np
import pytest

from pipeline.prosody.nuclei import band_envelope_db, contradicts, count_nuclei, nuclei_rate_sps
from pipeline.records import Samples
from pipeline.settings import load_settings

RATE_HZ = 8000
SETTINGS = load_settings().rate


def syllables(count: int, length_s: float = 0.2, carrier_hz: float = 700.0, depth: float = 1.0) -> Samples:
    """A carrier whose level swells and falls ``count`` times."""
    times_s = np.arange(round(count * length_s * RATE_HZ)) / RATE_HZ
    swell = 1 - depth * np.cos(2 * np.pi * times_s / length_s)
    return (0.2 * swell * np.sin(2 * np.pi * carrier_hz * times_s)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 5, 20])
@pytest.mark.parametrize("length_s", [0.125, 0.2, 0.3])
def test_every_swell_is_one(count: int, length_s: float) -> None:
    """At ordinary rates, three to eight a second, each rise and fall is one nucleus."""
    assert count_nuclei(band_envelope_db(syllables(count, length_s), RATE_HZ), SETTINGS) == count


def test_loudness_does_not_matter() -> None:
    """A quiet line has as many syllables as a loud one."""
    sound = syllables(10)
    counts = {count_nuclei(band_envelope_db(gain * sound, RATE_HZ), SETTINGS) for gain in (0.01, 0.1, 1.0)}
    assert counts == {10}


def test_shallow_dips_part_nothing() -> None:
    """A level that wavers by less than 2 dB is one syllable."""
    assert count_nuclei(band_envelope_db(syllables(8, depth=0.05), RATE_HZ), SETTINGS) == 1


def test_sound_outside_the_band_of_vowels_is_not_counted() -> None:
    """Hiss that swells over a steady vowel adds no syllables."""
    steady = syllables(8, depth=0.0)
    hiss = syllables(8, carrier_hz=3500.0)
    assert count_nuclei(band_envelope_db(steady + hiss, RATE_HZ), SETTINGS) == 1


def test_the_rate_is_over_speech_only() -> None:
    """Only the spans given count, in syllables and in seconds; without speech there is no rate."""
    silence = np.zeros(4 * RATE_HZ, dtype=np.float32)
    sound = np.concatenate((silence, syllables(10), silence))
    rate_sps = nuclei_rate_sps(sound, RATE_HZ, [(4.0, 6.0)], SETTINGS)
    assert rate_sps == pytest.approx(SETTINGS.nuclei_gain_ratio * 10 / 2.0)
    assert nuclei_rate_sps(sound, RATE_HZ, [], SETTINGS) is None


@pytest.mark.parametrize(
    ("by_words_sps", "by_signal_sps", "expected"),
    [(4.5, 5.4, False), (4.5, 5.6, True), (4.5, 3.4, True), (None, 5.0, False), (4.5, None, False)],
)
def test_a_rate_is_contradicted_from_a_syllable_a_second(
    by_words_sps: float | None, by_signal_sps: float | None, expected: bool
) -> None:
    """The signal contradicts the words either way, and only where both have a rate."""
    assert contradicts(by_words_sps, by_signal_sps, SETTINGS) == expected
