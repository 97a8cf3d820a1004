"""Where both channels carry the same sound: a conference bridge, an announcement, one mix recorded twice.

The channels are compared in windows of a second. The same sound may come later, fainter or inverted on one of
them; a leak is fainter by more than ``audio.same_sound_level_db`` and does not count.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.records import Recording, Samples
from pipeline.settings import AudioSettings
from pipeline.timeline import Span

SAME_SOUND = "same_sound"
"""Code of the warning."""
WINDOW_S = 1.0
HOP_S = 0.5
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Sameness:
    """Stretches with the same sound, the share 0..1 of sounding windows that have it, and its usual delay."""

    stretches: tuple[Span, ...]
    share: float
    lag_s: float


NOTHING_SAME = Sameness((), 0.0, 0.0)


def same_sound(recording: Recording, settings: AudioSettings) -> Sameness:
    """Compare the two channels of a recording; nothing is the same where there are not two.

    A stretch begins and ends with a window of the same sound; between them may be silence, but no window
    whose channels differ. Source of the measure: normalized cross-correlation over short lags.
    """
    if recording.channels != 2:
        return NOTHING_SAME
    rate_hz = recording.sample_rate_hz
    size, hop = round(WINDOW_S * rate_hz), round(HOP_S * rate_hz)
    most = round(settings.same_sound_lag_s * rate_hz)
    floor = 10.0 ** (settings.same_sound_floor_db / 20.0)
    stretches: list[Span] = []
    lags: list[int] = []
    sounding, open_from, last_end = 0, None, 0.0
    for start in range(0, max(recording.samples.shape[1] - size, 0) + 1, hop):
        pair = recording.samples[:, start : start + size]
        levels = np.sqrt(np.mean(np.square(pair, dtype=np.float64), axis=1))
        if levels.max() < floor:
            continue
        sounding += 1
        lag = _lag_of_copy(pair, levels, most, settings)
        if lag is None:
            if open_from is not None:
                stretches.append((open_from, last_end))
                open_from = None
            continue
        lags.append(lag)
        open_from = start / rate_hz if open_from is None else open_from
        last_end = min((start + size) / rate_hz, recording.duration_s)
    if open_from is not None:
        stretches.append((open_from, last_end))
    long = tuple(span for span in stretches if span[1] - span[0] >= settings.same_sound_min_s)
    lag_s = float(np.median(lags)) / rate_hz if lags else 0.0
    return Sameness(long, len(lags) / sounding if sounding else 0.0, lag_s)


def _lag_of_copy(
    pair: Samples, levels: npt.NDArray[np.float64], most: int, settings: AudioSettings
) -> int | None:
    """By how many samples the second channel (2, n) repeats the first; ``None`` where it does not."""
    apart_db = abs(20.0 * np.log10((levels[0] + TINY) / (levels[1] + TINY)))
    if apart_db > settings.same_sound_level_db:
        return None
    first, second = pair.astype(np.float64) - pair.mean(axis=1, keepdims=True)
    length = 1 << (2 * first.size - 1).bit_length()
    product = np.fft.irfft(np.conj(np.fft.rfft(first, length)) * np.fft.rfft(second, length), length)
    near = np.concatenate([product[-most:], product[: most + 1]]) if most else product[:1]
    best = int(np.abs(near).argmax()) - most
    head, tail = (first[: first.size - best], second[best:]) if best >= 0 else (first[-best:], second[:best])
    scale = float(np.sqrt((head * head).sum() * (tail * tail).sum()))
    alike = abs(float((head * tail).sum())) / scale if scale > TINY else 0.0
    return best if alike >= settings.same_sound_correlation else None
