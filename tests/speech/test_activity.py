"""Where a channel carries speech: made voices at known times, on quiet and noisy lines, real Silero."""

import numpy as np
import pytest

from pipeline.audio.frames import levels_db
from pipeline.models import load_voice_activity
from pipeline.records import ChannelActivity, Samples
from pipeline.speech.activity import channel_activity
from pipeline.timeline import Span, overlap_s, total_s
from tests.dialogue import SETTINGS
from tests.speech.sounds import RATE_HZ, chords, edges_off_s, hiss, line, tone, voice

TALK: list[Span] = [(1.0, 2.5), (4.0, 5.2), (7.5, 10.0)]
AIM_S = 0.040


def listen(samples: Samples, rate_hz: int = RATE_HZ) -> ChannelActivity:
    return channel_activity(
        samples, rate_hz, levels_db(samples, rate_hz), load_voice_activity(), SETTINGS.speech
    )


def talk(level_db: float, floor_db: float | None, rate_hz: int = RATE_HZ) -> Samples:
    parts = [(start_s, voice(end_s - start_s, level_db, rate_hz=rate_hz)) for start_s, end_s in TALK]
    return line(12.0, *parts, floor_db=floor_db, rate_hz=rate_hz)


@pytest.mark.parametrize("floor_db", [None, -80.0, -65.0])
@pytest.mark.parametrize("level_db", [-12.0, -20.0, -30.0])
def test_edges_on_a_quiet_line(level_db: float, floor_db: float | None) -> None:
    """All timing comes from these edges: they are within 40 ms at any ordinary level."""
    found = listen(talk(level_db, floor_db))
    assert max(edges_off_s(found.speech, TALK)) <= AIM_S
    assert found.non_speech == ()


@pytest.mark.parametrize("floor_db", [None, -80.0, -65.0])
def test_quiet_speech_is_not_lost(floor_db: float | None) -> None:
    """A soft voice at -45 dBFS is all there: default filters lose half of such a caller."""
    found = listen(talk(-45.0, floor_db))
    assert max(edges_off_s(found.speech, TALK)) <= AIM_S


def test_quiet_speech_beside_loud_speech() -> None:
    """Somebody who turns away from the telephone is heard as well as before."""
    samples = line(10.0, (1.0, voice(2.0, -15.0)), (5.0, voice(2.0, -43.0)), floor_db=-75.0)
    assert max(edges_off_s(listen(samples).speech, [(1.0, 3.0), (5.0, 7.0)])) <= AIM_S


@pytest.mark.parametrize("level_db", [-15.0, -20.0])
def test_edges_on_a_noisy_line(level_db: float) -> None:
    """On -35 dB of noise the same speech is found, a little less sharply."""
    found = listen(talk(level_db, -35.0))
    assert max(edges_off_s(found.speech, TALK)) <= 2 * AIM_S


@pytest.mark.parametrize("floor_db", [-65.0, -35.0])
@pytest.mark.parametrize("length_s", [5.0, 60.0])
def test_noise_alone_is_no_speech(floor_db: float, length_s: float) -> None:
    """An open line on which nobody speaks yields nothing to transcribe."""
    found = listen(line(length_s, floor_db=floor_db))
    assert (found.speech, found.non_speech, found.speech_level_db) == ((), (), None)


@pytest.mark.parametrize("f0_hz", [95.0, 140.0, 210.0])
def test_low_and_high_voices_are_found_alike(f0_hz: float) -> None:
    """Men and women have the same edges."""
    samples = line(6.0, (1.0, voice(1.5, f0_hz=f0_hz)), (4.0, voice(1.0, f0_hz=f0_hz)), floor_db=-65.0)
    assert max(edges_off_s(listen(samples).speech, [(1.0, 2.5), (4.0, 5.0)])) <= AIM_S


@pytest.mark.parametrize(("pause_s", "units"), [(0.15, 1), (0.21, 1), (0.30, 2), (0.50, 2)])
def test_short_pauses_belong_to_a_unit(pause_s: float, units: int) -> None:
    """Gaps under 250 ms are bridged, longer ones part inter-pausal units (docs/measures/speech.md)."""
    found = listen(line(6.0, (1.0, voice(1.0)), (2.0 + pause_s, voice(1.0))))
    assert len(found.speech) == units
    assert found.speech[0][0] == pytest.approx(1.0, abs=AIM_S)
    assert found.speech[-1][1] == pytest.approx(3.0 + pause_s, abs=AIM_S)


@pytest.mark.parametrize("floor_db", [None, -65.0, -35.0])
def test_clicks_are_no_speech(floor_db: float | None) -> None:
    """Switching and keyboard clicks, however loud, are nobody's word."""
    click = np.array([0.8, 0.8, -0.8, 0.4], dtype=np.float32)
    samples = line(8.0, (1.0, click), (2.0, click), (3.3, click), (5.0, click), floor_db=floor_db)
    assert listen(samples).speech == ()


@pytest.mark.parametrize("length_s", [0.0, 0.001, 0.019, 0.02, 0.05])
def test_hardly_any_samples(length_s: float) -> None:
    """An empty recording, or one of a few samples, is a silent one and no error."""
    found = listen(hiss(length_s, -20.0) if length_s >= 0.001 else np.zeros(0, dtype=np.float32))
    assert found.speech == ()


def test_digital_silence() -> None:
    """A dead channel has no speech and no level, at the lowest floor there is."""
    found = listen(np.zeros(10 * RATE_HZ, dtype=np.float32))
    assert (found.speech, found.non_speech, found.speech_level_db, found.snr_db) == ((), (), None, None)
    assert found.noise_floor_db <= -90.0


@pytest.mark.parametrize("gain_db", [-12.0, -6.0, 6.0])
def test_gain_moves_levels_and_no_edges(gain_db: float) -> None:
    """A louder line has the same talk in it."""
    samples = talk(-20.0, -70.0)
    plain, scaled = listen(samples), listen((samples * 10 ** (gain_db / 20)).astype(np.float32))
    assert max(edges_off_s(scaled.speech, plain.speech)) <= 0.02
    assert scaled.noise_floor_db == pytest.approx(plain.noise_floor_db + gain_db, abs=0.5)
    assert scaled.speech_level_db == pytest.approx(plain.speech_level_db + gain_db, abs=0.5)


@pytest.mark.parametrize("floor_db", [-65.0, -50.0])
def test_levels_are_those_of_the_line(floor_db: float) -> None:
    """The floor is the noise's, the speech level the voice's: their difference gates the pitch."""
    found = listen(talk(-20.0, floor_db))
    assert found.noise_floor_db == pytest.approx(floor_db, abs=2.0)
    assert found.speech_level_db == pytest.approx(-20.0, abs=3.0)
    assert found.snr_db == pytest.approx(-20.0 - floor_db, abs=4.0)


def test_the_rate_of_the_recording_does_not_matter() -> None:
    """The same talk at 16 kHz has the same edges."""
    narrow, wide = listen(talk(-20.0, -65.0)), listen(talk(-20.0, -65.0, 16_000), 16_000)
    assert max(edges_off_s(wide.speech, narrow.speech)) <= AIM_S


def test_a_long_monologue_is_speech_to_its_end() -> None:
    """Somebody who speaks for half a minute without a breath does not become the noise floor."""
    found = listen(line(40.0, (2.0, voice(32.0)), floor_db=-65.0))
    assert overlap_s(found.speech, [(2.0, 34.0)]) >= 0.99 * 32
    assert total_s(found.speech) <= 32.1


def test_a_later_noise_does_not_hide_earlier_speech() -> None:
    """The floor is local: a fan that starts after a minute leaves the first minute as it was."""
    quiet = line(45.0, (5.0, voice(2.0, -40.0)), floor_db=-75.0)
    loud = line(45.0, (5.0, voice(2.0, -15.0)), floor_db=-40.0)
    found = listen(np.concatenate((quiet, loud)))
    assert [span for span in found.speech if span[1] < 40] == [pytest.approx((5.0, 7.0), abs=AIM_S)]
    assert overlap_s(found.speech, [(50.0, 52.0)]) >= 1.8


def test_speech_and_other_sound_are_apart() -> None:
    """No instant is both speech and not speech, and what is spoken after a ring is speech from its start."""
    found = listen(line(14.0, (1.0, tone(2.0, 440, 480)), (6.0, voice(3.0)), floor_db=-65.0))
    assert overlap_s(found.speech, found.non_speech) == 0
    assert max(edges_off_s(found.speech, [(6.0, 9.0)])) <= AIM_S
    assert overlap_s(found.non_speech, [(1.0, 3.0)]) >= 1.9


def test_hold_music_of_half_a_minute_is_not_the_floor() -> None:
    """Music that fills the local window is sound that is not speech: without it a hold would be dead air."""
    found = listen(line(60.0, (2.0, voice(6.0)), (10.0, chords(36.0)), (50.0, voice(6.0)), floor_db=-65.0))
    assert overlap_s(found.non_speech, [(10.0, 46.0)]) >= 0.8 * 36
    assert overlap_s(found.speech, [(10.0, 46.0)]) <= 0.5
    assert overlap_s(found.speech, [(2.0, 8.0), (50.0, 56.0)]) >= 0.95 * 12
