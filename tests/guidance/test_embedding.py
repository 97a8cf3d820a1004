"""Sentence embedding: the real model."""

import subprocess
import sys

import numpy as np
import pytest

from pipeline.guidance.embedding import SIZE, Matrix, SentenceEncoder
from pipeline.models import load_sentence_encoder, resolve_sentence_embedding

SENTENCES = ["I'm so sorry about that.", "Please accept our apologies.", "The router has two red lights."]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return load_sentence_encoder(resolve_sentence_embedding())


def published(vectors: Matrix) -> Matrix:
    """The last layer alone: the sentence embedding as others compute it."""
    return vectors[:, -SIZE:]


def test_the_embedding_is_that_of_the_published_model(encoder: SentenceEncoder) -> None:
    """Protects the arithmetic: cosines that sentence-transformers gives for the same weights."""
    vectors = published(encoder.encode(SENTENCES))
    assert vectors @ vectors.T == pytest.approx(np.array(REFERENCE), abs=1e-4)


def test_a_sentence_does_not_see_its_neighbors(encoder: SentenceEncoder) -> None:
    """Protects determinism: alone or among others, in any order, a sentence has one vector."""
    together = encoder.encode([*SENTENCES, "Hello."] * 3)
    for index, sentence in enumerate(SENTENCES):
        assert encoder.encode([sentence])[0] == pytest.approx(together[index], abs=1e-5)
    assert np.array_equal(together, encoder.encode([*SENTENCES, "Hello."] * 3))


def test_nothing_and_very_much_can_be_encoded(encoder: SentenceEncoder) -> None:
    """Protects calls without a word, and sentences beyond what the model reads."""
    assert encoder.encode([]).shape == (0, 3 * SIZE)
    vectors = encoder.encode(["", "word " * 5000])
    assert np.linalg.norm(published(vectors), axis=1) == pytest.approx(np.ones(2), abs=1e-5)


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


REFERENCE = [[1.0, 0.4302, 0.00826], [0.4302, 1.0, -0.02778], [0.00826, -0.02778, 1.0]]
