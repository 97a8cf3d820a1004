"""One speaker heard in the other's channel: how much of it, and the other's speech without it.

A leak is a fainter, slightly later copy. Its level and delay are estimated for each direction. From then on a
frame of the other channel counts as its own speaker's only where it is clearly louder than the leak that the
first channel predicts for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipeline.audio.frames import CLOCK, Levels, Mask
from pipeline.records import ChannelActivity, Role
from pipeline.settings import SpeechSettings
from pipeline.timeline import Span, bridge, subtract, total_s

LOUD_PERCENTILE, LOUD_RANGE_DB = 90.0, 20.0
"""Frames of a speaker within this range of their loud ones show a leak best."""
PILE_DB = 1.5
STEADY_RATIO = 1.2
SPREAD_FRAMES = 2
"""A leak is smeared by the line: its level is predicted from the loudest frame this near."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Level relative to the source in dB, delay, and the share of the source's frames that follow it."""

    level_db: float
    lag_s: float
    share: float


def find_leak(
    source: Levels, target: Levels, speech: Sequence[Span], settings: SpeechSettings
) -> Leak | None:
    """How the speaker of one channel is heard in the other; ``None`` where that does not show.

    In the frames in which the speaker is loud, the difference of the two levels then piles up at one value,
    and more so than the level of the target itself, which piles up when it is steady noise. Frames in which
    the other speaks as well fall elsewhere and do no harm.

    Args:
        source, target: frame levels of the two channels in dBFS, shape (frames,).
        speech: of the source.
    """
    frames = np.flatnonzero(CLOCK.mask(list(speech), source.size))
    if frames.size:
        loud = float(np.percentile(source[frames], LOUD_PERCENTILE))
        frames = frames[source[frames] >= loud - LOUD_RANGE_DB]
    if frames.size * CLOCK.hop_s < settings.bleed_min_s:
        return None
    best: Leak | None = None
    for lag in range(round(settings.bleed_max_lag_s / CLOCK.hop_s) + 1):
        inside = frames[frames + lag < target.size]
        level_db, share = _pile(target[inside + lag] - source[inside])
        if best is None or share > best.share:
            best = Leak(level_db, lag * CLOCK.hop_s, share)
    if best is None or best.level_db >= 0 or best.share < settings.bleed_share:
        return None
    inside = frames[frames + round(best.lag_s / CLOCK.hop_s) < target.size]
    _, steady = _pile(target[inside + round(best.lag_s / CLOCK.hop_s)])
    return best if best.share > STEADY_RATIO * steady else None


def _pile(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """The value that most values lie within ``PILE_DB`` of, and their share."""
    if values.size == 0:
        return 0.0, 0.0
    ordered = np.sort(values)
    counts = np.searchsorted(ordered, ordered + 2 * PILE_DB, "right") - np.arange(ordered.size)
    first = int(counts.argmax())
    return float(ordered[first : first + counts[first]].mean()), float(counts[first] / ordered.size)


def without_leak(
    activity: Mapping[Role, ChannelActivity],
    levels: Mapping[Role, Levels],
    settings: SpeechSettings,
) -> dict[Role, ChannelActivity]:
    """The activity of two channels without the speech that is the other speaker's leak."""
    if len(activity) != 2:
        return dict(activity)
    cleaned: dict[Role, ChannelActivity] = dict(activity)
    first, second = activity
    for source, target in ((first, second), (second, first)):
        leak = find_leak(levels[source], levels[target], activity[source].speech, settings)
        if leak is not None:
            leaking = _leaking(
                levels[source], levels[target], activity[target].noise_floor_db, leak, settings
            )
            cleaned[target] = _without(activity[target], leaking, settings)
    return cleaned


def _leaking(
    source: Levels, target: Levels, floor_db: float, leak: Leak, settings: SpeechSettings
) -> list[Span]:
    """Where the target channel holds no more than the leak of the source, or nothing between two leaks."""
    lag = round(leak.lag_s / CLOCK.hop_s)
    late = np.pad(source, (lag, 0), mode="edge")[: source.size]
    around = np.pad(late, SPREAD_FRAMES, mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(around, 2 * SPREAD_FRAMES + 1).max(axis=1)
    predicted_db = near + leak.level_db
    heard: Mask = (predicted_db > floor_db) & (target < predicted_db + settings.bleed_margin_db)
    through = CLOCK.mask(bridge(CLOCK.spans(heard), settings.bridge_s), target.size)
    return CLOCK.spans(heard | through & (target < floor_db + settings.bleed_margin_db))


def _without(activity: ChannelActivity, leaking: Sequence[Span], settings: SpeechSettings) -> ChannelActivity:
    """Units keep their inner pauses; one that is nearly all leak, or a rest of one, is gone."""
    kept = bridge(subtract(activity.speech, leaking), settings.bridge_s)
    own = [
        unit
        for unit in kept
        if total_s(subtract([unit], leaking))
        >= max(settings.min_speech_s, settings.bleed_own_share * (unit[1] - unit[0]))
    ]
    return replace(activity, speech=tuple(own))
