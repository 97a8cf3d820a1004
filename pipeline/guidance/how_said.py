"""Checks of how something was said: interruptions, listening, silences. Rate and tone are in `voice`."""

from dataclasses import replace
from statistics import fmean

from pipeline.guidance.scene import NO_SOUND, Ruling, Scene, clauses, shortened
from pipeline.guidance.voice import low_tone, raised_spans, talk_slowly
from pipeline.records import Evidence, Turn, Verdict
from pipeline.texts import Text
from pipeline.timeline import Span, union

LISTENING_ACTS = ("restate_concern", "confirmation", "invite_story", "empathy", "assessment")


def calm_pace(scene: Scene) -> Ruling:
    """`talk_slowly`: the rate against a band, the own baseline, and the rest of the call."""
    agent, customer = scene.heard.measures.agent, scene.heard.measures.customer
    if agent is None:
        return Ruling(verdict="not_scored", reason=NO_SOUND)
    tense = [(span.start_s, span.end_s) for span in scene.tension.spans]
    if customer is not None:
        tense += raised_spans(customer.pitch_windows, scene.settings.voice_checks)
    return _with_moment(talk_slowly(agent, scene.agent_turns, scene.settings, union(tense)), scene)


def calm_tone(scene: Scene) -> Ruling:
    """`low_tone`: pitch, range and loudness against the own baseline."""
    agent = scene.heard.measures.agent
    if agent is None:
        return Ruling(verdict="not_scored", reason=NO_SOUND)
    return _with_moment(low_tone(agent, scene.agent_turns, scene.settings.voice_checks), scene)


def _with_moment(ruling: Ruling, scene: Scene) -> Ruling:
    """A verdict on the call as a whole shows the answer to the customer's tension, or the longest turn."""
    if ruling.evidence or ruling.verdict == "not_scored" or not scene.agent_turns:
        return ruling
    answers = [
        turn for span in scene.tension.spans for turn in scene.agent_turns if turn.start_s >= span.start_s
    ]
    longest = max(scene.agent_turns, key=lambda turn: turn.end_s - turn.start_s)
    moment = (
        scene.of_turn(answers[0], Text("note.answers_tension"))
        if answers
        else scene.of_turn(longest, Text("note.longest_turn"))
    )
    return replace(ruling, evidence=(moment,))


def dont_interrupt(scene: Scene) -> Ruling:
    """Interruptions of the customer by the agent; backchannels never count."""
    agent, limits = scene.heard.measures.agent, scene.guidance.limits
    evidence = tuple(scene.of_event(event) for event in scene.interruptions)
    if scene.diarized:
        reason = Text("why.possible_interruptions", found=len(evidence))
        return Ruling(verdict="not_scored", reason=reason, evidence=evidence)
    if agent is None or agent.interruptions is None:
        why = agent.not_scored.get("interruptions", NO_SOUND) if agent else NO_SOUND
        return Ruling(verdict="not_scored", reason=why)
    left_out = sum(event.by == "agent" and not event.sure for event in scene.heard.events)
    unsure = [Text("why.interruptions_unsure", found=left_out)] if left_out else []
    if not evidence:
        listened = Text("why.backchannels", count=agent.backchannels or 0)
        return Ruling(verdict="met", reason=clauses(Text("why.no_interruption"), listened, *unsure))
    confidence = max(event.confidence for event in scene.interruptions)
    tense = sum(scene.tense((event.start_s, event.end_s)) for event in scene.interruptions)
    parts = [Text("why.interruptions", count=len(evidence)), Text("why.interruptions_tense", found=tense)]
    parts += unsure
    if confidence < limits.interruption_violation_confidence:
        return Ruling(
            verdict="partly_met",
            reason=clauses(*parts, Text("why.interruptions_none_certain")),
            evidence=evidence,
            confidence=confidence,
        )
    score = max(0.0, 1 - len(evidence) / limits.interruptions_score_zero)
    return Ruling(
        verdict="violated", reason=clauses(*parts), score=score, evidence=evidence, confidence=confidence
    )


def let_them_tell(scene: Scene) -> Ruling:
    """The first account of the problem ends by itself.

    It rests on the same judgment as `dont_interrupt`: cut off is what an interruption cut off that is
    sure enough to be judged, and what was interrupted did not end by itself. All between is for listening.
    """
    account = scene.account
    if account is None:
        return Ruling(verdict="not_applicable", reason=Text("why.no_problem"))
    moment = account_evidence(scene)
    if account.cut_off is None:
        return Ruling(verdict="not_scored", reason=Text("why.account_unheard"), evidence=moment)
    length_s = account.end_s - account.start_s
    by = [event for event in scene.interruptions if account.start_s <= event.start_s < account.end_s]
    if not account.cut_off and not by:
        reason = Text("why.account_ended", seconds=length_s)
        return Ruling(verdict="met", reason=reason, evidence=moment)
    if scene.diarized:
        reason = Text("why.account_perhaps_cut_off")
        return Ruling(verdict="not_scored", reason=reason, evidence=moment)
    if not account.cut_off or not by:
        reason = Text("why.account_perhaps_unfinished")
        return Ruling(verdict="not_scored", reason=reason, evidence=moment)
    taken = scene.turn_of.get(account.taken_turn) if account.taken_turn is not None else None
    evidence = (*moment, *((scene.of_turn(taken, Text("note.takes_floor")),) if taken else ()))
    return Ruling(
        verdict="missed",
        reason=Text("why.account_cut_off", seconds=length_s),
        evidence=evidence,
        confidence=max(event.confidence for event in by),
    )


def account_evidence(scene: Scene) -> tuple[Evidence, ...]:
    account = scene.account
    if account is None:
        return ()
    first = scene.turn_of[account.turns[0]]
    whole = scene.of_turn(first, Text("note.account", seconds=account.end_s))
    return (whole,)


def active_listening(scene: Scene) -> Ruling:
    """Backchannels during long turns of the customer, and a paraphrase or question soon after they end."""
    limits, agent = scene.guidance.limits, scene.heard.measures.agent
    if agent is None or agent.backchannels is None:
        why = agent.not_scored.get("backchannels", NO_SOUND) if agent else NO_SOUND
        return Ruling(verdict="not_scored", reason=why)
    long = [turn for turn in scene.customer_turns if turn.end_s - turn.start_s >= limits.long_customer_turn_s]
    if not long:
        reason = Text("why.no_long_turn", seconds=limits.long_customer_turn_s)
        return Ruling(verdict="not_applicable", reason=reason)
    if scene.diarized:
        return Ruling(verdict="not_scored", reason=Text("why.backchannels_unheard"))
    credits = [(_backchannels(scene, turn), _response(scene, turn)) for turn in long]
    score = fmean((bool(heard) + bool(answer)) / 2 for heard, answer in credits)
    evidence: list[Evidence] = []
    # The turns with the least echo first: they are what a verdict under "met" is about.
    order = sorted(zip(long, credits, strict=True), key=lambda one: bool(one[1][0]) + bool(one[1][1]))
    for turn, (heard, answer) in order if score < limits.mostly else zip(long, credits, strict=True):
        note = Text("note.long_turn", seconds=turn.end_s - turn.start_s, count=len(heard))
        evidence += [scene.of_turn(turn, note), *answer]
    verdict: Verdict = (
        "met" if score >= limits.mostly else "partly_met" if score >= limits.somewhat else "missed"
    )
    reason = clauses(
        Text("why.long_turns", count=len(long)),
        Text("why.long_turns_heard", found=sum(bool(heard) for heard, _ in credits)),
        Text("why.long_turns_answered", found=sum(bool(answer) for _, answer in credits)),
    )
    return Ruling(verdict=verdict, reason=reason, score=score, evidence=tuple(evidence))


def _backchannels(scene: Scene, during: Turn) -> list[Turn]:
    return [
        turn
        for turn in scene.heard.turns
        if turn.backchannel and turn.speaker == "agent" and during.start_s <= turn.start_s < during.end_s
    ]


def _response(scene: Scene, after: Turn) -> tuple[Evidence, ...]:
    """The agent's next turn, if it takes up what was said."""
    until_s = after.end_s + scene.guidance.limits.response_within_s
    answer = next((turn for turn in scene.agent_turns if turn.start_s >= after.start_s), None)
    answer = next((turn for turn in scene.agent_turns if turn.end_s > after.end_s), None) or answer
    if answer is None or answer.start_s > until_s:
        return ()
    acts = [act for act in scene.acts(*LISTENING_ACTS) if act.turn == answer.turn and act.start_s <= until_s]
    asks = any(word.word.rstrip().endswith("?") and word.end_s <= until_s + 1 for word in answer.words)
    return (scene.of_turn(answer, Text("note.takes_it_up")),) if acts or asks else ()


def no_dead_air(scene: Scene) -> Ruling:
    """No long silence that nothing explained: dead air, and holds that nobody announced."""
    if not scene.heard.facts.has_sound:
        return Ruling(verdict="not_scored", reason=NO_SOUND)
    call = scene.heard.measures.call
    first_s = min(turn.start_s for turn in scene.customer_turns)
    silent: list[tuple[Span, str]] = [
        ((gap.start_s, gap.end_s), "dead_air") for gap in call.gaps if gap.kind == "dead_air"
    ]
    silent += [((hold.start_s, hold.end_s), "unannounced_hold") for hold in call.holds if not hold.announced]
    found = sorted((span, what) for span, what in silent if span[0] > first_s)
    explained = sum(hold.announced for hold in (*call.holds, *call.look_ups))
    if not found:
        announced = [Text("why.announced_silences", count=explained)] if explained else []
        reason = clauses(Text("why.no_silence"), *announced)
        return Ruling(verdict="met", reason=reason)
    evidence = []
    for span, what in found:
        broken = _breaks(scene, span)
        parts = [Text(f"note.{what}", seconds=span[1] - span[0])]
        parts += [Text("note.breaks_silence")] if broken else []
        evidence.append(
            Evidence(
                turn=broken.turn if broken else None,
                start_s=span[0],
                end_s=span[1],
                quote=shortened(broken.text) if broken else "",
                note=Text("note.commas", parts=parts),
                kind=what,
            )
        )
    longest_s = max(span[1] - span[0] for span, _ in found)
    return Ruling(
        verdict="violated",
        reason=Text("why.silences", count=len(found), seconds=longest_s),
        evidence=tuple(evidence),
    )


def _breaks(scene: Scene, silence: Span) -> Turn | None:
    """The customer's turn that ends a silence; what was said before it shows nothing of it."""
    after = [turn for turn in scene.heard.turns if turn.end_s > silence[1] and turn.start_s >= silence[0]]
    first = min(after, key=lambda turn: turn.start_s, default=None)
    return first if first is not None and first.speaker == "customer" else None
