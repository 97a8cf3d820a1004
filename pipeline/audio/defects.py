"""What went wrong while a file was decoded, and how the report says it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.audio.headers import RiffLength
from pipeline.records import QualityWarning
from pipeline.timeline import Span, total_s


@dataclass
class Defects:
    """Counts over one file; ``holes`` are spans in seconds that were filled with silence."""

    packets_read: int = 0
    damaged: int = 0
    invalid_samples: int = 0
    channel_changes: int = 0
    extra_streams: int = 0
    holes: list[Span] = field(default_factory=list)

    def warnings(
        self,
        decoded_s: float,
        declared_s: float | None,
        riff: RiffLength | None,
        truncated_s: float,
    ) -> Iterator[QualityWarning]:
        """One warning a kind of defect. ``truncated_s`` is the shortest missing end worth a warning."""
        if riff is not None and riff.sound_follows:
            yield QualityWarning(
                code="header_length",
                message=f"The header announces {riff.declared_s or 0.0:.1f} s but {decoded_s:.1f} s of sound "
                "are in the file; all of it was read.",
            )
        elif declared_s is not None and declared_s - decoded_s > truncated_s:
            yield QualityWarning(
                code="truncated",
                message=f"The header announces {declared_s:.1f} s but the sound ends at {decoded_s:.1f} s: "
                f"{declared_s - decoded_s:.1f} s of the call are missing, usually its end.",
                start_s=round(decoded_s, 3),
            )
        if self.damaged:
            yield QualityWarning(
                code="damaged",
                message=f"{self.damaged} of {max(self.packets_read, self.damaged)} packets are damaged and "
                "were left out; what was said there is missing.",
            )
        if self.holes:
            start_s, end_s = max(self.holes, key=lambda hole: hole[1] - hole[0])
            yield QualityWarning(
                code="timestamp_gap",
                message=f"The timestamps leave {len(self.holes)} hole(s), {total_s(self.holes):.1f} s in "
                "all, that were filled with silence; it is not the speakers' silence. The longest is marked.",
                start_s=round(start_s, 3),
                end_s=round(end_s, 3),
            )
        if self.invalid_samples:
            yield QualityWarning(
                code="invalid_samples",
                message=f"{self.invalid_samples} samples are not numbers and were taken as silence.",
            )
        if self.channel_changes:
            yield QualityWarning(
                code="channels_changed",
                message=f"{self.channel_changes} frames have another number of channels than the start of "
                "the file; they were mixed or copied to fit, so who spoke there is uncertain.",
            )
        if self.extra_streams:
            yield QualityWarning(
                code="extra_streams",
                message=f"The file has {self.extra_streams + 1} audio streams; only the first was read.",
            )
