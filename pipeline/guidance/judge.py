"""Everything that is concluded from a measured call.

What goes in is part of ``analysis.json``, so a stored analysis can be judged anew without its sound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from pipeline.coaching import coach
from pipeline.guidance.checks import findings, no_words_reason
from pipeline.guidance.config import Guidance, load_guidance
from pipeline.guidance.effort import effort_of
from pipeline.guidance.headline import headline_of
from pipeline.guidance.kinds import due_in, kind_of
from pipeline.guidance.language import load_language
from pipeline.guidance.promises import promises_of
from pipeline.guidance.scene import Scene
from pipeline.guidance.score import scores_of
from pipeline.guidance.tension import tension_of
from pipeline.records import (
    Act,
    CallFacts,
    CallKind,
    Coaching,
    Effort,
    Event,
    Finding,
    Headline,
    Measures,
    Promise,
    Role,
    Scores,
    SecondOpinion,
    Separation,
    Tension,
    Turn,
)
from pipeline.settings import Settings

NO_OPINIONS: Mapping[str, SecondOpinion] = MappingProxyType({})


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


RESTATED = "restate_concern"


def _agreed(tension: Tension, found: Sequence[Finding]) -> Tension:
    """The tension without a concern restated where the check on it says that none was."""
    if any(one.id == RESTATED and one.verdict in ("met", "partly_met") for one in found):
        return tension
    spans = []
    for span in tension.spans:
        acts = span.agent_response.get("acts")
        kept = [act for act in acts.split(", ") if act != RESTATED] if isinstance(acts, str) else []
        spans.append(replace(span, agent_response={**span.agent_response, "acts": ", ".join(kept) or None}))
    return replace(tension, spans=tuple(spans))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """The part of the analysis that guidance and its settings decide."""

    tension: Tension
    guidance: tuple[Finding, ...]
    effort: Effort
    promises: tuple[Promise, ...]
    scores: Scores
    coaching: Coaching
    headline: Headline
    call_kind: CallKind | None

    def parts(self) -> dict[str, Any]:
        """Its fields, which are those of an :class:`~pipeline.records.Analysis` of the same names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def judge(
    heard: Heard,
    settings: Settings,
    *,
    guidance: Guidance | None = None,
    earlier: Sequence[str] = (),
    opinions: Mapping[str, SecondOpinion] = NO_OPINIONS,
) -> Judgment:
    """Judge a measured call.

    Args:
        guidance: what to judge by; the product's own if not given.
        earlier: ids of the checks that the agent's last coaching was about.
        opinions: what the optional judge said, by the id of the check.
    """
    guidance = guidance or load_guidance()
    language = load_language(heard.facts.judged_language)
    unscorable = no_words_reason(heard.turns, heard.measures, language, heard.facts, heard.separation)
    tension = tension_of(heard.turns, heard.acts, heard.events, heard.measures, unscorable, guidance)
    promises = promises_of(heard.turns, heard.acts, heard.facts.started_at, language, guidance)
    kind = None if unscorable else kind_of(heard.turns, heard.acts, heard.facts.judged_language, guidance)
    scene = Scene(
        heard=heard,
        guidance=guidance,
        settings=settings,
        language=language,
        tension=tension,
        promises=promises,
        kind=kind,
        due=due_in(kind, guidance) if kind else frozenset(),
    )
    found = findings(scene, opinions)
    tension = _agreed(tension, found)
    coaching = coach(found, scene, earlier)
    return Judgment(
        tension=tension,
        guidance=found,
        effort=effort_of(scene, unscorable),
        promises=promises,
        scores=scores_of(found, scene),
        coaching=coaching,
        headline=headline_of(scene, found, coaching),
        call_kind=kind,
    )
