"""Acts recognized by the meaning of a sentence: one logistic regression an act.

Its weights are in ``configs/speech_acts.<language>.weights.json``, written by ``make fit``. A sentence is
described by its vectors (``pipeline/guidance/embedding.py``), its runs of one to three words as far as they
are known, and whether it asks.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import SettingsError
from pipeline.guidance.embedding import LAYERS_READ, SIZE, Adapter, Matrix
from pipeline.guidance.patterns import bare_words
from pipeline.guidance.sentences import Sentence
from pipeline.guidance.speech_acts import SpeechActs, weights_path

VECTOR = SIZE * len(LAYERS_READ)
GRAM_WORDS = 3
BEGIN, END, ASKING_END = "^", "$", "?"
QUESTION_WEIGHT = 0.5


class ActWeights(BaseModel):
    """The regression of one act, and what it came to on sentences that it was not fitted on.

    ``weights`` are signed bytes in base64, one a feature, to be multiplied by ``scale``; ``threshold`` is the
    probability from which the act is found; ``phrase_precision`` the share of phrase hits that are right.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(gt=0, le=1)
    phrase_precision: float = Field(ge=0, le=1)
    intercept: float
    scale: float = Field(gt=0)
    weights: str


class AdapterWeights(BaseModel):
    """What is added to one weight matrix of the embedding: two thin ones, half floats in base64."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(ge=1)
    down: str
    up: str


class WeightsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    model_sha256: str
    examples_sha256: str
    sentences_sha256: str
    adapter: dict[str, AdapterWeights]
    grams: tuple[str, ...]
    acts: dict[str, ActWeights]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """Fitted regressions of a language; ``weights`` has shape (features, acts)."""

    file: WeightsFile
    grams: Mapping[str, int]
    acts: tuple[str, ...]
    weights: Matrix
    intercepts: Matrix
    thresholds: Matrix

    def probabilities(self, sentences: Sequence[Sentence], vectors: Matrix) -> npt.NDArray[np.float64]:
        """How likely each sentence is each act, shape (sentences, acts)."""
        logits = features(sentences, vectors, self.grams) @ self.weights + self.intercepts
        return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))))


def word_runs(sentence: Sentence) -> list[str]:
    """Runs of one to three words, the edges of the sentence among them."""
    words = [BEGIN, *bare_words(sentence.text), ASKING_END if sentence.question else END]
    return [
        " ".join(words[first : first + size])
        for size in range(1, GRAM_WORDS + 1)
        for first in range(len(words) - size + 1)
    ]


def features(sentences: Sequence[Sentence], vectors: Matrix, grams: Mapping[str, int]) -> Matrix:
    """What the regressions see of sentences, shape (sentences, VECTOR + len(grams) + 1)."""
    counted = np.zeros((len(sentences), len(grams)), np.float32)
    for row, sentence in zip(counted, sentences, strict=True):
        row[[grams[run] for run in word_runs(sentence) if run in grams]] = 1
    lengths = np.sqrt(counted.sum(axis=1, keepdims=True))
    questions = np.array([[QUESTION_WEIGHT * sentence.question] for sentence in sentences], np.float32)
    return np.hstack([vectors, counted / np.maximum(lengths, 1), questions.reshape(-1, 1)])


def pack(weights: npt.NDArray[np.float64]) -> tuple[str, float]:
    """Weights as text and the scale that they are to be multiplied by."""
    scale = float(np.abs(weights).max() / 127)
    return base64.b64encode(np.rint(weights / scale).astype(np.int8).tobytes()).decode(), scale


def unpack(act: ActWeights) -> Matrix:
    return np.frombuffer(base64.b64decode(act.weights, validate=True), np.int8) * np.float32(act.scale)


def examples_sha256(acts: SpeechActs) -> str:
    """Identity of the examples that weights are fitted on."""
    digest = hashlib.sha256()
    for name, act in sorted(acts.acts.items()):
        if act.entry.examples:
            digest.update("\n".join((name, *act.entry.examples, "")).encode())
    return digest.hexdigest()


@cache
def load_weights(acts_language: str) -> WeightsFile | None:
    """The fitted file of a language; ``None`` when there is none.

    Raises:
        SettingsError: the file is not what it should be.
    """
    path = weights_path(acts_language)
    if not path.exists():
        return None
    try:
        return WeightsFile.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise SettingsError(f"{path.name}: {error.errors()[0]['msg']}; fit it again: make fit") from error


@cache
def load_adapter(acts_language: str) -> Adapter | None:
    """What the fitted file of a language adds to the embedding; ``None`` when it adds nothing.

    Raises:
        SettingsError: the file is not what it should be.
    """
    file = load_weights(acts_language)
    if file is None or not file.adapter:
        return None
    try:
        return Adapter(
            down={name: halves(part.down).reshape(part.rank, -1) for name, part in file.adapter.items()},
            up={name: halves(part.up).reshape(-1, part.rank) for name, part in file.adapter.items()},
        )
    except ValueError as error:
        name = weights_path(acts_language).name
        raise SettingsError(f"{name}: damaged adapter ({error}); fit it again: make fit") from error


def pack_adapter(adapter: Adapter) -> dict[str, AdapterWeights]:
    return {
        name: AdapterWeights(rank=up.shape[1], down=_packed(adapter.down[name]), up=_packed(up))
        for name, up in adapter.up.items()
    }


def _packed(matrix: Matrix) -> str:
    return base64.b64encode(matrix.astype("<f2").tobytes()).decode()


def halves(text: str) -> Matrix:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)


def meaning_of(acts: SpeechActs, file: WeightsFile, model_sha256: str) -> Meaning:
    """The regressions in ``file``, if they belong to these acts and to this embedding.

    Raises:
        SettingsError: they do not.
    """
    name = weights_path(acts.language).name
    if file.model_sha256 != model_sha256:
        raise SettingsError(f"{name}: was fitted on other model weights; fit it again: make fit")
    if file.examples_sha256 != examples_sha256(acts):
        raise SettingsError(f"{name}: the examples have changed since; fit it again: make fit")
    if unknown := set(file.acts) - set(acts.acts):
        raise SettingsError(f"{name}: there are no acts {', '.join(sorted(unknown))}; fit it again: make fit")
    try:
        weights = np.stack([unpack(act) for act in file.acts.values()], axis=1)
    except ValueError as error:
        raise SettingsError(f"{name}: damaged weights ({error}); fit it again: make fit") from error
    if len(weights) != VECTOR + len(file.grams) + 1:
        raise SettingsError(f"{name}: has {len(weights)} weights an act; fit it again: make fit")
    return Meaning(
        file=file,
        grams={gram: index for index, gram in enumerate(file.grams)},
        acts=tuple(file.acts),
        weights=weights,
        intercepts=np.array([act.intercept for act in file.acts.values()], np.float32),
        thresholds=np.array([act.threshold for act in file.acts.values()], np.float32),
    )
