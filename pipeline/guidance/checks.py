"""Verdicts on every check of the guidance, in the order of its file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from pipeline.guidance import handling, how_said, what_said
from pipeline.guidance.config import Check, Occasion
from pipeline.guidance.language import Language
from pipeline.guidance.scene import Ruling, Scene, from_acts
from pipeline.guidance.second_opinion import considered
from pipeline.records import CallFacts, Finding, Measures, SecondOpinion, Separation, Turn, Verdict
from pipeline.texts import Text

ROLES_UNKNOWN = Text("unmeasured.roles_unknown")
ROLES_DOUBTED = Text("unmeasured.roles_doubted")
NO_SPEECH = Text("unmeasured.nothing_said")
NO_WORDS = Text("unmeasured.no_transcript")
FIXED_SCORES: Mapping[Verdict, float] = {"met": 1.0, "missed": 0.0, "violated": 0.0}
LANGUAGE_DOUBTS = {
    "unsure": "unmeasured.language_unsure",
    "mixed": "unmeasured.language_mixed",
    "mismatch": "unmeasured.language_mismatch",
}
UNCOUNTED: tuple[Verdict, ...] = ("not_applicable", "not_scored")

CHECKS: Mapping[str, Callable[[Scene], Ruling]] = {
    "talk_slowly": how_said.calm_pace,
    "low_tone": how_said.calm_tone,
    "dont_interrupt": how_said.dont_interrupt,
    "let_them_tell": how_said.let_them_tell,
    "active_listening": how_said.active_listening,
    "no_dead_air": how_said.no_dead_air,
    "mindset_no_blame": what_said.mindset_no_blame,
    "invite_story": what_said.invite_story,
    "no_premature_solution": what_said.no_premature_solution,
    "restate_concern": what_said.restate_concern,
    "empathy": what_said.said("empathy"),
    "apology": what_said.apology,
    "present_solution": what_said.said("present_solution"),
    "ask_preference": what_said.said("ask_preference", of_problem=True),
    "explain_next_steps": what_said.explain_next_steps,
    "give_contact": what_said.give_contact,
    "follow_up": what_said.follow_up,
    "use_feedback": what_said.said("use_feedback", of_problem=True),
    "set_limits": what_said.set_limits,
    "offer_alternative": what_said.offer_alternative,
    "assessment": what_said.said("assessment"),
    "reassurance": what_said.said("reassurance"),
    "confirmation": what_said.confirmation,
    "selective_agreement": what_said.said("selective_agreement"),
    "remedy_quickly": what_said.remedy_quickly,
    "explain_what_happened": what_said.explain_what_happened,
    "confirm_understanding": what_said.said("confirm_understanding"),
    "extra_step": what_said.said("extra_step", of_problem=True),
    "promises_kept_track": what_said.promises_kept_track,
    "problem_solved": what_said.problem_solved,
    "next_issue": what_said.said("next_issue", of_problem=True),
    "no_channel_switch": what_said.no_channel_switch,
    "ask_feedback": what_said.ask_feedback,
    "solve_not_speed": what_said.solve_not_speed,
    "no_long_cause": what_said.no_long_cause,
    "no_hold_or_transfer": what_said.no_hold_or_transfer,
    "no_refused_supervisor": handling.no_refused_supervisor,
    "no_dead_end": handling.no_dead_end,
    "no_secret_read_out": handling.no_secret_read_out,
    "leave_message": handling.leave_message,
}
"""What decides each check but the roll-ups, which their list in the guidance decides."""

LOOKED_FOR: Mapping[str, tuple[str, ...]] = {
    "invite_story": ("invite_story",),
    "restate_concern": ("restate_concern", "confirmation"),
    "empathy": ("empathy",),
    "apology": ("apology", "weak_apology"),
    "present_solution": ("present_solution",),
    "explain_next_steps": ("explain_next_steps",),
    "give_contact": ("give_name", "give_contact"),
    "follow_up": ("follow_up", "check_solved"),
    "set_limits": ("set_limit",),
    "reassurance": ("reassurance",),
    "confirmation": ("confirmation",),
    "selective_agreement": ("selective_agreement",),
    "remedy_quickly": ("present_solution",),
    "explain_what_happened": ("explain_cause",),
    "confirm_understanding": ("confirm_understanding",),
    "problem_solved": ("check_solved",),
    "ask_feedback": ("ask_feedback",),
}
"""Acts of the agent that meet a check: where one was perhaps heard, the check is not missed."""

SAY_ABSENT: Mapping[str, tuple[str, ...]] = {
    "why.told_uninvited": ("invite_story",),
    "why.name_only": ("give_contact",),
    "why.way_back_only": ("give_name",),
    "why.confirmed_unasked": ("follow_up",),
    "why.clear_checked": ("check_solved",),
}
"""Reasons of what is partly met that say that something was not said, and the acts that would say it."""

SPEAKS_AGAINST: Mapping[str, tuple[str, ...]] = {
    "mindset_no_blame": ("blame", "rude_reply"),
    "set_limits": ("rude_reply",),
    "no_channel_switch": ("channel_switch",),
    "solve_not_speed": ("rush",),
    "no_refused_supervisor": ("refuse_supervisor",),
    "no_dead_end": ("dead_end",),
}
"""Acts of the agent that violate a check: those that are not sure are moments to check."""

ACOUSTIC = ("talk_slowly", "low_tone", "dont_interrupt", "no_dead_air")
"""Checks that need no words."""


def findings(scene: Scene, opinions: Mapping[str, SecondOpinion]) -> tuple[Finding, ...]:
    """The verdict on each check; where roles are not known, all are not scored.

    Args:
        opinions: what the optional judge said, by the id of the check; see `second_opinion`.
    """
    found: dict[str, Finding] = {}
    for name, check in scene.guidance.checks.items():
        if check.kind != "roll_up":
            own = _doubted(_finding(name, check, _judged(name, check, scene), scene), scene)
            found[name] = _considered(own, opinions.get(name), scene)
    for name, members in scene.guidance.roll_ups.items():
        check = scene.guidance.checks[name]
        found[name] = _finding(name, check, _rolled_up([found[each] for each in members], scene), scene)
    return tuple(found[name] for name in scene.guidance.checks)


def _judged(name: str, check: Check, scene: Scene) -> Ruling:
    """The verdict of one check, in the bounds of what the recording supports and of what was due."""
    reason = _unscorable(name, scene)
    if reason is not None:
        return Ruling(verdict="not_scored", reason=reason)
    alone = name in ("talk_slowly", "low_tone")
    occasion = scene.occasion(check.occasion)
    if occasion is None and not alone and not _right_without_occasion(name, scene):
        return Ruling(verdict="not_applicable", reason=_not_due(check.occasion, scene))
    ruling = CHECKS[name](scene)
    if name in ACOUSTIC and scene.language is None and ruling.verdict in ("violated", "missed", "partly_met"):
        # words would tell whether it helped, or was announced
        facts = scene.heard.facts
        reason = no_words_reason(scene.heard.turns, scene.heard.measures, None, facts, scene.heard.separation)
        return Ruling(verdict="not_scored", reason=reason or NO_WORDS, evidence=ruling.evidence)
    if check.kind == "credit" and ruling.verdict == "missed":
        return Ruling(verdict="not_applicable", reason=Text("why.credit", why=ruling.reason))
    if ruling.verdict != "missed" or name in ACOUSTIC:
        return ruling
    coverage = scene.heard.measures.agent.coverage if scene.heard.measures.agent else None
    least = scene.guidance.limits.words_coverage
    if coverage is not None and coverage < least and name != "let_them_tell":
        unheard = Text("why.words_coverage", share=coverage, least=least)
        return Ruling(verdict="not_scored", reason=unheard)
    return Ruling(
        verdict="missed",
        reason=ruling.reason,
        score=ruling.score,
        evidence=ruling.evidence or occasion or (),
        confidence=ruling.confidence or scene.guidance.limits.missing_confidence,
    )


def _not_due(occasion: Occasion, scene: Scene) -> Text:
    """Why a check is not due: its occasion did not arise, or such a call cannot have it."""
    if scene.kind is None or occasion in scene.due:
        return Text(f"absent.{occasion}")
    if len(scene.kind.possible) > 1:
        return Text("why.kind_unsure", kinds=list(scene.kind.possible))
    return Text("why.other_kind", kind=scene.kind.kind)


def _doubted(own: Finding, scene: Scene) -> Finding:
    """A finding with the moments that are not sure enough to judge; what was perhaps said is not missed."""
    looked_for = LOOKED_FOR.get(own.id, ()) if own.verdict == "missed" else ()
    if own.verdict == "partly_met" and isinstance(own.reason, Text):
        looked_for = SAY_ABSENT.get(own.reason.key, ())
    perhaps = scene.unsure(*looked_for)
    if perhaps and own.verdict == "partly_met":
        return replace(own, reason=Text("why.rest_perhaps_heard"), to_check=from_acts(perhaps))
    if perhaps:
        return replace(
            own,
            verdict="not_scored",
            score=None,
            evidence=(),
            reason=Text("why.perhaps_heard"),
            confidence=None,
            to_check=from_acts(perhaps),
        )
    if own.verdict == "not_scored" and own.reason == Text("why.perhaps_heard"):
        return replace(own, to_check=from_acts(scene.unsure(*LOOKED_FOR.get(own.id, ()))))
    against = scene.unsure(*SPEAKS_AGAINST.get(own.id, ())) if own.verdict != "not_applicable" else []
    return replace(own, to_check=from_acts(against)) if against else own


def no_words_reason(
    turns: Sequence[Turn],
    measures: Measures,
    language: Language | None,
    facts: CallFacts,
    separation: Separation,
) -> str | None:
    """Why nothing can be said about what was said, if so."""
    reason = roles_reason(turns, measures, separation)
    if reason is not None:
        return reason
    if not any(turn.text for turn in turns):
        return NO_WORDS
    if facts.language_doubt:
        return Text(LANGUAGE_DOUBTS[facts.language_doubt], language=facts.language)
    return Text("unmeasured.language_unknown", language=facts.language) if language is None else None


def roles_reason(turns: Sequence[Turn], measures: Measures, separation: Separation) -> str | None:
    """Why nothing can be said of the agent or the customer, if so."""
    if separation.doubted:
        return ROLES_DOUBTED
    speakers = {turn.speaker for turn in turns} | set(measures.by_role())
    if speakers & {"agent", "customer"}:
        return None
    return ROLES_UNKNOWN if speakers else NO_SPEECH


def _unscorable(name: str, scene: Scene) -> str | None:
    """Why a check cannot be decided on this recording, if so."""
    turns, measures = scene.heard.turns, scene.heard.measures
    if name in ACOUSTIC:
        return roles_reason(turns, measures, scene.heard.separation)
    return no_words_reason(turns, measures, scene.language, scene.heard.facts, scene.heard.separation)


def _right_without_occasion(name: str, scene: Scene) -> bool:
    """Holds outside tension can still be handled well or not."""
    return name == "no_hold_or_transfer" and bool(what_said.holds_of(scene))


def _rolled_up(members: list[Finding], scene: Scene) -> Ruling:
    """The mean score of other checks."""
    limits = scene.guidance.limits
    scored = [finding for finding in members if finding.score is not None]
    parts = [Text("why.member", check=finding.id, verdict=finding.verdict) for finding in members]
    if not scored:
        unscored = [finding for finding in members if finding.verdict == "not_scored"]
        verdict: Verdict = "not_scored" if unscored else "not_applicable"
        return Ruling(verdict=verdict, reason=(unscored or members)[0].reason)
    mean = fmean(finding.score or 0.0 for finding in scored)
    verdict = "met" if mean >= limits.mostly else "partly_met" if mean >= limits.somewhat else "missed"
    evidence = tuple(one for finding in scored if finding.verdict != "missed" for one in finding.evidence[:1])
    if not evidence:
        evidence = scored[0].evidence[:1]
    return Ruling(verdict=verdict, reason=Text("why.members", parts=parts), score=mean, evidence=evidence)


def _considered(own: Finding, opinion: SecondOpinion | None, scene: Scene) -> Finding:
    """A finding after the judge; a verdict that the judge decides has the score of that verdict."""
    found = considered(own, opinion, scene.settings.judge)
    if found.verdict == own.verdict:
        return found
    return replace(found, score=FIXED_SCORES.get(found.verdict, scene.guidance.limits.partly_score))


def _finding(name: str, check: Check, ruling: Ruling, scene: Scene) -> Finding:
    score = ruling.score
    if ruling.verdict in UNCOUNTED:
        score = None
    elif score is None:
        score = FIXED_SCORES.get(ruling.verdict, scene.guidance.limits.partly_score)
    return Finding(
        id=name,
        source=check.source,
        verdict=ruling.verdict,
        score=score,
        weight=check.weight,
        evidence=ruling.evidence,
        reason=ruling.reason,
        confidence=ruling.confidence,
        certainty=None if name in ACOUSTIC or ruling.verdict in UNCOUNTED else ruling.confidence,
    )
