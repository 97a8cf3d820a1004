"""Verdicts on the guidance, in a fixed order."""

from collections.abc import Sequence

from pipeline.guidance.voice import VOICE_CHECKS, not_scored, voice_findings
from pipeline.records import Finding, Measures, Turn
from pipeline.settings import Settings

ROLES_UNKNOWN = "which speaker is the agent is not known"


def findings(measures: Measures, agent_turns: Sequence[Turn], settings: Settings) -> tuple[Finding, ...]:
    """The verdict on each check; where roles are not known, all are not scored."""
    if measures.agent is None:
        return tuple(not_scored(check, ROLES_UNKNOWN, settings.voice_checks) for check in VOICE_CHECKS)
    return voice_findings(measures.agent, measures.customer, agent_turns, settings)
