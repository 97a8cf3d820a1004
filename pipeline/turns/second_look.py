"""A second look at what seems an interruption: does the one who comes in take the floor, or help it along?

Times and sound cannot tell them apart: people answer before a question is out, thank, confirm, sympathize,
and ask the next question while the other pads what is said already. So this looks at what happens to the
floor: does the holder still have something new to say, is the holder's sentence left open, does the comer
bring something of their own or take up the holder's words. A logistic model of four such features weighs it;
the weights and the words that the features look for are in ``configs/second_look.<language>.json``, fitted on
natural talk by ``tests/benchmarks/fit_second_look.py``. Clear cut-offs and talking on over each other, which
friendly talk does not show, count by their sound. A language without that file has no second look.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import SettingsError
from pipeline.phrases import normal_words
from pipeline.records import EventKind
from pipeline.settings import CONFIG_DIR, TurnsSettings
from pipeline.texts import Text
from pipeline.turns.completeness import load_completeness
from pipeline.turns.encounter import Encounter, Verdict

FILE = "second_look.{language}.json"
NAMES = ("asks_over", "brings_over", "leaves_open", "brings")
"""The features that are weighed."""
LEFT_S, LEFT_SCALE_S = 0.6, 0.25
"""What the holder still has to say, from which it is more than last words."""
AIR_S = 0.6
"""How much longer an overlap looks where all that is known is times drawn around utterances by hand."""
OWN_WORDS, MOST_WORDS, NEW_WORDS = 3, 5, 2
EARLY_WORDS = 14
"""Where a question mark tells of what the comer begins with."""
NEAR_WORDS, SAID_WORDS = 8, 12
"""Words of the holder before the overlap that the comer may take up, and that the rest may repeat."""
LAST_LETTERS = 80
SHORTEST_ECHO = 5
BROKEN_OFF = ("...", "…", "-", "–", "—")
"""How a recognizer writes down that somebody broke off."""
LONGEST_LEAD = 3
CUT_WITHIN_S = 1.0
UNFINISHED = -0.4
"""On the scale of ``finished``: the words can hardly end a sentence."""
ABRUPT_S, FINISHED_ABRUPT_S = 0.07, 0.05
"""How long a voice dies away where it is cut off, and where the words could be a whole sentence all the
same; at the end of one it takes 0.1 s and more."""
NOISY = 0.3
"""Of `Encounter.noise`: from here on a voice's end drowns, and the words have to do."""
NOISY_LEFT_S, NOISY_CONFIDENCE = 0.45, 0.65
OWN_TALK_WORDS, HELP_AND_MORE = 2, 0.7
HOLDERS_OWN_WORDS = 4
REPEAT_WITHIN = 3
GOES_ON_S = 1.0
LONGER_BACKCHANNEL_S = 0.8

Texts = tuple[str, ...]


class SecondLook(BaseModel):
    """The words and the weights of a language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    hesitations: Texts
    fillers: Texts
    acknowledging_starts: Texts
    helping_starts: Texts
    question_starts: Texts
    asking_again: Texts
    open_ends: Texts
    weights: dict[str, float]
    constant: float

    def probability(self, found: Mapping[str, float]) -> float:
        """How likely a careful reader calls it an interruption, by the features of an encounter."""
        score = self.constant + sum(weight * found[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-score))


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
        look = SecondLook(language=language, **json.loads(path.read_bytes()))
        if set(look.weights) != set(NAMES):
            raise ValueError("expected a weight for each of " + ", ".join(NAMES))
        return look
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
    found = features(e, look)
    if _clear_by_sound(e, found, verdict, settings):
        surest = NOISY_CONFIDENCE if e.noise > NOISY else 1.0
        return replace(verdict, confidence=min(verdict.confidence, surest))
    chance = look.probability(found)
    if chance >= settings.interruption_probability:
        return Verdict("interruption", verdict.yielded, min(chance, verdict.confidence), verdict.reason)
    kind = _other_kind(e, found, settings)
    reason = Text("event.helped") if kind == "cooperative" else Text("event.handed_over")
    if chance >= settings.doubtful_probability:
        reason = Text("event.listen")
    return Verdict(kind, False, 1 - chance, reason)


def _clear_by_sound(
    e: Encounter, found: Mapping[str, float], verdict: Verdict, settings: TurnsSettings
) -> bool:
    """Whether sound and words leave little doubt: F is cut off, or both talk on.

    Never where O acknowledges, echoes, thanks or asks to repeat in a few words, answers F's question, or
    where F was only acknowledging.
    """
    if e.cues is None or verdict.confidence < settings.sound_confidence:
        return False
    silent, unfinished = e.falls_silent(settings), found["finished"] < UNFINISHED
    friendly = (found["helps"] and found["brings"] < HELP_AND_MORE) or found["asks_again"]
    answers = found["holder_asked"] and not found["asks"] and silent and not unfinished
    if found["only_acknowledges"] or found["echoes"] or found["holder_acknowledges"] or answers:
        return False
    own = found["brings"] * MOST_WORDS >= OWN_TALK_WORDS and not friendly
    abrupt = (
        silent
        and e.noise <= NOISY
        and e.cues.holder_end_decay_s is not None
        and e.cues.holder_end_decay_s <= (ABRUPT_S if found["finished"] < 0 else FINISHED_ABRUPT_S)
    )
    if abrupt and e.remaining_s <= settings.yield_within_s:
        return own or (unfinished and e.remaining_s <= CUT_WITHIN_S)
    if e.noise > NOISY and silent and own and not found["helps"] and not found["holder_asked"]:
        return unfinished or e.remaining_s >= NOISY_LEFT_S
    talks_on = e.overlap_s >= settings.talk_over_s or (not silent and e.overlap_s >= LEFT_S)
    return bool(own and talks_on)


def _other_kind(e: Encounter, found: Mapping[str, float], settings: TurnsSettings) -> EventKind:
    """The likeliest kind of what is no interruption."""
    left_s = e.remaining_s - (AIR_S if e.cues is None else 0.0)
    short = e.duration_s <= settings.backchannel_max_s + LONGER_BACKCHANNEL_S
    goes_on = not e.falls_silent(settings) or left_s > GOES_ON_S
    if found["only_acknowledges"] and not found["helps"] and short and goes_on:
        return "backchannel"
    stands_by = found["helps"] or found["echoes"] or (found["holder_asked"] and not found["asks"])
    return "cooperative" if stands_by and left_s > LEFT_S else "terminal_overlap"


def features(e: Encounter, look: SecondLook) -> dict[str, float]:
    """What the second look goes by, each 0..1; ``NAMES`` are weighed, the others are their parts.

    ``asks_over``: asks while the holder has something new to say; ``brings_over``: says something else then,
    without acknowledging anything; ``leaves_open``: the holder's sentence ends on a word that wants another;
    ``brings``: how many words of the comer are their own. Help, echoes, and
    coming in on mere acknowledgements count for none of the first three.
    """
    said, rest = normal_words(e.holder_said), normal_words(e.holder_rest)
    whole = f"{e.holder_said} {e.holder_rest}".strip()
    acknowledging, hesitating = frozenset(look.acknowledging_starts), frozenset(look.hesitations)
    fillers = hesitating | frozenset(look.fillers)
    words = normal_words(e.quote)
    idle = acknowledging | hesitating
    lead = next((at for at, word in enumerate(words) if word not in idle), len(words))
    acknowledges = any(word in acknowledging for word in words[:lead])
    body = words[lead:]
    own = [word for word in body if word not in fillers]
    near = [*said[-NEAR_WORDS:], *rest]
    echoes = bool(own) and len(own[0]) >= SHORTEST_ECHO and own[0] in near
    helps = any(_starts(words[at:], look.helping_starts) for at in range(min(lead, LONGEST_LEAD) + 1)) or any(
        _starts(own[at:], look.helping_starts) for at in range(min(2, len(own)))
    )
    begins = next((at for at, word in enumerate(body) if word not in fillers), len(body))
    asks = "?" in " ".join(e.quote.split()[:EARLY_WORDS]) or any(
        _starts(body[at:], look.question_starts) for at in {*range(min(4, len(body))), begins}
    )
    new = [word for word in rest if word not in fillers | acknowledging and word not in said[-SAID_WORDS:]]
    left_s = e.remaining_s - (AIR_S if e.cues is None else 0.0)
    over = min(1.0, len(new) / NEW_WORDS) / (1 + math.exp(-(left_s - LEFT_S) / LEFT_SCALE_S))
    held_nothing = _acknowledges([*said, *rest], look)
    takes = not helps and not echoes and not held_nothing
    brings = min(len(own), MOST_WORDS) / MOST_WORDS
    completeness = load_completeness(look.language)
    ended = _without_trail(whole, fillers | acknowledging)
    odds = completeness.log_odds(ended) if completeness and ended else None
    return {
        "asks_over": takes * asks * over,
        "brings_over": takes * (not acknowledges) * brings * over,
        "leaves_open": float(
            (_last_word(whole, hesitating) in look.open_ends or whole.endswith(BROKEN_OFF))
            and len(own) >= OWN_WORDS
            and takes
        ),
        "brings": brings,
        "asks": float(asks),
        "helps": float(helps),
        "echoes": float(echoes),
        "only_acknowledges": float(acknowledges and not own),
        "asks_again": float(asks and any(word in look.asking_again for word in words[:REPEAT_WITHIN])),
        "holder_acknowledges": float(held_nothing),
        "holder_asked": float("?" in whole[-LAST_LETTERS:]),
        "finished": math.tanh((odds or 0.0) / 3),
    }


def _acknowledges(words: Sequence[str], look: SecondLook) -> bool:
    """Whether words only acknowledge, thank or confirm."""
    idle = {*look.acknowledging_starts, *look.hesitations, *look.fillers}
    first = next((at for at, word in enumerate(words) if word not in idle), len(words))
    own = words[first:]
    return not own or (len(own) <= HOLDERS_OWN_WORDS and _starts(own, look.helping_starts))


def _last_word(text: str, hesitations: frozenset[str]) -> str | None:
    """The last word that is no hesitation; ``None`` where a mark stands alone: something was not heard."""
    tokens = text.split()
    if tokens and not any(sign.isalnum() for sign in tokens[-1]):
        return None
    words = [word for word in normal_words(text) if word not in hesitations]
    return words[-1] if words else None


def _without_trail(text: str, idle: frozenset[str]) -> str:
    """A text without the hesitations and fillers that it trails off into."""
    tokens = text.split()
    while tokens and all(word in idle for word in normal_words(tokens[-1])):
        tokens.pop()
    return " ".join(tokens)


def _starts(words: Sequence[str], starts: Texts) -> bool:
    return any(tuple(words[: len(start.split())]) == tuple(start.split()) for start in starts)
