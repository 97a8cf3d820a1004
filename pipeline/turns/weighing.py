"""How likely each kind of event is, given all that is known of an encounter.

The rules of :mod:`pipeline.turns.events` define the kinds by limits. A measured time is off by hundredths
of a second, on a noisy line by more, and a recognizer writes a full stop where somebody was cut off. So an
encounter is weighed as well: a multinomial logistic model over a few features, each of which can be read,
gives the probability of each kind. Its weights are in ``configs/turn_taking.yaml``, fitted on labeled cases
by ``tests/benchmarks/fit_turn_taking.py``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import get_args

import numpy as np
import numpy.typing as npt
import yaml

from pipeline.errors import SettingsError
from pipeline.records import EventCues, EventKind
from pipeline.settings import CONFIG_DIR, TurnsSettings
from pipeline.texts import Text
from pipeline.turns.encounter import NO_EVENT, Encounter, Verdict

FILE = "turn_taking.yaml"
NONE = "none"
EVENT_KINDS: tuple[EventKind, ...] = tuple(kind for kind in get_args(EventKind) if kind != "cooperative")
"""What times and sound can tell; help is told by words (pipeline/turns/second_look.py)."""
KINDS: tuple[str, ...] = (NONE, *EVENT_KINDS)
RULES_LOSE_IN_NOISE = 0.5
"""Share of the rules' lead that they lose where the line is noisy."""
EDGE_ERROR_S, EDGE_ERROR_IN_NOISE_S = 0.04, 0.2
"""How far an edge of speech may be off on a clean line, and how much further in noise."""
NOTHING_HEARD = EventCues(
    comer_level_db=None,
    comer_pitch_st=None,
    comer_voiced_share=None,
    holder_end_level_db=None,
    holder_end_pitch_st=None,
    holder_end_decay_s=None,
    snr_db=None,
)
Matrix = npt.NDArray[np.float64]
NEVER_HARSHER = {"backchannel": (NONE, "backchannel", "failed_attempt", "terminal_overlap")}
"""Kinds that another may become by weighing, where not any."""

UNTOLD = frozenset(
    (
        *("constant", "noise", "wordless_in_noise", "holder_end_decay_in_noise"),
        *(f"rule_{kind}{where}" for kind in KINDS for where in ("", "_in_noise")),
    )
)
"""Features that an event's reason never names; the others have their words under ``event_sign``."""


def features(e: Encounter, by_rules: Verdict, settings: TurnsSettings) -> dict[str, float]:
    """Every feature of an encounter, about -1..1 each; 0 is what says nothing.

    Times are distances from the limit that the rules have for them, in units in which the error of
    measurement is small but not nothing. What the sound could not tell is 0.
    """
    cues = e.cues or NOTHING_HEARD
    resumes = e.holder_resumes_after_s
    noise = e.noise
    decay = _distance(cues.holder_end_decay_s, 0.08, 0.06)
    finished = _soft(e.holder_log_odds, 3.0)
    took_floor = e.holds_s >= settings.goes_on_s  # then what F says is their next turn
    hardly = _soft(e.overlap_s - settings.event_min_overlap_s, 0.15)
    cut_off = _soft(e.overlap_s - settings.interruption_cut_off_overlap_s, 0.15)
    found = {
        "constant": 1.0,
        "overlap_over_least": hardly,
        "overlap_over_least_in_noise": noise * hardly,
        "overlap_over_cut_off": cut_off,
        "overlap_over_cut_off_in_noise": noise * cut_off,
        "overlap_over_interruption": _soft(e.overlap_s - settings.interruption_overlap_s, 0.15),
        "long_overlap": _soft(e.overlap_s - settings.goes_on_s, 0.5),
        "holder_had_begun": _soft(e.holder_elapsed_s - settings.simultaneous_start_s, 0.15),
        "holder_turn_had_begun": _soft(e.turn_elapsed_s - settings.simultaneous_start_s, 0.3),
        "short": _soft(settings.backchannel_max_s - e.duration_s, 0.2),
        "quiet_before": _soft(e.quiet_before_s - settings.backchannel_quiet_before_s, 0.3),
        "nearly_done": _soft(settings.terminal_remaining_s - e.remaining_s, 0.15),
        "holder_goes_on": 0.0 if took_floor else _soft(e.holder_goes_on_s - settings.goes_on_s / 2, 0.5),
        "holds": _soft(e.holds_s - settings.goes_on_s, 0.4),
        "holder_resumes": float(resumes is not None and resumes <= settings.resume_within_s),
        "acknowledges": float(e.acknowledgement),
        "perhaps_acknowledges": float(e.perhaps_acknowledgement),
        "wordless": float(e.wordless),
        "wordless_in_noise": noise * e.wordless,
        "words_certain": 0.0 if e.words_probability is None else e.words_probability - 0.8,
        "words_complete": float(e.holder_complete) - 0.5,
        "sentence_finished": finished,
        "sentence_finished_in_noise": noise * finished,
        "ends_sentence": float(e.holder_ends_sentence) - 0.5,
        "echo": float(e.echo),
        "in_pause": float(e.in_pause),
        "comer_level": _soft(cues.comer_level_db, 6.0),
        "comer_loud_in_noise": noise * _soft(e.under_loud_db, 6.0),
        "comer_pitch": _soft(cues.comer_pitch_st, 4.0),
        "comer_voiced": 0.0 if cues.comer_voiced_share is None else cues.comer_voiced_share - 0.5,
        "holder_end_level": _soft(cues.holder_end_level_db, 6.0),
        "holder_end_pitch": _soft(cues.holder_end_pitch_st, 4.0),
        "holder_end_decay": decay,
        "holder_end_decay_in_noise": noise * decay,
        "last_word_long": _distance(e.last_word_s, 0.4, 0.2),
        "last_word_certain": 0.0 if e.last_word_probability is None else e.last_word_probability - 0.8,
        "holder_wordless": float(e.holder_words_probability is None and not e.in_pause),
        "noise": noise,
    }
    rule = by_rules.kind or NONE
    found |= {f"rule_{kind}": float(kind == rule) for kind in KINDS}
    return found | {f"rule_{kind}_in_noise": noise * (kind == rule) for kind in KINDS}


def _soft(value: float | None, scale: float) -> float:
    return 0.0 if value is None else math.tanh(value / scale)


def _distance(value: float | None, usual: float, scale: float) -> float:
    return 0.0 if value is None else math.tanh((value - usual) / scale)


@dataclass(frozen=True, slots=True)
class Weights:
    """A fitted model: weights (features, kinds) in the order of ``names`` and ``KINDS``."""

    names: tuple[str, ...]
    weights: Matrix
    temperature: float
    margin: float

    def probabilities(self, found: Mapping[str, float]) -> dict[str, float]:
        """How likely each kind is."""
        scores = np.array([found[name] for name in self.names]) @ self.weights / self.temperature
        raised = np.exp(scores - scores.max())
        return dict(zip(KINDS, (raised / raised.sum()).tolist(), strict=True))

    def telling(self, found: Mapping[str, float], kind: str, rather_than: str) -> str:
        """The feature that speaks most for one kind against another."""
        pull = self.weights[:, KINDS.index(kind)] - self.weights[:, KINDS.index(rather_than)]
        spoken = {name: found[name] * pull[row] for row, name in enumerate(self.names) if name not in UNTOLD}
        return max(spoken, key=lambda name: spoken[name])


def possible_kinds(rule: str, e: Encounter, settings: TurnsSettings) -> tuple[str, ...]:
    """The kinds that the definitions leave room for, as exactly as times and words are known."""
    return tuple(
        kind for kind in NEVER_HARSHER.get(rule, KINDS) if kind == rule or _is_possible(kind, e, settings)
    )


def _is_possible(kind: str, e: Encounter, settings: TurnsSettings) -> bool:
    error_s = EDGE_ERROR_S + e.noise * EDGE_ERROR_IN_NOISE_S
    if kind == NONE:
        return e.wordless or e.noise > 0 or e.holder_words_probability is None
    if kind == "interruption":
        return e.overlap_s >= settings.interruption_cut_off_overlap_s and not e.perhaps_acknowledgement
    if kind == "terminal_overlap":
        in_time = e.remaining_s <= settings.terminal_remaining_s + error_s
        return e.echo or (in_time and e.holder_complete and e.falls_silent(settings))
    if kind == "backchannel":
        return e.duration_s <= settings.backchannel_max_s + error_s
    if kind == "simultaneous_start":
        return e.holder_elapsed_s < settings.simultaneous_start_s + error_s
    return True


@cache
def load_weights() -> Weights:
    """The weights in ``configs/turn_taking.yaml``.

    Raises:
        SettingsError: the file is not what the fitting script writes.
    """
    content = yaml.safe_load((CONFIG_DIR / FILE).read_text(encoding="utf-8"))
    try:
        by_kind = content["weights"]
        names = tuple(by_kind[NONE])
        if tuple(by_kind) != KINDS or any(tuple(one) != names for one in by_kind.values()):
            raise ValueError("expected the same features for each of " + ", ".join(KINDS))
        weights = np.array([[float(by_kind[kind][name]) for kind in KINDS] for name in names])
        return Weights(names, weights, float(content["temperature"]), float(content["overrule_margin"]))
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"{FILE}: {error!r}; write it again with tests/benchmarks/fit_turn_taking.py"
        ) from error


def weigh(e: Encounter, by_rules: Verdict, settings: TurnsSettings) -> Verdict:
    """The verdict after weighing: the rules' kind, or another that is likelier by a margin.

    Confidence is the probability of the kind. An acknowledgement after which the other goes on never
    becomes an interruption; what has words on a clean line stays an event.
    """
    model = load_weights()
    found = features(e, by_rules, settings)
    chances = model.probabilities(found)
    rule = by_rules.kind or NONE
    allowed = possible_kinds(rule, e, settings)
    best = max(allowed, key=lambda kind: chances[kind])
    if chances[best] - chances[rule] <= model.margin * (1 - RULES_LOSE_IN_NOISE * e.noise):
        return replace(by_rules, confidence=chances[rule])
    if best == NONE:
        return NO_EVENT
    kind = EVENT_KINDS[KINDS.index(best) - 1]
    yielded = kind in ("interruption", "simultaneous_start") and e.yields(settings)
    return Verdict(kind, yielded, chances[best], Text("event.sign", sign=model.telling(found, best, rule)))
