"""Learning the network of speech acts (``pipeline/guidance/meaning.py``)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from pipeline.guidance.embedding import Matrix
from pipeline.guidance.meaning import INPUTS, Network

UNITS = 256
PASSES = 12
BATCH = 1024
RATE, WARM_UP, DECAY = 4e-3, 0.1, 0.02
DROPPED = 0.3
FIRST_BIAS = -3.0
FIRST_SPREAD = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned; ``truth`` and ``weight`` (rows, acts), ``grams`` the rows of known runs of each."""

    inputs: Matrix
    grams: Sequence[npt.NDArray[np.int64]]
    truth: Matrix
    weight: Matrix
    fold: npt.NDArray[np.int_]


def learn(lesson: Lesson, grams: int, learned: npt.NDArray[np.bool_]) -> Network:
    """A network fitted to the rows that ``learned`` names; the same on every run of one machine."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    acts = lesson.truth.shape[1]
    hidden = torch.nn.Linear(INPUTS, UNITS)
    runs = torch.nn.EmbeddingBag(grams, UNITS, mode="sum")
    output = torch.nn.Linear(UNITS, acts, bias=False)
    direct = torch.nn.Linear(INPUTS, acts)
    torch.nn.init.normal_(runs.weight, std=FIRST_SPREAD)
    torch.nn.init.constant_(direct.bias, FIRST_BIAS)
    parameters = [each for part in (hidden, runs, output, direct) for each in part.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
    rows = np.flatnonzero(learned & (lesson.weight.sum(axis=1) > 0))
    batches = -(-len(rows) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=PASSES * batches + 1, pct_start=WARM_UP
    )
    for _ in range(PASSES):
        for batch in np.array_split(rng.permutation(rows), batches):
            seen = torch.from_numpy(lesson.inputs[batch])
            within = [lesson.grams[row] for row in batch]
            starts = np.cumsum([0, *(len(own) for own in within)])[:-1]
            each = np.concatenate([np.full(len(own), 1 / np.sqrt(max(1, len(own)))) for own in within])
            middle = hidden(seen) + runs(
                torch.from_numpy(np.concatenate(within)),
                torch.from_numpy(starts),
                per_sample_weights=torch.from_numpy(each.astype(np.float32)),
            )
            logits = output(functional.dropout(functional.relu(middle), DROPPED)) + direct(seen)
            losses = functional.binary_cross_entropy_with_logits(
                logits, torch.from_numpy(lesson.truth[batch]), reduction="none"
            )
            optimizer.zero_grad()
            ((losses * torch.from_numpy(lesson.weight[batch])).sum() / len(batch)).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return Network(
        hidden=hidden.weight.detach().numpy().T,
        hidden_grams=runs.weight.detach().numpy(),
        hidden_bias=hidden.bias.detach().numpy(),
        output=output.weight.detach().numpy().T,
        direct=direct.weight.detach().numpy().T,
        bias=direct.bias.detach().numpy(),
    )


def scores(network: Network, inputs: Matrix, grams: Sequence[npt.NDArray[np.int64]]) -> Matrix:
    """What a network answers, piece by piece so that memory does not grow."""
    pieces = [
        network.scores(inputs[first : first + BATCH], grams[first : first + BATCH])
        for first in range(0, len(inputs), BATCH)
    ]
    return np.concatenate(pieces) if pieces else np.zeros((0, len(network.bias)), np.float32)
