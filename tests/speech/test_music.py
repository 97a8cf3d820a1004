"""Sound that is not speech: call-progress tones, keypad tones, hold music; and speech, which is neither."""

import itertools

import numpy as np
import pytest

from pipeline.audio.frames import levels_db
from pipeline.models import load_voice_activity
from pipeline.records import ChannelActivity, Samples
from pipeline.speech.activity import channel_activity
from pipeline.speech.music import non_speech
from pipeline.timeline import Span, overlap_s, total_s
from tests.dialogue import SETTINGS
from tests.speech.sounds import RATE_HZ, chords, line, tone, voice

FLOORS = [None, -65.0]
TONES: dict[str, tuple[tuple[float, ...], float, tuple[float, ...]]] = {
    # frequencies, length, starts (ITU-T E.180 and national variants)
    "ringing, North America": ((440, 480), 2.0, (1.0, 7.0)),
    "ringing, Europe": ((425,), 1.0, (1.0, 6.0)),
    "ringing, United Kingdom": ((400, 450), 0.4, (1.0, 1.6, 4.0, 4.6)),
    "busy, North America": ((480, 620), 0.5, (1.0, 2.0, 3.0, 4.0, 5.0)),
    "busy, Europe": ((425,), 0.5, (1.0, 2.0, 3.0, 4.0, 5.0)),
    "a keypad tone, held": ((770, 1336), 0.5, (1.0, 3.0)),
    "a beep before recording": ((1400,), 0.5, (2.0,)),
}


def listen(samples: Samples) -> ChannelActivity:
    return channel_activity(
        samples, RATE_HZ, levels_db(samples, RATE_HZ), load_voice_activity(), SETTINGS.speech
    )


def non_speech_of(samples: Samples, sounding: list[Span], voiced: list[Span] | None = None) -> list[Span]:
    return non_speech(samples, RATE_HZ, sounding, voiced or [], SETTINGS.speech)


@pytest.mark.parametrize("floor_db", FLOORS)
@pytest.mark.parametrize("name", TONES)
def test_call_progress_tones_are_no_speech(name: str, floor_db: float | None) -> None:
    """Nobody says a ring: it is not transcribed and is in no talk time."""
    frequencies, length_s, starts = TONES[name]
    samples = line(12.0, *((start_s, tone(length_s, *frequencies)) for start_s in starts), floor_db=floor_db)
    truth = [(start_s, start_s + length_s) for start_s in starts]
    found = listen(samples)
    assert found.speech == ()
    assert overlap_s(found.non_speech, truth) >= 0.9 * total_s(truth)
    assert total_s(found.non_speech) <= total_s(truth) + 0.05 * len(truth)


@pytest.mark.parametrize("floor_db", FLOORS)
def test_dialled_digits_are_no_speech(floor_db: float | None) -> None:
    """Keypad digits of a tenth of a second each, as a machine dials them (ITU-T Q.23), are no words."""
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477)
    digits = [(1.0 + 0.2 * n, tone(0.1, rows[n % 4], columns[n % 3])) for n in range(11)]
    assert listen(line(5.0, *digits, floor_db=floor_db)).speech == ()


@pytest.mark.parametrize("floor_db", FLOORS)
@pytest.mark.parametrize("length_s", [5.3, 8.0, 9.6])
def test_steady_chords_are_no_speech(length_s: float, floor_db: float | None) -> None:
    """Music on hold is music from its beginning to its end: no part of it is left over as speech."""
    found = listen(
        line(60.0, (5.0, voice(3.0)), (20.0, chords(length_s)), (40.0, voice(3.0)), floor_db=floor_db)
    )
    assert overlap_s(found.speech, [(20.0, 20.0 + length_s)]) == 0
    assert overlap_s(found.non_speech, [(20.0, 20.0 + length_s)]) >= 0.9 * length_s
    assert overlap_s(found.speech, [(5.0, 8.0), (40.0, 43.0)]) >= 5.9


@pytest.mark.parametrize("f0_hz", [95.0, 150.0, 220.0])
def test_voices_are_no_music(f0_hz: float) -> None:
    """A voice, low or high, is never taken out as a tone or as music."""
    samples = line(12.0, (1.0, voice(9.0, f0_hz=f0_hz)), floor_db=-65.0)
    found = listen(samples)
    assert found.non_speech == ()
    assert overlap_s(found.speech, [(1.0, 10.0)]) >= 8.9


def test_a_steady_sound_that_is_voice_is_no_music() -> None:
    """What Silero takes for a voice is not music, however steady: a held vowel stays speech."""
    samples = line(10.0, (1.0, chords(8.0)))
    span = [(1.0, 9.0)]
    assert total_s(non_speech_of(samples, span)) >= 7.0
    assert non_speech_of(samples, span, span) == []


@pytest.mark.parametrize(("length_s", "found"), [(0.30, False), (0.42, True), (1.0, True)])
def test_the_shortest_tone(length_s: float, found: bool) -> None:
    """Under 0.4 s a pure sound may be a whistle in a word; from there on it is a tone."""
    samples = line(3.0, (1.0, tone(length_s, 1000)))
    assert (non_speech_of(samples, [(1.0, 1.0 + length_s)]) != []) is found


def test_only_what_sounds_is_judged() -> None:
    """A tone that is under the gate is nobody's business."""
    samples = line(10.0, (1.0, tone(2.0, 440)), (6.0, tone(2.0, 440)))
    found = non_speech_of(samples, [(6.0, 8.0)])
    assert overlap_s(found, [(6.0, 8.0)]) >= 1.9
    assert overlap_s(found, [(0.0, 5.0)]) == 0


@pytest.mark.parametrize("sounding", [[], [(1.0, 1.005)], [(9.99, 10.0)]])
def test_hardly_any_sound(sounding: list[Span]) -> None:
    """Nothing, or too little for a spectrum, is no tone and no error."""
    assert non_speech_of(np.zeros(10 * RATE_HZ, dtype=np.float32), sounding) == []


def test_spans_are_sorted_and_apart() -> None:
    """Tones inside music are counted once."""
    samples = line(20.0, (1.0, chords(8.0)), (9.0, tone(2.0, 440)), (13.0, tone(1.0, 425)))
    found = non_speech_of(samples, [(1.0, 11.0), (13.0, 14.0)])
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))
    assert total_s(found) == pytest.approx(sum(end_s - start_s for start_s, end_s in found))
