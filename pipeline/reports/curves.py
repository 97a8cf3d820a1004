"""Rate, pitch and loudness over the call, scaled for drawing in a lane of the time line.

Shapes with many points are paths in a box of ``BOX_WIDTH`` by 100 that is stretched over the lane;
what carries text or must keep its shape is placed by percentages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.records import Analysis, Role
from pipeline.reports.view import Limits, clock, judged_roles
from pipeline.texts import Texts

BOX_WIDTH = 1000.0
RATE_RANGE_SPS = (2.5, 7.0)
PITCH_RANGE_ST = (-5.0, 5.0)
LOUDNESS_RANGE_DB = (-8.0, 8.0)


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Times as places along a lane."""

    duration_s: float

    def x(self, time_s: float) -> float:
        """Percent of the call's length, kept within it."""
        if self.duration_s <= 0:
            return 0.0
        return round(100.0 * min(max(time_s / self.duration_s, 0.0), 1.0), 3)

    def box_x(self, time_s: float) -> str:
        """The same in the box of paths, as short as it can be written."""
        return f"{self.x(time_s) * BOX_WIDTH / 100.0:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    role: Role
    high: bool
    title: str
    start_s: float


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a window at ``at_s``; ``None`` where the window has none, which breaks the line."""

    role: Role
    at_s: float
    value: float | None
    title: str = ""
    high: bool = False


@dataclass(frozen=True, slots=True)
class Guide:
    """A horizontal line with its value; ``kind`` is ``edge``, ``limit`` or ``zero``."""

    y: float
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time with the target band (``band_y``, ``band_height``) behind them."""

    dots: tuple[Dot, ...]
    lines: tuple[tuple[Role, str], ...]
    guides: tuple[Guide, ...]
    band_y: float | None
    band_height: float


@dataclass(frozen=True, slots=True)
class Plotter:
    """Draws the windows of the speakers whose rate and pitch are judged."""

    analysis: Analysis
    limits: Limits
    text: Texts

    @property
    def _scale(self) -> TimeScale:
        return TimeScale(self.analysis.call.duration_s)

    def rate(self) -> Curve:
        low, high = self.limits.get("rate.band_low_sps"), self.limits.get("rate.band_high_sps")
        fast = self.limits.get("rate.fast_sps")
        points: list[Point] = []
        for role in judged_roles(self.analysis):
            of = self.analysis.measures.of(role)
            for window in of.rate_windows if of else ():
                title = self.text(
                    "timeline.rate_point",
                    time=clock(window.start_s),
                    sps=self.text.number(window.sps, 2),
                    wpm=self.text.number(window.wpm),
                    who=self.text(f"role_of.{role}"),
                )
                beyond = fast is not None and window.sps > fast
                points.append(Point(role, (window.start_s + window.end_s) / 2, window.sps, title, beyond))
        limits = [] if fast is None else [(fast, "limit")]
        edges = [(edge, "edge") for edge in (low, high) if edge is not None]
        band = (low, high) if low is not None and high is not None else None
        return self._curve(points, RATE_RANGE_SPS, band, edges + limits, signed=False)

    def pitch(self) -> Curve:
        notable = self.limits.get("pitch.notable_st")
        points: list[Point] = []
        for role in judged_roles(self.analysis):
            of = self.analysis.measures.of(role)
            for window in of.pitch_windows if of else ():
                middle_s = (window.start_s + window.end_s) / 2
                if window.st is None:
                    points.append(Point(role, middle_s, None))
                    continue
                title = self.text(
                    "timeline.pitch_point",
                    time=clock(window.start_s),
                    st=self.text.number(window.st, 1, signed=True),
                    hz=self.text.number(window.f0_median_hz),
                    who=self.text(f"role_of.{role}"),
                )
                beyond = notable is not None and abs(window.st) >= notable
                points.append(Point(role, middle_s, window.st, title, beyond))
        return self._around_baseline(points, PITCH_RANGE_ST, notable)

    def loudness(self) -> Curve:
        raised = self.limits.get("voice_checks.raised_db")
        points: list[Point] = []
        for role in judged_roles(self.analysis):
            of = self.analysis.measures.of(role)
            for window in of.pitch_windows if of else ():
                middle_s, level_db = (window.start_s + window.end_s) / 2, window.loudness_db
                if level_db is None:
                    points.append(Point(role, middle_s, None))
                    continue
                title = self.text(
                    "timeline.loudness_point",
                    time=clock(window.start_s),
                    db=self.text.number(level_db, 1, signed=True),
                    who=self.text(f"role_of.{role}"),
                )
                points.append(
                    Point(role, middle_s, level_db, title, raised is not None and level_db >= raised)
                )
        return self._around_baseline(points, LOUDNESS_RANGE_DB, raised)

    def _around_baseline(
        self, points: Sequence[Point], least: tuple[float, float], reach: float | None
    ) -> Curve:
        """A curve about the own baseline, with what is no difference yet as its band."""
        band = None if reach is None else (-reach, reach)
        edges = [] if band is None else [(band[0], "edge"), (band[1], "edge")]
        return self._curve(points, least, band, [*edges, (0.0, "zero")], signed=True)

    def _curve(
        self,
        points: Sequence[Point],
        least: tuple[float, float],
        band: tuple[float, float] | None,
        guides: Sequence[tuple[float, str]],
        *,
        signed: bool,
    ) -> Curve:
        """Scale points, band and guides to a range that holds ``least`` and every point."""
        values = [point.value for point in points if point.value is not None]
        bottom, top = min([least[0], *values]), max([least[1], *values])

        def y(value: float) -> float:
            return round(4.0 + 92.0 * (top - value) / (top - bottom), 2)

        dots = tuple(
            Dot(self._scale.x(each.at_s), y(each.value), each.role, each.high, each.title, each.at_s)
            for each in points
            if each.value is not None
        )
        lines = tuple((role, self._line(points, role, y)) for role in judged_roles(self.analysis))
        drawn = tuple(
            Guide(y(value), self.text.number(value, 0 if value == int(value) else 1, signed=signed), kind)
            for value, kind in guides
        )
        band_y = None if band is None else y(band[1])
        height = 0.0 if band is None or band_y is None else round(y(band[0]) - band_y, 2)
        return Curve(dots, lines, drawn, band_y, height)

    def _line(self, points: Sequence[Point], role: Role, y: Callable[[float], float]) -> str:
        """A path through a speaker's points, broken where a window has no value."""
        path, pen = [], "M"
        for point in points:
            if point.role != role:
                continue
            if point.value is None:
                pen = "M"
                continue
            path.append(f"{pen}{self._scale.box_x(point.at_s)} {y(point.value)}")
            pen = "L"
        return "".join(path)
