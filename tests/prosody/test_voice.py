"""Pitch and loudness of a speaker against a baseline of their own, on voices made of harmonics.

Settings are scaled down (10 s of voice where a call needs 30 s), so that the tracker has little to do.
"""

import numpy as np
import pytest

from pipeline.audio.frames import levels_db
from pipeline.prosody.voice import VoiceMeasures, measure_voice
from pipeline.records import Baseline, Samples
from pipeline.settings import load_settings
from pipeline.timeline import Span
from tests.factories import in_english

RATE_HZ = 8000
SHORT = load_settings(
    None,
    [
        "pitch.min_voiced_s=10",
        "pitch.baseline_voiced_s=10",
        "pitch.window_s=5",
        "pitch.hop_s=5",
        "pitch.window_min_voiced_s=2",
    ],
).pitch
PITCHED = ("f0_median_hz", "f0_range_st", "f0_baseline_hz", "f0_vs_baseline_st")


def voice(f0_hz: float, length_s: float, level_db: float = -20.0, rate_hz: int = RATE_HZ) -> Samples:
    """Harmonics of one fundamental within the telephone band, which leaves the fundamental out."""
    time_s = np.arange(round(length_s * rate_hz)) / rate_hz
    orders = [order for order in range(1, 40) if 300 <= order * f0_hz <= 3400]
    sound = sum(np.sin(2 * np.pi * order * f0_hz * time_s + order) / order for order in orders)
    return (sound * 10 ** (level_db / 20) / np.sqrt(np.mean(np.square(sound)))).astype(np.float32)


def up(f0_hz: float, semitones: float) -> float:
    return float(f0_hz * 2 ** (semitones / 12))


def measure(
    samples: Samples,
    *,
    speech: list[Span] | None = None,
    others: tuple[Span, ...] = (),
    snr_db: float | None = 40.0,
    rate_hz: int = RATE_HZ,
    baseline: Baseline | None = None,
) -> VoiceMeasures:
    """Measures of a channel on which somebody speaks all the time, in units of 2.5 s."""
    length_s = samples.size / rate_hz
    units = [(start_s, min(start_s + 2.2, length_s)) for start_s in np.arange(0, length_s, 2.5).tolist()]
    spans = units if speech is None else speech
    levels = levels_db(samples, rate_hz)
    return measure_voice(samples, rate_hz, levels, spans, others, snr_db, SHORT, baseline)


def firm(f0_hz: float | None, loudness_db: float | None) -> Baseline:
    return Baseline(
        agent_id="maya",
        line_type="narrowband/g711",
        kind="firm",
        calls=7,
        voiced_s=412.0,
        f0_median_hz=f0_hz,
        f0_range_st=6.0,
        loudness_median_db=loudness_db,
        articulation_rate_sps=4.6,
        speech_rate_wpm=165.0,
        as_of="2026-03-05T09:00:00+00:00",
    )


@pytest.mark.parametrize("f0_hz", [90.0, 140.0, 220.0])
def test_the_median_is_the_fundamental(f0_hz: float) -> None:
    """Men's and women's voices are found at their pitch, though the line cuts the fundamental off."""
    found = measure(voice(f0_hz, 15))
    assert found.f0_median_hz == pytest.approx(f0_hz, rel=0.01)
    assert found.f0_baseline_hz == pytest.approx(f0_hz, rel=0.01)
    assert found.f0_vs_baseline_st == pytest.approx(0.0, abs=0.05)
    assert found.f0_range_st == pytest.approx(0.0, abs=0.2)
    assert found.not_scored == {}


@pytest.mark.parametrize("f0_hz", [100.0, 200.0])
@pytest.mark.parametrize("rise_st", [-4.0, 3.0])
def test_windows_are_semitones_from_the_own_baseline(f0_hz: float, rise_st: float) -> None:
    """The same rise is the same figure for a low and for a high voice: semitones, never Hertz."""
    found = measure(np.concatenate((voice(f0_hz, 15), voice(up(f0_hz, rise_st), 15))))
    assert found.f0_baseline_hz == pytest.approx(f0_hz, rel=0.01)
    assert found.windows[0].st == pytest.approx(0.0, abs=0.1)
    assert found.windows[-1].st == pytest.approx(rise_st, abs=0.1)
    assert found.windows[-1].f0_median_hz == pytest.approx(up(f0_hz, rise_st), rel=0.01)


def test_range_is_from_the_tenth_to_the_ninetieth_percentile() -> None:
    """A voice on five pitches a semitone and a half apart, for equal times, has a range of 6 semitones."""
    sound = np.concatenate([voice(up(120, 1.5 * step), 5) for step in range(5)])
    assert measure(sound).f0_range_st == pytest.approx(6.0, abs=0.3)


def test_loudness_windows_are_decibels_from_the_own_baseline() -> None:
    """Somebody who raises the voice by 6 dB is 6 dB over the start of the call."""
    found = measure(np.concatenate((voice(130, 15, -26), voice(130, 15, -20))))
    assert found.windows[0].loudness_db == pytest.approx(0.0, abs=0.3)
    assert found.windows[-1].loudness_db == pytest.approx(6.0, abs=0.3)


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, 6.0])
def test_gain_changes_nothing_but_the_level(gain_db: float) -> None:
    """A quiet line has the same pitch, range and windows, and a level that is lower by its loss."""
    sound = np.concatenate((voice(110, 12, -26), voice(up(110, 2), 8, -23)))
    plain, scaled = measure(sound), measure((sound * 10 ** (gain_db / 20)).astype(np.float32))
    for name in (*PITCHED, "voiced_s", "loudness_vs_baseline_db"):
        assert getattr(scaled, name) == pytest.approx(getattr(plain, name), abs=0.02), name
    assert scaled.loudness_median_db == pytest.approx(plain.loudness_median_db + gain_db, abs=0.02)
    assert [window.st for window in scaled.windows] == pytest.approx(
        [window.st for window in plain.windows], abs=0.02
    )


def test_a_firm_baseline_is_what_the_call_is_compared_with() -> None:
    """A voice that is high from the first word on is high: the call's own start does not hide it."""
    usual = firm(120.0, -26.0)
    found = measure(voice(up(120, 3), 15, -20), baseline=usual)
    assert found.baseline is usual
    assert found.f0_baseline_hz == 120.0
    assert found.f0_vs_baseline_st == pytest.approx(3.0, abs=0.1)
    assert found.loudness_vs_baseline_db == pytest.approx(6.0, abs=0.3)
    assert [window.st for window in found.windows] == pytest.approx([3.0] * len(found.windows), abs=0.1)
    assert [window.loudness_db for window in found.windows] == pytest.approx(
        [6.0] * len(found.windows), abs=0.3
    )


def test_a_firm_baseline_without_loudness_leaves_that_to_the_call() -> None:
    """Where too few calls were on this line, loudness is compared with the start of the call."""
    found = measure(voice(120, 15), baseline=firm(120.0, None))
    assert found.f0_vs_baseline_st == pytest.approx(0.0, abs=0.1)
    assert found.loudness_vs_baseline_db == pytest.approx(0.0, abs=0.3)


def test_without_a_baseline_it_is_the_start_of_the_call() -> None:
    """A provisional baseline says how much voice it is from, and is nobody's."""
    found = measure(voice(120, 30)).baseline
    assert found is not None
    assert (found.kind, found.agent_id, found.calls) == ("provisional", None, 0)
    assert found.f0_median_hz == pytest.approx(120, rel=0.01)
    assert found.voiced_s == pytest.approx(SHORT.baseline_voiced_s, abs=2.5)


def test_a_short_call_is_as_loud_as_usual_or_not() -> None:
    """Too little voice for a pitch still has a level, which earlier calls give a reference."""
    found = measure(voice(120, 6, -20), baseline=firm(120.0, -26.0))
    assert found.f0_median_hz is None
    assert found.loudness_vs_baseline_db == pytest.approx(6.0, abs=0.3)
    assert not {"loudness_vs_baseline_db", "f0_baseline_hz", "baseline"} & found.not_scored.keys()
    assert "baseline" in measure(voice(120, 6)).not_scored


def test_the_rate_of_the_recording_does_not_matter() -> None:
    """Baselines of calls at 8 and at 16 kHz compare, since both are tracked at 8 kHz."""
    narrow, wide = measure(voice(150, 12)), measure(voice(150, 12, rate_hz=16_000), rate_hz=16_000)
    assert wide.f0_median_hz == pytest.approx(narrow.f0_median_hz, rel=0.002)
    assert wide.voiced_s == pytest.approx(narrow.voiced_s, abs=0.2)


def test_overlap_is_left_out() -> None:
    """What is said while the other speaks is not measured: it may be the other's voice."""
    sound = np.concatenate((voice(110, 14), voice(160, 10)))
    mixed, alone = measure(sound), measure(sound, others=((14.0, 24.0),))
    assert mixed.windows[-1].f0_median_hz == pytest.approx(160, rel=0.01)
    assert {round(window.f0_median_hz) for window in alone.windows} == {110}
    assert alone.f0_range_st == pytest.approx(0.0, abs=0.2)
    assert alone.voiced_s < mixed.voiced_s - 7


def test_only_own_speech_is_measured() -> None:
    """Sound of the channel that is not the speaker's speech has no part in any figure."""
    sound = np.concatenate((voice(110, 12), voice(300, 10)))
    assert measure(sound, speech=[(0.0, 12.0)]).f0_median_hz == pytest.approx(110, rel=0.01)


@pytest.mark.parametrize(
    ("snr_db", "pitch", "spread"),
    [(9.9, False, False), (10.0, True, False), (19.9, True, False), (20.0, True, True), (60.0, True, True)],
)
def test_noise_gates(snr_db: float, pitch: bool, spread: bool) -> None:
    """Under 10 dB there is no pitch, under 20 dB the level of the pitch and no range."""
    found = measure(voice(120, 12), snr_db=snr_db)
    assert (found.f0_median_hz is not None) is pitch
    assert (found.f0_range_st is not None) is spread
    assert found.loudness_median_db is not None
    assert ("f0_median_hz" in found.not_scored) is not pitch
    assert ("f0_range_st" in found.not_scored) is not spread
    assert all(f"{snr_db:.0f} dB" in in_english(reason) for reason in found.not_scored.values())


def test_too_little_voice() -> None:
    """With less voice than a median needs there is none, and the reason says how much there was."""
    found = measure(voice(120, 6))
    assert [getattr(found, name) for name in PITCHED] == [None] * 4
    assert found.windows == ()
    assert 4 < found.voiced_s < 6
    assert {*PITCHED, "pitch_windows", "loudness_vs_baseline_db"} <= found.not_scored.keys()
    assert all("5 s" in in_english(reason) for reason in found.not_scored.values())


def test_noise_has_no_pitch() -> None:
    """A hiss is not voiced, however long."""
    noise = (np.random.default_rng(2).standard_normal(20 * RATE_HZ) * 0.1).astype(np.float32)
    found = measure(noise)
    assert found.voiced_s < 2
    assert found.f0_median_hz is None


def test_no_speech() -> None:
    """A silent channel has no figure, each with its reason, loudness too."""
    found = measure(np.zeros(5 * RATE_HZ, dtype=np.float32), speech=[], snr_db=None)
    assert (found.voiced_s, found.loudness_median_db, found.windows) == (0.0, None, ())
    assert {*PITCHED, "loudness_median_db", "loudness_vs_baseline_db"} <= found.not_scored.keys()


def test_a_speaker_who_is_never_alone() -> None:
    """Somebody over whom the other always speaks is heard, and cannot be measured."""
    found = measure(voice(120, 12), others=((0.0, 12.0),))
    assert (found.f0_median_hz, found.loudness_median_db) == (None, None)
    assert "loudness_median_db" in found.not_scored
