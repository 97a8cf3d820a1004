"""Fits the recognition of speech acts by meaning: ``make fit``.

An adapter of the embedding (``tests/benchmarks/adapt_embedding.py``) and one logistic regression an act, on
the labeled sentences that are not for the test, the examples of ``configs/speech_acts.en.yaml``, and the
sentences of other acts that the same speaker can do, unless acts overlap. Each fold of the sentences is
answered by a fit on the other folds. On these answers the sum of both is made a probability by a sigmoid
(Platt 1999), and a threshold is chosen for what phrases do not find. What is kept is a last fit, on all
folds.
"""

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional

from pipeline.guidance.embedding import SIZE
from pipeline.guidance.meaning import (
    VECTOR,
    ActWeights,
    WeightsFile,
    examples_sha256,
    features,
    pack,
    pack_adapter,
    word_runs,
)
from pipeline.guidance.patterns import bare_words
from pipeline.guidance.sentences import Sentence
from pipeline.guidance.speech_acts import SpeechAct, SpeechActs, load_speech_acts, weights_path
from pipeline.models import load_sentence_encoder, resolve_sentence_embedding
from pipeline.settings import load_settings
from tests.benchmarks.adapt_embedding import adapt, lower_layers
from tests.benchmarks.speech_acts import FOLDS, LANGUAGE, alike, fold, for_test, groups, labeled

Vector = npt.NDArray[np.float64]
Array = npt.NDArray[np.float32]

INVERSE_PENALTY = 10.0
STEPS = 50
LAST_LAYER = slice(VECTOR - SIZE, VECTOR)
"""The features that are read by the adapter's outputs alone."""
EVERY_FOLD = -1
"""Of texts that every fit learns from."""
OTHERS_WEIGHT = 0.3
"""Of a sentence of another act, which nobody has looked at with this act in mind."""
POSITIVES_SHARE = 0.5
"""Weight of all positive sentences together, relative to that of the others."""
GRAM_MIN_SENTENCES = 7
AIMED_PRECISION, AIMED_RECALL = 0.92, 0.8
"""Of phrases and meaning together; 0.9 is wanted of precision, but phrases were mended with these sentences
in view and are wrong more often in new ones."""
PHRASES_HOLD = 0.7
"""Share of what phrases find here that they would find had they not been written with it in view."""
LEAST_LIKELY = 0.5
MOST_LIKELY = 0.99
BLUR = 0.3
"""Scale of the logistic distribution, in logits, that an answer stands for where a threshold is chosen: a
sentence more or less near it should not decide."""


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
    own = {each.text: each.positive for each in labeled() if each.act == act.id and not for_test(each.text)}
    others = [other for other in acts.acts.values() if not _overlap(act, other) and _may_meet(act, other)]
    names = {other.id for other in others}
    found = [Case(text, positive, 1.0, fold(text), True) for text, positive in own.items()]
    found += [Case(text, True, 1.0, None, False) for text in examples[act.id]]
    strange = {
        each.text
        for each in labeled()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned; ``truth`` and ``weight`` have shape (texts, acts), weight 0 says nothing."""

    texts: tuple[str, ...]
    truth: Array
    weight: Array
    fold: npt.NDArray[np.int_]

    def rows(self, cases: Sequence[Case]) -> list[int]:
        row = {text: index for index, text in enumerate(self.texts)}
        return [row[case.text] for case in cases]


def lesson_of(cases: Sequence[Sequence[Case]]) -> Lesson:
    """The cases of all acts side by side."""
    folds = dict.fromkeys((case.text for own in cases for case in own), EVERY_FOLD)
    folds |= {case.text: case.fold for own in cases for case in own if case.fold is not None}
    texts = tuple(sorted(folds))
    row = {text: index for index, text in enumerate(texts)}
    truth = np.zeros((len(texts), len(cases)), np.float32)
    weight = np.zeros_like(truth)
    for act, own in enumerate(cases):
        for case in own:
            truth[row[case.text], act] = case.positive
            weight[row[case.text], act] = case.weight
    share = POSITIVES_SHARE * (weight * (1 - truth)).sum(axis=0) / (weight * truth).sum(axis=0)
    return Lesson(
        texts=texts,
        truth=truth,
        weight=np.where(truth == 1, weight * share, weight),
        fold=np.array([folds[text] for text in texts]),
    )


def describe(texts: Sequence[str], acts: SpeechActs) -> tuple[Array, tuple[str, ...]]:
    """The features of texts, and the runs of words among them."""
    sentences = [_sentence(text, acts) for text in texts]
    counts = Counter(run for sentence in sentences for run in set(word_runs(sentence)))
    grams = tuple(sorted(run for run, count in counts.items() if count >= GRAM_MIN_SENTENCES))
    vectors = load_sentence_encoder(resolve_sentence_embedding(load_settings().models)).encode(texts)
    return features(sentences, vectors, {gram: index for index, gram in enumerate(grams)}), grams


def _sentence(text: str, acts: SpeechActs) -> Sentence:
    return Sentence(
        turn=0, speaker="agent", start_s=0.0, end_s=0.0, text=text, question=acts.is_question(text)
    )


def regressions(matrix: Array, truth: Array, weight: Array) -> tuple[Array, Array]:
    """Weights (features, acts) and intercepts of one logistic regression an act, all fitted at once."""
    torch.manual_seed(0)
    seen, said, counts = torch.from_numpy(matrix), torch.from_numpy(truth), torch.from_numpy(weight)
    weights = torch.zeros(matrix.shape[1], truth.shape[1], requires_grad=True)
    intercepts = torch.zeros(truth.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights, intercepts],
        max_iter=STEPS,
        history_size=8,
        tolerance_grad=1e-3,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = seen @ weights + intercepts
        losses = functional.binary_cross_entropy_with_logits(logits, said, reduction="none")
        total = (losses * counts).sum() + weights.square().sum() / (2 * INVERSE_PENALTY)
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach().numpy(), intercepts.detach().numpy()


def cross_fitted(lesson: Lesson, tokens: Sequence[Tensor], lower: Array) -> Vector:
    """What fits on the other folds answer to each text, shape (texts, acts); NaN where every fit learns."""
    answers = np.full(lesson.truth.shape, np.nan)
    for held_out in range(FOLDS):
        asked, learned = np.flatnonzero(lesson.fold == held_out), np.flatnonzero(lesson.fold != held_out)
        truth, weight = lesson.truth[learned], lesson.weight[learned]
        weights, intercepts = regressions(lower[learned], truth, weight)
        adapted = adapt(
            [tokens[row] for row in learned.tolist()], truth, weight, [tokens[row] for row in asked.tolist()]
        )
        answers[asked] = lower[asked] @ weights + intercepts + adapted.answers
    return answers


@dataclass(frozen=True, slots=True)
class Validation:
    """What cross-fitting says of one act, on its own labeled sentences; ``precision`` and ``recall`` are of
    phrases and meaning together."""

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


def validate(act: SpeechAct, acts: SpeechActs, cases: Sequence[Case], answers: Vector) -> Validation:
    """Calibrate one act and choose its threshold."""
    own = np.array([case.own for case in cases])
    truth = np.array([case.positive for case in cases])
    platt = LogisticRegression(C=10.0).fit(answers[own].reshape(-1, 1), truth[own])
    slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    logits = slope * answers + offset
    reach = load_settings().acts.negation_reach_words
    phrase = np.array(
        [
            acts.has_phrase(act, case.text, question=acts.is_question(case.text), reach_words=reach)
            for case in cases
        ]
    )
    limit = _threshold(logits[own], truth[own], phrase[own])
    found = phrase | (logits >= limit)
    return Validation(
        act=act.id,
        threshold=float(expit(limit)),
        phrase_precision=((phrase & own & truth).sum() + 1) / ((phrase & own).sum() + 2),
        slope=slope,
        offset=offset,
        precision=float(truth[found & own].mean()),
        recall=float(found[own & truth].mean()),
        wrong=_texts(cases, own & ~truth & found),
        missed=_texts(cases, own & truth & ~found),
        strange=_texts(cases, ~own & ~truth & found),
    )


def _threshold(logits: Vector, truth: npt.NDArray[np.bool_], phrase: npt.NDArray[np.bool_]) -> float:
    """The logit with most room to the precision and to the recall aimed at, each in its standard errors."""
    limits = np.linspace(logit(LEAST_LIKELY), logit(MOST_LIKELY), 200)
    found = expit((logits - limits[:, None]) / BLUR)
    found = np.where(phrase, PHRASES_HOLD + (1 - PHRASES_HOLD) * found, found)
    precision, recall = found[:, truth].sum(axis=1) / found.sum(axis=1), found[:, truth].mean(axis=1)
    room = [
        (share - aim) / np.sqrt(aim * (1 - aim))
        for share, aim in ((precision, AIMED_PRECISION), (recall, AIMED_RECALL))
    ]
    return float(limits[np.minimum(*room).argmax()])


def _texts(cases: Sequence[Case], chosen: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(case.text for case, one in zip(cases, chosen, strict=True) if one)


def fit(acts: SpeechActs) -> tuple[WeightsFile, list[Validation]]:
    """The weights of all acts that sentences are labeled for, and what cross-fitting says of them."""
    examples = usable_examples(acts)
    names = [name for name in acts.acts if any(each.act == name for each in labeled())]
    cases = [cases_of(acts.acts[name], acts, examples) for name in names]
    lesson = lesson_of(cases)
    matrix, grams = describe(lesson.texts, acts)
    lower = np.delete(matrix, LAST_LAYER, axis=1)
    tokens = lower_layers(lesson.texts)
    answers = cross_fitted(lesson, tokens, lower)
    validations = [
        validate(acts.acts[name], acts, own, answers[lesson.rows(own), act])
        for act, (name, own) in enumerate(zip(names, cases, strict=True))
    ]
    adapted = adapt(tokens, lesson.truth, lesson.weight, ())
    weights, intercepts = regressions(lower, lesson.truth, lesson.weight)
    weights = np.insert(weights, [LAST_LAYER.start] * SIZE, adapted.outputs, axis=0)
    intercepts = intercepts + adapted.intercepts
    model = resolve_sentence_embedding(load_settings().models)
    return WeightsFile(
        model=model.name,
        model_sha256=model.sha256,
        examples_sha256=examples_sha256(acts),
        sentences_sha256=sentences_sha256(),
        adapter=pack_adapter(adapted.adapter),
        grams=grams,
        acts={
            checked.act: _act_weights(checked, weights[:, act], float(intercepts[act]))
            for act, checked in enumerate(validations)
        },
    ), validations


def _act_weights(checked: Validation, weights: Array, intercept: float) -> ActWeights:
    packed, scale = pack(checked.slope * weights.astype(np.float64))
    return ActWeights(
        threshold=round(checked.threshold, 3),
        phrase_precision=round(checked.phrase_precision, 3),
        intercept=round(checked.slope * intercept + checked.offset, 4),
        scale=scale,
        weights=packed,
    )


def sentences_sha256() -> str:
    """Identity of all labeled sentences."""
    lines = (f"{each.act}\t{each.positive}\t{each.text}\n" for each in labeled())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def table(validations: Sequence[Validation], *, errors: bool) -> str:
    lines = [f"{'act (cross-fitted)':<24}{'threshold':>10}{'phrases':>9}{'precision':>11}{'recall':>8}"]
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
    parser.add_argument("--errors", action="store_true", help="show what cross-fitting gets wrong")
    options = parser.parse_args(arguments)
    file, validations = fit(load_speech_acts(LANGUAGE))
    weights_path(LANGUAGE).write_text(file.model_dump_json(indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(validations, errors=options.errors) + "\n")


if __name__ == "__main__":
    main()
