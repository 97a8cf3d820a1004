"""Decoding one audio stream: frames to samples, at the times that the stream gives them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from pipeline.audio.assembly import Assembly, analysis_rate_hz
from pipeline.audio.defects import Defects
from pipeline.audio.headers import RiffLength
from pipeline.errors import InputRejected
from pipeline.records import Recording, Samples
from pipeline.settings import AudioSettings

CHANNELS_MAX = 2
READ_ERRORS_MAX = 64


@dataclass
class StreamDecoder:
    """What decoding one stream has produced so far."""

    path: Path
    settings: AudioSettings
    stream: AudioStream
    container: str
    declared_s: float | None
    riff: RiffLength | None
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
            except av.FFmpegError:
                failures += 1
                self.defects.damaged += 1

    def take_packet(self, packet: "Packet[Any]") -> None:
        self.defects.packets_read += 1
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.FFmpegError:
            self.defects.damaged += 1
            return
        for frame in frames:
            if isinstance(frame, AudioFrame) and frame.samples:
                self._take_frame(frame)

    def _take_frame(self, frame: AudioFrame) -> None:
        samples = self._chosen(_interleaved(frame))
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

    def _chosen(self, samples: Samples) -> Samples:
        """The two of many channels (n, channels) that ``audio.channels`` names; two and fewer as they are."""
        channels, given = samples.shape[1], self.settings.channels
        if channels <= CHANNELS_MAX or given is None:
            return samples
        wanted = [int(part) for part in re.findall(r"-?\d+", given)]
        if (
            len(wanted) != CHANNELS_MAX
            or wanted[0] == wanted[1]
            or max(wanted) >= channels
            or min(wanted) < 0
        ):
            raise InputRejected(
                f"{self.path}: audio.channels is {given!r}, expected two different ones of 0 to "
                f"{channels - 1}"
            )
        self.defects.chosen = (wanted[0], wanted[1], channels)
        return np.ascontiguousarray(samples[:, wanted])

    def _begin(self, frame: AudioFrame, channels: int) -> Assembly:
        # A frame knows better than the header: some AAC streams double their rate or channels.
        rate_hz = frame.sample_rate
        if channels > CHANNELS_MAX:
            raise InputRejected(
                f"{self.path}: has {channels} channels, expected one (both speakers) or two (one speaker "
                "each); set audio.channels to the two of the speakers, such as '0,2'"
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

    def recording(self, sha256: str, source: str) -> Recording:
        """What was decoded, with a warning for each kind of defect; empties the assembly."""
        assembly = self.assembly
        if assembly is None:
            damaged = self.defects.damaged
            why = f"none of its {damaged} packets can be decoded" if damaged else "holds no sound (0 samples)"
            raise InputRejected(f"{self.path}: {why}; copy or export the recording again")
        if self.container == "mov" and self.declared_s is not None:
            self._cut_padding(self.declared_s, assembly)
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
            container=self.container,
            warnings=tuple(
                self.defects.warnings(decoded_s, self.declared_s, self.riff, self.settings.truncated_s)
            ),
        )

    def _cut_padding(self, declared_s: float, assembly: Assembly) -> None:
        """Drop what the last AAC frame holds beyond the length that the track declares."""
        if self.pending is None or self.defects.holes or self.defects.damaged:
            return
        keep = round((declared_s - assembly.source_s) * self.pending_rate_hz)
        if 0 <= keep < self.pending.shape[0]:
            self.pending = self.pending[:keep]


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
