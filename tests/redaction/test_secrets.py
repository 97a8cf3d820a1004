"""Secrets are found as they are spoken, written and misheard, and nothing else is."""

import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.redaction.apply import redact_turns
from pipeline.redaction.secrets import find_secrets
from pipeline.settings import RedactionSettings, load_settings
from tests.benchmarks.redaction import MISLEADING, KindRow, examples, half, measure, places, read_example

SETTINGS = load_settings().redaction
NAMES = load_settings(assignments=["redaction.kinds=name"]).redaction
STRICT = frozenset({"card_number", "security_code", "pin", "social_security_number"})
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

SAID = (*DIGITS, "oh", "for", "double", "March", "at", "dot", "com", "card", "4532", "a@b.co", "is")


def redacted(text: str, settings: RedactionSettings = SETTINGS) -> str:
    """A dialogue in the notation of the marked examples, as it reads after redaction."""
    turns = read_example("", text).turns
    return " / ".join(turn.text for turn in redact_turns(turns, find_secrets(turns, ["en"], settings)))


@pytest.mark.parametrize("row", measure(half("test"), SETTINGS), ids=lambda row: row.kind)
def test_marked_secrets_are_found_and_little_else(row: KindRow) -> None:
    """The examples that no rule was written for come out as well as the product promises."""
    assert row.secrets.recall is not None
    assert row.secrets.recall >= (0.98 if row.kind in STRICT else 0.9)
    assert row.words.recall is not None
    assert row.words.recall >= (0.98 if row.kind in STRICT else 0.9)
    assert row.secrets.precision is not None
    assert row.secrets.precision >= 0.95
    assert row.words.precision is not None
    assert row.words.precision >= 0.95


def test_the_examples_are_many_and_hard() -> None:
    """Figures rest on enough examples, a good part of them without a secret or in the recognizer's words."""
    assert len(examples()) >= 170
    assert sum(not example.secrets for example in examples()) >= 70
    assert 3 * sum(example.section.startswith("recognized") for example in examples()) >= len(examples())
    assert all(bool(example.secrets) != example.section.endswith("harmless") for example in examples())


@pytest.mark.parametrize("row", measure(examples(MISLEADING), SETTINGS), ids=lambda row: row.kind)
def test_words_that_lead_astray_change_nothing(row: KindRow) -> None:
    """What a sentence makes an amount, a year or another number stays; what answers a question goes."""
    assert row.secrets.recall is not None
    assert row.secrets.recall >= (0.98 if row.kind in STRICT else 0.95)
    assert row.secrets.precision is not None
    assert row.secrets.precision >= 0.95


def test_misleading_examples_are_many() -> None:
    """Half of at least 300 spoken examples hold nothing that must go."""
    every = examples(MISLEADING)
    harmless = [example for example in every if example.section == "must_stay"]
    assert len(every) >= 300
    assert len(harmless) >= 145
    assert not any(example.secrets for example in harmless)
    assert all(example.secrets for example in every if example.section == "must_go")


@given(
    st.integers(1, 99), st.sampled_from(["hundred", "thousand"]), st.sampled_from(["card", "bank account"])
)
def test_no_cardinal_is_a_number_in_digits(value: int, scale: str, place: str) -> None:
    """However large, a cardinal beside a card or an account is an amount."""
    tens = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    teens = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    small = f"{tens[value // 10]} {DIGITS[value % 10] if value % 10 else ''}"
    words = " ".join((teens[value - 10] if 10 <= value < 20 else small).split())
    text = f"C: On my {place} there are {words} {scale} and {words}."
    assert redacted(text) == text.removeprefix("C: ")


@given(
    st.lists(st.integers(0, 9), min_size=3, max_size=40),
    st.sampled_from(["card number", "PIN", "account number"]),
)
def test_the_answer_to_a_question_goes_whatever_its_length(digits: list[int], asked: str) -> None:
    """A recognizer's slip, too few or too many digits, leaves no answer standing."""
    words = " ".join(DIGITS[digit] for digit in digits)
    assert not set(DIGITS) & set(redacted(f"A: What is your {asked}?\nC: It is {words}.").strip(".").split())


def test_other_numbers_are_named_where_that_is_wanted() -> None:
    """A policy number is no card number, and by setting it goes under its own name."""
    asked = "A: Can I have the policy number?\nC: Seven seven three one nine nine zero four."
    assert redacted(asked).endswith("Seven seven three one nine nine zero four.")
    wanted = load_settings(assignments=["redaction.kinds=card_number, reference_number"]).redaction
    assert redacted(asked, wanted).endswith("[REFERENCE_NUMBER].")


def luhn(digits: list[int]) -> int:
    """The check digit of a card number."""
    doubled = [
        2 * digit - 9 * (digit > 4) if index % 2 == 0 else digit for index, digit in enumerate(digits[::-1])
    ]
    return -sum(doubled) % 10


@given(
    st.lists(st.integers(0, 9), min_size=14, max_size=14),
    st.lists(st.sampled_from(["", "um", "[2]", "and"]), min_size=16, max_size=16),
    st.sets(st.integers(1, 15), max_size=3),
)
def test_any_card_number_is_found(drawn: list[int], fillers: list[str], breaks: set[int]) -> None:
    """Every word of a spoken card number goes, whatever its digits, its pauses, and where "mm-hm" is said."""
    digits = [4, *drawn]
    digits.append(luhn(digits))
    lines: list[str] = []
    words: list[str] = []
    for index, digit in enumerate(digits):
        if index in breaks:
            lines += [f"C: {' '.join(words)}", "A: mm-hm"]
            words = []
        words += [DIGITS[digit]] if index + 1 in breaks or index == 15 else [DIGITS[digit], fillers[index]]
    text = "\n".join(["A: And the card number?", *lines, f"C: {' '.join(words)}"])
    assert not set(DIGITS) & set(redacted(text).split())


@given(st.lists(st.sampled_from(SAID), min_size=1, max_size=40))
def test_secrets_lie_in_their_turns_and_apart(words: list[str]) -> None:
    """Whatever is said, a secret is a stretch of words of one turn, and no word is in two of them."""
    text = "\n".join(
        f"{'AC'[number % 2]}: {' '.join(words[at : at + 7])}"
        for number, at in enumerate(range(0, len(words), 7))
    )
    turns = read_example("", text).turns
    found = find_secrets(turns, ["en"], SETTINGS)
    assert sum(one.last_word - one.first_word + 1 for one in found) == len(places(found))
    assert all(0 <= one.first_word <= one.last_word < len(turns[one.turn].words) for one in found)
    assert all(one.start_s < one.end_s for one in found)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("C: We have had this since March 2005.", "We have had this since March 2005."),
        ("A: It was sent on March 3rd 2026.", "It was sent on March 3rd 2026."),
        ("A: It was sent on March 3rd 2006.", "It was sent on March 3rd 2006."),
        ("C: That is me, March 3rd 1986.", "That is me, [DATE_OF_BIRTH]."),
        ("C: I was born in March.", "I was born in March."),
    ],
)  # fmt: skip
def test_only_a_date_of_birth_goes(said: str, kept: str) -> None:
    """Without being asked for, a date is one of birth only with day, month and a year of birth."""
    assert redacted(said) == kept


def test_a_question_is_asked_and_answered_once() -> None:
    """The cue nearest before a number decides its kind; or where it cannot, the one before."""
    asked = "A: The security code of the card?\nC: one two three"
    assert redacted(asked) == "The security code of the card? / [SECURITY_CODE]"
    asked = "A: Your PIN for order four four one?\nC: it is one two three four"
    assert redacted(asked) == "Your PIN for order four four one? / it is [PIN]"


def test_what_is_read_back_goes_too() -> None:
    """A part of a secret is as secret when the other repeats it later, long after it was asked for."""
    text = "A: Card number?\nC: 4532 0151 1283 0366\nC: [60] Did you say 1283?\nA: Yes, one two eight three."
    assert redacted(text).endswith("Did you say [CARD_NUMBER]? / Yes, [CARD_NUMBER].")


def test_names_go_only_where_they_should() -> None:
    """Names of customers are taken out by setting, wherever they are said again; the agent's own stays."""
    text = "A: My name is Maya.\nC: My name is Susan Reed.\nA: Thank you, Susan. I wrote Reed down, Ms Reed."
    assert redacted(text) == text.replace("A: ", "").replace("C: ", "").replace("\n", " / ")
    found = redacted(text, NAMES)
    assert found == (
        "My name is Maya. / My name is [NAME] [NAME]. / Thank you, [NAME]. I wrote [NAME] down, Ms [NAME]."
    )


def test_only_the_kinds_that_are_wanted() -> None:
    """A company may keep what it needs."""
    wanted = load_settings(assignments=["redaction.kinds=pin, email"]).redaction
    assert redacted("C: My phone is 212 555 0147 and my PIN is 1234.", wanted) == (
        "My phone is 212 555 0147 and my PIN is [PIN]."
    )
    nothing = load_settings(assignments=["redaction.kinds=null"]).redaction
    assert redacted("C: My PIN is 1234.", nothing) == "My PIN is 1234."


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("Meine PIN ist 1234.", "Meine PIN ist 1234."),  # nobody wrote down what announces it
        ("Meine Karte ist die 4111 1111 1111 1111.", "Meine Karte ist die [CARD_NUMBER]."),
        (
            "Die Nummer ist vier eins eins eins, eins eins eins eins.",
            "Die Nummer ist [CARD_NUMBER].",
        ),
        ("C'est le quatre un un un un un un un un.", "C'est le [CARD_NUMBER]."),
        ("Mi número es 0034 612 345 678.", "Mi número es [CARD_NUMBER]."),
        ("Schreiben Sie an anna.berg@example.de, bitte.", "Schreiben Sie an [EMAIL], bitte."),
        ("Das kostet 49,90 Euro seit 2019.", "Das kostet 49,90 Euro seit 2019."),
    ],
)
def test_a_language_without_a_file_loses_what_needs_none(sentence: str, left: str) -> None:
    """Card numbers, other long numbers and e-mail addresses go in every language; amounts and years stay."""
    turns = read_example("", f"C: {sentence}").turns
    secrets = find_secrets(turns, ["de"], SETTINGS)
    assert " / ".join(turn.text for turn in redact_turns(turns, secrets)) == left


def test_a_call_of_two_languages_is_read_in_both() -> None:
    """The customer's English PIN goes, and so does a German card number."""
    turns = read_example(
        "", "C: My PIN is 1234. Meine Karte ist vier eins eins eins eins eins eins eins."
    ).turns
    secrets = find_secrets(turns, ["en", "de"], SETTINGS)
    assert [secret.kind for secret in secrets] == ["pin", "card_number"]


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finding secrets asks nobody: a number or a domain that is looked up has left the house."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    text = "C: 4532 0151 1283 0366 and 212 555 0147 and 912 45 6789, write to susan at example dot com"
    assert "[CARD_NUMBER]" in redacted(text)


@pytest.mark.slow
def test_help_does_not_wait_for_numbering_plans() -> None:
    """The world's numbering plans take a while to load: that is for the calls that need them."""
    code = "import sys, pipeline.cli, pipeline.call; sys.exit('phonenumbers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
