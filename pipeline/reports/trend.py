"""A figure of one agent from call to call, and a figure of many agents side by side, as drawings."""

from collections.abc import Sequence
from dataclasses import dataclass

BOX_WIDTH = 1000.0
MARGIN = 0.08
"""Share of the height that is left free over the highest and under the lowest value."""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One call: ``label`` is shown for it; ``value`` is ``None`` where the call lacks the figure."""

    label: str
    value: float | None
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    x: float
    y: float
    label: str
    href: str | None
    outside: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """Places in percent of a box, the line through them, and the band (``None`` for none)."""

    places: tuple[Place, ...]
    path: str
    band_y: float | None
    band_height: float | None
    low: float
    high: float


def draw_trend(
    points: Sequence[TrendPoint], band: tuple[float, float] | None, least_range: tuple[float, float]
) -> Trend | None:
    """Values from left to right at equal distances; ``None`` without any.

    Args:
        band: the values between which nothing is remarkable.
        least_range: is always in view, so that small changes look small.
    """
    values = [point.value for point in points if point.value is not None]
    if not values:
        return None
    low, high = min(*values, *least_range), max(*values, *least_range)
    spread = (high - low) * MARGIN
    low, high = low - spread, high + spread

    def y_of(value: float) -> float:
        return round(100 * (high - value) / (high - low), 2)

    step = 100 / len(points)
    places = tuple(
        Place(
            x=round(step * (index + 0.5), 3),
            y=y_of(point.value),
            label=point.label,
            href=point.href,
            outside=band is not None and not band[0] <= point.value <= band[1],
        )
        for index, point in enumerate(points)
        if point.value is not None
    )
    path = "L".join(f"{place.x * BOX_WIDTH / 100:.1f} {place.y}" for place in places)
    return Trend(
        places=places,
        path=f"M{path}" if len(places) > 1 else "",
        band_y=y_of(band[1]) if band else None,
        band_height=round(y_of(band[0]) - y_of(band[1]), 2) if band else None,
        low=min(values),
        high=max(values),
    )


def draw_distribution(
    points: Sequence[TrendPoint], band: tuple[float, float] | None, least_range: tuple[float, float]
) -> Trend | None:
    """Values along a line, the lowest at the left; ``y`` parts neighbors."""
    drawn = draw_trend(points, band, least_range)
    if drawn is None:
        return None
    columns: dict[int, int] = {}
    places = []
    for place in sorted(drawn.places, key=lambda one: -one.y):
        x = round(100 - place.y, 2)
        stacked = columns[int(x)] = columns.get(int(x), 0) + 1
        places.append(Place(x, max(8.0, 100 - 14.0 * stacked), place.label, place.href, place.outside))
    band_x = None if drawn.band_y is None else round(100 - drawn.band_y - (drawn.band_height or 0), 2)
    return Trend(tuple(places), "", band_x, drawn.band_height, drawn.low, drawn.high)
