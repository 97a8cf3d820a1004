"""Inter-pausal units with their words, and their chains."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Word
from pipeline.turns.units import Unit, units_of, vocalizations
from tests.dialogue import Units, dialogue, spread, talk, unit

SPEECH = ((0.0, 2.0), (2.5, 4.0), (6.0, 7.0))


def word(text: str, start_s: float, end_s: float) -> Word:
    return Word(word=text, start_s=start_s, end_s=end_s, probability=0.9)


def test_a_word_belongs_to_the_unit_in_which_it_starts() -> None:
    """Words and speech meet here: each word is in one unit, by its start."""
    words = [word("one", 0.0, 1.0), word("two", 1.9, 2.6), word("three", 2.5, 4.0), word("four", 6.0, 7.0)]
    units = units_of("agent", SPEECH, words)
    assert [each.span for each in units] == list(SPEECH)
    assert [each.text for each in units] == ["one two", "three", "four"]


def test_a_unit_can_be_without_words() -> None:
    """A laugh or an unheard word is speech time all the same."""
    units = units_of("agent", SPEECH, [word("late", 6.2, 6.5)])
    assert [len(each.words) for each in units] == [0, 0, 1]


def test_without_speech_there_are_no_units() -> None:
    """A silent channel has nobody in it."""
    assert units_of("agent", (), ()) == []


def test_a_word_after_the_last_unit_is_kept() -> None:
    """No word is lost between the transcript and the turns."""
    assert units_of("agent", SPEECH, [word("bye", 7.0, 7.2)])[-1].text == "bye"


@given(talk())
def test_units_hold_every_word_once_and_in_order(units: Units) -> None:
    """The words of a speaker are those of the units, one after the other."""
    for role, own in units.items():
        words = [each for one in own for each in one.words]
        assert units_of(role, [one.span for one in own], words) == own


def test_short_pauses_do_not_end_a_vocalization() -> None:
    """Pauses under half a second chain units; one of half a second parts them."""
    units = dialogue("""
        A 0.0-1.0 so I
        A 1.49-2.0 well I
        A 2.5-3.0 looked at it
    """)["agent"]
    chains = vocalizations(units, 0.5)
    assert [chain.text for chain in chains] == ["so I well I", "looked at it"]
    assert [(chain.start_s, chain.end_s) for chain in chains] == [(0.0, 2.0), (2.5, 3.0)]
    assert [chain.duration_s for chain in chains] == [2.0, 0.5]


def test_the_text_of_a_chain_has_no_holes() -> None:
    """Sounds without words leave no double spaces in a quote."""
    chain = [unit("agent", 0.0, 1.0, "so"), unit("agent", 1.3, 1.5, "-"), unit("agent", 1.8, 2.0, "yes")]
    assert vocalizations(chain, 0.5)[0].text == "so yes"


@given(talk(), st.floats(0, 3))
@settings(max_examples=50)
def test_chains_hold_every_unit_once_and_in_order(units: Units, bridge_s: float) -> None:
    """Chaining loses no speech and moves none."""
    for own in units.values():
        chains = vocalizations(own, bridge_s)
        assert [each for chain in chains for each in chain.units] == own
        assert all(after.start_s - before.end_s >= bridge_s for before, after in itertools.pairwise(chains))


def test_properties_of_a_unit() -> None:
    """Length, span and text of a unit are its own times and words."""
    one = Unit("agent", 1.0, 2.5, spread(["so", "yes"], (1.0, 2.5)))
    assert (one.span, one.duration_s, one.text) == ((1.0, 2.5), 1.5, "so yes")
