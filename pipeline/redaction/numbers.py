"""Numbers that are secrets: by what announces them, by their form, and by repeating another secret.

Numbers are read as spoken (:mod:`pipeline.redaction.reader`) and, as digits, held against the forms and
checksums of cards, social-security numbers and telephones (:mod:`pipeline.redaction.forms`). A number that
was misheard has no valid form; then the phrase that announced it decides.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import get_args

from pipeline.records import Role, SecretKind
from pipeline.redaction.amounts import counts_money, is_amount
from pipeline.redaction.cues import HARMLESS, Cue
from pipeline.redaction.forms import is_card_number, is_social_security_number, is_telephone_number
from pipeline.redaction.language import SpokenLanguage
from pipeline.redaction.questions import (
    asked_for,
    letter_before,
    named_right_before,
    speaks_of_another_thing,
)
from pipeline.redaction.reader import Found, Run, Token
from pipeline.settings import RedactionSettings


@dataclass(frozen=True, slots=True)
class Form:
    """How many digits an announced number of a kind has; more than it should where digits were corrected.

    ``complete`` is set for a number that is often said in parts: at so many digits nothing is missing.
    """

    fewest: int
    most: int
    also: int | None = None
    complete: int | None = None

    def fits(self, digits: int) -> bool:
        return self.fewest <= digits <= self.most or digits == self.also


FORMS: Mapping[SecretKind, Form] = {
    "card_number": Form(8, 24, complete=16),
    "security_code": Form(3, 4),
    "expiry_date": Form(3, 6),
    "social_security_number": Form(7, 12, also=4, complete=9),
    "bank_account": Form(5, 24, complete=18),
    "pin": Form(3, 8),
    "phone_number": Form(7, 16, complete=10),
    "postcode": Form(5, 5, also=9),
}
CODES: tuple[SecretKind, ...] = ("pin", "security_code")
FEWEST_UNANNOUNCED = 8
FEWEST_REFERENCE_DIGITS = 5
TELEPHONE_LENGTHS = (10, 11)
TELEPHONE_PARTS = ([3, 3, 4], [1, 3, 3, 4])
SOCIAL_SECURITY_PARTS = [3, 2, 4]
MOST_COUNTED_DIGITS = 4
CUE_AFTER_TOKENS = 10
CUES_TRIED = 3
READ_BACK_DIGITS = 3
INEXACT_READ_BACK_DIGITS = 6
INEXACT_READ_BACK_SHARE = 0.7
YEAR_DIGITS = 4
YEARS = re.compile(r"((19|20)\d\d)+")


def find_numbers(
    runs: Sequence[Run],
    cues: Sequence[Cue],
    streams: Mapping[Role, Sequence[Token]],
    language: SpokenLanguage,
    settings: RedactionSettings,
) -> list[Found]:
    """Every run of digits that is a secret."""
    cues_of = {run: _fitting_cues(run, cues, streams[run.speaker], language) for run in runs}
    answers = {run: _answers(run, cues_of[run], streams, language, settings) for run in runs}
    runs = [
        run
        for run in runs
        if not _counts_something(run, streams[run.speaker], language)
        and (answers[run] or not is_amount(run, streams[run.speaker], language))
        and not _in_dates(run, streams[run.speaker])
    ]
    announced = {run: _announced_as(run, streams[run.speaker], cues_of[run], settings) for run in runs}
    found: dict[Run, SecretKind] = {}
    for order in range(CUES_TRIED):
        for kind in FORMS:
            named = [run for run in runs if run not in found and announced[run][order : order + 1] == [kind]]
            named = [run for run in named if not (_is_year(run, streams[run.speaker], language))]
            found |= dict.fromkeys(_fitting(kind, named, settings.cue_reach_s), kind)
    for run in runs:
        answered = answers[run]
        if answered is not None and run not in found and answered in FORMS:
            found[run] = answered
    for run in runs:
        if run not in found:
            form = _kind_by_form(run, streams[run.speaker], announced[run], language)
            found |= {run: form} if form else {}
    found |= _read_back([run for run in runs if run not in found], found)
    found |= {
        run: "reference_number"
        for run in runs
        if run not in found
        and announced[run][:1] == [HARMLESS]
        and len(run.digits) >= FEWEST_REFERENCE_DIGITS
    }
    return [Found(kind, run.speaker, run.first, run.last, run.digits) for run, kind in found.items()]


def _answers(
    run: Run,
    cues: Sequence[Cue],
    streams: Mapping[Role, Sequence[Token]],
    language: SpokenLanguage,
    settings: RedactionSettings,
) -> SecretKind | None:
    """The kind that a run is because it was clearly asked for or is named right before it."""
    cue = asked_for(run, cues, streams, language, settings.cue_reach_s)
    cue = cue or named_right_before(run, cues, streams, language)
    tokens = streams[run.speaker]
    if cue is None or counts_money(run, tokens, language) or _is_year(run, tokens, language):
        return None
    return next((kind for kind in get_args(SecretKind) if kind == cue.kind), None)


def _in_dates(run: Run, tokens: Sequence[Token]) -> bool:
    """Whether a run is made of written dates: "4/5/2018 - 4/10/2018"."""
    own = [token for token in tokens[run.first : run.last + 1] if token.digits]
    return len(own) > 1 and all(token.is_date for token in own)


def _fitting_cues(
    run: Run, cues: Sequence[Cue], tokens: Sequence[Token], language: SpokenLanguage
) -> Sequence[Cue]:
    """The cues without those of codes where the sentence tells of a thing's code: "the code on the lamp"."""
    starts = [cue.start_s for cue in cues]
    until = bisect_left(starts, run.start_s)
    near = cues[max(0, until - CUES_TRIED) : until]
    lettered = letter_before(run, tokens, language)
    other = {
        cue
        for cue in near
        if cue.kind in CODES
        and cue.speaker == run.speaker
        and (lettered or speaks_of_another_thing(cue, run, tokens, language))
    }
    return [cue for cue in cues if cue not in other] if other else cues


def _counts_something(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether a short number is followed by what it counts: "24 hours", "1500 dollars"."""
    after = tokens[run.last + 1].plain if run.last + 1 < len(tokens) else ""
    ended = tokens[run.last].ends_sentence
    return after in language.units and not ended and len(run.digits) <= MOST_COUNTED_DIGITS


def _is_year(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    before = tokens[run.first - 1].plain if run.first else ""
    return before in language.before_years and bool(YEARS.fullmatch(run.digits))


def _announced_as(
    run: Run, tokens: Sequence[Token], cues: Sequence[Cue], settings: RedactionSettings
) -> list[str]:
    """Kinds whose cues stand before a run, of either speaker, the nearest first; else the one right after it.

    What is announced as harmless hides what was announced before it.
    """
    starts = [cue.start_s for cue in cues]
    before = cues[bisect_left(starts, run.start_s - settings.cue_reach_s) : bisect_left(starts, run.start_s)]
    kinds: list[str] = []
    for cue in reversed(before):
        nearest = cue == before[-1]
        if cue.kind == HARMLESS and cue.words == 1 and not _right_before(cue, run, settings, nearest):
            continue
        if cue.kind not in kinds:
            kinds.append(cue.kind)
        if cue.kind == HARMLESS or len(kinds) == CUES_TRIED:
            break
    if kinds:
        return kinds
    following = tokens[run.last + 1 : run.last + 1 + CUE_AFTER_TOKENS]
    until_s = max((token.end_s for token in following), default=run.end_s)
    after = cues[bisect_left(starts, run.end_s) : bisect_right(starts, until_s)]
    return [after[0].kind] if after and after[0].end_s <= until_s else []


def _right_before(cue: Cue, run: Run, settings: RedactionSettings, nearest: bool) -> bool:
    """Whether a single word that announces something harmless is said of this run.

    It is in the question that the run answers, or the speaker's own word close before.
    """
    own = cue.speaker == run.speaker
    return (own or nearest) and run.start_s - cue.end_s <= settings.loose_cue_reach_s


def _fitting(kind: SecretKind, runs: Sequence[Run], reach_s: float) -> list[Run]:
    """Runs announced as a kind whose length fits, alone or together with their neighbors."""
    form = FORMS[kind]
    chains = _chains(runs, form.complete, reach_s) if form.complete else [[run] for run in runs]
    fitting: list[Run] = []
    for chain in chains:
        whole = sum(len(run.digits) for run in chain)
        fitting += chain if form.fits(whole) else [run for run in chain if form.fits(len(run.digits))]
    return fitting


def _chains(runs: Iterable[Run], complete: int, reach_s: float) -> list[list[Run]]:
    """Runs of one speaker that follow each other closely: a long number said in parts."""
    chains: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: (run.speaker, run.start_s)):
        last = chains[-1][-1] if chains else None
        follows = last is not None and last.speaker == run.speaker and run.start_s - last.end_s <= reach_s
        if follows and sum(len(part.digits) for part in chains[-1]) < complete:
            chains[-1].append(run)
        else:
            chains.append([run])
    return chains


def _kind_by_form(
    run: Run, tokens: Sequence[Token], announced: Sequence[str], language: SpokenLanguage
) -> SecretKind | None:
    """What a run is by its form alone, whatever announced it or nothing did."""
    digits = run.digits
    groups = [token.digits for token in tokens[run.first : run.last + 1] if token.digits]
    written = "-".join(groups) if len(groups) > 1 else tokens[run.first].raw.strip(".,?! ")
    if is_card_number(digits):
        return "card_number"
    if HARMLESS in announced[:1] or letter_before(run, tokens, language):
        return None
    parts = [len(part) for part in re.split(r"\D+", written) if part]
    if parts == SOCIAL_SECURITY_PARTS and is_social_security_number(digits):
        return "social_security_number"
    telephone = len(digits) in TELEPHONE_LENGTHS and is_telephone_number(digits, language.telephone_regions)
    if parts in TELEPHONE_PARTS or telephone:
        return "phone_number"
    in_pairs = any(
        token.plain in language.tens | language.teens for token in tokens[run.first : run.last + 1]
    )
    years = YEARS.fullmatch(digits) and max(map(len, groups)) <= YEAR_DIGITS
    if len(digits) >= FEWEST_UNANNOUNCED and not (in_pairs or years):
        # or a part of one: nobody says a number of this length for nothing
        return next((kind for kind in FORMS if kind in announced[:1]), "card_number")
    return None


def _read_back(runs: Sequence[Run], secrets: Mapping[Run, SecretKind]) -> dict[Run, SecretKind]:
    """Runs that repeat a part of a secret: the agent reads a number back, the customer says it again."""
    said: dict[str, SecretKind] = {run.digits: kind for run, kind in secrets.items()}
    whole: dict[tuple[SecretKind, Role], str] = {}
    for run, kind in sorted(secrets.items(), key=lambda item: item[0].start_s):
        whole[kind, run.speaker] = whole.get((kind, run.speaker), "") + run.digits
    said |= {digits: kind for (kind, _), digits in whole.items()}
    repeated = {}
    for run in runs:
        kinds = [kind for digits, kind in said.items() if _repeats(run.digits, digits)]
        if kinds:
            repeated[run] = kinds[0]
    return repeated


def _repeats(digits: str, secret: str) -> bool:
    if len(digits) < READ_BACK_DIGITS:
        return False
    if len(digits) < INEXACT_READ_BACK_DIGITS:
        return digits in secret
    common = SequenceMatcher(None, digits, secret, autojunk=False).find_longest_match().size
    return common >= INEXACT_READ_BACK_SHARE * len(digits)
