"""Puts recognized words where speech is.

A recognizer finds what was said better than when: it puts a first word into the silence before it and
stretches a last word over the pause after it. Voice activity knows when. So words are laid into the
inter-pausal units (IPUs) they belong to, their outer edges are moved onto the unit's edges, holes between
words of one unit are closed, and a word that no speech supports is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.records import Word
from pipeline.settings import RecognizerSettings
from pipeline.timeline import Span, intersect, total_s

SHORTEST_WORD_S = 0.02


@dataclass(frozen=True, slots=True)
class Aligned:
    """Words in time order that do not overlap, and how many were dropped."""

    words: tuple[Word, ...]
    dropped: int


def align(words: Sequence[Word], speech: Sequence[Span], settings: RecognizerSettings) -> Aligned:
    """Lay the words of one speaker into that speaker's IPUs.

    Args:
        words: in the order spoken; a word whose ``end_s <= start_s`` has no time of its own.
        speech: IPUs, sorted and disjoint, unpadded.
    """
    timed = _interpolated(words)
    by_unit: dict[int, list[Word]] = {}
    dropped = 0
    last_unit = 0
    for word in timed:
        unit = _unit_of(word, speech, last_unit, settings.reach_s)
        if unit is None:
            dropped += 1
            continue
        last_unit = unit
        by_unit.setdefault(unit, []).append(word)
    laid: list[Word] = []
    for unit in sorted(by_unit):
        laid.extend(_lay(by_unit[unit], speech[unit], settings))
    return Aligned(words=tuple(laid), dropped=dropped)


def coverage(words: Sequence[Word], speech: Sequence[Span]) -> float | None:
    """Share of the speech time that has words, 0..1; ``None`` without speech."""
    speech_s = total_s(speech)
    if speech_s <= 0:
        return None
    return total_s(intersect(((word.start_s, word.end_s) for word in words), speech)) / speech_s


def _interpolated(words: Sequence[Word]) -> list[Word]:
    """Give each word without a time an equal share of the time between its neighbors."""
    result: list[Word] = []
    index = 0
    while index < len(words):
        if words[index].end_s > words[index].start_s:
            result.append(words[index])
            index += 1
            continue
        run = index
        while run < len(words) and words[run].end_s <= words[run].start_s:
            run += 1
        low_s = result[-1].end_s if result else words[index].start_s
        high_s = words[run].start_s if run < len(words) else words[run - 1].end_s
        edges = np.linspace(low_s, max(high_s, low_s + SHORTEST_WORD_S * (run - index)), run - index + 1)
        for offset, word in enumerate(words[index:run]):
            start_s, end_s = float(edges[offset]), float(edges[offset + 1])
            result.append(replace(word, start_s=start_s, end_s=end_s, interpolated=True))
        index = run
    return result


def _unit_of(word: Word, speech: Sequence[Span], first: int, reach_s: float) -> int | None:
    """Index of the IPU that holds most of the word, else the nearest one in reach; never before ``first``."""
    best: int | None = None
    best_shared_s = -reach_s
    for unit in range(first, len(speech)):
        start_s, end_s = speech[unit]
        shared_s = min(word.end_s, end_s) - max(word.start_s, start_s)
        if shared_s > best_shared_s:
            best, best_shared_s = unit, shared_s
        if start_s > word.end_s + reach_s:
            break
    return best


def _lay(words: list[Word], unit: Span, settings: RecognizerSettings) -> list[Word]:
    """Place the words of one IPU: in order, inside it, without overlap, edges on edges."""
    low_s, high_s = unit
    starts = [min(max(word.start_s, low_s), high_s) for word in words]
    ends = [min(max(word.end_s, low_s), high_s) for word in words]
    if starts[0] - low_s <= settings.fill_s:
        starts[0] = low_s
    if high_s - ends[-1] <= settings.fill_s:
        ends[-1] = high_s
    for index in range(len(words) - 1):
        hole_s = starts[index + 1] - ends[index]
        if hole_s <= settings.fill_s:
            ends[index] = starts[index + 1]
    placed = []
    cursor_s = low_s
    for index, word in enumerate(words):
        left = len(words) - index
        shortest_s = min(SHORTEST_WORD_S, (high_s - cursor_s) / left)
        start_s = min(max(starts[index], cursor_s), high_s - shortest_s * left)
        latest_s = high_s - shortest_s * (left - 1)
        end_s = min(max(ends[index], start_s + shortest_s), latest_s, start_s + settings.max_word_s)
        placed.append(replace(word, start_s=start_s, end_s=end_s))
        cursor_s = end_s
    return placed
