"""Leak between channels: speech-like noise bursts with a faint, late copy on the other channel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audio.frames import Levels, levels_db
from pipeline.records import ChannelActivity, Role
from pipeline.settings import load_settings
from pipeline.speech.bleed import find_leak, without_leak
from pipeline.timeline import Span, overlap_s, total_s

RATE_HZ = 8000
SPEECH = load_settings().speech
AGENT: list[Span] = [(0.5, 4.0), (8.0, 9.0)]
CUSTOMER: list[Span] = [(3.5, 7.5)]
LENGTH_S = 10.0


def bursts(spans: list[Span], seed: int) -> np.ndarray:
    """Noise of changing loudness in the spans, silence elsewhere."""
    random = np.random.default_rng(seed)
    samples = np.zeros(round(LENGTH_S * RATE_HZ), dtype=np.float32)
    for start_s, end_s in spans:
        first, last = round(start_s * RATE_HZ), round(end_s * RATE_HZ)
        syllables = np.repeat(random.uniform(0.02, 0.3, (last - first) // 800 + 1), 800)[: last - first]
        samples[first:last] = syllables * random.standard_normal(last - first) / 2
    return samples


def channels(leak_db: float | None, late_s: float = 0.01) -> dict[Role, Levels]:
    own = {"agent": bursts(AGENT, 1), "customer": bursts(CUSTOMER, 2)}
    mixed = {
        role: samples + 1e-4 * np.random.default_rng(3).standard_normal(samples.size)
        for role, samples in own.items()
    }
    if leak_db is not None:
        late = round(late_s * RATE_HZ)
        for source, target in (("agent", "customer"), ("customer", "agent")):
            mixed[target][late:] += 10 ** (leak_db / 20) * own[source][: own[source].size - late]
    levels: dict[Role, Levels] = {
        "agent": levels_db(mixed["agent"].astype(np.float32), RATE_HZ),
        "customer": levels_db(mixed["customer"].astype(np.float32), RATE_HZ),
    }
    return levels


def activity(speech: list[Span]) -> ChannelActivity:
    return ChannelActivity(speech=tuple(speech), non_speech=(), noise_floor_db=-80.0, speech_level_db=-20.0)


@pytest.mark.parametrize("leak_db", [-25.0, -35.0, -40.0])
@pytest.mark.parametrize("late_s", [0.0, 0.03, 0.2])
def test_level_and_delay_are_found(leak_db: float, late_s: float) -> None:
    """A leak is measured to within 1.5 dB and 10 ms, whether or not the other speaks meanwhile."""
    levels = channels(leak_db, late_s)
    leak = find_leak(levels["agent"], levels["customer"], AGENT, SPEECH)
    assert leak is not None
    assert leak.level_db == pytest.approx(leak_db, abs=1.5)
    assert leak.lag_s == pytest.approx(late_s, abs=0.0101)


def test_no_leak_no_change() -> None:
    """Two people on clean channels keep all of their speech."""
    found = {"agent": activity(AGENT), "customer": activity(CUSTOMER)}
    assert without_leak(found, channels(None), SPEECH) == found


def test_the_leak_is_not_the_others_speech() -> None:
    """Leak goes, own speech stays, also where both speak."""
    everything: list[Span] = [(0.5, 7.5), (8.0, 9.0)]
    cleaned = without_leak(
        {"agent": activity(everything), "customer": activity(everything)}, channels(-25.0), SPEECH
    )
    for role, true in (("agent", AGENT), ("customer", CUSTOMER)):
        speech = cleaned[role].speech
        assert overlap_s(speech, true) >= 0.95 * total_s(true)
        assert total_s(speech) <= 1.1 * total_s(true)


def test_one_channel_is_left_alone() -> None:
    """Where there is no other channel there is no leak."""
    found = {"speaker_1": activity(AGENT)}
    assert without_leak(found, {"speaker_1": channels(None)["agent"]}, SPEECH) == found


@settings(deadline=None, max_examples=20)
@given(st.floats(-45, -15), st.floats(0, 0.25))
def test_speech_is_only_ever_taken_away(leak_db: float, late_s: float) -> None:
    """Suppression adds no speech beyond short bridged pauses."""
    found = {"agent": activity(AGENT), "customer": activity([(0.5, 9.0)])}
    cleaned = without_leak(found, channels(leak_db, late_s), SPEECH)
    for role in found:
        assert overlap_s(cleaned[role].speech, found[role].speech) == pytest.approx(
            total_s(cleaned[role].speech)
        )
