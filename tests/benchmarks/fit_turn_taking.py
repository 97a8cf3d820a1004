"""Fits configs/turn_taking.yaml: ``python -m tests.benchmarks.fit_turn_taking``.

A multinomial logistic model with a ridge over the features of :mod:`pipeline.turns.weighing`, on the training
cases of tests/data/turntaking (never on the test cases) and further ones of the kinds that are easily taken
for another, with the words as recognized. Calls held out in turn choose the ridge, the margin at which
the model overrules the rules, and the temperature that makes its probabilities come true; then all training
cases are fitted. The same cases give the same file.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from pipeline.settings import CONFIG_DIR, Settings, load_settings
from pipeline.turns.events import by_rules
from pipeline.turns.weighing import (
    FILE,
    KINDS,
    NONE,
    RULES_LOSE_IN_NOISE,
    features,
    possible_kinds,
)
from tests.benchmarks.turn_taking import COLLAR_S, Heard, hear, judged, load_whisper, true_events
from tests.data.turntaking.make_cases import Scenario, cases, more_cases

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.intp]

RIDGES = (0.3, 1.0, 3.0, 10.0)
MARGINS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.01)
"""The model overrules where it gives its kind this much more than the rules'; 1.01 is never. The limits are
the definition, so that it takes clear evidence to leave them."""
STEPS = 60


@dataclass(frozen=True, slots=True)
class Examples:
    """Encounters: features (n, f), true kinds and kinds by the rules (n,), and the call of each holder.

    ``allowed`` (n, kinds) are the kinds that the rules leave room for.
    """

    names: tuple[str, ...]
    inputs: Matrix
    truth: Vector
    rules: Vector
    allowed: npt.NDArray[np.bool_]
    calls: tuple[str, ...]

    def where(self, mask: npt.NDArray[np.bool_]) -> "Examples":
        chosen = tuple(one for one, inside in zip(self.calls, mask, strict=True) if inside)
        parts = self.inputs[mask], self.truth[mask], self.rules[mask], self.allowed[mask]
        return Examples(self.names, *parts, chosen)


def examples(some: Sequence[Heard], settings: Settings) -> Examples:
    """Every encounter that is weighed, with the kind that is true of it."""
    rows, truth, rules, allowed, calls = [], [], [], [], []
    names: tuple[str, ...] = ()
    for one in some:
        for item in judged(one, settings):
            if item.encounter is None:
                continue
            verdict = by_rules(item.encounter, settings.turns)
            values = features(item.encounter, verdict, settings.turns)
            names = tuple(values)
            true = [
                kind
                for kind, by, at_s in true_events(one.case)
                if by == item.encounter.by and abs(at_s - item.encounter.start_s) <= COLLAR_S
            ]
            rows.append(list(values.values()))
            truth.append(KINDS.index(true[0] if true else NONE))
            rule = verdict.kind or NONE
            rules.append(KINDS.index(rule))
            possible = possible_kinds(rule, item.encounter, settings.turns)
            allowed.append([kind in possible for kind in KINDS])
            calls.append(_call_of(one.case.scenario))
    parts = np.array(rows), np.array(truth), np.array(rules), np.array(allowed)
    return Examples(names, *parts, tuple(calls))


def _call_of(scenario: Scenario) -> str:
    """The sample call that the longest piece is from."""
    pieces = [placed.piece for placed in scenario.placed if placed.piece is not None]
    return max(pieces, key=lambda piece: piece.last - piece.first).call


def probabilities(inputs: Matrix, weights: Matrix, temperature: float = 1.0) -> Matrix:
    """(n, kinds) from (n, f) and (f, kinds)."""
    scores = inputs @ weights / temperature
    scores -= scores.max(axis=1, keepdims=True)
    raised: Matrix = np.exp(scores)
    return raised / raised.sum(axis=1, keepdims=True)


def fit(data: Examples, ridge: float) -> Matrix:
    """Weights (f, kinds) by Newton's method with a Boehning bound, which needs no step length."""
    size, kinds = data.inputs.shape[1], len(KINDS)
    weights = np.zeros((size, kinds))
    wanted = np.eye(kinds)[data.truth]
    curvature = np.linalg.inv(0.5 * data.inputs.T @ data.inputs + ridge * np.eye(size))
    for _ in range(STEPS * 10):
        slope = data.inputs.T @ (wanted - probabilities(data.inputs, weights)) - ridge * weights
        weights += curvature @ slope
    return weights


def decide(chances: Matrix, data: Examples, margin: float) -> Vector:
    """The rules' kind, unless another that they leave room for is likelier by more than a margin."""
    best = np.where(data.allowed, chances, 0.0).argmax(axis=1)
    rows = np.arange(data.rules.size)
    noise = data.inputs[:, data.names.index("noise")]
    least = margin * (1 - RULES_LOSE_IN_NOISE * noise)
    overruled = chances[rows, best] - chances[rows, data.rules] > least
    return np.where(overruled, best, data.rules)


def f1(decided: Vector, truth: Vector) -> float:
    """Mean over the kinds of event; interruption counts twice, as it is what people are told of."""
    scores = []
    for kind in (*range(1, len(KINDS)), KINDS.index("interruption")):
        hit = int(((decided == kind) & (truth == kind)).sum())
        total = int((decided == kind).sum() + (truth == kind).sum())
        scores.append(2 * hit / total if total else 1.0)
    return float(np.mean(scores))


def out_of_fold(data: Examples, ridge: float) -> Matrix:
    """Probabilities of every example by a model that has not seen its call."""
    calls = np.array(data.calls)
    chances = np.zeros((data.truth.size, len(KINDS)))
    for call in sorted(set(data.calls)):
        weights = fit(data.where(calls != call), ridge)
        chances[calls == call] = probabilities(data.inputs[calls == call], weights)
    return chances


def log_loss(chances: Matrix, truth: Vector) -> float:
    return float(-np.log(np.maximum(chances[np.arange(truth.size), truth], 1e-9)).mean())


def tempered(chances: Matrix, temperature: float) -> Matrix:
    raised: Matrix = np.maximum(chances, 1e-12) ** (1 / temperature)
    return raised / raised.sum(axis=1, keepdims=True)


def choose(data: Examples) -> dict[str, object]:
    """Weights and what was chosen for them, with the evidence."""
    held_out = {ridge: out_of_fold(data, ridge) for ridge in RIDGES}
    ridge = min(RIDGES, key=lambda one: log_loss(held_out[one], data.truth))
    chances = held_out[ridge]
    temperatures = np.arange(0.6, 2.01, 0.1).round(1).tolist()
    temperature = min(temperatures, key=lambda one: log_loss(tempered(chances, one), data.truth))
    chances = tempered(chances, temperature)
    margin = max(MARGINS, key=lambda one: (f1(decide(chances, data, one), data.truth), -one))
    weights = fit(data, ridge)
    return {
        "encounters": int(data.truth.size),
        "ridge": ridge,
        "temperature": temperature,
        "overrule_margin": margin,
        "f1_rules": round(f1(data.rules, data.truth), 3),
        "f1_cross_validated": round(f1(decide(chances, data, margin), data.truth), 3),
        "log_loss_cross_validated": round(log_loss(chances, data.truth), 3),
        "weights": {
            kind: {name: round(float(weights[row, column]), 3) for row, name in enumerate(data.names)}
            for column, kind in enumerate(KINDS)
        },
    }


def write(chosen: dict[str, object], path: Path) -> None:
    head = (
        "# How much each feature of an encounter speaks for each kind of event; see\n"
        "# docs/measures/turn-taking.md. Written by `python -m tests.benchmarks.fit_turn_taking` from the\n"
        "# training cases of tests/data/turntaking; not to be edited by hand. Scores are on calls\n"
        "# held out in turn.\n\n"
    )
    path.write_text(head + yaml.safe_dump(chosen, sort_keys=False), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=CONFIG_DIR / FILE)
    options = parser.parse_args(arguments)
    settings = load_settings()
    recognizer = load_whisper(settings)
    heard = [one for some in (cases("train"), more_cases()) for one in hear(some, settings, recognizer)]
    chosen = choose(examples(heard, settings))
    write(chosen, options.out)
    sys.stdout.write("".join(f"{key}: {value}\n" for key, value in chosen.items() if key != "weights"))


if __name__ == "__main__":
    main()
