"""Fits configs/second_look.en.json: ``python -m tests.benchmarks.fit_second_look FOLDER``.

Boosted trees on what seems an interruption by times and sound: the labeled overlaps of natural talk in FOLDER
(``tests/benchmarks/natural_turns.py``) and the training snippets of tests/data/turntaking, with the words as
recognized. Natural talk is nearly all help and hand-over; its few interruptions count more. Dialogues and
snippets held out in turn say what the file's figures come to. The lists of words in the file are kept.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from pipeline.settings import CONFIG_DIR, Settings, load_settings
from pipeline.turns.second_look import FILE, INTERRUPTION, KINDS, SecondLook, features, load_second_look
from tests.benchmarks import natural_turns
from tests.benchmarks.turn_taking import COLLAR_S, hear, load_whisper, true_events
from tests.benchmarks.turn_taking import judged as judged_case
from tests.data.turntaking.make_cases import cases

LANGUAGE = "en"
ROUNDS, DEPTH, RATE, LEAST_IN_LEAF, RIDGE = 80, 3, 0.1, 8, 1.0
NATURAL_INTERRUPTION_WEIGHT = 8.0
FOLDS = 5
SAME = {"failed_attempt": "backchannel"}
"""Kinds that are no outcome of a second look, and what they are nearest to; others are hand-overs."""
DIGITS = 6

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    values: dict[str, float]
    kind: int
    weight: float
    group: str


def _kind(name: str) -> int:
    name = SAME.get(name, name)
    return KINDS.index(name) if name in KINDS else KINDS.index("terminal_overlap")  # type: ignore[arg-type]


def natural_examples(folder: Path, look: SecondLook, settings: Settings) -> list[Example]:
    found, _, _ = natural_turns.measure(folder, settings)
    return [
        Example(
            features(one.judged.encounter, look, settings.turns),
            kind := _kind(one.label["kind"]),
            NATURAL_INTERRUPTION_WEIGHT if kind == INTERRUPTION else 1.0,
            one.dialogue,
        )
        for one in found
        if one.found == "interruption"
        and one.judged is not None
        and one.judged.encounter is not None
        and one.label["kind"] != "unclear"
    ]


def made_examples(look: SecondLook, settings: Settings) -> list[Example]:
    found = []
    for number, one in enumerate(hear(cases("train"), settings, load_whisper(settings))):
        for item in judged_case(one, settings):
            if item.encounter is None or item.event is None or item.event.kind != "interruption":
                continue
            true = [
                kind
                for kind, by, at_s in true_events(one.case)
                if by == item.encounter.by and abs(at_s - item.encounter.start_s) <= COLLAR_S
            ]
            values = features(item.encounter, look, settings.turns)
            found.append(Example(values, _kind(true[0] if true else "none"), 1.0, f"made {number}"))
    return found


def trees_of(examples: Sequence[Example], names: Sequence[str]) -> HistGradientBoostingClassifier:
    model = HistGradientBoostingClassifier(
        max_iter=ROUNDS,
        max_depth=DEPTH,
        learning_rate=RATE,
        min_samples_leaf=LEAST_IN_LEAF,
        l2_regularization=RIDGE,
        random_state=0,
        early_stopping=False,
    )
    return model.fit(
        _matrix(examples, names),
        [one.kind for one in examples],
        sample_weight=[one.weight for one in examples],
    )


def _matrix(examples: Sequence[Example], names: Sequence[str]) -> Matrix:
    return np.array([[one.values[name] for name in names] for one in examples])


def written(model: Any, names: Sequence[str]) -> dict[str, Any]:
    """What the product reads of a fitted model."""
    trees = []
    for each in model._predictors:
        kinds = []
        for predictor in each:
            nodes = predictor.nodes
            inner = nodes["is_leaf"] == 0
            kinds.append(
                {
                    "feature": nodes["feature_idx"].tolist(),
                    "threshold": np.where(inner, nodes["num_threshold"], 0.0).tolist(),
                    "left": np.where(inner, nodes["left"], 0).tolist(),
                    "right": np.where(inner, nodes["right"], 0).tolist(),
                    "value": [round(float(one), DIGITS) for one in nodes["value"]],
                }
            )
        trees.append(kinds)
    start = np.asarray(model._baseline_prediction).reshape(-1)
    return {"names": list(names), "start": [round(float(one), DIGITS) for one in start], "trees": trees}


def held_out(examples: Sequence[Example], names: Sequence[str]) -> Matrix:
    """Probabilities of each example by trees that have not seen its dialogue or snippet."""
    groups = sorted({one.group for one in examples})
    fold = np.array([groups.index(one.group) % FOLDS for one in examples])
    chances = np.zeros((len(examples), len(KINDS)))
    for out in range(FOLDS):
        model = trees_of([one for one, at in zip(examples, fold, strict=True) if at != out], names)
        chances[fold == out] = model.predict_proba(_matrix(examples, names)[fold == out])
    return chances


def report(examples: Sequence[Example], chances: Matrix, settings: Settings) -> str:
    called = chances[:, INTERRUPTION] >= settings.turns.interruption_probability
    true = np.array([one.kind == INTERRUPTION for one in examples])
    made = np.array([one.group.startswith("made") for one in examples])
    return "\n".join(
        f"held out, {name}: {int((called & true & some).sum())} of {int((true & some).sum())} interruptions "
        f"found, {int((called & ~true & some).sum())} of {int((~true & some).sum())} others called one"
        for name, some in (("natural", ~made), ("made", made))
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("turns", type=Path, help="folder of labeled natural turn-taking")
    options = parser.parse_args(arguments)
    settings = load_settings(assignments=["turns.interruption_probability=0"])
    path = CONFIG_DIR / FILE.format(language=LANGUAGE)
    look = load_second_look(LANGUAGE)
    if look is None:
        sys.exit(f"{path.name}: is missing; its lists of words are not fitted")
    examples = [*natural_examples(options.turns, look, settings), *made_examples(look, settings)]
    names = sorted(examples[0].values)
    sys.stdout.write(report(examples, held_out(examples, names), load_settings()) + "\n")
    lists = json.loads(path.read_bytes())
    fitted = written(trees_of(examples, names), names)
    path.write_text(json.dumps(lists | fitted) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
