"""Packs the speech of one channel into windows for the recognizer, and maps window times back.

The recognizer always works on 30 s, silence or not. Cutting the silence out and joining what is left, with
a short gap at each join, makes it work on speech only; padding is for the recognizer alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from pipeline.audio.frames import CLOCK, cut, levels_db, resample
from pipeline.records import Samples, Word
from pipeline.settings import RecognizerSettings
from pipeline.timeline import Span, bridge, pad, total_s

RECOGNIZER_RATE_HZ = 16_000
SEARCH_S = 4.0
CLAUSE_ENDS = (".", ",", "?", "!", ";", ":")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the recording and where it begins in its window, all in seconds."""

    span: Span
    at_s: float

    @property
    def end_s(self) -> float:
        return self.at_s + self.span[1] - self.span[0]


@dataclass(frozen=True, slots=True)
class Window:
    """Pieces in time order, joined by gaps."""

    pieces: tuple[Piece, ...]

    @property
    def duration_s(self) -> float:
        return self.pieces[-1].end_s

    def to_recording(self, start_s: float, end_s: float, piece: Piece) -> Span:
        """A window interval in recording time, clamped to a piece."""
        shift_s = piece.span[0] - piece.at_s
        low_s = min(max(start_s + shift_s, piece.span[0]), piece.span[1])
        high_s = min(max(end_s + shift_s, piece.span[0]), piece.span[1])
        return low_s, max(low_s, high_s)


def in_recording(words: Sequence[Word], window: Window, margin_s: float) -> list[Word]:
    """Words of a window in recording time.

    A recognizer puts a word beside a join as readily into the silence as into the sound. A word that
    touches the silence between two pieces goes with the sentence: to the piece before when it ends one, to
    the piece after when it begins one. Otherwise, and where it is a sentence of its own, it goes to the piece
    whose speech it overlaps more.

    Args:
        words: in window time, in the order spoken.
        margin_s: padding on both sides of a piece, which is not speech.
    """
    placed = []
    ended = False
    earliest = 0
    for word in words:
        index = max(earliest, window.pieces.index(_piece_of(word, window, margin_s, ended)))
        piece, earliest = window.pieces[index], index
        start_s, end_s = window.to_recording(word.start_s, word.end_s, piece)
        placed.append(replace(word, start_s=start_s, end_s=end_s))
        ended = word.word.endswith(CLAUSE_ENDS)
    return placed


def _piece_of(word: Word, window: Window, margin_s: float, ended: bool) -> Piece:
    def shared_s(piece: Piece) -> float:
        return min(word.end_s, piece.end_s - margin_s) - max(word.start_s, piece.at_s + margin_s)

    best = max(window.pieces, key=shared_s)
    for before, after in pairwise(window.pieces):
        if word.start_s < after.at_s + margin_s and word.end_s > before.end_s - margin_s:
            ends = word.word.endswith(CLAUSE_ENDS)
            if ends != ended:
                return before if ends else after
    return best


def pack(
    speech: Sequence[Span],
    duration_s: float,
    settings: RecognizerSettings,
    quietest_s: Callable[[Span], float],
) -> list[Window]:
    """Windows of at most ``settings.window_s`` that together hold all the speech, in time order.

    Args:
        speech: sorted, disjoint, unpadded spans.
        duration_s: length of the recording.
        quietest_s: time of the quietest moment in a span, where a stretch that is too long is cut.
    """
    padded = pad(speech, settings.margin_s, (0.0, duration_s))
    windows: list[Window] = []
    pieces: list[Piece] = []
    for region in bridge(padded, settings.bridge_s):
        if region[1] - region[0] < settings.min_region_s:
            continue
        for span in _split(region, settings.window_s, quietest_s):
            at_s = pieces[-1].end_s + settings.join_gap_s if pieces else 0.0
            if pieces and at_s + span[1] - span[0] > settings.window_s:
                windows.append(Window(tuple(pieces)))
                pieces, at_s = [], 0.0
            pieces.append(Piece(span, at_s))
    if pieces:
        windows.append(Window(tuple(pieces)))
    return windows


def stretches(window: Window, least_s: float, join_gap_s: float) -> list[Window]:
    """A window in parts of at least ``least_s`` of whole pieces, in time order; the last may be longer."""
    groups: list[list[Span]] = [[]]
    for piece in window.pieces:
        if total_s(groups[-1]) >= least_s:
            groups.append([])
        groups[-1].append(piece.span)
    if len(groups) > 1 and total_s(groups[-1]) < least_s:
        short = groups.pop()
        groups[-1] += short
    return [joined(spans, join_gap_s) for spans in groups]


def joined(spans: Sequence[Span], join_gap_s: float) -> Window:
    """One window of some spans, which together are no longer than a window may be."""
    pieces: list[Piece] = []
    for span in spans:
        pieces.append(Piece(span, pieces[-1].end_s + join_gap_s if pieces else 0.0))
    return Window(tuple(pieces))


def _split(span: Span, limit_s: float, quietest_s: Callable[[Span], float]) -> list[Span]:
    """Cut a span into parts no longer than the limit, each time at a quiet moment near the limit."""
    parts = []
    start_s, end_s = span
    while end_s - start_s > limit_s:
        cut_s = quietest_s((start_s + limit_s - SEARCH_S, start_s + limit_s))
        parts.append((start_s, cut_s))
        start_s = cut_s
    parts.append((start_s, end_s))
    return parts


def quietest(samples: Samples, sample_rate_hz: int) -> Callable[[Span], float]:
    """A function that finds the quietest moment of a span of one channel."""

    def find(span: Span) -> float:
        levels = levels_db(cut(samples, sample_rate_hz, span), sample_rate_hz)
        return span[0] + CLOCK.time_s(int(levels.argmin())) if levels.size else span[1]

    return find


def window_samples(samples: Samples, sample_rate_hz: int, window: Window, join_gap_s: float) -> Samples:
    """The sound of a window at the recognizer's rate, shape (n,), float32."""
    silence = np.zeros(round(join_gap_s * RECOGNIZER_RATE_HZ), dtype=np.float32)
    parts: list[Samples] = []
    for piece in window.pieces:
        if parts:
            parts.append(silence)
        sound = cut(samples, sample_rate_hz, piece.span)
        parts.append(resample(sound, sample_rate_hz, RECOGNIZER_RATE_HZ))
    return np.concatenate(parts)
