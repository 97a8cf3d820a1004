"""Captions and RTTM parse back to what was said when."""

import dataclasses
import html
import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.reports import captions
from tests import factories
from tests.factories import Line

OUTPUT = factories.settings().output
CUE = re.compile(
    r"(\d\d):(\d\d):(\d\d)\.(\d{3}) --> (\d\d):(\d\d):(\d\d)\.(\d{3})\n<v ([^>]+)>(.*)", re.DOTALL
)


def parse(vtt: str) -> list[tuple[float, float, str, str]]:
    """A small WebVTT reader of our own: blocks are parted by blank lines."""
    head, *blocks = vtt.rstrip("\n").split("\n\n")
    assert head == "WEBVTT"
    cues = []
    for block in blocks:
        found = CUE.fullmatch(block)
        assert found, block
        h1, m1, s1, f1, h2, m2, s2, f2 = (int(part) for part in found.groups()[:8])
        start_s, end_s = h1 * 3600 + m1 * 60 + s1 + f1 / 1000, h2 * 3600 + m2 * 60 + s2 + f2 / 1000
        cues.append((start_s, end_s, found[9], html.unescape(found[10])))
    return cues


def test_one_cue_a_turn_with_its_voice() -> None:
    """Short turns come back with time, voice and words."""
    cues = parse(captions.vtt(factories.analysis(), OUTPUT))
    assert cues[0][:3] == (0.5, 4.1, "Agent")
    assert cues[2] == (7.9, 8.3, "Agent", "mm-hm")
    assert [cue[0] for cue in cues] == sorted(cue[0] for cue in cues)


def test_long_turn_is_split_between_words() -> None:
    """A cue must be readable: two lines, twelve seconds; no word is lost and the cues do not overlap."""
    text = " ".join(f"word{n}" for n in range(120))
    cues = parse(captions.vtt(factories.analysis([("agent", 10.0, 70.0, text)], rich=False), OUTPUT))
    assert len(cues) > 5
    assert " ".join(" ".join(cue[3] for cue in cues).split()) == text
    for start_s, end_s, _, said in cues:
        assert end_s - start_s <= OUTPUT.caption_max_s
        assert said.count("\n") <= 1
        assert all(len(line) <= OUTPUT.caption_line_chars for line in said.split("\n"))
    assert all(one[1] <= other[0] + 1e-9 for one, other in itertools.pairwise(cues))


def test_slow_turn_is_split_by_time() -> None:
    """Few words over a long time still make short cues."""
    cues = parse(
        captions.vtt(factories.analysis([("agent", 0.0, 40.0, "a b c d e f g h")], rich=False), OUTPUT)
    )
    assert len(cues) == 4
    assert max(cue[1] - cue[0] for cue in cues) <= OUTPUT.caption_max_s


def test_corrected_text_wins_over_words() -> None:
    """A redacted turn must not leak its words through the captions."""
    one = factories.analysis([("customer", 1.0, 3.0, "it is four two four two")], rich=False)
    turn = dataclasses.replace(one.transcript.turns[0], text="it is [card number]")
    redacted = dataclasses.replace(one, transcript=dataclasses.replace(one.transcript, turns=(turn,)))
    assert parse(captions.vtt(redacted, OUTPUT)) == [(1.0, 3.0, "Customer", "it is [card number]")]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_parses_back(text: str) -> None:
    """Markup, arrows and line breaks in what was said cannot break the file."""
    line: Line = ("customer", 1.0, 2.0, text)
    cues = parse(captions.vtt(factories.analysis([line], rich=False), OUTPUT))
    assert "".join("".join(cue[3] for cue in cues).split()) == "".join(text.split())


def test_times_over_an_hour() -> None:
    """Hours are carried."""
    line: Line = ("agent", 3725.25, 3726.0, "still here")
    cues = parse(captions.vtt(factories.analysis([line], duration_s=4000.0, rich=False), OUTPUT))
    assert cues[0][:2] == (3725.25, 3726.0)


def test_empty_call_is_a_valid_file() -> None:
    """No turns: a header alone, and no RTTM line."""
    assert parse(captions.vtt(factories.empty(), OUTPUT)) == []
    assert captions.rttm(factories.empty()) == ""


def test_rttm_has_ten_fields_and_the_speech() -> None:
    """Diarization scorers split at blanks and add start and duration."""
    one = factories.analysis(call_id="two words")
    rows = [line.split() for line in captions.rttm(one).splitlines()]
    assert all(len(row) == 10 for row in rows)
    assert {row[0] for row in rows} == {"SPEAKER"}
    assert {row[1] for row in rows} == {"two_words"}
    found = sorted((float(row[3]), round(float(row[3]) + float(row[4]), 3), row[7]) for row in rows)
    assert found == sorted((each.start_s, each.end_s, each.speaker) for each in one.speech.segments)
