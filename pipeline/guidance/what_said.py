"""Checks of what was said: speech acts, when they came, and what they were about."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from pipeline.guidance.how_said import account_evidence
from pipeline.guidance.promises import SENTENCE_END
from pipeline.guidance.scene import Ruling, Scene, clauses, from_act, from_acts, surest
from pipeline.records import Act, Evidence, Hold, Turn
from pipeline.texts import Text
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
SHOWN_FROM = 0.8
"""Confidence of acts that are shown rather than others for the same verdict; it decides nothing."""
OPEN_ISSUE = ("not_solved", "anger", "leave", "ask_supervisor")
"""Before the words of a call that a reason names; up to the next semicolon."""


def said(act: str, *, of_problem: bool = False) -> Callable[[Scene], Ruling]:
    """A check that is met by one speech act of the agent; ``of_problem``: once a problem, if any, came up."""

    def rule(scene: Scene) -> Ruling:
        found = scene.acts(act, after_s=scene.begun_s if of_problem else 0.0)
        if not found:
            return Ruling(verdict="missed", reason=Text("why.not_heard"))
        return _met(found, Text("why.said"))

    return rule


def confirmation(scene: Scene) -> Ruling:
    """The agent checks what was understood; "is that all right?" asks leave instead."""
    found = [act for act in scene.acts("confirmation") if not _asks_leave(scene, act)]
    if not found:
        return Ruling(verdict="missed", reason=Text("why.not_heard"))
    return _met(found, Text("why.said"))


def _asks_leave(scene: Scene, act: Act) -> bool:
    return scene.language is not None and scene.language.asks_leave(act.quote)


def sent_elsewhere(scene: Scene) -> list[Act]:
    """Sentences that send the customer elsewhere; whoever is transferred need not go there."""
    transferred = {act.turn for act in scene.acts("announce_transfer")}
    return [act for act in scene.acts("channel_switch") if act.turn not in transferred]


def no_channel_switch(scene: Scene) -> Ruling:
    found = sent_elsewhere(scene)
    if found:
        return _violated(found, Text("why.sent_elsewhere"))
    return _kept(Text("why.not_sent_elsewhere"))


def _met(acts: list[Act], reason: Text, score: float | None = None) -> Ruling:
    """Met by these acts; the sure ones are shown, where there are some."""
    shown = [act for act in acts if act.confidence >= SHOWN_FROM] or acts
    return Ruling(
        verdict="met", reason=reason, score=score, evidence=from_acts(shown[:3]), confidence=surest(acts)
    )


def _partly(acts: list[Act], reason: Text) -> Ruling:
    return Ruling(verdict="partly_met", reason=reason, evidence=from_acts(acts[:3]), confidence=surest(acts))


def _violated(acts: list[Act], reason: Text) -> Ruling:
    return Ruling(verdict="violated", reason=reason, evidence=from_acts(acts[:4]), confidence=surest(acts))


def _kept(reason: Text) -> Ruling:
    return Ruling(verdict="met", reason=reason)


def mindset_no_blame(scene: Scene) -> Ruling:
    found = scene.acts("blame", "rude_reply")
    if not found:
        return _kept(Text("why.no_blame"))
    return _violated(found, Text("why.blame", count=len(found)))


def invite_story(scene: Scene) -> Ruling:
    invited = scene.acts("invite_story")
    straight = scene.acts("ask_account_data", "present_solution", after_s=scene.begun_s)
    if invited and (not straight or invited[0].start_s <= straight[0].start_s):
        return _met(invited, Text("why.invited"))
    if invited:
        return _partly(invited, Text("why.invited_late"))
    if opening := _opening(scene):
        return Ruling(verdict="met", reason=Text("why.invited"), evidence=opening)
    account = scene.account
    reply = account.taken_turn if account else None
    dismissed = [act for act in scene.acts("blame", "rude_reply") if act.turn == reply]
    straight = sorted(
        [*scene.acts("ask_account_data", before_s=scene.begun_s), *straight], key=lambda act: act.start_s
    )
    led = bool(straight) and (straight[0].turn == reply or (account and straight[0].start_s < account.end_s))
    if account and not dismissed and _asked_before(scene, account.end_s):
        return Ruling(verdict="not_scored", reason=Text("why.perhaps_heard"))
    if account and not account.cut_off and not led and not dismissed:
        return Ruling(
            verdict="partly_met",
            reason=Text("why.told_uninvited"),
            evidence=account_evidence(scene),
        )
    reason = Text("why.not_invited_straight" if straight else "why.not_invited")
    return Ruling(verdict="missed", reason=reason, evidence=from_acts(straight[:1] or dismissed[:1]))


def _opening(scene: Scene) -> tuple[Evidence, ...]:
    """The question after which the customer told it, where it is one that opens calls: "how can I help?" """
    before = [turn for turn in scene.agent_turns if turn.start_s < scene.begun_s]
    if not before or scene.language is None or not scene.language.opens(before[-1].text):
        return ()
    return (scene.of_turn(before[-1], Text("note.opens")),)


def _asked_before(scene: Scene, time_s: float) -> bool:
    """Whether the agent asked something before a moment that is not shown to be a question for data."""
    data = [act.quote for act in scene.acts("ask_account_data")]
    asked = (
        sentence
        for turn in scene.agent_turns
        if turn.start_s < time_s
        for sentence in SENTENCE_END.split(turn.text)
        if sentence.endswith("?")
    )
    return any(sentence not in data for sentence in asked)


def no_premature_solution(scene: Scene) -> Ruling:
    account = scene.account
    if account is None:
        return Ruling(verdict="not_applicable", reason=Text("why.no_problem"))
    fixes = scene.acts("present_solution", after_s=scene.begun_s)
    early = [
        act
        for act in fixes
        if act.start_s < account.end_s or (account.cut_off and act.turn == account.taken_turn)
    ]
    if early:
        return _violated(early, Text("why.fix_early"))
    if not fixes:
        return _kept(Text("why.no_fix_early"))
    heard = scene.acts(*ACKNOWLEDGING, after_s=scene.begun_s, before_s=fixes[0].end_s)
    if not heard and (scene.perhaps_restated or scene.unsure(*ACKNOWLEDGING)):
        return Ruling(verdict="not_scored", reason=Text("why.perhaps_heard"))
    if not heard:
        return _partly(fixes[:1], Text("why.fix_unacknowledged"))
    if scene.perhaps_fixed_s < fixes[0].start_s:  # how long it took is not known
        return _kept(Text("why.no_fix_early"))
    return Ruling(
        verdict="met",
        reason=Text("why.fix_after", seconds=max(0.0, fixes[0].start_s - account.end_s)),
        evidence=(from_act(heard[0]), from_act(fixes[0])),
        confidence=surest(fixes[:1]),
    )


def restate_concern(scene: Scene) -> Ruling:
    limits = scene.guidance.limits
    # A concern is repeated in one turn, in several sentences perhaps; what rather tells the cause is none.
    causes = {(act.turn, act.start_s): act.confidence for act in scene.acts("explain_cause")}
    repeated = [
        act
        for act in scene.acts("restate_concern")
        if act.confidence > causes.get((act.turn, act.start_s), 0.0)
    ]
    shared = [(act, _shared(scene, act, whole_turn=True)) for act in repeated]
    own = [(act, words) for act, words in shared if len(words) >= limits.restate_shared_words]
    account = scene.account
    after_s = account.end_s + limits.restate_after_account_s if account else 0.0
    due_s = max(limits.restate_within_share * scene.heard.facts.duration_s, after_s)
    unmarked = _unmarked(scene) if not own or own[0][0].start_s > due_s else None
    if unmarked is not None and (not own or unmarked[0].start_s <= due_s):
        turn, common = unmarked
        named = scene.language.words_of(common, turn.text) if scene.language else sorted(common)
        evidence = (scene.of_turn(turn, Text("note.takes_up_words")),)
        if turn.start_s <= due_s:
            reason = Text("why.taken_up", seconds=turn.start_s, words=named)
            return Ruling(verdict="met", reason=reason, evidence=evidence)
        reason = Text("why.taken_up_late", seconds=turn.start_s, words=named, due=due_s)
        return Ruling(verdict="partly_met", reason=reason, evidence=evidence)
    if not shared and scene.perhaps_restated:
        return Ruling(verdict="not_scored", reason=Text("why.perhaps_heard"))
    if not own:
        reason = Text("why.little_in_common" if shared else "why.not_repeated")
        return Ruling(verdict="missed", reason=reason, evidence=from_acts(act for act, _ in shared[:1]))
    act, words = own[0]
    whole = [each for each, _ in own if each.turn == act.turn]
    if act.start_s > due_s:
        return _partly(whole, Text("why.repeated_late", seconds=act.start_s, due=due_s))
    said = _said(scene, act, whole_turn=True)
    shown = scene.language.words_of(words, said) if scene.language else sorted(words)
    return _met(whole, Text("why.repeated", seconds=act.start_s, words=shown))


def _unmarked(scene: Scene) -> tuple[Turn, frozenset[str]] | None:
    """The first turn after the account that takes up the customer's words, though no act shows it.

    Questions, and sentences that are shown to be something else, take up nothing.
    """
    account, language = scene.account, scene.language
    if account is None or language is None:
        return None
    told = " ".join(scene.turn_of[turn].text for turn in account.turns)
    limits = scene.guidance.limits
    asked = {act.turn for act in scene.acts("confirmation") if not _asks_leave(scene, act)}
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
        least = limits.restate_shared_words if turn.turn in asked else limits.restate_unmarked_shared_words
        if len(words) >= least:
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
        return Ruling(verdict="missed", reason=Text("why.not_heard"))
    real = [act for act in found if (act.turn, act.start_s) not in weak]
    if not real:
        return _partly(found, Text("why.apology_taken_back"))
    specific = [act for act in real if _names_something(scene, act)]
    if specific:
        return _met(specific, Text("why.apology_specific"))
    return _met(real, Text("why.apology_plain"), scene.guidance.limits.plain_apology_score)


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


def _timed_step(scene: Scene, act: Act) -> bool:
    """Whether a step has a time, in its sentence or, as of a promise, in the one after it."""
    promised = any(promise.start_s == act.start_s and promise.said_when for promise in scene.promises)
    return promised or _timed(scene, act)


def explain_next_steps(scene: Scene) -> Ruling:
    causes = {(act.turn, act.start_s): act.confidence for act in scene.acts("explain_cause")}
    steps = [
        act
        for act in scene.acts("explain_next_steps")
        if act.layer == "phrase" or act.confidence > causes.get((act.turn, act.start_s), 0.0)
    ]
    if not steps:
        return Ruling(verdict="missed", reason=Text("why.no_step"))
    timed = [
        act for act in scene.acts("explain_next_steps", "promise", "follow_up") if _timed_step(scene, act)
    ]
    turns = {act.turn for act in steps}
    if any(act.turn in turns for act in timed):
        near = {(act.turn, act.start_s): act for act in (*steps, *timed) if act.turn in turns}
        return _met(_timed_first(near.values(), timed), Text("why.steps_timed"))
    return _partly(steps, Text("why.steps_untimed"))


def _timed_first(acts: Iterable[Act], timed: Sequence[Act]) -> list[Act]:
    """Each sentence once, those with a time before the others."""
    with_time = {(act.turn, act.start_s) for act in timed}
    return sorted(acts, key=lambda act: ((act.turn, act.start_s) not in with_time, act.start_s))


def give_contact(scene: Scene) -> Ruling:
    limit_s = scene.guidance.limits.name_within_s
    names = scene.acts("give_name")
    early = [act for act in names if act.start_s <= limit_s]
    back = scene.acts("give_contact")
    if early and back:
        return _met([early[0], back[0]], Text("why.name_and_way_back"))
    if names or back:
        reason = Text("why.way_back_only" if back else "why.name_only")
        return _partly([*names[:1], *back[:1]], reason)
    return Ruling(verdict="missed", reason=Text("why.no_name"))


def follow_up(scene: Scene) -> Ruling:
    found = scene.acts("follow_up")
    timed = [act for act in found if _timed(scene, act)]
    if timed:
        return _met(timed, Text("why.follow_up_timed"))
    if scene.checked:
        return _met(scene.checked, Text("why.checked"))
    if found:
        return _partly(found, Text("why.follow_up_untimed"))
    if scene.confirmed:
        return _partly(scene.confirmed[-1:], Text("why.confirmed_unasked"))
    return Ruling(verdict="missed", reason=Text("why.no_follow_up"))


def set_limits(scene: Scene) -> Ruling:
    abuse = scene.abuse
    rude = scene.acts("rude_reply", after_s=abuse[0].start_s)
    if rude:
        return _violated(rude, Text("why.abuse_in_kind"))
    found = scene.acts("set_limit", after_s=abuse[0].start_s)
    if not found:
        return Ruling(verdict="missed", reason=Text("why.no_limit", count=len(abuse)))
    return _met(found, Text("why.limit", count=len(abuse)))


def remedy_quickly(scene: Scene) -> Ruling:
    account, limits = scene.account, scene.guidance.limits
    if account is None:
        return Ruling(verdict="not_applicable", reason=Text("why.no_problem"))
    fixes = [act for act in scene.fixes if act.start_s >= scene.begun_s]
    if not fixes:
        return Ruling(verdict="missed", reason=Text("why.no_remedy"))
    waited_s = max(0.0, fixes[0].start_s - account.end_s)
    reason = Text("why.remedy_after", seconds=waited_s)
    if waited_s > limits.remedy_quickly_s and scene.perhaps_fixed_s < fixes[0].start_s:
        return Ruling(verdict="not_scored", reason=Text("why.perhaps_heard"))
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
        if act.layer == "phrase"
        or (restated.get((act.turn, act.start_s), 0.0) <= act.confidence and not _supposes(scene, act))
    ]
    if not found and any(_supposes(scene, act) for act in scene.acts("explain_cause")):
        return Ruling(verdict="not_scored", reason=Text("why.perhaps_heard"))
    if not found:
        return Ruling(verdict="missed", reason=Text("why.not_explained"))
    long = [act for act in found if _length_s(scene, act) > scene.guidance.limits.long_cause_s]
    if len(long) == len(found):
        return _partly(long, Text("why.explained_at_length"))
    return _met([act for act in found if act not in long], Text("why.explained_briefly"))


def _supposes(scene: Scene, act: Act) -> bool:
    """Whether a sentence supposes something instead of telling it: "if it was late because of us ..." """
    return scene.language is not None and scene.language.supposes(act.quote)


def _length_s(scene: Scene, act: Act) -> float:
    """How long one turn goes on about the cause: from its first sentence about it to its last."""
    same = [other for other in scene.acts("explain_cause") if other.turn == act.turn]
    return max(other.end_s for other in same) - min(other.start_s for other in same)


def promises_kept_track(scene: Scene) -> Ruling:
    own = [promise for promise in scene.promises if promise.who == "agent"]
    at_once = {act.start_s for act in scene.acts("present_solution")}
    own = [promise for promise in own if promise.said_when or promise.start_s not in at_once]
    if not own:
        return Ruling(verdict="not_applicable", reason=Text("absent.promise"))
    timed = [promise for promise in own if promise.said_when]
    open_first = sorted(own, key=lambda promise: promise.said_when is not None)
    evidence = tuple(scene.of_promise(promise) for promise in open_first)
    reason = clauses(Text("why.promises", count=len(own)), Text("why.promises_timed", found=len(timed)))
    share = len(timed) / len(own)
    if share == 1:
        return Ruling(verdict="met", reason=reason, evidence=evidence)
    if timed:
        return Ruling(verdict="partly_met", reason=reason, score=share, evidence=evidence)
    return Ruling(verdict="missed", reason=reason, evidence=evidence)


def problem_solved(scene: Scene) -> Ruling:
    confirmed, checked = scene.confirmed, scene.checked
    unsolved = scene.acts("not_solved", by="customer")
    last = max((act.start_s for act in (*confirmed, *checked)), default=None)
    if last is not None and not any(act.start_s > last for act in unsolved):
        who = Text("why.customer_confirms" if confirmed else "why.agent_checks")
        return _met([*_most_to_the_point(scene), *reversed(checked)], who)
    if not unsolved and (clear := scene.acts("confirm_understanding", after_s=scene.begun_s)):
        return _partly(clear[-1:], Text("why.clear_checked"))
    reason = Text("why.unsolved" if unsolved else "why.nobody_asks")
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
        return Ruling(verdict="missed", reason=Text("why.not_heard_while_tense"))
    return _met(found, Text("why.offered_while_tense"))


def ask_feedback(scene: Scene) -> Ruling:
    """Due at the end: that is where it is missed."""
    found = scene.acts("ask_feedback")
    if found:
        return _met(found, Text("why.said"))
    last = tuple(scene.of_turn(turn, Text("note.last_words")) for turn in scene.agent_turns[-1:])
    return Ruling(verdict="missed", reason=Text("why.not_heard"), evidence=last)


def solve_not_speed(scene: Scene) -> Ruling:
    done_s = max((act.start_s for act in scene.confirmed), default=float("inf"))
    goodbye = scene.agent_turns[-1].turn if scene.agent_turns else None
    rushed = [act for act in scene.acts("rush") if act.start_s < done_s and act.turn != goodbye]
    if rushed:
        return _violated(rushed, Text("why.pressed"))
    settled = scene.fixes or scene.confirmed or scene.acts("follow_up")
    ending_s = scene.end_s - scene.guidance.limits.ending_s
    protest = scene.acts(*OPEN_ISSUE, by="customer", after_s=ending_s)
    if not settled and protest:
        return _violated(protest[-1:], Text("why.ended_open"))
    if not settled and scene.perhaps_settled:
        return Ruling(verdict="not_scored", reason=Text("why.perhaps_heard"))
    if not settled:
        return Ruling(verdict="partly_met", reason=Text("why.ended_unsettled"))
    perhaps = scene.unsure(*OPEN_ISSUE, "repeat_contact", by="customer")
    if not scene.confirmed and any(act.start_s >= ending_s for act in (*protest, *perhaps)):
        return Ruling(verdict="not_scored", reason=Text("why.ended_perhaps_open"))
    return _kept(Text("why.ended_settled"))


def no_long_cause(scene: Scene) -> Ruling:
    limits = scene.guidance.limits
    first_fix_s = min((act.start_s for act in scene.fixes), default=float("inf"))
    long = [
        act
        for act in scene.acts("explain_cause")
        if act.start_s < first_fix_s
        and _length_s(scene, act) > limits.long_cause_s
        and scene.tense((act.start_s, act.end_s), limits.hold_after_tense_s)
    ]
    if not long:
        return _kept(Text("why.no_long_cause"))
    longest_s = max(_length_s(scene, act) for act in long)
    return _violated(long, Text("why.long_cause", seconds=longest_s))


def holds_of(scene: Scene) -> list[Hold]:
    """Holds of a customer: ringing and music before the customer's first word hold nobody."""
    first_s = min((turn.start_s for turn in scene.customer_turns), default=float("inf"))
    return [hold for hold in scene.heard.measures.call.holds if hold.start_s > first_s]


def no_hold_or_transfer(scene: Scene) -> Ruling:
    """None while the customer is tense; at other times handled well."""
    after_s = scene.guidance.limits.hold_after_tense_s
    holds = holds_of(scene)
    transfers = scene.acts("announce_transfer")
    tense_holds = [hold for hold in holds if scene.tense((hold.start_s, hold.end_s), after_s)]
    tense_transfers = [act for act in transfers if scene.tense((act.start_s, act.end_s), after_s)]
    if tense_holds or tense_transfers:
        evidence = (*(of_hold(scene, hold) for hold in tense_holds), *from_acts(tense_transfers))
        return Ruling(
            verdict="violated",
            reason=Text("why.tense_holds", holds=len(tense_holds), transfers=len(tense_transfers)),
            evidence=evidence,
            confidence=surest(tense_transfers) if tense_transfers else None,
        )
    if not scene.heard.facts.has_sound:
        return Ruling(verdict="not_scored", reason=Text("why.holds_unheard"))
    if not holds:
        evidence = from_acts(transfers[:2])
        reason = Text("why.no_tense_hold")
        return Ruling(verdict="met", reason=reason, evidence=evidence)
    kept = [_kept_share(hold) for hold in holds]
    evidence = tuple(of_hold(scene, hold) for hold in holds)
    score = sum(kept) / len(kept)
    if score == 1:
        reason = Text("why.holds_done_well")
        return Ruling(verdict="met", reason=reason, evidence=evidence)
    reason = Text("why.holds_partly", share=score)
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
    length_s = hold.end_s - hold.start_s
    note = Text("note.hold", seconds=length_s)
    if lacking:
        note = Text("note.hold_lacking", seconds=length_s, lacking=lacking)
    said_before = hold.announcement  # what was said before an unannounced hold shows nothing of it
    span: Span = (hold.start_s, hold.end_s)
    turn: Turn | None = scene.before(hold.start_s)
    return Evidence(
        turn=said_before.turn if said_before else turn.turn if turn else None,
        start_s=span[0],
        end_s=span[1],
        quote=said_before.quote if said_before else "",
        note=note,
    )
