"""Speech acts in labeled sentences: precision and recall of each act on the part that no fit has seen.

The sentences are in ``tests/data/speech_acts``: of each act, ones that are it, ones that only look like it. A
sentence is in the test part by a hash of its words, together with those that are nearly the same, so new
sentences move no old ones.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from pipeline.guidance.acts import find_acts
from pipeline.guidance.patterns import bare_words
from pipeline.guidance.speech_acts import load_speech_acts
from pipeline.records import Role, Turn
from pipeline.settings import Settings

LANGUAGE = "en"
LABELED = Path(__file__).parent.parent / "data/speech_acts"
TEST_SHARE = 3
"""Every third group of sentences is for the test."""
FOLDS = 3
ALIKE = 0.7
"""Share of common words from which two sentences are nearly the same."""
SEED = "speech acts 1"
WORD_S = 0.35


@dataclass(frozen=True, slots=True)
class Labeled:
    """A sentence, and whether it is the act that it was written for."""

    act: str
    text: str
    positive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRow:
    """What was found of one act in its test sentences; ``meaning`` of the ``right`` by meaning alone."""

    act: str
    positives: int
    negatives: int
    right: int
    wrong: int
    meaning: int

    @property
    def precision(self) -> float | None:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float:
        return self.right / self.positives

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.positives + self.right + self.wrong)


@cache
def labeled() -> tuple[Labeled, ...]:
    """All labeled sentences."""
    found = []
    for path in sorted(LABELED.glob("*.yaml")):
        content: dict[str, list[str]] = yaml.load(path.read_bytes(), yaml.CSafeLoader)
        for label in ("positive", "negative"):
            found += [Labeled(path.stem, text, label == "positive") for text in content[label]]
    return tuple(found)


@cache
def groups() -> Mapping[str, int]:
    """The group of each labeled text."""
    return grouped(each.text for each in labeled())


def grouped(texts: Iterable[str]) -> dict[str, int]:
    """Of each text a number that those nearly the same share, evenly spread."""
    texts = sorted(set(texts), key=_number)
    words = {text: frozenset(bare_words(text)) for text in texts}
    common = Counter(word for own in words.values() for word in own)
    by_rare: dict[str, list[str]] = {}
    found: dict[str, int] = {}
    for text in texts:
        rare = sorted(words[text], key=lambda word: (common[word], word))
        rare = rare[: len(rare) - int(ALIKE * len(rare)) + 1]  # two alike share one of these
        like = next(
            (one for word in rare for one in by_rare.get(word, ()) if alike(words[text], words[one])), None
        )
        found[text] = _number(text) if like is None else found[like]
        if like is None:
            for word in rare:
                by_rare.setdefault(word, []).append(text)
    return found


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= ALIKE * len(one | other)


def _number(text: str) -> int:
    content = f"{SEED} {' '.join(bare_words(text))}"
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:8])


def for_test(text: str) -> bool:
    return groups()[text] % TEST_SHARE == 0


def fold(text: str) -> int:
    """Which part of the training sentences a text is in: fits hold one out."""
    return groups()[text] // TEST_SHARE % FOLDS


def as_turns(texts: Iterable[str], role: Role) -> list[Turn]:
    """Each text as a turn of its own."""
    return turns_of((number, role, text) for number, text in enumerate(texts))


def turns_of(said: Iterable[tuple[int, Role, str]]) -> list[Turn]:
    """Turns by number, speaker and text, of even speech with pauses of a second."""
    turns, start_s = [], 0.0
    for number, role, text in said:
        end_s = start_s + WORD_S * len(text.split())
        turns.append(
            Turn(
                turn=number,
                speaker=role,
                start_s=start_s,
                end_s=end_s,
                text=text,
                words=(),
                backchannel=False,
            )
        )
        start_s = end_s + 1.0
    return turns


def measure(settings: Settings) -> list[ActRow]:
    """The table of the test part."""
    chosen = [each for each in labeled() if for_test(each.text)]
    acts = load_speech_acts(LANGUAGE).acts
    found: dict[tuple[str, str], str] = {}
    texts = sorted({each.text for each in chosen})
    roles: tuple[Role, ...] = ("agent", "customer")
    for role in roles:
        for act in find_acts(as_turns(texts, role), LANGUAGE, settings).acts:
            found[texts[act.turn], act.id] = act.layer
    return [
        _row(name, [each for each in chosen if each.act == name], found) for name in acts if name in _acts()
    ]


def _acts() -> set[str]:
    return {each.act for each in labeled()}


def _row(act: str, sentences: Iterable[Labeled], found: Mapping[tuple[str, str], str]) -> ActRow:
    layers = [(each.positive, found.get((each.text, act))) for each in sentences]
    return ActRow(
        act=act,
        positives=sum(positive for positive, _ in layers),
        negatives=sum(not positive for positive, _ in layers),
        right=sum(positive and layer is not None for positive, layer in layers),
        wrong=sum(not positive and layer is not None for positive, layer in layers),
        meaning=sum(positive and layer == "meaning" for positive, layer in layers),
    )


def table(rows: Iterable[ActRow]) -> str:
    """The rows, and the mean of F1."""
    rows = list(rows)
    head = ("yes", "no", "precision", "recall", "F1", "by meaning")
    lines = [f"{'speech act':<24}" + "".join(f"{name:>11}" for name in head)]
    for row in rows:
        precision = "-" if row.precision is None else f"{row.precision:.2f}"
        share = f"{row.meaning}/{row.right}"
        lines.append(
            f"{row.act:<24}{row.positives:>11}{row.negatives:>11}{precision:>11}{row.recall:>11.2f}"
            f"{row.f1:>11.2f}{share:>11}"
        )
    right, wrong = sum(row.right for row in rows), sum(row.wrong for row in rows)
    lines.append(
        f"mean F1 {sum(row.f1 for row in rows) / len(rows):.3f}; all acts: precision "
        f"{right / (right + wrong):.3f}, recall {right / sum(row.positives for row in rows):.3f}"
    )
    return "\n".join(lines)
