"""The playback copy is in time with the source, and its digests tell the truth."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from pipeline.reports import playback

RATES = [8000, 16000]


def bursts(rate_hz: int, duration_s: float, left_s: float, right_s: float) -> npt.NDArray[np.float32]:
    """Silence with a 100 ms tone on each channel at another time."""
    samples = np.zeros((2, round(duration_s * rate_hz)), dtype=np.float32)
    tone = 0.5 * np.sin(2 * np.pi * 700 * np.arange(round(0.1 * rate_hz)) / rate_hz)
    for channel, at_s in enumerate((left_s, right_s)):
        start = round(at_s * rate_hz)
        samples[channel, start : start + len(tone)] = tone
    return samples


def decode(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1), frames[0].sample_rate


@pytest.mark.parametrize("rate_hz", RATES)
def test_copy_is_in_time_with_the_source(tmp_path: Path, rate_hz: int) -> None:
    """A play button must land on its moment: under 20 ms, across a block border, channel by channel."""
    samples = bursts(rate_hz, 12.0, 9.97, 10.5)
    playback.write_opus(samples, rate_hz, tmp_path / "audio.ogg", 32000)
    decoded, decoded_hz = decode(tmp_path / "audio.ogg")
    assert decoded.shape[0] == 2
    assert decoded.shape[1] / decoded_hz == pytest.approx(12.0, abs=0.05)
    for channel, at_s in enumerate((9.97, 10.5)):
        onset_s = np.argmax(np.abs(decoded[channel]) > 0.2) / decoded_hz
        assert onset_s == pytest.approx(at_s, abs=0.020)


def test_copy_is_small(tmp_path: Path) -> None:
    """The bit rate of the settings is what is written."""
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 8000 * 20)).astype(np.float32)
    playback.write_opus(noise, 8000, tmp_path / "audio.ogg", 24000)
    assert (tmp_path / "audio.ogg").stat().st_size < 20 * 24000 / 8 * 1.3


def test_mono_and_clipped_sound(tmp_path: Path) -> None:
    """One channel stays one channel; values over full scale do not wrap."""
    loud = np.full((1, 8000), 3.0, dtype=np.float32)
    playback.write_opus(loud, 8000, tmp_path / "audio.ogg", 32000)
    assert decode(tmp_path / "audio.ogg")[0].shape[0] == 1


def test_muted_spans_are_silent_in_both_channels(tmp_path: Path) -> None:
    """Redacted speech must not be heard, nor the other side repeating it."""
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 8000 * 12)).astype(np.float32)
    playback.write_opus(noise, 8000, tmp_path / "audio.ogg", 64000, [(9.0, 11.0)])
    decoded, rate_hz = decode(tmp_path / "audio.ogg")
    inside = decoded[:, int(9.1 * rate_hz) : int(10.9 * rate_hz)]
    assert np.abs(inside).max() < 2e-3  # the codec rings for a moment
    assert np.abs(decoded[:, : 8 * rate_hz]).max() > 0.1


def test_peaks_are_the_largest_magnitudes() -> None:
    """Negative swings count, and each stretch stands for itself."""
    samples = np.zeros((2, 1000), dtype=np.float32)
    samples[0, 105], samples[1, 999] = -0.75, 0.5
    peaks = playback.waveform_peaks(samples, 10)
    assert peaks.shape == (2, 10)
    assert peaks[0].tolist() == [0, 0.75, 0, 0, 0, 0, 0, 0, 0, 0]
    assert peaks[1, 9] == 0.5
    assert playback.waveform_peaks(samples[:, :3], 10).shape == (2, 3)
    assert playback.waveform_peaks(samples[:, :0], 10).shape == (2, 0)


def test_levels_are_decibels_of_full_scale() -> None:
    """A full-scale sine is -3 dB, silence is the floor, the last part of a second counts."""
    time_s = np.arange(8000 * 2 + 4000) / 8000
    samples = np.sin(2 * np.pi * 440 * time_s).astype(np.float32)[np.newaxis]
    samples[:, 8000:16000] = 0
    levels = playback.second_levels_db(samples, 8000)
    assert levels.shape == (1, 3)
    assert levels[0] == pytest.approx([-3.01, playback.SILENT_DB, -3.01], abs=0.05)


def test_digest_of_the_copy_is_that_of_the_source(tmp_path: Path) -> None:
    """A report rendered again from audio.ogg shows the same waveform."""
    samples = bursts(8000, 12.0, 3.0, 9.0)
    playback.write_opus(samples, 8000, tmp_path / "audio.ogg", 64000)
    peaks, levels = playback.read_digest(tmp_path / "audio.ogg", 24, 12.0)
    assert np.abs(peaks - playback.waveform_peaks(samples, 24)).max() < 0.1
    assert np.abs(levels[:, 3] - playback.second_levels_db(samples, 8000)[:, 3])[0] < 1.0


def test_redacted_stretch_is_not_drawn() -> None:
    """The waveform must not show what must not be heard."""
    peaks = playback.mute_peaks(np.ones((2, 10), dtype=np.float32), 100.0, [(15.0, 31.0)])
    assert peaks[0].tolist() == [1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
