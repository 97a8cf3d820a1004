"""Fundamental frequency (F0) of one speaker on a telephone line, and the figures that are read from it.

The tracker is the window-corrected autocorrelation of P. Boersma, "Accurate short-term analysis of the
fundamental frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17 (1993), 97-110.
It needs no fundamental in the signal, which matters because the 300 to 3400 Hz band of the telephone removes
it for most voices. The second pass within a range taken from the first is that of C. De Looze and D. Hirst,
"Detecting changes in key and range for the automatic modeling and coding of intonation", Speech Prosody
2008, with a wider margin.

Times are seconds from the start of the recording, frequencies are Hz, distances between pitches are
semitones. An unvoiced frame has the frequency NaN, never 0. A figure with too little voice behind it is None.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Protocol, overload

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Regions = Sequence[tuple[float, float]] | FloatArray

_UNVOICED = 0  # column of the unvoiced choice beside the voiced candidates of a frame


def _require(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{name}={value} is not usable: it must be {expected}")


@dataclass(frozen=True, slots=True)
class PitchTrackerSettings:
    """Parameters of `track_pitch`; a ValueError names the field that cannot be used.

    Costs and thresholds are those of Boersma (1993): dimensionless, on the scale of the normalized
    autocorrelation.
    """

    floor_hz: float = 60.0
    ceiling_hz: float = 500.0
    window_s: float = 0.050
    hop_s: float = 0.010
    silence_threshold: float = 0.03  # frame peak over speech peak; quieter frames lean to unvoiced
    voicing_threshold: float = 0.45  # autocorrelation at which voiced and unvoiced are equally good
    octave_cost: float = 0.01  # per octave below the floor's period: prefers the shorter period
    octave_jump_cost: float = 0.35  # per octave and 10 ms
    voiced_unvoiced_cost: float = 0.14  # per change and 10 ms
    max_candidates: int = 7  # voiced ones; unvoiced is always a candidate
    oversampling: int = 4  # of the lag axis
    second_pass_low: float = 0.70  # floor of the second pass over the lower quartile of the first
    second_pass_high: float = 1.70  # ceiling of the second pass over the upper quartile of the first
    trim_ratio: float = 1.9  # frames further than this from the median, up or down, are dropped

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                raise ValueError(f"{field.name}={value} is not a finite number")
        for name in ("floor_hz", "window_s", "hop_s", "max_candidates", "oversampling", "second_pass_low"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        for name in ("octave_cost", "octave_jump_cost", "voiced_unvoiced_cost"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        for name in ("silence_threshold", "voicing_threshold"):
            _require(0 < getattr(self, name) < 1, name, getattr(self, name), "between 0 and 1")
        _require(
            self.ceiling_hz > self.floor_hz, "ceiling_hz", self.ceiling_hz, f"above floor_hz={self.floor_hz}"
        )
        # Under two periods the window's own autocorrelation is too small to divide by.
        _require(
            self.window_s * self.floor_hz >= 2, "window_s", self.window_s, "at least two periods of floor_hz"
        )
        _require(self.second_pass_low <= 1, "second_pass_low", self.second_pass_low, "at most 1")
        _require(self.second_pass_high >= 1, "second_pass_high", self.second_pass_high, "1 or more")
        _require(self.trim_ratio > 1, "trim_ratio", self.trim_ratio, "above 1")


DEFAULT_SETTINGS = PitchTrackerSettings()


@dataclass(frozen=True, slots=True)
class PitchTrack:
    """F0 of one speaker on a regular grid of frames; frames that were not analyzed are absent.

    times_s:  (n,) float64, center of each frame in recording time, rising; (i + 1/2) * hop_s for whole i
    f0_hz:    (n,) float64, NaN where unvoiced
    strength: (n,) float32, normalized autocorrelation at the chosen period (for pYIN the probability of
              voicing), 0 to 1; 0 where unvoiced
    hop_s:    seconds that one frame stands for
    """

    times_s: FloatArray
    f0_hz: FloatArray
    strength: npt.NDArray[np.float32]
    hop_s: float

    def __post_init__(self) -> None:
        if not self.times_s.shape == self.f0_hz.shape == self.strength.shape or self.times_s.ndim != 1:
            raise ValueError(
                f"times_s, f0_hz and strength must be (n,) and alike, got {self.times_s.shape}, "
                f"{self.f0_hz.shape} and {self.strength.shape}"
            )

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def voiced(self) -> BoolArray:
        """(n,) bool, true where there is an F0."""
        return np.isfinite(self.f0_hz)

    @property
    def voiced_s(self) -> float:
        """Seconds of voice."""
        return float(np.count_nonzero(self.voiced)) * self.hop_s

    def mask_within(self, intervals: Regions) -> BoolArray:
        """(n,) bool: frames with their center in any of the half-open `intervals`, rows (start_s, end_s)."""
        starts_s, ends_s = _checked_intervals(intervals, "intervals").T
        begun = np.searchsorted(np.sort(starts_s), self.times_s, side="right")
        ended = np.searchsorted(np.sort(ends_s), self.times_s, side="right")
        return np.asarray(begun > ended)

    def within(self, intervals: Regions) -> PitchTrack:
        """The frames of `mask_within` as a track of their own."""
        return self._where(self.mask_within(intervals))

    def _where(self, mask: BoolArray) -> PitchTrack:
        return PitchTrack(self.times_s[mask], self.f0_hz[mask], self.strength[mask], self.hop_s)


class PitchTracker(Protocol):
    """What every pitch tracker can be asked; see `track_pitch` for the arguments."""

    def __call__(
        self,
        samples: npt.NDArray[np.floating],
        sample_rate_hz: int,
        settings: PitchTrackerSettings = ...,
        regions: Regions | None = ...,
    ) -> PitchTrack: ...


def track_pitch(
    samples: npt.NDArray[np.floating],
    sample_rate_hz: int,
    settings: PitchTrackerSettings = DEFAULT_SETTINGS,
    regions: Regions | None = None,
    *,
    block_s: float = 5.0,
) -> PitchTrack:
    """Track F0 by window-corrected autocorrelation and a cheapest path (Boersma 1993), in two passes.

    samples:        (n,) float, one channel; any scale, the result does not depend on gain
    sample_rate_hz: whole number above 2 * settings.ceiling_hz; 8000 as it comes from the line is right
    regions:        half-open (start_s, end_s) stretches of one speaker's speech; None means everything.
                    Frames are analyzed when their center lies inside. The range of the second pass and the
                    level that counts as loud are estimated over all regions together; the path starts anew in
                    each stretch.
    block_s:        seconds analyzed at a time. Bounds memory, does not change the result.

    Only frames whose whole window lies in the recording exist, so input shorter than a window gives an empty
    track; silence gives a track without voice. ValueError names the argument that cannot be used (wrong shape
    or type, NaN or infinite samples, sample rate too low, regions that end before they start).
    """
    signal = _checked_samples(samples)
    _check_rate(sample_rate_hz, settings)
    _require(math.isfinite(block_s) and block_s > 0, "block_s", block_s, "above 0")
    grid = _frame_grid(len(signal), sample_rate_hz, settings, regions)
    frames = _Frames(signal, grid, sample_rate_hz, settings, max(1, round(block_s / settings.hop_s)))
    unvoiced_strength = _unvoiced_strength(_frame_peaks(frames), settings)
    candidates = _find_candidates(frames, unvoiced_strength, settings)
    # The autocorrelation keeps its window, so the second pass is a second choice among the same maxima.
    f0_hz, strength = _best_path(
        candidates, grid, unvoiced_strength, settings.floor_hz, settings.ceiling_hz, settings
    )
    if np.isfinite(f0_hz).any():
        lower_hz, upper_hz = np.nanquantile(f0_hz, [0.25, 0.75])
        floor_hz = max(settings.floor_hz, settings.second_pass_low * float(lower_hz))
        ceiling_hz = min(settings.ceiling_hz, settings.second_pass_high * float(upper_hz))
        f0_hz, strength = _best_path(candidates, grid, unvoiced_strength, floor_hz, ceiling_hz, settings)
    return _trimmed(_grid_times_s(grid, settings.hop_s), f0_hz, strength, settings)


# ---- input -------------------------------------------------------------------------------------------------


def _checked_samples(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    signal = np.asarray(samples)
    _require(signal.ndim == 1, "samples", f"array of shape {signal.shape}", "one channel, shape (n,)")
    _require(
        signal.dtype.kind == "f",
        "samples",
        f"array of {signal.dtype}",
        "floating point, e.g. float32 in -1..1",
    )
    if not np.isfinite(signal).all():
        raise ValueError(
            "samples contains NaN or infinite values: repair or reject the recording before tracking"
        )
    return signal


def _check_rate(sample_rate_hz: int, settings: PitchTrackerSettings) -> None:
    _require(
        math.isfinite(sample_rate_hz) and sample_rate_hz > 2 * settings.ceiling_hz,
        "sample_rate_hz",
        sample_rate_hz,
        f"above twice ceiling_hz={settings.ceiling_hz}",
    )
    _require(settings.hop_s * sample_rate_hz >= 1, "hop_s", settings.hop_s, "at least one sample")


def _checked_intervals(intervals: Regions, name: str) -> FloatArray:
    array = (
        np.asarray(intervals, dtype=np.float64).reshape(-1, 2)
        if len(intervals) == 0
        else np.asarray(intervals)
    )
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} has shape {array.shape}: it must be (k, 2), each row (start_s, end_s)")
    array = array.astype(np.float64)
    if np.isnan(array).any() or (array[:, 1] < array[:, 0]).any():
        raise ValueError(
            f"{name} must be rows (start_s, end_s) without NaN and with end_s at or after start_s"
        )
    return array


# ---- frames ------------------------------------------------------------------------------------------------


def _grid_times_s(grid: IndexArray, hop_s: float) -> FloatArray:
    return np.asarray((grid + 0.5) * hop_s, dtype=np.float64)


def _frame_grid(
    sample_count: int, sample_rate_hz: int, settings: PitchTrackerSettings, regions: Regions | None
) -> IndexArray:
    """Rising numbers i of the frames centered at (i + 1/2) * hop_s inside the recording and `regions`."""
    grid = np.arange(int(sample_count / sample_rate_hz / settings.hop_s) + 1, dtype=np.int64)
    begins = _window_begins(grid, sample_rate_hz, settings)
    grid = grid[(begins >= 0) & (begins + _window_length(sample_rate_hz, settings) <= sample_count)]
    if regions is None:
        return grid
    times_s = _grid_times_s(grid, settings.hop_s)
    empty = PitchTrack(times_s, np.full(len(grid), np.nan), np.zeros(len(grid), np.float32), settings.hop_s)
    return grid[empty.mask_within(_checked_intervals(regions, "regions"))]


def _window_length(sample_rate_hz: int, settings: PitchTrackerSettings) -> int:
    return round(settings.window_s * sample_rate_hz)


def _window_begins(grid: IndexArray, sample_rate_hz: int, settings: PitchTrackerSettings) -> IndexArray:
    centers = _grid_times_s(grid, settings.hop_s) * sample_rate_hz
    # The small bias keeps centers that fall on x.5 samples from rounding to and fro.
    return np.floor(centers - _window_length(sample_rate_hz, settings) / 2 + 0.5 + 1e-6).astype(np.int64)


class _Frames:
    """Cuts the signal into frames, mean removed, one bounded block after another."""

    def __init__(
        self,
        signal: npt.NDArray[np.floating],
        grid: IndexArray,
        sample_rate_hz: int,
        settings: PitchTrackerSettings,
        block_length: int,
    ) -> None:
        self.count = len(grid)
        self.sample_rate_hz = sample_rate_hz
        self.window_length = _window_length(sample_rate_hz, settings)
        self._signal = signal
        self._begins = _window_begins(grid, sample_rate_hz, settings)
        self.block_length = block_length

    def at(self, numbers: IndexArray) -> FloatArray:
        """(len(numbers), window_length) float64 frames without their mean."""
        windows = np.lib.stride_tricks.sliding_window_view(self._signal, self.window_length)
        frames = windows[self._begins[numbers]].astype(np.float64)
        frames -= frames.mean(axis=1, keepdims=True)
        return frames


def _frame_peaks(frames: _Frames) -> FloatArray:
    """(n,) largest magnitude in the middle third of each frame, which holds the longest period.

    The tapered ends are left out so that a click reaches only the frames it can really disturb.
    """
    middle = slice(frames.window_length // 3, -(frames.window_length // 3))
    peaks = np.zeros(frames.count)
    for begin in range(0, frames.count, frames.block_length):
        numbers = np.arange(begin, min(begin + frames.block_length, frames.count))
        peaks[numbers] = np.abs(frames.at(numbers)[:, middle]).max(axis=1)
    return peaks


def _loud_level(levels: FloatArray, hop_s: float) -> float:
    """The level that 1% of the frames reach, but at least 0.1 s and at most 5 s of them.

    Boersma compares with the one highest peak of the sound. On a line that lets one click silence a whole
    call, and a plain percentile would fall into the noise when somebody says little in a long call.
    """
    count = len(levels)
    reaching = int(min(max(0.01 * count, 0.1 / hop_s), 5.0 / hop_s, max(1.0, count / 4)))
    return float(np.partition(levels, count - reaching)[count - reaching])


def _unvoiced_strength(peaks: FloatArray, settings: PitchTrackerSettings) -> FloatArray:
    """(n,) strength of the unvoiced candidate: Boersma (1993)."""
    if len(peaks) == 0:
        return peaks
    loud = _loud_level(peaks, settings.hop_s)
    relative = peaks / loud if loud > 0 else np.zeros_like(peaks)
    quiet = relative * (1 + settings.voicing_threshold) / settings.silence_threshold
    return settings.voicing_threshold + np.maximum(0.0, 2.0 - quiet)


# ---- candidates --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Candidates:
    """All maxima of the autocorrelation, flat, ordered by frame: (m,) each."""

    frame: IndexArray
    f0_hz: FloatArray
    height: FloatArray


def _find_candidates(
    frames: _Frames, unvoiced_strength: FloatArray, settings: PitchTrackerSettings
) -> _Candidates:
    """Maxima of the window-corrected autocorrelation that are over half the voicing threshold."""
    correlate = _Autocorrelation(frames.window_length, frames.sample_rate_hz, settings)
    # No voiced candidate can beat this, whatever its neighbors: the best height is 1, the best octave bonus
    # that of the ceiling, and two changes of voicing are the dearest detour. Such frames need no
    # autocorrelation.
    best_voiced = 1 + settings.octave_cost * math.log2(settings.ceiling_hz / settings.floor_hz)
    hopeless = best_voiced + 2 * _per_hop(settings.voiced_unvoiced_cost, settings)
    numbers = np.flatnonzero(unvoiced_strength <= hopeless)
    found = [
        correlate.maxima(frames.at(part), part)
        for part in np.split(numbers, np.arange(frames.block_length, len(numbers), frames.block_length))
        if len(part)
    ]
    if not found:
        return _Candidates(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    return _Candidates(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


class _Autocorrelation:
    """Normalized, window-corrected autocorrelation of frames on an oversampled lag axis, and its maxima."""

    def __init__(self, window_length: int, sample_rate_hz: int, settings: PitchTrackerSettings) -> None:
        self._step_s = 1.0 / (sample_rate_hz * settings.oversampling)
        self._least_height = 0.5 * settings.voicing_threshold
        # One step beyond either end, so that a maximum on the edge has two neighbors.
        first = max(1, math.floor(1 / (settings.ceiling_hz * self._step_s)) - 1)
        last = math.ceil(1 / (settings.floor_hz * self._step_s)) + 1
        self._lags = np.arange(first, last + 1)
        # Long enough that no lag wraps round; a multiple of 64 keeps the transform quick.
        self._transform_length = 64 * math.ceil((window_length + last / settings.oversampling + 1) / 64)
        self._window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(window_length) + 0.5) / window_length)
        # Inverse transform of the zero-padded spectrum, at the wanted lags only: one matrix product is
        # quicker than the whole inverse FFT, most of which would be thrown away.
        bins = np.arange(self._transform_length // 2 + 1)
        angle = 2 * np.pi * np.outer(bins, self._lags) / (self._transform_length * settings.oversampling)
        self._weight = np.where((bins == 0) | (bins == self._transform_length // 2), 1.0, 2.0)
        self._inverse = self._weight[:, None] * np.cos(angle)
        window_power = self._power(self._window[None, :])
        correction = (window_power @ self._weight)[0] / (window_power @ self._inverse)[0]
        self._inverse *= correction

    def _power(self, windowed: FloatArray) -> FloatArray:
        spectrum = np.fft.rfft(windowed, self._transform_length, axis=1)
        return np.asarray(spectrum.real**2 + spectrum.imag**2)

    def maxima(self, frames: FloatArray, numbers: IndexArray) -> tuple[IndexArray, FloatArray, FloatArray]:
        """Frame number, F0 in Hz and height of each maximum of (k, window_length) `frames`, by a parabola."""
        power = self._power(frames * self._window)
        energy = power @ self._weight
        correlation = power @ self._inverse
        correlation /= np.where(energy > 0, energy, 1.0)[:, None]
        inner = correlation[:, 1:-1]
        peak = (inner > correlation[:, :-2]) & (inner >= correlation[:, 2:]) & (inner > self._least_height)
        row, column = np.nonzero(peak)
        before, top, after = (correlation[row, column + shift] for shift in (0, 1, 2))
        offset = 0.5 * (before - after) / (before - 2 * top + after)
        height = top - 0.25 * (before - after) * offset
        # Dividing by the window's autocorrelation can lift a maximum over 1; mirrored, it ranks as less
        # certain.
        height = np.where(height > 1, 1 / height, height)
        lag_s = (self._lags[column + 1] + offset) * self._step_s
        return numbers[row], 1 / lag_s, height


# ---- path --------------------------------------------------------------------------------------------------


def _per_hop(cost: float, settings: PitchTrackerSettings) -> float:
    """A transition cost given for 10 ms, for one hop: a slower grid has more time to change."""
    return cost * 0.010 / settings.hop_s


def _best_path(
    candidates: _Candidates,
    grid: IndexArray,
    unvoiced_strength: FloatArray,
    floor_hz: float,
    ceiling_hz: float,
    settings: PitchTrackerSettings,
) -> tuple[FloatArray, npt.NDArray[np.float32]]:
    """F0 (NaN where unvoiced) and strength of each frame on the cheapest path within floor and ceiling."""
    count = len(grid)
    octave, strength, height = _choices(candidates, unvoiced_strength, floor_hz, ceiling_hz, settings)
    change_cost = _per_hop(settings.voiced_unvoiced_cost, settings)
    # Where unvoiced wins by more than two changes of voicing, the best path is unvoiced whatever the
    # neighbors hold. Such frames cut the track into stretches that can be solved side by side, without
    # altering the optimum.
    settled = unvoiced_strength > strength[:, 1:].max(axis=1, initial=-np.inf) + 2 * change_cost
    chosen = np.zeros(count, np.int64)
    begins, lengths = _stretches(~settled, grid)
    if len(begins):
        # A stretch next to a settled frame pays for its first or last voiced frame; at a gap in the grid it
        # does not.
        follows = np.zeros(count, np.bool_)
        follows[1:] = np.diff(grid) == 1
        ends = begins + lengths
        strength[begins[follows[begins]], 1:] -= change_cost
        ends = ends[ends < count]
        strength[ends[follows[ends]] - 1, 1:] -= change_cost
        _solve(
            octave,
            strength,
            begins,
            lengths,
            _per_hop(settings.octave_jump_cost, settings),
            change_cost,
            chosen,
        )
    rows = np.arange(count)
    f0_hz = np.where(chosen == _UNVOICED, np.nan, np.exp2(octave[rows, chosen]))
    return f0_hz, height[rows, chosen].astype(np.float32)


def _choices(
    candidates: _Candidates,
    unvoiced_strength: FloatArray,
    floor_hz: float,
    ceiling_hz: float,
    settings: PitchTrackerSettings,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """log2 F0, strength on the path and height, (n, 1 + max_candidates) each; column 0 is unvoiced.

    The strength is the height with the octave cost, Boersma (1993); missing candidates have -inf.
    """
    shape = (len(unvoiced_strength), 1 + settings.max_candidates)
    octave, strength, height = np.zeros(shape), np.full(shape, -np.inf), np.zeros(shape)
    strength[:, _UNVOICED] = unvoiced_strength
    inside = (candidates.f0_hz >= floor_hz) & (candidates.f0_hz <= ceiling_hz)
    frame, f0_hz, heights = candidates.frame[inside], candidates.f0_hz[inside], candidates.height[inside]
    strengths = heights + settings.octave_cost * np.log2(f0_hz / floor_hz)
    order = np.lexsort((-strengths, frame))
    frame, f0_hz, heights, strengths = frame[order], f0_hz[order], heights[order], strengths[order]
    column = 1 + np.arange(len(frame)) - np.searchsorted(frame, frame)
    kept = column <= settings.max_candidates
    frame, column = frame[kept], column[kept]
    octave[frame, column] = np.log2(f0_hz[kept])
    strength[frame, column] = strengths[kept]
    height[frame, column] = heights[kept]
    return octave, strength, height


def _stretches(mask: BoolArray, grid: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Begin and length of the runs of true `mask` whose grid numbers follow one another, longest first."""
    numbers = np.flatnonzero(mask)
    if len(numbers) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    new = np.ones(len(numbers), np.bool_)
    new[1:] = (np.diff(numbers) > 1) | (np.diff(grid[numbers]) > 1)
    first = np.flatnonzero(new)
    lengths = np.diff(np.append(first, len(numbers)))
    order = np.argsort(-lengths, kind="stable")
    return numbers[first][order], lengths[order]


def _solve(
    octave: FloatArray,
    strength: FloatArray,
    begins: IndexArray,
    lengths: IndexArray,
    octave_jump_cost: float,
    change_cost: float,
    chosen: IndexArray,
) -> None:
    """Viterbi over all stretches in step; writes the chosen column of every frame into `chosen`.

    begins, lengths: (k,) frames of each stretch, longest first, so that those still running are always the
    first ones.
    """
    states = octave.shape[1]
    longest = int(lengths[0])
    # How many stretches have a frame number t after their begin.
    running = np.searchsorted(-lengths, -np.arange(longest), side="left")
    back = np.zeros(octave.shape, np.int8 if states < 128 else np.int64)
    best = strength[begins]
    step = 1
    while step < longest:
        # Transition costs are prepared for many steps at once, within a bound of memory.
        group = int(running[step])
        stop = min(longest, step + max(1, 20_000 // (group * states * states)))
        numbers = np.minimum(begins[None, :group] + np.arange(step - 1, stop)[:, None], len(octave) - 1)
        octaves = octave[numbers]
        cost = np.abs(octaves[:-1, :, :, None] - octaves[1:, :, None, :])
        cost *= octave_jump_cost
        cost[..., _UNVOICED, :] = change_cost
        cost[..., :, _UNVOICED] = change_cost
        cost[..., _UNVOICED, _UNVOICED] = 0.0
        gains = strength[numbers[1:]]
        arrivals = np.zeros(gains.shape, back.dtype)
        for at in range(stop - step):
            active = int(running[step + at])
            total = best[:active, :, None] - cost[at, :active]
            arrivals[at, :active] = total.argmax(axis=1)
            np.add(total.max(axis=1), gains[at, :active], out=best[:active])
        for at in range(stop - step):
            active = int(running[step + at])
            back[numbers[at + 1, :active]] = arrivals[at, :active]
        step = stop
    state = best.argmax(axis=1)
    for step in range(longest - 1, -1, -1):
        active = int(running[step])
        last = begins[:active] + step
        chosen[last] = state[:active]
        state[:active] = back[last, state[:active]]


def _trimmed(
    times_s: FloatArray, f0_hz: FloatArray, strength: npt.NDArray[np.float32], settings: PitchTrackerSettings
) -> PitchTrack:
    """The track without the frames whose F0 is further than `trim_ratio` from the median."""
    voiced = np.isfinite(f0_hz)
    if voiced.any():
        median_hz = float(np.median(f0_hz[voiced]))
        near = (f0_hz >= median_hz / settings.trim_ratio) & (f0_hz <= median_hz * settings.trim_ratio)
        f0_hz, strength = np.where(near, f0_hz, np.nan), np.where(near, strength, np.float32(0))
    return PitchTrack(times_s, f0_hz, strength, settings.hop_s)


# ---- the other tracker -------------------------------------------------------------------------------------

_PYIN_RATE_HZ = 8000
_PYIN_HOP_S = 0.010
_PYIN_FRAME_LENGTH = 512  # the default of 2048 spans a quarter of a second at 8 kHz and follows no speech
_PYIN_GATE_DB = 30.0
_PYIN_PIECE_S = 30.0  # its tables grow with time; a longer region is tracked in pieces


def track_pitch_librosa(
    samples: npt.NDArray[np.floating],
    sample_rate_hz: int,
    settings: PitchTrackerSettings = DEFAULT_SETTINGS,
    regions: Regions | None = None,
) -> PitchTrack:
    """Track F0 with librosa's pYIN (M. Mauch and S. Dixon, ICASSP 2014), set for 8 kHz telephone speech.

    Arguments and result as in `track_pitch`, from 70 to 400 Hz; of the settings only `trim_ratio` is used.
    Frames 30 dB under the loud level of the regions are unvoiced. Other rates are converted to 8 kHz. About
    thirty times slower than `track_pitch` (tests/benchmarks/f0.py); never mix both within a baseline.
    """
    signal = _checked_samples(samples)
    _check_rate(sample_rate_hz, settings)
    librosa = importlib.import_module("librosa")  # heavy: only whoever chooses this tracker pays for it
    signal = signal.astype(np.float32)
    if sample_rate_hz != _PYIN_RATE_HZ and len(signal):
        signal = librosa.resample(signal, orig_sr=sample_rate_hz, target_sr=_PYIN_RATE_HZ, res_type="soxr_hq")
    hop = round(_PYIN_HOP_S * _PYIN_RATE_HZ)
    grid = _frame_grid(len(signal), _PYIN_RATE_HZ, DEFAULT_SETTINGS, regions)
    f0_hz = np.full(len(grid), np.nan)
    probability = np.zeros(len(grid), np.float32)
    level = np.zeros(len(grid))
    piece = round(_PYIN_PIECE_S / _PYIN_HOP_S)
    begins, lengths = _stretches(np.ones(len(grid), np.bool_), grid)
    for begin, length in zip(begins, lengths, strict=True):
        for first in range(begin, begin + length, piece):
            here = slice(first, min(first + piece, begin + length))
            count = here.stop - here.start
            # Centers of frames lie half a hop into the piece, where librosa puts the first one at sample 0.
            start = int(grid[first]) * hop + hop // 2
            cut = _padded(signal, start - _PYIN_FRAME_LENGTH // 2, (count - 1) * hop + _PYIN_FRAME_LENGTH)
            found, _, certain = librosa.pyin(
                cut,
                fmin=70.0,
                fmax=400.0,
                sr=_PYIN_RATE_HZ,
                frame_length=_PYIN_FRAME_LENGTH,
                hop_length=hop,
                center=False,
            )
            f0_hz[here], probability[here] = found, certain
            windows = np.lib.stride_tricks.sliding_window_view(cut, _PYIN_FRAME_LENGTH)[::hop]
            level[here] = np.sqrt(np.square(windows, dtype=np.float64).mean(axis=1))
    if len(grid):
        loud = _loud_level(level, _PYIN_HOP_S)
        f0_hz[level <= loud * 10 ** (-_PYIN_GATE_DB / 20)] = np.nan
    strength = np.where(np.isfinite(f0_hz), probability, np.float32(0))
    return _trimmed(_grid_times_s(grid, _PYIN_HOP_S), f0_hz, strength, replace(settings, hop_s=_PYIN_HOP_S))


def _padded(signal: npt.NDArray[np.float32], begin: int, length: int) -> npt.NDArray[np.float32]:
    """`length` samples from `begin` on, zeros where the recording does not reach."""
    before = max(0, -begin)
    part = signal[max(0, begin) : begin + length]
    return np.pad(part, (before, length - before - len(part)))


PITCH_TRACKERS: Mapping[str, PitchTracker] = MappingProxyType(
    {"autocorrelation": track_pitch, "librosa": track_pitch_librosa}
)


# ---- figures -----------------------------------------------------------------------------------------------


@overload
def semitones(f0_hz: float, reference_hz: float) -> float: ...
@overload
def semitones(f0_hz: FloatArray, reference_hz: float) -> FloatArray: ...
def semitones(f0_hz: float | FloatArray, reference_hz: float) -> float | FloatArray:
    """Distance of `f0_hz` from `reference_hz` in semitones, 12 log2 of the ratio; NaN stays NaN.

    ValueError when the reference or any F0 is not above 0.
    """
    _require(math.isfinite(reference_hz) and reference_hz > 0, "reference_hz", reference_hz, "above 0")
    if np.any(np.asarray(f0_hz) <= 0):
        raise ValueError("f0_hz must be above 0 (an unvoiced frame is NaN, not 0)")
    distance = 12 * np.log2(np.asarray(f0_hz, dtype=np.float64) / reference_hz)
    return float(distance) if distance.ndim == 0 else distance


def _voiced_f0_hz(f0: PitchTrack | FloatArray, min_voiced_s: float, hop_s: float) -> FloatArray | None:
    """The voiced values, or None when there are none or they last less than `min_voiced_s`."""
    track_hop_s = f0.hop_s if isinstance(f0, PitchTrack) else hop_s
    values = f0.f0_hz if isinstance(f0, PitchTrack) else np.asarray(f0, dtype=np.float64)
    values = values[np.isfinite(values)]
    # Half a frame of slack: thirty frames of 10 ms are 0.3 s, whatever the rounding says.
    enough = len(values) > 0 and (len(values) + 0.5) * track_hop_s >= min_voiced_s
    return values if enough else None


def median_f0_hz(f0: PitchTrack | FloatArray, min_voiced_s: float, *, hop_s: float = 0.010) -> float | None:
    """Median F0 in Hz of a track or an array (`hop_s` apart); None with under `min_voiced_s` of voice."""
    values = _voiced_f0_hz(f0, min_voiced_s, hop_s)
    return None if values is None else float(np.median(values))


def range_st(f0: PitchTrack | FloatArray, min_voiced_s: float, *, hop_s: float = 0.010) -> float | None:
    """Pitch range: 10th to 90th percentile of F0, in semitones; None with under `min_voiced_s` of voice."""
    values = _voiced_f0_hz(f0, min_voiced_s, hop_s)
    if values is None:
        return None
    low_hz, high_hz = np.quantile(values, [0.10, 0.90])
    return semitones(float(high_hz), float(low_hz))


_SLOPE_FRAMES = 500  # all pairs of these are 125 000 slopes; longer tracks are thinned evenly


def slope_st_per_s(track: PitchTrack, min_voiced_s: float) -> float | None:
    """Trend of the pitch in semitones a second, the median slope over all pairs of voiced frames.

    P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63 (1968): up to 29% of
    the frames may be octave errors. None with under `min_voiced_s` of voice or fewer than two voiced frames.
    """
    values = _voiced_f0_hz(track, min_voiced_s, track.hop_s)
    if values is None or len(values) < 2:
        return None
    picked = np.unique(
        np.linspace(0, len(values) - 1, min(len(values), _SLOPE_FRAMES)).round().astype(np.int64)
    )
    times_s, pitch_st = track.times_s[track.voiced][picked], semitones(values[picked], 1.0)
    first, second = np.triu_indices(len(picked), k=1)
    return float(np.median((pitch_st[second] - pitch_st[first]) / (times_s[second] - times_s[first])))
