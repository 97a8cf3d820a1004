"""Local speakers: who is active in each window of a recording, without knowing who that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.audio.frames import FrameClock
from pipeline.records import Samples
from pipeline.speakers.networks import RATE_HZ
from pipeline.timeline import Span

WINDOW_S = 10.0
WINDOW_SAMPLES = round(WINDOW_S * RATE_HZ)
FRAME_STEP = 270
"""Samples between two frames of the network; windows start on this grid, so that their frames coincide."""
FRAME_S = FRAME_STEP / RATE_HZ
FIRST_FRAME_S = 495.5 / RATE_HZ
"""Center of the first frame's receptive field of 991 samples."""
FRAMES = 589
LOCAL = 3
POWERSET = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=np.bool_
)
"""The network's classes as sets of active local speakers, shape (7, 3)."""
BATCH = 4

Active = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LocalSpeakers:
    """Activity of the local speakers of each window.

    ``active`` has shape (windows, 589, 3); frame ``i`` of window ``w`` is frame ``first[w] + i`` of the
    recording, of which there are ``frames``.
    """

    active: Active
    first: npt.NDArray[np.intp]
    frames: int


def local_speakers(samples: Samples, network: Any, step_s: float) -> LocalSpeakers:
    """Run the network over windows of 10 s, ``step_s`` apart.

    Args:
        samples: shape (n,) at 16 kHz.
    """
    import torch

    step = max(1, round(step_s / FRAME_S))
    last = max(0, -(-(samples.size - WINDOW_SAMPLES) // (step * FRAME_STEP)))
    first = np.arange(last + 1) * step
    active = np.zeros((first.size, FRAMES, LOCAL), dtype=np.bool_)
    for start in range(0, first.size, BATCH):
        batch = np.zeros((min(BATCH, first.size - start), 1, WINDOW_SAMPLES), dtype=np.float32)
        for row, frame in enumerate(first[start : start + BATCH]):
            piece = samples[frame * FRAME_STEP : frame * FRAME_STEP + WINDOW_SAMPLES]
            batch[row, 0, : piece.size] = piece
        with torch.inference_mode():
            classes = network(torch.from_numpy(batch)).argmax(dim=-1).numpy()
        active[start : start + BATCH] = POWERSET[classes]
    return LocalSpeakers(active, first, int(first[-1]) + FRAMES)


def within(local: LocalSpeakers, speech: Sequence[Span]) -> LocalSpeakers:
    """The same with nobody active outside ``speech``: the network takes tones and music for voices."""
    clock = FrameClock(frame_s=2 * FIRST_FRAME_S, hop_s=FRAME_S)
    inside = clock.mask(list(speech), local.frames)
    kept = np.stack([inside[first : first + FRAMES] for first in local.first])
    return LocalSpeakers(local.active & kept[:, :, None], local.first, local.frames)


def span_of(start: int, end: int) -> tuple[float, float]:
    """The time of frames ``start`` to ``end`` (excluded); a frame stands for one step around its center."""
    edge_s = FIRST_FRAME_S - FRAME_S / 2
    return max(0.0, edge_s + start * FRAME_S), edge_s + end * FRAME_S
