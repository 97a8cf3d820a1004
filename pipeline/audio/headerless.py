"""Telephone formats without a header, which FFmpeg reads once a WAV header stands in front of them.

Tags are those of the WAVE format registry (RFC 2361, and 0x028F for G.722).
"""

import io
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import InputRejected
from pipeline.settings import AudioSettings

# Coding: (tag, bits of one sample of one channel in the file, whether two channels can be told apart)
CODINGS = {
    "mulaw": (0x0007, 8, True),
    "alaw": (0x0006, 8, True),
    "slin": (0x0001, 16, True),
    "g722": (0x028F, 4, False),
    "vox": (0x0010, 4, False),
}
# Coding and rate in Hz by what recorders and Asterisk call such files; all of them have one channel.
BY_EXTENSION = {
    **dict.fromkeys((".ul", ".ulaw", ".mulaw", ".mu", ".pcmu", ".u"), ("mulaw", 8000)),
    **dict.fromkeys((".al", ".alaw", ".pcma", ".a"), ("alaw", 8000)),
    **dict.fromkeys((".sln", ".slin", ".sln8"), ("slin", 8000)),
    ".sln16": ("slin", 16000),
    ".sln48": ("slin", 48000),
    ".g722": ("g722", 16000),
    ".vox": ("vox", 8000),
}
NEED_PROFILE = frozenset((".raw", ".pcm"))
EXTENSIONS = frozenset((*BY_EXTENSION, *NEED_PROFILE))
CONVERTERS = {
    ".nmf": "is a NICE recording, which only NICE's own player can export as WAV",
    ".g729": "is G.729 without a header; `ffmpeg -f g729 -i IN OUT.wav` converts it",
    ".g723": "is G.723.1 without a header; `ffmpeg -f g723_1 -i IN OUT.wav` converts it",
    ".g726": "is G.726 without a header; `ffmpeg -f g726le -code_size 4 -i IN OUT.wav` converts it",
    ".silk": "is SILK; a SILK decoder converts it",
}
PROFILE = re.compile(r"(\w+)[ ,]+(\d+)(?:[ ,]+([12]))?")
SNIFF_BYTES = 12
LOOK_BYTES = 1 << 20
# Neighbors in speech at 8 kHz are alike (correlation about .85); interleaved channels alternate.
INTERLEAVED_NEXT, INTERLEAVED_SECOND = 0.3, 0.6
G726_TAG, G722_RATE_HZ = 0x0064, 16000  # G.726 knows 8 kHz alone: at 16 kHz this tag means G.722


@dataclass(frozen=True, slots=True)
class RawProfile:
    coding: str
    rate_hz: int
    channels: int

    def header(self, size_bytes: int = 0xFFFFFFFF) -> bytes:
        """A WAV header for this coding; its length is open unless ``size_bytes`` of sound are given."""
        tag, bits, _ = CODINGS[self.coding]
        block = max(1, bits * self.channels // 8)
        form = struct.pack(
            "<HHIIHH", tag, self.channels, self.rate_hz, self.rate_hz * bits * self.channels // 8, block, bits
        )
        size = struct.pack("<I", size_bytes)
        start = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(form))
        return start + form + b"data" + size


class Prefixed(io.RawIOBase):
    """``file`` from byte ``start`` with ``header`` in front, as one readable and seekable file."""

    def __init__(self, header: bytes, file: BinaryIO, start: int = 0) -> None:
        self._header, self._file, self._start, self._at = header, file, start, 0
        self.is_open = header.endswith(b"\xff\xff\xff\xff")
        self._bytes = len(header) + file.seek(0, os.SEEK_END) - start

    def read(self, count: int = -1) -> bytes:
        head = self._header[self._at : len(self._header) if count < 0 else self._at + count]
        self._file.seek(self._start + max(0, self._at - len(self._header)))
        rest = self._file.read(-1 if count < 0 else count - len(head))
        self._at += len(head) + len(rest)
        return head + rest

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._bytes}[whence]
        if base + offset < 0:
            raise ValueError("before the start")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at


def with_header(file: BinaryIO, path: Path, settings: AudioSettings) -> BinaryIO | Prefixed:
    """``file`` as FFmpeg can read it: with a header where it has none, or one that names the wrong code.

    Raises:
        InputRejected: nothing says what is in the file, or ``audio.raw`` is no profile, or it must be
            converted; says by what.
    """
    file.seek(0)
    head = file.read(SNIFF_BYTES)
    if head[:4] == b"RIFF":
        return _retagged(file)
    extension = path.suffix.lower()
    if why := CONVERTERS.get(extension):
        raise InputRejected(f"{path}: {why}; convert it first")
    if extension not in EXTENSIONS or head[:4] in (b"OggS", b"fLaC", b".snd", b"RF64"):
        return file
    profile = profile_of(path, settings)
    if profile.channels == 1 and _interleaved(file, profile):
        raise InputRejected(
            f"{path}: looks like two channels, sample by sample; set audio.raw to "
            f'"{profile.coding} {profile.rate_hz} 2"'
        )
    return Prefixed(profile.header(), file)


def profile_of(path: Path, settings: AudioSettings) -> RawProfile:
    """What is in a headerless file: by ``audio.raw``, else by its extension."""
    if settings.raw:
        found = PROFILE.fullmatch(settings.raw.strip().lower())
        if not found or found[1] not in CODINGS or int(found[2]) < 1:
            raise InputRejected(
                f"setting audio.raw: {settings.raw!r} is no profile; expected coding, rate in Hz, channels, "
                f'such as "mulaw 8000 2"; codings: {", ".join(CODINGS)}'
            )
        channels = int(found[3] or 1)
        if channels == 2 and not CODINGS[found[1]][2]:
            raise InputRejected(f"setting audio.raw: {found[1]} has one channel; two cannot be told apart")
        return RawProfile(found[1], int(found[2]), channels)
    known = BY_EXTENSION.get(path.suffix.lower())
    if known is None:
        raise InputRejected(
            f"{path}: has no header that says what is in it; set audio.raw to coding, rate in Hz, channels, "
            'such as "mulaw 8000 1"'
        )
    return RawProfile(*known, channels=1)


def _retagged(file: BinaryIO) -> BinaryIO | Prefixed:
    """A WAV file of G.722 under the tag of G.726 with the right one; every other as it is."""
    file.seek(0)
    head = file.read(4096)
    form, data = head.find(b"fmt "), head.find(b"data")
    if form < 0 or data < form + 24 or len(head) < form + 20:
        return file
    tag, channels, rate_hz = struct.unpack("<HHI", head[form + 8 : form + 16])
    if (tag, channels, rate_hz) != (G726_TAG, 1, G722_RATE_HZ):
        return file
    size_bytes = int.from_bytes(head[data + 4 : data + 8], "little")
    return Prefixed(RawProfile("g722", rate_hz, 1).header(size_bytes), file, data + 8)


def _interleaved(file: BinaryIO, profile: RawProfile) -> bool:
    """Whether samples follow the one before last, and not the last, as those of two channels do."""
    import numpy as np

    file.seek(0)
    raw = np.frombuffer(file.read(LOOK_BYTES), np.uint8)
    if profile.coding == "slin":
        values = raw[: raw.size // 2 * 2].view("<i2").astype(np.float64)
    elif profile.coding == "mulaw":
        code = np.bitwise_xor(raw, np.uint8(0xFF))
        values = (((code & 15) * 2.0 + 33) * 2.0 ** ((code >> 4) & 7) - 33) * np.where(code & 128, -1, 1)
    elif profile.coding == "alaw":
        code = np.bitwise_xor(raw, np.uint8(0x55))
        step = (code >> 4) & 7
        values = ((code & 15) * 2.0 + np.where(step, 33, 1)) * 2.0 ** np.maximum(step.astype(int) - 1, 0)
        values *= np.where(code & 128, 1, -1)
    else:
        return False
    values = values - values.mean() if values.size else values
    power = float((values * values).sum())
    if values.size < 4 or power <= 0.0:
        return False
    following = [float((values[:-lag] * values[lag:]).sum()) / power for lag in (1, 2)]
    return following[0] < INTERLEAVED_NEXT and following[1] > INTERLEAVED_SECOND
