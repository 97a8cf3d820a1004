"""Sentences as vectors whose angles tell how alike they are in wording and meaning.

all-MiniLM-L6-v2 (Reimers & Gurevych 2019; Wang et al. 2020), a BERT of six layers, computed in float32 with
numpy. The last layer is the sentence embedding as published; lower ones keep more of who does what to whom,
of tense and negation (Tenney et al. 2019). The sentences of a batch lie one after another without padding:
only attention sees where one ends.

An adapter (Hu et al. 2022) adds a product of two thin matrices to some weights; added once, it costs no time.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

SIZE = 384
LAYERS = 6
LAYERS_READ = (2, 3, 6)
HEADS = 12
MAX_TOKENS = 128
"""As the model was trained; what a sentence says beyond is not seen."""
BATCH_TOKENS = 2048
LAYER_NORM_EPSILON = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapter:
    """By name of a matrix (out, in): ``down`` (rank, in) and ``up`` (out, rank), to add ``up @ down``."""

    down: dict[str, Matrix]
    up: dict[str, Matrix]


class SentenceEncoder:
    """Loaded weights and tokenizer of one folder; threads may share it."""

    def __init__(self, folder: Path, adapter: Adapter | None = None) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        self._weights: dict[str, Matrix] = load_file(folder / "model.safetensors")
        if adapter:
            for name, up in adapter.up.items():
                self._weights[name] = self._weights[name] + up @ adapter.down[name]
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=MAX_TOKENS)

    def encode(self, sentences: Sequence[str]) -> Matrix:
        """The unit mean of each layer in ``LAYERS_READ``, the last one last; shape (sentences, 3 * 384)."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(sentences))]
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        vectors = np.zeros((len(tokens), SIZE * len(LAYERS_READ)), np.float32)
        for batch in _batches(order, [len(ids) for ids in tokens]):
            vectors[batch] = self._encode_batch([tokens[index] for index in batch])
        return vectors

    def _encode_batch(self, tokens: Sequence[Sequence[int]]) -> Matrix:
        lengths = [len(ids) for ids in tokens]
        ends = list(itertools.accumulate(lengths))
        spans = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
        positions = np.concatenate([np.arange(length) for length in lengths])
        hidden = self._norm(
            "embeddings.LayerNorm",
            self._weights["embeddings.word_embeddings.weight"][np.concatenate(tokens)]
            + self._weights["embeddings.position_embeddings.weight"][positions]
            + self._weights["embeddings.token_type_embeddings.weight"][0],
        )
        read = []
        for layer in range(LAYERS):
            hidden = self._layer(f"encoder.layer.{layer}", hidden, spans)
            if layer + 1 in LAYERS_READ:
                mean = np.stack([hidden[span].mean(axis=0) for span in spans])
                read.append(mean / np.linalg.norm(mean, axis=1, keepdims=True))
        return np.asarray(np.hstack(read), np.float32)

    def _layer(self, name: str, hidden: Matrix, spans: Sequence[slice]) -> Matrix:
        query, key, value = (
            self._dense(f"{name}.attention.self.{part}", hidden).reshape(len(hidden), HEADS, -1)
            for part in ("query", "key", "value")
        )
        seen = np.concatenate([_attend(query[span], key[span], value[span]) for span in spans])
        hidden = self._norm(
            f"{name}.attention.output.LayerNorm",
            hidden + self._dense(f"{name}.attention.output.dense", seen),
        )
        wide = _gelu(self._dense(f"{name}.intermediate.dense", hidden))
        return self._norm(f"{name}.output.LayerNorm", hidden + self._dense(f"{name}.output.dense", wide))

    def _dense(self, name: str, inputs: Matrix) -> Matrix:
        return inputs @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _norm(self, name: str, inputs: Matrix) -> Matrix:
        centered = inputs - inputs.mean(axis=1, keepdims=True)
        deviation = np.sqrt(np.square(centered).mean(axis=1, keepdims=True) + LAYER_NORM_EPSILON)
        return np.asarray(
            centered / deviation * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"], np.float32
        )


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices in the given order, cut so that a batch has at most ``BATCH_TOKENS`` tokens."""
    batch: list[int] = []
    size = 0
    for index in order:
        if batch and size + lengths[index] > BATCH_TOKENS:
            yield batch
            batch, size = [], 0
        batch.append(index)
        size += lengths[index]
    if batch:
        yield batch


def _attend(query: Matrix, key: Matrix, value: Matrix) -> Matrix:
    """Scaled dot-product attention of one sentence; (tokens, heads, size) to (tokens, heads * size)."""
    scores = query.transpose(1, 0, 2) @ key.transpose(1, 2, 0) / np.float32(np.sqrt(query.shape[2]))
    scores = np.exp(scores - scores.max(axis=2, keepdims=True))
    scores /= scores.sum(axis=2, keepdims=True)
    mixed = scores @ value.transpose(1, 0, 2)
    return np.asarray(mixed.transpose(1, 0, 2).reshape(len(query), -1), np.float32)


def _gelu(inputs: Matrix) -> Matrix:
    from scipy.special import erf

    return np.asarray(0.5 * inputs * (1 + erf(inputs / np.float32(np.sqrt(2)))), np.float32)
