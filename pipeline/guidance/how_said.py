"""Checks of how something was said: interruptions, listening, silences. Rate and tone are in `voice`."""

from dataclasses import replace
from statistics import fmean

from pipeline.guidance.scene import NO_SOUND, ONE_CHANNEL, Ruling, Scene
from pipeline.guidance.voice import low_tone, raised_spans, talk_slowly
from pipeline.records import Evidence, Turn, Verdict
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
        scene.of_turn(answers[0], "answers the tension")
        if answers
        else scene.of_turn(longest, "longest turn")
    )
    return replace(ruling, evidence=(moment,))


def dont_interrupt(scene: Scene) -> Ruling:
    """Interruptions of the customer by the agent; backchannels never count."""
    agent, limits = scene.heard.measures.agent, scene.guidance.limits
    evidence = tuple(scene.of_event(event) for event in scene.interruptions)
    if scene.diarized:
        reason = f"{ONE_CHANNEL}: only long overlaps can be seen; possible interruptions: {len(evidence)}"
        return Ruling(verdict="not_scored", reason=reason, evidence=evidence)
    if agent is None or agent.interruptions is None:
        reason = agent.not_scored.get("interruptions", NO_SOUND) if agent else NO_SOUND
        return Ruling(verdict="not_scored", reason=reason)
    left_out = agent.interruptions - len(evidence)
    unsure = f"; too uncertain to be judged: {left_out}" if left_out else ""
    if not evidence:
        listened = agent.backchannels or 0
        return Ruling(
            verdict="met",
            reason=f"no interruption of the customer; backchannels while listening: {listened}{unsure}",
        )
    confidence = max(event.confidence for event in scene.interruptions)
    tense = sum(scene.tense((event.start_s, event.end_s)) for event in scene.interruptions)
    reason = f"interruptions of the customer: {len(evidence)}; while the customer was tense: {tense}{unsure}"
    if confidence < limits.violation_confidence:
        return Ruling(
            verdict="partly_met",
            reason=f"{reason}; none is certain",
            evidence=evidence,
            confidence=confidence,
        )
    score = max(0.0, 1 - len(evidence) / limits.interruptions_score_zero)
    return Ruling(verdict="violated", reason=reason, score=score, evidence=evidence, confidence=confidence)


def let_them_tell(scene: Scene) -> Ruling:
    """The first account of the problem ends by itself."""
    account = scene.account
    if account is None:
        return Ruling(verdict="not_applicable", reason="no account of a problem")
    moment = account_evidence(scene)
    if account.cut_off is None:
        return Ruling(
            verdict="not_scored", reason="whether the account was cut off cannot be heard", evidence=moment
        )
    length_s = account.end_s - account.start_s
    if not account.cut_off:
        reason = f"the account of {length_s:.0f} s ended by itself"
        return Ruling(verdict="met", reason=reason, evidence=moment)
    if scene.diarized:
        reason = f"{ONE_CHANNEL}: the account may have been cut off"
        return Ruling(verdict="not_scored", reason=reason, evidence=moment)
    taken = scene.turn_of.get(account.taken_turn) if account.taken_turn is not None else None
    evidence = (*moment, *((scene.of_turn(taken, "takes the floor"),) if taken else ()))
    return Ruling(
        verdict="missed",
        reason=f"the agent took the floor after {length_s:.0f} s, before the account was finished",
        evidence=evidence,
        confidence=max((one.confidence for one in scene.interruptions), default=None),
    )


def account_evidence(scene: Scene) -> tuple[Evidence, ...]:
    account = scene.account
    if account is None:
        return ()
    first = scene.turn_of[account.turns[0]]
    whole = scene.of_turn(first, f"the account lasts until {account.end_s:.0f} s")
    return (whole,)


def active_listening(scene: Scene) -> Ruling:
    """Backchannels during long turns of the customer, and a paraphrase or question soon after they end."""
    limits, agent = scene.guidance.limits, scene.heard.measures.agent
    if agent is None or agent.backchannels is None:
        reason = agent.not_scored.get("backchannels", NO_SOUND) if agent else NO_SOUND
        return Ruling(verdict="not_scored", reason=reason)
    long = [turn for turn in scene.customer_turns if turn.end_s - turn.start_s >= limits.long_customer_turn_s]
    if not long:
        reason = f"no turn of the customer lasts {limits.long_customer_turn_s:g} s"
        return Ruling(verdict="not_applicable", reason=reason)
    if scene.diarized:
        return Ruling(verdict="not_scored", reason=f"{ONE_CHANNEL}: backchannels cannot be told from it")
    credits = [(_backchannels(scene, turn), _response(scene, turn)) for turn in long]
    score = fmean((bool(heard) + bool(answer)) / 2 for heard, answer in credits)
    evidence: list[Evidence] = []
    for turn, (heard, answer) in zip(long, credits, strict=True):
        note = f"{turn.end_s - turn.start_s:.0f} s; backchannels: {len(heard)}"
        evidence += [scene.of_turn(turn, note), *answer]
    verdict: Verdict = (
        "met" if score >= limits.mostly else "partly_met" if score >= limits.somewhat else "missed"
    )
    reason = (
        f"long turns of the customer: {len(long)}; with backchannels: {sum(bool(h) for h, _ in credits)}; "
        f"with a paraphrase or question after them: {sum(bool(a) for _, a in credits)}"
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
    return (scene.of_turn(answer, "takes it up"),) if acts or asks else ()


def no_dead_air(scene: Scene) -> Ruling:
    """No long silence that nothing explained: dead air, and holds that nobody announced."""
    if not scene.heard.facts.has_sound:
        return Ruling(verdict="not_scored", reason=NO_SOUND)
    call = scene.heard.measures.call
    first_s = min(turn.start_s for turn in scene.customer_turns)
    silent: list[tuple[Span, str]] = [
        ((gap.start_s, gap.end_s), "dead air") for gap in call.gaps if gap.kind == "dead_air"
    ]
    silent += [
        ((hold.start_s, hold.end_s), "a hold that was not announced")
        for hold in call.holds
        if not hold.announced
    ]
    found = sorted((span, what) for span, what in silent if span[0] > first_s)
    explained = sum(hold.announced for hold in (*call.holds, *call.look_ups))
    if not found:
        reason = f"no unexplained silence; silences that were announced: {explained}"
        return Ruling(verdict="met", reason=reason)
    evidence = []
    for span, what in found:
        turn = scene.before(span[0])
        evidence.append(
            Evidence(
                turn=turn.turn if turn else None,
                start_s=span[0],
                end_s=span[1],
                quote=_last_words(turn),
                note=f"{span[1] - span[0]:.0f} s: {what}",
            )
        )
    longest_s = max(span[1] - span[0] for span, _ in found)
    return Ruling(
        verdict="violated",
        reason=f"unexplained silences: {len(found)}, the longest {longest_s:.0f} s",
        evidence=tuple(evidence),
    )


def _last_words(turn: Turn | None) -> str:
    """The last sentence before a silence."""
    if turn is None:
        return ""
    words = turn.text.split()
    ends = [n for n, word in enumerate(words[:-1]) if word.endswith((".", "?", "!"))]
    return " ".join(words[ends[-1] + 1 if ends else 0 :][-14:])
