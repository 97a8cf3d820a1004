"""Figures of a call: hand-worked sums, and a reason for whatever is missing."""

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings

from pipeline.measures import CUT_APART, NO_SPEECH, ONE_SPEAKER, Conversation, call_measures, speaker_measures
from pipeline.records import CallMeasures, Role, SpeakerMeasures
from tests.dialogue import OTHER, SETTINGS, Units, conversation, dialogue, swapped, talk

STORY = "so I called you last week about the meter and they told me that it was read"
DONE = "I will send the new bill to you today."
WINDOWS = ("rate_windows", "pitch_windows")

MINUTE = f"""
    A 0-5 {DONE}
    C 5.5-15 {STORY}
    A 8-8.5 mm-hm
    A 14-20 {DONE}
    C 24-30 {STORY}
"""
"""Agent 5 + 0.5 + 6 s, customer 9.5 + 6 s, 0.5 + 1 s of them together; silent from 20 to 24 s."""


def both(found: Conversation) -> dict[Role, SpeakerMeasures]:
    return {role: speaker_measures(role, found, SETTINGS) for role in found.units}


def missing(measures: SpeakerMeasures | CallMeasures) -> set[str]:
    return {field.name for field in fields(measures) if getattr(measures, field.name) is None}


def empty_windows(measures: SpeakerMeasures) -> set[str]:
    return {name for name in WINDOWS if getattr(measures, name) == ()}


def assert_reasons(measures: SpeakerMeasures | CallMeasures) -> None:
    """Every figure that is None, or an empty row of windows, has its reason, and nothing else has one."""
    windows = empty_windows(measures) if isinstance(measures, SpeakerMeasures) else set()
    assert missing(measures) - measures.not_scored.keys() == set()
    assert windows - measures.not_scored.keys() == set()
    assert measures.not_scored.keys() - missing(measures) - windows == set()
    assert all(measures.not_scored.values())


# --- by hand ------------------------------------------------------------------------------------------


def test_the_call_by_hand() -> None:
    """Speech is the union of both, overlap what both say at once, silence the rest."""
    found = call_measures(conversation(dialogue(MINUTE), 33.0), SETTINGS)
    assert found.duration_s == 33.0
    assert found.speech_s == pytest.approx(25.5)  # 0-5, 5.5-20, 24-30
    assert found.silence_s == pytest.approx(7.5)
    assert found.silence_share == pytest.approx(7.5 / 33)
    assert found.overlap_s == pytest.approx(1.5)
    assert found.overlap_share == pytest.approx(1.5 / 25.5)
    assert found.talk_ratio_agent == pytest.approx(11.5 / 27)
    assert [(gap.start_s, gap.end_s, gap.kind) for gap in found.gaps] == [(20, 24, "silence")]
    assert found.not_scored == {}


def test_the_speakers_by_hand() -> None:
    """Talk is speech time, shares are of all talk, and turns are those that held the floor."""
    found = both(conversation(dialogue(MINUTE), 33.0))
    agent, customer = found["agent"], found["customer"]
    assert (agent.talk_s, customer.talk_s) == (pytest.approx(11.5), pytest.approx(15.5))
    assert (agent.talk_share, customer.talk_share) == (pytest.approx(11.5 / 27), pytest.approx(15.5 / 27))
    assert (agent.words, customer.words) == (9 + 1 + 9, 17 + 17)
    assert (agent.turns, customer.turns) == (2, 2)
    assert (agent.longest_turn_s, customer.longest_turn_s) == (pytest.approx(6.0), pytest.approx(9.5))
    assert (agent.turn_time_s, customer.turn_time_s) == (pytest.approx(11.0), pytest.approx(15.5))
    assert (agent.interruptions, customer.interruptions) == (1, 0)
    assert (agent.backchannels, customer.backchannels) == (1, 0)
    # the agent comes in 1 s before the customer ends, which counts as 0; the customer after 0.5 and 4 s
    assert agent.response_latency_median_s == pytest.approx(0.0)
    assert customer.response_latency_median_s == pytest.approx(2.25)
    assert (agent.noise_floor_db, agent.snr_db) == (-70.0, pytest.approx(45.0))


def test_one_speaker_silent() -> None:
    """A caller who never speaks has counts of zero, and no figure that speech would be needed for."""
    found = both(conversation(dialogue(f"A 0-5 {DONE}\nA 6-9 {DONE}"), 10.0))
    silent = found["customer"]
    assert (silent.talk_s, silent.talk_share, silent.words, silent.turns, silent.turn_time_s) == (
        0,
        0,
        0,
        0,
        0,
    )
    assert (silent.interruptions, silent.backchannels) == (0, 0)
    assert {"longest_turn_s", "coverage", "snr_db", "speech_rate_wpm", "f0_median_hz"} <= missing(silent)
    assert silent.not_scored["coverage"] == NO_SPEECH
    assert found["agent"].talk_share == 1.0
    for measures in found.values():
        assert_reasons(measures)
    assert call_measures(conversation(dialogue(f"A 0-5 {DONE}"), 10.0), SETTINGS).talk_ratio_agent == 1.0


def test_no_speech_at_all() -> None:
    """Shares of nothing are undefined, and are not zero."""
    silence = conversation(dialogue(""), 60.0)
    call = call_measures(silence, SETTINGS)
    assert (call.speech_s, call.silence_s, call.silence_share, call.gaps) == (0, 60.0, 1.0, ())
    assert (call.talk_ratio_agent, call.overlap_share) == (None, None)
    assert_reasons(call)
    for measures in both(silence).values():
        assert measures.talk_share is None
        assert_reasons(measures)


def test_a_speaker_who_only_acknowledges() -> None:
    """Somebody who never held the floor has no longest turn, and it says why."""
    found = both(conversation(dialogue(f"A 0-30 {STORY}\nC 5-5.5 mm-hm\nC 12-12.5 okay"), 31.0))["customer"]
    assert (found.turns, found.backchannels, found.longest_turn_s) == (0, 2, None)
    assert_reasons(found)


def test_one_channel() -> None:
    """Where speakers are not told apart, nothing about turn-taking is given, and roles are not guessed."""
    units = dialogue(f"A 0-5 {DONE}\nA 6-9 {DONE}")["agent"]
    alone: dict[Role, list] = {"speaker_1": [type(one)("speaker_1", *one.span, one.words) for one in units]}
    found = conversation(alone, 10.0)
    call, speaker = call_measures(found, SETTINGS), both(found)["speaker_1"]
    assert (call.overlap_s, call.overlap_share, call.talk_ratio_agent) == (None, None, None)
    assert call.not_scored["overlap_s"] == ONE_SPEAKER
    assert (speaker.interruptions, speaker.backchannels) == (None, None)
    assert_reasons(call)
    assert_reasons(speaker)


@pytest.mark.parametrize(("overlap_s", "told_s"), [(0.9, 0.0), (1.5, 1.5)])
def test_two_voices_on_one_channel(overlap_s: float, told_s: float) -> None:
    """Only long overlaps are told of, acknowledgements are not counted, and it says why."""
    units = dialogue(f"A 0-5 {DONE}\nC {5 - overlap_s}-9 {DONE}")
    found = replace(conversation(units, 10.0), one_channel=True)
    call = call_measures(found, SETTINGS)
    assert call.overlap_s == pytest.approx(told_s)
    assert_reasons(call)
    for measures in both(found).values():
        assert measures.backchannels is None
        assert measures.interruptions is not None
        assert_reasons(measures)


def exchange(turns: int, gap_s: float) -> Units:
    """Turns of 4 s, one after the other, ``gap_s`` apart (under zero: overlapping)."""
    lines = []
    start_s = 0.0
    for number in range(turns):
        lines.append(f"{'AC'[number % 2]} {start_s:.3f}-{start_s + 4:.3f} {DONE}")
        start_s += 4 + gap_s
    return dialogue("\n".join(lines))


@pytest.mark.parametrize(
    ("turns", "gap_s", "reason"),
    [
        (16, 0.3, CUT_APART),  # 64 s without any overlap
        (14, 0.3, None),  # 56 s of it could be chance
        (16, -0.1, None),  # people who talk overlap a little
    ],
)
def test_channels_cut_apart(turns: int, gap_s: float, reason: str | None) -> None:
    """A minute of lively talk without overlap is not polite but cut: it is not measurable."""
    found = conversation(exchange(turns, gap_s), 90.0)
    call, speakers = call_measures(found, SETTINGS), both(found)
    assert call.not_scored.get("overlap_s") == reason
    assert (call.overlap_s is None) is (call.overlap_share is None) is (reason is not None)
    for speaker in speakers.values():
        assert (speaker.interruptions is None) is (speaker.backchannels is None) is (reason is not None)
        assert_reasons(speaker)
    assert_reasons(call)


def test_a_monologue_is_not_cut_apart() -> None:
    """One who speaks for minutes to somebody silent has not had a lively talk."""
    found = conversation(dialogue(f"A 0-90 {STORY}"), 90.0)
    assert call_measures(found, SETTINGS).overlap_s == 0.0


def test_a_language_without_rules_has_reasons() -> None:
    """Words in a language whose syllables are not known leave gaps that explain themselves."""
    found = conversation(exchange(30, -0.1), 130.0, language="xx")
    for speaker in both(found).values():
        assert speaker.speech_rate_wpm is not None
        assert_reasons(speaker)


def test_a_hold_is_explained_silence() -> None:
    """Music on a channel between two turns is a hold, in the holds and among the gaps."""
    units = dialogue(f"A 0-5 let me check that\nC 45-50 {STORY}")
    call = call_measures(conversation(units, 50.0, music={"agent": ((6.0, 44.0),)}), SETTINGS)
    assert [(hold.start_s, hold.end_s, hold.announced) for hold in call.holds] == [(5.0, 45.0, True)]
    assert [gap.kind for gap in call.gaps] == ["hold"]


# --- in general ---------------------------------------------------------------------------------------


def last_s(units: Units) -> float:
    return max((one.end_s for own in units.values() for one in own), default=0.0) + 1.0


@given(talk(most_units=5))
@settings(max_examples=40, deadline=None)
def test_every_missing_figure_has_a_reason(units: Units) -> None:
    """In any talk, a null has an entry in not_scored, and not_scored names nulls only."""
    found = conversation(units, last_s(units))
    assert_reasons(call_measures(found, SETTINGS))
    for speaker in both(found).values():
        assert_reasons(speaker)


@given(talk(most_units=5))
@settings(max_examples=40, deadline=None)
def test_times_add_up(units: Units) -> None:
    """Speech and silence are the call, talk counts overlap twice, and shares are shares."""
    found = conversation(units, last_s(units))
    call, speakers = call_measures(found, SETTINGS), both(found)
    talk_s = sum(speaker.talk_s for speaker in speakers.values())
    assert call.speech_s + call.silence_s == pytest.approx(call.duration_s)
    if call.overlap_s is not None:
        assert talk_s == pytest.approx(call.speech_s + call.overlap_s)
    if talk_s:
        assert sum(speaker.talk_share or 0 for speaker in speakers.values()) == pytest.approx(1)
        assert call.talk_ratio_agent == pytest.approx(speakers["agent"].talk_share)
    assert sum(gap.end_s - gap.start_s for gap in call.gaps) <= call.silence_s + 1e-9


@given(talk(most_units=5))
@settings(max_examples=40, deadline=None)
def test_speakers_are_measured_alike(units: Units) -> None:
    """With the roles exchanged every speaker has the figures of the other."""
    plain = both(conversation(units, last_s(units)))
    other = both(conversation(swapped(units), last_s(units)))
    for role, measures in plain.items():
        assert other[OTHER[role]] == measures
