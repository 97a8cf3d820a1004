"""Acts recognized by the meaning of a sentence: one small network for all acts of a language.

It sees the vector of a sentence (``pipeline/guidance/embedding.py``), its runs of one to three words as far
as they are known, and whether it asks; it has one hidden layer and an output an act. Ordinary talk is among
what it learned from, as sentences that are none of the acts. Its weights are in
``configs/speech_acts.<language>.weights.npz``, written by ``make fit``, with what turns an output into the
share of such findings that are right in ordinary calls.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import SettingsError
from pipeline.guidance.embedding import SIZE, Matrix
from pipeline.guidance.patterns import bare_words
from pipeline.guidance.sentences import Sentence
from pipeline.guidance.speech_acts import SpeechActs, weights_path

GRAM_WORDS = 3
BEGIN, END, ASKING_END = "^", "$", "?"
VECTOR_GAIN = 6.0
"""Brings the parts of a unit vector of 512 to about 0.25, where learning is quick."""
QUESTION_WEIGHT = 0.5
INPUTS = SIZE + 1
"""The vector, and whether the sentence asks."""
FILE_NAME = "description"


class Certainty(BaseModel):
    """How sure a finding of one act is: ``share`` of such findings that are right in ordinary calls.

    ``phrase_precision`` is that share for phrase hits where meaning was not asked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    offset: float
    slope: float = Field(ge=0)
    phrase: float
    phrase_precision: float = Field(ge=0, le=1)

    def share(self, score: float | None, *, by_phrase: bool) -> float:
        """Of a sentence with this output of the network (``None``: not asked), found by a phrase or not."""
        if score is None:
            return self.phrase_precision if by_phrase else 0.0
        return float(1 / (1 + np.exp(-(self.offset + self.slope * score + self.phrase * by_phrase))))


class WeightsFile(BaseModel):
    """What is known of the weights; the arrays lie beside it in the same file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    model_sha256: str
    examples_sha256: str
    sentences_sha256: str
    grams: tuple[str, ...]
    acts: dict[str, Certainty]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """float32; ``hidden`` (INPUTS, units), ``hidden_grams`` (grams, units), ``hidden_bias`` (units,),
    ``output`` (units, acts), ``direct`` (INPUTS, acts) and ``bias`` (acts,)."""

    hidden: Matrix
    hidden_grams: Matrix
    hidden_bias: Matrix
    output: Matrix
    direct: Matrix
    bias: Matrix

    def scores(self, inputs: Matrix, grams: Sequence[npt.NDArray[np.int64]]) -> Matrix:
        """Outputs, shape (sentences, acts): over 0 is likelier than not, among labeled sentences.

        ``grams`` are the rows of ``hidden_grams`` that each sentence has; together they have length 1.
        """
        hidden = inputs @ self.hidden + self.hidden_bias
        for row, own in zip(hidden, grams, strict=True):
            if len(own):
                row += self.hidden_grams[own].sum(axis=0) / np.sqrt(np.float32(len(own)))
        return np.asarray(np.maximum(hidden, 0) @ self.output + inputs @ self.direct + self.bias, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """A fitted network of a language, with the runs of words and the acts that it knows."""

    grams: Mapping[str, int]
    acts: tuple[str, ...]
    network: Network

    def scores(self, sentences: Sequence[Sentence], vectors: Matrix) -> Matrix:
        """Outputs of the network, shape (sentences, acts)."""
        known = [known_grams(sentence.text, sentence.question, self.grams) for sentence in sentences]
        return self.network.scores(inputs(vectors, [sentence.question for sentence in sentences]), known)


def inputs(vectors: Matrix, questions: Sequence[bool]) -> Matrix:
    """What the network sees beside runs of words, shape (sentences, INPUTS)."""
    asks = np.array(questions, np.float32).reshape(-1, 1)
    return np.hstack([VECTOR_GAIN * vectors, QUESTION_WEIGHT * asks])


def word_runs(text: str, question: bool) -> list[str]:
    """Runs of one to three words, the edges of the sentence among them."""
    words = [BEGIN, *bare_words(text), ASKING_END if question else END]
    return [
        " ".join(words[first : first + size])
        for size in range(1, GRAM_WORDS + 1)
        for first in range(len(words) - size + 1)
    ]


def known_grams(text: str, question: bool, grams: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """Rows of the runs of words that are known, each once."""
    return np.array(sorted({grams[run] for run in word_runs(text, question) if run in grams}), np.int64)


def examples_sha256(acts: SpeechActs) -> str:
    """Identity of the examples that weights are fitted on."""
    digest = hashlib.sha256()
    for name, act in sorted(acts.acts.items()):
        if act.entry.examples:
            digest.update("\n".join((name, *act.entry.examples, "")).encode())
    return digest.hexdigest()


# --- the file -----------------------------------------------------------------------------------------


def packed(file: WeightsFile, network: Network) -> bytes:
    """Both as the bytes of an ``.npz``: runs of words as signed bytes with a scale a unit, the rest as half
    floats."""
    scale = np.abs(network.hidden_grams).max(axis=0, initial=0.0) / 127
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    stored = {
        FILE_NAME: np.frombuffer(file.model_dump_json().encode(), np.uint8),
        "hidden_grams": np.rint(network.hidden_grams / scale).astype(np.int8),
        "scale": scale,
    }
    for name in ("hidden", "hidden_bias", "output", "direct", "bias"):
        stored[name] = getattr(network, name).astype(np.float16)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **stored)
    return buffer.getvalue()


@cache
def load_weights(acts_language: str) -> tuple[WeightsFile, Network] | None:
    """The fitted file of a language; ``None`` when there is none.

    Raises:
        SettingsError: the file is not what it should be.
    """
    path = weights_path(acts_language)
    if not path.exists():
        return None
    try:
        with ZipFile(path) as stored:
            file = WeightsFile.model_validate_json(_array(stored, FILE_NAME).tobytes())
            network = Network(
                hidden_grams=_array(stored, "hidden_grams").astype(np.float32) * _array(stored, "scale"),
                **{
                    name: _array(stored, name).astype(np.float32)
                    for name in ("hidden", "hidden_bias", "output", "direct", "bias")
                },
            )
    except ValidationError as error:
        raise SettingsError(f"{path.name}: {error.errors()[0]['msg']}; fit it again: make fit") from error
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise SettingsError(f"{path.name}: damaged weights ({error}); fit it again: make fit") from error
    _check_shapes(path.name, file, network)
    return file, network


def _array(stored: ZipFile, name: str) -> npt.NDArray[Any]:
    """An array of an ``.npz``, and nothing else: a pickle in its place is refused."""
    with stored.open(f"{name}.npy") as content:
        array: npt.NDArray[Any] = np.lib.format.read_array(content, allow_pickle=False)
    return array


def _check_shapes(name: str, file: WeightsFile, network: Network) -> None:
    units, acts = len(network.hidden_bias), len(file.acts)
    wanted = {
        "hidden": (INPUTS, units),
        "hidden_grams": (len(file.grams), units),
        "output": (units, acts),
        "direct": (INPUTS, acts),
        "bias": (acts,),
    }
    for part, shape in wanted.items():
        if (found := getattr(network, part).shape) != shape:
            raise SettingsError(
                f"{name}: damaged weights ({part} is {found}, not {shape}); fit it again: make fit"
            )


def meaning_of(acts: SpeechActs, file: WeightsFile, network: Network, model_sha256: str) -> Meaning:
    """The network of ``file``, if it belongs to these acts and to this embedding.

    Raises:
        SettingsError: it does not.
    """
    name = weights_path(acts.language).name
    if file.model_sha256 != model_sha256:
        raise SettingsError(f"{name}: was fitted on other model weights; fit it again: make fit")
    if file.examples_sha256 != examples_sha256(acts):
        raise SettingsError(f"{name}: the examples have changed since; fit it again: make fit")
    if unknown := set(file.acts) - set(acts.acts):
        raise SettingsError(f"{name}: there are no acts {', '.join(sorted(unknown))}; fit it again: make fit")
    return Meaning(
        grams={gram: index for index, gram in enumerate(file.grams)},
        acts=tuple(file.acts),
        network=network,
    )
