"""What a recording's sound says about how far its figures can be trusted.

Everything runs over short blocks: a probe of an hour needs no more memory than a probe of a minute.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pipeline.audio.sameness import NOTHING_SAME, Sameness
from pipeline.records import ChannelActivity, QualityWarning, Recording, Samples
from pipeline.settings import AudioSettings
from pipeline.texts import Text
from pipeline.timeline import Span, intersect, subtract

Levels = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FRAME_S = 0.02
ENVELOPE_S = 0.01
BLOCK_FRAMES = 512
# Largest value that the decoder of a companded code can give (ITU-T G.711).
FULL_SCALE = {"pcm_mulaw": 32124 / 32768, "pcm_alaw": 32256 / 32768}


def probe(
    recording: Recording, settings: AudioSettings, same: Sameness = NOTHING_SAME
) -> tuple[QualityWarning, ...]:
    """Warnings that need only samples: ``too_short``, ``dead_channel``, ``dual_mono``, ``clipped``.

    Args:
        same: what the channels have in common by stretch: one mix on both, one of them late, is one channel.
    """
    warnings: list[QualityWarning] = []
    if recording.duration_s < settings.min_call_s:
        warnings.append(
            QualityWarning(
                code="too_short",
                message=Text("quality.too_short", seconds=recording.duration_s, least=settings.min_call_s),
            )
        )
    loudest_db = _loudest_db(recording)
    dead = [channel for channel, level_db in enumerate(loudest_db) if level_db < settings.dead_channel_db]
    warnings += [
        QualityWarning(
            code="dead_channel",
            message=Text(
                "quality.dead_channel",
                channel=channel,
                level=_level(loudest_db[channel]),
                limit=settings.dead_channel_db,
            ),
        )
        for channel in dead
    ]
    if recording.channels == 2 and not dead:
        correlation = channel_correlation(recording, settings.dead_channel_db)
        if correlation is not None and abs(correlation) >= settings.dual_mono_correlation:
            key = "quality.dual_mono_inverted" if correlation < 0 else "quality.dual_mono"
            warnings.append(QualityWarning(code="dual_mono", message=Text(key, correlation=correlation)))
        elif same.share >= settings.dual_mono_share:
            late = Text("quality.dual_mono_late", share=same.share, ms=1000 * abs(same.lag_s))
            warnings.append(QualityWarning(code="dual_mono", message=late))
    warnings += _clipped(recording, settings)
    return tuple(warnings)


def channel_correlation(recording: Recording, sound_db: float) -> float | None:
    """Correlation -1..1 of the two channels over 20 ms frames in which either is over ``sound_db`` dBFS.

    ``None`` where a channel has no sound at all.
    """
    frame = round(FRAME_S * recording.sample_rate_hz)
    threshold = 10.0 ** (sound_db / 10.0)
    count, sums, products = 0, np.zeros(2), np.zeros(3)
    for block in _blocks(recording.samples, frame * BLOCK_FRAMES):
        left, right = (_frames(block[channel], frame).astype(np.float64) for channel in (0, 1))
        sound = (left.var(axis=1) > threshold) | (right.var(axis=1) > threshold)
        left, right = left[sound], right[sound]
        count += left.size
        sums += left.sum(), right.sum()
        products += (left * left).sum(), (right * right).sum(), (left * right).sum()
    if count == 0:
        return None
    mean = sums / count
    left_power, right_power = products[0] / count - mean[0] ** 2, products[1] / count - mean[1] ** 2
    if min(left_power, right_power) <= 0.0:
        return None
    covariance = products[2] / count - mean[0] * mean[1]
    return float(np.clip(covariance / np.sqrt(left_power * right_power), -1.0, 1.0))


def clipped_share(samples: Samples, level: float, run: int) -> float:
    """Share of the samples (n,) that lie in runs of at least ``run`` at or over ``level`` (0..1)."""
    if samples.size == 0:
        return 0.0
    clipped, length = 0, 0
    for start in range(0, samples.size, 1 << 18):
        at_limit = np.abs(samples[start : start + (1 << 18)]) >= level
        if not at_limit.any():
            length = 0
            continue
        edges = np.flatnonzero(np.diff(at_limit, prepend=False, append=False))
        starts, ends = edges[::2], edges[1::2]
        lengths = ends - starts
        if length and at_limit[0]:  # the run began in the block before
            clipped -= length if length >= run else 0
            lengths[0] += length
        clipped += int(lengths[lengths >= run].sum())
        length = int(lengths[-1]) if at_limit[-1] else 0
    return clipped / samples.size


def channel_bleed(
    recording: Recording, speech: Sequence[Sequence[Span]], settings: AudioSettings
) -> QualityWarning | None:
    """The warning ``channel_bleed`` when one speaker is heard in the other's channel.

    ``speech`` is one sequence of spans in seconds per channel. Judged over time where only one channel
    speaks: its own spans that the other's do not cover, or where it is so much louder that the other's
    "speech" may be the leak itself. Needs a level over ``bleed_level_db`` *and* an envelope that follows.
    """
    if recording.channels != 2 or len(speech) != 2:
        return None
    envelopes = [_envelope(channel, recording.sample_rate_hz) for channel in recording.samples]
    found = []
    for speaker, other in ((0, 1), (1, 0)):
        leak = _leak(envelopes[speaker], envelopes[other], speech[speaker], speech[other], settings)
        if leak is not None:
            level_db, correlation, lag_s = leak
            if level_db > settings.bleed_level_db and correlation > settings.bleed_correlation:
                heard: dict[str, float] = {"speaker": speaker, "other": other, "db": level_db}
                heard["correlation"] = correlation
                late = Text("quality.leak_late", **heard, ms=1000 * lag_s)
                found.append(late if lag_s else Text("quality.leak", **heard))
    if not found:
        return None
    return QualityWarning(code="channel_bleed", message=Text("quality.channel_bleed", leaks=found))


def low_snr(activity: ChannelActivity, channel: int, settings: AudioSettings) -> QualityWarning | None:
    """The warning ``low_snr`` when the speech of a channel stands too little over its noise floor."""
    snr_db = activity.snr_db
    if snr_db is None or snr_db >= settings.low_snr_db:
        return None
    return QualityWarning(
        code="low_snr",
        message=Text(
            "quality.low_snr",
            channel=channel,
            snr=snr_db,
            floor=activity.noise_floor_db,
            least=settings.low_snr_db,
        ),
    )


def _leak(
    own: Levels,
    other: Levels,
    own_speech: Sequence[Span],
    other_speech: Sequence[Span],
    settings: AudioSettings,
) -> tuple[float, float, float] | None:
    """(level in dB, envelope correlation, delay in s) of one speaker in the other channel, or ``None``.

    ``own`` and ``other`` are mean powers of 10 ms frames. ``None`` without enough time alone.
    """
    alone = _mask(subtract(own_speech, other_speech), own.size)
    doubtful = _mask(intersect(own_speech, other_speech), own.size)
    alone |= doubtful & (other * 10.0 ** (settings.bleed_dominance_db / 10.0) < own)
    frames = np.flatnonzero(alone)
    if frames.size * ENVELOPE_S < settings.bleed_min_s:
        return None
    best = max(
        range(round(settings.bleed_max_lag_s / ENVELOPE_S) + 1),
        key=lambda lag: _follows(own, other, frames, lag),
    )
    inside = frames[frames + best < other.size]
    own_power = float(own[inside].mean())
    level_db = 10.0 * np.log10(max(float(other[inside + best].mean()), 1e-20) / max(own_power, 1e-20))
    return float(level_db), _follows(own, other, frames, best), best * ENVELOPE_S


def _follows(own: Levels, other: Levels, frames: npt.NDArray[np.intp], lag: int) -> float:
    """Correlation of the energy of ``own`` at ``frames`` with that of ``other`` ``lag`` frames later."""
    inside = frames[frames + lag < other.size]
    if inside.size < 2:
        return 0.0
    first, second = own[inside], other[inside + lag]
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first * first).sum() * (second * second).sum()))
    return float((first * second).sum() / scale) if scale > 0.0 else 0.0


def _clipped(recording: Recording, settings: AudioSettings) -> list[QualityWarning]:
    level = settings.clipped_level * FULL_SCALE.get(recording.codec, 1.0)
    warnings = []
    for channel, samples in enumerate(recording.samples):
        share = clipped_share(samples, level, settings.clipped_run_samples)
        if share > settings.clipped_share:
            warnings.append(
                QualityWarning(
                    code="clipped",
                    message=Text(
                        "quality.clipped", share=share, channel=channel, limit=settings.clipped_share
                    ),
                )
            )
    return warnings


def _loudest_db(recording: Recording) -> list[float]:
    """Level in dBFS of the loudest 20 ms frame per channel, without its mean; -inf for digital silence."""
    frame = min(round(FRAME_S * recording.sample_rate_hz), recording.samples.shape[1])
    power = np.zeros(recording.channels)
    for block in _blocks(recording.samples, frame * BLOCK_FRAMES):
        for channel in range(recording.channels):
            frames = _frames(block[channel], frame)
            if frames.size:
                power[channel] = max(power[channel], float(frames.var(axis=1, dtype=np.float64).max()))
    with np.errstate(divide="ignore"):
        return [float(level) for level in 10.0 * np.log10(power)]


def _envelope(samples: Samples, rate_hz: int) -> Levels:
    """Mean power of each 10 ms frame of samples (n,); a rest shorter than a frame is left out."""
    frame = round(ENVELOPE_S * rate_hz)
    powers = [
        _frames(block[0], frame).var(axis=1, dtype=np.float64)
        for block in _blocks(samples[np.newaxis], frame * BLOCK_FRAMES)
    ]
    return np.concatenate(powers) if powers else np.zeros(0)


def _mask(spans: Sequence[Span], frames: int) -> Mask:
    """Which 10 ms frames lie whole inside the spans."""
    mask = np.zeros(frames, np.bool_)
    for start_s, end_s in spans:
        mask[int(np.ceil(start_s / ENVELOPE_S - 1e-6)) : int(end_s / ENVELOPE_S + 1e-6)] = True
    return mask


def _blocks(samples: Samples, length: int) -> Iterator[Samples]:
    for start in range(0, samples.shape[1], max(length, 1)):
        yield samples[:, start : start + length]


def _frames(samples: Samples, length: int) -> Samples:
    """Whole frames of (n,) as (frames, length); a view."""
    count = samples.size // length if length else 0
    return samples[: count * length].reshape(count, length)


def _level(level_db: float) -> str:
    return Text("quality.digital_silence") if np.isneginf(level_db) else Text("quality.level", db=level_db)
