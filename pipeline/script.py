"""Transcripts without their recordings: which files are some, and reading them."""

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.audio.discover import VTT, turns_in
from pipeline.errors import InputRejected
from pipeline.phrases import Phrases
from pipeline.printable import read_limited
from pipeline.records import Line, Script, Word
from pipeline.settings import Settings
from pipeline.timeline import Span
from pipeline.webvtt import Spoken, read_vtt

CERTAIN = 1.0
EXPECTED = 'expected {"turns": [{"speaker", "start_s", "end_s", "text"}, ...]} as in analysis.json'

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]


class _WordIn(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    word: Text
    start_s: Seconds | None = None
    end_s: Seconds | None = None
    probability: Annotated[float, Field(ge=0, le=1)] = CERTAIN
    interpolated: bool = False


class _TurnIn(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    speaker: Text
    start_s: Seconds
    end_s: Seconds
    text: str = ""
    words: list[_WordIn] = Field(default_factory=list)
    backchannel: bool = False


class _TurnsIn(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    turns: list[_TurnIn]


def read_script(path: Path, settings: Settings, phrases: Phrases, *, source: str | None = None) -> Script:
    """The transcript at ``path``.

    Raises:
        InputRejected: it cannot be read, or is not as it should be; says where.
    """
    source = source or str(path)
    try:
        raw = read_limited(path)
        content = raw.decode("utf-8-sig")
    except OSError as error:
        raise InputRejected(f"{source}: cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        raise InputRejected(f"{source}: is not UTF-8 text ({error.reason} at byte {error.start})") from error
    if path.suffix.lower() == VTT:
        known = (*settings.speakers.names_of_agent, *settings.speakers.names_of_customer)
        lines = _turns_of(read_vtt(content, source, known), phrases, settings.turns.max_pause_s)
    else:
        lines = _read_json(content, source)
    lines.sort(key=lambda line: (line.start_s, line.end_s))
    script = Script(
        path=path,
        source=source,
        sha256=hashlib.sha256(raw).hexdigest(),
        format=path.suffix.lower().lstrip("."),
        lines=tuple(lines),
    )
    if script.duration_s > settings.audio.max_duration_s:
        raise InputRejected(
            f"{source}: lasts {script.duration_s:.0f} s; at most {settings.audio.max_duration_s:.0f} s are "
            "accepted (setting audio.max_duration_s)"
        )
    return script


def spread(tokens: Sequence[str], span: Span) -> tuple[Word, ...]:
    """Words without times, each with a share of a span by its length."""
    sizes = [len(token) + 1 for token in tokens]
    ends = [sum(sizes[: n + 1]) / sum(sizes) for n in range(len(sizes))]
    edges = [span[0] + (span[1] - span[0]) * share for share in (0.0, *ends)]
    return tuple(
        Word(word=token, start_s=start_s, end_s=end_s, probability=CERTAIN, interpolated=True)
        for token, (start_s, end_s) in zip(tokens, pairwise(edges), strict=True)
    )


# --- WebVTT -------------------------------------------------------------------------------------------


def _turns_of(spoken: Sequence[Spoken], phrases: Phrases, longest_pause_s: float) -> list[Line]:
    """Cues joined to turns, as captions part what one speaker says in one go.

    An acknowledgement within a cue of the other is a backchannel, and parts nothing.
    """
    cues = sorted(spoken, key=lambda cue: (cue.start_s, cue.end_s))
    lines: list[Line] = []
    floor: int | None = None
    for cue in cues:
        words = spread(cue.text.split(), (cue.start_s, cue.end_s))
        line = Line(
            speaker=cue.speaker,
            start_s=cue.start_s,
            end_s=cue.end_s,
            words=words,
            backchannel=phrases.is_acknowledgement(cue.text) and _inside(cue, cues),
        )
        held = None if floor is None else lines[floor]
        if line.backchannel:
            lines.append(line)
        elif held and held.speaker == cue.speaker and cue.start_s - held.end_s <= longest_pause_s:
            lines[floor or 0] = Line(
                speaker=held.speaker,
                start_s=held.start_s,
                end_s=max(held.end_s, line.end_s),
                words=(*held.words, *words),
                backchannel=False,
            )
        else:
            floor = len(lines)
            lines.append(line)
    return lines


def _inside(cue: Spoken, cues: Sequence[Spoken]) -> bool:
    return any(
        other.speaker != cue.speaker and other.start_s < cue.start_s and cue.end_s < other.end_s
        for other in cues
    )


# --- JSON ---------------------------------------------------------------------------------------------


def _read_json(content: str, where: str) -> list[Line]:
    try:
        turns = turns_in(json.loads(content))
    except RecursionError as error:
        raise InputRejected(f"{where}: is nested too deeply; {EXPECTED}") from error
    except ValueError as error:
        raise InputRejected(f"{where}: is not JSON ({error}); {EXPECTED}") from error
    try:
        found = _TurnsIn(turns=turns).turns
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputRejected(f"{where}: {place}: {first['msg'].lower()}; {EXPECTED}") from error
    lines = [_line(turn, f"{where}: turns.{number}") for number, turn in enumerate(found)]
    if not any(line.words for line in lines):
        raise InputRejected(f"{where}: has no words; {EXPECTED}")
    return lines


def _line(turn: _TurnIn, where: str) -> Line:
    if turn.end_s < turn.start_s:
        raise InputRejected(f"{where}: ends before it starts")
    span = (turn.start_s, turn.end_s)
    words = tuple(
        Word(
            word=word.word.strip(),
            start_s=word.start_s,
            end_s=word.end_s,
            probability=word.probability,
            interpolated=word.interpolated,
        )
        for word in turn.words
        if word.start_s is not None and word.end_s is not None and word.word.strip()
    )
    if any(word.end_s < word.start_s for word in words):
        raise InputRejected(f"{where}: a word ends before it starts")
    if len(words) < len(turn.words) or not words:  # a word without a time: none has a place
        text = " ".join(word.word for word in turn.words) or turn.text
        words = spread(text.split(), span)
    return Line(
        speaker=turn.speaker.strip(),
        start_s=span[0],
        end_s=span[1],
        words=words,
        backchannel=turn.backchannel,
    )
