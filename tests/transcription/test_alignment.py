"""Words of a recognizer laid into the speech that voice activity found."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Word
from pipeline.timeline import Span
from pipeline.transcription.alignment import Aligned, align, coverage
from tests.dialogue import SETTINGS

RECOGNIZER = SETTINGS.recognizer
EXACT = 1e-9


def words(*given: tuple[str, float, float]) -> list[Word]:
    return [Word(word=text, start_s=start_s, end_s=end_s, probability=0.9) for text, start_s, end_s in given]


def laid(found: Aligned) -> list[tuple[str, float, float]]:
    return [(word.word, round(word.start_s, 3), round(word.end_s, 3)) for word in found.words]


# --- by hand ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard", "speech", "expected"),
    [
        pytest.param(  # Whisper puts a first word up to 10 s early after silence
            words(("so", 0.0, 10.2), ("yes", 10.2, 11.0)),
            [(10.0, 11.0)],
            [("so", 10.0, 10.2), ("yes", 10.2, 11.0)],
            id="a first word that begins in the silence before",
        ),
        pytest.param(  # and stretches a last word over the pause
            words(("thank", 1.0, 1.3), ("you", 1.3, 5.0), ("bye", 5.0, 5.6)),
            [(1.0, 1.6), (5.0, 5.6)],
            [("thank", 1.0, 1.3), ("you", 1.3, 1.6), ("bye", 5.0, 5.6)],
            id="a last word over the pause after it",
        ),
        pytest.param(
            words(("okay", 1.7, 1.9)),
            [(1.0, 1.6), (5.0, 5.6)],
            [("okay", 1.0, 1.6)],
            id="a word just behind speech belongs to it",
        ),
        pytest.param(
            words(("okay", 4.5, 4.7)),
            [(1.0, 1.6), (5.0, 5.6)],
            [("okay", 5.0, 5.6)],
            id="a word just before speech belongs to it",
        ),
        pytest.param(
            words(("well", 1.0, 1.2), ("then", 1.5, 1.8)),
            [(1.0, 2.0)],
            [("well", 1.0, 1.5), ("then", 1.5, 2.0)],
            id="holes inside a unit belong to the earlier word",
        ),
        pytest.param(
            words(("well", 1.0, 1.2), ("then", 2.1, 2.3)),
            [(1.0, 2.3)],
            [("well", 1.0, 1.2), ("then", 2.1, 2.3)],
            id="a hole of over 0.8 s stays: nobody knows what was said there",
        ),
        pytest.param(
            words(("no", 1.2, 1.4)),
            [(0.0, 3.0)],
            [("no", 1.2, 1.4)],
            id="one word does not fill speech of seconds",
        ),
        pytest.param(
            words(("well", 1.0, 4.0)),
            [(1.0, 4.0)],
            [("well", 1.0, 2.5)],
            id="no word is longer than 1.5 s",
        ),
        pytest.param(words(("well", 1.0, 1.5)), [], [], id="no speech, no words"),
        pytest.param([], [(1.0, 1.5)], [], id="no words"),
    ],
)  # fmt: skip
def test_by_hand(heard: list[Word], speech: list[Span], expected: list[tuple[str, float, float]]) -> None:
    """Voice activity says when, the recognizer says what (docs/measures/speech.md)."""
    assert laid(align(heard, speech, RECOGNIZER)) == expected


@pytest.mark.parametrize(("distance_s", "kept"), [(0.34, True), (0.36, False)])
@pytest.mark.parametrize("before", [True, False])
def test_reach(distance_s: float, kept: bool, before: bool) -> None:
    """A word over 0.35 s from any speech is supported by none: it is dropped and counted."""
    start_s, end_s = (
        (5.0 - distance_s - 0.2, 5.0 - distance_s) if before else (6.0 + distance_s, 6.2 + distance_s)
    )
    found = align(words(("okay", start_s, end_s)), [(5.0, 6.0)], RECOGNIZER)
    assert (len(found.words), found.dropped) == ((1, 0) if kept else (0, 1))


def test_words_without_times_share_the_time_between_their_neighbors() -> None:
    """Numbers come without word times: they are interpolated and marked, never dropped."""
    heard = words(("pay", 1.0, 1.5), ("$", 1.5, 1.5), ("20", 1.5, 1.5), ("today", 2.5, 3.0))
    found = align(heard, [(1.0, 3.0)], RECOGNIZER)
    assert laid(found) == [("pay", 1.0, 1.5), ("$", 1.5, 2.0), ("20", 2.0, 2.5), ("today", 2.5, 3.0)]
    assert [word.interpolated for word in found.words] == [False, True, True, False]
    assert found.dropped == 0


def test_a_first_and_a_last_word_without_time_are_kept() -> None:
    """At the edges of speech there is one neighbor only, and the word is kept all the same."""
    heard = words(("20", 1.0, 1.0), ("dollars", 1.5, 2.0), ("50", 2.0, 2.0))
    found = align(heard, [(1.0, 2.5)], RECOGNIZER)
    assert [word.word for word in found.words] == ["20", "dollars", "50"]
    assert [word.interpolated for word in found.words] == [True, False, True]
    assert found.dropped == 0


def test_coverage_by_hand() -> None:
    """Words over 3 of 4 seconds of speech cover 0.75; overlapping words do not count twice."""
    spans = [(0.0, 2.0), (5.0, 7.0)]
    assert coverage(words(("a", 0.0, 2.0), ("b", 1.0, 2.0), ("c", 6.0, 9.0)), spans) == pytest.approx(0.75)
    assert coverage([], spans) == 0.0
    assert coverage(words(("a", 0.0, 1.0)), []) is None


# --- in general ---------------------------------------------------------------------------------------


@st.composite
def heard_speech(draw: st.DrawFn) -> tuple[list[Word], list[Span]]:
    """IPUs, and words in the order spoken with times that may be early, stretched, or missing."""
    cursor_ms, speech = 0, []
    for gap_ms, length_ms in draw(
        st.lists(st.tuples(st.integers(250, 3000), st.integers(60, 4000)), max_size=6)
    ):
        speech.append(((cursor_ms + gap_ms) / 1000, (cursor_ms + gap_ms + length_ms) / 1000))
        cursor_ms += gap_ms + length_ms
    time_ms, found = 0, []
    for index, (gap_ms, length_ms) in enumerate(
        draw(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 2500)), max_size=25))
    ):
        time_ms += gap_ms
        found.append(
            Word(
                word=f"w{index}", start_s=time_ms / 1000, end_s=(time_ms + length_ms) / 1000, probability=0.9
            )
        )
        time_ms += length_ms
    return found, speech


@given(heard_speech())
@settings(max_examples=200, deadline=None)
def test_words_stay_in_order_and_apart(case: tuple[list[Word], list[Span]]) -> None:
    """The transcript reads as it was spoken, and no two words of a speaker overlap."""
    heard, speech = case
    found = align(heard, speech, RECOGNIZER).words
    order = {word.word: index for index, word in enumerate(heard)}
    numbers = [order[word.word] for word in found]
    assert numbers == sorted(set(numbers))
    assert all(word.start_s < word.end_s for word in found)
    assert all(after.start_s >= before.end_s - EXACT for before, after in itertools.pairwise(found))


@given(heard_speech())
@settings(max_examples=200, deadline=None)
def test_words_lie_inside_speech_and_are_never_long(case: tuple[list[Word], list[Span]]) -> None:
    """Every word is in one unit, edge to edge at most, and takes no longer than a word can."""
    heard, speech = case
    for word in align(heard, speech, RECOGNIZER).words:
        assert any(low_s - EXACT <= word.start_s and word.end_s <= high_s + EXACT for low_s, high_s in speech)
        assert word.end_s - word.start_s <= RECOGNIZER.max_word_s + EXACT


@given(heard_speech())
@settings(max_examples=200, deadline=None)
def test_no_word_vanishes(case: tuple[list[Word], list[Span]]) -> None:
    """What is not laid is counted as dropped."""
    heard, speech = case
    found = align(heard, speech, RECOGNIZER)
    assert len(found.words) + found.dropped == len(heard)


@given(heard_speech())
@settings(max_examples=200, deadline=None)
def test_words_in_reach_of_speech_are_kept(case: tuple[list[Word], list[Span]]) -> None:
    """A word with a time of its own that touches speech is in the transcript."""
    heard, speech = case
    kept = {word.word for word in align(heard, speech, RECOGNIZER).words}
    touching = {
        word.word
        for word in heard
        if word.end_s > word.start_s
        and any(min(word.end_s, high_s) > max(word.start_s, low_s) for low_s, high_s in speech)
    }
    assert touching <= kept


@given(heard_speech())
@settings(max_examples=100, deadline=None)
def test_coverage_is_a_share_that_alignment_does_not_lower_to_nothing(
    case: tuple[list[Word], list[Span]],
) -> None:
    """Coverage is between 0 and 1, and 0 only where no word was laid."""
    heard, speech = case
    found = align(heard, speech, RECOGNIZER).words
    share = coverage(found, speech)
    if not speech:
        assert share is None
    else:
        assert share is not None
        assert 0 <= share <= 1 + EXACT
        assert (share > 0) is bool(found)
