"""What reports say is so: evidence shows what is said of it, advice fits what happened, facts agree."""

from dataclasses import replace

import pytest

from pipeline.coaching import WAYS
from pipeline.guidance.acts import find_acts
from pipeline.guidance.config import load_guidance
from pipeline.guidance.judge import Heard, Judgment, judge
from pipeline.records import Finding, Gap, Hold
from pipeline.texts import load_texts
from tests.factories import in_english, settings
from tests.guidance.calls import Said, heard, judged

ENGLISH = load_texts("en")
GUIDANCE = load_guidance()
PHRASES_ALONE = settings("acts.meaning=false")
BROKEN: Said = ("customer", "The heater in my flat has been cold since Monday and nobody came.", "problem")


def found(judgment: Judgment, check: str) -> Finding:
    return next(one for one in judgment.guidance if one.id == check)


def by_words(*lines: tuple[str, str]) -> Heard:
    """A call whose acts the phrases of the product find."""
    spoken = heard([(who, text, "") for who, text in lines])  # type: ignore[misc]
    return replace(spoken, acts=find_acts(spoken.turns, "en", PHRASES_ALONE).acts)


# --- new acts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("refuse_supervisor", "My manager would just tell you the same."),
        ("refuse_supervisor", "I'm not going to put you through to a supervisor."),
        ("refuse_supervisor", "There's no team leader available for you."),
        ("dead_end", "Well, there is nothing else we can do about that."),
        ("dead_end", "I can't help you any further."),
        ("vague_promise", "I'll leave him a note."),
        ("vague_promise", "Somebody will get back to you."),
    ],
)
def test_what_ends_a_matter_is_found(act: str, said: str) -> None:
    """A refused supervisor, a dead end and a promise without a time are found by their words."""
    assert act in {one.id for one in by_words(("agent", said)).acts}


@pytest.mark.parametrize(
    "said",
    [
        "Is there anything else I can do for you?",
        "If there is nothing else I can do for you today, have a good evening.",
        "I can put you through to my supervisor.",
        "My manager can tell you more about it.",
        "Let me see what we can do about that.",
    ],
)
def test_a_friendly_sentence_refuses_nobody(said: str) -> None:
    """Ordinary sentences with the same words are no dead end and no refusal."""
    acts = {one.id for one in by_words(("agent", said)).acts}
    assert not acts & {"refuse_supervisor", "dead_end", "vague_promise"}


# --- the gravest first --------------------------------------------------------------------------------


def test_a_refused_supervisor_comes_first_and_is_not_praised() -> None:
    """The refusal is the first thing to change, and its sentence explains no next step."""
    call = by_words(
        ("customer", "My heater is broken and this is the third time I'm calling about it."),
        ("agent", "As I said, it is on the list."),
        ("customer", "Let me speak to your supervisor."),
        ("agent", "He will only tell you the same thing."),
    )
    judgment = judge(call, settings())
    assert found(judgment, "no_refused_supervisor").verdict == "violated"
    first = judgment.coaching.change[0]
    assert (first.check, first.quote) == ("no_refused_supervisor", "He will only tell you the same thing.")
    assert found(judgment, "explain_next_steps").verdict != "met"


def test_a_wish_for_a_supervisor_that_is_taken_up_is_met() -> None:
    """A call-back by the supervisor is no refusal; where neither was heard, nothing is said."""
    asked: Said = ("customer", "I want a supervisor.", "ask_supervisor")
    offered: Said = ("agent", "She can call you at three.", "offer_alternative")
    assert found(judged([BROKEN, asked, offered]), "no_refused_supervisor").verdict == "met"
    silent = found(judged([BROKEN, asked, ("agent", "Hm.", "")]), "no_refused_supervisor")
    assert silent.verdict == "not_scored"


def test_a_dead_end_is_no_next_step() -> None:
    """A sentence that ends the matter explains no step, whatever else it sounds like."""
    said = "There is nothing more I can do on Monday."
    lines: list[Said] = [BROKEN, ("agent", said, "dead_end explain_next_steps present_solution")]
    judgment = judged(lines)
    assert found(judgment, "no_dead_end").verdict == "violated"
    assert found(judgment, "explain_next_steps").verdict == "missed"
    way: Said = ("agent", said, "dead_end")
    on: list[Said] = [BROKEN, way]
    spoken = heard(on)
    offer = replace(spoken.acts[-1], id="offer_alternative", start_s=spoken.acts[-1].end_s - 1)
    with_way = judge(replace(spoken, acts=(*spoken.acts, offer)), settings())
    assert found(with_way, "no_dead_end").verdict == "met"


def test_a_card_number_read_out() -> None:
    """A number that the agent says is read out; one that the customer says is not."""
    own: Said = ("customer", "It is [CARD_NUMBER].", "")
    assert found(judged([BROKEN, own, ("agent", "Thank you.", "")]), "no_secret_read_out").verdict == "met"
    read = judged([BROKEN, own, ("agent", "So that's [CARD_NUMBER]?", "")])
    assert found(read, "no_secret_read_out").verdict == "violated"
    assert "no_secret_read_out" in {point.check for point in read.coaching.change}
    nothing = judged([BROKEN, ("agent", "Thank you.", "")])
    assert found(nothing, "no_secret_read_out").verdict == "not_applicable"


def test_dead_air_quotes_who_broke_it() -> None:
    """A silence is shown by the words that ended it, not by the unrelated ones before it."""
    spoken = heard([BROKEN, ("agent", "That's not it.", ""), ("customer", "Hello, is anybody there?", "")])
    gap = Gap(start_s=11.0, end_s=11.9, kind="dead_air", before=None)
    call = replace(spoken.measures.call, gaps=(gap,))
    silence = found(
        judge(replace(spoken, measures=replace(spoken.measures, call=call)), settings()), "no_dead_air"
    )
    assert (silence.verdict, silence.evidence[0].quote) == ("violated", "Hello, is anybody there?")


# --- advice fits what happened ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Please settle down.", "calm_down"),
        ("You should have read the letter.", "should_have"),
        ("Like I said, that is our policy.", "policy"),
        ("That is not our fault.", "not_our_fault"),
    ],
)
def test_advice_on_blame_is_worded_by_the_phrase(said: str, kind: str) -> None:
    """Each family of blame has its own words: nobody is told about "calm down" for a rule."""
    call = by_words(("customer", "My heater is broken."), ("agent", said))
    sure = tuple(replace(act, sure=True, confidence=0.95) for act in call.acts)
    judgment = judge(replace(call, acts=sure), settings())
    point = judgment.coaching.change[0]
    assert point.check == "mindset_no_blame"
    assert in_english(point.title) == ENGLISH(f"advice.mindset_no_blame.change.of.{kind}.title")


def test_every_way_has_words() -> None:
    """Ways with words of their own are in the texts, and no others are."""
    for check in GUIDANCE.checks:
        for kind in ("keep", "change"):
            ways = WAYS.get((check, kind), frozenset())
            group = f"advice.{check}.{kind}.of"
            assert set(ENGLISH.keys(group)) == ways, group
            for way in ways:
                assert all(ENGLISH.find(f"{group}.{way}.{part}") for part in ("title", "why", "try_this"))


def test_what_was_done_is_not_advised() -> None:
    """Nobody is told to say the problem back who asked "is that right?", or to check back on what works."""
    lines: list[Said] = [
        BROKEN,
        ("agent", "Cold since Monday, is that right?", "confirmation"),
        ("agent", "I can send a fitter.", "present_solution"),
        ("customer", "It works again.", "confirm_solved"),
    ]
    assert not {"restate_concern", "follow_up"} & {point.check for point in judged(lines).coaching.change}


def test_a_short_account_is_no_room_given() -> None:
    """An account of a few seconds is not praised as a story heard out."""
    assert "let_them_tell" not in {point.check for point in judged([BROKEN]).coaching.keep}


def test_an_unsure_moment_is_not_shown_as_praise() -> None:
    """What is only likely counts, but is not held up as an example."""
    lines: list[Said] = [BROKEN, ("agent", "I can send a fitter.", "present_solution")]
    spoken = heard(lines)
    doubtful = tuple(
        replace(act, confidence=0.7) if act.id == "present_solution" else act for act in spoken.acts
    )
    kept = judge(replace(spoken, acts=doubtful), settings()).coaching.keep
    assert "present_solution" in {point.check for point in judged(lines).coaching.keep}
    assert "present_solution" not in {point.check for point in kept}


# --- one fact, one source -----------------------------------------------------------------------------


def test_a_restated_concern_is_one_fact() -> None:
    """Where the check says that nothing was repeated, the tension names no repetition either."""
    angry: Said = ("customer", "This is a disgrace.", "anger problem")
    lines: list[Said] = [angry, ("agent", "Blue is a fine color.", "restate_concern")]
    judgment = judged(lines)
    assert found(judgment, "restate_concern").verdict == "missed"
    assert judgment.tension.spans
    assert all("restate_concern" not in str(span.agent_response["acts"]) for span in judgment.tension.spans)


def test_a_transfer_is_one_however_often_it_is_announced() -> None:
    """Two sentences about it hand the customer on once."""
    lines: list[Said] = [
        BROKEN,
        ("agent", "I'll transfer you now.", "announce_transfer promise"),
        ("agent", "Connecting you.", "announce_transfer"),
    ]
    judgment = judged(lines)
    assert [(one.id, one.count) for one in judgment.effort.signals if one.id == "transferred"] == [
        ("transferred", 1)
    ]
    assert judgment.promises == ()


def test_a_vague_promise_is_a_promise() -> None:
    """A note for somebody is a promise without a time, not none."""
    judgment = judged([BROKEN, ("agent", "I'll leave her a note.", "vague_promise")])
    assert [(one.who, one.when) for one in judgment.promises] == [("agent", None)]
    assert found(judgment, "promises_kept_track").verdict == "missed"


def test_what_happens_by_itself_is_no_promise() -> None:
    """Only a sentence in which somebody will do something is a promise by its meaning alone."""
    spoken = heard([BROKEN, ("agent", "The light will turn green in an hour.", "promise")])
    meant = tuple(replace(act, layer="meaning") for act in spoken.acts)
    assert judge(replace(spoken, acts=meant), settings()).promises == ()
    assert len(judge(spoken, settings()).promises) == 1


def test_a_doubtful_earlier_remedy_makes_no_late_one() -> None:
    """Where a remedy was perhaps named sooner, none is called late, in the check and in the effort."""
    wait: list[Said] = [("agent", "Hm.", ""), ("customer", "Yes.", "")] * 14
    fix: Said = ("agent", "I can send a fitter.", "present_solution")
    late = judged([BROKEN, *wait, fix])
    assert found(late, "remedy_quickly").verdict == "missed"
    assert "long_time_to_remedy" in {one.id for one in late.effort.signals}
    perhaps = judged([BROKEN, ("agent", "Turn the valve.", "~present_solution"), *wait, fix])
    assert found(perhaps, "remedy_quickly").verdict == "not_scored"
    assert "long_time_to_remedy" not in {one.id for one in perhaps.effort.signals}


def test_a_share_is_said_the_same_everywhere() -> None:
    """71.49% is 71.5% in the file: said at once or from there, it is one percentage."""
    assert ENGLISH.percent(0.7149) == ENGLISH.percent(0.715) == ENGLISH("summary.share", share=0.7149)[4:7]


def test_a_teach_back_is_not_nobody_asking() -> None:
    """Where the customer says back what was agreed, it is not said that nobody asked anything."""
    lines: list[Said] = [
        BROKEN,
        ("agent", "So what will you do first?", "confirm_understanding"),
        ("customer", "Open the valve.", ""),
    ]
    assert found(judged(lines), "problem_solved").reason.startswith("<why.clear_checked")


def test_an_unannounced_hold_quotes_nothing_unrelated() -> None:
    """What was said before a hold that nobody announced does not show the hold."""
    spoken = heard([BROKEN, ("agent", "Nobody told you that.", "")])
    hold = Hold(start_s=12.0, end_s=30.0, announced=False, reason=None, consent=None)
    call = replace(spoken.measures.call, holds=(hold,))
    judgment = judge(replace(spoken, measures=replace(spoken.measures, call=call)), settings())
    assert [one.quote for one in found(judgment, "no_hold_or_transfer").evidence] == [""]


# --- messages -----------------------------------------------------------------------------------------


def test_a_message_is_judged_as_one() -> None:
    """Name, reason, way back and next step make a whole message; what is lacking is named."""
    text = (
        "Hello, this is a message for Mrs. Brandt. My name is Olaf and I'm calling about the lamp that you "
        "ordered. It will be here on Tuesday. You can reach me at extension twelve."
    )
    whole: Said = ("agent", text, "give_name give_contact explain_next_steps")
    judgment = judged([whole])
    assert judgment.call_kind is not None
    assert judgment.call_kind.kind == "voicemail"
    assert found(judgment, "leave_message").verdict == "met"
    lacking = found(judged([("agent", text, "give_name")]), "leave_message")
    assert lacking.verdict == "partly_met"
    assert in_english(lacking.reason) == "not heard in the message: way back, next step"


def test_asking_leave_checks_no_understanding() -> None:
    """ "Is that okay?" asks for leave: nothing was understood or confirmed by it."""
    lines: list[Said] = [BROKEN, ("agent", "I'll open your file, is that okay?", "confirmation")]
    assert found(judged(lines), "confirmation").verdict == "missed"


def test_an_opening_question_invites() -> None:
    """Whoever asks "how can I help?" is not told to ask what happened."""
    lines: list[Said] = [("agent", "Harbor Water, how can I help?", ""), BROKEN, ("agent", "I see.", "")]
    assert found(judged(lines), "invite_story").verdict == "met"


# --- read in reports of ordinary calls ----------------------------------------------------------------


def test_a_step_is_shown_once_and_one_with_a_time_first() -> None:
    """A sentence that is a step, a promise and a follow-up at once is one moment."""
    plain: Said = ("agent", "The filter is taken out before that.", "explain_next_steps")
    timed: Said = ("agent", "I will ring you on Monday at 3.", "explain_next_steps promise follow_up")
    steps = [found(judged([BROKEN, one]), "explain_next_steps") for one in (timed, plain)]
    assert [one.quote for one in steps[0].evidence] == [timed[1]]
    assert steps[1].verdict == "partly_met"


@pytest.mark.parametrize(
    "said", ["There is a second heater in the hall.", "Take a second blanket for now, dear."]
)
def test_a_second_one_is_no_time(said: str) -> None:
    """An ordinal is not the length of a moment."""
    call = judged([BROKEN, ("agent", said, "explain_next_steps")])
    assert found(call, "explain_next_steps").reason.key == "why.steps_untimed"  # type: ignore[attr-defined]


def test_how_long_a_fix_took_is_not_said_where_one_was_perhaps_begun_before() -> None:
    """Seconds up to a fix are told only where nothing before it may have been one."""
    perhaps: Said = ("agent", "Turn the left valve until it clicks.", "~explain_next_steps apology")
    fix: Said = ("agent", "I am sending you a new valve.", "present_solution")
    reasons = [
        found(judged([BROKEN, first, fix]), "no_premature_solution").reason.key  # type: ignore[attr-defined]
        for first in (perhaps, ("agent", "I am sorry about that.", "apology"))
    ]
    assert reasons == ["why.no_fix_early", "why.fix_after"]


def test_a_call_is_not_called_open_where_something_was_perhaps_done() -> None:
    """Neither a verdict nor the effort says that nothing was done, where perhaps something was."""
    saved: Said = ("agent", "Now the new thermostat is entered.", "~present_solution")
    nothing: Said = ("agent", "I have written it down.", "")
    for said, verdict, signs in ((saved, "not_scored", 0), (nothing, "partly_met", 1)):
        call = judged([BROKEN, said, ("customer", "Very kind of you.", "")])
        assert found(call, "solve_not_speed").verdict == verdict
        assert sum(sign.id == "unresolved" for sign in call.effort.signals) == signs


def test_what_is_only_supposed_explains_nothing() -> None:
    """A condition is no account of what happened, unless a phrase shows one."""
    call = heard(
        [BROKEN, ("agent", "If the cold came from us, we will pay for the blankets.", "explain_cause")]
    )
    meant = tuple(replace(act, layer="meaning") if act.id == "explain_cause" else act for act in call.acts)
    assert (
        found(judge(replace(call, acts=meant), settings()), "explain_what_happened").verdict == "not_scored"
    )


def test_why_a_customer_called_is_what_they_say_first() -> None:
    """A wish that comes up later in the call is not given as its reason."""
    later = by_words(
        ("customer", "Do you have the blue one?"),
        ("agent", "We have two of them."),
        ("customer", "And in green?"),
        ("agent", "Sorry, no."),
        ("customer", "And how long is it?"),
        ("agent", "Two meters."),
        ("customer", "Then I would like to order the blue one."),
    )
    first = by_words(("customer", "I would like to order the blue one."), ("agent", "With pleasure."))
    assert judge(later, settings()).headline.about is None
    assert judge(first, settings()).headline.about == "I would like to order the blue one."


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("next_issue", "They have one left, is that something you might want?"),
        ("next_issue", "They have a small one that is something you might like."),
        ("present_solution", "I am sending you the receipt tonight."),
        ("present_solution", "I am sending it in writing as well."),
    ],
)
def test_an_offer_or_a_receipt_is_not_taken_for_more(act: str, said: str) -> None:
    """No outlook is heard in an offer, and no remedy in a paper about it."""
    assert act not in {one.id for one in by_words(("agent", said)).acts}


def test_a_habit_is_no_promise() -> None:
    """What somebody usually drinks is promised to nobody."""
    assert "promise" not in {
        one.id for one in by_words(("customer", "I'll have a glass of cider on Sundays.")).acts
    }


def test_it_was_to_be_put_elsewhere_is_blame() -> None:
    """What the customer should have put elsewhere is told them as their fault."""
    assert "blame" in {
        one.id for one in by_words(("agent", "You should have put the heater by the door.")).acts
    }
