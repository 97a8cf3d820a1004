"""Telephone formats without a header, many channels, and what is told of files that are not read."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline.audio.decode import decode
from pipeline.audio.discover import discover, left_out, two_sides
from pipeline.errors import InputRejected
from pipeline.records import Samples
from pipeline.settings import load_settings
from tests.audio.sounds import LENGTH_S, dominant_hz, encode, tones, write_wav

AUDIO = load_settings().audio


def raw(path: Path, samples: Samples, rate_hz: int, subtype: str) -> Path:
    soundfile.write(path, samples.T, rate_hz, format="RAW", subtype=subtype)
    return path


@pytest.mark.parametrize(
    ("name", "subtype", "codec"),
    [
        ("a.ulaw", "ULAW", "pcm_mulaw"),
        ("a.alaw", "ALAW", "pcm_alaw"),
        ("a.sln", "PCM_16", "pcm_s16le"),
        ("a.vox", "VOX_ADPCM", "adpcm_ima_oki"),
    ],
)
def test_headerless_by_extension(tmp_path: Path, name: str, subtype: str, codec: str) -> None:
    """A tone comes out at its own pitch and length, so coding and rate are the right ones."""
    found = decode(raw(tmp_path / name, tones(8000, 1), 8000, subtype), AUDIO)
    assert (found.codec, found.channels, found.source_rate_hz) == (codec, 1, 8000)
    assert found.duration_s == pytest.approx(LENGTH_S, abs=0.02)
    assert dominant_hz(found.samples[0], found.sample_rate_hz) == pytest.approx(440, abs=2)


def test_g722_without_header_and_under_the_tag_of_g726(tmp_path: Path) -> None:
    """G.722 is read bare and in a WAV file that names the wrong code."""
    bare = encode(tmp_path / "a.g722", "g722", tones(16000, 1), 16000, container="g722")
    tagged = bytearray(encode(tmp_path / "t.wav", "g722", tones(16000, 1), 16000).read_bytes())
    form = tagged.find(b"fmt ")
    tagged[form + 8 : form + 10] = b"\x64\x00"
    wrong = tmp_path / "wrong.wav"
    wrong.write_bytes(tagged)
    for path in (bare, wrong):
        found = decode(path, AUDIO)
        assert found.codec == "adpcm_g722"
        assert found.duration_s == pytest.approx(LENGTH_S, abs=0.02)
        assert dominant_hz(found.samples[0], found.sample_rate_hz) == pytest.approx(440, abs=2)


def test_raw_profile(tmp_path: Path) -> None:
    """A profile reads what no ending tells, two channels included; without one the setting is named."""
    path = raw(tmp_path / "a.raw", tones(8000), 8000, "ULAW")
    with pytest.raises(InputRejected, match=r"audio\.raw"):
        decode(path, AUDIO)
    with pytest.raises(InputRejected, match="no profile"):
        decode(path, AUDIO.model_copy(update={"raw": "opus"}))
    found = decode(path, AUDIO.model_copy(update={"raw": "mulaw 8000 2"}))
    assert [round(dominant_hz(row, found.sample_rate_hz)) for row in found.samples] == [440, 1000]


def test_two_interleaved_channels_are_not_read_as_one(tmp_path: Path) -> None:
    """Speech-like sound of two channels under an ending that means one is refused with the right setting."""
    rng = np.random.default_rng(1)
    smooth = np.stack([np.convolve(rng.normal(0, 0.1, 16000), np.ones(8) / 3, "same") for _ in range(2)])
    for subtype, name in (("ULAW", "a.ul"), ("ALAW", "a.alaw"), ("PCM_16", "a.sln")):
        path = raw(tmp_path / name, smooth.astype(np.float32), 8000, subtype)
        with pytest.raises(InputRejected, match="looks like two channels"):
            decode(path, AUDIO)
        assert decode(raw(path, smooth[:1].astype(np.float32), 8000, subtype), AUDIO).channels == 1


def test_what_must_be_converted_says_how(tmp_path: Path) -> None:
    """A proprietary recording is refused by a line that says what converts it."""
    path = tmp_path / "a.nmf"
    path.write_bytes(b"NMF" * 100)
    with pytest.raises(InputRejected, match="NICE"):
        decode(path, AUDIO)


def test_two_of_four_channels(tmp_path: Path) -> None:
    """The setting takes the two that it names, and the report is told; one that cannot be is refused."""
    path = write_wav(
        tmp_path / "a.wav",
        np.concatenate([np.zeros((1, 16000), np.float32), tones(8000), np.zeros((1, 16000), np.float32)]),
        8000,
    )
    with pytest.raises(InputRejected, match=r"audio\.channels"):
        decode(path, AUDIO)
    found = decode(path, AUDIO.model_copy(update={"channels": "2,1"}))
    assert [round(dominant_hz(row, found.sample_rate_hz)) for row in found.samples] == [1000, 440]
    assert [warning.code for warning in found.warnings] == ["channels_chosen"]
    with pytest.raises(InputRejected, match="expected two different ones"):
        decode(path, AUDIO.model_copy(update={"channels": "1,4"}))


def test_what_is_left_out_and_what_looks_like_a_pair(tmp_path: Path) -> None:
    """Files that nothing reads are counted by ending; the sides of one call are seen, other names are not."""
    for name in ("X-in.wav", "X-out.wav", "check-in.wav", "y.xyz", "y.json"):
        (tmp_path / name).write_bytes(b"0")
    assert left_out([tmp_path]) == [(".xyz", 1)]
    pairs = two_sides(discover([tmp_path]))
    assert [(one.name, other.name) for one, other in pairs] == [("X-in.wav", "X-out.wav")]
