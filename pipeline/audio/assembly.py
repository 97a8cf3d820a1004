"""Blocks of decoded sound on their way into one array at the rate of analysis."""

import mmap
from dataclasses import dataclass, field

import numpy as np
import soxr

from pipeline.records import Samples

BLOCK_SAMPLES = 1 << 18
SILENCE_SAMPLES = 1 << 16


def analysis_rate_hz(source_rate_hz: int) -> int:
    """8000 Hz for telephone sound and anything under it, 16000 Hz for everything else."""
    return 8000 if source_rate_hz <= 8000 else 16000


@dataclass
class Assembly:
    """Collects interleaved sound of any rate and joins it into (channels, n) at ``rate_hz``.

    Blocks are anonymous memory maps: each goes back to the system as soon as it is copied into the result,
    which an allocator's free list would not promise, so the peak is the result and one block.
    """

    channels: int
    rate_hz: int
    source_s: float = 0.0
    _blocks: list[Samples] = field(default_factory=list)
    _filled: int = BLOCK_SAMPLES
    _source_rate_hz: int = 0
    _resampler: soxr.ResampleStream | None = None

    def append(self, samples: Samples, source_rate_hz: int) -> None:
        """Take float32 ``samples`` of shape (n, channels) at ``source_rate_hz``."""
        if source_rate_hz != self._source_rate_hz:
            self._finish_rate()
            self._source_rate_hz = source_rate_hz
            if source_rate_hz != self.rate_hz:
                self._resampler = soxr.ResampleStream(
                    source_rate_hz, self.rate_hz, self.channels, dtype="float32"
                )
        self.source_s += samples.shape[0] / source_rate_hz
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(np.ascontiguousarray(samples))
        self._store(samples)

    def append_silence(self, length_s: float, source_rate_hz: int) -> None:
        """Take ``length_s`` seconds of zeros."""
        remaining = round(length_s * source_rate_hz)
        while remaining > 0:
            count = min(remaining, SILENCE_SAMPLES)
            self.append(np.zeros((count, self.channels), np.float32), source_rate_hz)
            remaining -= count

    def join(self) -> Samples:
        """All sound as one contiguous float32 array (channels, n), clipped to -1..1; empties the assembly."""
        self._finish_rate()
        length = max(len(self._blocks) - 1, 0) * BLOCK_SAMPLES + (self._filled if self._blocks else 0)
        joined = np.empty((self.channels, length), np.float32)
        self._blocks.reverse()
        start = 0
        while self._blocks:
            block = self._blocks.pop()
            count = min(BLOCK_SAMPLES, length - start)
            np.clip(block[:, :count], -1.0, 1.0, out=joined[:, start : start + count])
            start += count
        return joined

    def _finish_rate(self) -> None:
        """Flush what the resampler still holds."""
        if self._resampler is not None:
            self._store(self._resampler.resample_chunk(np.empty((0, self.channels), np.float32), last=True))
        self._resampler = None

    def _store(self, samples: Samples) -> None:
        start = 0
        while start < samples.shape[0]:
            if self._filled == BLOCK_SAMPLES:
                memory = mmap.mmap(-1, self.channels * BLOCK_SAMPLES * np.dtype(np.float32).itemsize)
                self._blocks.append(np.frombuffer(memory, np.float32).reshape(self.channels, BLOCK_SAMPLES))
                self._filled = 0
            count = min(samples.shape[0] - start, BLOCK_SAMPLES - self._filled)
            self._blocks[-1][:, self._filled : self._filled + count] = samples[start : start + count].T
            self._filled += count
            start += count
