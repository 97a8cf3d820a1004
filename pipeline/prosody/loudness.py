"""How loud a speaker is: active level over speech frames, always to be read relative to the same line."""

from collections.abc import Sequence

import numpy as np

from pipeline.audio.frames import CLOCK, Levels, active_level_db
from pipeline.timeline import Span


def unit_levels_db(levels: Levels, speech: Sequence[Span]) -> list[tuple[float, float]]:
    """(active level in dBFS, length in s) of each span of speech that has frames.

    Args:
        levels: RMS level of each frame of the speaker's channel in dBFS, shape (frames,).
    """
    found = []
    for span in speech:
        level = active_level_db(levels[CLOCK.slice(span)])
        if level is not None:
            found.append((level, span[1] - span[0]))
    return found


def median_level_db(levels: Levels, speech: Sequence[Span]) -> float | None:
    """Median active level of the spans in dBFS, each counting by its length; ``None`` without speech."""
    weighted = sorted(unit_levels_db(levels, speech))
    if not weighted:
        return None
    cumulative = np.cumsum([length_s for _, length_s in weighted])
    middle = int(np.searchsorted(cumulative, cumulative[-1] / 2))
    return weighted[middle][0]
