"""How loud a speaker is over the frames of speech."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.frames import CLOCK, Levels
from pipeline.prosody.loudness import median_level_db, unit_levels_db
from pipeline.timeline import Span


def levels(*stretches: tuple[float, float]) -> Levels:
    """Frame levels of (seconds, dBFS) one after the other."""
    return np.concatenate(
        [np.full(round(seconds / CLOCK.hop_s), db, dtype=np.float32) for seconds, db in stretches]
    )


def test_the_level_of_a_unit_is_that_of_its_frames() -> None:
    """Silence around speech does not make it quieter."""
    channel = levels((1, -90), (2, -20), (1, -90), (1, -30), (1, -90))
    found = unit_levels_db(channel, [(1.1, 2.9), (4.1, 4.9)])
    assert [level for level, _ in found] == pytest.approx([-20, -30])
    assert [length_s for _, length_s in found] == pytest.approx([1.8, 0.8])


def test_longer_speech_counts_for_more() -> None:
    """One long quiet stretch outweighs three loud exclamations."""
    channel = levels((10, -30), (1, -10), (1, -12), (1, -14))
    spans: list[Span] = [(0.1, 9.9), (10.1, 10.9), (11.1, 11.9), (12.1, 12.9)]
    assert median_level_db(channel, spans) == pytest.approx(-30)


def test_the_median_of_equal_stretches_is_the_middle_one() -> None:
    """One shout in five sentences does not move the figure."""
    channel = levels((1, -24), (1, -22), (1, 0), (1, -26), (1, -25))
    spans: list[Span] = [(second + 0.1, second + 0.9) for second in range(5)]
    assert median_level_db(channel, spans) == pytest.approx(-24)


@pytest.mark.parametrize("spans", [[], [(50.0, 60.0)], [(1.002, 1.003)]])
def test_without_frames_there_is_no_level(spans: list[Span]) -> None:
    """No speech, or none on the recording, is undefined and not silent."""
    assert median_level_db(levels((5, -20)), spans) is None


@given(st.lists(st.integers(-60, 0), min_size=1, max_size=8), st.integers(-30, 30))
def test_gain_moves_the_figure_by_its_decibels(stretches: list[int], gain_db: int) -> None:
    """Louder lines are louder by as much, which is why the figure is only read against the same line."""
    channel = levels(*((1.0, float(db)) for db in stretches))
    spans: list[Span] = [(second + 0.1, second + 0.9) for second in range(len(stretches))]
    before = median_level_db(channel, spans)
    after = median_level_db(channel + np.float32(gain_db), spans)
    assert before is not None
    assert after == pytest.approx(before + gain_db, abs=1e-3)
    assert min(stretches) - 1e-3 <= before <= max(stretches) + 1e-3
