"""What went wrong while a file was decoded, and how the report says it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.audio.headers import RiffLength
from pipeline.records import QualityWarning
from pipeline.texts import Text
from pipeline.timeline import Span, total_s


@dataclass
class Defects:
    """Counts over one file; ``holes`` are spans in seconds that were filled with silence,
    ``chosen`` the two channels that were taken and how many there are."""

    packets_read: int = 0
    damaged: int = 0
    invalid_samples: int = 0
    channel_changes: int = 0
    extra_streams: int = 0
    chosen: tuple[int, int, int] | None = None
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
                message=Text("quality.header_length", declared=riff.declared_s or 0.0, decoded=decoded_s),
            )
        elif declared_s is not None and declared_s - decoded_s > truncated_s:
            yield QualityWarning(
                code="truncated",
                message=Text(
                    "quality.truncated",
                    declared=declared_s,
                    decoded=decoded_s,
                    missing=declared_s - decoded_s,
                ),
                start_s=round(decoded_s, 3),
            )
        if self.damaged:
            yield QualityWarning(
                code="damaged",
                message=Text(
                    "quality.damaged", count=self.damaged, packets=max(self.packets_read, self.damaged)
                ),
            )
        if self.holes:
            start_s, end_s = max(self.holes, key=lambda hole: hole[1] - hole[0])
            yield QualityWarning(
                code="timestamp_gap",
                message=Text("quality.timestamp_gap", count=len(self.holes), seconds=total_s(self.holes)),
                start_s=round(start_s, 3),
                end_s=round(end_s, 3),
            )
        if self.invalid_samples:
            yield QualityWarning(
                code="invalid_samples",
                message=Text("quality.invalid_samples", count=self.invalid_samples),
            )
        if self.channel_changes:
            yield QualityWarning(
                code="channels_changed",
                message=Text("quality.channels_changed", count=self.channel_changes),
            )
        if self.chosen:
            first, second, channels = self.chosen
            yield QualityWarning(
                code="channels_chosen",
                message=Text("quality.channels_chosen", first=first, second=second, channels=channels),
            )
        if self.extra_streams:
            yield QualityWarning(
                code="extra_streams",
                message=Text("quality.extra_streams", streams=self.extra_streams + 1),
            )
