"""Reads numbers as they are spoken: "double four", "forty-two", "oh nine", across pauses and turns."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.records import Role, Turn
from pipeline.redaction.language import SpokenLanguage

WRITTEN_DIGITS = re.compile(r"\+?\d[\d\-.,]*\d|\d")
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?|\d+\.\d+")
WRITTEN_DATE = re.compile(r"\d{1,2}[/-]\d{1,4}([/-]\d{2,4})?")
WRITTEN_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)", re.IGNORECASE)
OUTER = " \t.,;:!?\"'()[]…—–-"
MOST_BETWEEN = 4
MOST_SAID_BY_OTHER = 6
HARMLESS = "harmless"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One word or part of a hyphenated word, with where it was said.

    ``digits`` is what it stands for as part of a number, ``""`` for no number.
    """

    turn: int
    word: int
    speaker: Role
    start_s: float
    end_s: float
    raw: str
    plain: str
    digits: str = ""
    continues: bool = False
    """Read together with the token before: the second word of "double four" and "forty two"."""
    is_date: bool = False

    @property
    def ends_sentence(self) -> bool:
        return self.raw.rstrip("\"')").endswith((".", "?", "!")) and len(self.plain) > 1

    @property
    def capitalised(self) -> bool:
        return self.raw.lstrip("\"'(")[:1].isupper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Digits that one speaker said in a row; ``first`` and ``last`` index the speaker's tokens."""

    speaker: Role
    first: int
    last: int
    digits: str
    start_s: float
    end_s: float


def read_tokens(turns: Sequence[Turn], language: SpokenLanguage) -> dict[Role, list[Token]]:
    """The tokens of each speaker in time order, with their digits.

    ``Token.turn`` and ``Token.word`` index ``turns`` and the words of the turn.
    """
    streams: dict[Role, list[Token]] = {}
    for index, turn in enumerate(turns):
        for position, word in enumerate(turn.words):
            for raw, plain in _parts(word.word):
                streams.setdefault(turn.speaker, []).append(
                    Token(
                        turn=index,
                        word=position,
                        speaker=turn.speaker,
                        start_s=word.start_s,
                        end_s=word.end_s,
                        raw=raw,
                        plain=plain,
                    )
                )
    return {
        speaker: _with_digits(sorted(tokens, key=lambda token: (token.start_s, token.turn)), language)
        for speaker, tokens in streams.items()
    }


def _parts(word: str) -> list[tuple[str, str]]:
    """A word, or the parts of a hyphenated one that is no written number: "forty-two"."""
    stripped = word.strip(OUTER)
    if "-" in stripped and not any(letter.isdigit() for letter in stripped):
        pieces = [piece for piece in re.split("[-–—]", word) if piece.strip(OUTER)]
        return [(piece, piece.strip(OUTER).lower().replace("’", "'")) for piece in pieces]
    return [(word, stripped.lower().replace("’", "'"))] if stripped else []


def _with_digits(tokens: list[Token], language: SpokenLanguage) -> list[Token]:
    """The tokens with what each stands for in a number."""
    own = [_digits_of(token, language) for token in tokens]
    sure = [bool(found) and tokens[index].plain not in language.only_beside_digits
            for index, (found, _) in enumerate(own)]  # fmt: skip
    filled: list[Token] = []
    index = 0
    while index < len(tokens):
        token, (digits, is_date) = tokens[index], own[index]
        after = tokens[index + 1].plain if index + 1 < len(tokens) else ""
        beside = _beside(sure, index)
        if token.plain in language.repeats and own[index + 1 : index + 2] and own[index + 1][0]:
            repeated = own[index + 1][0] * language.repeats[token.plain]
            filled.append(replace(token, digits=repeated))
            filled.append(replace(tokens[index + 1], continues=True))
            index += 2
            continue
        if token.plain in language.tens and after in language.digits and language.digits[after] > 0:
            filled.append(replace(token, digits=str(language.tens[token.plain] + language.digits[after])))
            filled.append(replace(tokens[index + 1], continues=True))
            index += 2
            continue
        if token.plain in language.scales and index and filled[-1].digits:
            digits = language.scales[token.plain]
        elif token.plain in language.only_beside_digits and not any(beside):
            digits = ""
        elif not digits and token.plain in language.homophones and all(beside):
            digits = str(language.homophones[token.plain])
        filled.append(replace(token, digits=digits, is_date=is_date))
        index += 1
    return filled


def _beside(sure: Sequence[bool], index: int) -> tuple[bool, bool]:
    return (index > 0 and sure[index - 1], index + 1 < len(sure) and sure[index + 1])


def _digits_of(token: Token, language: SpokenLanguage) -> tuple[str, bool]:
    """What one token alone stands for in a number, and whether it is a written date."""
    core = token.raw.strip(OUTER)
    if WRITTEN_DATE.fullmatch(core) and "/" in core:
        return re.sub(r"\D", "", core), True
    if THOUSANDS.fullmatch(core):
        return "", False
    if WRITTEN_DIGITS.fullmatch(core):
        return re.sub(r"\D", "", core), False
    ordinal = WRITTEN_ORDINAL.fullmatch(core)
    if ordinal:
        return "", True
    for words in (language.digits, language.teens, language.tens):
        if token.plain in words:
            return str(words[token.plain]), False
    return "", token.plain in language.ordinals


@dataclass(frozen=True, slots=True, order=True)
class Cue:
    """A phrase that announces a secret of a kind, or ``HARMLESS`` for a number that may stay."""

    end_s: float
    words: int
    kind: str
    start_s: float


def read_cues(tokens: Sequence[Token], language: SpokenLanguage) -> list[Cue]:
    """All cues among tokens in time order, the longest last among those that end together."""
    phrases = [(kind, phrase) for kind, own in language.cues.items() for phrase in own]
    phrases += [(HARMLESS, phrase) for phrase in language.harmless_cues]
    cues = [
        Cue(tokens[end].end_s, len(phrase), kind, tokens[end - len(phrase) + 1].start_s)
        for kind, phrase in phrases
        for end in phrase_ends(tokens, phrase)
    ]
    return sorted(cues)


def read_runs(
    streams: dict[Role, list[Token]], cues: Sequence[Cue], language: SpokenLanguage, longest_pause_s: float
) -> list[Run]:
    """Runs of two digits and more, in time order.

    A run goes on over pauses, fillers and short words of the other ("mm-hm", a read-back). It ends at any
    other word, and where the other asks for something else.
    """
    found = []
    for speaker, tokens in streams.items():
        others = [token for other, own in streams.items() if other != speaker for token in own]
        limits = Limits(others, [cue.start_s for cue in cues], longest_pause_s)
        found += _runs_of(speaker, tokens, limits, language)
    return sorted(found, key=lambda run: (run.start_s, run.end_s, run.speaker))


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a number: the other's words, cues of either speaker, long pauses."""

    others: Sequence[Token]
    cues_s: Sequence[float]
    longest_pause_s: float

    def part(self, last: Token, token: Token, language: SpokenLanguage) -> bool:
        """Whether too much lies between two digits for them to be one number."""
        if token.start_s - last.end_s > self.longest_pause_s:
            return True
        if any(last.end_s <= cue_s < token.start_s for cue_s in self.cues_s):
            return True
        said = [
            other
            for other in self.others
            if last.end_s <= other.start_s < token.start_s
            and not other.digits
            and other.plain not in language.between
        ]
        return len(said) > MOST_SAID_BY_OTHER


def _runs_of(speaker: Role, tokens: Sequence[Token], limits: Limits, language: SpokenLanguage) -> list[Run]:
    runs: list[Run] = []
    held: list[int] = []
    between = 0
    for index, token in enumerate(tokens):
        if token.digits and held and limits.part(tokens[held[-1]], token, language):
            runs.append(_run(speaker, tokens, held))
            held = []
        if token.digits or (token.continues and held):
            held.append(index)
            between = 0
        elif held:
            between += 1
            if between > MOST_BETWEEN or token.plain not in language.between:
                runs.append(_run(speaker, tokens, held))
                held = []
    if held:
        runs.append(_run(speaker, tokens, held))
    return [run for run in runs if len(run.digits) >= 2]


def _run(speaker: Role, tokens: Sequence[Token], held: Sequence[int]) -> Run:
    return Run(
        speaker=speaker,
        first=held[0],
        last=held[-1],
        digits="".join(tokens[index].digits for index in held),
        start_s=tokens[held[0]].start_s,
        end_s=tokens[held[-1]].end_s,
    )


def merged(streams: dict[Role, list[Token]]) -> list[Token]:
    """All tokens of a call in time order."""
    tokens: Iterable[Token] = (token for own in streams.values() for token in own)
    return sorted(tokens, key=lambda token: (token.start_s, token.turn, token.word))


def phrase_ends(tokens: Sequence[Token], phrase: tuple[str, ...]) -> list[int]:
    """Index of the last token of each place where a phrase is said."""
    size = len(phrase)
    words = tuple(token.plain for token in tokens)
    return [
        first + size - 1 for first in range(len(words) - size + 1) if words[first : first + size] == phrase
    ]
