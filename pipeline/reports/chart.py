"""Geometry of the time line: lanes of speech, markers of events, silences and tension."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from pipeline.records import Analysis, Event, EventKind, GapKind, Role
from pipeline.reports.curves import BOX_WIDTH, Curve, Plotter, TimeScale
from pipeline.reports.playback import Peaks
from pipeline.reports.view import (
    Limits,
    channel_of,
    clock,
    events_of,
    overlap_measurable,
    roles_of,
)
from pipeline.texts import Texts
from pipeline.timeline import Span

TICK_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
MOST_TICKS = 12
MARKED_KINDS: tuple[EventKind, ...] = ("interruption", "failed_attempt", "simultaneous_start")
LDAL_PARTS = ("listen", "diffuse", "act", "impression")
LEAST_WIDTH = 0.4
"""Percent of the time line under which a mark could not be seen."""
LOUD_SHARE = 0.995  # a click must not flatten a waveform


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    width: float
    kind: str
    title: str
    start_s: float


@dataclass(frozen=True, slots=True)
class Lane:
    """The speech of one speaker and, where there is sound, its waveform."""

    role: Role
    speech: str
    wave: str
    heights: tuple[int, ...]
    """The waveform's columns in percent of the lane's own loud moments; empty without sound."""


@dataclass(frozen=True, slots=True)
class Marker:
    x: float
    row: int
    kind: EventKind
    role: Role
    title: str
    start_s: float


@dataclass(frozen=True, slots=True)
class LdalBox:
    """A moment of one of the four parts; ``row`` counts them in their order."""

    row: int
    x: float
    width: float
    kept: bool
    title: str
    start_s: float


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch that the player marks on the waveforms."""

    start_s: float
    end_s: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Timeline:
    ticks: tuple[Tick, ...]
    lanes: tuple[Lane, ...]
    markers: tuple[Marker, ...]
    backchannels: tuple[Marker, ...]
    quiet: tuple[Box, ...]
    rate: Curve
    pitch: Curve
    loudness: Curve
    tension: str
    tense: tuple[Box, ...]
    ldal: tuple[LdalBox, ...]
    regions: tuple[Region, ...]
    summary: str

    @property
    def kinds(self) -> list[EventKind]:
        """The kinds of events that are drawn, for the legend."""
        drawn = {marker.kind for marker in (*self.markers, *self.backchannels)}
        return [kind for kind in (*MARKED_KINDS, "backchannel") if kind in drawn]

    @property
    def quiet_kinds(self) -> list[str]:
        """The kinds of silences that are drawn."""
        drawn = {box.kind for box in self.quiet}
        return [kind for kind in get_args(GapKind) if kind in drawn]

    @property
    def beyond(self) -> bool:
        """Whether a dot lies beyond its limit."""
        return any(dot.high for curve in (self.rate, self.pitch, self.loudness) for dot in curve.dots)


@dataclass(frozen=True, slots=True)
class Draughtsman:
    """Draws one analysis; ``peaks`` is (channels, n) in 0..1, or ``None`` without sound."""

    analysis: Analysis
    peaks: Peaks | None
    limits: Limits
    text: Texts

    @property
    def _scale(self) -> TimeScale:
        return TimeScale(self.analysis.call.duration_s)

    def timeline(self) -> Timeline:
        plotter = Plotter(self.analysis, self.limits, self.text)
        return Timeline(
            ticks=self._ticks(),
            lanes=tuple(self._lane(role) for role in roles_of(self.analysis)),
            markers=self._markers(MARKED_KINDS),
            backchannels=self._markers(("backchannel",)),
            quiet=self._quiet(),
            rate=plotter.rate(),
            pitch=plotter.pitch(),
            loudness=plotter.loudness(),
            tension=self._tension(),
            tense=self._tense(),
            ldal=self._ldal(),
            regions=self._regions(),
            summary=self._summary(),
        )

    def _ticks(self) -> tuple[Tick, ...]:
        fitting = (step for step in TICK_STEPS_S if self._scale.duration_s / step <= MOST_TICKS)
        step_s = next(fitting, TICK_STEPS_S[-1])
        count = math.ceil(self._scale.duration_s / step_s)
        times = (index * step_s for index in range(count))
        return tuple(Tick(self._scale.x(at), clock(at)) for at in times if self._scale.x(at) < 98.0)

    # --- speakers ---

    def _lane(self, role: Role) -> Lane:
        segments = self.analysis.speech.segments
        spans = [(each.start_s, each.end_s) for each in segments if each.speaker == role]
        heights = self._heights(role, spans)
        columns = tuple(round(100 * height) for height in heights)
        return Lane(role, self._bars(spans), self._outline(heights), columns)

    def _bars(self, spans: Sequence[Span]) -> str:
        edges = [(self._scale.box_x(start_s), self._scale.box_x(end_s)) for start_s, end_s in spans]
        return "".join(f"M{left} 0H{right}V100H{left}Z" for left, right in edges)

    def _heights(self, role: Role, spans: Sequence[Span]) -> list[float]:
        """Columns of the waveform in 0..1 of the lane's own loud moments."""
        if self.peaks is None or self.peaks.shape[1] == 0:
            return []
        if not spans:  # the noise of a line on which nobody speaks is no waveform
            return [0.0] * self.peaks.shape[1]
        channel = channel_of(self.analysis, role)
        values = self.peaks[min(channel or 0, self.peaks.shape[0] - 1)].tolist()
        if channel is None:  # one channel for both: each lane shows the sound of its own speech
            step_s = self._scale.duration_s / len(values)
            spoken = self._columns(spans, step_s, len(values))
            values = [value if here else 0.0 for value, here in zip(values, spoken, strict=True)]
        loud = sorted(values)[int((len(values) - 1) * LOUD_SHARE)] or max(values)
        return [min(value / loud, 1.0) for value in values] if loud else []

    @staticmethod
    def _outline(heights: Sequence[float]) -> str:
        """A mirrored outline."""
        if not heights:
            return ""
        step = BOX_WIDTH / len(heights)
        top = [f"{index * step:.4g} {50 - 46 * height:.3g}" for index, height in enumerate(heights)]
        bottom = [f"{index * step:.4g} {50 + 46 * height:.3g}" for index, height in enumerate(heights)]
        return f"M{'L'.join(top + bottom[::-1])}Z"

    @staticmethod
    def _columns(spans: Sequence[Span], step_s: float, count: int) -> list[bool]:
        spoken = [False] * count
        for start_s, end_s in spans:
            for column in range(int(start_s / step_s), min(math.ceil(end_s / step_s), count)):
                spoken[column] = True
        return spoken

    # --- events and silence ---

    def _markers(self, kinds: tuple[EventKind, ...]) -> tuple[Marker, ...]:
        first = roles_of(self.analysis)[0]
        return tuple(
            Marker(
                self._scale.x(event.start_s),
                0 if event.by == first else 1,
                event.kind,
                event.by,
                self._marker_title(event),
                event.start_s,
            )
            for event in events_of(self.analysis, *kinds)
        )

    def _marker_title(self, event: Event) -> str:
        return self.text(
            "timeline.marker",
            kind=self.text(f"kind.{event.kind}"),
            by=self.text(f"role_of.{event.by}"),
            time=clock(event.start_s),
            overlap=self.text.number(event.overlap_s, 1),
        )

    def _quiet(self) -> tuple[Box, ...]:
        boxes = [(gap.start_s, gap.end_s, str(gap.kind)) for gap in self.analysis.measures.call.gaps]
        boxes += [(hold.start_s, hold.end_s, "hold") for hold in self.analysis.measures.call.holds]
        return tuple(
            self._time_box(
                start_s,
                end_s,
                kind,
                self.text(
                    "timeline.gap",
                    kind=self.text(f"gap_kind.{kind}"),
                    start=clock(start_s),
                    end=clock(end_s),
                ),
            )
            for start_s, end_s, kind in boxes
        )

    def _time_box(self, start_s: float, end_s: float, kind: str, title: str) -> Box:
        x = self._scale.x(start_s)
        return Box(x, round(self._scale.x(end_s) - x, 3), kind, title, start_s)

    def _tension(self) -> str:
        curve = self.analysis.tension.curve
        if not curve:
            return ""
        line = "L".join(f"{self._scale.box_x(point.t_s)} {96 - 88 * point.level:.1f}" for point in curve)
        return f"M{self._scale.box_x(curve[0].t_s)} 100L{line}L{self._scale.box_x(curve[-1].t_s)} 100Z"

    def _tense(self) -> tuple[Box, ...]:
        return tuple(
            self._time_box(
                span.start_s,
                span.end_s,
                span.outcome,
                self.text("timeline.tense_span", start=clock(span.start_s), end=clock(span.end_s)),
            )
            for span in self.analysis.tension.spans
        )

    def _ldal(self) -> tuple[LdalBox, ...]:
        boxes = []
        for moment in self.analysis.scores.ldal_moments:
            name = self.text.name_of("check", moment.check)
            title = f"{name}, {clock(moment.start_s)}"
            box = self._time_box(moment.start_s, moment.end_s, moment.part, title)
            row = LDAL_PARTS.index(moment.part)
            boxes.append(LdalBox(row, box.x, max(box.width, LEAST_WIDTH), moment.kept, title, moment.start_s))
        return tuple(boxes)

    def _regions(self) -> tuple[Region, ...]:
        marked = [
            Region(event.start_s, event.end_s, event.kind, self._marker_title(event))
            for event in events_of(self.analysis, "interruption")
        ]
        marked += [
            Region(
                span.start_s,
                span.end_s,
                "tense",
                self.text("timeline.tense_span", start=clock(span.start_s), end=clock(span.end_s)),
            )
            for span in self.analysis.tension.spans
        ]
        return tuple(sorted(marked, key=lambda region: (region.start_s, region.kind)))

    def _summary(self) -> str:
        of = self.analysis.measures.call
        counted = len(events_of(self.analysis, "interruption"))
        if of.speech_s is None:
            return self.text("timeline.summary_silent", duration=clock(of.duration_s))
        return self.text(
            "timeline.summary",
            duration=clock(of.duration_s),
            speech=clock(of.speech_s),
            interruptions=self.text.number(counted) if overlap_measurable(self.analysis) else "?",
            gaps=self.text.number(len(of.gaps)),
            gap=self.limits.text("turns.gap_s"),
        )
