"""Decoding: what comes out of every format that is promised, and of files that are not what they say."""

import errno
import hashlib
import io
import os
import random
import struct
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.audio import decode as decode_module
from pipeline.audio.assembly import BLOCK_SAMPLES, Assembly
from pipeline.audio.decode import decode
from pipeline.errors import InputRejected, StageFailed
from pipeline.records import Recording
from pipeline.settings import AudioSettings, load_settings
from tests.audio.sounds import AMPLITUDES, LENGTH_S, TONES_HZ, dominant_hz, encode, level, tones, write_wav
from tests.factories import in_english

AUDIO = load_settings().audio
LENGTH_TOLERANCE_S = 0.020

SOUNDFILE_WAVS = (
    "PCM_U8",
    "PCM_16",
    "PCM_24",
    "PCM_32",
    "FLOAT",
    "DOUBLE",
    "ULAW",
    "ALAW",
    "GSM610",
    "IMA_ADPCM",
)
# (file, codec, rate, channels, container, bit rate, decoder name, tolerance of the length in s)
ENCODED = (
    ("a.mp3", "libmp3lame", 8000, 2, None, 64000, "mp3", LENGTH_TOLERANCE_S),
    ("a44.mp3", "libmp3lame", 44100, 2, None, 128000, "mp3", LENGTH_TOLERANCE_S),
    ("a.opus", "libopus", 48000, 2, "ogg", 64000, "opus", LENGTH_TOLERANCE_S),
    ("a.ogg", "libopus", 16000, 1, "ogg", 32000, "opus", LENGTH_TOLERANCE_S),
    ("a.webm", "libopus", 48000, 2, None, 64000, "opus", LENGTH_TOLERANCE_S),
    ("a.flac", "flac", 8000, 2, None, None, "flac", LENGTH_TOLERANCE_S),
    ("a48.flac", "flac", 48000, 2, None, None, "flac", LENGTH_TOLERANCE_S),
    ("a.m4a", "aac", 16000, 2, None, 64000, "aac", LENGTH_TOLERANCE_S),
    ("alac.m4a", "alac", 16000, 2, None, None, "alac", LENGTH_TOLERANCE_S),
    ("a.amr", "libopencore_amrnb", 8000, 1, None, 12200, "amr_nb", 0.021),  # one frame of encoder delay
    ("a.aac", "aac", 16000, 2, None, 64000, "aac", 0.130),  # ADTS does not declare its two padded frames
    ("a.wma", "wmav2", 16000, 2, None, 64000, "wmav2", 0.035),
    ("g722.wav", "g722", 16000, 1, None, None, "adpcm_g722", LENGTH_TOLERANCE_S),
    ("a.au", "pcm_mulaw", 8000, 2, None, None, "pcm_mulaw", LENGTH_TOLERANCE_S),
    ("a.aiff", "pcm_s16be", 8000, 2, None, None, "pcm_s16be", LENGTH_TOLERANCE_S),
    ("a.caf", "pcm_s16le", 8000, 2, None, None, "pcm_s16le", LENGTH_TOLERANCE_S),
)


def _assert_tones(recording: Recording, tolerance_s: float = LENGTH_TOLERANCE_S) -> None:
    assert recording.duration_s == pytest.approx(LENGTH_S, abs=tolerance_s)
    assert recording.samples.dtype == np.float32
    assert recording.samples.flags.c_contiguous
    for channel, samples in enumerate(recording.samples):
        middle = samples[samples.size // 4 : 3 * samples.size // 4]
        assert dominant_hz(middle, recording.sample_rate_hz) == pytest.approx(TONES_HZ[channel], abs=2.0)
        assert level(middle) == pytest.approx(AMPLITUDES[channel], rel=0.2)  # AMR takes 1.6 dB


def _codes(recording: Recording) -> list[str]:
    return [warning.code for warning in recording.warnings]


def _limit(**changes: Any) -> AudioSettings:
    return AUDIO.model_copy(update=changes)


@pytest.mark.parametrize("subtype", SOUNDFILE_WAVS)
def test_every_wav_encoding_keeps_length_frequency_and_level(tmp_path: Path, subtype: str) -> None:
    """Protects the WAV sub-formats of the contract, including companded and GSM sound."""
    channels = 1 if subtype == "GSM610" else 2
    found = decode(write_wav(tmp_path / "call.wav", tones(8000, channels), 8000, subtype), AUDIO)
    _assert_tones(found, 0.065 if subtype == "IMA_ADPCM" else LENGTH_TOLERANCE_S)  # padded to whole blocks
    assert (found.sample_rate_hz, found.source_rate_hz, found.container) == (8000, 8000, "wav")
    assert found.warnings == ()


def test_raw_gsm_is_read(tmp_path: Path) -> None:
    """Protects .gsm files without a container, as some telephone systems write them."""
    path = tmp_path / "call.gsm"
    soundfile.write(path, tones(8000, 1).T, 8000, format="RAW", subtype="GSM610")
    found = decode(path, AUDIO)
    _assert_tones(found)
    assert found.codec == "gsm"


@pytest.mark.parametrize("case", ENCODED, ids=lambda case: case[0])
def test_every_compressed_format_keeps_length_order_and_frequency(tmp_path: Path, case: Any) -> None:
    """Protects times and channel order in every other format: encoder delay and padding are not speech."""
    name, codec, rate_hz, channels, container, bit_rate, decoder, tolerance_s = case
    path = encode(
        tmp_path / name, codec, tones(rate_hz, channels), rate_hz, container=container, bit_rate=bit_rate
    )
    found = decode(path, AUDIO)
    _assert_tones(found, tolerance_s)
    assert found.channels == channels
    assert found.codec == decoder
    assert found.sample_rate_hz == (8000 if rate_hz <= 8000 and codec != "libopus" else 16000)
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("rate_hz", "expected_hz"), [(6000, 8000), (8000, 8000), (11025, 16000), (44100, 16000)]
)
def test_rate_of_analysis_follows_the_rate_of_the_file(
    tmp_path: Path, rate_hz: int, expected_hz: int
) -> None:
    """Protects the rule that telephone sound stays at 8 kHz and everything above becomes 16 kHz."""
    found = decode(write_wav(tmp_path / "call.wav", tones(rate_hz), rate_hz), AUDIO)
    _assert_tones(found)
    assert (found.sample_rate_hz, found.source_rate_hz) == (expected_hz, rate_hz)


def test_identity_is_that_of_the_bytes(tmp_path: Path) -> None:
    """Protects the ledger's key, and the name under which a downloaded call is reported."""
    path = write_wav(tmp_path / "call.wav", tones(8000), 8000)
    found = decode(path, AUDIO, source="s3://bucket/call.wav")
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.source == "s3://bucket/call.wav"
    assert decode(path, AUDIO).source == str(path)


@pytest.mark.parametrize("readable", [True, False])
def test_a_file_that_grows_while_it_is_read_may_pass_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    """Half a recording is neither analyzed as a whole one nor refused for good."""
    path = write_wav(tmp_path / "a.wav", tones(8000), 8000)

    def grows(*_: object) -> str:
        with path.open("ab") as file:
            file.write(bytes(800))
        if not readable:
            raise ValueError("no header yet")
        return "read"

    monkeypatch.setattr(decode_module, "_decode_open", grows)
    with pytest.raises(StageFailed, match="was still being written"):
        decode(path, AUDIO)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    """Protects files whose names come from systems with another encoding."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    write_wav(tmp_path / "call.wav", tones(8000), 8000).rename(path)
    _assert_tones(decode(path, AUDIO))


# --- headers that lie ---------------------------------------------------------------------------------


def _with_data_size(path: Path, size: int, riff_size: int | None = None) -> Path:
    data = bytearray(write_wav(path, tones(8000), 8000).read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    if riff_size is not None:
        data[4:8] = struct.pack("<I", riff_size)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
@pytest.mark.parametrize("riff_size", [None, 0, 0xFFFFFFFF])
def test_streamed_wav_without_a_length_is_read_whole(
    tmp_path: Path, size: int, riff_size: int | None
) -> None:
    """Protects WAV files whose writer did not know the length yet."""
    found = decode(_with_data_size(tmp_path / "call.wav", size, riff_size), AUDIO)
    _assert_tones(found)
    assert found.warnings == ()


def test_wav_that_announces_more_than_it_holds_is_truncated(tmp_path: Path) -> None:
    """Protects the coach from a call whose end was lost in copying."""
    found = decode(_with_data_size(tmp_path / "call.wav", 5 * 8000 * 4), AUDIO)
    _assert_tones(found)
    (warning,) = found.warnings
    assert warning.code == "truncated"
    assert warning.start_s == pytest.approx(LENGTH_S, abs=0.01)
    assert "5.0 s" in in_english(warning.message)


def test_wav_that_announces_less_than_it_holds_is_read_whole(tmp_path: Path) -> None:
    """Protects calls whose recorder died before it could correct the header."""
    found = decode(_with_data_size(tmp_path / "call.wav", 20000), AUDIO)
    _assert_tones(found)
    assert _codes(found) == ["header_length"]


@pytest.mark.parametrize("tail", [b"LIST\x04\x00\x00\x00INFO", b"\x00" * 4000, b"id3"])
def test_what_follows_the_sound_of_a_wav_is_not_sound(tmp_path: Path, tail: bytes) -> None:
    """Protects against hearing tags and padding as noise at the end of a call."""
    path = write_wav(tmp_path / "call.wav", tones(8000), 8000)
    path.write_bytes(path.read_bytes() + tail)
    found = decode(path, AUDIO)
    _assert_tones(found)
    assert found.warnings == ()


# --- damage -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz", "container"),
    [("c.mp3", "libmp3lame", 8000, None), ("c.flac", "flac", 8000, None), ("c.webm", "libopus", 48000, None)],
)
def test_a_file_cut_in_half_keeps_its_first_half_and_says_so(
    tmp_path: Path, name: str, codec: str, rate_hz: int, container: str | None
) -> None:
    """Protects the sound before the cut, and the coach from taking the rest for silence."""
    path = encode(tmp_path / name, codec, tones(rate_hz, 2, 10.0), rate_hz, container=container)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    found = decode(path, AUDIO)
    assert 3.5 < found.duration_s < 6.0
    truncated = next(warning for warning in found.warnings if warning.code == "truncated")
    assert truncated.start_s == pytest.approx(found.duration_s, abs=0.01)


@pytest.mark.parametrize(("name", "codec", "rate_hz"), [("c.flac", "flac", 8000), ("c.m4a", "aac", 16000)])
def test_damaged_packets_are_left_out_counted_and_times_stay_true(
    tmp_path: Path, name: str, codec: str, rate_hz: int
) -> None:
    """Protects the times of everything behind a damaged stretch."""
    samples = tones(rate_hz, 2, 10.0)
    samples[:, 8 * rate_hz :] = 0.0
    path = encode(tmp_path / name, codec, samples, rate_hz)
    data = bytearray(path.read_bytes())
    noise = random.Random(1).randbytes(len(data) // 10)  # noqa: S311
    data[len(data) * 4 // 10 : len(data) * 4 // 10 + len(noise)] = noise
    path.write_bytes(data)
    found = decode(path, AUDIO)
    assert set(_codes(found)) & {"damaged", "timestamp_gap"}
    assert found.duration_s == pytest.approx(10.0, abs=0.1)
    active = np.flatnonzero(np.abs(found.samples[0]) > 0.1)
    assert active[-1] / found.sample_rate_hz == pytest.approx(8.0, abs=0.1)


def test_a_flipped_bit_in_flac_is_not_heard_as_noise(tmp_path: Path) -> None:
    """Protects loudness and clipping from the full-scale noise that a damaged frame decodes to."""
    path = encode(tmp_path / "c.flac", "flac", tones(8000, 2, 10.0), 8000)
    data = bytearray(path.read_bytes())
    rng = random.Random(1)  # noqa: S311
    for _ in range(40):
        data[rng.randrange(1000, len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    found = decode(path, AUDIO)
    assert "damaged" in _codes(found)
    assert np.abs(found.samples[0]).max() < 0.55


def test_a_hole_in_the_timestamps_becomes_silence(tmp_path: Path) -> None:
    """Protects every time behind a stretch for which nothing was sent."""
    samples = tones(48000, 1, 6.0)
    samples[:, 5 * 48000 :] = 0.0
    path = encode(tmp_path / "call.webm", "libopus", samples, 48000, skip=slice(100, 200))  # 2 s to 4 s
    found = decode(path, AUDIO)
    (warning,) = found.warnings
    assert warning.code == "timestamp_gap"
    assert warning.start_s == pytest.approx(2.0, abs=0.05)
    assert warning.end_s == pytest.approx(4.0, abs=0.05)
    assert found.duration_s == pytest.approx(6.0, abs=0.05)
    assert np.abs(found.samples[0, 16000 * 21 // 10 : 16000 * 39 // 10]).max() == 0.0
    assert level(found.samples[0, 16000 * 42 // 10 : 16000 * 48 // 10]) == pytest.approx(0.5, rel=0.1)


def test_samples_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    """Protects every later stage from NaN, which would spread through means."""
    samples = tones(8000)
    samples[0, 100:110], samples[1, 50], samples[1, 51] = np.nan, np.inf, -np.inf
    found = decode(write_wav(tmp_path / "call.wav", samples, 8000, "FLOAT"), AUDIO)
    assert np.isfinite(found.samples).all()
    assert not found.samples[0, 100:110].any()
    (warning,) = found.warnings
    assert (warning.code, in_english(warning.message).split()[0]) == ("invalid_samples", "12")


def test_samples_beyond_full_scale_are_limited(tmp_path: Path) -> None:
    """Protects the promise that samples lie in -1..1."""
    found = decode(write_wav(tmp_path / "call.wav", tones(8000) * 10, 8000, "FLOAT"), AUDIO)
    assert np.abs(found.samples).max() == 1.0


# --- what is refused ----------------------------------------------------------------------------------


def _empty(folder: Path) -> Path:
    (folder / "call.wav").write_bytes(b"")
    return folder / "call.wav"


def _text(folder: Path) -> Path:
    (folder / "call.wav").write_text("Agent: how may I help?\n" * 200)
    return folder / "call.wav"


def _no_samples(folder: Path) -> Path:
    with wave.open(str(folder / "call.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
    return folder / "call.wav"


def _video_only(folder: Path) -> Path:
    with av.open(str(folder / "call.mp4"), "w") as file:
        stream = file.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return folder / "call.mp4"


def _six_channels(folder: Path) -> Path:
    samples = np.repeat(tones(8000, 1), 6, axis=0)
    return encode(folder / "call.flac", "flac", samples, 8000)


def _playlist(folder: Path) -> Path:
    write_wav(folder / "secret.wav", tones(8000), 8000)
    (folder / "call.wav").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nsecret.wav\n#EXT-X-ENDLIST\n"
    )
    return folder / "call.wav"


def _slow(folder: Path) -> Path:
    return write_wav(folder / "call.wav", tones(2000), 2000)


REFUSED = [
    (_empty, "empty"),
    (_text, "cannot be read as sound"),
    (_no_samples, "0 samples"),
    (_video_only, "no audio stream"),
    (_six_channels, "6 channels"),
    (_playlist, "cannot be read as sound"),
    (_slow, "2000 Hz"),
    (lambda folder: folder, "is a folder"),
    (lambda folder: folder / "missing.wav", "No such file"),
    (lambda folder: folder / ("x" * 300 + ".wav"), "cannot be read"),
]


@pytest.mark.parametrize(("make", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_what_is_no_recording_is_refused_with_its_name_and_advice(
    tmp_path: Path, make: Any, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Protects the one clear line on stderr: which file, what is wrong, what to do; nothing from FFmpeg."""
    path = make(tmp_path)
    with pytest.raises(InputRejected, match=says) as refusal:
        decode(path, AUDIO)
    assert str(path) in str(refusal.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device file")
def test_a_device_is_refused_before_it_is_read() -> None:
    """Protects a worker from a path that never ends."""
    with pytest.raises(InputRejected, match="not a regular file"):
        decode(Path("/dev/zero"), AUDIO)


def test_a_call_over_the_limit_is_refused_by_its_header(tmp_path: Path) -> None:
    """Protects memory: a ten-hour file is refused before it is decoded, with the setting to raise."""
    path = encode(tmp_path / "call.flac", "flac", np.zeros((1, 8000), np.float32), 8000)
    data = bytearray(path.read_bytes())
    ten_hours = 10 * 3600 * 8000
    data[22:26] = (ten_hours & 0xFFFFFFFF).to_bytes(4, "big")  # total samples in STREAMINFO
    path.write_bytes(data)
    with pytest.raises(InputRejected, match=r"36000 s.*limit of 14400 s.*audio\.max_duration_s"):
        decode(path, AUDIO)


def test_a_call_over_the_limit_without_a_length_is_refused_while_decoding(tmp_path: Path) -> None:
    """Protects memory from a small file that unpacks to hours, whatever its header says."""
    path = encode(tmp_path / "call.flac", "flac", np.zeros((1, 8000 * 600), np.float32), 8000)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert len(data) < 200_000
    with pytest.raises(InputRejected, match=r"at least \d+ s long.*limit of 60 s"):
        decode(path, _limit(max_duration_s=60.0))
    assert decode(path, AUDIO).duration_s == pytest.approx(600.0, abs=0.02)


def test_a_hole_over_the_limit_is_refused_and_not_filled(tmp_path: Path) -> None:
    """Protects memory from a timestamp that jumps by hours."""
    path = encode(tmp_path / "call.webm", "libopus", tones(48000, 1, 6.0), 48000, skip=slice(100, 200))
    with pytest.raises(InputRejected, match="limit of 3 s"):
        decode(path, _limit(max_duration_s=3.0))


@pytest.mark.parametrize("reads", [0, 1, 3])
def test_trouble_of_the_storage_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    """Protects a sound call from being written off, or cut short, because a disk did not answer."""
    path = write_wav(tmp_path / "call.wav", tones(8000, 2, 30.0), 8000)

    class Failing(io.BufferedReader):
        left = reads

        def read(self, count: int | None = -1) -> bytes:
            if self.left == 0:
                raise OSError(errno.EIO, "Input/output error")
            self.left -= 1
            return super().read(count)

    reader = decode_module._Reader
    monkeypatch.setattr(decode_module, "_Reader", lambda file: reader(Failing(file.raw)))
    with pytest.raises(StageFailed, match="try again"):
        decode(path, AUDIO)


SEEDS = (
    b"RIFF\x24\x10\x00\x00WAVEfmt \x10\x00\x00\x00",
    b"OggS\x00\x02",
    b"fLaC\x00\x00\x00\x22",
    b"ID3\x03",
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from((*SEEDS, b"#!AMR\n", b"\xff\xfb\x90\x64", b"")), noise=st.binary(max_size=4000))
def test_any_bytes_give_a_recording_or_a_refusal(tmp_path: Path, start: bytes, noise: bytes) -> None:
    """Protects a batch from a file that raises anything else."""
    path = tmp_path / "call.wav"
    path.write_bytes(start + noise)
    try:
        found = decode(path, _limit(max_duration_s=60.0))
    except InputRejected:
        return
    assert np.isfinite(found.samples).all()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(seed=593, kind="c.webm")  # FFmpeg calls this damage an input/output error
@example(seed=30461, kind="c.m4a")  # leaves a stream without a decoder
@given(
    seed=st.integers(0, 2**32), kind=st.sampled_from(("c.mp3", "c.flac", "c.m4a", "c.wav", "c.amr", "c.webm"))
)
def test_any_damage_gives_a_recording_or_a_refusal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], seed: int, kind: str
) -> None:
    """Protects a batch from damage anywhere in a real file, headers included; nothing is printed."""
    codec, rate_hz, channels = {
        "c.mp3": ("libmp3lame", 8000, 2),
        "c.flac": ("flac", 8000, 2),
        "c.m4a": ("aac", 16000, 2),
        "c.wav": ("pcm_mulaw", 8000, 2),
        "c.amr": ("libopencore_amrnb", 8000, 1),
        "c.webm": ("libopus", 48000, 2),
    }[kind]
    intact = tmp_path / f"intact-{kind}"
    if not intact.exists():
        encode(intact, codec, tones(rate_hz, channels, 1.0), rate_hz)
    data = bytearray(intact.read_bytes())
    rng = random.Random(seed)  # noqa: S311
    for _ in range(rng.randrange(1, 30)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    broken = tmp_path / kind
    broken.write_bytes(data[: rng.randrange(1, len(data) + 1)])
    try:
        found = decode(broken, _limit(max_duration_s=60.0))
    except InputRejected:
        return
    finally:
        assert capfd.readouterr() == ("", "")
    assert np.isfinite(found.samples).all()


# --- memory -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "length", [0, 1, BLOCK_SAMPLES - 1, BLOCK_SAMPLES, BLOCK_SAMPLES + 1, 3 * BLOCK_SAMPLES]
)
def test_blocks_join_without_loss(length: int) -> None:
    """Protects the samples at the seams between blocks."""
    samples = np.random.default_rng(1).uniform(-1, 1, (length, 2)).astype(np.float32)
    assembly = Assembly(2, 8000)
    for start in range(0, length, 99_991):
        assembly.append(samples[start : start + 99_991], 8000)
    np.testing.assert_array_equal(assembly.join(), samples.T)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_the_sound_and_little_else(tmp_path: Path) -> None:
    """Protects workers from a copy of the whole call while it is put together."""
    path = write_wav(tmp_path / "call.wav", np.zeros((2, 8000 * 1800), np.float32), 8000)
    code = (
        "import sys, pathlib\n"
        "from pipeline.audio.decode import decode\n"
        "from pipeline.settings import load_settings\n"
        "def kib(key):\n"
        "    lines = pathlib.Path('/proc/self/status').read_text().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith(key))\n"
        "settings = load_settings().audio\n"
        "before = kib('VmRSS')\n"
        "found = decode(pathlib.Path(sys.argv[1]), settings)\n"
        "print((kib('VmHWM') - before) * 1024 / found.samples.nbytes)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    assert float(done.stdout) < 1.25
