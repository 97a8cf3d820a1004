"""The scenes of real voices with interruptions laid in, on made turns."""

import numpy as np
import pytest

from pipeline.records import Word
from tests.benchmarks.laid_in import INTERRUPTIONS, Scene, Spoken, mu_law, scenes, spoken
from tests.data.turntaking.make_cases import RATE_HZ

LINES = [
    "what brought you in and when did it begin this time please".split(),
    "it began on monday when i was carrying the boxes up the stairs alone".split(),
] * 8
WORD_S = 0.4


def heard(skip: int | None = None) -> list[Word]:
    """Every word as the recognizer would give it, but for one."""
    words = [word for line in LINES for word in line]
    return [
        Word(word=word, start_s=at * WORD_S, end_s=(at + 1) * WORD_S, probability=0.9)
        for at, word in enumerate(words)
        if at != skip
    ]


def turns() -> list[Spoken]:
    length = round(sum(map(len, LINES)) * WORD_S * RATE_HZ) + RATE_HZ
    noise = np.random.default_rng(1).standard_normal(length).astype(np.float32)
    return spoken(LINES, heard(), 0.1 * noise)


def test_turns_take_their_times_from_what_was_heard() -> None:
    """A turn is cut out where its words are; one whose last word was not heard is left out."""
    first = turns()[0]
    assert (first.role, first.start_s) == ("agent", 0.0)
    assert first.duration_s == pytest.approx(len(LINES[0]) * WORD_S)
    missing = spoken(LINES, heard(len(LINES[0]) - 1), first.whole)
    assert 0 not in {one.number for one in missing}


@pytest.mark.parametrize("scene", scenes("made", turns()), ids=lambda scene: scene.id)
def test_the_truth_of_a_scene_follows_from_where_it_was_put(scene: Scene) -> None:
    """An interruption comes into a turn that is under way and open; anything else is none."""
    assert bool(scene.interruptions) == (scene.sort in INTERRUPTIONS)
    if scene.sort in INTERRUPTIONS:
        assert scene.clear
        assert scene.comer.role == "agent"
        assert scene.at_s + 0.5 <= scene.holder.duration_s
    if scene.sort == "breaks off":
        assert scene.holder.words != next(one for one in turns() if one.number == scene.holder.number).words
    assert scene.render("clean").shape == scene.render("bad line").shape


def test_mu_law_keeps_samples_to_eight_bits() -> None:
    """The bad line is the telephone's: at most 255 steps, soft ones finer than loud ones."""
    samples = np.linspace(-1, 1, 4001, dtype=np.float32)
    coded = mu_law(samples)
    assert len(np.unique(coded)) <= 255
    assert np.abs(coded - samples)[np.abs(samples) < 0.01].max() < 0.001
    assert np.abs(coded - samples).max() < 0.05
