"""Which turns and words of a transcript a coach may want to look at, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.records import Analysis, Evidence, Turn
from pipeline.reports.words import TimedWord
from pipeline.texts import Texts
from pipeline.timeline import Span, overlap_s

KINDS = ("interruption", "tense", "evidence")
MARKED_VERDICTS = ("met", "partly_met", "violated")
TOUCH_S = 0.05
"""Words and evidence are the same if they share more than this."""


@dataclass(frozen=True, slots=True)
class TurnMarks:
    """What one turn is marked with."""

    kinds: tuple[str, ...]
    evidence: tuple[tuple[str, Evidence], ...]

    def checks(self, word: TimedWord) -> str:
        """The checks that a word is evidence of, by name; empty for none."""
        names = [
            name
            for name, item in self.evidence
            if item.quote and min(word.end_s, item.end_s) - max(word.start_s, item.start_s) > TOUCH_S
        ]
        return ", ".join(dict.fromkeys(names))


class Marks:
    """The marks of a call's transcript."""

    def __init__(self, analysis: Analysis, text: Texts) -> None:
        self._interruptions = [
            (event.start_s, event.end_s) for event in analysis.interruptions if event.is_interruption
        ]
        self._tense: list[Span] = [(span.start_s, span.end_s) for span in analysis.tension.spans]
        self._evidence: dict[int, list[tuple[str, Evidence]]] = {}
        for finding in analysis.guidance:
            if finding.verdict not in MARKED_VERDICTS:
                continue
            for item in finding.evidence:
                if item.turn is not None:
                    name = text.name_of("check", finding.id)
                    self._evidence.setdefault(item.turn, []).append((name, item))
        self.counts = self._counts(analysis.transcript.turns)

    def turn(self, turn: Turn) -> TurnMarks:
        span = [(turn.start_s, turn.end_s)]
        evidence = tuple(self._evidence.get(turn.turn, ()))
        shown = {
            "interruption": overlap_s(span, self._interruptions) > 0,
            "tense": turn.speaker == "customer" and overlap_s(span, self._tense) > 0,
            "evidence": any(item.quote for _, item in evidence),
        }
        return TurnMarks(tuple(kind for kind in KINDS if shown[kind]), evidence)

    def _counts(self, turns: Sequence[Turn]) -> dict[str, int]:
        kinds = [self.turn(turn).kinds for turn in turns]
        return {kind: sum(kind in of for of in kinds) for kind in KINDS}
