"""Words and phrases: normal form, acknowledgements, unfinished sentences, announced silences."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline import phrases as module
from pipeline.errors import SettingsError
from pipeline.phrases import load_phrases, normal_words

ENGLISH = load_phrases("en")
KEYS = ("acknowledgements", "incomplete_endings", "open_endings", "hold_announcements")
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
        ("I would like to.", True),  # the recogniser puts full stops where nobody was done
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


def test_every_english_entry_is_a_text_with_words() -> None:
    """YAML turns a bare no into a truth value: such an entry would be lost without a trace."""
    content = yaml.safe_load((module.CONFIG_DIR / "phrases.en.yaml").read_text(encoding="utf-8"))
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
    """A call in another language is analysed without phrases, and no English ones are applied to it."""
    unknown = load_phrases("tlh")
    assert unknown.verbatim_prompt is None
    assert not unknown.is_acknowledgement("okay")
    assert not unknown.is_incomplete("and")
    assert not unknown.announces_hold("on hold")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("acknowledgements: [okay]", "incomplete_endings"),  # keys are missing
        ("[]", "acknowledgements"),  # no mapping
        (f"verbatim_prompt: x\n{LISTS}acknowledgements: [no]", "quotes"),  # a truth value
        (f"verbatim_prompt: x\n{LISTS}acknowledgements: okay", "list"),
        (f"verbatim_prompt: x\n{LISTS}acknowledgements: [okay]\nacknowledgments: [yes]", "acknowledgements"),
    ],
)
def test_a_bad_phrase_file_is_refused(
    content: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coaches edit these files: the message names the file and what it wants."""
    (tmp_path / "phrases.xx.yaml").write_text(content, encoding="utf-8")
    monkeypatch.setattr(module, "CONFIG_DIR", tmp_path)
    load_phrases.cache_clear()
    with pytest.raises(SettingsError, match=r"phrases\.xx\.yaml") as refused:
        load_phrases("xx")
    assert named in str(refused.value)
