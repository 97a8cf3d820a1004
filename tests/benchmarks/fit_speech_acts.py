"""Fits the recognition of speech acts by meaning: ``make fit``.

One logistic regression an act on the labelled sentences that are not for the test, the examples of
``configs/speech_acts.en.yaml``, and the sentences of other acts that the same speaker can do, unless acts
overlap. Its output is made a probability by a sigmoid (Platt 1999) on what five-fold cross-validation gives,
where a threshold is chosen: for precision first, then for recall.
"""

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from pipeline.guidance.meaning import ActWeights, WeightsFile, examples_sha256, features, pack, word_runs
from pipeline.guidance.patterns import bare_words
from pipeline.guidance.sentences import Sentence
from pipeline.guidance.speech_acts import SpeechAct, SpeechActs, load_speech_acts, weights_path
from pipeline.models import load_sentence_encoder, resolve_sentence_embedding
from pipeline.settings import load_settings
from tests.benchmarks.speech_acts import FOLDS, LANGUAGE, alike, fold, for_test, groups, labelled

Vector = npt.NDArray[np.float64]

INVERSE_PENALTY = 10.0
OTHERS_WEIGHT = 0.3
"""Of a sentence of another act, which nobody has looked at with this act in mind."""
POSITIVES_SHARE = 0.5
"""Weight of all positive sentences together, relative to that of the others."""
GRAM_MIN_SENTENCES = 7
AIMED_PRECISION = 0.9
"""Of meaning alone, in cross-validation."""


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence to fit one act on; ``fold`` is ``None`` for what every fold learns from."""

    text: str
    positive: bool
    weight: float
    fold: int | None
    own: bool


def cases_of(act: SpeechAct, acts: SpeechActs, examples: dict[str, list[str]]) -> list[Case]:
    """What ``act`` is fitted on."""
    own = {each.text: each.positive for each in labelled() if each.act == act.id and not for_test(each.text)}
    others = [other for other in acts.acts.values() if not _overlap(act, other) and _may_meet(act, other)]
    names = {other.id for other in others}
    found = [Case(text, positive, 1.0, fold(text), True) for text, positive in own.items()]
    found += [Case(text, True, 1.0, None, False) for text in examples[act.id]]
    strange = {
        each.text
        for each in labelled()
        if each.act in names and each.positive and each.text not in own and not for_test(each.text)
    }
    found += [Case(text, False, OTHERS_WEIGHT, fold(text), False) for text in sorted(strange)]
    found += [
        Case(text, False, OTHERS_WEIGHT, None, False) for other in others for text in examples[other.id]
    ]
    return found


def _overlap(one: SpeechAct, other: SpeechAct) -> bool:
    return one.id == other.id or one.id in other.entry.overlaps or other.id in one.entry.overlaps


def _may_meet(one: SpeechAct, other: SpeechAct) -> bool:
    return "both" in (one.entry.by, other.entry.by) or one.entry.by == other.entry.by


def usable_examples(acts: SpeechActs) -> dict[str, list[str]]:
    """The examples of each act without those that are nearly a test sentence."""
    hidden = [frozenset(bare_words(text)) for text in groups() if for_test(text)]
    return {
        name: [
            text
            for text in act.entry.examples
            if not any(alike(frozenset(bare_words(text)), words) for words in hidden)
        ]
        for name, act in acts.acts.items()
    }


@dataclass(frozen=True, slots=True)
class Described:
    """The features of all sentences that are learned from, by text."""

    rows: dict[str, int]
    matrix: npt.NDArray[np.float64]
    grams: tuple[str, ...]

    def of(self, cases: Sequence[Case]) -> npt.NDArray[np.float64]:
        return self.matrix[[self.rows[case.text] for case in cases]]


def describe(texts: Sequence[str], acts: SpeechActs) -> Described:
    model = resolve_sentence_embedding(load_settings().models)
    sentences = [_sentence(text, acts) for text in texts]
    counts = Counter(run for sentence in sentences for run in set(word_runs(sentence)))
    grams = tuple(sorted(run for run, count in counts.items() if count >= GRAM_MIN_SENTENCES))
    vectors = load_sentence_encoder(model).encode(texts)
    matrix = features(sentences, vectors, {gram: index for index, gram in enumerate(grams)})
    return Described({text: row for row, text in enumerate(texts)}, matrix.astype(np.float64), grams)


def _sentence(text: str, acts: SpeechActs) -> Sentence:
    return Sentence(
        turn=0, speaker="agent", start_s=0.0, end_s=0.0, text=text, question=acts.is_question(text)
    )


def regression(described: Described, cases: Sequence[Case]) -> LogisticRegression:
    truth = np.array([case.positive for case in cases])
    weights = np.array([case.weight for case in cases])
    weights[truth] *= POSITIVES_SHARE * weights[~truth].sum() / weights[truth].sum()
    model = LogisticRegression(
        C=INVERSE_PENALTY, solver="liblinear", dual=True, tol=1e-2, max_iter=1000, random_state=0
    )
    return model.fit(described.of(cases), truth, sample_weight=weights)


def cross_validated(described: Described, cases: Sequence[Case]) -> Vector:
    """The output for each case of a fit that has not seen it; NaN for what every fold learns from."""
    outputs = np.full(len(cases), np.nan)
    for number in range(FOLDS):
        model = regression(described, [case for case in cases if case.fold != number])
        held_out = [index for index, case in enumerate(cases) if case.fold == number]
        outputs[held_out] = model.decision_function(described.of([cases[index] for index in held_out]))
    return outputs


@dataclass(frozen=True, slots=True)
class Validation:
    """What cross-validation says of one act, on its own labelled sentences."""

    act: str
    threshold: float
    phrase_precision: float
    slope: float
    offset: float
    precision: float
    recall: float
    wrong: tuple[str, ...]
    missed: tuple[str, ...]
    strange: tuple[str, ...]


def validate(act: SpeechAct, acts: SpeechActs, cases: Sequence[Case], outputs: Vector) -> Validation:
    """Calibrate one act and choose its threshold."""
    own = np.array([case.own for case in cases])
    truth = np.array([case.positive for case in cases])
    platt = LogisticRegression(C=10.0).fit(outputs[own].reshape(-1, 1), truth[own])
    slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    likely = 1 / (1 + np.exp(-(slope * outputs + offset)))
    reach = load_settings().acts.negation_reach_words
    phrase = np.array(
        [
            acts.has_phrase(act, case.text, question=acts.is_question(case.text), reach_words=reach)
            for case in cases
        ]
    )
    hits, right = int((phrase & own).sum()), int((phrase & own & truth).sum())
    threshold = _threshold(likely[own], truth[own])
    found = phrase | (likely >= threshold)
    return Validation(
        act=act.id,
        threshold=threshold,
        phrase_precision=(right + 1) / (hits + 2),
        slope=slope,
        offset=offset,
        precision=float(truth[found & own].mean()) if (found & own).any() else 0.0,
        recall=float(found[own & truth].mean()),
        wrong=_texts(cases, own & ~truth & found),
        missed=_texts(cases, own & truth & ~found),
        strange=_texts(cases, ~own & ~truth & found),
    )


def _threshold(likely: Vector, truth: npt.NDArray[np.bool_]) -> float:
    """The least probability over 0.5 that keeps the precision aimed at, or comes nearest to it.

    Phrases have no say here: they were written with the same sentences in view.
    """
    best = (0.0, 0.0, 1.0)
    for threshold in sorted({0.5, *(float(p) for p in likely if p > 0.5)}):
        found = likely >= threshold
        precision = float(truth[found].mean()) if found.any() else 0.0
        best = max(best, (min(precision, AIMED_PRECISION), float(found[truth].mean()), threshold))
    return best[2]


def _texts(cases: Sequence[Case], chosen: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(case.text for case, one in zip(cases, chosen, strict=True) if one)


def fit(acts: SpeechActs) -> tuple[WeightsFile, list[Validation]]:
    """The weights of all acts that sentences are labelled for, and what cross-validation says of them."""
    examples = usable_examples(acts)
    names = [name for name in acts.acts if any(each.act == name for each in labelled())]
    cases = {name: cases_of(acts.acts[name], acts, examples) for name in names}
    described = describe(sorted({case.text for own in cases.values() for case in own}), acts)
    fitted, validations = {}, []
    for name in names:
        checked = validate(acts.acts[name], acts, cases[name], cross_validated(described, cases[name]))
        model = regression(described, cases[name])
        weights, scale = pack(checked.slope * model.coef_[0])
        fitted[name] = ActWeights(
            threshold=round(checked.threshold, 3),
            phrase_precision=round(checked.phrase_precision, 3),
            intercept=round(checked.slope * float(model.intercept_[0]) + checked.offset, 4),
            scale=scale,
            weights=weights,
        )
        validations.append(checked)
    model = resolve_sentence_embedding(load_settings().models)
    return WeightsFile(
        model=model.name,
        model_sha256=model.sha256,
        examples_sha256=examples_sha256(acts),
        sentences_sha256=sentences_sha256(),
        grams=described.grams,
        acts=fitted,
    ), validations


def sentences_sha256() -> str:
    """Identity of all labelled sentences."""
    lines = (f"{each.act}\t{each.positive}\t{each.text}\n" for each in labelled())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def table(validations: Sequence[Validation], *, errors: bool) -> str:
    lines = [f"{'act (cross-validated)':<24}{'threshold':>10}{'phrases':>9}{'precision':>11}{'recall':>8}"]
    for one in validations:
        lines.append(
            f"{one.act:<24}{one.threshold:>10.2f}{one.phrase_precision:>9.2f}{one.precision:>11.2f}"
            f"{one.recall:>8.2f}"
        )
        if errors:
            for what in ("wrong", "missed", "strange"):
                lines += [f"    {what}: {text}" for text in getattr(one, what)]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", action="store_true", help="show what cross-validation gets wrong")
    options = parser.parse_args(arguments)
    file, validations = fit(load_speech_acts(LANGUAGE))
    weights_path(LANGUAGE).write_text(file.model_dump_json(indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(validations, errors=options.errors) + "\n")


if __name__ == "__main__":
    main()
