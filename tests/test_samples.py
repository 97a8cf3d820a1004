"""The sample calls, analysed with the real models, against what is known to be true of them."""

import dataclasses
from functools import reduce
from operator import add

import pytest

from pipeline.audio.decode import decode
from pipeline.audio.metadata import read_metadata
from pipeline.call import analyze_call
from pipeline.records import Analysis
from pipeline.reports.analysis_json import dumps
from pipeline.settings import load_settings
from pipeline.speakers.roles import assign_roles
from pipeline.timeline import overlap_s, total_s
from tests.benchmarks.accuracy import Row, compare
from tests.benchmarks.truth import Truth, sample_truths

SETTINGS = load_settings()
TRUTHS = {truth.call_id: truth for truth in sample_truths()}
HOLD = "2026-03-09-maya-hold-transfer"
VOICEMAIL = "2026-03-10-ken-voicemail"


def analyze(truth: Truth) -> Analysis:
    metadata, _ = read_metadata(truth.audio, SETTINGS.audio)
    return analyze_call(decode(truth.audio, SETTINGS.audio), metadata, SETTINGS)


@pytest.fixture(scope="module")
def analyses() -> dict[str, Analysis]:
    return {call_id: analyze(truth) for call_id, truth in TRUTHS.items()}


@pytest.fixture(scope="module")
def rows(analyses: dict[str, Analysis]) -> dict[str, Row]:
    return {call_id: compare(TRUTHS[call_id], analysis) for call_id, analysis in analyses.items()}


@pytest.mark.parametrize("call_id", TRUTHS)
def test_words_and_rates_are_right(call_id: str, rows: dict[str, Row]) -> None:
    """What each agent said, and how fast, comes out within the limits that the product promises."""
    row = rows[call_id]
    wer = row.words["agent"].wer
    assert wer is not None
    assert wer < 0.10
    assert all(abs(error) < 4.0 for error in row.rates.speech_rate)
    assert all(abs(error) < 5.0 for error in row.rates.articulation_rate)


@pytest.mark.parametrize("call_id", TRUTHS)
def test_the_agent_is_known_by_the_words_alone(call_id: str, analyses: dict[str, Analysis]) -> None:
    """The recogniser's own text of each call says who the agent is; no channel map is doubted."""
    analysis = analyses[call_id]
    guess = assign_roles(analysis.transcript.turns, analysis.call.language, SETTINGS.speakers)
    assert guess.agent == "agent"
    assert "roles_swapped" not in {warning.code for warning in analysis.quality.warnings}


def test_events_are_told_apart(rows: dict[str, Row]) -> None:
    """Interruptions are found, and good listening is never called one."""
    total = reduce(add, rows.values())
    interruptions, backchannels = total.events["interruption"].f1, total.events["backchannel"].f1
    assert interruptions is not None
    assert backchannels is not None
    assert interruptions >= 0.9
    assert backchannels >= 0.85
    assert total.false_interruptions_by_backchannel == 0


def test_speech_edges_are_tight(rows: dict[str, Row]) -> None:
    """Nine edges of speech in ten lie within 40 ms of where they are."""
    errors = sorted(abs(error) for row in rows.values() for error in row.edge_errors_ms)
    assert errors[int(0.9 * len(errors))] <= 40


def test_hold_music_is_a_hold_and_not_words(analyses: dict[str, Analysis]) -> None:
    """Music on hold is neither speech nor text, and the hold is where it was, announced as it was."""
    analysis, truth = analyses[HOLD], TRUTHS[HOLD]
    true = next(hold for hold in truth.content["holds"] if hold["music"])
    span = [(true["start_s"], true["end_s"])]
    speech = [(segment.start_s, segment.end_s) for segment in analysis.speech.segments]
    words = [(w.start_s, w.end_s) for turn in analysis.transcript.turns for w in turn.words]
    assert overlap_s(speech, span) == 0
    assert overlap_s(words, span) == 0
    found = analysis.measures.call.holds[0]
    assert found.announced
    assert overlap_s([(found.start_s, found.end_s)], span) == pytest.approx(total_s(span), abs=0.1)


def test_a_voicemail_is_one_sided(analyses: dict[str, Analysis]) -> None:
    """A call with one speaker is analysed, says so, and gives the silent one no figures."""
    analysis = analyses[VOICEMAIL]
    customer = analysis.measures.customer
    assert "one_sided" in {warning.code for warning in analysis.quality.warnings}
    assert customer is not None
    assert (customer.talk_s, customer.words, customer.speech_rate_wpm) == (0, 0, None)


def test_the_same_call_gives_the_same_bytes(analyses: dict[str, Analysis]) -> None:
    """Nothing in an analysis depends on chance; only the times of the run differ."""

    def timeless(analysis: Analysis) -> bytes:
        run = dataclasses.replace(analysis.provenance, stage_seconds={}, created_at="")
        return dumps(dataclasses.replace(analysis, provenance=run))

    assert timeless(analyze(TRUTHS[VOICEMAIL])) == timeless(analyses[VOICEMAIL])
