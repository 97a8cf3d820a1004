"""Algebra of half-open intervals ``[start_s, end_s)`` in seconds.

A *span* is a ``(start_s, end_s)`` tuple with ``start_s < end_s``. Functions that return several spans
return them sorted and disjoint. This is the only place that does interval arithmetic.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

Span = tuple[float, float]


def union(spans: Iterable[Span]) -> list[Span]:
    """Merge spans that overlap or touch; empty and inverted spans vanish."""
    return bridge(spans, 0.0)


def bridge(spans: Iterable[Span], gap_s: float) -> list[Span]:
    """Merge spans whose gap is at most ``gap_s`` seconds (0 merges only those that touch)."""
    merged: list[Span] = []
    for start_s, end_s in sorted(span for span in spans if span[1] > span[0]):
        if merged and start_s - merged[-1][1] <= gap_s:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_s))
        else:
            merged.append((start_s, end_s))
    return merged


def intersect(first: Iterable[Span], second: Iterable[Span]) -> list[Span]:
    """The time that lies in both sets of spans."""
    a, b = union(first), union(second)
    common: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        start_s, end_s = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start_s < end_s:
            common.append((start_s, end_s))
        if a[i][1] <= b[j][1]:
            i += 1
        else:
            j += 1
    return common


def gaps(spans: Iterable[Span], within: Span) -> list[Span]:
    """The time of ``within`` that no span covers."""
    free: list[Span] = []
    cursor_s, limit_s = within
    for start_s, end_s in union(spans):
        if start_s >= limit_s:
            break
        if start_s > cursor_s:
            free.append((cursor_s, start_s))
        cursor_s = max(cursor_s, end_s)
    if cursor_s < limit_s:
        free.append((cursor_s, limit_s))
    return free


def subtract(spans: Iterable[Span], removed: Iterable[Span]) -> list[Span]:
    """The time of ``spans`` that ``removed`` does not cover."""
    kept = union(spans)
    if not kept:
        return []
    return intersect(kept, gaps(removed, (kept[0][0], kept[-1][1])))


def pad(spans: Iterable[Span], margin_s: float, within: Span) -> list[Span]:
    """Widen every span by ``margin_s`` on both sides, clip to ``within`` and merge."""
    low_s, high_s = within
    return union((max(low_s, start_s - margin_s), min(high_s, end_s + margin_s)) for start_s, end_s in spans)


def total_s(spans: Iterable[Span]) -> float:
    """Length in seconds of the union of the spans."""
    return sum(end_s - start_s for start_s, end_s in union(spans))


def overlap_s(first: Iterable[Span], second: Iterable[Span]) -> float:
    """Seconds that lie in both sets of spans."""
    return total_s(intersect(first, second))


def containing(spans: Sequence[Span], time_s: float) -> Span | None:
    """The span of a sorted, disjoint sequence that holds ``time_s``, if any."""
    index = bisect_right(spans, time_s, key=lambda span: span[0]) - 1
    return spans[index] if index >= 0 and time_s < spans[index][1] else None
