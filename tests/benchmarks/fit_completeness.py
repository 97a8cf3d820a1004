"""Fits configs/completeness.en.json: ``python -m tests.benchmarks.fit_completeness``.

A logistic model with a ridge over the features of :mod:`pipeline.turns.completeness`. Finished are the
sentences of tests/data/speech_acts; unfinished the same sentences broken off after each of their words, which
together count as much as the sentence. Some of those could end there: they are what keeps the model modest.
No word of a sample call is used. Five folds over sentences choose the ridge and tell how good it is. The same
sentences give the same file.
"""

import argparse
import json
import sys
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from pipeline.settings import CONFIG_DIR
from pipeline.turns.completeness import FILE, INNER_END, features, sentence_words

Vector = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]

SENTENCES = Path(__file__).resolve().parents[1] / "data" / "speech_acts"
FOLDS = 5
RIDGES = (0.3, 1.0, 3.0)
STEPS = 300
LEAST_COUNT = 3
"""A feature of fewer examples is not used."""
LEAST_WEIGHT = 0.1
"""A smaller weight is not kept."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Word sequences as numbers of features, whether they are whole sentences, and how much each counts."""

    names: tuple[str, ...]
    active: Numbers
    """(n, features of one): places in ``names``; ``len(names)`` where a feature is not used."""
    finished: Vector
    counts: Vector
    folds: Numbers


def sentences() -> list[tuple[str, ...]]:
    """Each sentence's words, once, in a fixed order."""
    found = set()
    for path in SENTENCES.glob("*.yaml"):
        for some in yaml.safe_load(path.read_text(encoding="utf-8")).values():
            found |= {sentence_words(part) for text in some for part in INNER_END.split(text)}
    return sorted(words for words in found if words)


def examples(some: Sequence[tuple[str, ...]]) -> Examples:
    """Every sentence and every beginning of it."""
    found, finished, counts, folds = [], [], [], []
    for words in some:
        fold = zlib.crc32(" ".join(words).encode()) % FOLDS
        for length in range(1, len(words) + 1):
            found.append(features(words[:length]))
            finished.append(float(length == len(words)))
            counts.append(1.0 if length == len(words) else 1 / (len(words) - 1))
            folds.append(fold)
    occurring = Counter(name for names in found for name in names)
    names = tuple(sorted(name for name, count in occurring.items() if count >= LEAST_COUNT))
    place = {name: index for index, name in enumerate(names)}
    widest = max(len(each) for each in found)
    active = np.full((len(found), widest), len(names), dtype=np.intp)
    for row, each in enumerate(found):
        active[row, : len(each)] = [place.get(name, len(names)) for name in each]
    return Examples(names, active, np.array(finished), np.array(counts), np.array(folds, dtype=np.intp))


def fit(data: Examples, rows: Numbers, ridge: float) -> Vector:
    """Weights of ``names`` and a last 0 for what is not used, by accelerated steps along the slope."""
    active, finished, counts = data.active[rows], data.finished[rows], data.counts[rows]
    size = len(data.names) + 1
    used = np.bincount(active.ravel(), np.repeat(counts, active.shape[1]), size)
    scale = 1 / (0.25 * active.shape[1] * used + ridge)
    weights = ahead = np.zeros(size)
    for step in range(1, STEPS + 1):
        left = counts * (finished - 1 / (1 + np.exp(-ahead[active].sum(axis=1))))
        slope = np.bincount(active.ravel(), np.repeat(left, active.shape[1]), size) - ridge * ahead
        slope[-1] = 0.0
        previous, weights = weights, ahead + scale * slope
        ahead = weights + (step - 1) / (step + 2) * (weights - previous)
    return weights


def log_odds(data: Examples, rows: Numbers, weights: Vector) -> Vector:
    found: Vector = weights[data.active[rows]].sum(axis=1)
    return found


def area_under_curve(scores: Vector, finished: Vector, counts: Vector) -> float:
    """How often a finished sentence scores higher than an unfinished one."""
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(np.where(finished[order] == 0, counts[order], 0.0))
    return float(below[finished[order] == 1].mean() / below[-1])


def choose(data: Examples) -> dict[str, object]:
    """Weights and what was chosen for them, with the evidence."""
    everything = np.arange(data.finished.size)
    held_out = {}
    for ridge in RIDGES:
        scores = np.zeros(data.finished.size)
        for fold in range(FOLDS):
            rest = everything[data.folds == fold]
            scores[rest] = log_odds(data, rest, fit(data, everything[data.folds != fold], ridge))
        held_out[ridge] = scores
    ridge = min(RIDGES, key=lambda one: log_loss(held_out[one], data))
    scores = held_out[ridge]
    weights = fit(data, everything, ridge)
    right = ((scores > 0) == (data.finished == 1)).astype(float)
    return {
        "sentences": int(data.finished.sum()),
        "ridge": ridge,
        "area_under_curve_held_out": round(area_under_curve(scores, data.finished, data.counts), 3),
        "accuracy_held_out": round(float(np.average(right, weights=data.counts)), 3),
        "log_loss_held_out": round(log_loss(scores, data), 3),
        "weights": {
            name: round(float(weight), 2)
            for name, weight in zip(data.names, weights[:-1], strict=True)
            if abs(weight) >= LEAST_WEIGHT
        },
    }


def log_loss(scores: Vector, data: Examples) -> float:
    wrong = np.logaddexp(0, np.where(data.finished == 1, -scores, scores))
    return float(np.average(wrong, weights=data.counts))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=CONFIG_DIR / FILE.format(language="en"))
    options = parser.parse_args(arguments)
    chosen = choose(examples(sentences()))
    options.out.write_text(json.dumps(chosen, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write("".join(f"{key}: {value}\n" for key, value in chosen.items() if key != "weights"))


if __name__ == "__main__":
    main()
