"""Reads numbers as they are spoken: "double four", "forty-two", "oh nine", across pauses and turns."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.records import Role, SecretKind, Turn
from pipeline.redaction.language import Phrase, SpokenLanguage

WRITTEN_DIGITS = re.compile(r"\+?\d([\d\-.,]*\d)?")
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
DECIMAL = re.compile(r"[\d,]*\.\d+")
WRITTEN_DATE = re.compile(r"\d{1,2}[/-]\d{1,4}([/-]\d{2,4})?")
OUTER = " \t.,;:!?\"'()[]…—–-"
MOST_BETWEEN = 4
MOST_SAID_BY_OTHER = 6
FEWEST_DIGITS = 2
FEWEST_DOUBTFUL = 3
FEWEST_BESIDE_MISHEARD = 2


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
    def asks(self) -> bool:
        return self.raw.rstrip("\"')").endswith("?")

    @property
    def capitalized(self) -> bool:
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


@dataclass(frozen=True, slots=True)
class Found:
    """A secret as ``first`` to ``last`` of the speaker's tokens, with the digits of one that is a number."""

    kind: SecretKind
    speaker: Role
    first: int
    last: int
    digits: str = ""


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


@dataclass(frozen=True, slots=True)
class Numeral:
    """Tokens ``first`` to before ``end`` that stand for digits: one, or two as in "double four".

    A ``doubtful`` one is mostly another word ("oh", "one"), a ``misheard`` one always is ("for").
    """

    first: int
    end: int
    digits: str
    doubtful: bool = False
    misheard: bool = False
    scale: bool = False


def _with_digits(tokens: list[Token], language: SpokenLanguage) -> list[Token]:
    """The tokens with what each stands for in a number."""
    read = [replace(token, is_date=_is_date(token, language)) for token in tokens]
    stretches = [
        stretch
        for stretch in _stretches(tokens, language)
        if len(stretch) > 1 or not _counts(tokens, stretch[0].end, language)
    ]
    for index, stretch in enumerate(stretches):
        before = index > 0 and _near(stretches[index - 1][-1].end, stretch[0].first, tokens, language)
        after = index + 1 < len(stretches) and _near(
            stretch[-1].end, stretches[index + 1][0].first, tokens, language
        )
        for numeral in _believed(stretch, tokens, before=before, after=after):
            read[numeral.first] = replace(read[numeral.first], digits=numeral.digits)
            for second in range(numeral.first + 1, numeral.end):
                read[second] = replace(read[second], continues=True)
    return read


def _near(end: int, first: int, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether there are only fillers between two stretches, as in "four, um, one"."""
    return first - end < MOST_BETWEEN and all(token.plain in language.between for token in tokens[end:first])


def _counts(tokens: Sequence[Token], end: int, language: SpokenLanguage) -> bool:
    """Whether what stands before ``end`` counts something: "three numbers", "24 hours"."""
    ended = tokens[end - 1].ends_sentence or end == len(tokens) or tokens[end].turn != tokens[end - 1].turn
    return not ended and tokens[end].plain in language.units


def _stretches(tokens: Sequence[Token], language: SpokenLanguage) -> list[list[Numeral]]:
    """Numerals that follow each other without another word between them."""
    stretches: list[list[Numeral]] = []
    index, joined = 0, 0
    while index < len(tokens):
        last = stretches[-1][-1] if stretches else None
        if (
            last is not None
            and last.scale
            and last.end == index
            and tokens[index].plain in language.number_joins
        ):
            index += 1  # "two thousand and one"
            joined = index
        follows = last is not None and index in (last.end, joined) and not tokens[index - 1].asks
        before = last if follows else None
        numeral = _numeral(tokens, index, before, language)
        if numeral is None:
            index += 1
            continue
        if before is None:
            stretches.append([])
        stretches[-1].append(numeral)
        index = numeral.end
    return stretches


def _numeral(
    tokens: Sequence[Token], index: int, before: Numeral | None, language: SpokenLanguage
) -> Numeral | None:
    """What the token at ``index`` stands for, with the one after it where they are read together."""
    plain = tokens[index].plain
    own = _digits_of(tokens[index], language)
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if after is not None and plain in language.repeats and (repeated := _digits_of(after, language)):
        return Numeral(index, index + 2, repeated * language.repeats[plain])
    if after is not None and plain in language.tens and language.digits.get(after.plain, 0) > 0:
        return Numeral(index, index + 2, str(language.tens[plain] + language.digits[after.plain]))
    if own:
        doubtful = plain in language.only_beside_digits or bool(THOUSANDS.fullmatch(plain))
        return Numeral(index, index + 1, own, doubtful=doubtful)
    if plain in language.scales and before is not None and not before.misheard:
        return Numeral(index, index + 1, language.scales[plain], scale=True)
    if plain in language.homophones and not _counts_after(tokens[index + 1 : index + 3], language):
        return Numeral(index, index + 1, str(language.homophones[plain]), misheard=True)
    return None


def _counts_after(after: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether a pair or a cardinal follows: "one for forty five", "one for one hundred"; "for" is no four."""
    if not after:
        return False
    pair = after[0].plain in language.tens or after[0].plain in language.teens
    return pair or after[-1].plain in language.scales


def _believed(
    stretch: Sequence[Numeral], tokens: Sequence[Token], *, before: bool, after: bool
) -> Sequence[Numeral]:
    """What of a stretch is a number: doubtful words only beside others, misheard ones only among others.

    At the edge of a sentence a misheard digit counts, too: "seven, four, for."

    Args:
        before: another stretch stands close before this one.
        after: another stands close behind.
    """
    certain = [index for index, numeral in enumerate(stretch) if not numeral.misheard]
    if not certain:
        return ()
    start, end = stretch[0].first, stretch[-1].end - 1
    starts = start == 0 or tokens[start - 1].ends_sentence or _opens_turn(tokens, start)
    ends = tokens[end].ends_sentence or end + 1 == len(tokens) or _opens_turn(tokens, end + 1)
    alone = not ((before and (after or ends)) or (after and starts))
    if alone and all(stretch[index].doubtful for index in certain) and len(certain) < FEWEST_DOUBTFUL:
        return ()
    first, last = certain[0], certain[-1]
    if len(certain) >= FEWEST_BESIDE_MISHEARD:
        first -= first == 1 and starts
        last += last == len(stretch) - 2 and tokens[end].ends_sentence
    return stretch[first : last + 1]


def _opens_turn(tokens: Sequence[Token], index: int) -> bool:
    return tokens[index - 1].turn != tokens[index].turn


def _is_date(token: Token, language: SpokenLanguage) -> bool:
    """Whether a token alone is a day or a written date: "14th", "fourteenth", "3/14/1985"."""
    number = token.plain.rstrip("".join(language.ordinal_suffixes))
    return (
        token.plain in language.ordinals
        or (number.isdigit() and token.plain.removeprefix(number) in language.ordinal_suffixes)
        or ("/" in token.plain and bool(WRITTEN_DATE.fullmatch(token.plain)))
    )


def _digits_of(token: Token, language: SpokenLanguage) -> str:
    """What one token alone stands for in a number, ``""`` for nothing."""
    plain = token.plain
    if WRITTEN_DATE.fullmatch(plain) or (WRITTEN_DIGITS.fullmatch(plain) and not DECIMAL.fullmatch(plain)):
        return re.sub(r"\D", "", plain)
    for words in (language.digits, language.teens, language.tens):
        if plain in words:
            return str(words[plain])
    return ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a number: when the other speaks and cues are said, in time order, and long pauses."""

    others_s: Sequence[float]
    cues_s: Sequence[float]
    longest_pause_s: float

    def part(self, last: Token, token: Token) -> bool:
        """Whether too much lies between two digits for them to be one number."""
        return (
            last.asks
            or token.start_s - last.end_s > self.longest_pause_s
            or _within(self.cues_s, last.end_s, token.start_s) > 0
            or _within(self.others_s, last.end_s, token.start_s) > MOST_SAID_BY_OTHER
        )


def read_limits(
    streams: Mapping[Role, Sequence[Token]],
    cues_s: Sequence[float],
    language: SpokenLanguage,
    longest_pause_s: float,
) -> dict[Role, Limits]:
    """What ends the numbers of each speaker.

    Args:
        cues_s: when something is announced, in time order.
    """
    said = {
        speaker: [token.start_s for token in own if not token.digits and token.plain not in language.between]
        for speaker, own in streams.items()
    }
    return {
        speaker: Limits(
            sorted(start_s for other, own in said.items() if other != speaker for start_s in own),
            cues_s,
            longest_pause_s,
        )
        for speaker in streams
    }


def read_runs(
    streams: Mapping[Role, Sequence[Token]], limits: Mapping[Role, Limits], language: SpokenLanguage
) -> list[Run]:
    """Runs of two digits and more, in time order.

    A run goes on over pauses, fillers and short words of the other ("mm-hm", a read-back). It ends at any
    other word, and where either asks for something else.
    """
    found = [
        run
        for speaker, tokens in streams.items()
        for run in _runs_of(speaker, tokens, limits[speaker], language)
    ]
    return sorted(found, key=lambda run: (run.start_s, run.end_s, run.speaker))


def _within(times_s: Sequence[float], from_s: float, until_s: float) -> int:
    return max(0, bisect_left(times_s, until_s) - bisect_left(times_s, from_s))


def _runs_of(speaker: Role, tokens: Sequence[Token], limits: Limits, language: SpokenLanguage) -> list[Run]:
    runs: list[list[int]] = []
    open_run = False
    for index, token in enumerate(tokens):
        if token.digits:
            if not open_run or limits.part(tokens[runs[-1][-1]], token):
                runs.append([])
            runs[-1].append(index)
            open_run = True
        elif token.continues:
            runs[-1].append(index)
        elif open_run:
            open_run = token.plain in language.between and index - runs[-1][-1] <= MOST_BETWEEN
    found = [_run(speaker, tokens, run) for run in runs]
    return [run for run in found if len(run.digits) >= FEWEST_DIGITS]


def _run(speaker: Role, tokens: Sequence[Token], held: Sequence[int]) -> Run:
    return Run(
        speaker=speaker,
        first=held[0],
        last=held[-1],
        digits="".join(tokens[index].digits for index in held),
        start_s=tokens[held[0]].start_s,
        end_s=tokens[held[-1]].end_s,
    )


def phrase_ends(tokens: Sequence[Token], phrases: Iterable[Phrase]) -> list[int]:
    """Index of the last token of each place where one of the phrases is said."""
    words = tuple(token.plain for token in tokens)
    return [
        first + len(phrase) - 1
        for phrase in phrases
        for first in range(len(words) - len(phrase) + 1)
        if words[first : first + len(phrase)] == phrase
    ]
