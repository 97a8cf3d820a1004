"""Who the agent is, by what was said."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Role, Turn
from pipeline.settings import CONFIG_DIR
from pipeline.speakers.roles import RoleGuess, assign_roles, load_role_cues
from tests import factories
from tests.speakers.dialogues import OTHER, Dialogue, split, spoken_by, turns_of, written

SETTINGS = factories.settings().speakers
TRAIN, TEST = split()
PARTIES: dict[Role, Role] = {"agent": "speaker_2", "customer": "speaker_1"}


def guess(turns: Sequence[Turn], language: str = "en") -> RoleGuess:
    return assign_roles(turns, language, SETTINGS)


def test_the_dialogues_are_many_and_varied() -> None:
    """Weights rest on sixty dialogues of every awkward kind, none of which is in both parts."""
    traits = [trait for each in written() for trait in each.traits]
    assert len(written()) >= 60
    for trait in ("inbound", "outbound", "partial", "rude", "recogniser", "professional", "customer_first"):
        assert traits.count(trait) >= 5, trait
    assert traits.count("voicemail") >= 3
    assert not {each.name for each in TRAIN} & {each.name for each in TEST}


@pytest.mark.parametrize("dialogue", TEST, ids=lambda each: each.name)
def test_the_agent_of_dialogues_that_no_weight_was_fitted_on(dialogue: Dialogue) -> None:
    """Each whole dialogue of the test part is right, under neutral names and in either order of them."""
    found = guess(spoken_by(dialogue.turns, PARTIES))
    assert found.agent == "speaker_2"
    assert guess(dialogue.turns).agent == "agent"


def test_parts_of_calls_are_rarely_wrong() -> None:
    """Of all stretches of two to ten turns of the test part, 85% are told, and 99% of these rightly."""
    found = [guess(part).agent for each in TEST for part in each.parts()]
    told = [agent for agent in found if agent is not None]
    assert len(told) >= 0.85 * len(found)
    assert told.count("agent") >= 0.99 * len(told)


@given(st.sampled_from(written()), st.data())
def test_exchanging_the_speakers_exchanges_the_answer(dialogue: Dialogue, data: st.DataObject) -> None:
    """Nothing depends on which name a voice was given."""
    first = data.draw(st.integers(0, len(dialogue.turns) - 1))
    part = dialogue.turns[first : data.draw(st.integers(first + 1, len(dialogue.turns)))]
    one, other = guess(part), guess(spoken_by(part, OTHER))
    assert one.confidence == pytest.approx(other.confidence)
    assert other.agent == (OTHER[one.agent] if one.agent else None)


def test_a_few_words_tell_nothing() -> None:
    """Without cues nobody is the agent, and the confidence says so."""
    found = guess(turns_of("A: Hello.\nC: Hello.\nA: Yes.\nC: Okay."))
    assert found.agent is None
    assert 0.5 <= found.confidence < SETTINGS.role_confidence_min
    assert guess(()) == RoleGuess(agent=None, confidence=0.5, cues=())


def test_one_voice_alone_can_be_told() -> None:
    """A message on an answering machine is the agent's, and a customer alone is not the agent."""
    message = turns_of("A: Hello, this is a message for Ann. I'm calling from Swiftpost about your parcel.")
    assert guess(spoken_by(message, {"agent": "speaker_1"})).agent == "speaker_1"
    complaint = turns_of("C: My box is broken and my internet doesn't work, I want my money back.")
    assert guess(spoken_by(complaint, {"customer": "speaker_1"})).agent == "speaker_2"


def test_cues_show_what_they_rest_on() -> None:
    """Each cue names its turn and quotes the words around it; the strongest is one of the agent's."""
    turns = turns_of("C: Hi, my router is dead.\nA: I'm sorry to hear that, may I have your account number?")
    found = guess(turns)
    strongest = found.strongest()
    assert strongest is not None
    assert (strongest.speaker, strongest.turn) == ("agent", 1)
    own = [cue for cue in found.cues if cue.id == "speaks_of_my_things"]
    assert [(cue.speaker, cue.turn, cue.quote) for cue in own] == [("customer", 0, "Hi, my router is dead.")]
    assert own[0].weight < 0
    assert all(cue.quote in turns[cue.turn].text for cue in found.cues)


def test_exceptions_and_numbers_are_heeded() -> None:
    """`my name` is no possession of a customer, and figures read out count in digits and in words."""
    found = guess(turns_of("A: My name is Jo.\nC: It's 4 4 1.\nC: It's two nine oh."))
    kinds = [cue.id for cue in found.cues]
    assert "speaks_of_my_things" not in kinds
    assert kinds.count("gives_number") == 2


def test_a_language_without_cues_is_not_guessed_at() -> None:
    """English phrases say nothing about a Spanish call."""
    assert not (CONFIG_DIR / "roles.es.yaml").exists()
    assert guess(TEST[0].turns, "es") == RoleGuess(agent=None, confidence=0.5, cues=())


def test_weights_keep_to_their_sections() -> None:
    """What stands under `customer` never speaks for the agent, whatever was fitted."""
    known = load_role_cues("en")
    assert known is not None
    assert all(each.weight >= 0 for each in known.phrases)
    assert {each.sign for each in known.phrases} == {1.0, -1.0}


def test_mixed_names_are_refused() -> None:
    """A call has either roles or numbered speakers."""
    mixed = spoken_by(TEST[0].turns, {"agent": "agent", "customer": "speaker_1"})
    with pytest.raises(ValueError, match="no pair"):
        guess(mixed)
