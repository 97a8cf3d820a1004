"""Speech acts found in what was said, by phrases and by the real model of meaning."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import language_files
from pipeline.errors import SettingsError
from pipeline.guidance import speech_acts
from pipeline.guidance.acts import FoundActs, find_acts, sure_from
from pipeline.guidance.meaning import (
    INPUTS,
    Certainty,
    Network,
    WeightsFile,
    examples_sha256,
    load_weights,
    meaning_of,
    packed,
)
from pipeline.guidance.speech_acts import load_speech_acts, speech_acts_sha256, weights_path
from pipeline.records import Role, Turn, Word
from pipeline.settings import load_settings
from pipeline.texts import Text
from tests.benchmarks.natural import sentences_sha256
from tests.benchmarks.speech_acts import TEST_SHARE, as_turns, grouped, labeled
from tests.dialogue import SETTINGS, Units, floor, talk
from tests.factories import in_english

ACTS = load_speech_acts("en")
BY_PHRASES = load_settings(assignments=["acts.meaning=false"])


def found(*texts: str, role: Role = "agent") -> list[set[str]]:
    """The acts of each text, by phrases alone."""
    acts = find_acts(as_turns(texts, role), "en", BY_PHRASES).acts
    return [{act.id for act in acts if act.turn == turn} for turn in range(len(texts))]


# --- phrases ------------------------------------------------------------------------------------------


def test_negated_phrases_do_not_count() -> None:
    """Protects agents from thanks and blame for what they did not say."""
    assert found("I'm very sorry about that.", "I'm not sorry.") == [{"apology"}, set()]


def test_questions_count_as_each_act_says() -> None:
    """Protects against taking a question for the act that it asks about."""
    assert "confirmation" in found("Did I get that right?")[0]
    assert "confirmation" not in found("I did get that right.")[0]


def test_an_act_is_done_by_those_who_can_do_it() -> None:
    """Protects the agent from the customer's sentences, and the other way round."""
    assert found("I'm so sorry.", role="customer") == [set()]
    assert "ask_supervisor" in found("Let me speak to your supervisor.", role="customer")[0]
    assert "ask_supervisor" not in found("Let me speak to your supervisor.", role="agent")[0]


def test_an_act_has_the_sentence_and_its_times() -> None:
    """Protects evidence: an act points to one sentence of its turn."""
    (act,) = find_acts(as_turns(["Hello. I'm so sorry. Bye."], "agent"), "en", BY_PHRASES).acts
    assert (act.quote, act.layer, act.turn) == ("I'm so sorry.", "phrase", 0)
    assert 0 < act.start_s < act.end_s < 2.1


def test_uncertain_acts_are_left_out() -> None:
    """Protects the setting acts.listed_confidence."""
    strict = load_settings(
        assignments=[
            "acts.meaning=false",
            "acts.listed_confidence=1.0",
            "acts.accusing_listed_confidence=1.0",
        ]
    )
    assert find_acts(as_turns(["I'm so sorry."], "agent"), "en", strict).acts == ()


def test_a_word_or_two_mean_nothing_by_themselves() -> None:
    """Protects callers from an insult that was "You did." and thanks that were a solution."""
    turns = as_turns(["You did.", "But you,", "Thank you."], "customer")
    assert find_acts(turns, "en", SETTINGS).acts == ()


@pytest.mark.parametrize(("probability", "sure"), [(0.9, True), (0.71, True), (0.69, False), (0.2, False)])
def test_nothing_is_sure_of_words_that_were_hardly_heard(probability: float, sure: bool) -> None:
    """Protects both from what a recognizer made up: "Like I said" at .6 is nobody's repeated information."""
    (one,) = as_turns(["I'm so sorry."], "agent")
    words = tuple(
        Word(word=word, start_s=0.3 * at, end_s=0.3 * at + 0.3, probability=probability)
        for at, word in enumerate(one.text.split())
    )
    (act,) = find_acts([replace(one, words=words)], "en", BY_PHRASES).acts
    assert (act.id, act.sure) == ("apology", sure)


# --- when there are none ------------------------------------------------------------------------------


def test_unknown_roles_have_no_acts_and_a_reason() -> None:
    """Protects speakers from a verdict on what the other said."""
    turns = as_turns(["I'm so sorry.", "This is ridiculous."], "speaker_1")
    assert find_acts(turns, "en", SETTINGS) == FoundActs(not_scored=Text("unmeasured.roles_unknown"))


def test_a_language_without_a_file_has_no_acts_and_a_reason() -> None:
    """Protects calls in other languages from English patterns."""
    result = find_acts(as_turns(["I'm so sorry."], "agent"), "tlh", SETTINGS)
    assert result.acts == ()
    assert in_english(result.not_scored or "") == "there are no phrases for Tlh"
    assert speech_acts_sha256("tlh") is None


# --- meaning ------------------------------------------------------------------------------------------

PARAPHRASES = [
    "We'll see that the money goes back on your card by Friday.",
    "What a dreadful day you've had.",
]


def test_meaning_finds_what_no_phrase_says() -> None:
    """Protects the second layer: it finds more, says that it did, and seldom denies what a phrase found."""
    texts = sorted({each.text for each in labeled() if each.positive})[::40]
    turns = as_turns(texts, "agent")
    both, alone = find_acts(turns, "en", SETTINGS), find_acts(turns, "en", BY_PHRASES)
    assert both.model is not None
    assert len(both.acts) > len(alone.acts) > 0
    assert {act.layer for act in both.acts} == {"phrase", "meaning"}
    key = {(act.turn, act.start_s, act.id) for act in both.acts}
    denied = {(act.turn, act.start_s, act.id) for act in alone.acts} - key
    assert len(denied) < len(alone.acts) / 20
    assert len(key) == len(both.acts)


def test_the_same_turns_give_the_same_acts() -> None:
    """Protects repeatability."""
    turns = as_turns(PARAPHRASES, "agent")
    assert find_acts(turns, "en", SETTINGS) == find_acts(turns, "en", SETTINGS)


@given(talk())
@settings(max_examples=20, deadline=None)
def test_acts_are_in_time_order_and_quote_their_turn(units: Units) -> None:
    """Protects evidence on any talk: quotes are in the turn, times are in it, confidence is one."""
    turns: dict[int, Turn] = {turn.turn: turn for turn in floor(units).turns}
    acts = find_acts(list(turns.values()), "en", SETTINGS).acts
    assert [act.start_s for act in acts] == sorted(act.start_s for act in acts)
    for act in acts:
        assert act.quote in turns[act.turn].text
        assert turns[act.turn].start_s <= act.start_s <= act.end_s <= turns[act.turn].end_s
        assert SETTINGS.acts.accusing_listed_confidence <= act.confidence <= 1


# --- the files ----------------------------------------------------------------------------------------


def test_weights_belong_to_the_sentences_and_examples() -> None:
    """Protects against a change of sentences or examples without `make fit`."""
    stored = load_weights("en")
    assert stored is not None
    file, _ = stored
    assert file.sentences_sha256 == sentences_sha256()
    assert file.examples_sha256 == examples_sha256(ACTS)
    assert set(file.acts) == {each.act for each in labeled()}


def test_every_act_is_labeled_in_both_ways() -> None:
    """Protects the figures: forty sentences of each kind, no sentence of both kinds."""
    for name in {each.act for each in labeled()}:
        own = [each for each in labeled() if each.act == name]
        yes = {each.text for each in own if each.positive}
        no = {each.text for each in own if not each.positive}
        assert min(len(yes), len(no)) >= 40
        assert not yes & no


def test_alike_sentences_are_on_one_side() -> None:
    """Protects the test part from sentences that were learned with a word changed."""
    some = grouped(each.text for each in labeled() if each.act in ("apology", "blame", "empathy"))
    assert len(set(some.values())) < len(some)
    twins = grouped(["I am so sorry about the long wait today.", "I am so sorry about the long wait, today."])
    assert len(twins) == 2
    assert len(set(twins.values())) == 1
    share = sum(group % TEST_SHARE == 0 for group in some.values()) / len(some)
    assert 0.25 < share < 0.42


@pytest.fixture
def copies(tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The files of English under the language code xx, in a folder of their own."""
    for path in (speech_acts.acts_path("en"), weights_path("en")):
        copy = tmp_path / path.name.replace(".en.", ".xx.")  # type: ignore[operator]
        copy.write_bytes(path.read_bytes())
    for module in (speech_acts, language_files):
        monkeypatch.setattr(module, "CONFIG_DIR", tmp_path)
    yield
    load_speech_acts.cache_clear()
    load_weights.cache_clear()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("by: agent", "by: nobody"), "speech_acts.xx.yaml: acts.give_name.by"),
        (("overlaps: [give_contact]", "overlaps: [gift]"), "acts that there are not: gift"),
        (("- my names", "- (my names"), "check its brackets"),
        (("- my names", "- <mine> names"), "no group 'mine'"),
        (("acts:", "acts: ["), "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_place(copies: None, change: tuple[str, str], says: str) -> None:
    """Protects coaches who edit the file."""
    path = speech_acts.acts_path("xx")
    path.write_text(path.read_text().replace(*change, 1))
    with pytest.raises(SettingsError) as refusal:
        load_speech_acts("xx")
    assert says in str(refusal.value)


def test_phrases_take_effect_without_a_fit_and_examples_ask_for_one(copies: None) -> None:
    """Protects coaches: a phrase works at once; an example that was not learned is not passed over."""
    path, stored = speech_acts.acts_path("xx"), load_weights("xx")
    assert stored is not None
    file, network = stored
    path.write_text(path.read_text().replace("- my names", "- the folks call me", 1))
    before = speech_acts_sha256("en")
    turns = as_turns(["The folks call me Al."], "agent")
    acts = load_speech_acts("xx")
    assert acts.has_phrase(acts.acts["give_name"], turns[0].text, question=False, reach_words=3)
    assert meaning_of(acts, file, network, file.model_sha256).acts == tuple(file.acts)
    assert speech_acts_sha256("xx") != before
    with pytest.raises(SettingsError, match="other model weights"):
        meaning_of(acts, file, network, "0" * 64)
    load_speech_acts.cache_clear()
    path.write_text(path.read_text().replace("My name is Joanna", "My name is Joan", 1))
    with pytest.raises(SettingsError, match="make fit"):
        meaning_of(load_speech_acts("xx"), file, network, file.model_sha256)


def small_network(grams: int = 2, acts: int = 1) -> Network:
    rng = np.random.default_rng(0)
    shapes = {
        "hidden": (INPUTS, 3),
        "hidden_grams": (grams, 3),
        "hidden_bias": (3,),
        "output": (3, acts),
        "direct": (INPUTS, acts),
        "bias": (acts,),
    }
    return Network(**{name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()})


CERTAIN = Certainty(offset=-1.0, slope=0.8, phrase=2.0, phrase_precision=0.9)


def test_packed_weights_keep_their_value(copies: None) -> None:
    """Protects the fit from its storage: half floats, and runs of words as scaled signed bytes."""
    file = WeightsFile(
        model="m",
        model_sha256="1",
        examples_sha256="2",
        sentences_sha256="3",
        grams=("a", "b"),
        acts={"x": CERTAIN},
    )
    network = small_network()
    weights_path("xx").write_bytes(packed(file, network))
    stored = load_weights("xx")
    assert stored is not None
    assert stored[0] == file
    for name in ("hidden", "hidden_grams", "output", "direct", "bias"):
        assert getattr(stored[1], name) == pytest.approx(getattr(network, name), abs=0.03)


def test_damaged_weights_are_refused(copies: None) -> None:
    """Protects verdicts from a file that was cut or belongs to other grams."""
    file = WeightsFile(
        model="m",
        model_sha256="1",
        examples_sha256="2",
        sentences_sha256="3",
        grams=("a",),
        acts={"x": CERTAIN},
    )
    whole = packed(file, small_network())
    for content, says in ((whole[: len(whole) // 2], "damaged"), (whole, "hidden_grams is")):
        weights_path("xx").write_bytes(content)
        load_weights.cache_clear()
        with pytest.raises(SettingsError, match=says):
            load_weights("xx")


def test_a_network_is_what_it_says() -> None:
    """Protects the arithmetic: a hidden layer that is cut at zero, runs of words of length 1 together."""
    network = small_network()
    seen = np.ones((1, INPUTS), np.float32)
    middle = seen @ network.hidden + network.hidden_bias + network.hidden_grams.sum(axis=0) / np.sqrt(2)
    wanted = np.maximum(middle, 0) @ network.output + seen @ network.direct + network.bias
    assert network.scores(seen, [np.array([0, 1])]) == pytest.approx(wanted, rel=1e-5)


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_certainty_grows_with_the_answer_and_with_a_phrase(one: float, other: float) -> None:
    """Protects the order of findings: what is more like the act, or has a phrase of it, is no less sure."""
    low, high = sorted((one, other))
    assert CERTAIN.share(low, by_phrase=False) <= CERTAIN.share(high, by_phrase=False)
    assert CERTAIN.share(low, by_phrase=False) <= CERTAIN.share(low, by_phrase=True)
    assert CERTAIN.share(None, by_phrase=True) == CERTAIN.phrase_precision
    assert CERTAIN.share(None, by_phrase=False) == 0


def test_sure_acts_are_those_over_the_limit_of_their_kind() -> None:
    """Protects the accused: what speaks against somebody has to be surer than other acts."""
    texts = sorted({each.text for each in labeled() if each.positive})[::25]
    acts = find_acts(as_turns(texts, "agent"), "en", SETTINGS).acts
    for act in acts:
        assert act.sure is (act.confidence >= sure_from(ACTS.acts[act.id], SETTINGS.acts))
    limits = SETTINGS.acts
    assert limits.agent_accusing_sure_confidence > limits.sure_confidence
    assert {act.sure for act in acts} == {True, False}


ORDINARY = [
    "Did you go fishing at the weekend?",
    "Seeing your kitchen flooded like that would scare anybody.",
    "Thank you so much, you are a star.",
    "The lights come on and then they go off again.",
    "If your team grows next year you can add more seats.",
    "Well, let's see how we can make this easy for you.",
    "You too, take care, bye.",
]


@pytest.mark.parametrize("role", ["agent", "customer"])
def test_friendly_sentences_accuse_nobody(role: Role) -> None:
    """Protects agents and customers of ordinary calls from accusations."""
    accusing = {name for name, act in ACTS.acts.items() if act.entry.accuses}
    found = find_acts(as_turns(ORDINARY, role), "en", SETTINGS).acts
    assert not [act for act in found if act.id in accusing and act.sure]
