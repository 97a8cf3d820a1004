"""What the probe says of sound whose defects are known exactly."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.probe import channel_bleed, channel_correlation, clipped_share, low_snr, probe
from pipeline.audio.sameness import same_sound
from pipeline.records import ChannelActivity, Recording
from pipeline.settings import load_settings
from pipeline.timeline import Span
from tests.audio.sounds import recording, tones
from tests.factories import in_english

AUDIO = load_settings().audio
RATE_HZ = 8000

Signal = npt.NDArray[np.float64]


def _codes(found: Recording) -> list[str]:
    return [warning.code for warning in probe(found, AUDIO)]


def _voice(seed: int, length_s: float = 20.0) -> Signal:
    """Noise under a syllable-like envelope of 100 ms steps, at about -26 dBFS."""
    rng = np.random.default_rng(seed)
    steps = np.repeat(rng.uniform(0.0, 1.0, round(length_s * 10)) ** 2, RATE_HZ // 10)
    return np.asarray(0.1 * steps * rng.standard_normal(steps.size))


def _hiss(seed: int, level: float, length_s: float = 20.0) -> Signal:
    return np.asarray(level * np.random.default_rng(seed).standard_normal(round(length_s * RATE_HZ)))


def test_a_sound_two_channel_call_has_no_warnings() -> None:
    """Protects coaches from warnings that mean nothing."""
    assert _codes(recording([_voice(1), _voice(2)])) == []


@pytest.mark.parametrize(("gain", "word"), [(1.0, "same sound"), (0.3, "same sound"), (-0.8, "inverted")])
def test_the_same_sound_on_both_channels_is_dual_mono(gain: float, word: str) -> None:
    """Protects turn-taking from a mono call stored twice, louder, softer or inverted."""
    voice = _voice(1)
    (warning,) = probe(recording([voice + _hiss(3, 0.0003), gain * voice + _hiss(4, 0.0003)]), AUDIO)
    assert warning.code == "dual_mono"
    assert word in in_english(warning.message)


@pytest.mark.parametrize(("late_s", "gain"), [(0.015, 0.7), (0.04, 1.0), (-0.02, -0.6)])
def test_one_mix_twice_is_dual_mono_though_late(late_s: float, gain: float) -> None:
    """A recorder that writes the mix on both channels, one of them delayed and fainter, gives one channel."""
    voice, size = _voice(1), round(abs(late_s) * RATE_HZ)
    late = np.concatenate([np.zeros(size), gain * voice])[: voice.size]
    pair = [voice, late] if late_s > 0 else [late, voice]
    found = recording([pair[0] + _hiss(3, 0.0003), pair[1] + _hiss(4, 0.0003)])
    same = same_sound(found, AUDIO)
    assert same.lag_s == pytest.approx(late_s, abs=0.001)
    assert [warning.code for warning in probe(found, AUDIO, same)] == ["dual_mono"]


def test_a_stretch_of_the_same_sound_is_found_with_its_ends() -> None:
    """A bridge for ten seconds is no leak and no mono call; the rest of the call has two sides."""
    first, second = _voice(1, 30.0), _voice(2, 30.0)
    second[: 10 * RATE_HZ] = first[: 10 * RATE_HZ]
    found = same_sound(recording([first + _hiss(3, 0.0003, 30.0), second + _hiss(4, 0.0003, 30.0)]), AUDIO)
    ((start_s, end_s),) = found.stretches
    assert start_s == 0.0
    assert end_s == pytest.approx(10.0, abs=0.75)
    assert found.share < AUDIO.dual_mono_share


@pytest.mark.parametrize("leak_db", [-20.0, -12.0])
def test_a_leak_is_not_the_same_sound(leak_db: float) -> None:
    """One speaker heard faintly in the other's channel stays that."""
    assert same_sound(_dialogue(leak_db), AUDIO).stretches == ()


def test_a_common_offset_is_not_a_common_sound() -> None:
    """Protects the correlation from a direct current that a line card adds to both channels."""
    found = recording([_voice(1) + 0.2, _voice(2) + 0.2])
    correlation = channel_correlation(found, AUDIO.dead_channel_db)
    assert correlation == pytest.approx(0.0, abs=0.05)
    assert "dual_mono" not in _codes(found)


def test_correlation_equals_the_textbook_formula() -> None:
    """Protects the sums over blocks: the same figure as numpy's over the whole call."""
    first = _voice(1) + _hiss(3, 0.01)
    second = 0.6 * first + _hiss(5, 0.05)
    found = channel_correlation(recording([first, second]), -200.0)
    assert found == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-4)


def test_silence_does_not_dilute_the_correlation() -> None:
    """Protects the verdict on calls with long holds: only time with sound counts."""
    voice = np.concatenate([_voice(1, 5.0), np.zeros(RATE_HZ * 60)])
    hiss = [0.0001 * np.random.default_rng(seed).standard_normal(voice.size) for seed in (1, 2)]
    found = channel_correlation(recording([voice + hiss[0], voice + hiss[1]]), -70.0)
    assert found is not None
    assert found > 0.99


@pytest.mark.parametrize("channel", [0, 1])
def test_a_dead_channel_is_named(channel: int) -> None:
    """Protects the speaker of the live channel from being compared with nobody."""
    channels = [_voice(1), np.full(RATE_HZ * 20, 0.1)]  # an offset alone is no sound
    (warning,) = probe(recording(channels if channel == 1 else channels[::-1]), AUDIO)
    assert warning.code == "dead_channel"
    assert f"Channel {channel} " in in_english(warning.message)
    assert "digital silence" in in_english(warning.message)


def test_a_quiet_line_is_not_dead() -> None:
    """Protects a soft speaker whose loudest frame is over the limit."""
    assert _codes(recording([_voice(1), 0.01 * _voice(2)])) == []


def test_a_silent_mono_call_is_dead_and_not_dual_mono() -> None:
    """Protects the report on a recording without any sound."""
    assert _codes(recording(np.zeros((1, RATE_HZ * 5)))) == ["dead_channel"]
    assert _codes(recording(np.zeros((2, RATE_HZ * 5)))) == ["dead_channel", "dead_channel"]


def test_clipping_is_counted_and_its_channel_named() -> None:
    """Protects loudness and pitch from an overdriven microphone."""
    loud = np.clip(4.0 * tones(RATE_HZ, 1, 5.0)[0], -1.0, 1.0)
    (warning,) = probe(recording([_voice(1, 5.0), loud]), AUDIO)
    assert warning.code == "clipped"
    assert "channel 1" in in_english(warning.message)


def test_a_tone_that_just_reaches_full_scale_is_not_clipped() -> None:
    """Protects clean loud calls: single samples at full scale are peaks, not plateaus."""
    time_s = np.arange(RATE_HZ * 5) / RATE_HZ
    assert _codes(recording([np.sin(2 * np.pi * 1500 * time_s)])) == []


@pytest.mark.parametrize(("codec", "limit"), [("pcm_mulaw", 32124), ("pcm_alaw", 32256)])
def test_full_scale_of_companded_sound_is_what_its_decoder_can_give(codec: str, limit: int) -> None:
    """Protects telephone calls, whose clipped samples never reach 1.0."""
    loud = np.clip(4.0 * tones(RATE_HZ, 1, 5.0), -limit / 32768, limit / 32768)
    assert _codes(recording(loud, codec=codec)) == ["clipped"]
    assert _codes(recording(loud)) == []


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=60),
    st.integers(1, 5),
)
def test_clipped_share_counts_whole_runs(runs: list[tuple[bool, int]], run: int) -> None:
    """Protects the count of samples in runs against a count by hand."""
    samples = np.concatenate([np.full(n, 1.0 if high else 0.0) for high, n in runs] or [np.zeros(0)])
    merged: list[list[int]] = []
    for high, count in runs:
        if merged and merged[-1][0] == high:
            merged[-1][1] += count
        else:
            merged.append([int(high), count])
    expected = sum(count for high, count in merged if high and count >= run)
    share = clipped_share(samples.astype(np.float32), 0.999, run)
    assert share * max(samples.size, 1) == pytest.approx(expected)


@pytest.mark.parametrize("length", [1, 2, 3, 100, 3 << 18])
def test_a_run_over_the_seam_of_blocks_is_one_run(length: int) -> None:
    """Protects runs that begin in one block and end in the next."""
    samples = np.zeros((4 << 18) + 7, np.float32)
    start = (1 << 18) - min(length, 2) + 1
    samples[start : start + length] = 1.0
    expected = length if length >= 3 else 0
    assert clipped_share(samples, 0.999, 3) * samples.size == pytest.approx(expected)


@pytest.mark.parametrize("length", [1, 10, 100, RATE_HZ // 2])
def test_a_recording_of_any_length_can_be_probed(length: int) -> None:
    """Protects the probe from recordings shorter than its frames, and warns of them."""
    assert "too_short" in _codes(recording(np.random.default_rng(1).uniform(-0.5, 0.5, (2, length))))


# --- bleed --------------------------------------------------------------------------------------------

AGENT: list[Span] = [(0.5, 9.5)]
CUSTOMER: list[Span] = [(10.5, 19.5)]


def _dialogue(leak_db: float, delay_s: float = 0.0, floor: float = 0.0002) -> Recording:
    """Channel 0 speaks from 0.5 to 9.5 s and leaks into channel 1, which speaks from 10.5 to 19.5 s."""
    agent, customer = _voice(1), _voice(2)
    for samples, spans in ((agent, AGENT), (customer, CUSTOMER)):
        for start_s, end_s in ((0.0, spans[0][0]), (spans[0][1], 20.0)):
            samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] = 0.0
    leak = np.roll(agent, round(delay_s * RATE_HZ)) * 10.0 ** (leak_db / 20.0)
    return recording([agent + _hiss(3, floor), customer + leak + _hiss(4, floor)])


@pytest.mark.parametrize("delay_s", [0.0, 0.12])
def test_a_leak_is_found_with_its_level(delay_s: float) -> None:
    """Protects turn-taking from one speaker heard twice, at once or as an echo."""
    warning = channel_bleed(_dialogue(-25.0, delay_s), (AGENT, CUSTOMER), AUDIO)
    assert warning is not None
    assert warning.code == "channel_bleed"
    assert "channel 0 is heard in channel 1 at \N{MINUS SIGN}25 dB" in in_english(warning.message)
    assert "channel 1 is heard" not in in_english(warning.message)
    assert ("120 ms" in in_english(warning.message)) == (delay_s > 0)


def test_a_leak_that_voice_activity_took_for_speech_is_found() -> None:
    """Protects the very case that matters: the leak has become false speech of the other speaker."""
    assert channel_bleed(_dialogue(-20.0), (AGENT, AGENT + CUSTOMER), AUDIO) is not None


def test_a_weak_leak_is_none() -> None:
    """Protects ordinary lines: under -35 dB nothing mistakes the leak for speech."""
    assert channel_bleed(_dialogue(-45.0, floor=0.00002), (AGENT, CUSTOMER), AUDIO) is None


def test_noise_is_not_a_leak() -> None:
    """Protects noisy lines: the level is over the limit, but nothing follows the speaker."""
    assert channel_bleed(_dialogue(-90.0, floor=0.01), (AGENT, CUSTOMER), AUDIO) is None


def test_talk_at_the_same_time_is_not_a_leak() -> None:
    """Protects real overlaps from being called a leak."""
    both = recording([_voice(1), _voice(2)])
    whole: list[Span] = [(0.0, 20.0)]
    assert channel_bleed(both, (whole, whole), AUDIO) is None


def test_too_little_time_alone_says_nothing() -> None:
    """Protects against a verdict from a second of speech, and against mono calls."""
    assert channel_bleed(_dialogue(-20.0), ([(0.5, 2.0)], CUSTOMER), AUDIO) is None
    assert channel_bleed(recording(tones(RATE_HZ, 1)), ([(0.0, 2.0)],), AUDIO) is None
    assert channel_bleed(_dialogue(-20.0), ([], []), AUDIO) is None


@pytest.mark.parametrize(("level_db", "warned"), [(-30.0, False), (-55.0, True), (None, False)])
def test_low_signal_to_noise_ratio_is_named(level_db: float | None, warned: bool) -> None:
    """Protects the reader of pitch figures: the message says which channel and by how much."""
    activity = ChannelActivity(
        speech=((0.0, 1.0),), non_speech=(), noise_floor_db=-60.0, speech_level_db=level_db
    )
    warning = low_snr(activity, 1, AUDIO)
    assert (warning is not None) == warned
    if warning is not None:
        assert warning.code == "low_snr"
        assert "channel 1 is 5 dB" in in_english(warning.message)
