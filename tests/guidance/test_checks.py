"""Verdicts follow the rules of the guidance: occasions, order in time, and what was said."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.guidance.checks import CHECKS
from pipeline.guidance.config import load_guidance
from pipeline.guidance.judge import judge
from pipeline.records import Event, FirstAccount, Gap, Hold, Listening, Role, Verdict
from tests.factories import event, in_english, settings
from tests.guidance.calls import BAD, GOOD, Said, heard, verdicts

GUIDANCE = load_guidance()
AGENT_ACTS = (
    "give_name", "give_contact", "invite_story", "ask_account_data", "blame", "empathy", "apology",
    "weak_apology", "selective_agreement", "reassurance", "restate_concern", "confirmation", "assessment",
    "present_solution", "ask_preference", "explain_next_steps", "follow_up", "use_feedback", "ask_feedback",
    "set_limit", "rude_reply", "offer_alternative", "explain_cause", "confirm_understanding", "extra_step",
    "check_solved", "next_issue", "channel_switch", "rush", "announce_hold", "announce_transfer", "promise",
)  # fmt: skip
CUSTOMER_ACTS = (
    "problem", "anger", "abuse", "leave", "ask_supervisor", "repeat_contact", "repeat_information",
    "transferred_before", "confirm_solved", "not_solved", "promise",
)  # fmt: skip


def said() -> st.SearchStrategy[list[Said]]:
    """Calls of both speakers with any acts."""

    def line(role: Role, acts: tuple[str, ...]) -> st.SearchStrategy[Said]:
        names = st.lists(st.sampled_from(acts), max_size=3, unique=True)
        return names.map(lambda some: (role, "You charged my card twice by Friday.", " ".join(some)))

    return st.lists(st.one_of(line("agent", AGENT_ACTS), line("customer", CUSTOMER_ACTS)), max_size=14)


def test_every_check_of_the_file_is_decided() -> None:
    """A check that nothing decides would be silently left out."""
    assert set(CHECKS) | set(GUIDANCE.roll_ups) == set(GUIDANCE.checks)


@given(said())
def test_rules_that_hold_for_any_call(lines: list[Said]) -> None:
    """Credits are never missed, don'ts neither; what is not due has no score; scores lie in 0..1."""
    spoken = heard(lines)
    judgment = judge(spoken, settings())
    assert judge(spoken, settings()) == judgment
    assert [finding.id for finding in judgment.guidance] == list(GUIDANCE.checks)
    for finding in judgment.guidance:
        kind = GUIDANCE.checks[finding.id].kind
        allowed: dict[str, set[Verdict]] = {
            "do": {"met", "partly_met", "missed"} | ({"violated"} if finding.id == "set_limits" else set()),
            "dont": {"met", "partly_met", "violated"},
            "credit": {"met"},
            "roll_up": {"met", "partly_met", "missed"},
        }
        assert finding.verdict in allowed[kind] | {"not_applicable", "not_scored"}, finding
        counted = finding.verdict not in ("not_applicable", "not_scored")
        assert (finding.score is not None) == counted
        assert finding.score is None or 0 <= finding.score <= 1
        assert finding.reason
        if finding.verdict in ("missed", "violated"):
            assert finding.evidence, finding


@given(said())
def test_nothing_is_due_without_its_occasion(lines: list[Said]) -> None:
    """Empathy is missed only where there was something to be empathic about."""
    spoken = heard(lines)
    judgment = judge(spoken, settings())
    verdict = {finding.id: finding.verdict for finding in judgment.guidance}
    acts = {act.id for act in spoken.acts if act.speaker == "customer"}
    if not judgment.tension.spans:
        due_in_tension = [name for name, check in GUIDANCE.checks.items() if check.occasion == "tension"]
        assert {verdict[name] for name in due_in_tension} <= {"not_applicable", "not_scored"}
    if not acts & set(GUIDANCE.problem_acts):
        due_in_trouble = [name for name, check in GUIDANCE.checks.items() if check.occasion == "problem"]
        assert {verdict[name] for name in due_in_trouble} <= {"not_applicable", "not_scored"}
    if "abuse" not in acts:
        assert verdict["set_limits"] in ("not_applicable", "not_scored")


def test_a_good_call() -> None:
    """What was done is met, with the sentence that shows it."""
    found = verdicts(GOOD)
    met = (
        "mindset_no_blame", "invite_story", "no_premature_solution", "restate_concern", "empathy",
        "apology", "present_solution", "explain_next_steps", "give_contact", "follow_up", "reassurance",
        "selective_agreement", "remedy_quickly", "promises_kept_track", "problem_solved", "emotional_side",
        "solve_not_speed", "no_long_cause", "no_channel_switch", "no_hold_or_transfer",
    )  # fmt: skip
    assert {name: found[name].verdict for name in met} == dict.fromkeys(met, "met")
    assert found["apology"].score == 1.0
    assert found["empathy"].evidence[0].quote == "That must be frustrating, and you are right."
    assert found["set_limits"].verdict == found["extra_step"].verdict == "not_applicable"


def test_a_bad_call() -> None:
    """What was due and did not come is missed, what must not happen and did is violated."""
    found = verdicts(BAD)
    missed = (
        "invite_story", "restate_concern", "empathy", "apology", "present_solution", "explain_next_steps",
        "give_contact", "follow_up", "reassurance", "confirmation", "selective_agreement", "remedy_quickly",
        "problem_solved", "emotional_side", "ask_feedback",
    )  # fmt: skip
    assert {name: found[name].verdict for name in missed} | {"invite_story": "missed"} == dict.fromkeys(
        missed, "missed"
    )
    violated = ("mindset_no_blame", "solve_not_speed")
    assert {found[name].verdict for name in violated} == {"violated"}
    assert [evidence.turn for evidence in found["mindset_no_blame"].evidence] == [2, 4]


def test_doubtful_acts_violate_nothing() -> None:
    """A verdict that an agent would dispute needs a sure act."""
    lines: list[Said] = [("agent", "Hello.", ""), ("customer", "It is broken.", "problem")]
    assert verdicts([*lines, ("agent", "Well.", "~blame")])["mindset_no_blame"].verdict == "met"
    assert verdicts([*lines, ("agent", "Well.", "blame")])["mindset_no_blame"].verdict == "violated"


def test_doubt_is_no_verdict() -> None:
    """An act that is not sure violates nothing and scores nothing: it is a moment to check."""
    lines: list[Said] = [("customer", "It is broken.", "problem"), ("agent", "Well.", "~blame")]
    found = verdicts(lines)["mindset_no_blame"]
    assert (found.verdict, found.score) == ("met", 1.0)
    assert [one.quote for one in found.to_check] == ["Well."]
    sure = verdicts([lines[0], ("agent", "Well.", "blame")])["mindset_no_blame"]
    assert (sure.verdict, sure.to_check) == ("violated", ())
    assert sure.certainty == sure.confidence


def test_what_was_perhaps_said_is_not_missed() -> None:
    """Nobody is told that a fix was missing where one was perhaps heard."""
    lines: list[Said] = [
        ("customer", "It is broken.", "problem"),
        ("agent", "I see to that.", "~present_solution"),
    ]
    found = verdicts(lines)["present_solution"]
    assert (found.verdict, found.score) == ("not_scored", None)
    assert [one.quote for one in found.to_check] == ["I see to that."]
    assert verdicts([lines[0], ("agent", "I see.", "")])["present_solution"].verdict == "missed"


def test_a_goodbye_is_no_pressure() -> None:
    """The last turn ends the call and cannot press for its end."""
    lines: list[Said] = [("customer", "It is broken.", "problem"), ("agent", "Bye.", "rush")]
    assert verdicts(lines)["solve_not_speed"].verdict == "partly_met"
    assert verdicts([*lines, ("agent", "So, bye.", "")])["solve_not_speed"].verdict == "violated"


@pytest.mark.parametrize(
    ("name", "reply", "acts", "expected"),
    [
        ("apology", "I am sorry if you feel that way.", "apology weak_apology", "partly_met"),
        ("apology", "I am sorry that the card was charged twice.", "apology", "met"),
        ("restate_concern", "So you were charged twice on the card.", "restate_concern", "met"),
        ("restate_concern", "So you would like a new plan.", "restate_concern", "missed"),
        ("explain_next_steps", "First I stop the order.", "explain_next_steps", "partly_met"),
        ("explain_next_steps", "I stop the order by noon.", "explain_next_steps", "met"),
        ("follow_up", "I'll call you back.", "follow_up", "partly_met"),
        ("follow_up", "I'll call you back on Thursday at six.", "follow_up", "met"),
        ("give_contact", "This is Robin.", "give_name", "partly_met"),
        ("give_contact", "This is Robin, my number is five five.", "give_name give_contact", "met"),
        ("promises_kept_track", "I'll send it to you.", "promise", "missed"),
        ("promises_kept_track", "I'll send it to you by Friday.", "promise", "met"),
        ("problem_solved", "Is it working now?", "check_solved present_solution", "met"),
        ("problem_solved", "Is there anything else?", "check_solved", "missed"),
        ("no_channel_switch", "You have to call billing.", "channel_switch", "violated"),
        (
            "no_channel_switch",
            "Billing does that, I transfer you.",
            "channel_switch announce_transfer",
            "met",
        ),
        ("no_hold_or_transfer", "I transfer you to billing.", "announce_transfer", "violated"),
    ],
)
def test_how_far_a_check_is_met(name: str, reply: str, acts: str, expected: Verdict) -> None:
    """Each check looks at more than the mere presence of an act."""
    lines: list[Said] = [
        ("agent", "Hello.", ""),
        ("customer", "My card was charged twice, I am furious.", "problem anger"),
        ("agent", reply, acts),
        ("customer", "Hm.", ""),
    ]
    assert verdicts(lines)[name].verdict == expected


def test_a_fix_before_the_end_of_the_story() -> None:
    """Order in time decides: the same fix is early inside the account and right after it."""
    fix: Said = ("agent", "I can refund it.", "present_solution")
    invited: Said = ("agent", "Go on.", "invite_story apology")
    story: Said = ("customer", "My card was charged twice.", "problem")
    more: Said = ("customer", "And it happened again today.", "problem")
    both: Said = ("agent", "Go on, I can refund it.", "invite_story present_solution")
    assert verdicts([story, both, more])["no_premature_solution"].verdict == "violated"
    assert verdicts([story, invited, more, fix])["no_premature_solution"].verdict == "met"
    assert verdicts([story, fix])["no_premature_solution"].verdict == "partly_met"


def test_a_late_restatement_is_partly_met() -> None:
    """The first third of the call, or soon after the account."""
    story: Said = ("customer", "My card was charged twice.", "problem")
    chat: Said = ("agent", "Let me see.", "")
    again: Said = ("agent", "So the card was charged twice.", "restate_concern")
    met = verdicts([story, again, *[chat] * 9])["restate_concern"]
    assert met.verdict == "met"
    assert in_english(met.reason).endswith("in common: card, charged, twice")
    assert verdicts([story, *[chat] * 9, again])["restate_concern"].verdict == "partly_met"


def test_a_concern_may_be_taken_up_in_words_that_no_act_shows() -> None:
    """Four content words of the customer's in a statement; a question or a fix takes up nothing."""
    story: Said = ("customer", "The blue kettle leaks water over my kitchen table.", "problem")
    taken: Said = ("agent", "I understand. The kettle leaks and the kitchen table gets wet with water.", "")
    assert verdicts([story, taken])["restate_concern"].verdict == "met"
    for reply, acts in (
        ("Does the kettle leak water on the kitchen table?", ""),
        ("I will dry the kettle, the water and the kitchen table.", "present_solution"),
        ("The kettle leaks.", ""),
    ):
        assert verdicts([story, ("agent", reply, acts)])["restate_concern"].verdict == "missed", reply


def test_nothing_good_is_heard_in_a_sentence_against_the_customer() -> None:
    """What only sounds like empathy does not count beside blame that a phrase shows."""
    spoken = heard([("customer", "You idiots.", "problem abuse"), ("agent", "Your fault.", "blame empathy")])
    acts = tuple(replace(act, layer="meaning") if act.id == "empathy" else act for act in spoken.acts)
    found = {one.id: one for one in judge(replace(spoken, acts=acts), settings()).guidance}
    assert found["empathy"].verdict == "missed"
    assert found["mindset_no_blame"].verdict == "violated"


def test_what_only_sounds_like_abuse_asks_for_no_limit() -> None:
    """Where abuse is not sure nobody has to set limits."""
    lines: list[Said] = [("customer", "You are joking.", "problem ~abuse"), ("agent", "No.", "")]
    assert verdicts(lines)["set_limits"].verdict == "not_applicable"


def test_a_reply_with_blame_or_a_fix_invites_nobody() -> None:
    """A story told uninvited counts half if it was let to stand, not if the first reply turned on it."""
    story: Said = ("customer", "My heating is off.", "problem")
    for reply, expected in (("", "partly_met"), ("blame", "missed"), ("present_solution", "missed")):
        assert verdicts([story, ("agent", "Well.", reply)])["invite_story"].verdict == expected
    asked: Said = ("agent", "Account number?", "ask_account_data")
    assert verdicts([asked, story, ("agent", "Well.", "")])["invite_story"].verdict == "missed"


def test_an_alternative_is_offered_to_the_tense() -> None:
    """A call-back counts while the customer is tense, and the website is no alternative."""
    angry: Said = ("customer", "I am furious.", "problem anger")
    offer: Said = ("agent", "A colleague can call you back.", "offer_alternative")
    elsewhere: Said = ("agent", "Book it on the website.", "offer_alternative channel_switch")
    calm: Said = ("customer", "I see.", "")
    assert verdicts([angry, offer])["offer_alternative"].verdict == "met"
    assert verdicts([angry, elsewhere])["offer_alternative"].verdict == "not_applicable"
    assert verdicts([angry, *[calm] * 8, offer])["offer_alternative"].verdict == "not_applicable"


def test_the_confirmation_that_is_shown_is_about_the_problem() -> None:
    """Not the answer to whether all is clear, which may come later."""
    lines: list[Said] = [
        ("customer", "My line is dead.", "problem"),
        ("agent", "I am resetting it.", "present_solution"),
        ("customer", "It works now.", "confirm_solved"),
        ("agent", "Is everything clear?", "confirm_understanding"),
        ("customer", "Yes, all clear.", "confirm_solved"),
    ]
    found = verdicts(lines)["problem_solved"]
    assert found.verdict == "met"
    assert [one.turn for one in found.evidence] == [2, 4]


def test_limits_are_due_to_abuse_alone() -> None:
    """Abuse met with a limit, with silence, and in kind."""
    lines: list[Said] = [("agent", "Hello.", ""), ("customer", "You idiots.", "problem abuse")]
    for reply, expected in (("set_limit", "met"), ("", "missed"), ("rude_reply", "violated")):
        assert verdicts([*lines, ("agent", "Well then.", reply)])["set_limits"].verdict == expected


def test_a_long_account_of_the_cause() -> None:
    """Long, while the customer is tense, and before any fix: all three are needed."""
    cause: Said = ("agent", "A storm closed two roads, and then ...", "explain_cause")
    fix: Said = ("agent", "I can send somebody today.", "present_solution")
    angry: Said = ("customer", "I am furious.", "problem anger")
    calm: Said = ("customer", "It is broken.", "problem")
    assert verdicts([angry, cause], lengths_s={1: 12.0})["no_long_cause"].verdict == "violated"
    assert verdicts([angry, cause], lengths_s={1: 5.0})["no_long_cause"].verdict == "met"
    assert verdicts([angry, fix, cause], lengths_s={2: 12.0})["no_long_cause"].verdict == "met"
    assert verdicts([calm, cause], lengths_s={1: 12.0})["no_long_cause"].verdict == "not_applicable"


def test_interruptions() -> None:
    """Counted with quotes; an uncertain one alone is not held against anybody; one channel shows none."""
    lines: list[Said] = [
        ("agent", "Hello.", ""),
        ("customer", "It is broken.", "problem"),
        ("agent", "So.", ""),
    ]
    cut_in = event("interruption", 10.0, 10.9)
    found = verdicts(lines, events=[cut_in])["dont_interrupt"]
    assert (found.verdict, len(found.evidence)) == ("violated", 1)
    doubtful = replace(cut_in, confidence=0.55)
    assert verdicts(lines, events=[doubtful])["dont_interrupt"].verdict == "partly_met"
    unsure = replace(event("interruption", 12.0, 12.6), confidence=0.2, sure=False)
    found = verdicts(lines, events=[cut_in, unsure])["dont_interrupt"]
    assert len(found.evidence) == 1
    assert in_english(found.reason).endswith("too uncertain to be judged: 1")
    assert verdicts(lines, events=[event("backchannel", 10.0, 10.4)])["dont_interrupt"].verdict == "met"
    spoken = heard(lines, events=[cut_in])
    mono = replace(spoken, separation=replace(spoken.separation, method="diarization"))
    found = next(one for one in judge(mono, settings()).guidance if one.id == "dont_interrupt")
    assert (found.verdict, len(found.evidence)) == ("not_scored", 1)


def account(*, cut_off: bool | None) -> Listening:
    first = FirstAccount(
        start_s=6.5,
        end_s=11.5,
        turns=(1,),
        words=6,
        cut_off=cut_off,
        reason="",
        taken_s=12.0,
        taken_by=None,
        prompts=(),
        interruptions=(),
    )
    return Listening(
        first_account=first,
        long_turns=0,
        long_turn_time_s=0.0,
        long_turn_backchannels=0,
        backchannels_per_min=None,
        backchannels=(),
        longest_agent_turn=None,
        long_agent_turns=(),
        interruptions=0,
        customer_talk_s=5.0,
        interruptions_per_customer_min=0.0,
        not_scored={},
    )


TOLD: list[Said] = [
    ("agent", "Hello.", ""),
    ("customer", "It is broken.", "problem"),
    ("agent", "So.", ""),
]
SURE, UNSURE = 0.9, 0.3


def interruption(confidence: float) -> Event:
    return replace(event("interruption", 10.0, 10.9), confidence=confidence, sure=confidence >= 0.5)


@pytest.mark.parametrize(
    ("cut_off", "confidence", "expected"),
    [
        (False, None, "met"),
        (True, SURE, "missed"),
        (True, UNSURE, "not_scored"),
        (True, None, "not_scored"),
        (None, None, "not_scored"),
    ],
)
def test_the_first_account(cut_off: bool | None, confidence: float | None, expected: Verdict) -> None:
    """The account that was measured decides, in a call about a problem; only a sure interruption blames."""
    found = [] if confidence is None else [interruption(confidence)]
    changes: dict[str, Any] = {"listening": account(cut_off=cut_off), "events": found}
    assert verdicts(TOLD, **changes)["let_them_tell"].verdict == expected
    idle: list[Said] = [(role, text, "") for role, text, _ in TOLD]
    assert verdicts(idle, **changes)["let_them_tell"].verdict == "not_applicable"


@pytest.mark.parametrize("cut_off", [False, True, None])
@pytest.mark.parametrize("confidence", [UNSURE, 0.6, SURE])
def test_who_interrupted_did_not_hear_the_customer_out(cut_off: bool | None, confidence: float) -> None:
    """ "The account ended by itself" and "the agent interrupted" never stand side by side."""
    during = interruption(confidence)
    found = verdicts(TOLD, listening=account(cut_off=cut_off), events=[during])
    interrupted = found["dont_interrupt"].verdict in ("violated", "partly_met")
    assert not (interrupted and found["let_them_tell"].verdict == "met")
    assert not (not interrupted and found["let_them_tell"].verdict == "missed")


def hold(**changes: object) -> Hold:
    made = Hold(
        start_s=30.0,
        end_s=60.0,
        announced=True,
        reason="look at the bill",
        consent=True,
        time_given="a minute",
        thanked=True,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_holds() -> None:
    """A hold while the customer is tense is violated; at other times it depends on how it was done."""
    calm: list[Said] = [("agent", "Hello.", ""), ("customer", "A question about my bill.", "")]
    tense: list[Said] = [*calm, ("agent", "So?", ""), ("customer", "I am furious.", "anger")]
    done = heard(calm)
    for lines, made, expected in (
        (calm, hold(), "met"),
        (calm, hold(consent=False), "partly_met"),
        (tense, hold(), "violated"),
    ):
        spoken = heard(lines)
        call = replace(spoken.measures.call, holds=(made,))
        spoken = replace(spoken, measures=replace(spoken.measures, call=call))
        found = {one.id: one for one in judge(spoken, settings()).guidance}
        assert found["no_hold_or_transfer"].verdict == expected
        assert found["no_dead_air"].verdict == "met"
    assert {one.id: one for one in judge(done, settings()).guidance}[
        "no_hold_or_transfer"
    ].verdict == "not_applicable"


def test_dead_air() -> None:
    """A silence that nothing explains is violated, wherever its cause; ringing before the call is not."""
    lines: list[Said] = [
        ("agent", "Hello.", ""),
        ("customer", "A question.", ""),
        ("agent", "Let me see.", ""),
    ]
    spoken = heard(lines)

    def verdict(*gaps: Gap, holds: tuple[Hold, ...] = ()) -> Verdict:
        call = replace(spoken.measures.call, gaps=gaps, holds=holds)
        changed = replace(spoken, measures=replace(spoken.measures, call=call))
        return next(one.verdict for one in judge(changed, settings()).guidance if one.id == "no_dead_air")

    assert verdict(Gap(start_s=17.0, end_s=30.0, kind="dead_air")) == "violated"
    assert verdict(Gap(start_s=17.0, end_s=30.0, kind="look_up")) == "met"
    assert verdict(holds=(hold(announced=False),)) == "violated"
    assert verdict(holds=(hold(announced=False, start_s=0.0, end_s=0.9),)) == "met"


def test_long_stories_want_an_echo() -> None:
    """Backchannels and a question or paraphrase afterwards each make half of it."""
    lines: list[Said] = [("customer", "A long story.", ""), ("agent", "I see.", ""), ("customer", "Yes.", "")]
    silent = verdicts(lines, lengths_s={0: 12.0})["active_listening"]
    asked = verdicts([lines[0], ("agent", "Since when?", ""), lines[2]], lengths_s={0: 12.0})[
        "active_listening"
    ]
    assert (silent.verdict, asked.verdict, asked.score) == ("missed", "partly_met", 0.5)
    assert verdicts(lines)["active_listening"].verdict == "not_applicable"


# --- what cannot be scored ----------------------------------------------------------------------------


def test_unknown_roles() -> None:
    """Where nobody knows who the agent is, nothing is judged, and every finding says so."""
    lines: list[Said] = [("speaker_1", "Hello.", ""), ("speaker_2", "It is broken.", "problem")]
    found = verdicts(lines)
    assert {finding.verdict for finding in found.values()} == {"not_scored"}
    assert len({finding.reason for finding in found.values()}) == 1


def test_a_language_without_speech_acts() -> None:
    """What is said in an unknown language is not scored; how it is said is."""
    found = verdicts(BAD, language="xx")
    assert found["mindset_no_blame"].verdict == "not_scored"
    assert "no rules for Xx" in in_english(found["mindset_no_blame"].reason)
    assert found["dont_interrupt"].verdict == "met"


def test_a_poor_transcript_misses_nothing() -> None:
    """What was not heard in half of the agent's words may have been said."""
    spoken = heard(BAD)
    agent = spoken.measures.agent
    assert agent is not None
    poor = replace(spoken, measures=replace(spoken.measures, agent=replace(agent, coverage=0.5)))
    found = {one.id: one for one in judge(poor, settings()).guidance}
    assert found["empathy"].verdict == "not_scored"
    assert found["mindset_no_blame"].verdict == "violated"


def test_a_transcript_alone() -> None:
    """Without sound, words decide what they can, and the rest is not scored."""
    spoken = heard(GOOD)
    facts = replace(spoken.facts, sample_rate_hz=0)
    bare = replace(spoken, facts=facts, measures=replace(spoken.measures, agent=None, customer=None))
    found = {one.id: one for one in judge(bare, settings()).guidance}
    acoustic = (
        "talk_slowly",
        "low_tone",
        "dont_interrupt",
        "let_them_tell",
        "active_listening",
        "no_dead_air",
    )
    assert {found[name].verdict for name in acoustic} == {"not_scored"}
    assert found["empathy"].verdict == found["present_solution"].verdict == "met"


def test_a_message_on_a_machine() -> None:
    """Nothing is due to a customer who is not there."""
    found = verdicts(
        [("agent", "This is Robin, we will come on Friday.", "give_name promise explain_next_steps")]
    )
    voice = ("talk_slowly", "low_tone")
    others = {finding.verdict for name, finding in found.items() if name not in voice}
    assert others == {"not_applicable"}
