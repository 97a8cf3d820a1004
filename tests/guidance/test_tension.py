"""Tension is the customer's, rests on words and voice, and voice alone does not make it last."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.guidance.tension import tense_at
from pipeline.records import Tension
from tests.factories import event
from tests.guidance.calls import BAD, GOOD, Said, heard, judged

CALM: Said = ("customer", "I see.", "")
AGENT: Said = ("agent", "Well.", "")


def tension(*said: Said, voices: dict[int, float] | None = None) -> Tension:
    return judged(said, voices=voices).tension


def test_good_and_bad_answers_differ() -> None:
    """Tension falls after an apology and a fix, and holds after blame; each span says what was done."""
    good, bad = judged(GOOD).tension, judged(BAD).tension
    assert [span.outcome for span in good.spans] == ["fell"]
    assert bad.spans[-1].outcome != "fell"
    assert "apology" in str(good.spans[0].agent_response["acts"])
    assert "blame" in str(bad.spans[0].agent_response["acts"])
    assert good.recovery_s is not None
    assert bad.recovery_s is None


def test_words_alone_are_tense() -> None:
    """Strong words need no raised voice."""
    assert tension(AGENT, ("customer", "You idiots.", "abuse")).spans
    assert not tension(AGENT, ("customer", "It is broken.", "problem")).spans


def test_doubtful_words_are_not() -> None:
    """An act that is unsure counts for less."""
    assert not tension(AGENT, ("customer", "Hm.", "~anger")).spans


def test_tension_begins_where_the_complaints_do() -> None:
    """Calling for the third time is not tense by itself, but is where the outburst after it begins."""
    third: Said = ("customer", "This is the third time.", "repeat_contact")
    outburst: Said = ("customer", "This is ridiculous.", "anger")
    assert not tension(AGENT, third, CALM).spans
    (span,) = tension(AGENT, third, CALM, outburst).spans
    assert span.start_s < 10
    (late,) = tension(AGENT, third, CALM, CALM, outburst).spans
    assert late.start_s > 20
    plain: Said = ("customer", "It is broken.", "problem")
    (alone,) = tension(AGENT, plain, outburst).spans
    assert alone.start_s > 10


def test_voice_supports_words() -> None:
    """A raised voice makes a plain complaint tense, and a happy exclamation not."""
    complaint: Said = ("customer", "It is broken.", "problem")
    assert tension(AGENT, complaint, voices={1: 1.6}).spans
    assert not tension(AGENT, complaint, voices={1: 1.4}).spans
    assert not tension(AGENT, CALM, voices={1: 2.9}).spans


def test_voice_alone_is_brief() -> None:
    """Very high twice in three turns is a span, unless it goes on: happy voices are loud and high too."""
    lines = [AGENT, CALM] * 6
    assert tension(*lines, voices={1: 2.5, 5: 2.5}).spans
    assert not tension(*lines, voices=dict.fromkeys((1, 3, 5, 7, 9, 11), 2.5)).spans


def test_voice_never_reaches_the_level_of_words() -> None:
    """The curve of a loud and friendly call stays at most half way up."""
    found = tension(*[AGENT, CALM] * 3, voices=dict.fromkeys((1, 3, 5), 3.0))
    assert max(point.level for point in found.curve) <= 0.5


def test_interruptions_in_the_response() -> None:
    """What the agent did within 30 s counts interruptions too."""
    lines: list[Said] = [AGENT, ("customer", "I am furious.", "anger"), AGENT, CALM]
    spans = judged(lines, events=[event("interruption", 11.0, 11.9)]).tension.spans
    assert [span.agent_response["interruptions"] for span in spans] == [1.0]


def test_a_trend_needs_turns() -> None:
    """Eight turns of the customer at least; a rising call rises, within its interval."""
    assert tension(*[AGENT, CALM] * 7).trend_per_min is None
    acts = ("", "", "", "problem", "problem", "repeat_contact", "not_solved", "anger", "anger", "abuse")
    found = tension(*[line for name in acts for line in (AGENT, ("customer", "So.", name))])
    assert found.trend_per_min is not None
    assert found.trend_low_per_min is not None
    assert 0 < found.trend_low_per_min <= found.trend_per_min


@given(
    st.lists(
        st.sampled_from(["", "anger", "problem", "abuse", "confirm_solved", "~anger anger"]), max_size=12
    )
)
def test_bounds(acts: list[str]) -> None:
    """Levels lie in 0..1; spans are in order, apart, and hold their peak."""
    found = tension(*[line for name in acts for line in (AGENT, ("customer", "So.", name))])
    assert all(0 <= point.level <= 1 for point in found.curve)
    assert [span.start_s for span in found.spans] == sorted(span.start_s for span in found.spans)
    for before, after in zip(found.spans, found.spans[1:], strict=False):
        assert before.end_s <= after.start_s
    for span in found.spans:
        inside = [p.level for p in found.curve if span.start_s <= p.t_s <= span.end_s]
        assert span.peak == pytest.approx(max(inside))
        assert tense_at(found, (span.start_s, span.end_s))


def test_never_of_the_agent() -> None:
    """An angry agent has no tension: only what is said and measured is reported of agents."""
    assert not tension(("agent", "I am furious.", "anger abuse"), CALM).spans


def test_no_customer() -> None:
    """Without turns of the customer there is no curve, and the reason is given."""
    assert heard([AGENT]).measures.customer is None
    assert tension(AGENT).not_scored
    assert not np.any([point.level for point in tension(AGENT).curve])
