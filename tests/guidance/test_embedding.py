"""Sentence embedding: the real model."""

import subprocess
import sys

import numpy as np
import pytest

from pipeline.guidance.embedding import SIZE, SentenceEncoder
from pipeline.models import load_sentence_encoder, resolve_sentence_embedding

APOLOGIES = ["I'm so sorry about that.", "Please accept our apologies.", "Es tut mir sehr leid."]
OTHER = "The router has two red lights."


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return load_sentence_encoder(resolve_sentence_embedding())


def test_what_means_the_same_is_nearer_in_two_languages(encoder: SentenceEncoder) -> None:
    """Protects the loading of the weights: apologies are nearer to each other than to a router."""
    vectors = encoder.encode([*APOLOGIES, OTHER])
    cosines = vectors @ vectors.T
    assert cosines[:3, :3].min() > cosines[:3, 3].max()


def test_a_sentence_does_not_see_its_neighbors(encoder: SentenceEncoder) -> None:
    """Protects determinism: alone or among others, in any order, a sentence has one vector."""
    sentences = [*APOLOGIES, OTHER]
    together = encoder.encode(sentences * 3)
    for index, sentence in enumerate(sentences):
        assert encoder.encode([sentence])[0] == pytest.approx(together[index], abs=1e-5)
    assert np.array_equal(together, encoder.encode(sentences * 3))


def test_nothing_and_very_much_can_be_encoded(encoder: SentenceEncoder) -> None:
    """Protects calls without a word, and sentences without an end."""
    assert encoder.encode([]).shape == (0, SIZE)
    vectors = encoder.encode(["", "word " * 5000])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(2), abs=1e-4)


@pytest.mark.slow
def test_the_embedding_needs_no_torch() -> None:
    """Protects stereo users from a library of gigabytes."""
    code = (
        "import sys\n"
        "from pipeline.models import load_sentence_encoder, resolve_sentence_embedding\n"
        "load_sentence_encoder(resolve_sentence_embedding()).encode(['hello'])\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
