"""What the headers of WAV and MP3 files claim about their length.

FFmpeg's libraries believe a WAV header that announces too little, quietly shorten one that announces too
much, and estimate an MP3 that was cut off from its bit rate: none of it would be noticed after decoding.
"""

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

UNKNOWN_SIZES = (0, 0xFFFFFFFF)  # what programs write that do not know the length yet
MAX_CHUNKS = 64
PEEK_BYTES = 4096
MPEG_RATES_HZ = (44100, 48000, 32000)


@dataclass(frozen=True, slots=True)
class RiffLength:
    """``declared_s`` is the announced length, ``None`` where the header leaves it open.

    ``sound_follows`` is true when the announced sound is followed by what can only be more of it.
    """

    declared_s: float | None
    sound_follows: bool


def read_riff_length(file: BinaryIO) -> RiffLength | None:
    """The length that the RIFF, RF64 or BW64 header announces; ``None`` for every other file.

    Moves the position of ``file``.

    Raises:
        OSError: the file cannot be read.
    """
    file_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    form = file.read(12)
    if form[:4] not in (b"RIFF", b"RF64", b"BW64") or form[8:12] != b"WAVE":
        return None
    bytes_per_s = 0
    long_size: int | None = None
    for _ in range(MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        name, size = head[:4], int.from_bytes(head[4:], "little")
        start = file.tell()
        if name == b"ds64":
            sizes = file.read(16)
            long_size = struct.unpack("<QQ", sizes)[1] if len(sizes) == 16 else None
        elif name == b"fmt ":
            fields = file.read(12)
            bytes_per_s = int.from_bytes(fields[8:12], "little")
        elif name == b"data":
            if size == 0xFFFFFFFF and long_size:
                size = long_size
            if size in UNKNOWN_SIZES or not bytes_per_s:
                return RiffLength(None, sound_follows=False)
            return RiffLength(size / bytes_per_s, _sound_follows(file, start + size, file_bytes))
        file.seek(start + size + size % 2)
    return RiffLength(None, sound_follows=False)


def _sound_follows(file: BinaryIO, end: int, file_bytes: int) -> bool:
    """Whether what lies behind the announced end is neither a chunk nor padding."""
    for start in (end, end + end % 2):  # some programs leave the padding byte out
        file.seek(min(start, file_bytes))
        rest = file.read(PEEK_BYTES)
        if len(rest) < 8 or not any(rest):
            return False
        name, size = rest[:4], int.from_bytes(rest[4:8], "little")
        if all(0x20 <= byte < 0x7F for byte in name) and start + 8 + size <= file_bytes + 1:
            return False
    return True


def read_mp3_length_s(file: BinaryIO) -> float | None:
    """The length in seconds that the Xing or Info frame of an MP3 announces; ``None`` without one.

    Moves the position of ``file``.

    Raises:
        OSError: the file cannot be read.
    """
    file.seek(0)
    tag = file.read(10)
    if tag[:3] == b"ID3" and len(tag) == 10:
        size = (tag[6] & 127) << 21 | (tag[7] & 127) << 14 | (tag[8] & 127) << 7 | tag[9] & 127
        file.seek(10 + size)
    else:
        file.seek(0)
    frame = file.read(64)
    if len(frame) < 64 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # sync word and layer III
        return None
    version, rate_index, mono = frame[1] >> 3 & 3, frame[2] >> 2 & 3, frame[3] >> 6 == 3
    if version == 1 or rate_index == 3:
        return None
    first_version = version == 3
    rate_hz = MPEG_RATES_HZ[rate_index] / {3: 1, 2: 2, 0: 4}[version]
    start = (
        4 + {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}[first_version, mono]
    )
    name, flags, frames = struct.unpack(">4sII", frame[start : start + 12])
    if name not in (b"Xing", b"Info") or not flags & 1 or not frames:
        return None
    return float(frames * (1152 if first_version else 576) / rate_hz)
