"""Finds secrets in turns: numbers by what announces them and by their own form, and what is said in words.

Numbers are read as spoken (:mod:`pipeline.redaction.reader`) and handed, as digits, to Presidio's pattern
recognisers, which know the forms and checksums of cards, bank and social-security numbers and telephones. A
number that was misheard has no valid form; then the phrase that announced it decides.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

from presidio_analyzer import EntityRecognizer
from presidio_analyzer.nlp_engine import NlpArtifacts
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    IbanRecognizer,
    PhoneRecognizer,
    UsSsnRecognizer,
)

from pipeline.records import Role, SecretKind, Turn
from pipeline.redaction.language import SpokenLanguage, load_spoken_language
from pipeline.redaction.reader import (
    HARMLESS,
    Cue,
    Run,
    Token,
    merged,
    phrase_ends,
    read_cues,
    read_runs,
    read_tokens,
)
from pipeline.settings import RedactionSettings
from pipeline.timeline import Span

LENGTHS: Mapping[str, tuple[int, ...]] = {
    "card_number": tuple(range(8, 21)),
    "security_code": (3, 4),
    "expiry_date": (3, 4, 5, 6),
    "social_security_number": (4, 8, 9, 10),
    "bank_account": tuple(range(6, 19)),
    "pin": tuple(range(3, 9)),
    "phone_number": tuple(range(7, 14)),
    "postcode": (5, 9),
}
"""How many digits an announced number of a kind has; one more or less where a digit is easily misheard."""
CHAINED = frozenset({"card_number", "social_security_number", "bank_account", "phone_number"})
CARD_LENGTHS = (15, 16)
READ_BACK_DIGITS = 3
NO_ARTIFACTS = cast(NlpArtifacts, None)  # only recognisers of meaning look at them
CUE_AFTER_TOKENS = 7
DATE_KINDS: tuple[SecretKind, ...] = ("date_of_birth", "expiry_date")
MOST_LOCAL_PART = 8
FIRST_BIRTH_YEAR, LAST_BIRTH_YEAR = 1915, 2012
MOST_PASSWORD_WORDS = 6
MOST_DATE_TOKENS = 10
MOST_STREET_WORDS = 3
MOST_PLACE_WORDS = 5
DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
UK_POSTCODE = re.compile(r"[a-z]{1,2}\d[a-z\d]?\d[a-z]{2}")
PRESIDIO_KINDS: Mapping[str, SecretKind] = {
    "CREDIT_CARD": "card_number",
    "IBAN_CODE": "bank_account",
    "US_SSN": "social_security_number",
    "PHONE_NUMBER": "phone_number",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret in one turn: words ``first_word`` to ``last_word`` of ``turns[turn]``, both included."""

    kind: SecretKind
    turn: int
    first_word: int
    last_word: int
    start_s: float
    end_s: float

    @property
    def span(self) -> Span:
        return self.start_s, self.end_s


@dataclass(frozen=True, slots=True)
class _Found:
    kind: SecretKind
    speaker: Role
    first: int
    last: int
    digits: str = ""


def find_secrets(turns: Sequence[Turn], language: str, settings: RedactionSettings) -> tuple[Secret, ...]:
    """What must not be kept of a call, in time order and without overlaps within a turn.

    A language without a file has no secrets that could be found: callers say so to the user.
    """
    spoken = load_spoken_language(language)
    if spoken is None or not settings.kinds:
        return ()
    streams = read_tokens(turns, spoken)
    cues = read_cues(merged(streams), spoken)
    runs = read_runs(streams, cues, spoken, settings.longest_pause_s)
    announced = [
        _announced_by(
            run,
            streams[run.speaker][run.last + 1 : run.last + 1 + CUE_AFTER_TOKENS],
            cues,
            settings.cue_reach_s,
        )
        for run in runs
    ]
    found = [*_numbers(runs, announced, streams, spoken, settings)]
    found += _by_form(runs, announced, streams, spoken)
    found += _read_back(runs, [one for one in found if one.digits])
    for speaker, tokens in streams.items():
        found += _emails(speaker, tokens, spoken)
        found += _addresses(speaker, tokens, spoken)
        found += _passwords(speaker, tokens, spoken)
        found += _postcodes(speaker, tokens)
    found += _dates(streams, cues, spoken, settings.cue_reach_s)
    found += _names(streams, spoken, settings.cue_reach_s)
    wanted = [one for one in found if one.kind in settings.kinds]
    return _in_turns(wanted, streams)


# --- numbers ------------------------------------------------------------------------------------------


def _announced_by(run: Run, after_tokens: Sequence[Token], cues: Sequence[Cue], reach_s: float) -> str | None:
    """The kind whose cue stands nearest before a run (of either speaker) or, failing that, right after it."""
    before = [cue for cue in cues if run.start_s - reach_s <= cue.start_s < run.start_s]
    if before:
        return before[-1].kind
    ends_s = max((token.end_s for token in after_tokens), default=run.end_s)
    after = [cue for cue in cues if run.end_s <= cue.start_s and cue.end_s <= ends_s]
    return after[0].kind if after else None


def _numbers(
    runs: Sequence[Run],
    announced: Sequence[str | None],
    streams: dict[Role, list[Token]],
    language: SpokenLanguage,
    settings: RedactionSettings,
) -> list[_Found]:
    """Runs that a cue announces and whose length fits, alone or chained with their neighbours."""
    found: list[_Found] = []
    for kind, lengths in LENGTHS.items():
        mine = [
            run
            for run, cue in zip(runs, announced, strict=True)
            if cue == kind and not _counts_something(run, streams[run.speaker], language)
        ]
        for chain in _chains(mine, settings.cue_reach_s) if kind in CHAINED else [[run] for run in mine]:
            whole = "".join(run.digits for run in chain)
            fitting = chain if len(whole) in lengths else [run for run in chain if len(run.digits) in lengths]
            found += [_of_run(kind, run) for run in fitting]  # type: ignore[arg-type]
    return found


def _chains(runs: Sequence[Run], reach_s: float) -> list[list[Run]]:
    """Runs of one speaker that follow each other closely: a long number said in parts."""
    chains: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: (run.speaker, run.start_s)):
        last = chains[-1][-1] if chains else None
        if last is not None and last.speaker == run.speaker and run.start_s - last.end_s <= reach_s:
            chains[-1].append(run)
        else:
            chains.append([run])
    return chains


def _counts_something(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    after = tokens[run.last + 1].plain if run.last + 1 < len(tokens) else ""
    return after in language.units and len(run.digits) <= 4  # "24 hours", "1500 dollars"


def _of_run(kind: SecretKind, run: Run) -> _Found:
    return _Found(kind, run.speaker, run.first, run.last, run.digits)


@cache
def _recognisers() -> tuple[EntityRecognizer, ...]:
    return (CreditCardRecognizer(), IbanRecognizer(), UsSsnRecognizer(), PhoneRecognizer())


def _by_form(
    runs: Sequence[Run],
    announced: Sequence[str | None],
    streams: dict[Role, list[Token]],
    language: SpokenLanguage,
) -> list[_Found]:
    """Runs whose form alone makes them a secret, whatever announced them or nothing did."""
    found = []
    for run, cue in zip(runs, announced, strict=True):
        kind = _form_of(run, streams[run.speaker], cue)
        if kind is not None and not _counts_something(run, streams[run.speaker], language):
            found.append(_of_run(kind, run))
    return found


def _form_of(run: Run, tokens: Sequence[Token], cue: str | None) -> SecretKind | None:
    digits = run.digits
    groups = [token.digits for token in tokens[run.first : run.last + 1] if token.digits]
    written = "-".join(groups) if len(groups) > 1 else tokens[run.first].raw.strip(".,?! ")
    kinds = {
        PRESIDIO_KINDS[result.entity_type]
        for recogniser in _recognisers()
        for text in {digits, written}
        for result in recogniser.analyze(text, recogniser.supported_entities, NO_ARTIFACTS)
        if result.end - result.start >= len(digits)
    }
    if "card_number" in kinds:
        return "card_number"
    if cue == HARMLESS:
        return None
    if len(digits) in CARD_LENGTHS and cue is None:
        return "card_number"
    parts = [len(part) for part in re.split(r"\D+", written) if part]
    if "social_security_number" in kinds and parts == [3, 2, 4]:
        return "social_security_number"
    if "phone_number" in kinds and len(digits) in (10, 11) and (cue is None or cue == "phone_number"):
        return "phone_number"
    return None


def _read_back(runs: Sequence[Run], secrets: Sequence[_Found]) -> list[_Found]:
    """Runs that repeat a part of a secret: the agent reads a number back, the customer says it again."""
    taken = {(one.speaker, one.first) for one in secrets}
    kept: list[tuple[str, SecretKind]] = []
    whole: dict[tuple[SecretKind, Role], str] = {}
    for one in secrets:
        whole[one.kind, one.speaker] = whole.get((one.kind, one.speaker), "") + one.digits
        kept.append((one.digits, one.kind))
    kept += [(digits, kind) for (kind, _), digits in whole.items()]
    return [
        _of_run(kind, run)
        for run in runs
        if (run.speaker, run.first) not in taken and len(run.digits) >= READ_BACK_DIGITS
        for kind in [next((kind for digits, kind in kept if run.digits in digits), None)]
        if kind is not None
    ]


# --- words --------------------------------------------------------------------------------------------


def _emails(speaker: Role, tokens: Sequence[Token], language: SpokenLanguage) -> list[_Found]:
    """Addresses that are written ("a@b.com") or spoken ("anna dot b at example dot com")."""
    found = []
    for index, token in enumerate(tokens):
        if "@" in token.plain and len(token.plain) > 2:
            found.append(_Found("email", speaker, index, index))
            continue
        domain = DOMAIN.fullmatch(token.plain) and token.plain.rsplit(".", 1)[1] in language.email_endings
        dotted = token.raw.startswith(".") or (index > 0 and tokens[index - 1].plain in language.email_dot)
        spoken = token.plain in language.email_endings and dotted
        if not domain and not (index and spoken):
            continue
        at = next(
            (i for i in range(index - 1, max(-1, index - 9), -1) if tokens[i].plain in language.email_at),
            None,
        )
        if at is None and speaker != "agent":  # "at" was misheard; an agent may be naming a web site
            at = index
        if not at:
            continue
        first = at
        while (
            first > max(0, at - MOST_LOCAL_PART)
            and tokens[first - 1].plain not in language.email_starts
            and not tokens[first - 1].ends_sentence
        ):
            first -= 1
        if first < at:
            found.append(_Found("email", speaker, first, index))
    return found


def _addresses(speaker: Role, tokens: Sequence[Token], language: SpokenLanguage) -> list[_Found]:
    """A house number, up to three words of a name and a street type, with what follows of the address."""
    found = []
    for index, token in enumerate(tokens):
        if not (token.digits and len(token.digits) <= 5):
            continue
        start = index + 1
        while start < len(tokens) and (tokens[start].continues or tokens[start].digits):
            start += 1
        name: list[Token] = []
        for position in range(start, min(len(tokens), start + MOST_STREET_WORDS + 2)):
            here = tokens[position]
            if here.plain in language.street_types and any(t.plain not in language.directions for t in name):
                found.append(_Found("address", speaker, index, _place_end(position, tokens, language)))
                break
            if here.plain in language.no_street or here.plain in language.units or here.digits:
                break
            name.append(here)
            if here.ends_sentence:
                break
    return found


def _place_end(position: int, tokens: Sequence[Token], language: SpokenLanguage) -> int:
    """Index of the last token of the unit, town and code that follow a street."""
    last = position
    for index in range(position + 1, min(len(tokens), position + 1 + MOST_PLACE_WORDS)):
        if tokens[index - 1].ends_sentence:
            break
        token = tokens[index]
        unit = token.plain in language.unit_types
        in_unit = tokens[index - 1].plain in language.unit_types
        if not (unit or in_unit or token.digits or token.capitalised):
            break
        last = index
    return last


def _passwords(speaker: Role, tokens: Sequence[Token], language: SpokenLanguage) -> list[_Found]:
    found = []
    for phrase in (*language.password_cues, *language.security_answer_cues):
        for end in phrase_ends(tokens, phrase):
            first = end + 1
            if first >= len(tokens) or tokens[end].ends_sentence:
                continue
            if tokens[first].plain in language.no_password:
                continue
            last = first
            while (
                last + 1 < len(tokens)
                and not tokens[last].ends_sentence
                and tokens[last + 1].turn == tokens[first].turn
                and last + 1 - first < MOST_PASSWORD_WORDS
            ):
                last += 1
            found.append(_Found("password", speaker, first, last))
    return found


def _postcodes(speaker: Role, tokens: Sequence[Token]) -> list[_Found]:
    """Postcodes of the British form, in one word or two."""
    found = []
    for index, token in enumerate(tokens):
        if UK_POSTCODE.fullmatch(token.plain):
            found.append(_Found("postcode", speaker, index, index))
        elif index and UK_POSTCODE.fullmatch(tokens[index - 1].plain + token.plain) and token.digits == "":
            found.append(_Found("postcode", speaker, index - 1, index))
    return found


def _dates(
    streams: dict[Role, list[Token]], cues: Sequence[Cue], language: SpokenLanguage, reach_s: float
) -> list[_Found]:
    """Dates that a cue announces: of birth, or of a card's expiry in words ("September twenty seven").

    A cue reaches up to the next one of another kind.
    """
    found = []
    for kind in DATE_KINDS:
        for cue in (cue for cue in cues if cue.kind == kind):
            later = (other.start_s for other in cues if other.kind != kind and other.start_s >= cue.end_s)
            until_s = min(cue.end_s + reach_s, next(later, cue.end_s + reach_s))
            for speaker, tokens in streams.items():
                near = [i for i, token in enumerate(tokens) if cue.end_s <= token.start_s < until_s]
                span = _date_among(near, tokens, language)
                if span is not None:
                    found.append(_Found(kind, speaker, *span))
    for speaker, tokens in streams.items():
        found += _full_dates(speaker, tokens, language)
    return found


def _full_dates(speaker: Role, tokens: Sequence[Token], language: SpokenLanguage) -> list[_Found]:
    """Dates with month, day and a year of birth, even where what announced them was misheard."""
    found = []
    for index, token in enumerate(tokens):
        if token.plain not in language.months:
            continue
        near = range(max(0, index - 3), min(len(tokens), index + MOST_DATE_TOKENS))
        years = [i for i in near if i > index and _ends_in_birth_year(tokens[index + 1 : i + 1])]
        if years:
            before = [i for i in near if i < index and (tokens[i].is_date or tokens[i].digits)]
            day_after = sum(len(t.digits) for t in tokens[index + 1 : years[0] + 1]) > 4 or any(
                t.is_date for t in tokens[index + 1 : years[0] + 1]
            )
            if before or day_after:
                found.append(_Found("date_of_birth", speaker, min([*before, index]), years[0]))
    return found


def _ends_in_birth_year(tokens: Sequence[Token]) -> bool:
    """Whether the digits of tokens end in a year in which somebody on the telephone may be born."""
    digits = "".join(token.digits for token in tokens)
    return (
        len(digits) >= 4 and digits[-4:].isdigit() and FIRST_BIRTH_YEAR <= int(digits[-4:]) <= LAST_BIRTH_YEAR
    )


def _date_among(
    near: Sequence[int], tokens: Sequence[Token], language: SpokenLanguage
) -> tuple[int, int] | None:
    """First and last index of the first date among tokens: a month with a number, or a written date."""
    parts = [
        index
        for index in near
        if tokens[index].plain in language.months
        or tokens[index].digits
        or tokens[index].is_date
        or tokens[index].continues
    ]
    if not parts:
        return None
    first = parts[0]
    held = [index for index in parts if index - first < MOST_DATE_TOKENS]
    month = any(tokens[index].plain in language.months for index in held)
    digits = sum(len(tokens[index].digits) for index in held)
    written = any(tokens[index].is_date and len(tokens[index].digits) >= 5 for index in held)
    if (month and digits >= 2) or digits >= 6 or written:
        return first, held[-1]
    return None


def _names(streams: dict[Role, list[Token]], language: SpokenLanguage, reach_s: float) -> list[_Found]:
    """Names of customers: after "my name is", a title, or the agent's question; then wherever they recur."""
    names: set[str] = set()
    for speaker, tokens in streams.items():
        for index, token in enumerate(tokens[:-1]):
            if token.plain in language.titles and tokens[index + 1].capitalised:
                names |= _capitalised(tokens, index + 1)
        if speaker == "agent":
            continue
        for phrase in language.name_cues:
            for end in phrase_ends(tokens, phrase):
                names |= _capitalised(tokens, end + 1)
    return [
        _Found("name", speaker, index, index)
        for speaker, tokens in streams.items()
        for index, token in enumerate(tokens)
        if token.capitalised and token.plain.removesuffix("'s") in names
    ]


def _capitalised(tokens: Sequence[Token], first: int) -> set[str]:
    found = set()
    for token in tokens[first : first + 3]:
        if not token.capitalised:
            break
        found.add(token.plain)
        if token.ends_sentence:
            break
    return found


# --- places -------------------------------------------------------------------------------------------


def _in_turns(found: Iterable[_Found], streams: dict[Role, list[Token]]) -> tuple[Secret, ...]:
    """Secrets as words of turns; of two that share words the first kind stands for both."""
    taken: dict[tuple[int, int], int] = {}
    order: list[tuple[SecretKind, set[tuple[int, int]]]] = []
    for one in found:
        words = {(t.turn, t.word) for t in streams[one.speaker][one.first : one.last + 1]}
        shared = {taken[word] for word in words if word in taken}
        if shared:
            target = min(shared)
            for other in shared - {target}:
                order[target][1].update(order[other][1])
                order[other][1].clear()
        else:
            target = len(order)
            order.append((one.kind, set()))
        order[target][1].update(words)
        taken.update(dict.fromkeys(order[target][1], target))
    times = {
        (token.turn, token.word): (token.start_s, token.end_s) for own in streams.values() for token in own
    }
    secrets = []
    for kind, words in order:
        for turn in sorted({turn for turn, _ in words}):
            inside = sorted(word for at, word in words if at == turn)
            secrets.append(
                Secret(
                    kind=kind,
                    turn=turn,
                    first_word=inside[0],
                    last_word=inside[-1],
                    start_s=times[turn, inside[0]][0],
                    end_s=times[turn, inside[-1]][1],
                )
            )
    return tuple(sorted(secrets, key=lambda one: (one.start_s, one.turn, one.first_word)))
