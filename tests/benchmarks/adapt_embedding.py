"""Adapts the sentence embedding to speech acts: part of ``make fit``.

A low-rank adapter (Hu et al. 2022) of the upper layers of all-MiniLM-L6-v2 and one linear output an act are
trained together on all acts. A sentence counts for the acts that it says something about, by its weight.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from pipeline.guidance.embedding import (
    HEADS,
    LAYER_NORM_EPSILON,
    LAYERS,
    LAYERS_READ,
    MAX_TOKENS,
    SIZE,
    Adapter,
)
from pipeline.models import resolve_sentence_embedding

Array = npt.NDArray[np.float32]

FIRST_LAYER = LAYERS_READ[-2]
"""Of the adapted ones; below it the embedding is as published, and so the regressions read it."""
PARTS = (
    "attention.self.query",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
RANK = 8
EPOCHS = 6
BATCH = 32
THREADS = 2
ADAPTER_RATE, OUTPUT_RATE = 1.5e-3, 1e-2
WARM_UP = 0.15
DECAY = 0.01
DROPOUT = 0.1
GAIN = 5.0
"""Of unit vectors, so that outputs become sure with weights of ordinary size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """``outputs`` has shape (384, acts), for the mean of the last layer; ``intercepts`` (acts,).

    ``answers`` is what they say of the asked texts as logits, shape (texts, acts).
    """

    adapter: Adapter
    outputs: Array
    intercepts: Array
    answers: Array


class _Encoder:
    def __init__(self, adapter: Mapping[str, Tensor]) -> None:
        folder = resolve_sentence_embedding().folder
        self._weights = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=MAX_TOKENS)
        self.adapter = adapter

    @torch.no_grad()
    def lower(self, texts: Sequence[str]) -> list[Tensor]:
        """What the layers that are not adapted make of each text: its tokens, shape (tokens, 384)."""
        table = self._weights
        by_length: dict[int, list[int]] = {}
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        for index, own in enumerate(tokens):
            by_length.setdefault(len(own), []).append(index)
        found = [torch.empty(0)] * len(tokens)
        for length, alike in by_length.items():
            hidden = self._norm(
                "embeddings.LayerNorm",
                table["embeddings.word_embeddings.weight"][torch.tensor([tokens[index] for index in alike])]
                + table["embeddings.position_embeddings.weight"][:length]
                + table["embeddings.token_type_embeddings.weight"][0],
            )
            for layer in range(FIRST_LAYER):
                hidden = self._layer(f"encoder.layer.{layer}", hidden, None, 0.0)
            for index, own in zip(alike, hidden, strict=True):
                found[index] = own
        return found

    def upper(self, lower: Sequence[Tensor], dropout: float) -> Tensor:
        """The unit mean of the last layer, shape (texts, 384)."""
        hidden = pad_sequence(list(lower), batch_first=True)
        real = torch.arange(hidden.shape[1]) < torch.tensor([len(own) for own in lower])[:, None]
        for layer in range(FIRST_LAYER, LAYERS):
            hidden = self._layer(f"encoder.layer.{layer}", hidden, real[:, None, None, :], dropout)
        return functional.normalize((hidden * real[:, :, None]).sum(dim=1), dim=1)

    def trained(self) -> Adapter:
        """With names of the matrices that it is for."""
        parts = {name: each.detach().numpy() for name, each in self.adapter.items()}
        return Adapter(
            down={f"{name[:-5]}.weight": each for name, each in parts.items() if name.endswith(".down")},
            up={f"{name[:-3]}.weight": each for name, each in parts.items() if name.endswith(".up")},
        )

    def _layer(self, name: str, hidden: Tensor, seen: Tensor | None, dropout: float) -> Tensor:
        query, key, value = (
            self._dense(f"{name}.attention.self.{part}", hidden)
            .reshape(*hidden.shape[:2], HEADS, -1)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        attended = self._dense(f"{name}.attention.output.dense", mixed.transpose(1, 2).flatten(2))
        hidden = self._norm(
            f"{name}.attention.output.LayerNorm", hidden + functional.dropout(attended, dropout)
        )
        wide = functional.gelu(self._dense(f"{name}.intermediate.dense", hidden))
        narrow = functional.dropout(self._dense(f"{name}.output.dense", wide), dropout)
        return self._norm(f"{name}.output.LayerNorm", hidden + narrow)

    def _dense(self, name: str, inputs: Tensor) -> Tensor:
        plain = functional.linear(inputs, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])
        if f"{name}.up" not in self.adapter:
            return plain
        return plain + inputs @ self.adapter[f"{name}.down"].T @ self.adapter[f"{name}.up"].T

    def _norm(self, name: str, inputs: Tensor) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(inputs, (SIZE,), weight, bias, LAYER_NORM_EPSILON)


def lower_layers(texts: Sequence[str]) -> list[Tensor]:
    """What the layers that are not adapted make of each text: its tokens, shape (tokens, 384)."""
    torch.set_num_threads(THREADS)
    return _Encoder({}).lower(texts)


def adapt(known: Sequence[Tensor], truth: Array, weight: Array, asked: Sequence[Tensor]) -> Adapted:
    """Learn ``truth`` of ``known`` texts, shape (texts, acts); the same on every run.

    Texts are those of ``lower_layers``.
    """
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    rng = random.Random(0)  # noqa: S311  # the order of learning, no secret
    encoder = _Encoder(_untrained())
    said, counts = torch.from_numpy(truth), torch.from_numpy(weight)
    outputs = torch.zeros(SIZE, truth.shape[1], requires_grad=True)
    intercepts = torch.full((truth.shape[1],), -1.0, requires_grad=True)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(encoder.adapter.values()), "lr": ADAPTER_RATE},
            {"params": [outputs, intercepts], "lr": OUTPUT_RATE},
        ],
        weight_decay=DECAY,
    )
    steps = EPOCHS * math.ceil(len(known) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [ADAPTER_RATE, OUTPUT_RATE], total_steps=steps + 1, pct_start=WARM_UP
    )
    for _ in range(EPOCHS):
        for batch in _batches(known, rng):
            logits = GAIN * encoder.upper([known[index] for index in batch], DROPOUT) @ outputs + intercepts
            losses = functional.binary_cross_entropy_with_logits(logits, said[batch], reduction="none")
            optimizer.zero_grad()
            ((losses * counts[batch]).sum() / len(batch)).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    found = torch.zeros(len(asked), truth.shape[1])
    with torch.no_grad():
        for batch in _batches(asked, rng):
            means = encoder.upper([asked[index] for index in batch], 0.0)
            found[batch] = GAIN * means @ outputs + intercepts
    return Adapted(
        adapter=encoder.trained(),
        outputs=(GAIN * outputs.detach()).numpy(),
        intercepts=intercepts.detach().numpy(),
        answers=found.numpy(),
    )


def _untrained() -> dict[str, Tensor]:
    """Random ``down`` and zero ``up``: at first nothing is added."""
    weights = load_file(resolve_sentence_embedding().folder / "model.safetensors")
    found = {}
    for layer in range(FIRST_LAYER, LAYERS):
        for part in PARTS:
            name = f"encoder.layer.{layer}.{part}"
            rows, columns = weights[f"{name}.weight"].shape
            found[f"{name}.down"] = (torch.randn(RANK, columns) / math.sqrt(columns)).requires_grad_()
            found[f"{name}.up"] = torch.zeros(rows, RANK, requires_grad=True)
    return found


def _batches(texts: Sequence[Tensor], rng: random.Random) -> Iterator[list[int]]:
    """Indices of sentences of like length, in random order."""
    order = sorted(range(len(texts)), key=lambda index: (len(texts[index]), rng.random()))
    batches = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]
    rng.shuffle(batches)
    yield from batches
