"""Checks of what was said: speech acts, when they came, and what they were about."""

from collections.abc import Callable
from dataclasses import replace

from pipeline.guidance.how_said import account_evidence
from pipeline.guidance.promises import SENTENCE_END
from pipeline.guidance.scene import NO_SOUND, Ruling, Scene, from_act, from_acts, surest
from pipeline.records import Act, Evidence, Hold, Turn, Verdict
from pipeline.timeline import Span

ACKNOWLEDGING = (
    "restate_concern", "empathy", "apology", "confirmation", "selective_agreement", "assessment",
    "invite_story", "reassurance",
)  # fmt: skip
OTHERWISE_MEANT = (
    "blame", "rude_reply", "ask_account_data", "present_solution", "explain_next_steps", "promise",
    "follow_up", "channel_switch", "rush", "announce_hold", "announce_transfer", "set_limit", "give_name",
    "give_contact",
)  # fmt: skip
"""Sentences that a phrase shows to be one of these are no restatement."""
OPEN_ISSUE = ("not_solved", "anger", "leave", "ask_supervisor")
IN_COMMON = "; in common: "
"""Before the words of a call that a reason names; up to the next semicolon."""


def said(act: str, *, of_problem: bool = False) -> Callable[[Scene], Ruling]:
    """A check that is met by one speech act of the agent; ``of_problem``: once a problem, if any, came up."""

    def rule(scene: Scene) -> Ruling:
        found = scene.acts(act, after_s=scene.begun_s if of_problem else 0.0)
        if not found:
            return Ruling(verdict="missed", reason="nothing of the kind was heard")
        return _met(found, "said by the agent")

    return rule


def sent_elsewhere(scene: Scene) -> list[Act]:
    """Sentences that send the customer elsewhere; whoever is transferred need not go there."""
    transferred = {act.turn for act in scene.acts("announce_transfer")}
    return [act for act in scene.certain("channel_switch") if act.turn not in transferred]


def no_channel_switch(scene: Scene) -> Ruling:
    found = sent_elsewhere(scene)
    if found:
        return _violated(found, "the customer is sent elsewhere to get it done")
    return _kept("the customer is not sent elsewhere")


def _met(acts: list[Act], reason: str, score: float | None = None) -> Ruling:
    return Ruling(
        verdict="met", reason=reason, score=score, evidence=from_acts(acts[:3]), confidence=surest(acts)
    )


def _partly(acts: list[Act], reason: str) -> Ruling:
    return Ruling(verdict="partly_met", reason=reason, evidence=from_acts(acts[:3]), confidence=surest(acts))


def _violated(acts: list[Act], reason: str) -> Ruling:
    return Ruling(verdict="violated", reason=reason, evidence=from_acts(acts[:4]), confidence=surest(acts))


def _kept(reason: str) -> Ruling:
    return Ruling(verdict="met", reason=reason)


def mindset_no_blame(scene: Scene) -> Ruling:
    found = scene.certain("blame", "rude_reply")
    if not found:
        return _kept("nothing blames, argues or dismisses")
    return _violated(found, f"sentences that blame, argue or dismiss: {len(found)}")


def invite_story(scene: Scene) -> Ruling:
    invited = scene.acts("invite_story")
    straight = scene.acts("ask_account_data", "present_solution", after_s=scene.begun_s)
    if invited and (not straight or invited[0].start_s <= straight[0].start_s):
        return _met(invited, "the customer was invited to tell")
    if invited:
        return _partly(invited, "the invitation came after a question for data or a fix")
    account = scene.account
    reply = account.taken_turn if account else None
    dismissed = [act for act in scene.acts("blame", "rude_reply") if act.turn == reply]
    straight = sorted(
        [*scene.acts("ask_account_data", before_s=scene.begun_s), *straight], key=lambda act: act.start_s
    )
    led = bool(straight) and (straight[0].turn == reply or (account and straight[0].start_s < account.end_s))
    if account and not account.cut_off and not led and not dismissed:
        return Ruling(
            verdict="partly_met",
            reason="the customer told it without being invited, and was let to",
            evidence=account_evidence(scene),
        )
    reason = "no invitation to tell"
    if straight:
        reason += "; the first reply asks for data or offers a fix"
    return Ruling(verdict="missed", reason=reason, evidence=from_acts(straight[:1] or dismissed[:1]))


def no_premature_solution(scene: Scene) -> Ruling:
    account = scene.account
    if account is None:
        return Ruling(verdict="not_applicable", reason="no account of a problem")
    fixes = scene.certain("present_solution", after_s=scene.begun_s)
    early = [
        act
        for act in fixes
        if act.start_s < account.end_s or (account.cut_off and act.turn == account.taken_turn)
    ]
    if early:
        return _violated(early, "a fix was offered before the account was finished")
    if not fixes:
        return _kept("no fix was offered before the account was finished")
    heard = scene.acts(*ACKNOWLEDGING, after_s=scene.begun_s, before_s=fixes[0].end_s)
    if not heard:
        return _partly(fixes[:1], "the first fix came after the account, which nothing had acknowledged")
    return Ruling(
        verdict="met",
        reason=f"the first fix came {max(0.0, fixes[0].start_s - account.end_s):.0f} s after the account",
        evidence=(from_act(heard[0]), from_act(fixes[0])),
        confidence=surest(fixes[:1]),
    )


def restate_concern(scene: Scene) -> Ruling:
    limits = scene.guidance.limits
    # A concern is repeated in one turn, which may take several sentences.
    shared = [(act, _shared(scene, act, whole_turn=True)) for act in scene.acts("restate_concern")]
    own = [(act, words) for act, words in shared if len(words) >= limits.restate_shared_words]
    account = scene.account
    after_s = account.end_s + limits.restate_after_account_s if account else 0.0
    due_s = max(limits.restate_within_share * scene.heard.facts.duration_s, after_s)
    unmarked = _unmarked(scene) if not own or own[0][0].start_s > due_s else None
    if unmarked is not None and (not own or unmarked[0].start_s <= due_s):
        turn, common = unmarked
        named = scene.language.words_of(common, turn.text) if scene.language else sorted(common)
        reason = f"taken up at {turn.start_s:.0f} s{IN_COMMON}{', '.join(named)}"
        verdict: Verdict = "met" if turn.start_s <= due_s else "partly_met"
        if verdict == "partly_met":
            reason += f"; due by {due_s:.0f} s"
        return Ruling(
            verdict=verdict, reason=reason, evidence=(scene.of_turn(turn, "takes up what was said"),)
        )
    if not own:
        reason = "the concern was not repeated"
        if shared:
            reason = "what was repeated has too little in common with what the customer said"
        return Ruling(verdict="missed", reason=reason, evidence=from_acts(act for act, _ in shared[:1]))
    act, words = own[0]
    whole = [each for each, _ in own if each.turn == act.turn]
    if act.start_s > due_s:
        return _partly(whole, f"repeated at {act.start_s:.0f} s; due by {due_s:.0f} s")
    said = _said(scene, act, whole_turn=True)
    shown = scene.language.words_of(words, said) if scene.language else sorted(words)
    return _met(whole, f"repeated at {act.start_s:.0f} s{IN_COMMON}{', '.join(shown)}")


def _unmarked(scene: Scene) -> tuple[Turn, frozenset[str]] | None:
    """The first turn after the account that takes up the customer's words, though no act shows it.

    Questions, and sentences that are shown to be something else, take up nothing.
    """
    account, language = scene.account, scene.language
    if account is None or language is None:
        return None
    told = " ".join(scene.turn_of[turn].text for turn in account.turns)
    for turn in scene.agent_turns:
        if turn.start_s < account.end_s and turn.turn != account.taken_turn:
            continue
        acts = [act for act in scene.acts(*OTHERWISE_MEANT) if act.layer == "phrase"]
        other = [act.quote for act in acts if act.turn == turn.turn]
        sentences = [
            sentence
            for sentence in SENTENCE_END.split(turn.text)
            if not sentence.endswith("?") and not any(quote in sentence for quote in other)
        ]
        words = language.content(" ".join(sentences)) & language.content(told)
        if len(words) >= scene.guidance.limits.restate_unmarked_shared_words:
            return turn, words
    return None


def _shared(scene: Scene, act: Act, *, whole_turn: bool = False) -> frozenset[str]:
    """Stems that a sentence of the agent, or its turn, shares with what the customer had said before it."""
    if scene.language is None:
        return frozenset()
    heard = " ".join(turn.text for turn in scene.customer_turns if turn.start_s < act.start_s)
    return scene.language.content(_said(scene, act, whole_turn=whole_turn)) & scene.language.content(heard)


def _said(scene: Scene, act: Act, *, whole_turn: bool) -> str:
    return scene.turn_of[act.turn].text if whole_turn and act.turn in scene.turn_of else act.quote


def apology(scene: Scene) -> Ruling:
    weak = {(act.turn, act.start_s) for act in scene.acts("weak_apology")}
    found = scene.acts("apology", "weak_apology")
    if not found:
        return Ruling(verdict="missed", reason="nothing of the kind was heard")
    real = [act for act in found if (act.turn, act.start_s) not in weak]
    if not real:
        return _partly(found, "an apology that takes itself back")
    specific = [act for act in real if _names_something(scene, act)]
    if specific:
        return _met(specific, "an apology for the specific thing")
    return _met(real, "an apology that names nothing specific", scene.guidance.limits.plain_apology_score)


def _names_something(scene: Scene, act: Act) -> bool:
    """Whether the apology, or the sentence before it in the turn, is about what the customer had said."""
    if _shared(scene, act):
        return True
    if any(_shared(scene, other) for other in scene.acts("selective_agreement") if other.turn == act.turn):
        return True
    turn = scene.turn_of.get(act.turn)
    before = replace(act, quote=turn.text.partition(act.quote)[0]) if turn else act
    return len(_shared(scene, before)) >= scene.guidance.limits.restate_shared_words


def _timed(scene: Scene, act: Act) -> bool:
    """Whether a sentence names a time."""
    return scene.language is not None and scene.language.times.find(act.quote, None) is not None


def explain_next_steps(scene: Scene) -> Ruling:
    steps = scene.acts("explain_next_steps")
    if not steps:
        return Ruling(verdict="missed", reason="no step was named")
    timed = [act for act in scene.acts("explain_next_steps", "promise", "follow_up") if _timed(scene, act)]
    turns = {act.turn for act in steps}
    if any(act.turn in turns for act in timed):
        return _met([act for act in (*timed, *steps) if act.turn in turns], "steps with a time")
    return _partly(steps, "steps without a time")


def give_contact(scene: Scene) -> Ruling:
    limit_s = scene.guidance.limits.name_within_s
    names = scene.acts("give_name")
    early = [act for act in names if act.start_s <= limit_s]
    back = scene.acts("give_contact")
    if early and back:
        return _met([early[0], back[0]], "name at the start and a way back")
    if names or back:
        what = "a way back, no name at the start" if back else "a name, no way back"
        return _partly([*names[:1], *back[:1]], what)
    return Ruling(verdict="missed", reason="neither name nor a way back")


def follow_up(scene: Scene) -> Ruling:
    found = scene.acts("follow_up")
    timed = [act for act in found if _timed(scene, act)]
    if timed:
        return _met(timed, "a follow-up with a time")
    if scene.checked:
        return _met(scene.checked, "checked in the call that it is solved")
    if found:
        return _partly(found, "a follow-up without a time")
    return Ruling(verdict="missed", reason="no follow-up, and no check that it is solved")


def set_limits(scene: Scene) -> Ruling:
    abuse = scene.abuse
    rude = scene.certain("rude_reply", after_s=abuse[0].start_s)
    if rude:
        return _violated(rude, "abuse was answered in kind")
    found = scene.acts("set_limit", after_s=abuse[0].start_s)
    if not found:
        return Ruling(verdict="missed", reason=f"abusive sentences: {len(abuse)}; no limit was set")
    return _met(found, f"abusive sentences: {len(abuse)}; a limit was set")


def remedy_quickly(scene: Scene) -> Ruling:
    account, limits = scene.account, scene.guidance.limits
    if account is None:
        return Ruling(verdict="not_applicable", reason="no account of a problem")
    fixes = [act for act in scene.fixes if act.start_s >= scene.begun_s]
    if not fixes:
        return Ruling(verdict="missed", reason="no remedy was named")
    waited_s = max(0.0, fixes[0].start_s - account.end_s)
    reason = f"first remedy {waited_s:.0f} s after the account"
    if waited_s <= limits.remedy_quickly_s:
        return _met(fixes[:1], reason)
    if waited_s <= limits.remedy_slowly_s:
        return _partly(fixes[:1], reason)
    return Ruling(verdict="missed", reason=reason, evidence=from_acts(fixes[:1]))


def explain_what_happened(scene: Scene) -> Ruling:
    # What sounds more like the concern repeated than like its cause is no cause.
    restated = {(act.turn, act.start_s): act.confidence for act in scene.acts("restate_concern")}
    found = [
        act
        for act in scene.acts("explain_cause")
        if act.layer == "phrase" or restated.get((act.turn, act.start_s), 0.0) <= act.confidence
    ]
    if not found:
        return Ruling(verdict="missed", reason="what happened was not explained")
    long = [act for act in found if _length_s(scene, act) > scene.guidance.limits.long_cause_s]
    if len(long) == len(found):
        return _partly(long, "explained at length")
    return _met([act for act in found if act not in long], "explained briefly")


def _length_s(scene: Scene, act: Act) -> float:
    """How long one turn goes on about the cause: from its first sentence about it to its last."""
    same = [other for other in scene.acts("explain_cause") if other.turn == act.turn]
    return max(other.end_s for other in same) - min(other.start_s for other in same)


def promises_kept_track(scene: Scene) -> Ruling:
    own = [promise for promise in scene.promises if promise.who == "agent"]
    timed = [promise for promise in own if promise.said_when]
    open_first = sorted(own, key=lambda promise: promise.said_when is not None)
    evidence = tuple(scene.of_promise(promise) for promise in open_first)
    reason = f"promises: {len(own)}, with a time: {len(timed)}"
    share = len(timed) / len(own)
    if share == 1:
        return Ruling(verdict="met", reason=reason, evidence=evidence)
    if timed:
        return Ruling(verdict="partly_met", reason=reason, score=share, evidence=evidence)
    return Ruling(verdict="missed", reason=reason, evidence=evidence)


def problem_solved(scene: Scene) -> Ruling:
    confirmed, checked = scene.confirmed, scene.checked
    unsolved = scene.certain("not_solved", by="customer")
    last = max((act.start_s for act in (*confirmed, *checked)), default=None)
    if last is not None and not any(act.start_s > last for act in unsolved):
        who = "the customer confirms it" if confirmed else "the agent checks it"
        return _met([*_most_to_the_point(scene), *reversed(checked)], who)
    reason = (
        "the customer says that it is not solved" if unsolved else "nobody says or asks whether it is solved"
    )
    return Ruling(verdict="missed", reason=reason, evidence=from_acts(unsolved[-1:]))


def _most_to_the_point(scene: Scene) -> list[Act]:
    """Confirmations from the last on; at the end those that only mean it, or answer whether all is clear."""
    asked = scene.acts("confirm_understanding", "check_solved")

    def about_clarity(act: Act) -> bool:
        turn = max((one.turn for one in asked if one.start_s < act.start_s), default=None)
        kinds = {one.id for one in asked if one.turn == turn}
        return turn is not None and act.turn - turn <= 1 and "check_solved" not in kinds

    latest = reversed(scene.confirmed)
    return sorted(latest, key=lambda act: (act.layer != "phrase", about_clarity(act)))


def offer_alternative(scene: Scene) -> Ruling:
    """A meeting, a call-back or a supervisor while the customer is tense or soon after; being sent elsewhere
    is none."""
    elsewhere = {(act.turn, act.start_s) for act in scene.acts("channel_switch")}
    after_s = scene.guidance.limits.hold_after_tense_s
    found = [
        act
        for act in scene.acts("offer_alternative")
        if (act.turn, act.start_s) not in elsewhere and scene.tense((act.start_s, act.end_s), after_s)
    ]
    if not found:
        return Ruling(verdict="missed", reason="nothing of the kind was heard while the customer was tense")
    return _met(found, "offered while the customer was tense")


def ask_feedback(scene: Scene) -> Ruling:
    """Due at the end: that is where it is missed."""
    found = scene.acts("ask_feedback")
    if found:
        return _met(found, "said by the agent")
    last = tuple(scene.of_turn(turn, "the last words of the agent") for turn in scene.agent_turns[-1:])
    return Ruling(verdict="missed", reason="nothing of the kind was heard", evidence=last)


def solve_not_speed(scene: Scene) -> Ruling:
    done_s = max((act.start_s for act in scene.confirmed), default=float("inf"))
    goodbye = scene.agent_turns[-1].turn if scene.agent_turns else None
    rushed = [act for act in scene.certain("rush") if act.start_s < done_s and act.turn != goodbye]
    if rushed:
        return _violated(rushed, "the agent pressed for an end while the issue was open")
    settled = scene.fixes or scene.confirmed or scene.acts("follow_up")
    ending_s = scene.end_s - scene.guidance.limits.ending_s
    protest = scene.certain(*OPEN_ISSUE, by="customer", after_s=ending_s)
    if not settled and protest:
        return _violated(protest[-1:], "the call ended with the issue open, and nothing offered")
    if not settled:
        return Ruling(verdict="partly_met", reason="the call ended without a solution or a follow-up")
    return _kept("the call ended with a solution or a follow-up")


def no_long_cause(scene: Scene) -> Ruling:
    limits = scene.guidance.limits
    first_fix_s = min((act.start_s for act in scene.fixes), default=float("inf"))
    long = [
        act
        for act in scene.certain("explain_cause")
        if act.start_s < first_fix_s
        and _length_s(scene, act) > limits.long_cause_s
        and scene.tense((act.start_s, act.end_s), limits.hold_after_tense_s)
    ]
    if not long:
        return _kept("no long account of the cause before a fix")
    longest_s = max(_length_s(scene, act) for act in long)
    return _violated(long, f"{longest_s:.0f} s about the cause, before any fix, while the customer was tense")


def holds_of(scene: Scene) -> list[Hold]:
    """Holds of a customer: ringing and music before the customer's first word hold nobody."""
    first_s = min((turn.start_s for turn in scene.customer_turns), default=float("inf"))
    return [hold for hold in scene.heard.measures.call.holds if hold.start_s > first_s]


def no_hold_or_transfer(scene: Scene) -> Ruling:
    """None while the customer is tense; at other times handled well."""
    after_s = scene.guidance.limits.hold_after_tense_s
    holds = holds_of(scene)
    transfers = scene.certain("announce_transfer")
    tense_holds = [hold for hold in holds if scene.tense((hold.start_s, hold.end_s), after_s)]
    tense_transfers = [act for act in transfers if scene.tense((act.start_s, act.end_s), after_s)]
    if tense_holds or tense_transfers:
        evidence = (*(of_hold(scene, hold) for hold in tense_holds), *from_acts(tense_transfers))
        return Ruling(
            verdict="violated",
            reason=f"while the customer was tense, or soon after: holds {len(tense_holds)}, "
            f"transfers {len(tense_transfers)}",
            evidence=evidence,
            confidence=surest(tense_transfers) if tense_transfers else None,
        )
    if not scene.heard.facts.has_sound:
        return Ruling(verdict="not_scored", reason=f"{NO_SOUND}: holds cannot be heard")
    if not holds:
        evidence = from_acts(transfers[:2])
        reason = "no hold or transfer while the customer was tense"
        return Ruling(verdict="met", reason=reason, evidence=evidence)
    kept = [_kept_share(hold) for hold in holds]
    evidence = tuple(of_hold(scene, hold) for hold in holds)
    score = sum(kept) / len(kept)
    if score == 1:
        reason = "holds were announced with reason, consent and time, and thanked for"
        return Ruling(verdict="met", reason=reason, evidence=evidence)
    reason = (
        f"not while the customer was tense; of announcement, reason, consent, time and thanks {score:.0%}"
    )
    return Ruling(verdict="partly_met", reason=reason, score=score, evidence=evidence)


def _handling(hold: Hold) -> dict[str, bool | None]:
    return {
        "announced": hold.announced,
        "reason": None if "reason" in hold.not_scored else hold.reason is not None,
        "consent": hold.consent,
        "time": None if "time_given" in hold.not_scored else hold.time_given is not None,
        "thanks": hold.thanked,
    }


def _kept_share(hold: Hold) -> float:
    """Share of what a hold should come with, among what could be judged."""
    known = [value for value in _handling(hold).values() if value is not None]
    return sum(known) / len(known)


def of_hold(scene: Scene, hold: Hold) -> Evidence:
    lacking = [name for name, value in _handling(hold).items() if value is False]
    note = f"hold of {hold.end_s - hold.start_s:.0f} s"
    if lacking:
        note += f"; without {', '.join(lacking)}"
    said_before = hold.announcement or hold.before
    span: Span = (hold.start_s, hold.end_s)
    turn: Turn | None = scene.before(hold.start_s)
    return Evidence(
        turn=said_before.turn if said_before else turn.turn if turn else None,
        start_s=span[0],
        end_s=span[1],
        quote=said_before.quote if said_before else "",
        note=note,
    )
