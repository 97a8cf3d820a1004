"""Weights of the cues that tell agent from customer: ``python -m tests.benchmarks.fit_roles [--write]``.

Logistic regression without intercept on the training dialogues and every part of them (a call may be cut
short), each dialogue counting as one. A weight never turns against its section. How strongly weights are held
down is chosen by cross-validation over dialogues, and so is the factor that all are then multiplied by, so
that confidence is right on dialogues that were not seen. Then, on the test dialogues: accuracy, Brier score,
expected calibration error. ``--write`` puts the weights into ``configs/roles.en.yaml``.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar

from pipeline.records import Turn
from pipeline.settings import CONFIG_DIR, SpeakersSettings, load_settings
from pipeline.speakers.roles import RoleCues, assign_roles, contrasts, load_role_cues
from tests.speakers.dialogues import Dialogue, split

LANGUAGE = "en"
PENALTIES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
FOLDS = 8
BINS = 10

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Examples:
    """``features`` of shape (n, cues), ``shares`` of weight and ``group``, the dialogue, of shape (n,).

    All are of agents first; a customer first is the same with the signs turned, so it adds nothing.
    """

    features: Array
    shares: Array
    group: npt.NDArray[np.int_]

    def where(self, mask: npt.NDArray[np.bool_]) -> "Examples":
        return Examples(self.features[mask], self.shares[mask], self.group[mask])


def examples(dialogues: Sequence[Dialogue], known: RoleCues) -> Examples:
    rows, shares, group = [], [], []
    for number, dialogue in enumerate(dialogues):
        parts = list(dialogue.parts())
        for part in parts:
            rows.append(list(contrasts(part, known).values()))
            shares.append(1 / len(parts))
            group.append(number)
    return Examples(np.array(rows), np.array(shares), np.array(group))


def fit(of: Examples, signs: Array, penalty: float) -> Array:
    """Weights with the least loss and penalty, none with another sign than its own."""

    def objective(weights: Array) -> tuple[float, Array]:
        margin = of.features @ weights
        slope = -of.shares / (1 + np.exp(margin))
        loss = (of.shares * np.logaddexp(0.0, -margin)).sum() / of.shares.sum()
        gradient = of.features.T @ slope / of.shares.sum()
        return float(loss + penalty * weights @ weights), gradient + 2 * penalty * weights

    bounds = [(0, None) if sign > 0 else (None, 0) if sign < 0 else (None, None) for sign in signs]
    found = minimize(objective, np.zeros(signs.size), jac=True, bounds=bounds, method="L-BFGS-B")
    weights: Array = found.x
    return weights


def unseen_margins(of: Examples, signs: Array, penalty: float) -> Array:
    """Log odds of every example by weights that were fitted without its dialogue, shape (n,)."""
    margins = np.zeros(of.shares.size)
    for fold in range(FOLDS):
        out = of.group % FOLDS == fold
        margins[out] = of.where(out).features @ fit(of.where(~out), signs, penalty)
    return margins


def fit_weights(of: Examples, signs: Array) -> Array:
    """Weights with the penalty and the factor that are best on unseen dialogues."""

    def loss(margins: Array, factor: float = 1.0) -> float:
        return float((of.shares * np.logaddexp(0.0, -factor * margins)).sum() / of.shares.sum())

    unseen = {penalty: unseen_margins(of, signs, penalty) for penalty in PENALTIES}
    for penalty, margins in unseen.items():
        print(f"penalty {penalty:<7} log loss on unseen dialogues {loss(margins):.4f}")
    penalty = min(unseen, key=lambda each: loss(unseen[each]))
    factor = minimize_scalar(lambda each: loss(unseen[penalty], each), bounds=(0.2, 5), method="bounded").x
    print(f"penalty {penalty}, factor {factor:.2f}: {loss(unseen[penalty], factor):.4f}")
    return factor * fit(of, signs, penalty)


def report(name: str, probabilities: Sequence[float], settings: SpeakersSettings) -> None:
    """Figures of the probabilities that were given to the true agent."""
    of = np.array(probabilities)
    both = np.concatenate([of, 1 - of])
    truth = np.concatenate([np.ones(of.size), np.zeros(of.size)])
    place = np.minimum((both * BINS).astype(int), BINS - 1)
    calibration = sum(
        abs(float((truth - both)[place == each].sum())) for each in range(BINS) if (place == each).any()
    )
    sure = np.maximum(of, 1 - of) >= settings.role_confidence_min
    print(
        f"{name:<28} n {of.size:4d}  accuracy {(of > 0.5).mean():.3f}  Brier {np.square(1 - of).mean():.4f}  "
        f"ECE {calibration / both.size:.4f}  decided {sure.mean():.3f}  "
        f"of these right {(of[sure] > 0.5).mean():.4f}"
    )


def probability(turns: Sequence[Turn], settings: SpeakersSettings) -> float:
    """The probability that is given to the true agent."""
    sure = settings.model_copy(update={"role_confidence_min": 0.5})
    guess = assign_roles(turns, LANGUAGE, sure)
    return guess.confidence if guess.agent in ("agent", None) else 1 - guess.confidence


def evaluate(settings: SpeakersSettings) -> None:
    """Print the figures of the weights that are in the file."""
    train, test = split()
    for name, dialogues in (("train", train), ("test", test)):
        report(f"{name}, whole", [probability(each.turns, settings) for each in dialogues], settings)
        report(
            f"{name}, parts",
            [probability(part, settings) for each in dialogues for part in each.parts()],
            settings,
        )
    for length in (2, 4, 6, 8, 10):
        parts = [part for each in test for part in each.parts() if len(part) == length]
        report(f"test, {length} turns", [probability(part, settings) for part in parts], settings)
    for each in test:
        found = probability(each.turns, settings)
        if found < settings.role_confidence_min:
            print(f"  {each.name}: {found:.3f}")


def write(weights: dict[str, float]) -> None:
    """Put weights into the file, which stays as it is otherwise."""
    path = CONFIG_DIR / f"roles.{LANGUAGE}.yaml"
    text = path.read_text(encoding="utf-8")
    for name, weight in weights.items():
        text, times = re.subn(
            rf"(^ *{name}:\n(?: *#.*\n)* *weight: ).*$", rf"\g<1>{weight:.2f}", text, flags=re.MULTILINE
        )
        assert times == 1, name
    path.write_text(text, encoding="utf-8")
    load_role_cues.cache_clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the weights into configs/roles.en.yaml")
    arguments = parser.parse_args()
    settings = load_settings().speakers
    known = load_role_cues(LANGUAGE)
    assert known is not None
    sign_of = {each.id: each.sign for each in known.phrases}
    signs = np.array([sign_of.get(name, 0.0) for name in known.weights])
    train, _ = split()
    of = examples(train, known)
    weights = dict(zip(known.weights, fit_weights(of, signs), strict=True))
    for (name, weight), column in zip(weights.items(), of.features.T, strict=True):
        print(f"  {name:<26} {weight:6.2f}  in {(column != 0).mean():.0%} of parts")
    if arguments.write:
        write({name: weight * (sign_of.get(name) or 1.0) for name, weight in weights.items()})
    evaluate(settings)


if __name__ == "__main__":
    main()
