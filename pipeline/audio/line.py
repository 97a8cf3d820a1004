"""The kind of line a speaker is heard on, as far as it bears on what is usual there.

A line type is ``band/codec family``, e.g. ``narrowband/g711``. The *band* is what the sound holds, not what
the file's header says: Opus always decodes at 48 kHz, and a telephone call stored at 44.1 kHz is still one.
The *family* is coarse on purpose. PCM, mu-law and A-law at 8 kHz have the same F0 and rates, and so have MP3
and Opus at telephone bit rates; only levels differ, since recorders put their gain where the codec is. So
baselines of pitch and rate are shared within a band, and loudness is compared within a family. A device
class may follow as a third part once metadata have one.
"""

import numpy as np

from pipeline.records import Recording, Samples
from pipeline.settings import BaselineSettings

TELEPHONE_RATE_HZ = 8_000
TELEPHONE_BAND_HZ = (300.0, 3_400.0)
UPPER_BAND_HZ = (4_500.0, 7_500.0)
FRAME_SAMPLES = 1024
FRAME_STEP = 4
"""One frame in four is looked at: the band is a matter of minutes, and this costs milliseconds."""

FAMILIES = (
    ("pcm_mulaw", "g711"),
    ("pcm_alaw", "g711"),
    ("pcm_", "lossless"),
    ("flac", "lossless"),
    ("alac", "lossless"),
    ("mp3", "mp3"),
    ("opus", "opus"),
    ("libopus", "opus"),
    ("aac", "aac"),
    ("gsm", "gsm"),
    ("amr", "amr"),
    ("libopencore_amr", "amr"),
    ("vorbis", "vorbis"),
    ("g722", "g722"),
    ("adpcm", "adpcm"),
)
"""What a decoder's name begins with, and its family; the first that fits."""


def line_type(recording: Recording, channel: int, settings: BaselineSettings) -> str:
    """The line type of one channel."""
    wide = is_wideband(recording.samples[channel], recording.sample_rate_hz, settings.wideband_db)
    return f"{'wideband' if wide else 'narrowband'}/{codec_family(recording.codec)}"


def band_of(line: str) -> str:
    """``narrowband`` or ``wideband``: the part of a line type that pitch and rates depend on."""
    return line.partition("/")[0]


def codec_family(codec: str) -> str:
    return next((family for start, family in FAMILIES if codec.startswith(start)), "other")


def is_wideband(samples: Samples, rate_hz: int, wideband_db: float) -> bool:
    """Whether a channel holds more than telephone bandwidth.

    Args:
        samples: the channel, shape (n,).
        wideband_db: level of the upper band, in dB relative to the telephone band, from which it does.
    """
    if rate_hz <= TELEPHONE_RATE_HZ or samples.size < FRAME_SAMPLES:
        return False
    frames = samples[: samples.size // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)[::FRAME_STEP]
    window = np.hanning(FRAME_SAMPLES).astype(np.float32)
    power = np.zeros(FRAME_SAMPLES // 2 + 1)
    for frame in frames:
        power += np.square(np.abs(np.fft.rfft(frame * window)))
    frequency_hz = np.fft.rfftfreq(FRAME_SAMPLES, 1 / rate_hz)
    low, high = (
        float(power[(frequency_hz >= start) & (frequency_hz <= end)].sum())
        for start, end in (TELEPHONE_BAND_HZ, UPPER_BAND_HZ)
    )
    return low > 0 and high >= low * 10 ** (wideband_db / 10)
