"""Reports in another language, made from stored analyses: nothing of the first language is left in them."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.audio.defects import Defects
from pipeline.clock import StageClock
from pipeline.conclusion import Measured, conclude
from pipeline.document import speech_segments
from pipeline.measures import call_measures, speaker_measures
from pipeline.quality import quality_warnings
from pipeline.records import (
    Analysis,
    Measures,
    Metadata,
    PitchWindow,
    RateWindow,
    Separation,
    SpeakerMeasures,
)
from pipeline.reports import analysis_json, site, table, write
from pipeline.reports.markdown import escape
from pipeline.rescore import rescore
from pipeline.script import read_script
from pipeline.texts import load_texts
from pipeline.transcript_call import analyze_transcript
from pipeline.wording import reworded
from tests import factories
from tests.dialogue import ENGLISH, conversation, dialogue
from tests.languages import CLOSE, NOWHERE, OPEN, nowhere, spoken

CALL = """
A 0.5-3.0 Lakeside Energy this is Robin. How can I help you?
C 3.5-9.0 You charged my card twice and I am furious. This is the third time that I am calling about this.
A 5.0-5.4 mm-hm
C 9.5-16.0 I paid my bill in January and two days later you took the amount again and
A 14.0-18.0 You should have called us earlier.
C 18.5-24.0 This is ridiculous, I took the whole day off. It is still not working.
A 23.0-27.0 Calm down, that is our policy.
C 26.0-26.5 but I
C 27.5-30.0 You are an idiot. I want to speak to your supervisor.
A 30.2-38.0 I understand that this is frustrating. I am sorry that we charged your card twice. You are right.
A 38.5-44.0 So you paid the bill in January and we took the amount again. Is that right?
C 44.2-45.0 Yes that is right.
A 45.5-50.0 May I put you on hold for a minute to ask our billing team?
C 50.5-51.0 Okay.
A 75.0-82.0 Thank you for waiting. I am sending the money back now. I will see to it myself.
A 95.0-99.0 I will call you back. I will send you an email by Friday.
C 99.2-101.0 Does that mean that it is solved now? That solves it, thank you.
C 100.8-101.6 Right.
A 100.9-105.0 You can order that in our online shop. Is there anything else? I have other callers waiting.
C 105.5-106.5 No. Goodbye.
"""
LENGTH_S = 110.0
SETTINGS = factories.settings("output.audio=none", "acts.meaning=false")
THERE = factories.settings("output.audio=none", "acts.meaning=false", f"output.language={NOWHERE}")
CHANNELS = Separation(
    method="channels", role_method="channel_map", role_confidence=1.0, agent_label="channel_0"
)
VOICES = replace(CHANNELS, method="diarization", role_method="transcript", role_confidence=0.8)
NOT_OURS = {"script", "style", "q", "bdi", "code"}
SHOWN = {"title", "aria-label", "placeholder", "alt", "data-label", "data-template"}
SPOKEN = {"quote", "what", "when", "said_when", "source"}
OUR_FIELDS = {"reason", "message", "note", "summary", "title", "why", "try_this"}


# --- stored analyses ----------------------------------------------------------------------------------


def voiced(of: SpeakerMeasures) -> SpeakerMeasures:
    """Figures of a voice that is fast, high and loud for a while, against a firm baseline."""
    starts = (0.0, 10.0, 20.0, 30.0)
    return replace(
        of,
        articulation_rate_sps=4.8,
        nuclei_rate_sps=4.6,
        phonation_s=60.0,
        f0_median_hz=200.0,
        f0_vs_baseline_st=1.5,
        f0_range_st=2.0,
        loudness_vs_baseline_db=2.5,
        pitch_windows=tuple(
            PitchWindow(
                start_s=start_s,
                end_s=start_s + 10.0,
                voiced_s=6.0,
                f0_median_hz=200.0,
                st=5.0 if start_s == 20.0 else 0.2,
                loudness_db=9.0 if start_s == 20.0 else 0.1,
            )
            for start_s in starts
        ),
        rate_windows=tuple(
            RateWindow(start_s=start_s, end_s=start_s + 10.0, wpm=200.5, sps=7.5 if start_s == 20.0 else 4.5)
            for start_s in starts
        ),
        baseline=factories.baseline(),
        not_scored={},
    )


def analyzed(
    notation: str,
    call_id: str,
    *,
    voice: bool = False,
    defects: bool = False,
    separation: Separation = CHANNELS,
) -> Analysis:
    """A call through all stages but those that need its sound, with an English report."""
    talk = conversation(dialogue(notation), LENGTH_S, settings=SETTINGS)
    talk = replace(talk, one_channel=separation is VOICES)
    if defects:
        unsure = {
            role: replace(of, dropped_words=3, words=tuple(replace(one, probability=0.2) for one in of.words))
            for role, of in talk.transcripts.items()
        }
        talk = replace(talk, transcripts=unsure)
    figures = {role: speaker_measures(role, talk, SETTINGS) for role in talk.units}
    if voice:
        figures = {role: voiced(of) for role, of in figures.items()}
    facts = factories.analysis(call_id=call_id, duration_s=LENGTH_S)
    warnings = quality_warnings(
        factories.recording(facts), {"agent": 0, "customer": 1}, talk, figures, [(0.0, 2.0)], SETTINGS
    )
    if defects:
        broken = Defects(packets_read=9, damaged=2, invalid_samples=1, channel_changes=2, extra_streams=1)
        broken.holes += [(1.0, 2.5), (4.0, 4.5)]
        warnings = (*warnings, *broken.warnings(100.0, 120.0, None, 1.0))
    measured = Measured(
        facts=facts.call,
        separation=separation,
        turns=talk.floor.turns,
        speech=speech_segments(talk),
        measures=Measures(
            agent=figures["agent"],
            customer=figures["customer"],
            speaker_1=None,
            speaker_2=None,
            call=call_measures(talk, SETTINGS),
        ),
        events=tuple(talk.events),
        cut_offs=(),
        warnings=warnings,
        models=(),
    )
    metadata = Metadata(call_id=call_id, agent_id="robin.k")
    return conclude(measured, metadata, SETTINGS, StageClock(), recording=None, earlier=())


def transcript_alone(folder: Path) -> Analysis:
    """A call of which there is only a transcript, with a third name in it."""
    lines = [line.split(maxsplit=2) for line in CALL.strip().splitlines()]
    lines += [["X", "107-108", "Hello from the next room."]]
    turns = [
        {
            "speaker": who,
            "start_s": float(times.split("-")[0]),
            "end_s": float(times.split("-")[1]),
            "text": text,
        }
        for who, times, text in lines
    ]
    path = folder / "alone.json"
    path.write_text(json.dumps({"turns": turns}), encoding="utf-8")
    script = read_script(path, SETTINGS, ENGLISH)
    return analyze_transcript(script, "en", Metadata(call_id="transcript"), SETTINGS)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> list[Analysis]:
    """Analyses as their files have them: a lively call told in many ways, and calls with little in them."""
    calls = [
        analyzed(CALL, "voice", voice=True),
        analyzed(CALL, "defects", defects=True),
        analyzed(CALL, "voices", separation=VOICES),
        analyzed("A 0.5-3.0 Hello? Hello?", "one-side"),
        analyzed("A 0.5-0.9 -", "wordless"),
        transcript_alone(tmp_path_factory.mktemp("transcript")),
    ]
    return [analysis_json.loads(analysis_json.dumps(each)) for each in calls]


@pytest.fixture(scope="module")
def abroad(stored: list[Analysis], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Everything that is written of these calls where another language is set, judged anew."""
    out = tmp_path_factory.mktemp("out")
    with spoken(tmp_path_factory.mktemp("configs"), nowhere()):
        entries = []
        for one in stored:
            again = rescore(one, THERE)
            sound = factories.recording(again) if again.call.has_sound else None
            folder = write.write_call(again, sound, out, THERE)
            entries.append(
                site.BatchEntry(
                    again.call.call_id, folder.name, table.call_row(again), None, again.call.source
                )
            )
        site.write_batch(out, entries, THERE)
        yield out


# --- and back -----------------------------------------------------------------------------------------


def test_an_analysis_can_be_said_again(stored: Sequence[Analysis], tmp_path: Path) -> None:
    """Said in another language and back, an analysis is what it was; its report alone needs no rescoring."""
    with spoken(tmp_path, nowhere()):
        for one in stored:
            there = reworded(one, load_texts(NOWHERE))
            assert has_words(outside(one.coaching.summary))
            assert not has_words(outside(there.coaching.summary))
            assert {each.text for each in there.texts} & {each.text for each in one.texts} == set()
            assert reworded(there, load_texts("en")) == one


# --- what a reader sees -------------------------------------------------------------------------------


def outside(text: str) -> str:
    """What of a text stands in no brackets."""
    depth, left = 0, []
    for sign in text:
        depth += (sign == OPEN) - (sign == CLOSE)
        if depth == 0 and sign != CLOSE:
            left.append(sign)
    return "".join(left)


def has_words(text: str) -> bool:
    return any(sign.isalpha() for sign in text)


class Page(HTMLParser):
    """The texts and attributes of a page that are the report's own."""

    EMPTY = ("meta", "input", "br", "link", "img", "rect", "line", "path", "circle", "use")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._inside: list[bool] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.seen += [value for name, value in found.items() if name in SHOWN and value]
        if tag not in self.EMPTY:
            self._inside.append(tag in NOT_OURS or found.get("translate") == "no")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen += [value for name, value in attributes if name in SHOWN and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._inside):
            self.seen.append(data)


def strings(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from strings(value, (*path, key))
    elif isinstance(node, list):
        for value in node:
            yield from strings(value, path)
    elif isinstance(node, str):
        yield path, node


def documents(out: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted(out.glob("*/analysis.json"))]


def test_the_calls_have_much_to_say(stored: Sequence[Analysis]) -> None:
    """What is tested is worth it: most of what stages can say of a call is said here."""
    said = {each.key for one in stored for each in one.texts}
    groups = [key.partition(".")[0] for key in said]
    assert {"quality", "unmeasured", "event", "account", "absent", "why", "note", "summary"} <= set(groups)
    assert len(said) > 70


def test_no_page_has_words_of_its_own(abroad: Path) -> None:
    """Each text of each page, labels for screen readers too, comes from the file of the language."""
    pages = sorted(abroad.rglob("*.html"))
    assert len(pages) == 6 + 4  # calls; index, team, effort, the agent
    for path in pages:
        page = Page()
        page.feed(path.read_text(encoding="utf-8"))
        assert len(page.seen) > 40
        assert [text for text in page.seen if has_words(outside(text))] == [], path


def test_numbers_are_those_of_the_language(abroad: Path) -> None:
    """A page is right without its script: no decimal point where the language has a comma."""
    for path in sorted(abroad.rglob("*.html")):
        page = Page()
        page.feed(path.read_text(encoding="utf-8"))
        numbers = [text for text in page.seen if "," in text and any(sign.isdigit() for sign in text)]
        assert numbers, path
        pointed = [text for text in page.seen for word in text.split() if is_pointed(word)]
        assert pointed == [], path


def is_pointed(word: str) -> bool:
    """Whether a word is a number with a decimal point; three digits after it are thousands."""
    whole, point, rest = word.strip("()±+-;,%⟦⟧").partition(".")
    return bool(point) and whole.isdigit() and rest.isdigit() and len(rest) != 3


def test_every_reason_is_in_the_language(abroad: Path) -> None:
    """Reasons, messages, notes and advice of ``analysis.json`` too, those of measuring included."""
    for document in documents(abroad):
        del document["texts"], document["scores"]
        ours = [
            (path, text)
            for path, text in strings(document)
            if (path[-1] in OUR_FIELDS or "not_scored" in path)
            and path[-2:-1] not in (("holds",), ("look_ups",))
        ]
        assert len(ours) > 30
        assert [each for each in ours if has_words(outside(each[1]))] == []


def test_markdown_is_in_the_language(abroad: Path) -> None:
    """``report.md`` too, but for quotes, names and ids."""
    for path in sorted(abroad.glob("*/report.md")):
        document = json.loads((path.parent / "analysis.json").read_bytes())
        others = {text for _, text in strings({name: document[name] for name in ("call", "transcript")})}
        others |= {text for way, text in strings(document) if way[-1] in SPOKEN or way[-2:-1] == ("holds",)}
        text = path.read_text(encoding="utf-8").replace("\n", " ")
        for other in sorted(others, key=len, reverse=True):
            text = text.replace(escape(other), "")
        ids = re.compile(r"`[^`]*`")
        assert not has_words(outside(ids.sub("", text))), path
