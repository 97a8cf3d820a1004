"""Fits the recognition of speech acts by meaning: ``make fit``.

An adapter of the embedding (``tests/benchmarks/adapt_embedding.py``) and one logistic regression an act, on
the labelled sentences that are not for the test, the examples of ``configs/speech_acts.en.yaml``, and the
sentences of other acts that the same speaker can do, unless acts overlap. Their sum is made a probability
by a sigmoid (Platt 1999) on a fold held out, where a threshold is chosen: for precision first, then for
recall. Then the regressions are fitted again on all folds; the adapter stays as it was.
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
from sklearn.linear_model import LogisticRegression
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
from tests.benchmarks.adapt_embedding import adapt
from tests.benchmarks.speech_acts import LANGUAGE, alike, fold, for_test, groups, labelled

Vector = npt.NDArray[np.float64]
Array = npt.NDArray[np.float32]

INVERSE_PENALTY = 10.0
STEPS = 50
LAST_LAYER = slice(VECTOR - SIZE, VECTOR)
"""The features that are read by the adapter's outputs alone."""
ADAPTED_SHARE = 1.0
"""Of the adapter's outputs, added to those of the regressions."""
HELD_OUT = 0
"""Fold of the training sentences that calibrates: neither the adapter nor the regressions see it then."""
OTHERS_WEIGHT = 0.3
"""Of a sentence of another act, which nobody has looked at with this act in mind."""
POSITIVES_SHARE = 0.5
"""Weight of all positive sentences together, relative to that of the others."""
GRAM_MIN_SENTENCES = 7
AIMED_PRECISION = 0.92
"""Of phrases and meaning together on held-out sentences; a little over what is wanted of others."""
LEAST_LIKELY = 0.5
AGAINST_SOMEBODY = frozenset({"blame", "rude_reply", "channel_switch", "rush", "abuse", "anger", "leave"})
AGAINST_LEAST_LIKELY = 0.8
"""Acts that are held against somebody have to be surer."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned; ``truth`` and ``weight`` have shape (texts, acts), weight 0 says nothing."""

    texts: tuple[str, ...]
    truth: Array
    weight: Array
    held_out: npt.NDArray[np.bool_]

    def rows(self, cases: Sequence[Case]) -> list[int]:
        row = {text: index for index, text in enumerate(self.texts)}
        return [row[case.text] for case in cases]


def lesson_of(cases: Sequence[Sequence[Case]]) -> Lesson:
    """The cases of all acts side by side."""
    folds = {case.text: case.fold for own in cases for case in own}
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
        held_out=np.array([folds[text] == HELD_OUT for text in texts]),
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
    optimiser = torch.optim.LBFGS(
        [weights, intercepts],
        max_iter=STEPS,
        history_size=8,
        tolerance_grad=1e-3,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        logits = seen @ weights + intercepts
        losses = functional.binary_cross_entropy_with_logits(logits, said, reduction="none")
        total = (losses * counts).sum() + weights.square().sum() / (2 * INVERSE_PENALTY)
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach().numpy(), intercepts.detach().numpy()


@dataclass(frozen=True, slots=True)
class Validation:
    """What the held-out fold says of one act, on its own labelled sentences."""

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
    asked = own & ~np.isnan(outputs)
    truth = np.array([case.positive for case in cases])
    platt = LogisticRegression(C=10.0).fit(outputs[asked].reshape(-1, 1), truth[asked])
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
    least = AGAINST_LEAST_LIKELY if act.id in AGAINST_SOMEBODY else LEAST_LIKELY
    threshold = _threshold(likely[asked], phrase[asked], truth[asked], least)
    found = (phrase & asked) | (likely >= threshold)
    return Validation(
        act=act.id,
        threshold=threshold,
        phrase_precision=(right + 1) / (hits + 2),
        slope=slope,
        offset=offset,
        precision=float(truth[found & asked].mean()) if (found & asked).any() else 0.0,
        recall=float(found[asked & truth].mean()),
        wrong=_texts(cases, asked & ~truth & found),
        missed=_texts(cases, asked & truth & ~found),
        strange=_texts(cases, ~own & ~truth & found),
    )


def _threshold(
    likely: Vector, phrase: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_], least: float
) -> float:
    """The least probability that keeps the precision aimed at, phrases included, or comes nearest to it."""
    best = (0.0, 0.0, 1.0)
    for threshold in sorted({least, *(float(p) for p in likely if p > least)}):
        found = phrase | (likely >= threshold)
        precision = float(truth[found].mean()) if found.any() else 0.0
        best = max(best, (min(precision, AIMED_PRECISION), float(found[truth].mean()), threshold))
    return best[2]


def _texts(cases: Sequence[Case], chosen: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(case.text for case, one in zip(cases, chosen, strict=True) if one)


def fit(acts: SpeechActs) -> tuple[WeightsFile, list[Validation]]:
    """The weights of all acts that sentences are labelled for, and what the held-out ones say of them."""
    examples = usable_examples(acts)
    names = [name for name in acts.acts if any(each.act == name for each in labelled())]
    cases = [cases_of(acts.acts[name], acts, examples) for name in names]
    lesson = lesson_of(cases)
    matrix, grams = describe(lesson.texts, acts)
    lower = np.delete(matrix, LAST_LAYER, axis=1)
    asked, learned = np.flatnonzero(lesson.held_out), np.flatnonzero(~lesson.held_out)
    adapted = adapt(
        [lesson.texts[row] for row in learned],
        lesson.truth[learned],
        lesson.weight[learned],
        [lesson.texts[row] for row in asked],
    )
    weights, intercepts = regressions(lower[learned], lesson.truth[learned], lesson.weight[learned])
    outputs = np.full(lesson.truth.shape, np.nan)
    outputs[asked] = lower[asked] @ weights + intercepts + ADAPTED_SHARE * adapted.logits
    validations = [
        validate(acts.acts[name], acts, own, outputs[lesson.rows(own), act])
        for act, (name, own) in enumerate(zip(names, cases, strict=True))
    ]
    weights, intercepts = regressions(lower, lesson.truth, lesson.weight)
    weights = np.insert(weights, [LAST_LAYER.start] * SIZE, ADAPTED_SHARE * adapted.outputs, axis=0)
    intercepts = intercepts + ADAPTED_SHARE * adapted.intercepts
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
    """Identity of all labelled sentences."""
    lines = (f"{each.act}\t{each.positive}\t{each.text}\n" for each in labelled())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def table(validations: Sequence[Validation], *, errors: bool) -> str:
    lines = [f"{'act (held out)':<24}{'threshold':>10}{'phrases':>9}{'precision':>11}{'recall':>8}"]
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
    parser.add_argument("--errors", action="store_true", help="show what is wrong on the held-out fold")
    options = parser.parse_args(arguments)
    file, validations = fit(load_speech_acts(LANGUAGE))
    weights_path(LANGUAGE).write_text(file.model_dump_json(indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(validations, errors=options.errors) + "\n")


if __name__ == "__main__":
    main()
