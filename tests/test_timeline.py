"""Laws of the interval algebra, and its agreement with a grid of cells that are in or out.

Times are multiples of 1/1024 s, which are exact in binary, so that every law holds to the last bit.
"""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.timeline import (
    Span,
    bridge,
    containing,
    gaps,
    intersect,
    overlap_s,
    pad,
    subtract,
    total_s,
    union,
)

CELL_S = 1 / 1024
CELLS = 64
WITHIN = (0.0, CELLS * CELL_S)

cells = st.integers(0, CELLS)
spans = st.lists(st.tuples(cells, cells).map(lambda pair: (pair[0] * CELL_S, pair[1] * CELL_S)), max_size=8)


def grid(some: list[Span]) -> set[int]:
    """The cells that spans cover; an inverted span covers none."""
    return {cell for start_s, end_s in some for cell in range(round(start_s / CELL_S), round(end_s / CELL_S))}


def is_canonical(some: list[Span]) -> bool:
    """Sorted, not empty, and parted from the next."""
    return all(start_s < end_s for start_s, end_s in some) and all(
        before[1] < after[0] for before, after in itertools.pairwise(some)
    )


@given(spans)
def test_union_covers_the_same_cells_in_canonical_form(some: list[Span]) -> None:
    """Merging changes the form of a set of times, never the set."""
    merged = union(some)
    assert is_canonical(merged)
    assert grid(merged) == grid(some)


@given(spans)
def test_union_is_idempotent(some: list[Span]) -> None:
    """Times that are merged already stay as they are."""
    assert union(union(some)) == union(some)


@given(spans, spans)
def test_intersect_is_what_both_cover(first: list[Span], second: list[Span]) -> None:
    """Overlap of two speakers is a fact about both, whoever is named first."""
    common = intersect(first, second)
    assert is_canonical(common)
    assert grid(common) == grid(first) & grid(second)
    assert common == intersect(second, first)


@given(spans, spans)
def test_subtract_and_intersect_partition(first: list[Span], second: list[Span]) -> None:
    """Speech is alone or overlapped: no instant is lost and none counts twice."""
    alone, shared = subtract(first, second), intersect(first, second)
    assert is_canonical(alone)
    assert grid(alone) == grid(first) - grid(second)
    assert union(alone + shared) == union(first)
    assert total_s(alone) + total_s(shared) == total_s(first)


@given(spans)
def test_gaps_are_the_complement(some: list[Span]) -> None:
    """Silence is exactly what nobody fills."""
    free = gaps(some, WITHIN)
    assert is_canonical(free)
    assert grid(free) == set(range(CELLS)) - grid(some)
    assert gaps(free, WITHIN) == union(some)


@given(spans, cells, cells)
def test_gaps_stay_within_their_limits(some: list[Span], low: int, high: int) -> None:
    """Speech that reaches over the limits of a stretch does not lengthen its silence."""
    within = (low * CELL_S, high * CELL_S)
    assert grid(gaps(some, within)) == set(range(low, high)) - grid(some)


@given(spans, st.integers(0, 16), st.integers(0, 16))
def test_bridge_is_monotone(some: list[Span], less: int, more: int) -> None:
    """A longer allowance bridges everything that a shorter one does."""
    less, more = sorted((less, more))
    narrow, wide = bridge(some, less * CELL_S), bridge(some, more * CELL_S)
    assert grid(some) <= grid(narrow) <= grid(wide)
    assert len(wide) <= len(narrow)


@given(spans, st.integers(1, 16))
def test_bridge_fills_short_gaps_only(some: list[Span], allowed: int) -> None:
    """What stays apart is parted by more than the allowance, and what was filled was a gap of at most it."""
    bridged = bridge(some, allowed * CELL_S)
    assert all(after[0] - before[1] > allowed * CELL_S for before, after in itertools.pairwise(bridged))
    assert all(end_s - start_s <= allowed * CELL_S for start_s, end_s in subtract(bridged, some))


@given(spans.map(union), st.integers(0, 16))
def test_pad_widens_by_the_margin_and_no_further(some: list[Span], margin: int) -> None:
    """Padding for the recognizer reaches the margin on both sides and never leaves the recording."""
    widened = {
        cell
        for start_s, end_s in some
        for cell in range(round(start_s / CELL_S) - margin, round(end_s / CELL_S) + margin)
    }
    padded = pad(some, margin * CELL_S, WITHIN)
    assert is_canonical(padded)
    assert grid(padded) == widened & set(range(CELLS))


@given(spans, spans)
def test_totals_count_cells(first: list[Span], second: list[Span]) -> None:
    """Seconds of talk and of overlap are lengths of sets, not sums over lists that overlap themselves."""
    assert total_s(first) == len(grid(first)) * CELL_S
    assert overlap_s(first, second) == len(grid(first) & grid(second)) * CELL_S


@given(spans.map(union), cells)
def test_containing_finds_the_only_span(some: list[Span], cell: int) -> None:
    """A moment has at most one span, its start belongs to it and its end does not."""
    time_s = cell * CELL_S
    found = containing(some, time_s)
    assert [span for span in some if span[0] <= time_s < span[1]] == ([] if found is None else [found])


@pytest.mark.parametrize(
    ("some", "gap_s", "expected"),
    [
        ([(0.0, 1.0), (1.0, 2.0)], 0.0, [(0.0, 2.0)]),  # touching is one
        ([(0.0, 1.0), (1.25, 2.0)], 0.0, [(0.0, 1.0), (1.25, 2.0)]),
        ([(0.0, 5.0), (1.0, 2.0), (4.0, 6.0)], 0.0, [(0.0, 6.0)]),  # one inside another
        ([(3.0, 3.0), (2.0, 1.0)], 1.0, []),  # empty and inverted vanish
        ([(5.0, 6.0), (0.0, 1.0)], 3.0, [(0.0, 1.0), (5.0, 6.0)]),  # unsorted, gap of 4
        ([(5.0, 6.0), (0.0, 1.0)], 4.5, [(0.0, 6.0)]),
    ],
)
def test_bridge_by_hand(some: list[Span], gap_s: float, expected: list[Span]) -> None:
    """The plainest cases, worked out on paper."""
    assert bridge(some, gap_s) == expected
