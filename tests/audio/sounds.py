"""Recordings with known content: a tone per channel, written by PyAV, soundfile or by hand."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
from av.audio.frame import AudioFrame

from pipeline.records import Recording, Samples

TONES_HZ = (440.0, 1000.0)
AMPLITUDES = (0.5, 0.25)
LENGTH_S = 2.0


def tones(rate_hz: int, channels: int = 2, length_s: float = LENGTH_S) -> Samples:
    """Float32 (channels, n): 440 Hz at 0.5 on channel 0, 1000 Hz at 0.25 on channel 1."""
    time_s = np.arange(round(rate_hz * length_s)) / rate_hz
    rows = [
        amplitude * np.sin(2 * np.pi * tone_hz * time_s)
        for tone_hz, amplitude in zip(TONES_HZ, AMPLITUDES, strict=True)
    ]
    return np.stack(rows[:channels]).astype(np.float32)


def encode(
    path: Path,
    codec: str,
    samples: Samples,
    rate_hz: int,
    *,
    container: str | None = None,
    bit_rate: int | None = None,
    skip: slice | None = None,
) -> Path:
    """Write (channels, n) with PyAV; ``skip`` leaves packets out while the clock runs on."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[0]]
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout=layout)
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        packets = []
        for start in range(0, samples.shape[1], 960):
            block = np.ascontiguousarray(samples[:, start : start + 960])
            frame = AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate_hz, start
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for index, packet in enumerate(packets):
            if skip is None or index not in range(*skip.indices(len(packets))):
                file.mux(packet)
    return path


def write_wav(path: Path, samples: Samples, rate_hz: int, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples.T, rate_hz, format="WAV", subtype=subtype)
    return path


def dominant_hz(samples: Samples, rate_hz: int) -> float:
    """Frequency of the strongest spectral line of (n,)."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum) * rate_hz / samples.size)


def level(samples: Samples) -> float:
    """Amplitude of a sine with the power of (n,)."""
    return float(np.sqrt(2.0 * np.mean(samples.astype(np.float64) ** 2)))


def recording(samples: npt.ArrayLike, rate_hz: int = 8000, codec: str = "pcm_s16le") -> Recording:
    """A decoded recording of (channels, n)."""
    return Recording(
        path=Path("call.wav"),
        source="call.wav",
        sha256="0" * 64,
        samples=np.asarray(samples, np.float32),
        sample_rate_hz=rate_hz,
        source_rate_hz=rate_hz,
        codec=codec,
        container="wav",
    )
