"""Where one channel carries speech, with tight edges and without losing quiet speech.

A telephone line with two channels is silent between turns, so energy tells speech from silence better
than a voice-activity network, which loses soft voices. The gate therefore rests on the channel's own noise
floor. The network (Silero) adds sounds under the gate that it is sure of, and decides where the floor is
noisy. Tones and hold music are taken out.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pipeline.audio.frames import CLOCK, Levels, Mask, blocks
from pipeline.records import ChannelActivity, Samples
from pipeline.settings import SpeechSettings
from pipeline.speech.music import non_speech
from pipeline.timeline import bridge, subtract

VoiceActivityModel = Callable[[Samples], npt.NDArray[np.float32]]
"""Maps samples at 16 kHz, a multiple of 512, to one probability of voice per 512 samples."""

SILERO_RATE_HZ = 16_000
SILERO_STEP = 512
FLOOR_PERCENTILE = 10.0
DIGITAL_SILENCE_DB = -90.0
SPEECH_PERCENTILE = 90.0
VOICE_PAD_FRAMES = 10
NOISY_RELEASE = 0.6
"""Share of the onset probability at which noisy speech ends (hysteresis)."""
NOISY_SMOOTHING_FRAMES = 3
"""Levels are averaged over these where noise makes single frames jump."""


def channel_activity(
    samples: Samples,
    sample_rate_hz: int,
    levels: Levels,
    model: VoiceActivityModel,
    settings: SpeechSettings,
) -> ChannelActivity:
    """Speech and other sound of one channel.

    Args:
        samples: shape (n,), float32, -1..1.
        levels: its frame levels in dBFS, shape (frames,).
        model: the Silero network, from :func:`pipeline.models.load_voice_activity`.
    """
    if levels.size == 0 or float(levels.max()) <= settings.gate_floor_db:
        floor_db = float(np.median(levels)) if levels.size else settings.gate_floor_db
        return ChannelActivity(speech=(), non_speech=(), noise_floor_db=floor_db, speech_level_db=None)
    local_floor = _noise_floor(levels, settings.floor_window_s)
    voice = _voice_probability(samples, sample_rate_hz, model, levels.size)
    active = _gate(levels, local_floor, voice, settings)
    sounding = CLOCK.spans(active)
    voiced = CLOCK.spans(voice >= settings.voice_probability_quiet)
    audible = CLOCK.spans(active | (levels >= settings.noisy_floor_db))
    other = non_speech(samples, sample_rate_hz, audible, voiced, settings)
    whole = set(sounding)
    pieces = [
        piece
        for piece in subtract(sounding, other)
        if piece in whole or piece[1] - piece[0] >= settings.min_speech_s  # not the rim of a tone
    ]
    units = bridge(pieces, settings.bridge_s)
    speech = [unit for unit in units if unit[1] - unit[0] >= settings.min_speech_s]
    speech_levels = levels[CLOCK.mask(speech, levels.size)]
    return ChannelActivity(
        speech=tuple(speech),
        non_speech=tuple(other),
        noise_floor_db=float(np.median(local_floor)),
        speech_level_db=float(np.median(speech_levels)) if speech_levels.size else None,
    )


def _noise_floor(levels: Levels, window_s: float) -> Levels:
    """Low percentile of the levels around each frame, digital silence left out; shape (frames,)."""
    step = max(1, round(window_s / 2 / CLOCK.hop_s))
    centers = np.arange(0, levels.size, step)
    floors = []
    for center in centers:
        around = levels[max(0, center - step) : center + step]
        sounding = around[around > DIGITAL_SILENCE_DB]
        low = np.percentile(sounding, FLOOR_PERCENTILE) if sounding.size else DIGITAL_SILENCE_DB
        quiet_share = 1 - sounding.size / around.size
        floors.append(DIGITAL_SILENCE_DB if quiet_share > FLOOR_PERCENTILE / 100 else float(low))
    return np.interp(np.arange(levels.size), centers, floors).astype(np.float32)


def _voice_probability(
    samples: Samples, sample_rate_hz: int, model: VoiceActivityModel, frames: int
) -> npt.NDArray[np.float32]:
    """Silero's probability at each level frame, shape (frames,)."""
    pieces = []
    rest = np.empty(0, dtype=np.float32)
    for block in blocks(samples, sample_rate_hz, SILERO_RATE_HZ):
        rest = np.concatenate((rest, block))
        usable = rest.size - rest.size % SILERO_STEP
        if usable:
            pieces.append(np.asarray(model(rest[:usable]), dtype=np.float32).ravel())
            rest = rest[usable:]
    padded = np.pad(rest, (0, SILERO_STEP - rest.size))
    pieces.append(np.asarray(model(padded), dtype=np.float32).ravel())
    probabilities = np.concatenate(pieces)
    times_s = CLOCK.frame_s / 2 + np.arange(frames) * CLOCK.hop_s
    indices = np.minimum((times_s * SILERO_RATE_HZ / SILERO_STEP).astype(np.intp), probabilities.size - 1)
    found: npt.NDArray[np.float32] = probabilities[indices]
    return found


def _gate(levels: Levels, floor: Levels, voice: npt.NDArray[np.float32], settings: SpeechSettings) -> Mask:
    """True for frames that sound like speech; shape (frames,)."""
    loud = float(np.percentile(levels[levels > settings.gate_floor_db], SPEECH_PERCENTILE))
    depth_db = loud - settings.gate_depth_db
    quiet_line = floor < settings.noisy_floor_db
    lowest = np.where(quiet_line, max(settings.gate_floor_db, depth_db), -np.inf)
    on = levels >= np.maximum(floor + settings.gate_on_db, lowest)
    hold = levels >= np.maximum(floor + settings.gate_off_db, lowest)
    by_energy = _hysteresis(on, hold)
    sure = (voice >= settings.voice_probability_quiet) & (levels >= floor + settings.gate_off_db)
    likely = _hysteresis(
        voice >= settings.voice_probability_noisy, voice >= NOISY_RELEASE * settings.voice_probability_noisy
    )
    near_voice = _dilate(likely, VOICE_PAD_FRAMES)
    over_db = np.convolve(levels, np.full(NOISY_SMOOTHING_FRAMES, 1 / NOISY_SMOOTHING_FRAMES), "same") - floor
    begins = near_voice & (over_db >= settings.gate_on_noisy_db)
    lasts = near_voice & (over_db >= settings.gate_off_noisy_db) | (voice >= settings.voice_hold_probability)
    return np.where(quiet_line, by_energy | sure, _hysteresis(begins, begins | lasts))


def _hysteresis(on: Mask, hold: Mask) -> Mask:
    """Runs of ``hold`` that contain an ``on``."""
    labels = np.cumsum(np.diff(hold.astype(np.int8), prepend=0) == 1) * hold
    with_onset = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.bool_)
    with_onset[labels[on & hold]] = True
    with_onset[0] = False
    kept: Mask = with_onset[labels]
    return kept


def _dilate(mask: Mask, frames: int) -> Mask:
    """True within ``frames`` of a true frame."""
    reach = np.convolve(mask.astype(np.int32), np.ones(2 * frames + 1, dtype=np.int32))
    return reach[frames : frames + mask.size] > 0
