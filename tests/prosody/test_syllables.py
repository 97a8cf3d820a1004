"""Syllables of English words as they are spoken.

The counts are those of a pronouncing dictionary, written down by hand; words with two common pronunciations
(fire, every, comfortable) are left out.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.prosody.syllables import number_words, word_syllables

WORDS = {
    1: """the I you we help please charge charged month called asked fixed walked raised closed used
        moved saved yes no yeah great else makes times phone phones home homes sale sales guess
        judge edge bridge clothes whole while whose bye world girl here there's we'll they've I'm
        you're don't can't it's that's cents paid school build guide fruit juice sure takes wrong
        bill bills""",
    2: """hello calling account number today problem billing payment refund credit balance order
        package tracking router reset restart password confirm cancel cancelled monthly charges
        email website online wifi modem cable cables outage signal channel question questions
        because little table people wanted needed houses boxes watches minutes mobile device isn't
        couldn't wouldn't doesn't o'clock okay really value going doing being seeing trying buying
        million union region patient science quiet language business someone something sometimes
        therefore added handled settled noticed required agreed applied worried carried replaced
        received believe themselves ourselves measure picture nature finished seven thirty fifty
        dollars percent hundred thousand zero fifteen nineteen person transfer resolve resolved
        complaint exchange message purchase building coffee movie goodbye player trial power allow
        statement basement likely surely nicely lonely useful useless safety Brian Michael mm-hm
        uh-huh wi-fi""",
    3: """policy insurance delivered username verify subscription technician appointment afternoon
        tomorrow yesterday Saturday understand frustrating frustrated anything video radio previous
        serious various continue devices computer connection manager department transferring
        employee period idea area everything finally totally completely carefully hopefully
        extremely replacement agreement eleven seventeen manual annual actual realize creating
        easier earlier happier following Maria Washington internet direction discussion example
        location address's however forever customer processing self-service forty-two""",
    4: """information delivery security appreciate apologize available January situation evaluate
        material experience anxiety society variety reality negotiate escalated supervisor
        definitely absolutely obviously Elizabeth category necessary installation identify
        resolution cooperate coordinate European""",
    5: "verification immediately unfortunately approximately association representative",
}  # fmt: skip

SPOKEN = {
    # numbers; several readings are common
    "15": {2}, "19": {2}, "42": {3}, "100": {3}, "115": {5, 6}, "1,250": {8, 9}, "2,000,000": {3},
    "3.5": {3}, "0.5": {4}, "50%": {4}, "24/7": {5}, "COVID-19": {4},
    # years
    "2019": {4, 5}, "1999": {5}, "2005": {4, 5}, "2000": {3}, "1900": {4},
    # times
    "3:30": {3}, "3:05": {3}, "12:45": {4}, "10:00": {1, 3}, "a.m.": {2}, "9am": {3}, "9:30am": {5},
    # money: "five dollars and fifty cents", "five fifty"; nobody says "point zero zero"
    "$5": {3}, "$1": {3}, "£30": {3}, "€20": {4}, "$5.50": {3, 5, 6, 7}, "$20.00": {4}, "$1,250.00": {10, 11},
    # account and telephone numbers are read digit by digit
    "5551234": {7}, "555-1234": {7}, "555-123-4567": {11}, "1234567890": {11, 12},
    # ordinals
    "1st": {1}, "2nd": {2}, "3rd": {1}, "4th": {1}, "12th": {1}, "20th": {3}, "21st": {3}, "22nd": {4},
    "30th": {3},
    # spelled letters
    "ID": {2}, "TV": {2}, "USA": {3}, "U.S.": {2}, "W": {3}, "WWW": {9}, "B": {1}, "B-R-A-D": {4},
    "S-M-I-T-H": {5},
    "A1B2": {4}, "A&B": {3}, "OK": {2}, "4G": {2}, "#5": {3},
    # nothing to pronounce
    "": {0}, "-": {0}, "...": {0}, "'": {0}, "?!": {0},
}  # fmt: skip

SENTENCES = {
    "Thank you for calling North Energy, my name is Robin, how can I help you today?": 21,
    "I would like to pay the bill of $120 from March 3rd by card.": 20,
    "Okay, so the account number is 4-7-1-1, and the total is 42 dollars.": 24,
    "It was cancelled on the 21st at 3:30, and nobody has called me back since.": 22,
}
LONG_NUMBERS = st.integers(1, 999_999)


@pytest.mark.parametrize("count", WORDS)
def test_ordinary_words(count: int) -> None:
    """The words of contact-center calls have the syllables that a dictionary gives them."""
    counted = {word: word_syllables(word) for word in WORDS[count].split()}
    assert {word: found for word, found in counted.items() if found != count} == {}


@pytest.mark.parametrize("token", SPOKEN)
def test_numerals_and_spelled_letters_are_counted_as_spoken(token: str) -> None:
    """Numbers, times, money, ordinals and letters are expanded before they are counted."""
    assert word_syllables(token) in SPOKEN[token]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_running_speech(sentence: str) -> None:
    """What rates rest on are sums over sentences, counted on the fingers."""
    assert sum(word_syllables(word) for word in sentence.split()) == SENTENCES[sentence]


@given(st.text(max_size=12))
def test_any_token_has_a_count(token: str) -> None:
    """No text that a recognizer can write stops an analysis or counts less than nothing."""
    assert word_syllables(token) >= 0


@given(st.from_regex(r"[a-z]{1,12}", fullmatch=True))
def test_every_word_of_letters_is_pronounceable(word: str) -> None:
    """A word has at least one syllable, and not more than it has letters, but for the letter w."""
    assert 1 <= word_syllables(word) <= max(3, len(word))


@given(st.sampled_from(sorted(word for line in WORDS.values() for word in line.split())))
def test_punctuation_and_capitals_do_not_count(word: str) -> None:
    """A word at the end or the beginning of a sentence is the same word."""
    assert word_syllables(f"{word},") == word_syllables(word) == word_syllables(f'"{word}?"')
    assert word_syllables(word.capitalize()) == word_syllables(word)


@given(LONG_NUMBERS)
def test_grouped_numbers_are_cardinals(value: int) -> None:
    """A number with a thousands comma is never a year or an account number."""
    thousands, rest = divmod(value, 1000)
    parts = [*number_words(str(thousands)), "thousand"] if thousands else []
    assert number_words(f"{value:,}") == parts + (number_words(str(rest)) if rest else [])


@given(st.integers(0, 999))
def test_cardinals_are_built_from_their_parts(value: int) -> None:
    """Hundreds, tens and ones are each said once."""
    hundreds, rest = divmod(value, 100)
    parts = [*number_words(str(hundreds)), "hundred"] if hundreds else []
    assert number_words(str(value)) == parts + (number_words(str(rest)) if rest or not hundreds else [])


@given(st.from_regex(r"[1-9][0-9]{6,11}", fullmatch=True))
def test_long_numbers_are_read_digit_by_digit(digits: str) -> None:
    """Nobody says an account number as billions."""
    assert number_words(digits) == [number_words(digit)[0] for digit in digits]


@pytest.mark.parametrize("year", [1915, 1999, 2019, 2024])
def test_years_are_said_in_two_halves(year: int) -> None:
    """Four digits without a comma are a year in ordinary talk."""
    assert number_words(str(year)) == number_words(str(year // 100)) + number_words(str(year % 100))
