"""Fits configs/second_look.en.json: ``python -m tests.benchmarks.fit_second_look FOLDER``.

A logistic model, its weights held positive, on what seems an interruption by times in the natural talk of
FOLDER (``tests/benchmarks/natural_turns.py``), at natural rates. What a careful reader might call an
interruption counts as half of one. Each dialogue held out in turn says what the file's figures come to; the
features were chosen by reading the same dialogues. The lists of words in the file are kept.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from pipeline.records import Role
from pipeline.settings import CONFIG_DIR, load_settings
from pipeline.turns.second_look import FILE, NAMES, SecondLook, features, load_second_look
from tests.benchmarks import natural_turns

LANGUAGE = "en"
RIDGE = 0.5
BORDERLINE = 0.5
UNSURE_OTHER, UNLABELED = 0.6, 0.7
"""Weights of an unsure other kind, and of what was read for interruptions only and is none."""
LIMITS = (0.2, 0.25, 0.3, 0.4, 0.5)
DIGITS = 4

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """What seems an interruption, with its label where it has one."""

    dialogue: str
    by: Role
    label: Mapping[str, Any] | None
    values: tuple[float, ...]

    @property
    def true(self) -> bool:
        return self.label is not None and self.label["kind"] == "interruption"

    @property
    def borderline(self) -> bool:
        return self.label is not None and bool(self.label["borderline"])

    @property
    def surely_none(self) -> bool:
        return self.label is not None and self.label["certain"] and not self.true

    @property
    def weights(self) -> tuple[float, float]:
        """How much it counts as an interruption, and as none."""
        if self.label is None:
            return 0.0, UNLABELED
        if self.true or self.label["kind"] == "unclear":
            return float(self.true), 0.0
        if self.borderline:
            return BORDERLINE, 1 - BORDERLINE
        return 0.0, 1.0 if self.label["certain"] else UNSURE_OTHER


def examples(folder: Path, look: SecondLook) -> list[Example]:
    """All that seems an interruption by times and words alone."""
    settings = load_settings(assignments=["turns.interruption_probability=0"])
    labels = {
        (label["consultation"], label["by"], round(label["start_s"], 1)): label
        for label in natural_turns.labels(folder)
    }
    return [
        Example(
            dialogue["id"],
            item.event.by,
            labels.get((dialogue["id"], item.event.by, round(item.vocalization.start_s, 1))),
            tuple(features(item.encounter, look)[name] for name in NAMES),
        )
        for dialogue in natural_turns.dialogues(folder)
        for item in natural_turns.judged(dialogue, settings)
        if item.encounter is not None and item.event is not None and item.event.kind == "interruption"
    ]


def fitted(some: Sequence[Example]) -> Vector:
    """Weights of ``NAMES`` and a constant."""
    values = np.array([(*one.values, 1.0) for one in some])
    yes, no = np.array([one.weights for one in some]).T

    def loss(weights: Vector) -> tuple[float, Vector]:
        scores = values @ weights
        chances = 1 / (1 + np.exp(-scores))
        wrong = yes @ np.logaddexp(0, -scores) + no @ np.logaddexp(0, scores)
        slope = values.T @ ((yes + no) * chances - yes)
        slope[:-1] += RIDGE * weights[:-1]
        return float(wrong + RIDGE * weights[:-1] @ weights[:-1] / 2), slope

    bounds = [*((0.0, None) for _ in NAMES), (None, None)]
    found = minimize(loss, np.zeros(len(NAMES) + 1), jac=True, bounds=bounds, method="L-BFGS-B")
    return np.asarray(found.x, np.float64)


def chances(some: Sequence[Example], weights: Vector) -> Vector:
    scores = np.array([(*one.values, 1.0) for one in some]) @ weights
    return np.asarray(1 / (1 + np.exp(-scores)), np.float64)


def held_out(some: Sequence[Example]) -> Vector:
    """The chance of each by weights that have not seen its dialogue."""
    found = np.zeros(len(some))
    for out in sorted({one.dialogue for one in some}):
        inside = np.array([one.dialogue == out for one in some])
        weights = fitted([one for one in some if one.dialogue != out])
        found[inside] = chances([one for one in some if one.dialogue == out], weights)
    return found


def report(some: Sequence[Example], found: Vector) -> str:
    count = len({one.dialogue for one in some})
    agent = np.array([one.by == "agent" for one in some])
    true, borderline, none = (
        np.array([getattr(one, name) for one in some]) for name in ("true", "borderline", "surely_none")
    )
    lines = ["limit: agent's a conversation; found, borderline, surely none called one; customer's found"]
    for limit in LIMITS:
        called = found >= limit
        mine, theirs = called & agent, called & ~agent
        lines.append(
            f"{limit:.2f}: {mine.sum() / count:.2f}; {(mine & true).sum()} of {(agent & true).sum()}, "
            f"{(mine & borderline).sum()}, {(mine & none).sum()} of {(agent & none).sum()}; "
            f"{(theirs & true).sum()} of {(~agent & true).sum()}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("turns", type=Path, help="folder of labeled natural turn-taking")
    options = parser.parse_args(arguments)
    path = CONFIG_DIR / FILE.format(language=LANGUAGE)
    look = load_second_look(LANGUAGE)
    if look is None:
        sys.exit(f"{path.name}: is missing; its lists of words are not fitted")
    some = examples(options.turns, look)
    sys.stdout.write("each dialogue held out in turn\n" + report(some, held_out(some)) + "\n")
    *weights, constant = (round(float(one), DIGITS) for one in fitted(some))
    kept = json.loads(path.read_bytes())
    kept |= {"weights": dict(zip(NAMES, weights, strict=True)), "constant": constant}
    path.write_text(json.dumps(kept) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
