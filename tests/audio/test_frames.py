"""Where samples become frames, levels and seconds."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.frames import (
    CLOCK,
    SILENCE_DB,
    FrameClock,
    active_level_db,
    blocks,
    cut,
    levels_db,
    resample,
)
from pipeline.records import Samples
from pipeline.timeline import total_s

CLOCKS = [CLOCK, FrameClock(frame_s=0.032, hop_s=0.010), FrameClock(frame_s=0.05, hop_s=0.025)]


def sine(hz: float, length_s: float, rate_hz: int = 8000, amplitude: float = 0.5) -> Samples:
    time_s = np.arange(round(length_s * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


@pytest.mark.parametrize("clock", CLOCKS)
@given(index=st.integers(0, 1_000_000))
def test_a_frame_is_the_nearest_to_its_own_center(clock: FrameClock, index: int) -> None:
    """Frames and seconds are two names of one moment, over hours."""
    assert clock.index(clock.time_s(index)) == index
    assert abs(clock.index(clock.time_s(index) + 0.4 * clock.hop_s) - index) == 0


@pytest.mark.parametrize("clock", CLOCKS)
@given(active=st.lists(st.booleans(), max_size=60))
def test_masks_and_spans_are_inverse(clock: FrameClock, active: list[bool]) -> None:
    """Frames become spans and the spans become the same frames again."""
    mask = np.array(active, dtype=np.bool_)
    spans = clock.spans(mask)
    assert clock.mask(spans, mask.size).tolist() == active
    assert total_s(spans) == pytest.approx(sum(active) * clock.hop_s)


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(1, 300)), max_size=4))
def test_the_frames_of_a_span_have_their_centers_in_it(pieces: list[tuple[int, int]]) -> None:
    """A frame belongs to a span by its center, so that spans that touch never share one."""
    for first, length in pieces:
        span = (first / 200, (first + length) / 200)
        inside = range(10_000)[CLOCK.slice(span)]
        expected = [i for i in range(600) if span[0] - 1e-9 <= CLOCK.time_s(i) < span[1] - 1e-9]
        assert list(inside) == expected


def test_levels_of_known_signals() -> None:
    """A full-scale square is 0 dBFS, a sine 3 dB less, half of that 6 dB less, and silence the floor."""
    square = np.where(np.arange(8000) % 8 < 4, 1, -1).astype(np.float32)
    assert levels_db(square, 8000) == pytest.approx(0.0, abs=1e-4)
    assert levels_db(sine(400, 1, amplitude=1.0), 8000) == pytest.approx(-3.01, abs=0.01)
    assert levels_db(sine(400, 1, amplitude=0.5), 8000) == pytest.approx(-9.03, abs=0.01)
    assert (levels_db(np.zeros(8000, dtype=np.float32), 8000) == SILENCE_DB).all()


@pytest.mark.parametrize("rate_hz", [8000, 16_000])
@pytest.mark.parametrize(
    ("length_s", "frames"), [(0.0, 0), (0.019, 0), (0.020, 1), (0.029, 1), (0.030, 2), (1.0, 99)]
)
def test_how_many_frames(rate_hz: int, length_s: float, frames: int) -> None:
    """Only whole frames count; a signal shorter than one has none."""
    assert levels_db(np.zeros(round(length_s * rate_hz), dtype=np.float32), rate_hz).size == frames


def test_levels_do_not_depend_on_blocks() -> None:
    """Long recordings are measured in blocks: a frame's level is that of its own samples, beyond 60 s too."""
    noise = np.random.default_rng(1).standard_normal(125 * 8000).astype(np.float32) * 0.1
    levels = levels_db(noise, 8000)
    for index in (0, 5998, 5999, 6000, 6001, 12_000, levels.size - 1):
        frame = noise[index * 80 : index * 80 + 160].astype(np.float64)
        assert levels[index] == pytest.approx(10 * np.log10(np.mean(frame**2)), abs=1e-3)


def test_a_loud_start_does_not_blur_a_quiet_end() -> None:
    """Sums over a block keep the precision that quiet frames need: -80 dBFS after 0 dBFS is -80 dBFS."""
    samples = np.concatenate((np.ones(8000 * 50), np.full(8000, 1e-4))).astype(np.float32)
    assert levels_db(samples, 8000)[-50:] == pytest.approx(-80.0, abs=0.05)


@given(st.floats(-40, 0))
def test_gain_moves_levels_by_its_decibels(gain_db: float) -> None:
    """Levels are relative: a quieter line is lower by its loss, everywhere."""
    sound = sine(300, 0.2, amplitude=0.9)
    quieter = (sound * 10 ** (gain_db / 20)).astype(np.float32)
    assert levels_db(quieter, 8000) == pytest.approx(levels_db(sound, 8000) + gain_db, abs=0.01)


def test_active_level_is_a_mean_of_power() -> None:
    """Half the frames at -20 dB and half silent are -23 dB; no frames have no level."""
    levels = np.array([-20.0, -120.0], dtype=np.float32)
    assert active_level_db(levels) == pytest.approx(-23.01, abs=0.01)
    assert active_level_db(np.empty(0, dtype=np.float32)) is None


def test_cut_is_the_samples_of_a_span() -> None:
    """A span that reaches over the recording gives what there is."""
    samples = np.arange(80, dtype=np.float32)
    assert cut(samples, 8000, (0.001, 0.002)).tolist() == list(range(8, 16))
    assert cut(samples, 8000, (-1.0, 0.001)).tolist() == list(range(8))
    assert cut(samples, 8000, (0.009, 1.0)).tolist() == list(range(72, 80))
    assert cut(samples, 8000, (1.0, 2.0)).size == 0


@given(st.lists(st.integers(0, 400), min_size=2, max_size=6))
def test_cuts_side_by_side_are_the_whole(marks: list[int]) -> None:
    """Cutting at any moments loses no sample and doubles none."""
    samples = np.arange(400, dtype=np.float32)
    edges = [0.0, *(mark / 8000 for mark in sorted(marks)), 0.05]
    parts = [cut(samples, 8000, span) for span in itertools.pairwise(edges)]
    assert np.concatenate(parts).tolist() == samples.tolist()


@pytest.mark.parametrize("from_hz", [8000, 16_000])
@pytest.mark.parametrize("to_hz", [8000, 16_000])
def test_conversion_keeps_pitch_level_and_length(from_hz: int, to_hz: int) -> None:
    """A 440 Hz tone is a 440 Hz tone of the same level and length at any rate."""
    converted = resample(sine(440, 1.0, from_hz), from_hz, to_hz)
    assert converted.dtype == np.float32
    assert converted.size == to_hz
    spectrum = np.abs(np.fft.rfft(converted))
    assert spectrum.argmax() == 440
    assert active_level_db(levels_db(converted[to_hz // 10 : -to_hz // 10], to_hz)) == pytest.approx(
        -9.03, abs=0.05
    )


@pytest.mark.parametrize("from_hz", [8000, 16_000])
@pytest.mark.parametrize("length_s", [0.0, 0.001, 0.3, 1.0, 2.57])
def test_blocks_are_the_whole_in_order(from_hz: int, length_s: float) -> None:
    """Conversion in blocks leaves no seam, no gap and no drift."""
    sound = sine(700, length_s, from_hz)
    joined = np.concatenate([np.empty(0, np.float32), *blocks(sound, from_hz, 16_000, block_s=0.5)])
    whole = resample(sound, from_hz, 16_000)
    assert abs(joined.size - whole.size) <= 1
    count = min(joined.size, whole.size)
    assert joined[:count] == pytest.approx(whole[:count], abs=1e-3)
