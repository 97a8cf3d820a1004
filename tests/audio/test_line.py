"""The kind of line: what the sound holds and the codec's family."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.line import band_of, codec_family, is_wideband, line_type
from pipeline.records import Recording, Samples
from tests import factories

SETTINGS = factories.settings().baseline


def noise(rate_hz: int, up_to_hz: float, level_db: float = 0.0) -> Samples:
    """Five seconds of noise up to a frequency, with what is above ``up_to_hz`` at a level relative to it."""
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(5 * rate_hz))
    frequency_hz = np.fft.rfftfreq(5 * rate_hz, 1 / rate_hz)
    spectrum[frequency_hz > up_to_hz] *= 10 ** (level_db / 20)
    return np.asarray(np.fft.irfft(spectrum) * 0.05, dtype=np.float32)


def recording(codec: str, rate_hz: int, *channels: Samples) -> Recording:
    return Recording(
        path=Path("a.wav"),
        source="a.wav",
        sha256="0" * 64,
        samples=np.stack(channels),
        sample_rate_hz=rate_hz,
        source_rate_hz=rate_hz,
        codec=codec,
        container="wav",
    )


@pytest.mark.parametrize(
    ("codec", "family"),
    [
        ("pcm_s16le", "lossless"),
        ("pcm_f32le", "lossless"),
        ("flac", "lossless"),
        ("pcm_mulaw", "g711"),
        ("pcm_alaw", "g711"),
        ("mp3", "mp3"),
        ("mp3float", "mp3"),
        ("opus", "opus"),
        ("libopus", "opus"),
        ("gsm_ms", "gsm"),
        ("amrnb", "amr"),
        ("something_new", "other"),
    ],
)
def test_families_of_codecs(codec: str, family: str) -> None:
    """Codecs that a recorder uses for the same thing are one family, whatever the decoder is called."""
    assert codec_family(codec) == family


@pytest.mark.parametrize(("level_db", "wide"), [(-80.0, False), (-55.0, False), (-45.0, True), (-20.0, True)])
def test_the_band_is_what_the_sound_holds(level_db: float, wide: bool) -> None:
    """A telephone call stored at 16 kHz is narrowband: what a codec leaves above 4 kHz is no voice."""
    assert is_wideband(noise(16_000, 3_800, level_db), 16_000, SETTINGS.wideband_db) is wide


@pytest.mark.parametrize("samples", [np.zeros(80_000, np.float32), np.zeros(10, np.float32)])
def test_silence_is_narrowband(samples: Samples) -> None:
    """A channel without sound has no wide band, nor an error."""
    assert not is_wideband(samples, 16_000, SETTINGS.wideband_db)


def test_the_line_is_that_of_the_speaker() -> None:
    """Of an agent with a wideband headset and a customer on a telephone, each has their own line."""
    mixed = recording("opus", 16_000, noise(16_000, 8_000), noise(16_000, 3_400, -90))
    assert [line_type(mixed, channel, SETTINGS) for channel in (0, 1)] == ["wideband/opus", "narrowband/opus"]
    assert line_type(recording("pcm_alaw", 8_000, noise(8_000, 4_000)), 0, SETTINGS) == "narrowband/g711"
    assert band_of("narrowband/g711") == "narrowband"
