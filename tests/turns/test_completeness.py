"""Whether words can end a sentence, whatever their punctuation."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SettingsError
from pipeline.turns import completeness
from pipeline.turns.completeness import FILE, Completeness, features, load_completeness, sentence_words
from tests.dialogue import dialogue, judged

PAIRS = (
    ("i will send you a new bill tomorrow", "i will send you a new"),
    ("the router has been off since friday", "the router has been off since"),
    ("could you give me your address please", "could you give me your"),
    ("somebody will call you back today", "somebody will call you back to the"),
    ("i paid that with my card last week", "i paid that with"),
)
"""Finished, and broken off; none of them is a sentence that the model was fitted on."""


def english() -> Completeness:
    model = load_completeness("en")
    assert model is not None
    return model


@pytest.mark.parametrize(("finished", "broken_off"), PAIRS)
def test_a_broken_sentence_is_told_from_a_finished_one(finished: str, broken_off: str) -> None:
    """Half a sentence is less likely to be one than not, and less so than the whole."""
    whole, half = english().probability(finished), english().probability(broken_off)
    assert whole is not None
    assert half is not None
    assert half < 0.5
    assert half < whole


@given(
    st.lists(st.sampled_from("so the bill is what I pay for my internet on Friday 40".split()), min_size=1),
    st.sampled_from(["", ".", "?", "!", "...", " -", ","]),
)
def test_punctuation_at_the_end_and_case_say_nothing(words: list[str], mark: str) -> None:
    """The odds are those of the words: the marks at the end are the recognizer's guess."""
    plain = english().log_odds(" ".join(words))
    assert plain is not None
    assert english().log_odds(" ".join(words).upper() + mark) == plain


def test_only_the_last_sentence_counts() -> None:
    """What was said before a mark inside the text is another sentence; digits are numbers."""
    assert sentence_words("That is right. It costs $40 a month.") == ("it", "costs", "#", "a", "month")


def test_nothing_said_is_neither() -> None:
    """Without words, and in a language without weights, there are no odds."""
    assert english().log_odds(" - ") is None
    assert load_completeness("xx") is None


def test_log_odds_are_the_sum_of_what_is_found() -> None:
    """Each feature that is found adds its weight; unknown ones add nothing."""
    model = Completeness({"constant": 0.5, "0:you": 1.0, "2: thank you": 2.0, "1:the": 9.0})
    assert model.log_odds("Thank you!") == pytest.approx(3.5)
    assert model.probability("Thank you!") == pytest.approx(1 / (1 + math.exp(-3.5)))
    assert set(features(("thank", "you"))) >= {"0:you", "1:thank", "2: thank you", "-ou", "constant"}


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"weights": {"0:the": 1}}', '{"weights": {"constant": "x"}}']
)
def test_a_file_that_is_not_the_fit_is_refused(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the file and how to write it again."""
    (tmp_path / FILE.format(language="yy")).write_text(content, encoding="utf-8")
    monkeypatch.setattr(completeness, "CONFIG_DIR", tmp_path)
    with pytest.raises(SettingsError, match=r"completeness\.yy\.json.*fit_completeness"):
        load_completeness("yy")


def test_an_encounter_knows_whether_the_holder_was_done() -> None:
    """The holder's words up to where the holder falls silent, also over a short pause, decide."""
    cut = judged(dialogue("A 0-5 the new router comes on the.\nC 4.6-8 that is too late for me"))
    done = judged(dialogue("A 0-5 the new router comes on Friday morning.\nC 4.6-8 that is too late for me"))
    odds = [next(item.encounter for item in found if item.encounter).holder_log_odds for found in (cut, done)]
    assert odds[0] is not None
    assert odds[1] is not None
    assert odds[0] < 0 < odds[1]
