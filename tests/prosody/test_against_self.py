"""A voice against itself: higher, louder and brighter speech scores above 0, the same voice at 0."""

import numpy as np
import pytest

from pipeline.audio.frames import levels_db
from pipeline.prosody.against_self import VoiceScores, voice_scores
from pipeline.prosody.pitch import PitchTrackerSettings, track_pitch
from pipeline.records import Samples
from pipeline.settings import load_settings

RATE_HZ = 8000
SETTINGS = load_settings().tension


def voice(seconds: float, f0_hz: float, gain_db: float = 0.0, tilt: float = 1.5, seed: int = 1) -> Samples:
    """Harmonics whose pitch and level wander a little; ``tilt`` is how fast they fall."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE_HZ)
    times_s = np.arange(count) / RATE_HZ
    wander = np.interp(times_s, np.arange(0, seconds + 1), rng.normal(0, 1, int(seconds) + 1))
    phase = 2 * np.pi * np.cumsum(f0_hz * 2 ** (wander / 12)) / RATE_HZ
    tone = sum(np.sin(k * phase) / k**tilt for k in range(1, 12))
    scale = 0.05 * 10 ** ((gain_db + wander) / 20)
    return (scale * tone + rng.normal(0, 1e-4, count)).astype(np.float32)


def scores(sound: Samples, *turns: tuple[float, float]) -> list[VoiceScores]:
    whole = np.array([[0.0, sound.size / RATE_HZ]])
    track = track_pitch(sound, RATE_HZ, PitchTrackerSettings(), whole)
    return voice_scores(track, sound, RATE_HZ, levels_db(sound, RATE_HZ), turns, SETTINGS)


def test_a_raised_voice() -> None:
    """Pitch, level and high frequencies each rise in their own score."""
    sound = np.concatenate((voice(32, 120.0), voice(6, 150.0, 8.0, 0.8, seed=2)))
    calm, raised = scores(sound, (10.0, 20.0), (32.0, 38.0))
    for name in ("f0_z", "level_z", "high_frequency_z"):
        low, high = getattr(calm, name), getattr(raised, name)
        assert abs(low) < 1 < 1.5 < high <= SETTINGS.clip_z


@pytest.mark.parametrize("gain_db", [-10.0, 10.0])
@pytest.mark.parametrize("f0_hz", [100.0, 220.0])
def test_height_and_level_of_the_voice_do_not_matter(f0_hz: float, gain_db: float) -> None:
    """Everybody is compared with themselves."""
    sound = voice(36, f0_hz, gain_db)
    plain = scores(voice(36, 120.0), (30.0, 36.0))[0]
    other = scores(sound, (30.0, 36.0))[0]
    assert plain.f0_z is not None
    assert other.f0_z == pytest.approx(plain.f0_z, abs=0.3)
    assert other.level_z == pytest.approx(plain.level_z, abs=0.1)


def test_too_little_voice() -> None:
    """No scores without a reference, nor for a turn under a second."""
    assert scores(voice(4, 120.0), (0.0, 4.0)) == [VoiceScores()]
    assert scores(voice(20, 120.0), (0.0, 0.5)) == [VoiceScores()]
    assert scores(np.zeros(RATE_HZ, dtype=np.float32), (0.0, 1.0)) == [VoiceScores()]
