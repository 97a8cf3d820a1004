"""The playback copy ``audio.ogg`` (Opus), and small digests of the sound for reports."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from pipeline.records import Samples
from pipeline.timeline import Span, union

BLOCK_S = 10
LAYOUTS = {1: "mono", 2: "stereo"}
SILENT_DB = -120.0
DIGEST_RATE_HZ = 8000

Peaks = npt.NDArray[np.float32]
Levels = npt.NDArray[np.float64]
PEAK_DECIMALS = 3
LEVEL_DECIMALS = 1


def write_opus(
    samples: Samples, sample_rate_hz: int, path: Path, bitrate_bps: int, muted: Iterable[Span] = ()
) -> None:
    """Encode ``samples`` (channels, n) in -1..1 as Ogg Opus, block by block, channels in their order.

    Time in the copy is time in the source (Opus's own delay is declared in the stream, and players skip
    it). ``muted`` spans are silent in every channel. The same sound becomes the same bytes: the stream's
    serial number is not random.
    """
    layout = LAYOUTS[samples.shape[0]]
    with av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=sample_rate_hz)
        stream.bit_rate = bitrate_bps
        stream.layout = layout
        stream.format = "flt"
        for start, block in _blocks(samples, sample_rate_hz, union(muted)):
            interleaved = np.ascontiguousarray(block.T, dtype=np.float32).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=layout)
            frame.sample_rate = sample_rate_hz
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _blocks(samples: Samples, sample_rate_hz: int, muted: list[Span]) -> Iterator[tuple[int, Samples]]:
    size = BLOCK_S * sample_rate_hz
    for start in range(0, samples.shape[1], size):
        block = np.clip(samples[:, start : start + size], -1.0, 1.0)
        for start_s, end_s in muted:
            first = int(np.floor(start_s * sample_rate_hz)) - start
            last = int(np.ceil(end_s * sample_rate_hz)) - start
            if last > 0 and first < block.shape[1]:
                block[:, max(first, 0) : last] = 0.0
        yield start, block


def waveform_peaks(samples: Samples, n: int) -> Peaks:
    """The largest magnitude in each of ``n`` equal stretches, shape (channels, n), in 0..1.

    Fewer than ``n`` columns when the sound has fewer samples.
    """
    channels, length = samples.shape
    columns = min(n, length)
    peaks = np.zeros((channels, columns), dtype=np.float32)
    edges = np.linspace(0, length, columns + 1).astype(np.int64)
    for column in range(columns):  # stretch by stretch: no copy of an hour of sound
        stretch = samples[:, edges[column] : edges[column + 1]]
        peaks[:, column] = np.maximum(stretch.max(axis=1), -stretch.min(axis=1))
    return peaks


def mute_peaks(peaks: Peaks, duration_s: float, muted: Iterable[Span]) -> Peaks:
    """``peaks`` without what lies in ``muted``, so that a report does not draw what it must not play."""
    quiet = peaks.copy()
    columns = quiet.shape[1]
    for start_s, end_s in union(muted):
        first = int(np.floor(start_s / duration_s * columns))
        quiet[:, first : int(np.ceil(end_s / duration_s * columns))] = 0.0
    return quiet


def second_levels_db(samples: Samples, sample_rate_hz: int) -> Levels:
    """RMS level in dBFS of every second, shape (channels, seconds); the last may be a part of one."""
    seconds = -(-samples.shape[1] // sample_rate_hz)
    powers = np.zeros((samples.shape[0], seconds))
    for second in range(seconds):
        stretch = samples[:, second * sample_rate_hz : (second + 1) * sample_rate_hz]
        powers[:, second] = np.mean(np.square(stretch, dtype=np.float64), axis=1)
    return _decibels(powers)


def _decibels(powers: npt.NDArray[np.float64]) -> Levels:
    levels: Levels = 10.0 * np.log10(np.maximum(powers, 10.0 ** (SILENT_DB / 10.0)))
    return levels


def read_digest(path: Path, n: int, duration_s: float) -> tuple[Peaks, Levels]:
    """``waveform_peaks`` and ``second_levels_db`` of an encoded copy, without holding its sound."""
    length_s = max(duration_s, 1 / DIGEST_RATE_HZ)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=LAYOUTS[stream.channels], rate=DIGEST_RATE_HZ)
        peaks = np.zeros((stream.channels, n), dtype=np.float32)
        powers = np.zeros((stream.channels, int(np.ceil(length_s))))
        position = 0
        for decoded in container.decode(stream):
            for frame in resampler.resample(decoded):
                block = frame.to_ndarray()
                second_at = (position + np.arange(block.shape[1])) / DIGEST_RATE_HZ
                columns = np.minimum((second_at / length_s * n).astype(np.int64), n - 1)
                seconds = np.minimum(second_at.astype(np.int64), powers.shape[1] - 1)
                for channel, sound in enumerate(block):
                    np.maximum.at(peaks[channel], columns, np.abs(sound))
                    np.add.at(powers[channel], seconds, np.square(sound, dtype=np.float64) / DIGEST_RATE_HZ)
                position += block.shape[1]
    return np.minimum(peaks, 1.0), _decibels(powers)


def rounded(peaks: Peaks, levels_db: Levels) -> tuple[Peaks, Levels]:
    """A digest as precise as it is kept, so that a report made later is the same."""
    exact = peaks.astype(np.float64).round(PEAK_DECIMALS)
    return exact.astype(np.float32), levels_db.round(LEVEL_DECIMALS)


def dump_digest(peaks: Peaks, levels_db: Levels, audio_bytes: int | None) -> bytes:
    """A digest as JSON, for reports that are made later; ``audio_bytes`` is the size of the copy, if any."""
    digest = {
        "audio_bytes": audio_bytes,
        "peaks": peaks.astype(np.float64).round(PEAK_DECIMALS).tolist(),
        "levels_db": levels_db.round(LEVEL_DECIMALS).tolist(),
    }
    return json.dumps(digest, separators=(",", ":")).encode() + b"\n"


def load_digest(content: bytes, n: int, audio_bytes: int | None) -> tuple[Peaks, Levels] | None:
    """The digest in ``content``; ``None`` where it is of another copy or size, or damaged."""
    try:
        digest = json.loads(content)
        peaks = np.array(digest["peaks"], dtype=np.float32)
        levels = np.array(digest["levels_db"], dtype=np.float64)
        fits = digest["audio_bytes"] == audio_bytes and peaks.ndim == levels.ndim == 2 and peaks.shape[1] == n
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (peaks, levels) if fits else None
