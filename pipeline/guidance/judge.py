"""Everything that is concluded from a measured call.

What goes in is part of ``analysis.json``, so a stored analysis can be judged anew without its sound.
"""

from dataclasses import dataclass

from pipeline.coaching import coach
from pipeline.document import no_effort, no_scores, no_tension
from pipeline.guidance.checks import findings
from pipeline.records import (
    Act,
    CallFacts,
    Coaching,
    Effort,
    Event,
    Finding,
    Measures,
    Promise,
    Role,
    Scores,
    Separation,
    Tension,
    Turn,
)
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the guidance is judged on."""

    facts: CallFacts
    separation: Separation
    turns: tuple[Turn, ...]
    events: tuple[Event, ...]
    measures: Measures
    acts: tuple[Act, ...]

    def held_by(self, role: Role) -> list[Turn]:
        """The turns of a role in time order, backchannels left out."""
        return [turn for turn in self.turns if turn.speaker == role and not turn.backchannel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The part of the analysis that guidance and its settings decide."""

    tension: Tension
    guidance: tuple[Finding, ...]
    effort: Effort
    promises: tuple[Promise, ...]
    scores: Scores
    coaching: Coaching


def judge(heard: Heard, settings: Settings) -> Judgement:
    """Judge a measured call."""
    return Judgement(
        tension=no_tension(),
        guidance=findings(heard.measures, heard.held_by("agent"), settings),
        effort=no_effort(),
        promises=(),
        scores=no_scores(),
        coaching=coach(heard.measures),
    )
