"""Turns cut into sentences."""

import pytest
from hypothesis import given

from pipeline.guidance.sentences import sentences
from pipeline.guidance.speech_acts import load_speech_acts
from pipeline.records import Turn, Word
from tests.dialogue import ENGLISH, SETTINGS, Units, floor, spread, talk

ACTS = load_speech_acts("en")


def turn(text: str, *, pause_after: str | None = None, pause_s: float = 1.2) -> Turn:
    """A turn of half a second a word, with an own pause after one of them."""
    words, at = [], 0.0
    for token in text.split():
        words.append(Word(word=token, start_s=at, end_s=at + 0.4, probability=0.9))
        at += 0.5 + (pause_s if token == pause_after else 0.0)
    return Turn(
        turn=3, speaker="agent", start_s=0.0, end_s=at, text=text, words=tuple(words), backchannel=False
    )


def cut(one: Turn) -> list[str]:
    return [each.text for each in sentences([one], ENGLISH, ACTS, SETTINGS.acts)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I see. Is that right? Good!", ["I see.", "Is that right?", "Good!"]),
        ("Thank you, Mr. Hill. Goodbye.", ["Thank you, Mr. Hill.", "Goodbye."]),
        ("It costs $4.50 a month.", ["It costs $4.50 a month."]),
        ("no marks here", ["no marks here"]),
    ],
)
def test_marks_end_sentences(text: str, expected: list[str]) -> None:
    """Protects quotes: a sentence ends at its mark, not at that of an abbreviation or a number."""
    assert cut(turn(text)) == expected


def test_a_pause_ends_a_sentence_that_is_complete() -> None:
    """Protects recognizers without punctuation; a pause after "the" is only a hesitation."""
    assert cut(turn("i am sorry i will check", pause_after="sorry")) == ["i am sorry", "i will check"]
    assert cut(turn("i will check the line now", pause_after="the")) == ["i will check the line now"]


def test_a_long_stretch_without_marks_is_cut_where_clauses_begin() -> None:
    """Protects a turn that the recognizer wrote down as one sentence."""
    clauses = [
        "i have looked at your account and the payment was taken two times this month",
        "so i will send the second one back to your card today",
    ]
    assert cut(turn(" ".join(clauses))) == clauses


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Is that right?", True),
        ("okay so could you hold for a minute", True),
        ("You could.", False),
        ("what a day.", False),
        ("i can hold", False),
    ],
)
def test_a_question_is_known_without_its_mark(text: str, asks: bool) -> None:
    """Protects the handling of questions where the recognizer puts no marks."""
    (found,) = sentences([turn(text)], ENGLISH, ACTS, SETTINGS.acts)
    assert found.question is asks


def test_a_turn_that_has_a_text_alone_shares_its_time() -> None:
    """Protects transcripts that come without word times."""
    bare = Turn(
        turn=0, speaker="customer", start_s=2.0, end_s=6.0, text="Yes. No!", words=(), backchannel=False
    )
    first, second = sentences([bare], ENGLISH, ACTS, SETTINGS.acts)
    assert (first.start_s, first.text, second.text, second.end_s) == (2.0, "Yes.", "No!", 6.0)
    assert first.end_s == second.start_s


@given(talk())
def test_sentences_are_the_words_of_turns(units: Units) -> None:
    """Protects evidence: sentences hold every word once, as written, in time order, inside their turn."""
    turns = [each for each in floor(units).turns if not each.backchannel]
    found = sentences(turns, ENGLISH, ACTS, SETTINGS.acts)
    assert list(found) == sorted(found, key=lambda one: one.start_s)
    for one in turns:
        own = [each for each in found if each.turn == one.turn]
        assert " ".join(each.text for each in own) == one.text
        assert all(one.start_s <= each.start_s <= each.end_s <= one.end_s for each in own)


def test_words_keep_their_times() -> None:
    """Protects playback: a sentence begins with its first word and ends with its last."""
    words = spread("I see. Goodbye.".split(), (4.0, 7.0))
    whole = Turn(
        turn=0,
        speaker="agent",
        start_s=4.0,
        end_s=7.0,
        text="I see. Goodbye.",
        words=words,
        backchannel=False,
    )
    assert [(s.start_s, s.end_s) for s in sentences([whole], ENGLISH, ACTS, SETTINGS.acts)] == [
        (4, 6),
        (6, 7),
    ]
