"""Short-time levels and rate conversion: the one place where samples become frames and seconds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from pipeline.records import Samples
from pipeline.timeline import Span

FRAME_S = 0.020
HOP_S = 0.010
SILENCE_DB = -120.0
BLOCK_S = 60.0

Levels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FrameClock:
    """Frames of ``frame_s`` every ``hop_s`` seconds; frame ``i`` is centered on ``time_s(i)``."""

    frame_s: float = FRAME_S
    hop_s: float = HOP_S

    def time_s(self, index: int) -> float:
        return index * self.hop_s + self.frame_s / 2

    def index(self, time_s: float) -> int:
        """The frame whose center is nearest to ``time_s`` (may lie outside the signal)."""
        return round((time_s - self.frame_s / 2) / self.hop_s)

    def slice(self, span: Span) -> slice:
        """The frames whose centers lie in a span."""
        first = int(np.ceil((span[0] - self.frame_s / 2) / self.hop_s - 1e-9))
        last = int(np.ceil((span[1] - self.frame_s / 2) / self.hop_s - 1e-9))
        return slice(max(0, first), max(0, last))

    def spans(self, active: Mask) -> list[Span]:
        """Runs of active frames as spans; a frame stands for one hop around its center."""
        edges = np.flatnonzero(np.diff(np.concatenate(([0], active.astype(np.int8), [0]))))
        starts, ends = edges[::2], edges[1::2]
        half_s = self.hop_s / 2
        return [
            (max(0.0, self.time_s(int(first)) - half_s), self.time_s(int(last) - 1) + half_s)
            for first, last in zip(starts, ends, strict=True)
        ]

    def mask(self, spans: list[Span], count: int) -> Mask:
        """True for the frames whose centers lie in one of the spans; shape (count,)."""
        inside = np.zeros(count, dtype=np.bool_)
        for span in spans:
            inside[self.slice(span)] = True
        return inside


CLOCK = FrameClock()


def levels_db(samples: Samples, sample_rate_hz: int, clock: FrameClock = CLOCK) -> Levels:
    """RMS level of each frame in dBFS, shape (frames,), never under ``SILENCE_DB``.

    ``samples`` is one channel, shape (n,). A signal shorter than a frame has no levels.
    """
    size, hop = round(clock.frame_s * sample_rate_hz), round(clock.hop_s * sample_rate_hz)
    count = max(0, (samples.size - size) // hop + 1)
    levels = np.empty(count, dtype=np.float32)
    step = max(1, round(BLOCK_S / clock.hop_s))
    for first in range(0, count, step):
        last = min(count, first + step)
        block = samples[first * hop : (last - 1) * hop + size].astype(np.float64)
        energy = np.concatenate(([0.0], np.cumsum(block * block)))
        starts = np.arange(last - first) * hop
        mean_square = (energy[starts + size] - energy[starts]) / size
        levels[first:last] = 10 * np.log10(np.maximum(mean_square, 10 ** (SILENCE_DB / 10)))
    return levels


def active_level_db(levels: Levels) -> float | None:
    """Mean power of frames in dBFS, ``None`` without frames."""
    if levels.size == 0:
        return None
    return float(10 * np.log10(np.mean(10 ** (levels.astype(np.float64) / 10))))


def cut(samples: Samples, sample_rate_hz: int, span: Span) -> Samples:
    """The samples of one channel that lie in a span (a view)."""
    return samples[max(0, round(span[0] * sample_rate_hz)) : max(0, round(span[1] * sample_rate_hz))]


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """One channel at another rate; the same array when the rates are equal."""
    if from_hz == to_hz:
        return samples
    converted: Samples = soxr.resample(samples, from_hz, to_hz, quality="HQ").astype(np.float32, copy=False)
    return converted


def blocks(samples: Samples, sample_rate_hz: int, to_hz: int, block_s: float = BLOCK_S) -> Iterator[Samples]:
    """One channel in consecutive blocks at another rate, so that memory stays bounded."""
    stream = soxr.ResampleStream(sample_rate_hz, to_hz, 1, dtype="float32", quality="HQ")
    size = round(block_s * sample_rate_hz)
    for first in range(0, samples.size, size):
        block = samples[first : first + size]
        if sample_rate_hz == to_hz:
            yield block
        else:
            yield stream.resample_chunk(block, last=first + size >= samples.size)
