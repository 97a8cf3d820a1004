"""Dates that are secrets: of birth, and of a card's expiry."""

from collections.abc import Mapping, Sequence

from pipeline.records import Role, SecretKind
from pipeline.redaction.amounts import sentence_end, sentence_start
from pipeline.redaction.cues import Cue
from pipeline.redaction.language import SpokenLanguage
from pipeline.redaction.questions import leads_in
from pipeline.redaction.reader import Found, Limits, Token
from pipeline.settings import RedactionSettings

DATE_KINDS: tuple[SecretKind, ...] = ("date_of_birth", "expiry_date")
MOST_BETWEEN_PARTS = 2
YEAR_DIGITS = 4
YEAR_IN_SHORT = 2
FEWEST_WRITTEN_DIGITS = 4
FEWEST_DIGITS = 2
DAY_AND_MONTH = 2
DIGITS_WITHOUT_MONTH = range(6, 9)
DIGITS_AS_ANSWER = range(3, 9)


def find_dates(
    streams: Mapping[Role, Sequence[Token]],
    cues: Sequence[Cue],
    limits: Mapping[Role, Limits],
    language: SpokenLanguage,
    settings: RedactionSettings,
) -> list[Found]:
    """Dates that a cue announces, and dates in full that can only be somebody's birth."""
    dates = [
        Found(
            "date_of_birth", speaker, first, last, "".join(token.digits for token in tokens[first : last + 1])
        )
        for speaker, tokens in streams.items()
        for first, last in _dates(tokens, limits[speaker], language)
    ]
    dates.sort(key=lambda date: streams[date.speaker][date.first].start_s)
    found = []
    for kind in DATE_KINDS:
        for cue in (cue for cue in cues if cue.kind == kind):
            linked = [date for date in dates if _linked(kind, cue, date, streams, language)]
            found += _announced(kind, cue, linked, streams, cues, settings.cue_reach_s)
    full = [date for date in dates if _is_birth(date, streams[date.speaker], language, settings)]
    return [*found, *full]


def _linked(
    kind: SecretKind,
    cue: Cue,
    date: Found,
    streams: Mapping[Role, Sequence[Token]],
    language: SpokenLanguage,
) -> bool:
    """Whether a date belongs to a cue: in its own sentence the words between are of birth, nothing else."""
    tokens = streams[date.speaker]
    parts = tokens[date.first : date.last + 1]
    bare = len(date.digits) not in DIGITS_WITHOUT_MONTH and not any(
        token.plain in language.months or token.is_date for token in parts
    )
    if bare and not _right_after(cue, date, tokens, language):
        return False  # a few digits are a date only where one was asked for or named
    if kind != "date_of_birth":
        return True
    first = sentence_start(tokens, date.first)
    before = [token for token in tokens[first : date.first] if token.start_s >= cue.end_s]
    return not language.other_dates & {token.plain for token in before}


def _right_after(cue: Cue, date: Found, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether a date answers a question of the other, or little stands between what names it and itself."""
    if cue.speaker != date.speaker:
        return leads_in(date.first, tokens, language)
    between = [token for token in tokens[: date.first] if token.start_s >= cue.end_s]
    return all(token.plain in language.links for token in between)


def _announced(
    kind: SecretKind,
    cue: Cue,
    dates: Sequence[Found],
    streams: Mapping[Role, Sequence[Token]],
    cues: Sequence[Cue],
    reach_s: float,
) -> list[Found]:
    """The first date after a cue, before anything else is announced, and where it is read back."""
    own = streams[cue.speaker]
    at = next(index for index, token in enumerate(own) if token.start_s >= cue.start_s)
    asked_s = own[sentence_end(own, at) - 1].end_s  # "the expiration on that Visa?"
    later_s = (
        other.start_s
        for other in cues
        if other.kind not in DATE_KINDS
        and other.start_s >= cue.end_s
        and (other.strong or other.speaker != cue.speaker or other.start_s >= asked_s)
    )
    until_s = min(cue.end_s + reach_s, next(later_s, cue.end_s + reach_s))
    first = next(
        (date for date in dates if cue.end_s <= streams[date.speaker][date.first].start_s < until_s),
        None,
    )
    if first is None:
        return []
    said_s = streams[first.speaker][first.first].start_s
    return [
        Found(kind, date.speaker, date.first, date.last, date.digits)
        for date in dates
        if said_s <= streams[date.speaker][date.first].start_s < said_s + reach_s
        and date.digits[-YEAR_IN_SHORT:] == first.digits[-YEAR_IN_SHORT:]
    ]


def _dates(tokens: Sequence[Token], limits: Limits, language: SpokenLanguage) -> list[tuple[int, int]]:
    """First and last token of each date: a month with a number, a written date, or six to eight digits."""
    groups: list[list[int]] = []
    for index, token in enumerate(tokens):
        if not (token.plain in language.months or token.digits or token.is_date or token.continues):
            continue
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and sum(token.plain not in language.between for token in tokens[last + 1 : index])
            <= MOST_BETWEEN_PARTS
            and not _parted(tokens, last, index, limits)
        ):
            groups[-1].append(index)
        else:
            groups.append([index])
    return [
        (group[0], group[-1]) for group in groups if _is_date([tokens[index] for index in group], language)
    ]


def _parted(tokens: Sequence[Token], last: int, index: int, limits: Limits) -> bool:
    """Whether two parts are of different numbers, or a sentence ends and another word begins the next."""
    sentences = index - last > 1 and any(token.ends_sentence for token in tokens[last : index - 1])
    return sentences or limits.part(tokens[last], tokens[index])


def _is_date(parts: Sequence[Token], language: SpokenLanguage) -> bool:
    digits = sum(len(token.digits) for token in parts)
    month = any(token.plain in language.months for token in parts)
    written = any(token.is_date and len(token.digits) >= FEWEST_WRITTEN_DIGITS for token in parts)
    numeric = sum(token.is_date for token in parts) >= DAY_AND_MONTH  # "the ninth of the ninth"
    return ((month or numeric) and digits >= FEWEST_DIGITS) or written or digits in DIGITS_AS_ANSWER


def _is_birth(
    date: Found, tokens: Sequence[Token], language: SpokenLanguage, settings: RedactionSettings
) -> bool:
    """Whether a date has a day, a month and a year of birth, even where what announced it was misheard."""
    parts = tokens[date.first : date.last + 1]
    before = tokens[date.first - 1].plain if date.first else ""
    month = any(token.plain in language.months for token in parts)
    day = any(token.is_date for token in parts) or len(date.digits) > YEAR_DIGITS
    year = date.digits[-YEAR_DIGITS:]
    born = len(year) == YEAR_DIGITS and (
        settings.earliest_birth_year <= int(year) <= settings.latest_birth_year
    )
    return month and day and born and before not in language.before_years
