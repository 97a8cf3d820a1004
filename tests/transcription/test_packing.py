"""Packing speech into windows for the recognizer, and the way back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Word
from pipeline.timeline import Span, bridge, pad, subtract, total_s
from pipeline.transcription.packing import (
    RECOGNIZER_RATE_HZ,
    Piece,
    Window,
    in_recording,
    pack,
    quietest,
    window_samples,
)
from tests.dialogue import SETTINGS

RECOGNIZER = SETTINGS.recognizer
LIMIT_S = RECOGNIZER.window_s
MARGIN_S = RECOGNIZER.margin_s


def word(text: str, start_s: float, end_s: float) -> Word:
    return Word(word=text, start_s=start_s, end_s=end_s, probability=0.9)


def last_moment(span: Span) -> float:
    """A line that is equally quiet everywhere."""
    return span[1]


@st.composite
def speech(draw: st.DrawFn) -> list[Span]:
    """IPUs of a speaker: at least 250 ms apart, some longer than a window."""
    cursor_ms, spans = 0, []
    for gap_ms, length_ms in draw(
        st.lists(st.tuples(st.integers(250, 9000), st.integers(60, 70_000)), max_size=10)
    ):
        spans.append(((cursor_ms + gap_ms) / 1000, (cursor_ms + gap_ms + length_ms) / 1000))
        cursor_ms += gap_ms + length_ms
    return spans


@st.composite
def packed(draw: st.DrawFn) -> tuple[list[Span], float, list[Window]]:
    spans = draw(speech())
    duration_s = (spans[-1][1] if spans else 0.0) + draw(st.floats(0, 5))
    share = draw(st.floats(0, 1))
    return (
        spans,
        duration_s,
        pack(spans, duration_s, RECOGNIZER, lambda span: span[0] + share * (span[1] - span[0])),
    )


def pieces_of(windows: list[Window]) -> list[Piece]:
    return [piece for window in windows for piece in window.pieces]


@given(packed())
@settings(deadline=None)
def test_every_speech_instant_is_in_exactly_one_piece(case: tuple[list[Span], float, list[Window]]) -> None:
    """Nothing that was said is left out, and nothing is recognized twice."""
    spans, duration_s, windows = case
    pieces = [piece.span for piece in pieces_of(windows)]
    assert total_s(subtract(spans, pieces)) == pytest.approx(0, abs=1e-9)
    assert sum(end_s - start_s for start_s, end_s in pieces) == pytest.approx(total_s(pieces))
    assert pieces == sorted(pieces)
    assert all(0 <= start_s < end_s <= duration_s for start_s, end_s in pieces)


@given(packed())
@settings(deadline=None)
def test_windows_are_never_longer_than_the_limit(case: tuple[list[Span], float, list[Window]]) -> None:
    """A recognizer cuts off what is over its window."""
    _, _, windows = case
    assert all(0 < window.duration_s <= LIMIT_S + 1e-9 for window in windows)


@given(packed())
@settings(deadline=None)
def test_only_speech_with_its_margin_is_packed(case: tuple[list[Span], float, list[Window]]) -> None:
    """Silence, on which text is invented, is not sent: only margins and pauses of up to half a second."""
    spans, duration_s, windows = case
    wanted = bridge(pad(spans, RECOGNIZER.margin_s, (0.0, duration_s)), RECOGNIZER.bridge_s)
    assert total_s(subtract([piece.span for piece in pieces_of(windows)], wanted)) == pytest.approx(
        0, abs=1e-9
    )


@given(packed())
@settings(deadline=None)
def test_pieces_are_joined_with_the_gap(case: tuple[list[Span], float, list[Window]]) -> None:
    """Each window begins with speech and parts its pieces by one join gap."""
    _, _, windows = case
    for window in windows:
        assert window.pieces[0].at_s == 0.0
        for before, after in zip(window.pieces, window.pieces[1:], strict=False):
            assert after.at_s - before.end_s == pytest.approx(RECOGNIZER.join_gap_s)


@given(packed(), st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None)
def test_mapping_back_is_the_inverse_of_packing(
    case: tuple[list[Span], float, list[Window]], first: float, second: float
) -> None:
    """A word inside the speech of a piece comes back to the moment of the recording it was taken from."""
    low, high = sorted((first, second))
    for window in case[2]:
        for piece in window.pieces:
            inner_s = piece.end_s - piece.at_s - 2 * MARGIN_S
            if (high - low) * inner_s < 1e-3:
                continue
            start_s, end_s = MARGIN_S + low * inner_s, MARGIN_S + high * inner_s
            [found] = in_recording([word("so", piece.at_s + start_s, piece.at_s + end_s)], window, MARGIN_S)
            assert found.start_s == pytest.approx(piece.span[0] + start_s, abs=1e-6)
            assert found.end_s == pytest.approx(piece.span[0] + end_s, abs=1e-6)


@st.composite
def heard_in_window(draw: st.DrawFn) -> tuple[Window, list[Word]]:
    """A window of short pieces, and words in order, some of them across or inside the joins."""
    pieces: list[Piece] = []
    start_s = 0.0
    for gap, length in draw(
        st.lists(st.tuples(st.integers(1, 8), st.integers(5, 30)), min_size=1, max_size=5)
    ):
        start_s += 1.0 + gap / 10
        at_s = pieces[-1].end_s + RECOGNIZER.join_gap_s if pieces else 0.0
        pieces.append(Piece((start_s, start_s + length / 10), at_s))
        start_s += length / 10
    cursor, words = 0, []
    steps = draw(
        st.lists(
            st.tuples(st.integers(0, 5), st.integers(1, 8), st.sampled_from(["so", "yes."])), max_size=20
        )
    )
    for gap, length, text in steps:
        words.append(word(text, (cursor + gap) / 10, (cursor + gap + length) / 10))
        cursor += gap + length
    return Window(tuple(pieces)), words


@given(heard_in_window())
@settings(deadline=None)
def test_no_word_is_mapped_outside_the_pieces(case: tuple[Window, list[Word]]) -> None:
    """Whatever time a recognizer gives, in a join or beyond the end, the word lands in what was heard."""
    window, words = case
    for found in in_recording(words, window, MARGIN_S):
        assert any(piece.span[0] <= found.start_s <= found.end_s <= piece.span[1] for piece in window.pieces)


@given(heard_in_window())
@settings(deadline=None, max_examples=150)
def test_words_come_back_in_the_order_spoken(case: tuple[Window, list[Word]]) -> None:
    """At a join a word can go to either side, but never behind the one that was said after it."""
    window, words = case
    starts = [found.start_s for found in in_recording(words, window, MARGIN_S)]
    assert starts == sorted(starts)


JOINED = Window((Piece((10.0, 11.0), 0.0), Piece((20.0, 21.0), 1.3)))
"""Speech from 0.15 to 0.85 s and from 1.45 to 2.15 s of the window."""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([word("so", 0.2, 0.5)], [(10.2, 10.5)]),
        ([word("so", 1.6, 2.0)], [(20.3, 20.7)]),
        (
            [word("so", 0.2, 0.6), word("then", 0.6, 1.2)],
            [(10.2, 10.6), (10.6, 11.0)],
        ),  # mostly before the join
        ([word("so", 0.2, 0.6), word("then", 1.1, 2.0)], [(10.2, 10.6), (20.0, 20.7)]),  # mostly behind it
        (
            [word("so", 0.2, 0.6), word("be.", 0.8, 1.7)],
            [(10.2, 10.6), (10.8, 11.0)],
        ),  # ends the sentence before
        (
            [word("Yes.", 0.2, 0.6), word("I", 0.6, 1.6)],
            [(10.2, 10.6), (20.0, 20.3)],
        ),  # begins the one behind
    ],
)
def test_words_at_a_join(words: list[Word], expected: list[Span]) -> None:
    """A word lies where most of it is, and one that touches the join goes with its sentence."""
    found = in_recording(words, JOINED, MARGIN_S)
    assert [(round(one.start_s, 3), round(one.end_s, 3)) for one in found] == expected


def test_packing_by_hand() -> None:
    """Margins of 0.15 s, pauses up to 0.5 s kept, 0.3 s at each join."""
    windows = pack([(1.0, 2.0), (2.7, 4.0), (10.0, 11.0)], 60.0, RECOGNIZER, last_moment)
    assert len(windows) == 1
    spans = [piece.span for piece in windows[0].pieces]
    assert spans == [pytest.approx((0.85, 4.15)), pytest.approx((9.85, 11.15))]
    assert [piece.at_s for piece in windows[0].pieces] == pytest.approx([0.0, 3.6])
    assert windows[0].duration_s == pytest.approx(4.9)
    [found] = in_recording([word("so", 4.0, 4.5)], windows[0], MARGIN_S)
    assert (found.start_s, found.end_s) == (pytest.approx(10.25), pytest.approx(10.75))


def test_long_speech_is_cut_where_it_is_quiet() -> None:
    """A monologue is cut in its quietest moment near the limit, not in a word."""
    rng = np.random.default_rng(4)
    samples = (rng.standard_normal(40 * 8000) * 0.1).astype(np.float32)
    samples[round(25.4 * 8000) : round(25.6 * 8000)] = 0
    windows = pack([(0.0, 40.0)], 40.0, RECOGNIZER, quietest(samples, 8000))
    first, second = pieces_of(windows)
    assert 25.4 <= first.span[1] <= 25.6
    assert second.span[0] == first.span[1]


def test_the_edges_of_the_recording_hold() -> None:
    """Margins do not reach over the beginning or the end."""
    [window] = pack([(0.0, 5.0)], 5.0, RECOGNIZER, last_moment)
    assert window.pieces[0].span == (0.0, 5.0)


def test_without_speech_there_is_nothing_to_recognize() -> None:
    """A silent channel costs no decoding and yields no invented words."""
    assert pack([], 60.0, RECOGNIZER, last_moment) == []


@pytest.mark.parametrize("rate_hz", [8000, 16_000])
def test_the_sound_of_a_window_is_its_pieces(rate_hz: int) -> None:
    """What the recognizer hears at a window time is what the recording has at the mapped time."""
    time_s = np.arange(20 * rate_hz) / rate_hz
    samples = (np.where(time_s < 10, 0.5, 0.25) * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    [window] = pack([(2.0, 4.0), (12.0, 14.0)], 20.0, RECOGNIZER, last_moment)
    sound = window_samples(samples, rate_hz, window, RECOGNIZER.join_gap_s)
    assert sound.dtype == np.float32
    assert sound.size == pytest.approx(window.duration_s * RECOGNIZER_RATE_HZ, abs=8)

    def peak(from_s: float, to_s: float) -> float:
        part = sound[round(from_s * RECOGNIZER_RATE_HZ) : round(to_s * RECOGNIZER_RATE_HZ)]
        return float(np.abs(part).max())

    assert peak(0.1, 2.2) == pytest.approx(0.5, abs=0.01)
    assert peak(2.31, 2.59) == 0.0
    assert peak(2.7, 4.8) == pytest.approx(0.25, abs=0.01)
