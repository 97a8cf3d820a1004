"""Phrases with gaps, as a coach writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SettingsError
from pipeline.guidance.patterns import bare_words, compile_pattern, searchable

GROUPS = {"opening": ("well", "um"), "i will": ("i will", "i'll")}


def found(pattern: str, text: str) -> bool:
    return compile_pattern(pattern, GROUPS).search(searchable(text)) is not None


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("i'm sorry", "Well, IM SORRY!", True),
        ("sorry", "a sorrysome day", False),
        ("thank you for * patience", "thank you so for all of your great patience", False),
        ("thank you for * patience", "thank you for your great patience", True),
        ("thank you for * patience", "thank you for patience", True),
        ("for * patience", "for one two three four five patience", False),
        ("(hold|wait) please", "wait please", True),
        ("(very)? sorry", "sorry", True),
        ("<i will> call", "I'll call you", True),
        ("<i will> call", "you will call", False),
        ("^ sorry", "um, well, sorry about that", True),
        ("^ sorry", "I am sorry", False),
        ("right $", "is that right?", True),
        ("right $", "right away", False),
    ],
)
def test_a_phrase_finds_what_it_says(pattern: str, text: str, expected: bool) -> None:
    """Protects the meaning of each sign that coaches may use."""
    assert found(pattern, text) is expected


@pytest.mark.parametrize("pattern", ["(open", "open)", "*", "^", "(maybe)?", "<nobody> called", ""])
def test_a_phrase_that_cannot_be_read_is_named(pattern: str) -> None:
    """Protects a coach from a phrase that finds nothing, or everything."""
    with pytest.raises(SettingsError, match="phrase"):
        compile_pattern(pattern, GROUPS)


WORDS = st.lists(
    st.sampled_from(["i", "will", "call", "you", "don't", "o'clock", "back"]), min_size=1, max_size=6
)


@given(WORDS, WORDS, WORDS)
def test_a_phrase_is_found_wherever_it_stands(before: list[str], phrase: list[str], after: list[str]) -> None:
    """Protects against edges: what surrounds a phrase, its case and its marks never hide it."""
    text = f"{' '.join(before)}, {' '.join(phrase).upper()}! {' '.join(after)}"
    assert found(" ".join(phrase), text)


@given(st.text())
def test_bare_words_have_nothing_but_letters(text: str) -> None:
    """Protects patterns from punctuation: searching again changes nothing."""
    words = bare_words(text)
    assert bare_words(" ".join(words)) == words
