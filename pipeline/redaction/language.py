"""How a language says numbers and other secrets: ``configs/redaction.<language>.yaml``."""

from functools import cache
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from pipeline.language_files import read_language_file
from pipeline.phrases import normal_words
from pipeline.records import SecretKind

Phrase = tuple[str, ...]


def _phrase_list(entries: object) -> object:
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ValueError("must be a list of texts (put words such as no and yes in quotes)")
    return [normal_words(entry) for entry in entries]


def _word_set(entries: object) -> object:
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ValueError("must be a list of texts (put words such as no and yes in quotes)")
    return frozenset(entries)


Phrases = Annotated[tuple[Phrase, ...], BeforeValidator(_phrase_list)]
Words = Annotated[frozenset[str], BeforeValidator(_word_set)]

Regions = tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...]
"""Countries (ISO 3166-1 alpha-2) whose telephone numbers are known by their form."""


class SpokenLanguage(BaseModel):
    """Words that numbers are made of, and phrases that announce a secret; all in lower case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digits: dict[str, int]
    teens: dict[str, int]
    tens: dict[str, int]
    ordinals: Words
    ordinal_suffixes: Words
    repeats: dict[str, int]
    only_beside_digits: Words
    homophones: dict[str, int]
    scales: dict[str, str]
    between: Words
    number_joins: Words
    units: Words
    before_years: Words
    months: Words
    telephone_regions: Regions
    cues: dict[SecretKind, Phrases]
    harmless_cues: Phrases
    password_cues: Phrases
    security_answer_cues: Phrases
    password_questions: Phrases
    answer_starts: Words
    no_password: Words
    password_ends: Words
    email_at: Words
    email_dot: Words
    email_endings: Words
    email_endings_undotted: Words
    email_starts: Words
    street_types: Words
    directions: Words
    no_street: Words
    unit_types: Words
    name_cues: Phrases
    titles: Words
    money_signs: Words
    money_units: Words
    money_words: Words
    naming_words: Words
    lead_ins: Words
    links: Words
    things_with_codes: Words
    before_times: Words
    price_endings: Words
    email_articles: Words
    quantity_questions: Words
    request_phrases: Phrases
    number_nouns: Words
    plain_before_number: Words
    places_of_things: Words
    code_places: Words
    things_that_expire: Words
    card_words: Words
    other_dates: Words
    born_words: Words


@cache
def load_spoken_language(language: str) -> SpokenLanguage | None:
    """The language's words, or ``None`` where it has no file.

    Raises:
        SettingsError: the file is there but is not what it should be.
    """
    return read_language_file("redaction", language, SpokenLanguage)
