"""Pitch: what the tracker finds against what was put in."""

from __future__ import annotations

import math
import subprocess
import sys
import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.prosody import pitch
from pipeline.prosody.pitch import (
    PITCH_TRACKERS,
    PitchTrack,
    PitchTracker,
    PitchTrackerSettings,
    median_f0_hz,
    range_st,
    semitones,
    slope_st_per_s,
    track_pitch,
    track_pitch_librosa,
)

RATE_HZ = 8000
Signal = npt.NDArray[np.float64]

# Praat 6.1.38 (parselmouth 0.4.7), "To Pitch (ac)" of `golden_signal()`: time step 0.01, floor 60, 15
# candidates, not very accurate, silence 0.03, voicing 0.45, octave cost 0.01, octave jump 0.35,
# voiced/unvoiced 0.14, ceiling 500. Time in s and F0 in Hz, 0 where unvoiced.
PRAAT = np.array(
    [
        (0.045, 156.164),
        (0.095, 158.596),
        (0.145, 152.311),
        (0.195, 146.511),
        (0.245, 147.378),
        (0.295, 154.757),
        (0.345, 161.695),
        (0.395, 0.000),
        (0.445, 0.000),
        (0.495, 0.000),
        (0.545, 102.679),
        (0.595, 95.838),
        (0.645, 97.203),
        (0.695, 105.933),
        (0.745, 116.688),
        (0.795, 122.935),
        (0.845, 122.779),
        (0.895, 120.614),
        (0.945, 123.079),
        (0.995, 134.442),
        (1.045, 0.000),
        (1.095, 0.000),
        (1.145, 0.000),
        (1.195, 0.000),
        (1.245, 151.561),
        (1.295, 131.170),
        (1.345, 119.795),
        (1.395, 117.479),
        (1.445, 119.963),
        (1.495, 120.747),
        (1.545, 115.437),
        (1.595, 105.748),
        (1.645, 97.954),
        (1.695, 0.000),
        (1.745, 0.000),
        (1.795, 0.000),
        (1.845, 0.000),
        (1.895, 163.792),
        (1.945, 165.007),
    ]
)


def times_of(length_s: float, rate_hz: int = RATE_HZ) -> Signal:
    return (np.arange(round(length_s * rate_hz)) + 0.5) / rate_hz


def telephone_band(signal: Signal, rate_hz: int = RATE_HZ) -> Signal:
    """300 to 3400 Hz, zero phase: nothing is left of a fundamental under 200 Hz."""
    frequency_hz = np.fft.rfftfreq(len(signal), 1 / rate_hz)
    gain = 1 / (1 + (300 / np.maximum(frequency_hz, 1e-9)) ** 12) / (1 + (frequency_hz / 3400) ** 24)
    return np.asarray(np.fft.irfft(np.fft.rfft(signal) * gain, len(signal)))


def voice(f0_hz: Signal, rate_hz: int = RATE_HZ) -> Signal:
    """Harmonics of a contour under three formants, peak 0.3."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / rate_hz
    signal = np.zeros(len(f0_hz))
    for number in range(1, int(3800 / f0_hz.min()) + 1):
        frequency_hz = number * f0_hz
        formants = ((1.0, 500.0, 90.0), (0.6, 1500.0, 120.0), (0.3, 2500.0, 160.0))
        envelope = sum(
            gain / (1 + ((frequency_hz - center) / width) ** 2) for gain, center, width in formants
        )
        signal += np.where(frequency_hz < 3800, envelope, 0) * np.cos(number * phase + 0.3 * number**2)
    return np.asarray(0.3 * signal / np.abs(signal).max())


def steady_voice(f0_hz: float, length_s: float, rate_hz: int = RATE_HZ) -> Signal:
    return voice(np.full(round(length_s * rate_hz), f0_hz), rate_hz)


def golden_signal() -> Signal:
    """Two seconds of a lively voice with pauses, through the telephone band."""
    time_s = times_of(2.0)
    contour_st = 4 * np.sin(2 * np.pi * 1.1 * time_s) + 2 * np.sin(2 * np.pi * 2.7 * time_s + 1)
    taper = np.hanning(161) / np.hanning(161).sum()
    gate = np.convolve(np.sin(2 * np.pi * 1.5 * time_s + 0.5) > -0.6, taper, "same")
    signal = telephone_band(voice(130 * 2 ** (contour_st / 12)) * gate)
    return np.asarray(0.3 * signal / np.abs(signal).max())


def assert_same(one: PitchTrack, other: PitchTrack, tolerance_st: float = 1e-6) -> None:
    np.testing.assert_array_equal(one.voiced, other.voiced)
    distance_st = semitones(one.f0_hz / other.f0_hz, 1.0)[one.voiced]
    assert np.all(np.abs(distance_st) <= tolerance_st)
    np.testing.assert_allclose(one.strength, other.strength, atol=1e-5)


def track_of(f0_hz: list[float]) -> PitchTrack:
    count = len(f0_hz)
    return PitchTrack(
        np.asarray((np.arange(count) + 0.5) * 0.01), np.array(f0_hz), np.ones(count, np.float32), 0.01
    )


class TestKnownTruth:
    @pytest.mark.parametrize("f0_hz", [70.0, 85.0, 110.0, 150.0, 187.3, 230.0, 310.0, 420.0])
    def test_voice_without_its_fundamental(self, f0_hz: float) -> None:
        """The telephone band must not move a voice, nor double or halve it."""
        track = track_pitch(telephone_band(steady_voice(f0_hz, 1.0)), RATE_HZ)
        assert track.voiced.mean() > 0.98
        assert np.nanmax(np.abs(semitones(track.f0_hz, f0_hz))) < 0.05

    @pytest.mark.parametrize("f0_hz", [80.0, 125.0, 200.0, 333.0])
    def test_pulse_train(self, f0_hz: float) -> None:
        """Pulses, the glottis at its simplest, have the frequency they are repeated with."""
        train = np.zeros(RATE_HZ * 4)
        train[np.round(np.arange(0, len(train) - 1, 4 * RATE_HZ / f0_hz)).astype(int)] = 1.0
        spectrum = np.fft.rfft(train)[: RATE_HZ // 2 + 1]
        track = track_pitch(telephone_band(np.fft.irfft(spectrum, RATE_HZ)), RATE_HZ)
        assert track.voiced.mean() > 0.98
        assert np.nanmax(np.abs(semitones(track.f0_hz, f0_hz))) < 0.1

    def test_sine(self) -> None:
        """Of all the equally good periods of a sine the shortest is its pitch."""
        track = track_pitch(np.sin(2 * np.pi * 220 * times_of(1.0)), RATE_HZ)
        assert track.voiced.all()
        assert np.abs(semitones(track.f0_hz, 220.0)).max() < 0.02

    def test_glide(self) -> None:
        """A voice that rises by an octave and a half is followed all the way, without lag."""
        time_s = times_of(2.0)
        f0_hz = 100 * 2 ** (0.75 * time_s)
        track = track_pitch(telephone_band(voice(f0_hz)), RATE_HZ)
        true_hz = 100 * 2 ** (0.75 * track.times_s)
        assert track.voiced.mean() > 0.97
        assert np.nanmax(np.abs(semitones(track.f0_hz / true_hz, 1.0))) < 0.2
        assert slope_st_per_s(track, 0.3) == pytest.approx(9.0, abs=0.05)

    @pytest.mark.parametrize("rate_hz", [8000, 11025, 16000])
    def test_sample_rate(self, rate_hz: int) -> None:
        """Seconds and Hz do not depend on the sample rate."""
        track = track_pitch(steady_voice(140.0, 0.6, rate_hz), rate_hz)
        assert track.times_s[0] == pytest.approx(0.025)
        assert np.nanmax(np.abs(semitones(track.f0_hz, 140.0))) < 0.05

    def test_noise_is_unvoiced(self) -> None:
        """Noise alone must not give anybody a pitch."""
        noise = np.random.default_rng(1).standard_normal(RATE_HZ * 10)
        assert track_pitch(noise, RATE_HZ).voiced.mean() < 0.02
        assert track_pitch(telephone_band(noise), RATE_HZ).voiced.mean() < 0.05

    def test_voice_at_10_db(self) -> None:
        """Noise 10 dB under the voice may cost frames, not accuracy."""
        time_s = times_of(4.0)
        f0_hz = 180 * 2 ** (np.sin(2 * np.pi * time_s) / 4)
        clean = telephone_band(voice(f0_hz))
        noise = telephone_band(np.random.default_rng(2).standard_normal(len(clean)))
        noisy = clean + noise * np.std(clean) / np.std(noise) * 10**-0.5
        track = track_pitch(noisy, RATE_HZ)
        true_hz = np.interp(track.times_s, time_s, f0_hz)
        assert track.voiced.mean() > 0.9
        assert np.nanmax(np.abs(track.f0_hz / true_hz - 1)) < 0.2
        assert abs(float(np.nanmedian(semitones(track.f0_hz / true_hz, 1.0)))) < 0.05

    def test_pauses_are_unvoiced(self) -> None:
        """A pause of digital silence or line noise between two words holds no pitch."""
        word, pause = steady_voice(120.0, 0.5), np.zeros(RATE_HZ // 2)
        pause[: RATE_HZ // 4] = 1e-4 * np.random.default_rng(3).standard_normal(RATE_HZ // 4)
        track = track_pitch(np.concatenate([word, pause, word]), RATE_HZ)
        assert not track.within([(0.53, 0.97)]).voiced.any()
        assert track.within([(0.03, 0.47), (1.03, 1.47)]).voiced.all()


class TestOctaves:
    @pytest.mark.parametrize("odd_gain", [0.3, 0.5, 1.0, 3.0])
    def test_uneven_harmonics(self, odd_gain: float) -> None:
        """Strong even harmonics alone must not double a voice, nor strong odd ones halve it."""
        time_s = times_of(1.0)
        signal = sum(
            (odd_gain if number % 2 else 1.0) * np.cos(2 * np.pi * 130 * number * time_s + number**2)
            for number in range(3, 25)
        )
        track = track_pitch(np.asarray(signal), RATE_HZ)
        assert np.nanmax(np.abs(semitones(track.f0_hz, 130.0))) < 0.1

    def test_uneven_pulses(self) -> None:
        """Every second pulse a little weaker, as in a rough voice, is no lower pitch."""
        time_s = times_of(1.0)
        signal = telephone_band(steady_voice(200.0, 1.0) * (1 + 0.1 * np.cos(2 * np.pi * 100 * time_s)))
        track = track_pitch(signal, RATE_HZ)
        assert np.nanmax(np.abs(semitones(track.f0_hz, 200.0))) < 0.2

    def test_short_stretch_far_away_is_dropped(self) -> None:
        """A squeak or another voice two octaves up must not stay in the track of this one."""
        signal = np.concatenate(
            [steady_voice(100.0, 2.0), steady_voice(400.0, 0.3), steady_voice(100.0, 2.0)]
        )
        track = track_pitch(signal, RATE_HZ)
        assert np.nanmax(track.f0_hz) < 190
        assert track.within([(0.0, 1.95), (2.35, 4.3)]).voiced.mean() > 0.98

    def test_range_follows_the_voice(self) -> None:
        """High and low voices both get their own range in the second pass: no fixed limits for one sex."""
        for f0_hz in (75.0, 380.0):
            track = track_pitch(telephone_band(steady_voice(f0_hz, 1.0)), RATE_HZ)
            assert median_f0_hz(track, 0.3) == pytest.approx(f0_hz, rel=0.003)


class TestInvariance:
    reference = golden_signal().astype(np.float32)

    @settings(max_examples=15, deadline=None)
    @given(gain=st.floats(0.01, 10.0))
    def test_gain(self, gain: float) -> None:
        """The level of a line is no property of the voice."""
        scaled = (self.reference.astype(np.float64) * gain).astype(np.float32)
        assert_same(track_pitch(scaled, RATE_HZ), track_pitch(self.reference, RATE_HZ), 1e-3)

    @settings(max_examples=10, deadline=None)
    @given(hops=st.integers(0, 60))
    def test_time_shift(self, hops: int) -> None:
        """The same words later in the call have the same pitch, later."""
        padding = 60 * 80
        early = track_pitch(np.pad(self.reference, (0, padding)), RATE_HZ)
        late = track_pitch(np.pad(self.reference, (80 * hops, padding - 80 * hops)), RATE_HZ)
        kept = len(early) - hops
        np.testing.assert_array_equal(early.voiced[:kept], late.voiced[hops:])
        np.testing.assert_allclose(early.f0_hz[:kept], late.f0_hz[hops:], rtol=1e-9)
        # The window of the first frames of the padding still reaches into the words.
        assert not early.voiced[kept + 3 :].any()

    @settings(max_examples=8, deadline=None)
    @given(offset=st.floats(-0.5, 0.5))
    def test_offset(self, offset: float) -> None:
        """A constant offset of the line is not sound."""
        moved = self.reference.astype(np.float64) + offset
        assert_same(track_pitch(moved, RATE_HZ), track_pitch(self.reference.astype(np.float64), RATE_HZ))

    @pytest.mark.parametrize("block_s", [0.01, 0.13, 0.5, 60.0])
    def test_block_length(self, block_s: float) -> None:
        """Analyzing piece by piece is only a matter of memory."""
        assert_same(
            track_pitch(self.reference, RATE_HZ, block_s=block_s), track_pitch(self.reference, RATE_HZ), 1e-9
        )

    def test_memory(self) -> None:
        """A long call must not need its frames and autocorrelations at once, 77 MB for these two minutes."""
        signal = np.tile(self.reference, 60)
        tracemalloc.start()
        try:
            track_pitch(signal, RATE_HZ, block_s=2.0)
            assert tracemalloc.get_traced_memory()[1] < 20e6
        finally:
            tracemalloc.stop()

    def test_click(self) -> None:
        """One click far louder than the voice must not turn the call into silence."""
        quiet = 0.01 * self.reference
        clicked = quiet.copy()
        clicked[RATE_HZ // 2] = 1.0
        away = [(0.0, 0.46), (0.54, 2.0)]
        assert_same(
            track_pitch(clicked, RATE_HZ).within(away), track_pitch(quiet, RATE_HZ).within(away), 1e-3
        )

    def test_same_input_same_track(self) -> None:
        """Nothing in the tracker depends on chance, and the input is left as it was."""
        before = self.reference.copy()
        assert_same(track_pitch(self.reference, RATE_HZ), track_pitch(self.reference, RATE_HZ), 0.0)
        np.testing.assert_array_equal(before, self.reference)


class TestRegions:
    def test_all_of_it_is_the_whole(self) -> None:
        """One region over everything is the same as no region."""
        signal = golden_signal()
        assert_same(track_pitch(signal, RATE_HZ, regions=[(0.0, 2.0)]), track_pitch(signal, RATE_HZ))

    def test_frames_are_those_of_the_whole(self) -> None:
        """Regions choose frames; times stay those of the recording and pitch inside words stays the same."""
        signal = telephone_band(voice(150 * 2 ** (np.sin(2 * np.pi * times_of(3.0)) / 4)))
        regions = [(0.5, 1.0), (2.0, 2.7)]
        part, whole = (
            track_pitch(signal, RATE_HZ, regions=regions),
            track_pitch(signal, RATE_HZ).within(regions),
        )
        np.testing.assert_array_equal(part.times_s, whole.times_s)
        assert len(part) == 120
        assert_same(part, whole)

    def test_order_and_overlap_do_not_matter(self) -> None:
        """The same time given twice or out of order is analyzed once."""
        signal = golden_signal()
        tidy = track_pitch(signal, RATE_HZ, regions=[(0.2, 1.5)])
        untidy = track_pitch(
            signal, RATE_HZ, regions=np.array([[0.9, 1.5], [0.2, 1.0], [0.3, 0.4], [0.7, 0.7]])
        )
        np.testing.assert_array_equal(tidy.times_s, untidy.times_s)
        assert_same(tidy, untidy)

    def test_other_voice_has_no_part(self) -> None:
        """The range of one speaker is not taken from the other on the same recording."""
        signal = np.concatenate([steady_voice(100.0, 3.0), steady_voice(300.0, 0.6)])
        track = track_pitch(signal, RATE_HZ, regions=[(3.05, 3.55)])
        assert len(track) == 50
        assert np.abs(semitones(track.f0_hz, 300.0)).max() < 0.05
        # Without regions the low voice sets the range, and the high one is heard an octave down.
        assert np.nanmax(track_pitch(signal, RATE_HZ).f0_hz) < 190

    def test_path_starts_anew(self) -> None:
        """A pitch at the end of one region does not pull the next one."""
        signal = np.concatenate([steady_voice(120.0, 1.0), steady_voice(180.0, 1.0)])
        track = track_pitch(signal, RATE_HZ, regions=[(0.5, 0.9), (1.1, 1.5)])
        assert np.abs(semitones(track.f0_hz[:40], 120.0)).max() < 0.05
        assert np.abs(semitones(track.f0_hz[40:], 180.0)).max() < 0.05

    @pytest.mark.parametrize("regions", [[], [(5.0, 9.0)], [(0.3, 0.3)], np.zeros((0, 2))])
    def test_no_frames(self, regions: Any) -> None:
        """No speech is an empty track, not an error."""
        assert len(track_pitch(golden_signal(), RATE_HZ, regions=regions)) == 0


class TestInput:
    @pytest.mark.parametrize("tracker", PITCH_TRACKERS.values(), ids=PITCH_TRACKERS)
    @pytest.mark.parametrize("length", [0, 1, 100, 399])
    def test_shorter_than_a_window(self, tracker: PitchTracker, length: int) -> None:
        """Less than a window of sound is an empty track."""
        track = tracker(np.ones(length, np.float32), RATE_HZ)
        assert (len(track), track.voiced_s, median_f0_hz(track, 0.0)) == (0, 0.0, None)

    @pytest.mark.parametrize("tracker", PITCH_TRACKERS.values(), ids=PITCH_TRACKERS)
    @pytest.mark.parametrize("level", [0.0, 0.25])
    def test_silence(self, tracker: PitchTracker, level: float) -> None:
        """Silence, at zero or at an offset, has frames and no voice."""
        track = tracker(np.full(RATE_HZ, level, np.float32), RATE_HZ)
        assert len(track) >= 96
        assert not track.voiced.any()
        assert not track.strength.any()

    def test_one_window(self) -> None:
        """Sound of just one window is one frame."""
        track = track_pitch(steady_voice(200.0, 0.05), RATE_HZ)
        assert track.times_s == pytest.approx([0.025])
        assert track.f0_hz == pytest.approx([200.0], rel=0.003)

    @pytest.mark.parametrize("tracker", PITCH_TRACKERS.values(), ids=PITCH_TRACKERS)
    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"samples": np.array([0.1, np.nan] * 800)}, "samples"),  # a broken decoder
            ({"samples": np.array([0.1, -np.inf] * 800)}, "samples"),
            ({"samples": np.zeros((2, 800))}, "samples"),  # both channels at once
            ({"samples": np.zeros(800, np.int16)}, "samples"),  # would be silence 32768 times too loud
            ({"sample_rate_hz": 0}, "sample_rate_hz"),
            ({"sample_rate_hz": -8000}, "sample_rate_hz"),
            ({"sample_rate_hz": 1000}, "sample_rate_hz"),  # no room for the ceiling
            ({"sample_rate_hz": math.nan}, "sample_rate_hz"),
            ({"regions": [(1.0, 0.5)]}, "regions"),  # ends before it starts
            ({"regions": [(0.0, math.nan)]}, "regions"),
            ({"regions": [(0.0, 0.5, 1.0)]}, "regions"),
            ({"regions": [0.0, 0.5]}, "regions"),  # a span, not a list of spans
        ],
    )
    def test_unusable_arguments(self, tracker: PitchTracker, change: dict[str, Any], named: str) -> None:
        """What cannot be analyzed is refused by name, by either tracker."""
        arguments: dict[str, Any] = {"samples": np.zeros(800, np.float32), "sample_rate_hz": RATE_HZ} | change
        with pytest.raises(ValueError, match=named):
            tracker(**arguments)

    @pytest.mark.parametrize("block_s", [0.0, -1.0, math.inf])
    def test_unusable_block(self, block_s: float) -> None:
        """A block has a length."""
        with pytest.raises(ValueError, match="block_s"):
            track_pitch(np.zeros(800, np.float32), RATE_HZ, block_s=block_s)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("floor_hz", 0.0),
            ("floor_hz", math.nan),
            ("ceiling_hz", 60.0),  # no range left
            ("ceiling_hz", math.inf),
            ("window_s", 0.02),  # little more than one period of the floor
            ("hop_s", 0.0),
            ("silence_threshold", 0.0),
            ("silence_threshold", 1.5),
            ("voicing_threshold", 1.0),
            ("voicing_threshold", -0.1),
            ("octave_cost", -0.01),
            ("octave_jump_cost", -0.1),
            ("voiced_unvoiced_cost", -0.1),
            ("max_candidates", 0),
            ("oversampling", 0),
            ("second_pass_low", 0.0),
            ("second_pass_low", 1.1),  # would cut off voices at their quartile
            ("second_pass_high", 0.9),
            ("trim_ratio", 1.0),  # would drop everything
        ],
    )
    def test_unusable_settings(self, name: str, value: Any) -> None:
        """A setting out of range is refused by name."""
        with pytest.raises(ValueError, match=name):
            PitchTrackerSettings(**{name: value})

    def test_hop_of_less_than_a_sample(self) -> None:
        """A hop typed in the wrong unit is refused before it fills the memory."""
        with pytest.raises(ValueError, match="hop_s"):
            track_pitch(np.zeros(800, np.float32), RATE_HZ, PitchTrackerSettings(hop_s=1e-8))

    def test_track_of_unlike_arrays(self) -> None:
        """A track whose arrays do not belong together is refused."""
        with pytest.raises(ValueError, match="f0_hz"):
            PitchTrack(np.zeros(3), np.zeros(2), np.zeros(3, np.float32), 0.01)


def plainest_path(
    octave: Signal, strength: Signal, grid: npt.NDArray[np.int64], jump_cost: float, change_cost: float
) -> float:
    """Worth of the best path by the textbook recursion, frame after frame."""
    total, best = 0.0, strength[0]
    for frame in range(1, len(strength)):
        if grid[frame] != grid[frame - 1] + 1:
            total, best = total + best.max(), strength[frame]
            continue
        cost = jump_cost * np.abs(octave[frame - 1][:, None] - octave[frame][None, :])
        cost[0, :], cost[:, 0], cost[0, 0] = change_cost, change_cost, 0.0
        best = (best[:, None] - cost).max(axis=0) + strength[frame]
    return float(total + best.max())


def worth(
    chosen: npt.NDArray[np.int64], octave: Signal, strength: Signal, grid: npt.NDArray[np.int64]
) -> float:
    """What a path is worth under the default costs."""
    rows = np.arange(len(chosen))
    total = float(strength[rows, chosen].sum())
    for frame in np.flatnonzero(np.diff(grid) == 1) + 1:
        before, here = chosen[frame - 1], chosen[frame]
        if before and here:
            total -= 0.35 * abs(octave[frame - 1, before] - octave[frame, here])
        elif before or here:
            total -= 0.14
    return total


class TestPath:
    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60), loudness=st.floats(0.0, 3.0))
    def test_is_the_best_one(self, seed: int, count: int, loudness: float) -> None:
        """Cutting the path at settled frames and solving the parts side by side loses nothing."""
        random = np.random.default_rng(seed)
        grid = np.cumsum(random.choice([1, 1, 1, 1, 1, 4], count)).astype(np.int64)
        frame = np.sort(random.integers(0, count, 4 * count))
        heights, f0_hz = random.uniform(0.2, 1.0, len(frame)), random.uniform(60, 500, len(frame))
        unvoiced = 0.45 + np.maximum(0.0, 2 - random.exponential(loudness + 1e-3, count))
        found = pitch._Candidates(frame, f0_hz, heights)
        default = PitchTrackerSettings()
        octave, strength, _ = pitch._choices(found, unvoiced, 60.0, 500.0, default)
        tracked_hz, _ = pitch._best_path(found, grid, unvoiced, 60.0, 500.0, default)
        distance = np.abs(octave - np.log2(tracked_hz)[:, None])
        distance[:, 0], distance[~np.isfinite(strength)] = np.inf, np.inf
        chosen = np.where(np.isfinite(tracked_hz), np.argmin(distance, axis=1), 0)
        assert worth(chosen, octave, strength, grid) == pytest.approx(
            plainest_path(octave, strength, grid, 0.35, 0.14), abs=1e-9
        )


@pytest.mark.slow
class TestSecondOpinion:
    def test_praat(self) -> None:
        """The method is Boersma's: his own program finds the same pitch in the same frames."""
        track = track_pitch(golden_signal(), RATE_HZ)
        rows = np.round(PRAAT[:, 0] / 0.01 - 0.5).astype(int) - 2  # the first frame of both is at 0.025 s
        np.testing.assert_allclose(track.times_s[rows], PRAAT[:, 0], atol=1e-9)
        voiced = PRAAT[:, 1] > 0
        np.testing.assert_array_equal(track.voiced[rows], voiced)
        assert np.abs(semitones(track.f0_hz[rows][voiced] / PRAAT[voiced, 1], 1.0)).max() < 0.01

    def test_librosa(self) -> None:
        """Both trackers that can be chosen agree on a clear voice, in time and in pitch."""
        signal = golden_signal().astype(np.float32)
        regions = [(0.0, 0.95), (1.2, 2.0)]
        ours, theirs = (tracker(signal, RATE_HZ, regions=regions) for tracker in PITCH_TRACKERS.values())
        np.testing.assert_allclose(ours.times_s, theirs.times_s)
        both = ours.voiced & theirs.voiced
        assert both.sum() > 0.8 * ours.voiced.sum()
        distance_st = np.abs(semitones(ours.f0_hz[both] / theirs.f0_hz[both], 1.0))
        assert np.median(distance_st) < 0.1
        assert np.quantile(distance_st, 0.95) < 0.5

    def test_librosa_at_another_rate(self) -> None:
        """The fallback is always run at the 8 kHz it was set for."""
        track = track_pitch_librosa(steady_voice(150.0, 0.5, 16000), 16000)
        assert median_f0_hz(track, 0.2) == pytest.approx(150.0, rel=0.01)

    def test_librosa_is_imported_late(self) -> None:
        """Nobody waits for librosa who does not choose its tracker."""
        code = (
            "import sys, pipeline.prosody.pitch; sys.exit('librosa' in sys.modules or 'scipy' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestTrack:
    def test_within_is_half_open(self) -> None:
        """A frame on the border of two intervals belongs to the second one alone."""
        track = track_of([100.0] * 4)
        assert track.mask_within([(0.005, 0.015)]).tolist() == [True, False, False, False]
        assert track.mask_within([(0.0, 0.011), (0.02, 0.03)]).tolist() == [True, False, True, False]
        assert not track.mask_within([]).any()
        assert len(track.within(np.array([[0.01, 0.04]]))) == 3

    @given(
        st.lists(
            st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda span: (min(span), max(span))), max_size=6
        )
    )
    def test_within_is_membership(self, intervals: list[tuple[float, float]]) -> None:
        """Overlapping, nested, empty and unsorted intervals select what each of them would."""
        track = track_of([100.0] * 100)
        expected = [
            any(start_s <= time_s < end_s for start_s, end_s in intervals) for time_s in track.times_s
        ]
        assert track.mask_within(intervals).tolist() == expected

    def test_intervals_that_end_before_they_start(self) -> None:
        """A reversed interval is a mistake of the caller, not an empty selection."""
        with pytest.raises(ValueError, match="intervals"):
            track_of([100.0]).mask_within([(2.0, 1.0)])

    def test_voiced(self) -> None:
        """Unvoiced is NaN, and seconds of voice count frames."""
        track = track_of([100.0, math.nan, 120.0])
        assert track.voiced.tolist() == [True, False, True]
        assert track.voiced_s == pytest.approx(0.02)


class TestFigures:
    def test_semitones(self) -> None:
        """An octave is twelve semitones, whichever the voice."""
        assert semitones(200.0, 100.0) == pytest.approx(12)
        assert semitones(np.array([50.0, math.nan]), 100.0) == pytest.approx([-12, math.nan], nan_ok=True)

    @given(st.floats(50, 600), st.floats(50, 600), st.floats(50, 600))
    def test_semitones_add_up(self, one_hz: float, two_hz: float, three_hz: float) -> None:
        """The way from one pitch to a third is the sum of the ways, so baselines may be changed."""
        through = semitones(one_hz, two_hz) + semitones(two_hz, three_hz)
        assert semitones(one_hz, three_hz) == pytest.approx(through, abs=1e-9)

    @pytest.mark.parametrize(
        ("f0_hz", "reference_hz"), [(0.0, 100.0), (-5.0, 100.0), (100.0, 0.0), (100.0, math.nan)]
    )
    def test_semitones_of_nothing(self, f0_hz: float, reference_hz: float) -> None:
        """A pitch of 0 Hz is a missing value in disguise."""
        with pytest.raises(ValueError, match="_hz"):
            semitones(f0_hz, reference_hz)

    def test_too_little_voice(self) -> None:
        """Under the least voice every figure is None; exactly at it there is one."""
        track = track_of([100.0] * 29 + [math.nan] * 50)
        assert median_f0_hz(track, 0.3) is None
        assert range_st(track, 0.3) is None
        assert slope_st_per_s(track, 0.3) is None
        assert median_f0_hz(track_of([100.0] * 30), 0.3) == 100.0

    def test_median_of_array(self) -> None:
        """Arrays count like tracks, with their own hop."""
        f0_hz = np.array([100.0, math.nan, 110.0, 130.0])
        assert median_f0_hz(f0_hz, 0.03) == 110.0
        assert median_f0_hz(f0_hz, 0.04) is None
        assert median_f0_hz(f0_hz, 0.04, hop_s=0.02) == 110.0

    def test_range(self) -> None:
        """Range is P10 to P90, the same for voices an octave apart."""
        contour_st = np.linspace(0, 10, 101)
        low = range_st(100 * 2 ** (contour_st / 12), 0.3)
        assert low == pytest.approx(8.0, abs=0.01)
        assert range_st(200 * 2 ** (contour_st / 12), 0.3) == pytest.approx(low)

    def test_slope_survives_octave_errors(self) -> None:
        """A quarter of halved frames must not bend the trend of a turn."""
        f0_hz = 150 * 2 ** (np.arange(200) * 0.01 * -3 / 12)
        f0_hz[::4] /= 2
        slope = slope_st_per_s(track_of(f0_hz.tolist()), 0.3)
        assert slope == pytest.approx(-3.0, abs=0.3)

    def test_slope_of_long_turn(self) -> None:
        """A monologue is thinned, not truncated."""
        f0_hz = 150 * 2 ** (np.arange(12_000) * 0.01 * 0.05 / 12)
        assert slope_st_per_s(track_of(f0_hz.tolist()), 0.3) == pytest.approx(0.05, abs=1e-6)
