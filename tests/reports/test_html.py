"""The call report shows what was measured, and nothing of a call can act in it."""

import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import get_args

import numpy as np
import pytest

from pipeline.errors import SettingsError
from pipeline.records import Analysis, Gap, GapKind, Hold, QualityWarning, SpeakerMeasures
from pipeline.reports.html import ASSETS, render_call
from pipeline.reports.playback import Peaks
from pipeline.texts import load_texts
from tests import factories
from tests.factories import Line

SETTINGS = factories.settings()
PEAKS: Peaks = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (2, 1))
VOID = {"meta", "br", "input", "link", "img", "hr"}


class Page(HTMLParser):
    """Tags with attributes, the text outside style and script, and whether tags nest."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data = ""
        self.open: list[str] = []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data
        if self.tags and self.tags[-1] == ("script", {"type": "application/json", "id": "rows"}):
            self.data += data

    def count(self, tag: str, **attributes: str) -> int:
        return sum(
            name == tag and all(of.get(key) == value for key, value in attributes.items())
            for name, of in self.tags
        )

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def page(analysis: Analysis, peaks: Peaks | None = PEAKS, href: str | None = "audio.ogg") -> Page:
    return Page(render_call(analysis, peaks, href, SETTINGS))


def test_headline_figures_and_sections() -> None:
    """A coach finds who, when, the verdict and the figures with unit and denominator."""
    words = page(factories.analysis()).words
    for expected in (
        "late-bill-001",
        "robin.k",
        "billing",
        "2026-03-02 09:14",
        "1:06",
        "one interruption ended the customer's account early",
        "154\N{NO-BREAK SPACE}words/min",
        "73 words over 28.5 s of turn time",
        "102 syllables over 25.6 s of net speech",
        "4 to 5.2 is the band",
        "It is an interruption from 0.5 s of overlap, or from 0.3 s when the other is cut off.",
        "Interruptions: 1 (the agent 1, the customer 0)",
        "while the customer was speaking",
        "No interruption of the customer",
        "Did not apply or could not be scored (2)",
        "Backchannels: 1 (the agent 1, the customer 0)",
        "rate.band_low_sps",
    ):
        assert expected.replace("\N{NO-BREAK SPACE}", " ") in words, expected


def test_play_buttons_start_before_the_moment() -> None:
    """The interruption at 10.5 s plays from 8.5 s; near the start it plays from 0."""
    found = page(factories.analysis())
    starts = [of["data-t"] for tag, of in found.tags if tag == "button" and "data-t" in of]
    assert "8.50" in starts
    assert all(float(start or -1) >= 0 for start in starts)
    assert all(of.get("aria-label") for tag, of in found.tags if tag == "button" and "data-t" in of)


def test_listening_and_silences() -> None:
    """The first account, rates with what they rest on, and each hold with what was done about it."""
    words = page(factories.analysis()).words
    for expected in (
        "First account of the problem",
        "0:04 to 0:11 cut off",
        "words: 17, in turns: 1; the agent first took the floor at 0:10",
        "3.0 per minute",
        "1 in 20.0 s of the customer's speech",
        "over 60 s is shown as long",
        "0:30 to 0:40, 10.5 s",
        "announced it: yes let me look at the bill right now. 0:25",
        "gave a reason: yes look at the bill",
        "said how long: no",
        "was given consent: no, not asked for",
        "thanked for the wait: not measured: the agent does not speak after it",
    ):
        assert expected in words.replace("\N{NO-BREAK SPACE}", " "), expected


def test_every_kind_of_silence_has_its_cause() -> None:
    """Each silence is listed with its cause; one inside a hold is not listed twice."""
    one = factories.analysis(rich=False)
    kinds: tuple[GapKind, ...] = get_args(GapKind)
    gaps = tuple(Gap(start_s=10.0 * n, end_s=10.0 * n + 5, kind=kind) for n, kind in enumerate(kinds))
    hold = next(gap for gap in gaps if gap.kind == "hold")
    holds = (
        Hold(start_s=hold.start_s, end_s=hold.end_s, announced=False, reason=None, consent=None, music=True),
    )
    call = dataclasses.replace(one.measures.call, gaps=gaps, holds=holds)
    found = page(dataclasses.replace(one, measures=dataclasses.replace(one.measures, call=call)))
    rows = [of["aria-label"] or "" for tag, of in found.tags if tag == "button" and of.get("class") == "play"]
    for name in ("Silence", "Dead air", "Hold", "Look-up", "Transfer", "Ringing"):
        assert sum(label.startswith(f"Play {name} at") for label in rows) == 1, name
    assert "music or tones on the line" in found.words


def test_an_analysis_of_an_earlier_version_has_no_listening() -> None:
    """What was not measured then is left out, and the rest is shown."""
    one = factories.analysis()
    call = dataclasses.replace(one.measures.call, listening=None)
    words = page(dataclasses.replace(one, measures=dataclasses.replace(one.measures, call=call))).words
    assert "First account of the problem" not in words
    assert "Silences and holds" in words


def test_every_word_and_turn_can_be_played() -> None:
    """Each turn has a button and each word its time."""
    one = factories.analysis()
    found = page(one)
    words = sum(len(turn.words) for turn in one.transcript.turns)
    assert sum(tag == "span" and "data-t" in of for tag, of in found.tags) == words
    assert sum(tag == "li" and "data-s" in of for tag, of in found.tags) == len(one.transcript.turns)


def test_without_audio_there_is_nothing_to_click() -> None:
    """No player, no play buttons, and a sentence that says why."""
    found = page(factories.analysis(), None, None)
    assert found.count("audio") == 0
    assert not [of for tag, of in found.tags if tag == "button" and "data-t" in of]
    assert "no playback copy" in found.words


def test_page_needs_no_network() -> None:
    """Nothing is loaded but the sound beside the page; the policy allows nothing else."""
    content = render_call(factories.analysis(), PEAKS, "audio.ogg", SETTINGS)
    found = Page(content)
    assert [of.get("src") for _, of in found.tags if "src" in of] == ["audio.ogg"]
    own = re.sub(r"<script>.*?</script>", "", content, flags=re.DOTALL)  # the player names its home page
    assert not re.search(r"https?://", own)
    assert not [of for _, of in found.tags if "style" in of or any(key.startswith("on") for key in of)]
    policy = next(of["content"] for _, of in found.tags if of.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "&lt;b&gt; &amp;",
    "\u202eevil\u202c \u200f",
    "\N{GRINNING FACE} \N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}",
    "' onmouseover='alert(1)",
    "]]> --> <!--",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_everything_of_the_call_is_text(text: str) -> None:
    """Markup, template syntax, direction marks and emoji show as they were said, everywhere."""
    lines: list[Line] = [("agent", 0.0, 2.0, text), ("customer", 3.0, 5.0, text)]
    one = factories.analysis(lines, call_id=text, agent_id=text, queue=text, started_at=text, source=text)
    event = dataclasses.replace(factories.event("interruption", 1.0, 2.0), quote=text, reason=text)
    finding = dataclasses.replace(one.guidance[1], id=text, source=text, reason=text)
    hostile = dataclasses.replace(
        one,
        interruptions=(event,),
        guidance=(finding,),
        quality=dataclasses.replace(
            one.quality, warnings=(QualityWarning(code=text, message=text, start_s=1.0),)
        ),
        coaching=dataclasses.replace(one.coaching, summary=text),
    )
    harmless, found = page(factories.analysis(lines=[(*line[:3], "said") for line in lines])), page(hostile)
    assert found.count("script") == harmless.count("script")
    assert found.count("img") == 0
    assert not [of for _, of in found.tags if any(key.startswith("on") for key in of)]
    assert found.text.count(text) >= 6
    assert " ".join(text.split()) in found.words


def test_empty_call_renders() -> None:
    """No speech, no turns, no speakers: the report says so."""
    words = page(factories.empty(), None, None).words
    assert "No speech was found in either channel." in words
    assert "No speaker was found" in words
    assert "No words were recognized" in words
    assert "Overlap could not be measured" in words


def test_zero_length_call_renders() -> None:
    """A file without a single sample must not divide by zero."""
    one = factories.empty()
    call = dataclasses.replace(one.measures.call, duration_s=0.0, silence_s=0.0, silence_share=0.0)
    empty = dataclasses.replace(
        one,
        call=dataclasses.replace(one.call, duration_s=0.0),
        measures=dataclasses.replace(one.measures, call=call),
    )
    assert page(empty, np.zeros((2, 0), dtype=np.float32))


def test_one_sided_call_says_who_is_missing() -> None:
    """The absent party's cells give the reason instead of figures."""
    one = factories.analysis([("agent", 0.0, 4.0, "hello, is anybody there")], rich=False)
    assert "not measured: this call has no such speaker" in page(one).words


def test_nulls_are_shown_with_their_reason() -> None:
    """Nothing is silently left out: every null reads 'not measured' with why."""
    one = factories.analysis()
    assert one.measures.agent is not None
    agent: SpeakerMeasures = factories.nulled(one.measures.agent, "coverage 0.61 is under 0.80")
    measures = dataclasses.replace(one.measures, agent=agent)
    words = page(dataclasses.replace(one, measures=measures, thresholds=())).words
    assert words.count("not measured: coverage 0.61 is under 0.80") >= 9


def test_speakers_without_roles() -> None:
    """Where roles are unknown both voices are numbered and nothing is called the agent's."""
    lines: list[Line] = [("speaker_1", 0.0, 3.0, "good morning"), ("speaker_2", 3.5, 6.0, "hello")]
    one = factories.analysis(lines, rich=False, channels=1)
    mono = dataclasses.replace(one, separation=dataclasses.replace(one.separation, method="diarization"))
    found = page(mono, PEAKS[:1])
    assert "Speaker 1" in found.words
    assert "could not be told" in found.words
    assert "possible, not certain" in found.words
    assert "syllables per second, both voices" in found.words


def test_agent_rate_is_judged_and_the_customer_rate_is_not() -> None:
    """The target band is for agents; a customer may speak at any rate."""
    words = page(factories.analysis()).words
    assert words.count("below the band") == 1


def test_fallback_headline() -> None:
    """A call without a summary still has a sentence of facts."""
    one = factories.analysis()
    bare = dataclasses.replace(one, coaching=dataclasses.replace(one.coaching, summary=" "))
    assert "1:06 of call, 0:47 of speech; interruptions: 1; silences over 3 s: 1." in page(bare).words


def test_agent_emotion_is_nowhere_in_the_wording() -> None:
    """Of the agent the report says what happened and what was measured, never how they felt."""
    words = page(factories.analysis()).words.lower()
    for term in ("agent's emotion", "agent's mood", "agent sentiment", "agent's tension", "agent felt"):
        assert term not in words


def test_unknown_language_is_refused() -> None:
    """The message names the languages that there are."""
    with pytest.raises(SettingsError, match="no texts in 'xx'; known: en"):
        load_texts("xx")


def test_bundled_player_is_the_one_that_is_named() -> None:
    """The player's files are those of the npm package and version that are recorded beside them."""
    vendor = ASSETS / "vendor"
    sources = json.loads((vendor / "SOURCES.json").read_text())
    found = {name: hashlib.sha256((vendor / name).read_bytes()).hexdigest() for name in sources["files"]}
    assert found == sources["files"]
    assert {each.name for each in vendor.iterdir()} == {*sources["files"], "SOURCES.json"}
