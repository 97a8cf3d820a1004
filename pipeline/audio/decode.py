"""From a file to samples at the rate of analysis, with what is wrong with the file as warnings.

Decoding goes through FFmpeg's libraries inside PyAV, frame by frame; no program is started.
"""

import errno
import hashlib
import os
import stat
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.logging
from av.audio.stream import AudioStream
from av.container import InputContainer

from pipeline.audio.headerless import Prefixed, with_header
from pipeline.audio.headers import RiffLength, read_mp3_length_s, read_riff_length
from pipeline.audio.stream import StreamDecoder
from pipeline.errors import InputRejected, StageFailed
from pipeline.records import Recording
from pipeline.settings import AudioSettings

# Only formats that hold sound themselves: a playlist disguised as a recording could name other files.
FORMATS = "wav,w64,mp3,ogg,flac,mov,mp4,aac,amr,gsm,asf,matroska,webm,au,aiff,caf,voc,nistsphere"
# Where a declared length is written by the recorder and not guessed from the bit rate by FFmpeg.
DECLARING_FORMATS = frozenset(("flac", "mov", "ogg", "matroska", "asf", "w64", "aiff", "caf"))
# Raised by what PyAV refuses itself, besides FFmpeg's own errors.
REFUSALS = (av.FFmpegError, ValueError, LookupError, NotImplementedError, OverflowError)
# Causes that lie in the machine, not in the file, when Python reads; FFmpeg gives them for damage, too.
PASSING_ERRORS = frozenset(
    (errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ETIMEDOUT, errno.EBUSY)
)
WAV_PACKET_BYTES = 65536
HASH_BLOCK_BYTES = 1 << 20


def decode(path: Path, settings: AudioSettings, *, source: str | None = None) -> Recording:
    """The sound of a file at 8000 Hz (files up to 8000 Hz) or 16000 Hz (all others).

    ``source`` is what the recording is called in reports; by default the path. Memory is the decoded sound
    and a small constant. Damaged packets are left out, holes in timestamps become silence, samples that are
    no numbers become 0: each with a warning.

    Raises:
        InputRejected: not a readable recording with one or two channels within the length limit.
        StageFailed: the file could not be read for a reason that may pass.
    """
    path = Path(path)
    try:
        before = path.stat()
        try:
            return _decode_file(path, before, settings, source or str(path))
        finally:
            after = path.stat()
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise StageFailed(f"{path}: was still being written while it was read; try again later")
    except InputRejected:
        raise
    except REFUSALS as error:
        raise _not_sound(path, error) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _decode_file(path: Path, found: os.stat_result, settings: AudioSettings, source: str) -> Recording:
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if path.is_dir() else "not a regular file"
        raise InputRejected(f"{path}: is {kind}; give an audio file")
    with path.open("rb") as file:
        sha256 = _sha256(file)
        if file.tell() == 0:
            raise InputRejected(f"{path}: is empty (0 bytes); copy the recording again")
        return _decode_open(file, path, settings, sha256, source)


def _decode_open(file: BinaryIO, path: Path, settings: AudioSettings, sha256: str, source: str) -> Recording:
    raw = with_header(file, path, settings)
    riff = read_riff_length(file) if raw is file else None
    mp3_s = read_mp3_length_s(file) if raw is file else None
    options = {"format_whitelist": FORMATS, "max_size": str(WAV_PACKET_BYTES)}
    if (isinstance(raw, Prefixed) and raw.is_open) or (riff is not None and riff.sound_follows):
        options["ignore_length"] = "1"
    raw.seek(0)
    av.logging.set_level(None)  # FFmpeg's own messages would land on stderr
    reader = _Reader(raw)
    try:
        with av.open(reader, "r", options=options, metadata_errors="replace") as container:
            run = _decode_container(container, path, settings, riff, mp3_s)
            recording = run.recording(sha256, source)
    except REFUSALS:
        if reader.failure is not None:
            raise reader.failure from None
        raise
    if reader.failure is not None:  # FFmpeg took it for the end of the file
        raise reader.failure
    return recording


def _decode_container(
    container: InputContainer,
    path: Path,
    settings: AudioSettings,
    riff: RiffLength | None,
    mp3_s: float | None,
) -> StreamDecoder:
    """Decode the first audio stream to its end."""
    if not container.streams.audio:
        raise InputRejected(f"{path}: has no audio stream; give the sound track of the call")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise InputRejected(f"{path}: its sound is in a code that is not known; export it again, e.g. as WAV")
    stream.codec_context.thread_count = 1
    if stream.codec_context.name == "flac":  # checks each frame's sum; else damage is heard as noise
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
    name = container.format.name.split(",")[0]
    declared_s = mp3_s if name == "mp3" else None  # else FFmpeg guesses from the bit rate
    if name in DECLARING_FORMATS:
        declared_s = _declared_s(container, stream)
    run = StreamDecoder(path, settings, stream, name, declared_s if riff is None else riff.declared_s, riff)
    run.defects.extra_streams = len(container.streams.audio) - 1
    run.refuse_declared(declared_s if riff is None else _declared_s(container, stream))
    for packet in run.packets(container):
        run.take_packet(packet)
    return run


class _Reader:
    """A file as PyAV reads it: without its name, which may not be UTF-8, and without exceptions.

    PyAV prints what is raised inside a callback; so a failed read is kept in ``failure``, and a position
    that a damaged file makes up is refused in FFmpeg's way.
    """

    def __init__(self, file: BinaryIO | Prefixed) -> None:
        self.failure: OSError | None = None
        self._file = file
        self.tell = file.tell

    def read(self, count: int) -> bytes:
        try:
            return self._file.read(count)
        except OSError as error:
            self.failure = error
            return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -errno.EINVAL


def _declared_s(container: InputContainer, stream: AudioStream) -> float | None:
    """Length by the header of the stream, else of the container; ``None`` where neither says."""
    if stream.duration is not None and stream.time_base:
        length: Fraction = stream.duration * stream.time_base
    elif container.duration is not None:
        length = Fraction(container.duration, av.time_base)
    else:
        return None
    return float(length) if length > 0 else None


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(HASH_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _not_sound(path: Path, error: Exception) -> InputRejected:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return InputRejected(
        f"{path}: cannot be read as sound ({reason}); expected a recording such as WAV, MP3, Ogg/Opus, FLAC, "
        "M4A, AMR or GSM: check that it plays, or export it again"
    )


def _unreadable(path: Path, error: OSError) -> InputRejected | StageFailed:
    reason = error.strerror or str(error)
    if error.errno in PASSING_ERRORS:
        return StageFailed(f"{path}: could not be read ({reason}); try again when the storage answers")
    return InputRejected(f"{path}: cannot be read ({reason}); check the path and its permissions")
