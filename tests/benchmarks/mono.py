"""One-channel versions of the sample calls, and how well voices are told apart on them.

A version is mixed down from the two channels in memory, always to the same samples: ``plain`` as it is,
``line`` with one party 6 dB over the other, noise 25 dB under the speech, and mu-law.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.audio.decode import decode
from pipeline.records import Samples
from pipeline.settings import Settings
from tests.benchmarks.truth import Truth

VERSIONS: tuple["Version", ...] = ("plain", "line")
LEVEL_DIFFERENCES_DB = (-6.0, 6.0)
NOISE_SNR_DB = 25.0
MU = 255.0
PEAK = 0.98

Version = Literal["plain", "line"]


@dataclass(frozen=True, slots=True)
class Mono:
    """One channel, shape (n,), of a sample call."""

    truth: Truth
    version: Version
    samples: Samples
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        return self.samples.size / self.sample_rate_hz


def mixed(truth: Truth, version: Version, number: int, settings: Settings) -> Mono:
    """A version of one sample call; ``number``, its place among them, decides who is louder."""
    recording = decode(truth.audio, settings.audio)
    agent = int(truth.content["agent_channel"])
    parties = [recording.samples[agent].astype(np.float64), recording.samples[1 - agent].astype(np.float64)]
    if version == "plain":
        return Mono(truth, version, _within_scale(sum(parties)), recording.sample_rate_hz)
    difference_db = LEVEL_DIFFERENCES_DB[number % len(LEVEL_DIFFERENCES_DB)]
    mix = parties[0] * 10 ** (difference_db / 40) + parties[1] * 10 ** (-difference_db / 40)
    speech = np.concatenate(
        [
            mix[round(start_s * recording.sample_rate_hz) : round(end_s * recording.sample_rate_hz)]
            for role in ("agent", "customer")
            for start_s, end_s in truth.speech(role)
        ]
    )
    noise = np.random.default_rng(number).standard_normal(mix.size)
    mix += noise * np.sqrt(np.mean(speech**2)) * 10 ** (-NOISE_SNR_DB / 20)
    return Mono(truth, version, _mu_law(_within_scale(mix)), recording.sample_rate_hz)


def _within_scale(mix: np.ndarray) -> Samples:
    return (mix * min(1.0, PEAK / np.abs(mix).max())).astype(np.float32)


def _mu_law(samples: Samples) -> Samples:
    """Coded to 8 bits and back (ITU-T G.711, continuous law)."""
    coded = np.round(np.sign(samples) * np.log1p(MU * np.abs(samples)) / np.log1p(MU) * 127) / 127
    return (np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(MU)) / MU).astype(np.float32)
