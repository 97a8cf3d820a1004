"""``transcript.vtt`` (WebVTT captions with voices) and ``turns.rttm`` (who speaks when)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.records import Analysis, Role, Turn
from pipeline.reports.words import TimedWord, timed_words, wrap
from pipeline.settings import OutputSettings

VOICES: dict[Role, str] = {
    "agent": "Agent",
    "customer": "Customer",
    "speaker_1": "Speaker 1",
    "speaker_2": "Speaker 2",
}
CUE_LINES = 2
SHORTEST_CUE_S = 0.001


@dataclass(frozen=True, slots=True)
class Cue:
    start_s: float
    end_s: float
    speaker: Role
    lines: tuple[str, ...]


def vtt(analysis: Analysis, output: OutputSettings) -> str:
    """The transcript as WebVTT, one cue a turn; long turns are split between words."""
    cues = [cue for turn in analysis.transcript.turns for cue in turn_cues(turn, output)]
    blocks = ["WEBVTT"]
    blocks += [_cue_block(cue) for cue in sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))]
    return "\n\n".join(blocks) + "\n"


def turn_cues(turn: Turn, output: OutputSettings) -> Iterator[Cue]:
    """The cues of one turn: at most ``caption_max_s`` long and two lines high."""
    held: list[TimedWord] = []
    for word in timed_words(turn):
        if held and not _fits([*held, word], output):
            yield _cue(turn.speaker, held, output)
            held = []
        held.append(word)
    if held:
        yield _cue(turn.speaker, held, output)


def _fits(words: list[TimedWord], output: OutputSettings) -> bool:
    if words[-1].end_s - words[0].start_s > output.caption_max_s:
        return False
    return len(wrap(_text(words), output.caption_line_chars)) <= CUE_LINES


def _cue(speaker: Role, words: list[TimedWord], output: OutputSettings) -> Cue:
    start_s = words[0].start_s
    end_s = max(words[-1].end_s, start_s + SHORTEST_CUE_S)
    return Cue(start_s, end_s, speaker, tuple(wrap(_text(words), output.caption_line_chars)))


def _text(words: list[TimedWord]) -> str:
    return " ".join(word.text for word in words)


def _cue_block(cue: Cue) -> str:
    text = "\n".join(_escape(line) for line in cue.lines)
    return f"{_clock(cue.start_s)} --> {_clock(cue.end_s)}\n<v {VOICES[cue.speaker]}>{text}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(time_s: float) -> str:
    milliseconds = round(max(time_s, 0.0) * 1000)
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"


def rttm(analysis: Analysis) -> str:
    """The speech segments as RTTM SPEAKER lines, in time order."""
    call_id = re.sub(r"\s+", "_", analysis.call.call_id.strip()) or "call"  # fields are split at blanks
    return "".join(
        f"SPEAKER {call_id} 1 {segment.start_s:.3f} {segment.end_s - segment.start_s:.3f}"
        f" <NA> <NA> {segment.speaker} <NA> <NA>\n"
        for segment in sorted(analysis.speech.segments, key=lambda each: (each.start_s, each.speaker))
    )
