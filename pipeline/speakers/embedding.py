"""Voices as vectors: one unit vector for each stretch of speech."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.records import Samples
from pipeline.speakers.networks import EMBEDDING_SIZE, MEL_BANDS, RATE_HZ
from pipeline.timeline import Span

FRAMES_PER_S = 100
FRAME_S = 0.025
GRID = 10
"""Stretches are cut to a multiple of so many filterbank frames, so that equal ones go through together."""
BATCH = 8

Vectors = npt.NDArray[np.float32]


def embed(samples: Samples, spans: Sequence[Span], network: Any) -> Vectors:
    """Unit vectors of the voices in some stretches, shape (spans, 192).

    Args:
        samples: shape (n,) at 16 kHz.
        spans: each of at least 0.2 s.
    """
    import torch

    vectors = np.zeros((len(spans), EMBEDDING_SIZE), dtype=np.float32)
    by_frames: dict[int, list[int]] = {}
    for index, (start_s, end_s) in enumerate(spans):
        frames = int((end_s - start_s) * FRAMES_PER_S / GRID) * GRID
        by_frames.setdefault(frames, []).append(index)
    for frames, members in sorted(by_frames.items()):
        for first in range(0, len(members), BATCH):
            group = members[first : first + BATCH]
            features = torch.stack([_filterbank(samples, spans[index], frames) for index in group])
            with torch.inference_mode():
                vectors[group] = network(features).numpy()
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    return vectors


def _filterbank(samples: Samples, span: Span, frames: int) -> Any:
    """Mean-normalized log mel energies of the middle of a stretch, shape (frames, 80)."""
    import torch

    size = round((frames - 1) * RATE_HZ / FRAMES_PER_S) + round(FRAME_S * RATE_HZ)
    start = max(0, round((span[0] + span[1]) / 2 * RATE_HZ) - size // 2)
    piece = np.zeros(size, dtype=np.float32)
    found = samples[start : start + size]
    piece[: found.size] = found
    features = filterbank_of(torch.from_numpy(piece)[None])
    return features - features.mean(dim=0, keepdim=True)


def filterbank_of(waveform: Any) -> Any:
    """Log mel energies, in the manner of Kaldi, of a waveform (1, n) at 16 kHz; shape (frames, 80)."""
    from torchaudio.compliance.kaldi import fbank

    return fbank(waveform, num_mel_bins=MEL_BANDS, sample_frequency=RATE_HZ, dither=0.0)
