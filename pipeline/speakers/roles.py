"""Which of two speakers is the agent, by what they say.

Cues and their weights are those of ``configs/roles.<language>.yaml``. A cue that one speaker gives n times
and the other m times counts (n - m) / (n + m + 1) times its weight, so that neither length nor chatter
decides. The sum is the log odds that the first speaker is the agent; exchanging the speakers exchanges the
answer.
"""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Self, get_args

from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.language_files import read_language_file
from pipeline.phrases import normal_words
from pipeline.records import CallFacts, Correction, Measures, QualityWarning, Role, Separation, Turn
from pipeline.settings import SpeakersSettings
from pipeline.speakers.channels import DEFAULT_CONFIDENCE, GIVEN_CONFIDENCE
from pipeline.speakers.renaming import EXCHANGED, OTHER_PART
from pipeline.texts import Text
from pipeline.timeline import overlap_s, union

NUMBERED: tuple[Role, Role] = ("speaker_1", "speaker_2")
PAIRS: tuple[tuple[Role, Role], ...] = (("agent", "customer"), NUMBERED)
SWAPPED = "roles_swapped"
CORRECTED = "roles_corrected"
BY_WORDS = "roles_by_words"
EXCHANGED_MIDWAY = "roles_exchanged_midway"
DOUBTS = (SWAPPED, EXCHANGED_MIDWAY)
"""Warnings with which nothing is judged, or learned of an agent, until a person says who is who."""
QUESTIONS = "questions"
SPEAKS_FIRST = "speaks_first"
NOTHING = re.compile(r"(?!)")
QUOTE_CONTEXT = 5
LAPSE = 0.01
"""Share of calls in which cues may mislead altogether: the labeled dialogues are too few to exclude it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCue:
    """One thing that was said; ``weight`` is what it adds to the log odds that its speaker is the agent."""

    id: str
    speaker: Role
    turn: int
    quote: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGuess:
    """Who is likely to be the agent.

    ``agent`` is ``None`` where ``confidence``, the calibrated probability 0.5..1 of the likelier answer, is
    under ``speakers.role_confidence_min``. ``cues`` are in the order of turns.
    """

    agent: Role | None
    confidence: float
    cues: tuple[RoleCue, ...]

    def strongest(self) -> RoleCue | None:
        """The cue that says most clearly who the agent is."""
        return max(self.cues, key=lambda cue: cue.weight if cue.speaker == self.agent else 0.0, default=None)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float


class _Cue(_Part):
    says: tuple[str, ...]
    but: tuple[str, ...] = ()


class _Questions(_Part):
    starts: tuple[str, ...]


class RolesFile(BaseModel):
    """``configs/roles.<language>.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agent: dict[str, _Cue]
    customer: dict[str, _Cue]
    questions: _Questions
    speaks_first: _Part
    numbers: tuple[str, ...]

    @model_validator(mode="after")
    def _one_name_each(self) -> Self:
        names = Counter((*self.agent, *self.customer, QUESTIONS, SPEAKS_FIRST))
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"two cues have one name: {', '.join(twice)}")
        return self


@dataclass(frozen=True, slots=True)
class _Phrases:
    """A cue of the file; ``sign`` is 1 where it speaks for the agent, else -1."""

    id: str
    sign: float
    weight: float
    says: re.Pattern[str]
    but: re.Pattern[str]

    def places(self, words: str) -> list[tuple[int, int]]:
        """Numbers of the first word of each place where it is said, and of the first one after it."""
        left = self.but.sub(lambda found: " -" * found.group().count(" "), words)
        return [
            (left.count(" ", 0, found.start()), left.count(" ", 0, found.end()))
            for found in self.says.finditer(left)
        ]


@dataclass(frozen=True, slots=True)
class RoleCues:
    """The cues of a language."""

    phrases: tuple[_Phrases, ...]
    asks: re.Pattern[str]
    weights: dict[str, float]
    """Signed weight of every cue, in the order of the file."""


def assign_roles(turns: Sequence[Turn], language: str, settings: SpeakersSettings) -> RoleGuess:
    """Which of the two speakers of ``turns`` is the agent.

    Speakers may be named ``speaker_1`` and ``speaker_2``, or ``agent`` and ``customer`` to check what is
    believed so far. Without words, or in a language that has no file, nobody is the agent and the
    confidence is 0.5.
    """
    known = load_role_cues(language)
    if known is None or not turns:
        return RoleGuess(agent=None, confidence=0.5, cues=())
    first, second = _pair(turns)
    cues = _weighed(found_cues(turns, known), known)
    log_odds = _log_odds(cues, first)
    confidence = _confidence(log_odds)
    likelier = first if log_odds > 0 else second
    sure = confidence >= settings.role_confidence_min and log_odds != 0
    return RoleGuess(agent=likelier if sure else None, confidence=confidence, cues=cues)


def name_speakers(
    separation: Separation,
    turns: Sequence[Turn],
    language: str,
    correction: Correction | None,
    settings: SpeakersSettings,
) -> tuple[Separation, dict[Role, Role]]:
    """New names for ``speaker_1`` and ``speaker_2`` where a user or their words say who is the agent.

    The names are for :func:`pipeline.speakers.renaming.renamed`; there are none where roles are known from
    channels, or stay unknown. A channel map that nobody stated for this call gives way to the words.
    """
    if separation.method == "channels":
        return _map_or_words(separation, turns, language, correction, settings)
    if {turn.speaker for turn in turns} != set(NUMBERED):
        return separation, {}
    agent, method, confidence = _agent_of_correction(turns, correction), "metadata", GIVEN_CONFIDENCE
    if agent is None:
        guess = assign_roles(turns, language, settings)
        agent, method, confidence = guess.agent, "transcript", guess.confidence
    if agent is None:
        return separation, {}
    named = dataclasses.replace(
        separation,
        role_method="metadata" if method == "metadata" else "transcript",
        role_confidence=confidence,
        agent_label=agent,
    )
    customer = NUMBERED[1 - NUMBERED.index(agent)]
    return named, {agent: "agent", customer: "customer"}


def _map_or_words(
    separation: Separation,
    turns: Sequence[Turn],
    language: str,
    correction: Correction | None,
    settings: SpeakersSettings,
) -> tuple[Separation, dict[Role, Role]]:
    """The default channel map, exchanged where the words contradict it from ``swap_probability`` on."""
    if correction is not None or separation.role_confidence != DEFAULT_CONFIDENCE:
        return separation, {}
    guess = assign_roles(turns, language, settings)
    if guess.agent != "customer" or guess.confidence < settings.swap_probability:
        return separation, {}
    other = dataclasses.replace(
        separation,
        role_method="transcript",
        role_confidence=guess.confidence,
        agent_label=OTHER_PART[str(separation.agent_label)],
    )
    return other, EXCHANGED


def exchanged_midway(
    turns: Sequence[Turn], measures: Measures, language: str, settings: SpeakersSettings
) -> float | None:
    """When the sides of a call change places, by what is said before and after; ``None`` where they do not.

    Both parts must tell their agent with ``speakers.midway_probability``, and not the same one; and where the
    pitch of the two tells them apart, the voices must have changed places, too.
    """
    known = load_role_cues(language)
    if known is None or not turns:
        return None
    hits = found_cues(turns, known)
    first, _ = _pair(turns)
    best = 0.0
    splits: list[int] = []
    for split in range(settings.midway_turns, len(turns) - settings.midway_turns + 1):
        number = turns[split].turn
        before = _log_odds(_weighed([hit for hit in hits if hit.turn < number], known), first)
        after = _log_odds(_weighed([hit for hit in hits if hit.turn >= number], known), first)
        surest = min(abs(before), abs(after))
        if before * after < 0 and surest >= best:
            splits = [*splits, split] if surest == best else [split]
            best = surest
    at = turns[splits[len(splits) // 2]].start_s if splits else None
    if at is None or _confidence(best) < settings.midway_probability:
        return None
    return None if _voices_stay(measures, at) else at


def _voices_stay(measures: Measures, at_s: float) -> bool:
    """Whether each side sounds after a moment more like itself than like the other before it, by pitch."""
    found: dict[tuple[Role, bool], float] = {}
    for role, own in measures.by_role().items():
        for late in (False, True):
            voices = [
                turn.f0_median_hz
                for turn in own.voice_turns
                if turn.f0_median_hz is not None and (turn.start_s >= at_s) == late
            ]
            if voices:
                found[role, late] = 12 * math.log2(median(voices))
    if len(found) < 2 * len(NUMBERED):
        return False
    (one, other) = {role: None for role, _ in found}
    stay_st = abs(found[one, False] - found[one, True]) + abs(found[other, False] - found[other, True])
    change_st = abs(found[one, False] - found[other, True]) + abs(found[other, False] - found[one, True])
    return stay_st < change_st


def _weighed(hits: Sequence[RoleCue], known: RoleCues) -> tuple[RoleCue, ...]:
    """Cues with their weights: the more often one comes, the less each counts."""
    totals = Counter(hit.id for hit in hits)
    return tuple(
        dataclasses.replace(hit, weight=known.weights[hit.id] / (totals[hit.id] + 1)) for hit in hits
    )


def _log_odds(cues: Sequence[RoleCue], first: Role) -> float:
    """Log odds that ``first`` is the agent, by weighed cues."""
    return math.fsum(cue.weight if cue.speaker == first else -cue.weight for cue in cues)


def _confidence(log_odds: float) -> float:
    return LAPSE + (1 - 2 * LAPSE) / (1 + math.exp(-abs(log_odds)))


def role_warnings(
    call: CallFacts,
    separation: Separation,
    turns: Sequence[Turn],
    measures: Measures,
    correction: Correction | None,
    settings: SpeakersSettings,
) -> list[QualityWarning]:
    """What is doubtful about who is the agent.

    ``roles_swapped`` where agent and customer clearly speak as the other would, ``roles_exchanged_midway``
    where they do for a part of a call on two channels, ``roles_by_words`` where the default map gave way.
    What a user has said of this call is noted as ``roles_corrected`` and is not doubted.
    """
    if not {turn.speaker for turn in turns} & {"agent", "customer"}:
        return []
    if correction is not None:
        return [corrected_warning()]
    if separation.method == "channels":
        at_s = exchanged_midway(turns, measures, call.judged_language, settings)
        if at_s is not None:
            return [
                QualityWarning(
                    code=EXCHANGED_MIDWAY, message=Text("quality.roles_exchanged_midway"), start_s=at_s
                )
            ]
        if separation.role_method == "transcript":
            command = f"callcoach rescore --swap-roles {call.call_id}"
            message = Text("quality.roles_by_words", probability=separation.role_confidence, command=command)
            return [QualityWarning(code=BY_WORDS, message=message)]
    guess = assign_roles(turns, call.judged_language, settings)
    if guess.agent != "customer" or guess.confidence < settings.swap_probability:
        return []
    command = f"callcoach rescore --swap-roles {call.call_id}"
    message = Text("quality.roles_swapped", probability=guess.confidence, command=command)
    strongest = guess.strongest()
    shown = next((turn for turn in turns if strongest and turn.turn == strongest.turn), turns[0])
    return [QualityWarning(code=SWAPPED, message=message, start_s=shown.start_s, end_s=shown.end_s)]


def corrected_warning() -> QualityWarning:
    return QualityWarning(code=CORRECTED, message=Text("quality.roles_corrected"))


def _agent_of_correction(turns: Sequence[Turn], correction: Correction | None) -> Role | None:
    """The speaker who speaks when the agent does, as a user said."""
    if correction is None:
        return None
    first_s, second_s = (
        overlap_s(
            union((turn.start_s, turn.end_s) for turn in turns if turn.speaker == role),
            correction.agent_speech,
        )
        for role in NUMBERED
    )
    return None if first_s == second_s else NUMBERED[0] if first_s > second_s else NUMBERED[1]


def contrasts(turns: Sequence[Turn], known: RoleCues) -> dict[str, float]:
    """How much more often the first speaker of the pair gives each cue than the second: -1..1."""
    first, _ = _pair(turns)
    hits = found_cues(turns, known)
    found = {}
    for name in known.weights:
        own = sum(hit.id == name and hit.speaker == first for hit in hits)
        others = sum(hit.id == name and hit.speaker != first for hit in hits)
        found[name] = (own - others) / (own + others + 1)
    return found


def found_cues(turns: Sequence[Turn], known: RoleCues) -> list[RoleCue]:
    """Every cue in ``turns``, with its whole weight; one of a kind for each time that it is said."""
    found = []
    for position, turn in enumerate(turns):
        words = f" {' '.join(normal_words(turn.text))} "
        places = [(each.id, place) for each in known.phrases for place in each.places(words)]
        if "?" in turn.text or known.asks.match(words):
            places.append((QUESTIONS, (0, 0)))
        if position == 0:
            places.append((SPEAKS_FIRST, (0, 0)))
        found += [
            RoleCue(
                id=name,
                speaker=turn.speaker,
                turn=turn.turn,
                quote=_quote(turn.text, *place),
                weight=known.weights[name],
            )
            for name, place in places
        ]
    return found


def _quote(text: str, first: int, end: int) -> str:
    """The words of a turn around its normal words ``first`` to ``end``."""
    tokens = text.split()
    owner = [index for index, token in enumerate(tokens) for _ in normal_words(token)]
    before = owner[first] if first < len(owner) else 0
    return " ".join(tokens[max(0, before - QUOTE_CONTEXT) : before + end - first + QUOTE_CONTEXT])


@cache
def load_role_cues(language: str) -> RoleCues | None:
    """The cues of a language; ``None`` where it has no file.

    Raises:
        SettingsError: the file is there but is not what it should be.
    """
    file = read_language_file("roles", language, RolesFile)
    if file is None:
        return None
    number = rf"(?:\d+|{_any(file.numbers)})"
    phrases = tuple(
        _Phrases(name, sign, cue.weight, _compiled(cue.says, number), _compiled(cue.but, number))
        for cues, sign in ((file.agent, 1.0), (file.customer, -1.0))
        for name, cue in cues.items()
    )
    weights = {each.id: each.sign * each.weight for each in phrases}
    weights |= {QUESTIONS: file.questions.weight, SPEAKS_FIRST: file.speaks_first.weight}
    return RoleCues(phrases, _compiled(file.questions.starts, number), weights)


def _compiled(phrases: Sequence[str], number: str) -> re.Pattern[str]:
    """One pattern for all phrases, over words that have a space on both sides."""
    if not phrases:
        return NOTHING
    return re.compile(f" (?:{'|'.join(_pattern(phrase, number) for phrase in phrases)})(?= )")


def _pattern(phrase: str, number: str) -> str:
    special = {"*": r"\S+", "#": number}
    return " ".join(special.get(word) or f"(?:{_any(word.split('/'))})" for word in phrase.split())


def _any(words: Sequence[str]) -> str:
    """A pattern of one of the words, in the normal form of what is compared with it."""
    return "|".join(re.escape(" ".join(normal_words(word))) for word in words)


def _pair(turns: Sequence[Turn]) -> tuple[Role, Role]:
    """The two roles that the speakers have names of, whether both speak or one.

    Raises:
        ValueError: the speakers are of both kinds.
    """
    speakers = {turn.speaker for turn in turns}
    for pair in PAIRS:
        if speakers <= set(pair):
            return pair
    raise ValueError(f"speakers {sorted(speakers)} are no pair of {get_args(Role)}")
