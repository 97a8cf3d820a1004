"""Fits the recognition of speech acts by meaning: ``make fit NATURAL=folder``.

One small network for all acts learns from the labeled sentences that are not for the test, the examples of
``configs/speech_acts.en.yaml``, and natural conversations (``tests/benchmarks/natural.py``), whose sentences
are none of the acts but where a reader found one. Each fold of both is answered by a fit on the other folds.
These answers set the certainty of each act: how many of such findings are right in ordinary calls. What is
kept is a last fit, on all folds. The test part of the labeled sentences and one part in four of the
conversations stay unseen.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.guidance.embedding import Matrix, SentenceEncoder
from pipeline.guidance.meaning import (
    WeightsFile,
    examples_sha256,
    inputs,
    known_grams,
    packed,
    word_runs,
)
from pipeline.guidance.patterns import bare_words
from pipeline.guidance.speech_acts import SpeechAct, SpeechActs, load_speech_acts, weights_path
from pipeline.models import load_sentence_encoder, resolve_sentence_embedding
from pipeline.records import Role
from pipeline.settings import load_settings
from tests.benchmarks import natural
from tests.benchmarks.certainty import Answers, certainty
from tests.benchmarks.learning import Lesson, learn, scores
from tests.benchmarks.natural import ABUSE_SOURCE, UNTOUCHED, NaturalSentence
from tests.benchmarks.speech_acts import FOLDS, LANGUAGE, alike, fold, for_test, groups, labeled

GRAM_MIN_SENTENCES = 12
EVERY_FOLD = -1
"""Of texts that every fit learns from."""
OTHERS_WEIGHT = 0.3
"""Of a sentence of another act, which nobody has looked at with this act in mind."""
NATURAL_WEIGHT = 3.0
"""Of a natural sentence; what a reader labeled counts twice."""
UNREAD_WEIGHT = 0.4
"""Share of it where an act is no accusation: ordinary talk does have some of it."""
SPOKEN_MOST, WRITTEN_MOST = 12000, 4500
"""Sentences of one source and role from which on each counts less, so that no source swamps the others."""
READ_FACTOR = 2.0
ABUSIVE_GRADE = -2.0
POSITIVES_SHARE = 0.5
"""Weight of all positive sentences together, relative to that of the others, within the bounds below."""
LEAST_FACTOR, MOST_FACTOR = 0.5, 4.0
AS_WRITTEN, BARE, AS_HEARD = 0.5, 0.3, 0.2
"""Shares of a labeled sentence that are learned as written, without capitals and marks, and as heard; of the
natural ones, the second is a share of the sentences."""
NATURAL_BARE = 0.3
FILLERS = ("um", "uh", "so", "well", "yeah", "okay", "you know", "i mean", "like")
CHANGES = 0.12
"""Share of words that are said twice, lost or led in by a filler in a sentence as heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Texts to learn from; ``truth`` and ``weight`` (texts, acts), weight 0 says nothing."""

    texts: tuple[str, ...]
    truth: Matrix
    weight: Matrix
    fold: npt.NDArray[np.int_]


def written(acts: SpeechActs, names: Sequence[str]) -> Texts:
    """The labeled sentences that are not for the test, and the examples."""
    examples = usable_examples(acts)
    told: dict[str, dict[str, bool]] = {}
    for each in labeled():
        if not for_test(each.text):
            told.setdefault(each.text, {})[each.act] = each.positive
    folds = {text: fold(text) for text in told}
    for name in names:
        for text in examples[name]:
            told.setdefault(text, {})[name] = True
            folds.setdefault(text, EVERY_FOLD)
    texts = tuple(sorted(told))
    truth, weight = (
        np.zeros((len(texts), len(names)), np.float32),
        np.zeros((len(texts), len(names)), np.float32),
    )
    for row, text in enumerate(texts):
        own = [acts.acts[name] for name, positive in told[text].items() if positive]
        for column, name in enumerate(names):
            if name in told[text]:
                truth[row, column], weight[row, column] = told[text][name], 1
            elif any(_may_meet(act, acts.acts[name]) for act in own) and not any(
                _overlap(act, acts.acts[name]) for act in own
            ):
                weight[row, column] = OTHERS_WEIGHT
    share = POSITIVES_SHARE * (weight * (1 - truth)).sum(axis=0) / (weight * truth).sum(axis=0)
    factor = np.clip(share, LEAST_FACTOR, MOST_FACTOR)
    return Texts(
        texts=texts,
        truth=truth,
        weight=np.where(truth == 1, weight * factor, weight).astype(np.float32),
        fold=np.array([folds[text] for text in texts]),
    )


def ordinary(
    found: Sequence[NaturalSentence], hits: npt.NDArray[np.bool_], acts: SpeechActs, names: Sequence[str]
) -> Texts:
    """Natural sentences: none of the acts but where a reader says so.

    ``hits`` (sentences, acts) are those of phrases.
    """
    read = natural.labels()
    counts = Counter((one.source, one.role) for one in found)
    truth, weight = (
        np.zeros((len(found), len(names)), np.float32),
        np.zeros((len(found), len(names)), np.float32),
    )
    for row, one in enumerate(found):
        most = SPOKEN_MOST if one.spoken else WRITTEN_MOST
        usual = NATURAL_WEIGHT * min(1.0, most / counts[one.source, one.role])
        for column, name in enumerate(names):
            act = acts.acts[name]
            if not act.done_by(one.role):
                continue
            label = read.get((one.digest, name))
            if label is not None:
                truth[row, column] = label == 1
                weight[row, column] = 0 if label not in (0, 1) else READ_FACTOR * NATURAL_WEIGHT
            elif one.source == ABUSE_SOURCE and act.entry.accuses:
                truth[row, column] = name == "abuse" and _abusive(one)
                weight[row, column] = 1.0 if _abusive(one) and name == "abuse" else 0.0
            elif act.entry.accuses:
                weight[row, column] = usual
            elif not hits[row, column]:
                weight[row, column] = UNREAD_WEIGHT * usual
    return Texts(
        texts=tuple(one.text for one in found),
        truth=truth,
        weight=weight,
        fold=np.array([one.part for one in found]),
    )


def _abusive(one: NaturalSentence) -> bool:
    return one.abuse is not None and one.abuse <= ABUSIVE_GRADE


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


def as_heard(text: str, rng: random.Random) -> str:
    """A sentence as a recognizer may write it: bare, with fillers, words said twice and words lost."""
    found: list[str] = []
    for word in bare(text).split():
        change = rng.random()
        if change < CHANGES / 3:
            continue
        if change < 2 * CHANGES / 3:
            found.append(rng.choice(FILLERS))
        elif change < CHANGES:
            found.append(word)
        found.append(word)
    return " ".join(found) or text


def bare(text: str) -> str:
    """Lower case, without marks; apostrophes stay."""
    kept = "".join(letter if letter.isalnum() or letter in "'’" else " " for letter in text.lower())
    return " ".join(kept.split()) or text


# --- lessons ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """Texts as the network sees them."""

    inputs: Matrix
    grams: list[npt.NDArray[np.int64]]


def gram_list(texts: Sequence[str], acts: SpeechActs) -> tuple[str, ...]:
    """Runs of words that are in enough of the written sentences."""
    counts = Counter(run for text in texts for run in set(word_runs(text, acts.is_question(text))))
    return tuple(sorted(run for run, count in counts.items() if count >= GRAM_MIN_SENTENCES))


def describe(
    texts: Sequence[str], acts: SpeechActs, encoder: SentenceEncoder, grams: dict[str, int]
) -> Described:
    asks = [acts.is_question(text) for text in texts]
    return Described(
        inputs=inputs(encoder.encode(texts), asks),
        grams=[known_grams(text, ask, grams) for text, ask in zip(texts, asks, strict=True)],
    )


def lesson_of(parts: Sequence[tuple[Texts, Described, float]]) -> Lesson:
    """Texts in several forms, each with its share of the weight."""
    return Lesson(
        inputs=np.concatenate([seen.inputs for _, seen, _ in parts]),
        grams=[own for _, seen, _ in parts for own in seen.grams],
        truth=np.concatenate([texts.truth for texts, _, _ in parts]),
        weight=np.concatenate([share * texts.weight for texts, _, share in parts]),
        fold=np.concatenate([texts.fold for texts, _, _ in parts]),
    )


def phrase_hits(
    texts: Sequence[tuple[str, Role | None]], acts: SpeechActs, names: Sequence[str]
) -> npt.NDArray[np.bool_]:
    """Which phrases are in which texts, shape (texts, acts); of a role, its own acts alone."""
    reach = load_settings().acts.negation_reach_words
    found = np.zeros((len(texts), len(names)), np.bool_)
    known: dict[tuple[str, Role | None], npt.NDArray[np.bool_]] = {}
    for row, (text, role) in enumerate(texts):
        if (text, role) not in known:
            question = acts.is_question(text)
            known[text, role] = np.array(
                [
                    (role is None or acts.acts[name].done_by(role))
                    and acts.has_phrase(acts.acts[name], text, question=question, reach_words=reach)
                    for name in names
                ]
            )
        found[row] = known[text, role]
    return found


# --- the fit ------------------------------------------------------------------------------------------


def fit(acts: SpeechActs, folder: Path) -> tuple[bytes, str]:
    """The weights of all acts that sentences are labeled for, and the table of their certainty.

    Raises:
        FileNotFoundError: the folder holds no natural conversations.
    """
    sentences = [one for one in natural.read(folder) if one.part != UNTOUCHED]
    sentences = list({(one.role, one.text): one for one in sentences}.values())
    names = [name for name in acts.acts if any(each.act == name for each in labeled())]
    model = resolve_sentence_embedding(load_settings().models)
    encoder = load_sentence_encoder(model)

    own = written(acts, names)
    grams = gram_list(own.texts, acts)
    index = {gram: row for row, gram in enumerate(grams)}
    rng = random.Random(0)  # noqa: S311  # variety, no secret
    own_forms = [
        (own, describe(texts, acts, encoder, index), share)
        for texts, share in (
            (own.texts, AS_WRITTEN),
            ([bare(text) for text in own.texts], BARE),
            ([as_heard(text, rng) for text in own.texts], AS_HEARD),
        )
    ]
    hits = phrase_hits([(one.text, one.role) for one in sentences], acts, names)
    others = ordinary(sentences, hits, acts, names)
    others_form = describe(others.texts, acts, encoder, index)
    learned_form = describe(
        [bare(text) if rng.random() < NATURAL_BARE else text for text in others.texts], acts, encoder, index
    )
    lesson = lesson_of([*own_forms, (others, learned_form, 1.0)])

    own_scores, natural_scores = np.zeros_like(own.truth), np.zeros_like(others.truth)
    for held_out in range(FOLDS):
        network = learn(lesson, len(grams), learned=lesson.fold != held_out)
        for texts, form, answers in (
            (own, own_forms[0][1], own_scores),
            (others, others_form, natural_scores),
        ):
            asked = np.flatnonzero(texts.fold == held_out)
            answers[asked] = scores(network, form.inputs[asked], [form.grams[row] for row in asked])
    found, lines = {}, []
    own_hits = phrase_hits([(text, None) for text in own.texts], acts, names)
    asked = own.fold != EVERY_FOLD
    for column, name in enumerate(names):
        labeled_here = asked & (own.weight[:, column] >= LEAST_FACTOR)
        allowed = np.array([acts.acts[name].done_by(one.role) for one in sentences])
        told = Answers(
            act=acts.acts[name],
            own_scores=own_scores[labeled_here, column],
            own_truth=own.truth[labeled_here, column] == 1,
            own_phrase=own_hits[labeled_here, column],
            natural=[one for one, may in zip(sentences, allowed, strict=True) if may],
            natural_scores=natural_scores[allowed, column],
            natural_phrase=hits[allowed, column],
        )
        found[name], line = certainty(told)
        lines.append(line)
    network = learn(lesson, len(grams), learned=np.ones(len(lesson.fold), np.bool_))
    file = WeightsFile(
        model=model.name,
        model_sha256=model.sha256,
        examples_sha256=examples_sha256(acts),
        sentences_sha256=natural.sentences_sha256(),
        grams=grams,
        acts=found,
    )
    return packed(file, network), "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("natural", type=Path, help="folder of natural conversations")
    options = parser.parse_args(arguments)
    try:
        weights, table = fit(load_speech_acts(LANGUAGE), options.natural)
    except FileNotFoundError as error:
        sys.exit(str(error))
    weights_path(LANGUAGE).write_bytes(weights)
    sys.stdout.write(table + "\n")


if __name__ == "__main__":
    main()
