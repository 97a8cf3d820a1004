"""WebVTT with speakers: ``<v Agent>`` voice tags, or lines that begin with ``Agent:``.

A cue without a speaker goes on with the one before. In a file with voice tags a colon is a colon.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.errors import InputRejected
from pipeline.timeline import Span

CLOCK = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)[.,](\d{3})"
TIMES = re.compile(rf"\s*{CLOCK}\s*-->\s*{CLOCK}(?:\s.*)?")
NOT_CUES = ("NOTE", "STYLE", "REGION")
VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
TAG = re.compile(r"<[^>]*>")
NAMED = re.compile(r"\s*(?:[-–—]\s*)?([^\s:<>][^:<>]{0,39}?)\s*:(?:\s+|$)(.*)")
NAME_WORDS = 4
EXPECTED = "expected WebVTT with speakers, as <v Agent> tags or lines that begin with 'Agent:'"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one speaker says in one cue, with the time of its share of it."""

    speaker: str
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class _Cue:
    line: int
    span: Span
    payload: tuple[str, ...]


def read_vtt(content: str, where: str, known_names: Sequence[str]) -> list[Spoken]:
    """What is said in a WebVTT file, in the order of the file.

    Args:
        where: what messages call the file.
        known_names: in lower case; before a colon they are speakers wherever they stand. Another name is one
            if every cue begins with one, or it comes up twice.

    Raises:
        InputRejected: it is no WebVTT, a time is wrong, or nothing says who speaks.
    """
    lines = content.removeprefix("\ufeff").splitlines()
    if not lines or not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise InputRejected(f"{where}: does not begin with WEBVTT; {EXPECTED}")
    cues = list(_cues(lines, where))
    tagged = any(VOICE.search(line) for cue in cues for line in cue.payload)
    names = frozenset() if tagged else _names(cues, known_names)
    spoken: list[Spoken] = []
    for cue in cues:
        before = spoken[-1].speaker if spoken else None
        parts = _by_tags(cue, before) if tagged else _by_names(cue, before, names)
        parts = [(who, text) for who, text in parts if text]
        if any(who is None for who, _ in parts):
            raise InputRejected(f"{where}: line {cue.line}: does not say who speaks; {EXPECTED}")
        spoken += _shared(cue.span, [(who, text) for who, text in parts if who is not None])
    if not spoken:
        raise InputRejected(f"{where}: has no words; {EXPECTED}")
    return spoken


def _cues(lines: Sequence[str], where: str) -> Iterator[_Cue]:
    """The cues; other blocks, identifiers of cues and the settings behind times are passed over."""
    number = next((n for n, line in enumerate(lines) if not line.strip()), len(lines))
    while number < len(lines):
        end = next((n for n in range(number, len(lines)) if not lines[n].strip()), len(lines))
        block = lines[number:end]
        at = next((n for n, line in enumerate(block[:2]) if "-->" in line), None)
        if at is not None:
            payload = tuple(block[at + 1 :])
            yield _Cue(number + at + 1, _span(block[at], f"{where}: line {number + at + 1}"), payload)
        elif block and not block[0].startswith(NOT_CUES):
            raise InputRejected(f"{where}: line {number + 1}: a cue without times; {EXPECTED}")
        number = end + 1


def _span(line: str, where: str) -> Span:
    found = TIMES.fullmatch(line)
    if found is None:
        raise InputRejected(
            f"{where}: {line.strip()!r} is not a pair of times such as 00:01.000 --> 00:04.000"
        )
    parts = [int(part or 0) for part in found.groups()]
    start_s, end_s = (
        3600 * hours + 60 * minutes + seconds + thousandths / 1000
        for hours, minutes, seconds, thousandths in (parts[:4], parts[4:])
    )
    if end_s < start_s:
        raise InputRejected(f"{where}: the cue ends before it starts")
    return start_s, end_s


def _plain(text: str) -> str:
    return " ".join(html.unescape(TAG.sub("", text)).split())


def _by_tags(cue: _Cue, before: str | None) -> list[tuple[str | None, str]]:
    pieces = VOICE.split(" ".join(cue.payload))
    parts = [(before, _plain(pieces[0]))]
    return parts + [(_plain(who), _plain(text)) for who, text in zip(pieces[1::2], pieces[2::2], strict=True)]


def _by_names(cue: _Cue, before: str | None, names: frozenset[str]) -> list[tuple[str | None, str]]:
    parts: list[tuple[str | None, str]] = []
    speaker = before
    for line in map(_plain, cue.payload):
        named = NAMED.fullmatch(line)
        if named and named[1] in names:
            speaker, line = named[1], named[2]
        parts.append((speaker, line))
    return parts


def _names(cues: Sequence[_Cue], known_names: Sequence[str]) -> frozenset[str]:
    """What stands before a colon at the beginning of lines, and is a speaker."""
    labels = [[found[1] for line in cue.payload if (found := NAMED.fullmatch(_plain(line)))] for cue in cues]
    labels = [[label for label in own if len(label.split()) <= NAME_WORDS] for own in labels]
    counts = Counter(label for own in labels for label in own)
    every = all(labels)
    return frozenset(
        label for label, count in counts.items() if every or count > 1 or label.lower() in known_names
    )


def _shared(span: Span, parts: Sequence[tuple[str, str]]) -> list[Spoken]:
    """The parts of a cue, each with a share of its time by length; lines of one speaker are one part."""
    joined: list[tuple[str, str]] = []
    for who, text in parts:
        if joined and joined[-1][0] == who:
            joined[-1] = (who, f"{joined[-1][1]} {text}")
        else:
            joined.append((who, text))
    letters = sum(len(text) for _, text in joined)
    spoken, seen = [], 0
    for who, text in joined:
        edges = [span[0] + (span[1] - span[0]) * each / letters for each in (seen, seen + len(text))]
        spoken.append(Spoken(who, edges[0], edges[1], text))
        seen += len(text)
    return spoken
