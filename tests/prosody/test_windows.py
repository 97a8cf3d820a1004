"""Windows that hold equal amounts of one speaker's net speech."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.prosody.windows import speech_windows
from pipeline.timeline import Span, intersect, total_s, union

SPEECH: list[Span] = [(0.0, 20.0), (100.0, 120.0), (200.0, 210.0)]


@st.composite
def speech(draw: st.DrawFn) -> list[Span]:
    """Sorted, disjoint spans on quarters of a second, which are exact."""
    cursor, spans = 0, []
    for gap, length in draw(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 80)), max_size=8)):
        spans.append(((cursor + gap) / 4, (cursor + gap + length) / 4))
        cursor += gap + length
    return spans


def test_windows_by_hand() -> None:
    """50 s of net speech give three windows of 30 s, 10 s apart, whatever the pauses between."""
    assert speech_windows(SPEECH, 30.0, 10.0) == [
        [(0.0, 20.0), (100.0, 110.0)],
        [(10.0, 20.0), (100.0, 120.0)],
        [(100.0, 120.0), (200.0, 210.0)],
    ]


@pytest.mark.parametrize(
    ("spans", "count"),
    [
        ([(0.0, 29.99)], 0),  # less than a window
        ([(0.0, 30.0)], 1),
        ([(0.0, 39.99)], 1),
        ([(0.0, 40.0)], 2),
        ([(5.0, 6.0), (7.0, 36.0)], 1),
        ([], 0),
    ],
)
def test_how_many_windows(spans: list[Span], count: int) -> None:
    """A window is full or it is none: the last seconds of speech make no short one."""
    assert len(speech_windows(spans, 30.0, 10.0)) == count


@given(speech(), st.integers(4, 80), st.integers(2, 40))
def test_every_window_holds_the_same_speech(spans: list[Span], window: int, hop: int) -> None:
    """Each window is speech only, of one length, and begins one hop of speech after the one before."""
    window_s, hop_s = window / 4, hop / 4
    found = speech_windows(spans, window_s, hop_s)
    for index, inside in enumerate(found):
        assert total_s(inside) == pytest.approx(window_s)
        assert intersect(inside, spans) == union(inside)
        assert total_s(intersect(spans, [(0.0, inside[0][0])])) == pytest.approx(index * hop_s)


@given(speech(), st.integers(4, 80))
def test_windows_side_by_side_lose_nothing(spans: list[Span], window: int) -> None:
    """With a hop of one window the windows partition the speech, up to what is too short at the end."""
    window_s = window / 4
    found = speech_windows(spans, window_s, window_s)
    covered = [span for inside in found for span in inside]
    assert total_s(covered) == pytest.approx(len(found) * window_s)
    assert total_s(spans) - total_s(covered) < window_s


@given(speech(), st.integers(0, 400))
def test_pauses_do_not_matter(spans: list[Span], longer: int) -> None:
    """A longer pause between two stretches moves windows and changes nothing in them."""
    apart = [
        (start_s + index * longer / 4, end_s + index * longer / 4)
        for index, (start_s, end_s) in enumerate(spans)
    ]
    before, after = speech_windows(spans, 5.0, 2.5), speech_windows(apart, 5.0, 2.5)
    assert [[end_s - start_s for start_s, end_s in inside] for inside in after] == [
        [end_s - start_s for start_s, end_s in inside] for inside in before
    ]
