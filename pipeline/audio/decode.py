"""From a file to samples at the rate of analysis, with what is wrong with the file as warnings.

Decoding goes through FFmpeg's libraries inside PyAV, frame by frame; no program is started.
"""

import errno
import hashlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.logging
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from pipeline.audio.assembly import Assembly, analysis_rate_hz
from pipeline.audio.defects import Defects
from pipeline.audio.headers import RiffLength, read_mp3_length_s, read_riff_length
from pipeline.errors import InputRejected, StageFailed
from pipeline.records import Recording, Samples
from pipeline.settings import AudioSettings

# Only formats that hold sound themselves: a playlist disguised as a recording could name other files.
FORMATS = "wav,w64,mp3,ogg,flac,mov,mp4,aac,amr,gsm,asf,matroska,webm,au,aiff,caf"
# Where a declared length is written by the recorder and not guessed from the bit rate by FFmpeg.
DECLARING_FORMATS = frozenset(("flac", "mov", "ogg", "matroska", "asf", "w64", "aiff", "caf"))
# Raised by what PyAV refuses itself, besides FFmpeg's own errors.
REFUSALS = (av.FFmpegError, ValueError, LookupError, NotImplementedError, OverflowError)
# Causes that lie in the machine, not in the file.
PASSING_ERRORS = frozenset(
    (errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ETIMEDOUT, errno.EBUSY)
)
CHANNELS_MAX = 2
READ_ERRORS_MAX = 64
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
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise InputRejected(f"{path}: is {kind}; give an audio file")
        with path.open("rb") as file:
            sha256 = _sha256(file)
            if file.tell() == 0:
                raise InputRejected(f"{path}: is empty (0 bytes); copy the recording again")
            return _decode_open(file, path, settings, sha256, source or str(path))
    except InputRejected:
        raise
    except OSError as error:
        if isinstance(error, av.FFmpegError) and error.errno not in PASSING_ERRORS:
            raise _not_sound(path, error) from error
        raise _unreadable(path, error) from error
    except REFUSALS as error:
        raise _not_sound(path, error) from error


def _decode_open(file: BinaryIO, path: Path, settings: AudioSettings, sha256: str, source: str) -> Recording:
    riff = read_riff_length(file)
    mp3_s = read_mp3_length_s(file)
    options = {"format_whitelist": FORMATS, "max_size": str(WAV_PACKET_BYTES)}
    if riff is not None and riff.sound_follows:
        options["ignore_length"] = "1"
    file.seek(0)
    av.logging.set_level(None)  # FFmpeg's own messages would land on stderr
    with av.open(_Reader(file), "r", options=options, metadata_errors="replace") as container:
        if not container.streams.audio:
            raise InputRejected(f"{path}: has no audio stream; give the sound track of the call")
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1
        if stream.codec_context.name == "flac":  # checks each frame's sum; else damage is heard as noise
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        container_name = container.format.name.split(",")[0]
        declared_s = mp3_s if container_name == "mp3" else None  # else FFmpeg guesses from the bit rate
        if container_name in DECLARING_FORMATS:
            declared_s = _declared_s(container, stream)
        run = _Run(path, settings, stream)
        run.refuse_declared(_declared_s(container, stream) if riff is not None else declared_s)
        for packet in run.packets(container):
            run.take_packet(packet)
        return run.recording(
            declared_s=declared_s if riff is None else riff.declared_s,
            riff=riff,
            container=container_name,
            streams=len(container.streams.audio),
            sha256=sha256,
            source=source,
        )


@dataclass
class _Run:
    """What decoding one stream has produced so far."""

    path: Path
    settings: AudioSettings
    stream: AudioStream
    assembly: Assembly | None = None
    source_rate_hz: int = 0
    origin_s: float = 0.0
    defects: Defects = field(default_factory=Defects)
    pending: Samples | None = None
    pending_rate_hz: int = 0

    def packets(self, container: InputContainer) -> "Iterator[Packet[Any]]":
        """The packets of the stream, stepping over places that cannot be read."""
        failures = 0
        while failures < READ_ERRORS_MAX:
            try:
                for packet in container.demux(self.stream):
                    failures = 0
                    yield packet
                return
            except av.FFmpegError as error:
                if error.errno in PASSING_ERRORS:
                    raise
                failures += 1
                self.defects.damaged += 1

    def take_packet(self, packet: "Packet[Any]") -> None:
        self.defects.packets_read += 1
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.FFmpegError as error:
            if error.errno in PASSING_ERRORS:
                raise
            self.defects.damaged += 1
            return
        for frame in frames:
            if isinstance(frame, AudioFrame) and frame.samples:
                self._take_frame(frame)

    def _take_frame(self, frame: AudioFrame) -> None:
        samples = _interleaved(frame)
        bad = ~np.isfinite(samples)
        if bad.any():
            self.defects.invalid_samples += int(np.count_nonzero(bad))
            samples[bad] = 0.0
        assembly = self.assembly or self._begin(frame, samples.shape[1])
        if samples.shape[1] != assembly.channels:
            self.defects.channel_changes += 1
            samples = _with_channels(samples, assembly.channels, self.path)
        self._flush(assembly)
        self._align(frame, assembly)
        self.pending, self.pending_rate_hz = samples, frame.sample_rate
        self._refuse_decoded(assembly.source_s + samples.shape[0] / frame.sample_rate)

    def _begin(self, frame: AudioFrame, channels: int) -> Assembly:
        # A frame knows better than the header: some AAC streams double their rate or channels.
        rate_hz = frame.sample_rate
        if channels > CHANNELS_MAX:
            raise InputRejected(
                f"{self.path}: has {channels} channels, expected one (both speakers) or two (one speaker "
                "each); mix it down or extract the two channels of the speakers"
            )
        if not self.settings.min_rate_hz <= rate_hz <= self.settings.max_rate_hz:
            raise InputRejected(
                f"{self.path}: has a sample rate of {rate_hz} Hz, expected {self.settings.min_rate_hz} to "
                f"{self.settings.max_rate_hz} Hz (audio.min_rate_hz, audio.max_rate_hz)"
            )
        self.source_rate_hz = rate_hz
        self.assembly = Assembly(channels, analysis_rate_hz(rate_hz))
        self.origin_s = _time_s(frame) or 0.0
        return self.assembly

    def _flush(self, assembly: Assembly) -> None:
        """Hand on the frame that was held back so that the last one could be cut."""
        if self.pending is not None:
            assembly.append(self.pending, self.pending_rate_hz)
        self.pending = None

    def _align(self, frame: AudioFrame, assembly: Assembly) -> None:
        """Fill a hole before ``frame`` with silence; join at a jump backwards."""
        time_s = _time_s(frame)
        if time_s is None:
            return
        position_s = assembly.source_s
        hole_s = time_s - self.origin_s - position_s
        if abs(hole_s) <= self.settings.timestamp_gap_s:
            return
        if hole_s < 0:  # a stream that starts its clock anew, as chained Ogg does
            self.origin_s = time_s - position_s
            return
        self._refuse_decoded(position_s + hole_s)
        assembly.append_silence(hole_s, frame.sample_rate)
        self.defects.holes.append((position_s, position_s + hole_s))

    def refuse_declared(self, declared_s: float | None) -> None:
        """Raise when the header already says that the recording is too long."""
        limit_s = self.settings.max_duration_s
        if declared_s is not None and declared_s > limit_s:
            raise InputRejected(
                f"{self.path}: is {declared_s:.0f} s long by its header, over the limit of {limit_s:.0f} s; "
                f"raise audio.max_duration_s if such calls are real"
            )

    def _refuse_decoded(self, length_s: float) -> None:
        limit_s = self.settings.max_duration_s
        if length_s > limit_s:
            raise InputRejected(
                f"{self.path}: is at least {length_s:.0f} s long, over the limit of {limit_s:.0f} s; "
                "raise audio.max_duration_s if such calls are real"
            )

    def recording(
        self,
        *,
        declared_s: float | None,
        riff: RiffLength | None,
        container: str,
        streams: int,
        sha256: str,
        source: str,
    ) -> Recording:
        assembly = self.assembly
        if assembly is None:
            damaged = self.defects.damaged
            why = f"none of its {damaged} packets can be decoded" if damaged else "holds no sound (0 samples)"
            raise InputRejected(f"{self.path}: {why}; copy or export the recording again")
        if container == "mov" and declared_s is not None:
            self._cut_padding(declared_s, assembly)
        self._flush(assembly)
        decoded_s = assembly.source_s
        samples = assembly.join()
        if samples.shape[1] == 0:
            raise InputRejected(f"{self.path}: holds no sound (0 samples); copy or export it again")
        context = self.stream.codec_context
        return Recording(
            path=self.path,
            source=source,
            sha256=sha256,
            samples=samples,
            sample_rate_hz=assembly.rate_hz,
            source_rate_hz=self.source_rate_hz,
            codec=context.codec.canonical_name,
            container=container,
            warnings=tuple(
                self.defects.warnings(decoded_s, declared_s, riff, streams, self.settings.truncated_s)
            ),
        )

    def _cut_padding(self, declared_s: float, assembly: Assembly) -> None:
        """Drop what the last AAC frame holds beyond the length that the track declares."""
        if self.pending is None or self.defects.holes or self.defects.damaged:
            return
        keep = round((declared_s - assembly.source_s) * self.pending_rate_hz)
        if 0 <= keep < self.pending.shape[0]:
            self.pending = self.pending[:keep]


class _Reader:
    """A file without its name, since PyAV can't take names that are not UTF-8."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


def _interleaved(frame: AudioFrame) -> Samples:
    """The frame as writable float32 of shape (n, channels), full scale at 1."""
    array = frame.to_ndarray()
    channels = frame.layout.nb_channels
    array = array.T if frame.format.is_planar else array.reshape(-1, channels)
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return np.array(array, np.float32)
    full_scale = 2.0 ** (8 * array.dtype.itemsize - 1)
    samples = array.astype(np.float32)
    if array.dtype.kind == "u":
        samples -= np.float32(full_scale)
    samples *= np.float32(1.0 / full_scale)
    return samples


def _with_channels(samples: Samples, channels: int, path: Path) -> Samples:
    """Fit (n, 1) or (n, 2) into the number of channels that the file began with."""
    if samples.shape[1] > CHANNELS_MAX:
        raise InputRejected(f"{path}: changes to {samples.shape[1]} channels; export it with one or two")
    if channels == 1:
        mixed: Samples = samples.mean(axis=1, keepdims=True, dtype=np.float32)
        return mixed
    return np.repeat(samples, channels, axis=1)


def _time_s(frame: AudioFrame) -> float | None:
    if frame.pts is None or not frame.time_base:
        return None
    return float(frame.pts * frame.time_base)


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
