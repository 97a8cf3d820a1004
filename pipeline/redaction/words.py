"""Secrets that are more than digits: e-mail addresses, addresses, IBANs, postcodes, passwords, names."""

import re
from collections.abc import Mapping, Sequence

from pipeline.records import Role, SecretKind
from pipeline.redaction.cues import Cue
from pipeline.redaction.language import SpokenLanguage
from pipeline.redaction.reader import Found, Token, phrase_ends
from pipeline.settings import RedactionSettings

Streams = Mapping[Role, Sequence[Token]]

MOST_LOCAL_PART = 16
MOST_DOMAIN = 8
MOST_HOUSE_DIGITS = 5
MOST_STREET_WORDS = 5
MOST_PLACE_WORDS = 5
MOST_PASSWORD_WORDS = 12
MOST_SPELLED = 34
MOST_GROUP_LETTERS = 4
DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
BRITISH_POSTCODE = re.compile(r"[a-z]{1,2}\d[a-z\d]?\d[a-z]{2}")
IBAN = re.compile(r"[a-z]{2}\d{2}[a-z\d]{11,30}")


# --- e-mail -------------------------------------------------------------------------------------------


def find_emails(
    streams: Streams, cues: Sequence[Cue], language: SpokenLanguage, reach_s: float
) -> list[Found]:
    """Addresses that are written ("a@b.com") or spoken ("anna dot b at example dot com").

    Where "at" was misheard, what a customer says when asked for an e-mail address must be one; else it is a
    web site.
    """
    found = []
    asked_s = [cue.end_s for cue in cues if cue.kind == "email"]
    for speaker, tokens in streams.items():
        for index, token in enumerate(tokens):
            if "@" in token.plain.strip("@"):
                first = _local_part(tokens, index, language) if language.email_at else index
                found.append(Found("email", speaker, first, index))
                continue
            if not _ends_domain(tokens, index, language):
                continue
            before = range(index - 1, max(-1, index - 1 - MOST_DOMAIN), -1)
            at = next((i for i in before if tokens[i].plain in language.email_at), None)
            asked = any(token.start_s - reach_s <= cue_s <= token.start_s for cue_s in asked_s)
            if at is None and asked and speaker != "agent":
                at = index
            if at is not None and tokens[min(at + 1, index)].plain in language.email_articles:
                continue  # "at the office dot com"
            if at is not None and (first := _local_part(tokens, at, language)) < at:
                found.append(Found("email", speaker, first, index))
    return found


def _ends_domain(tokens: Sequence[Token], index: int, language: SpokenLanguage) -> bool:
    """Whether a domain ends here: "example.com", "dot com", or "com" alone close behind "at"."""
    token = tokens[index]
    if DOMAIN.fullmatch(token.plain):
        return token.plain.rsplit(".", 1)[1] in language.email_endings
    before = tokens[max(0, index - 3) : index]
    if token.plain not in language.email_endings or not before:
        return False
    parted = before[-1].ends_sentence and token.capitalized  # "at the doctor dot. Com is short for"
    dotted = token.raw.startswith(".") or (before[-1].plain in language.email_dot and not parted)
    undotted = token.plain in language.email_endings_undotted
    return dotted or (undotted and any(one.plain in language.email_at for one in before))


def _local_part(tokens: Sequence[Token], at: int, language: SpokenLanguage) -> int:
    """Index of the first token of what stands before "at"; ``at`` itself where that is nothing."""
    first = at
    while first > max(0, at - MOST_LOCAL_PART):
        token = tokens[first - 1]
        spelled = first >= 2 and len(tokens[first - 2].plain) == 1  # "s for Sierra"
        if token.ends_sentence or (token.plain in language.email_starts and not spelled):
            opens = first >= 2 and tokens[first - 2].plain in language.email_starts and first < at
            first -= token.plain in language.email_articles and opens  # "email me at the baker at ..."
            break
        first -= 1
    return first


# --- places -------------------------------------------------------------------------------------------


def find_addresses(streams: Streams, language: SpokenLanguage) -> list[Found]:
    """A house number, a few words of a name and a street type, with what follows of the address."""
    found = []
    for speaker, tokens in streams.items():
        for index, token in enumerate(tokens):
            if token.digits and not (index and _in_number(tokens, index - 1, language)):
                street = _street(tokens, index, language)
                if street is not None:
                    found.append(Found("address", speaker, index, _place_end(street, tokens, language)))
    return found


def _in_number(tokens: Sequence[Token], index: int, language: SpokenLanguage) -> bool:
    """Whether a token belongs to a number, as the "and" of "one hundred and one" does."""
    token = tokens[index]
    joins = token.plain in language.number_joins and index > 0 and bool(tokens[index - 1].digits)
    return bool(token.digits) or token.continues or joins


def _street(tokens: Sequence[Token], index: int, language: SpokenLanguage) -> int | None:
    """Index of the street type that follows a house number, with a name between them."""
    start = index
    while start < len(tokens) and _in_number(tokens, start, language):
        start += 1
    number = tokens[index:start]
    ended = any(token.ends_sentence for token in number)
    if ended or sum(len(token.digits) for token in number) > MOST_HOUSE_DIGITS:
        return None
    named = False
    for position in range(start, min(len(tokens), start + MOST_STREET_WORDS)):
        here = tokens[position]
        if named and here.plain in language.street_types:
            return position
        if here.plain in language.no_street | language.units or here.digits or here.ends_sentence:
            return None
        named = named or here.plain not in language.directions
    return None


def _place_end(street: int, tokens: Sequence[Token], language: SpokenLanguage) -> int:
    """Index of the last token of the unit, town and code that follow a street."""
    last = street
    for index in range(street + 1, min(len(tokens), street + 1 + MOST_PLACE_WORDS)):
        token, before = tokens[index], tokens[index - 1]
        in_unit = before.plain in language.unit_types
        part = token.plain in language.unit_types or in_unit or token.digits or token.capitalized
        if before.ends_sentence or not (part or token.continues):
            break
        last = index
    return last


# --- spelled ------------------------------------------------------------------------------------------


def find_spelled(
    streams: Streams, cues: Sequence[Cue], language: SpokenLanguage, settings: RedactionSettings
) -> list[Found]:
    """IBANs and British postcodes: letters and digits, written or spelled out."""
    cued_s: dict[str, list[float]] = {"bank_account": [], "postcode": []}
    for cue in cues:
        if cue.kind in cued_s:
            cued_s[cue.kind].append(cue.end_s)
    found = []
    for speaker, tokens in streams.items():
        characters = [_characters(token, language) for token in tokens]
        for first, end in _spelled_stretches(tokens, characters):
            from_s, until_s = tokens[first].start_s - settings.cue_reach_s, tokens[end - 1].end_s
            until_s += settings.loose_cue_reach_s  # "... is my postcode"
            cued = {kind for kind, own in cued_s.items() if any(from_s <= s <= until_s for s in own)}
            kind, within = _spelled_kind(characters[first:end], cued)
            if kind is not None:
                found.append(Found(kind, speaker, first + within[0], first + within[1]))
    return found


def _spelled_stretches(tokens: Sequence[Token], characters: Sequence[str]) -> list[tuple[int, int]]:
    """First and end of each stretch of single letters, digits and groups of both."""
    stretches: list[tuple[int, int]] = []
    for index, token in enumerate(tokens):
        if not (characters[index] or token.continues):
            continue
        if stretches and stretches[-1][1] == index:
            stretches[-1] = (stretches[-1][0], index + 1)
        else:
            stretches.append((index, index + 1))
    return stretches


def _characters(token: Token, language: SpokenLanguage) -> str:
    """What a token stands for when somebody spells; ``""`` for a word."""
    letters = token.plain
    if token.digits or (letters in language.digits and len(letters) > 1):
        return token.digits or str(language.digits[letters])
    group = any(map(str.isdigit, letters)) or (token.raw.isupper() and len(letters) <= MOST_GROUP_LETTERS)
    return letters if letters.isalnum() and (len(letters) == 1 or group) else ""


def _spelled_kind(texts: Sequence[str], cued: set[str]) -> tuple[SecretKind | None, tuple[int, int]]:
    """The kind of a stretch or of the longest part that has one, with its first and last token."""
    parts = [
        (start, end)
        for start in range(len(texts))
        for end in range(start + 1, min(len(texts), start + MOST_SPELLED) + 1)
    ]
    for first, end in sorted(parts, key=lambda part: part[0] - part[1]):
        text = "".join(texts[first:end])
        if IBAN.fullmatch(text) and ("bank_account" in cued or _is_iban(text)):
            return "bank_account", (first, end - 1)
        if BRITISH_POSTCODE.fullmatch(text) and ("postcode" in cued or end - first <= 2):
            return "postcode", (first, end - 1)
    return None, (0, 0)


def _is_iban(text: str) -> bool:
    """Whether the check digits of an IBAN (ISO 13616, ISO 7064 mod 97-10) are right."""
    moved = text[4:] + text[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


# --- passwords ----------------------------------------------------------------------------------------


def find_passwords(streams: Streams, language: SpokenLanguage) -> list[Found]:
    """What is said after "my password is", and the answer to a question for such a thing."""
    found = []
    for speaker, tokens in streams.items():
        for end in phrase_ends(tokens, (*language.password_cues, *language.security_answer_cues)):
            if not tokens[end].ends_sentence:
                found += _password(speaker, tokens, end + 1, language)
        questions = [tokens[end].end_s for end in phrase_ends(tokens, language.password_questions)]
        for other, answers in streams.items():
            if other == speaker:
                continue
            for asked_s in questions:
                first = next((i for i, token in enumerate(answers) if token.start_s >= asked_s), None)
                if first is not None:
                    found += _password(other, answers, _answer(answers, first, language), language)
    return found


def _answer(tokens: Sequence[Token], first: int, language: SpokenLanguage) -> int:
    """Index where an answer begins that may open with "um, that's"."""
    while first < len(tokens) and tokens[first].plain in language.answer_starts:
        first += 1
    return first


def _password(speaker: Role, tokens: Sequence[Token], first: int, language: SpokenLanguage) -> list[Found]:
    if first >= len(tokens) or tokens[first].plain in language.no_password:
        return []
    last = first
    while (
        last + 1 < len(tokens)
        and not tokens[last].ends_sentence
        and tokens[last + 1].turn == tokens[first].turn
        and tokens[last + 1].plain not in language.password_ends
        and last + 1 - first < MOST_PASSWORD_WORDS
    ):
        last += 1
    return [Found("password", speaker, first, last)]


# --- names --------------------------------------------------------------------------------------------


def find_names(streams: Streams, language: SpokenLanguage) -> list[Found]:
    """Names after a title, or after "my name is" of anybody but the agent; then wherever they recur."""
    names: set[str] = set()
    for speaker, tokens in streams.items():
        for index, token in enumerate(tokens):
            if token.plain in language.titles:
                names |= _capitalized(tokens, index + 1)
        if speaker != "agent":
            for end in phrase_ends(tokens, language.name_cues):
                names |= _capitalized(tokens, end + 1)
    return [
        Found("name", speaker, index, index)
        for speaker, tokens in streams.items()
        for index, token in enumerate(tokens)
        if token.capitalized and token.plain.removesuffix("'s") in names
    ]


def _capitalized(tokens: Sequence[Token], first: int) -> set[str]:
    found = set()
    for token in tokens[first : first + 3]:
        if not token.capitalized:
            break
        found.add(token.plain)
        if token.ends_sentence:
            break
    return found
