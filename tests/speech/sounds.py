"""Voices, tones and noises that are made by rule, so that their times are known to the sample."""

from collections.abc import Sequence

import numpy as np

from pipeline.records import Samples
from pipeline.timeline import Span

RATE_HZ = 8000
FORMANTS = ((500.0, 200.0, 2.1, 80.0, 1.0), (1400.0, 500.0, 1.7, 100.0, 0.6), (2500.0, 0.0, 0.0, 150.0, 0.3))
"""Center, swing and rate of swing in Hz, half width in Hz, and strength of each resonance."""


def at_level(sound: np.ndarray, level_db: float) -> Samples:
    scale = 10 ** (level_db / 20) / np.sqrt(np.mean(np.square(sound)))
    return (sound * scale).astype(np.float32)


def voice(
    length_s: float, level_db: float = -20.0, *, f0_hz: float = 120.0, rate_hz: int = RATE_HZ
) -> Samples:
    """Harmonics through moving resonances, 4.5 syllables a second, loud from the first to the last sample."""
    time_s = np.arange(round(length_s * rate_hz)) / rate_hz
    pitch_hz = f0_hz * 2 ** (2 * np.sin(2 * np.pi * 0.6 * time_s) / 12)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    sound = np.zeros(time_s.size)
    for order in range(1, int(3300 / f0_hz)):
        gain = np.zeros(time_s.size)
        for center, swing, rate, width, strength in FORMANTS:
            resonance_hz = center + swing * np.sin(2 * np.pi * rate * time_s + rate)
            gain += strength * width**2 / ((order * pitch_hz - resonance_hz) ** 2 + width**2)
        sound += gain * np.sin(order * phase)
    syllables = max(1, round(4.5 * length_s))
    sound *= 0.2 + 0.8 * np.cos(np.pi * syllables * time_s / length_s) ** 2
    return at_level(sound, level_db)


def hiss(length_s: float, level_db: float, *, rate_hz: int = RATE_HZ, seed: int = 1) -> Samples:
    return at_level(np.random.default_rng(seed).standard_normal(round(length_s * rate_hz)), level_db)


def tone(length_s: float, *frequencies_hz: float, level_db: float = -20.0, rate_hz: int = RATE_HZ) -> Samples:
    time_s = np.arange(round(length_s * rate_hz)) / rate_hz
    return at_level(sum(np.sin(2 * np.pi * hz * time_s) for hz in frequencies_hz), level_db)


def chords(length_s: float, level_db: float = -20.0, *, rate_hz: int = RATE_HZ) -> Samples:
    """Organ chords of a second each, every note with overtones, without a pause, as hold music has."""
    bars = ((262, 330, 392, 523), (349, 440, 523, 698), (392, 494, 587, 784), (262, 330, 392, 523, 659))
    time_s = np.arange(rate_hz) / rate_hz
    seconds = [
        at_level(
            sum(
                np.sin(2 * np.pi * order * note * time_s) / order
                for note in bars[second % 4]
                for order in range(1, 5)
                if order * note < 3400
            ),
            level_db,
        )
        for second in range(int(length_s) + 1)
    ]
    return np.concatenate(seconds)[: round(length_s * rate_hz)]


def line(
    length_s: float,
    *parts: tuple[float, Samples],
    floor_db: float | None = None,
    rate_hz: int = RATE_HZ,
) -> Samples:
    """A channel with sounds from given times on, over a floor of noise or over digital silence."""
    samples = np.zeros(round(length_s * rate_hz), dtype=np.float32)
    for start_s, sound in parts:
        first = round(start_s * rate_hz)
        samples[first : first + sound.size] += sound
    return samples if floor_db is None else samples + hiss(length_s, floor_db, rate_hz=rate_hz)


def edges_off_s(found: Sequence[Span], truth: Sequence[Span]) -> list[float]:
    """How far the edges of spans are off, in order; needs as many spans as there are."""
    assert len(found) == len(truth), found
    return [
        abs(a - b) for one, other in zip(found, truth, strict=True) for a, b in zip(one, other, strict=True)
    ]
