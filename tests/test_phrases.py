"""Words and phrases: normal form, acknowledgements, unfinished sentences, announced silences."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline import language_files
from pipeline.errors import SettingsError
from pipeline.phrases import Phrases, load_phrases, normal_words

ENGLISH = load_phrases("en")
KEYS = [name for name in Phrases.__dataclass_fields__ if name not in ("language", "verbatim_prompt")]
LISTS = "".join(f"{key}: [okay]\n" for key in KEYS[1:])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mm-hm.", ("mm", "hm")),
        ("I'm  sure!", ("i'm", "sure")),
        ("I’m sure", ("i'm", "sure")),  # the typographic apostrophe
        ("'cause", ("cause",)),
        ("", ()),
        ("... - ?", ()),
        ("Café, naïve", ("café", "naïve")),
    ],
)
def test_normal_words(text: str, words: tuple[str, ...]) -> None:
    """Case, punctuation and the kind of apostrophe never decide what was said."""
    assert normal_words(text) == words


@given(st.text())
def test_normal_form_is_stable(text: str) -> None:
    """What is in normal form stays as it is, so that phrases and speech can be compared."""
    once = normal_words(text)
    assert normal_words(" ".join(once)) == once


@pytest.mark.parametrize(
    "text",
    [
        "mm-hm",
        "Uh-huh.",
        "Okay, okay.",
        "Right, I see.",
        "Yeah, yeah, yeah",
        "THANK YOU",
        "Oh, I see. Okay.",
        "Mhm",
    ],
)
def test_acknowledgements(text: str) -> None:
    """A listener's sounds and their chains are acknowledgements, however they are written down."""
    assert ENGLISH.is_acknowledgement(text)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "wait",
        "sir",
        "okay but wait",
        "yes I do",
        "thank",
        "see",
        "all",
        "you",
        "hold on",
        "right now",
        "excuse me",
    ],
)
def test_what_wants_the_floor_is_no_acknowledgement(text: str) -> None:
    """A refusal is none, nor is an acknowledgement that goes on, nor a part of one."""
    assert not ENGLISH.is_acknowledgement(text)


@given(st.lists(st.sampled_from(sorted(ENGLISH.acknowledgements)), min_size=1, max_size=4))
def test_acknowledgements_in_a_row_are_one(chain: list[tuple[str, ...]]) -> None:
    """Any chain of acknowledgements is an acknowledgement, and with a "no" in it is not."""
    words = [word for phrase in chain for word in phrase]
    assert ENGLISH.is_acknowledgement(" ".join(words))
    assert not ENGLISH.is_acknowledgement(" ".join([*words, "wait"]))


@pytest.mark.parametrize(
    ("text", "unfinished"),
    [
        ("I would like to", True),
        ("and then the", True),
        ("and then the,", True),  # a comma finishes nothing
        ("I was just-", True),
        ("I was just —", True),
        ("so I called...", True),
        ("so I called…", True),
        ("I'm", True),
        ("I would like to pay", False),
        ("I would like to.", True),  # the recognizer puts full stops where nobody was done
        ("I would like to?", False),
        ("I was told that it is", True),
        ("I was told that it is.", False),  # some words can end a sentence
        ("is that who you spoke to?", False),
        ("", False),
        ("yes", False),
    ],
)
def test_unfinished_sentences(text: str, unfinished: bool) -> None:
    """Whether somebody was cut off rests on the last word and on the punctuation."""
    assert ENGLISH.is_incomplete(text) is unfinished


@pytest.mark.parametrize(
    ("text", "announced"),
    [
        ("Can I put you on hold for a minute?", True),
        ("Let me check that for you.", True),
        ("One moment, please.", True),
        ("Bear with me", True),
        ("the hold is gone", False),
        ("at one point in a moment", False),
        ("", False),
    ],
)
def test_announced_silences(text: str, announced: bool) -> None:
    """A silence is explained by whole phrases in their order, not by single words."""
    assert ENGLISH.announces_hold(text) is announced


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("May I put you on hold while I check your account?", "while I check your account"),
        ("Let me look at both bills, one moment please.", "Let me look at both bills"),
        ("I'll put you on hold for a minute to ask our network team.", "to ask our network team"),
        ("Let me put you on hold.", None),
        ("One moment, please.", None),
        ("", None),
    ],
)
def test_reason_of_a_hold(text: str, reason: str | None) -> None:
    """The reason is the clause that gives it, as it was said; to ask for patience gives none."""
    assert ENGLISH.hold_reason(text) == reason


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("It should take less than a minute.", "less than a minute"),
        ("This takes about 10 seconds.", "about 10 seconds"),
        ("Give me two minutes, please.", "two minutes"),
        ("Can you hold for a couple of minutes?", "a couple of minutes"),
        ("One second, please.", None),
        ("Give me a minute.", None),
        ("He came at the last minute.", None),
        ("", None),
    ],
)
def test_time_of_a_hold(text: str, time: str | None) -> None:
    """How long it takes is a number or quantity of seconds or minutes; "one second" is an idiom."""
    assert ENGLISH.time_given(text) == time


@pytest.mark.parametrize(
    ("question", "reply", "agreed"),
    [
        ("May I put you on hold?", "Sure, go ahead.", True),
        ("May I put you on hold?", "No problem.", True),
        ("May I put you on hold?", "I guess so.", True),
        ("May I put you on hold?", "No.", False),
        ("May I put you on hold?", "I'd rather not.", False),
        ("May I put you on hold?", "No, that's not okay.", False),
        ("May I put you on hold?", "Which team?", None),
        ("Would you mind holding?", "No.", True),
        ("Would you mind holding?", "No, not at all.", True),
        ("Would you mind holding?", "Sure.", True),
        ("Would you mind holding?", "I do mind.", False),
        ("Would you mind holding?", "No, not again.", False),
    ],
)
def test_consent_to_a_hold(question: str, reply: str, agreed: bool | None) -> None:
    """A reply agrees, refuses or tells neither; to "do you mind" a bare "no" agrees."""
    assert ENGLISH.asks_consent(question)
    assert ENGLISH.consents_to(question, reply) is agreed


def test_every_english_entry_is_a_text_with_words() -> None:
    """YAML turns a bare no into a truth value: such an entry would be lost without a trace."""
    content = yaml.safe_load((language_files.CONFIG_DIR / "phrases.en.yaml").read_text(encoding="utf-8"))
    assert [
        entry
        for key in KEYS
        for entry in content[key]
        if not isinstance(entry, str) or not normal_words(entry)
    ] == []


def test_endings_are_single_words() -> None:
    """An ending is compared with the last word: a longer one would never match."""
    endings = ENGLISH.incomplete_endings | ENGLISH.open_endings
    assert [ending for ending in endings if len(ending) != 1] == []
    assert ENGLISH.incomplete_endings & ENGLISH.open_endings == frozenset()


def test_a_language_without_a_file_has_no_phrases() -> None:
    """A call in another language is analyzed without phrases, and no English ones are applied to it."""
    unknown = load_phrases("tlh")
    assert unknown.verbatim_prompt is None
    assert not unknown.is_acknowledgement("okay")
    assert not unknown.is_incomplete("and")
    assert not unknown.announces_hold("on hold")
    assert unknown.hold_reason("while I check") is None
    assert unknown.time_given("two minutes") is None


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("acknowledgements: [okay]", "verbatim_prompt"),  # keys are missing
        ("[]", "the file"),  # no mapping
        ("acknowledgements: [okay", "is not YAML"),
        (f"verbatim_prompt: x\n{LISTS}acknowledgements: [no]", "quotes"),  # a truth value
        (f"verbatim_prompt: x\n{LISTS}acknowledgements: okay", "list"),
        (f"verbatim_prompt: x\n{LISTS}acknowledgements: [okay]\nacknowledgments: [yes]", "acknowledgments"),
    ],
)
def test_a_bad_phrase_file_is_refused(
    content: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coaches edit these files: the message names the file and what it wants."""
    (tmp_path / "phrases.xx.yaml").write_text(content, encoding="utf-8")
    monkeypatch.setattr(language_files, "CONFIG_DIR", tmp_path)
    load_phrases.cache_clear()
    with pytest.raises(SettingsError, match=r"phrases\.xx\.yaml") as refused:
        load_phrases("xx")
    assert named in str(refused.value)
