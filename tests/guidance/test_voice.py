"""Verdicts on rate and tone: a band, a baseline, and nothing said under the measurement error."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.guidance.voice import low_tone, talk_slowly
from pipeline.records import Baseline, PitchWindow, RateWindow, SpeakerMeasures, Turn, Word
from pipeline.settings import load_settings
from tests.factories import in_english, speaker_measures

SETTINGS = load_settings()
TURN = Turn(
    turn=0,
    speaker="agent",
    start_s=0.0,
    end_s=90.0,
    text="one two three",
    words=tuple(
        Word(word=word, start_s=10.0 * n, end_s=10.0 * n + 1, probability=0.9)
        for n, word in enumerate(("one", "two", "three", "four", "five"))
    ),
    backchannel=False,
)
FIRM = Baseline(
    agent_id="a1",
    line_type="narrowband",
    kind="firm",
    calls=6,
    voiced_s=400.0,
    f0_median_hz=200.0,
    f0_range_st=7.0,
    loudness_median_db=-20.0,
    articulation_rate_sps=4.6,
    speech_rate_wpm=200.0,
    as_of=None,
)


def agent(**changes: Any) -> SpeakerMeasures:
    """An agent with a calm voice and an ordinary rate over a minute of speech."""
    figures: dict[str, Any] = {
        "phonation_s": 60.0,
        "articulation_rate_sps": 4.6,
        "nuclei_rate_sps": 4.7,
        "rate_windows": (),
        "f0_vs_baseline_st": 0.2,
        "f0_range_st": 7.0,
        "loudness_vs_baseline_db": 0.5,
        "pitch_windows": (),
        "not_scored": {},
        "baseline": None,
    }
    return replace(speaker_measures([TURN], "agent"), **{**figures, **changes})


def rate_windows(*rates_sps: float) -> tuple[RateWindow, ...]:
    return tuple(
        RateWindow(start_s=10.0 * n, end_s=10.0 * n + 30, wpm=40 * sps, sps=sps)
        for n, sps in enumerate(rates_sps)
    )


def pitch_windows(*levels: tuple[float, float], voiced_s: float = 15.0) -> tuple[PitchWindow, ...]:
    return tuple(
        PitchWindow(
            start_s=10.0 * n,
            end_s=10.0 * n + 30,
            f0_median_hz=200.0,
            st=level_st,
            loudness_db=loudness_db,
            voiced_s=voiced_s,
        )
        for n, (level_st, loudness_db) in enumerate(levels)
    )


@pytest.mark.parametrize(
    ("rate_sps", "verdict"),
    [(3.2, "missed"), (3.8, "partly_met"), (4.6, "met"), (5.6, "partly_met"), (6.2, "missed")],
)
def test_a_rate_is_missed_only_beyond_its_error_and_met_only_in_the_band(
    rate_sps: float, verdict: str
) -> None:
    """Ten per cent over a minute cannot tell 5.6 from 5.5: that is neither; too slow misses like too fast."""
    found = talk_slowly(agent(articulation_rate_sps=rate_sps, nuclei_rate_sps=rate_sps), [TURN], SETTINGS)
    assert found.verdict == verdict
    assert found.score is not None
    assert found.score == 1 or verdict != "met"
    assert ("not surely" in in_english(found.reason)) == (verdict == "partly_met")


def test_less_speech_is_judged_more_carefully() -> None:
    """The error grows as speech gets less: one rate is a miss over two minutes and none over half a one."""
    fast = agent(articulation_rate_sps=6.0, nuclei_rate_sps=6.0, phonation_s=120.0)
    assert talk_slowly(fast, [TURN], SETTINGS).verdict == "missed"
    assert talk_slowly(replace(fast, phonation_s=30.0), [TURN], SETTINGS).verdict == "partly_met"


@pytest.mark.parametrize(("rate_sps", "verdict"), [(5.0, "met"), (5.15, "partly_met")])
def test_a_drift_from_the_own_baseline_counts(rate_sps: float, verdict: str) -> None:
    """Over 10% above the agent's own 4.6 counts, though inside the band; under it does not."""
    found = talk_slowly(agent(articulation_rate_sps=rate_sps, baseline=FIRM), [TURN], SETTINGS)
    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("rates_sps", "moments"),
    [((4.6, 5.4, 4.6), 0), ((4.6, 5.6, 4.6), 1), ((5.35, 5.35, 4.6), 2), ((5.35, 4.6, 5.35), 0)],
)
def test_fast_stretches_are_shown(rates_sps: tuple[float, ...], moments: int) -> None:
    """One window 20% over the baseline, or two running 15% over, are moments with what was said in them."""
    found = talk_slowly(agent(rate_windows=rate_windows(*rates_sps), baseline=FIRM), [TURN], SETTINGS)
    assert len(found.evidence) == moments
    assert found.verdict == ("partly_met" if moments else "met")
    assert all(one.quote and one.turn == 0 for one in found.evidence)


@pytest.mark.parametrize(
    ("rates_sps", "verdict"),
    [((5.1, 5.1, 4.1, 4.1), "partly_met"), ((4.6, 4.6, 4.5, 4.5), "met"), ((4.1, 4.1, 5.1, 5.1), "met")],
)
def test_speeding_up_under_pressure_counts(rates_sps: tuple[float, ...], verdict: str) -> None:
    """Faster where the customer was tense than elsewhere counts; slower there does not."""
    windows = tuple(
        RateWindow(start_s=40.0 * n, end_s=40.0 * n + 30, wpm=40 * sps, sps=sps)
        for n, sps in enumerate(rates_sps)
    )
    found = talk_slowly(agent(rate_windows=windows), [TURN], SETTINGS, tense=[(0.0, 75.0)])
    assert found.verdict == verdict
    assert "while the customer was tense" in in_english(found.reason)


def test_a_calm_customer_leaves_nothing_to_compare() -> None:
    """Without tension on the other side the comparison is not made, nor mentioned."""
    found = talk_slowly(agent(rate_windows=rate_windows(4.4, 4.6)), [TURN], SETTINGS)
    assert "customer" not in in_english(found.reason)


def test_a_rate_that_the_signal_contradicts_is_not_judged() -> None:
    """A recognizer that lost half the words cannot make an agent slow."""
    found = talk_slowly(agent(articulation_rate_sps=3.0, nuclei_rate_sps=4.6), [TURN], SETTINGS)
    assert (found.verdict, found.score) == ("not_scored", None)
    assert "unreliable" in in_english(found.reason)


def test_what_is_not_measured_is_not_judged() -> None:
    """Without a rate or a pitch there is no verdict, and the reason is the measure's own."""
    why = {"articulation_rate_sps": "12 s of speech", "f0_vs_baseline_st": "9 s of voice"}
    silent = agent(articulation_rate_sps=None, f0_vs_baseline_st=None, not_scored=why)
    rate, tone = talk_slowly(silent, [], SETTINGS), low_tone(silent, [], SETTINGS.voice_checks)
    assert (rate.verdict, rate.reason) == ("not_scored", "12 s of speech")
    assert (tone.verdict, tone.reason) == ("not_scored", "9 s of voice")


@pytest.mark.parametrize(
    ("windows", "verdict"),
    [
        ([(0.0, 0.0)] * 6, "met"),
        ([(2.5, 1.0)] * 6, "met"),
        ([(1.0, 5.0)] * 6, "met"),
        ([(2.5, 4.0)] + [(0.0, 0.0)] * 5, "partly_met"),
        ([(2.5, 4.0)] * 2 + [(0.0, 0.0)] * 4, "missed"),
    ],
)
def test_raised_is_higher_and_louder(windows: list[tuple[float, float]], verdict: str) -> None:
    """Pitch alone or loudness alone is never raised; one window warns, a fifth of them fails."""
    found = low_tone(
        agent(pitch_windows=pitch_windows(*windows), baseline=FIRM), [TURN], SETTINGS.voice_checks
    )
    assert found.verdict == verdict


def test_windows_with_little_voice_are_not_judged() -> None:
    """Under ten seconds of voice a median is too unsure to call anything raised."""
    short = pitch_windows((4.0, 6.0), (4.0, 6.0), voiced_s=9.0)
    assert low_tone(agent(pitch_windows=short, baseline=FIRM), [TURN], SETTINGS.voice_checks).verdict == "met"


def test_a_call_that_is_high_and_loud_as_a_whole_is_missed() -> None:
    """Against a firm baseline a whole call can be raised, though no window stands out."""
    whole = agent(f0_vs_baseline_st=2.5, loudness_vs_baseline_db=4.0, baseline=FIRM)
    assert low_tone(whole, [TURN], SETTINGS.voice_checks).verdict == "missed"


def test_a_flat_voice_fails_nothing() -> None:
    """Narrow and low is mentioned for the coach and stays met."""
    flat = agent(f0_vs_baseline_st=-1.5, f0_range_st=4.0, baseline=FIRM)
    found = low_tone(flat, [TURN], SETTINGS.voice_checks)
    assert found.verdict == "met"
    assert "flat" in in_english(found.reason)


@pytest.mark.parametrize(("calls", "voiced_s", "missing"), [(0, 60.0, "2 earlier"), (1, 90.0, "one earlier")])
def test_no_call_is_compared_with_itself(calls: int, voiced_s: float, missing: str) -> None:
    """An agent's first calls are neither praised nor blamed for tone; the reason says what is missing."""
    start = replace(FIRM, kind="provisional", calls=calls, voiced_s=voiced_s)
    found = low_tone(agent(baseline=start), [TURN], SETTINGS.voice_checks)
    assert (found.verdict, found.score) == ("not_scored", None)
    assert missing in in_english(found.reason)


def test_a_provisional_baseline_is_named() -> None:
    """A reader can see that a verdict rests on few earlier calls."""
    few = replace(FIRM, kind="provisional", calls=2, voiced_s=150.0)
    assert "provisional" in in_english(low_tone(agent(baseline=few), [TURN], SETTINGS.voice_checks).reason)


@given(st.floats(2.0, 9.0), st.floats(2.0, 9.0))
def test_scores_fall_with_the_distance_from_the_band(first_sps: float, second_sps: float) -> None:
    """Of two rates over the band the faster never scores better; all scores are shares."""

    def score(rate_sps: float) -> float:
        found = talk_slowly(agent(articulation_rate_sps=rate_sps, nuclei_rate_sps=rate_sps), [TURN], SETTINGS)
        assert found.score is not None
        return found.score

    low, high = sorted((first_sps, second_sps))
    assert 0 <= score(low) <= 1
    if low >= SETTINGS.rate.band_low_sps:
        assert score(high) <= score(low)
