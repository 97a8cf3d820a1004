"""A second look at what seems an interruption: taking the floor, or helping it along?

Who comes in while the other speaks may answer early, confirm, finish the sentence, reassure or thank, and the
other may only be padding what is said already. Overlap tells little of it; what happens to the floor does: is
the holder's sentence open, does it stay open, does the holder say it again, does the comer acknowledge or
open something of their own. Boosted trees (Friedman 2001) over such features weigh it; they and the words
that they look for are in ``configs/second_look.<language>.json``, fitted on natural and on made talk by
``tests/benchmarks/fit_second_look.py``. A language without that file has no second look.
"""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from pipeline.errors import SettingsError
from pipeline.phrases import normal_words
from pipeline.records import EventKind
from pipeline.settings import CONFIG_DIR, TurnsSettings
from pipeline.texts import Text
from pipeline.turns.completeness import load_completeness
from pipeline.turns.encounter import Encounter, Verdict

FILE = "second_look.{language}.json"
KINDS: tuple[EventKind, ...] = ("terminal_overlap", "interruption", "cooperative", "backchannel")
INTERRUPTION = KINDS.index("interruption")
OTHERS = tuple(kind for kind in range(len(KINDS)) if kind != INTERRUPTION)
LONGER_BACKCHANNEL_S = 0.8
FINISHED = 0.1
"""On the scale of `holder_ends_finished`: the holder's words are rather a whole sentence."""
CUT_OFF = -0.4
CUT_OFF_WITHIN_S = 1.0
LAST_WORDS_S = 1.7
VERY_LAST_WORDS_S = 0.6
HELPING_WORDS = 5
STANDS_BY_CONFIDENCE = 0.8
MOST_NEW_WORDS = 12
LAST_LETTERS = 80
REPEATED_FROM, REPEATED_TO = 10, 8
"""Words before the holder falls silent, and after the holder begins again, that are compared."""

Vector = npt.NDArray[np.float64]
Texts = tuple[str, ...]


class Tree(BaseModel):
    """A binary tree: of each node the feature and threshold (at most goes left), its children, its value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]

    @model_validator(mode="after")
    def _whole(self) -> "Tree":
        size = len(self.feature)
        if not size or any(len(each) != size for each in (self.threshold, self.left, self.right, self.value)):
            raise ValueError("a tree needs the same number of features, thresholds, children and values")
        children = [(at, child) for each in (self.left, self.right) for at, child in enumerate(each) if child]
        if any(not at < child < size for at, child in children):
            raise ValueError("a child must come after its parent")
        return self

    def of(self, features: Sequence[float]) -> float:
        node = 0
        while self.left[node]:
            goes_left = features[self.feature[node]] <= self.threshold[node]
            node = self.left[node] if goes_left else self.right[node]
        return self.value[node]


class SecondLook(BaseModel):
    """The words and the trees of a language; ``trees`` has one tree a kind in each round."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    fillers: Texts
    acknowledging_starts: Texts
    helping_starts: Texts
    question_starts: Texts
    names: tuple[str, ...]
    start: tuple[float, ...]
    trees: tuple[tuple[Tree, ...], ...]

    @model_validator(mode="after")
    def _fits(self) -> "SecondLook":
        if len(self.start) != len(KINDS) or any(len(each) != len(KINDS) for each in self.trees):
            raise ValueError(f"expected a tree for each of {', '.join(KINDS)} in every round")
        return self

    def probabilities(self, found: Mapping[str, float]) -> Vector:
        """How likely each of ``KINDS`` is, by the features of an encounter."""
        row = [found[name] for name in self.names]
        scores = np.array(self.start) + np.array(
            [sum(each[kind].of(row) for each in self.trees) for kind in range(len(KINDS))]
        )
        raised = np.exp(scores - scores.max())
        return np.asarray(raised / raised.sum(), np.float64)


@cache
def load_second_look(language: str) -> SecondLook | None:
    """The second look of a language; ``None`` where it has none.

    Raises:
        SettingsError: the file is not what the fitting script writes.
    """
    path = CONFIG_DIR / FILE.format(language=language)
    if not path.exists():
        return None
    try:
        return SecondLook(language=language, **json.loads(path.read_bytes()))
    except (ValidationError, TypeError, ValueError) as error:
        raise SettingsError(
            f"{path.name}: {error}; write it again with tests/benchmarks/fit_second_look.py"
        ) from error


def look_again(e: Encounter, verdict: Verdict, language: str, settings: TurnsSettings) -> Verdict:
    """The verdict on what seems an interruption, after the second look; any other verdict as it is.

    In doubt it is none: then the likeliest other kind, with a reason that says so.
    """
    look = load_second_look(language) if settings.interruption_probability else None
    if verdict.kind != "interruption" or look is None or e.in_pause:
        return verdict
    found = features(e, look, settings)
    sounds_sure = e.cues is not None and verdict.confidence >= settings.sound_confidence
    if sounds_sure and _cuts_off(e, found):
        return verdict
    by_sound = e.noise > 0 or sounds_sure
    if not by_sound and _stands_by(e, found):
        return Verdict("cooperative", False, STANDS_BY_CONFIDENCE, Text("event.helped"))
    if not by_sound and _takes_over(e, found):
        return Verdict("terminal_overlap", False, STANDS_BY_CONFIDENCE, Text("event.handed_over"))
    chances = look.probabilities(found)
    sure = float(chances[INTERRUPTION])
    helps = bool(found["helps"])
    if sure >= (settings.friendly_probability if helps else settings.interruption_probability):
        return Verdict("interruption", verdict.yielded, min(sure, verdict.confidence), verdict.reason)
    short = e.duration_s <= settings.backchannel_max_s + LONGER_BACKCHANNEL_S
    others = [kind for kind in OTHERS if short or KINDS[kind] != "backchannel"]
    best = max(others, key=lambda kind: chances[kind])
    reason = Text("event.helped") if KINDS[best] == "cooperative" else Text("event.handed_over")
    if sure >= settings.doubtful_probability:
        reason = Text("event.listen")
    return Verdict(KINDS[best], False, float(chances[best]), reason)


def _stands_by(e: Encounter, found: Mapping[str, float]) -> bool:
    """Whether O only thanks, confirms, reassures or answers on F's last words, which F brings to their end.

    Such help is common, and all that a fit on made talk cannot learn of it is said here.
    """
    finishes = found["holder_ends_finished"] > FINISHED and e.remaining_s <= LAST_WORDS_S
    few = found["own_words"] <= math.tanh(HELPING_WORDS / 6)
    helps = found["is_acknowledgement"] or (few and (found["helps"] or found["holder_asked"]))
    return bool(finishes and helps and not found["says_again"])


def _cuts_off(e: Encounter, found: Mapping[str, float]) -> bool:
    """Whether F falls silent in mid-sentence soon after O comes in with something of their own."""
    stays_open = found["holder_ends_finished"] < CUT_OFF and e.remaining_s <= CUT_OFF_WITHIN_S
    return stays_open and not found["helps"]


def _takes_over(e: Encounter, found: Mapping[str, float]) -> bool:
    """Whether O acknowledges on F's very last words, which F brings to their end and leaves at that."""
    finishes = found["holder_ends_finished"] > FINISHED and e.remaining_s <= VERY_LAST_WORDS_S
    acknowledges = found["begins_with_acknowledgement"] or found["helps"]
    return bool(finishes and acknowledges and not found["resumes"])


def features(e: Encounter, look: SecondLook, settings: TurnsSettings) -> dict[str, float]:
    """What the trees look at; 0 is what says nothing."""
    said, rest = e.holder_said.strip(), e.holder_rest.strip()
    whole = f"{said} {rest}".strip()
    completeness = load_completeness(look.language)
    said_odds = completeness.log_odds(said) if completeness and said else None
    whole_odds = completeness.log_odds(whole) if completeness and whole else None
    fillers = frozenset(look.fillers)
    own = normal_words(e.quote)
    lead = next((at for at, word in enumerate(own) if word not in look.acknowledging_starts), len(own))
    rest_words = [word for word in normal_words(rest) if word not in fillers]
    new_words = set(rest_words) - set(normal_words(said))
    again = set(normal_words(e.holder_next)[:REPEATED_TO]) & set(normal_words(whole)[-REPEATED_FROM:])
    return {
        "holder_ends_finished": math.tanh((whole_odds or 0.0) / 3),
        "holder_was_finished": math.tanh((3.0 if said_odds is None else said_odds) / 3),
        "holder_was_at_mark": float(not said or said.endswith((".", "?", "!"))),
        "holder_ends_at_mark": float(whole.endswith((".", "?", "!"))),
        "rest_words": min(len(rest_words), MOST_NEW_WORDS) / 6,
        "new_words": min(len(new_words), MOST_NEW_WORDS) / 6,
        "begins_with_acknowledgement": float(lead > 0),
        "is_acknowledgement": float(lead == len(own)),
        "own_words": math.tanh((len(own) - lead) / 6),
        "helps": float(any(_starts_with(own[at:], look.helping_starts) for at in range(min(lead, 3) + 1))),
        "asks": float("?" in e.quote or _starts_with(own[lead:], look.question_starts)),
        "holder_asked": float("?" in whole[-LAST_LETTERS:]),
        "comer_asked": float(e.comer_before.rstrip().endswith("?")),
        "says_again": min(len(again - fillers), 3) / 2,
        "resumes": float(bool(e.holder_next)),
        "overlap": math.tanh(e.overlap_s - 0.8),
        "remaining": math.tanh(e.remaining_s - 0.8),
        "yields": float(e.yields(settings)),
        "holder_elapsed": math.tanh((e.holder_elapsed_s - 1) / 1.5),
        "echo": float(e.echo),
        "holds": math.tanh(e.holds_s - 1),
        "holder_goes_on": math.tanh((e.holder_goes_on_s - 0.5) / 0.7),
        "quiet_before": math.tanh((e.quiet_before_s - 1) / 1.5),
        "words": math.tanh((len(own) - 5) / 5),
        "turn_elapsed": math.tanh((e.turn_elapsed_s - 3) / 4),
        "holder_complete": float(e.holder_complete),
        "duration": math.tanh((e.duration_s - 1.5) / 1.5),
    }


def _starts_with(words: Sequence[str], starts: Texts) -> bool:
    return any(tuple(words[: len(start.split())]) == tuple(start.split()) for start in starts)
