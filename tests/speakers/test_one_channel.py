"""What the parties of one channel are given of its speech and words."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import ChannelActivity, Diarization, Event, SpeakerTranscript, Word
from pipeline.settings import load_settings
from pipeline.speakers.one_channel import activity_of, parties_of, speakers_of, transcripts_of
from pipeline.speakers.parties import alone, in_speech
from pipeline.timeline import Span, intersect, total_s, union
from pipeline.turns.events import Judged, possible_only
from pipeline.turns.units import Unit, Vocalization
from tests.factories import in_english

SETTINGS = load_settings()
BRIDGE_S = 0.25
CHANNEL = ChannelActivity(
    speech=((0.0, 4.0), (5.0, 8.0)), non_speech=(), noise_floor_db=-60.0, speech_level_db=-20.0
)
EXCHANGE = Diarization(
    voices=2,
    segments=(((0.0, 4.0),), ((3.0, 4.0), (5.0, 8.0))),
    exclusive=(((0.0, 3.4),), ((3.4, 4.0), (5.0, 8.0))),
    further=(),
    similarity=0.5,
    confidence=0.9,
)
"""One speaks for 4 s; the other comes in at 3 s and goes on after a pause."""

spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), max_size=6).map(
    lambda found: union((start / 2, (start + length) / 2) for start, length in found)
)


def words(*times: tuple[str, float, float]) -> list[Word]:
    return [Word(word=text, start_s=start_s, end_s=end_s, probability=0.9) for text, start_s, end_s in times]


@given(segments=st.tuples(spans, spans), speech=spans)
def test_all_speech_has_a_party(segments: tuple[list[Span], list[Span]], speech: list[Span]) -> None:
    """No speech is lost or invented, whatever the diarizer heard, and nothing exclusive is given twice."""
    exclusive = [segments[0], [span for span in segments[1] if not intersect([span], segments[0])]]
    found = in_speech(segments, exclusive, speech, further=(), voices=2, similarity=None, confidence=None)
    for parts in (found.segments, found.exclusive):
        assert total_s(span for own in parts for span in own) == pytest.approx(total_s(speech))
    if len(found.exclusive) == 2:
        assert intersect(*found.exclusive) == []
        first = [own[0][0] for own in found.exclusive if own]
        assert first == sorted(first)


def test_further_voices_are_nobodys() -> None:
    """Speech of a third voice is not forced on one of the two parties."""
    found = in_speech(
        [[(0.0, 2.0)], [(6.0, 8.0)]],
        [[(0.0, 2.0)], [(6.0, 8.0)]],
        [(0.0, 8.0)],
        further=[(3.0, 5.0)],
        voices=3,
        similarity=0.4,
        confidence=0.9,
    )
    assert intersect(found.further, [span for own in found.segments for span in own]) == []
    (_, more) = speakers_of(found, SETTINGS.turns).warnings
    assert (more.code, more.start_s, more.end_s) == ("more_than_two_voices", 3.0, 5.0)
    assert "2 s or 25%" in in_english(more.message)


def test_one_voice_is_single() -> None:
    """A call with one voice has one speaker, and no turn-taking is claimed."""
    found = speakers_of(alone(CHANNEL.speech), SETTINGS.turns)
    assert (found.separation.method, list(found.channel_of)) == ("single", ["speaker_1"])
    assert [warning.code for warning in found.warnings] == ["one_channel"]


def test_words_go_by_time() -> None:
    """The middle of a word decides; a word outside all segments goes to the nearest."""
    given_words = words(("one", 0.0, 3.0), ("two", 3.1, 4.0), ("late", 4.2, 4.9), ("three", 5.0, 8.0))
    assert parties_of(given_words, EXCHANGE, BRIDGE_S) == [0, 1, 1, 1]


def test_a_stray_word_follows_the_flow() -> None:
    """One word inside the other's continuous speech is a slip of the diarizer; between pauses it is not."""
    slip = replace(
        EXCHANGE,
        segments=(((0.0, 4.0),), ((1.0, 1.5), (5.0, 8.0))),
        exclusive=(((0.0, 1.0), (1.5, 4.0)), ((1.0, 1.5), (5.0, 8.0))),
    )
    flow = words(("I", 0.5, 1.0), ("really", 1.0, 1.5), ("did", 1.5, 2.0), ("yes", 5.0, 5.5))
    assert parties_of(flow, slip, BRIDGE_S) == [0, 0, 0, 1]
    apart = words(("I", 0.2, 0.6), ("mm-hm", 1.0, 1.5), ("did", 2.0, 2.5), ("yes", 5.0, 5.5))
    assert parties_of(apart, slip, BRIDGE_S) == [0, 1, 0, 1]


def test_activity_and_words_of_each_party() -> None:
    """Overlap is kept in the activity, and each party's words lie inside it."""
    levels = np.full(800, -30.0, dtype=np.float32)
    levels[500:] = -20.0
    activity = activity_of(EXCHANGE, CHANNEL, levels, SETTINGS.speech)
    assert activity["speaker_1"].speech == ((0.0, 4.0),)
    assert activity["speaker_1"].speech_level_db == -30.0
    assert activity["speaker_2"].speech_level_db == -20.0
    heard = words(("one", 0.0, 1.0), ("two", 1.0, 3.0), ("three", 3.3, 4.0), ("four", 5.0, 8.0))
    transcript = SpeakerTranscript(words=tuple(heard), language="en", dropped_words=3, coverage=1.0)
    found = transcripts_of(EXCHANGE, transcript, activity, SETTINGS)
    assert [[word.word for word in one.words] for one in found.values()] == [
        ["one", "two"],
        ["three", "four"],
    ]
    assert [one.dropped_words for one in found.values()] == [0, 0]


@pytest.mark.parametrize(
    ("overlap_s", "kept"), [(0.0, True), (0.6, False), (0.99, False), (1.0, True), (2.5, True)]
)
def test_events_on_one_channel_are_possible(overlap_s: float, kept: bool) -> None:
    """Short overlaps are not told of, and nothing is more than possible; the floor stays as it was."""
    event = Event(
        by="speaker_1",
        of="speaker_2",
        start_s=1.0,
        end_s=3.5,
        overlap_s=overlap_s,
        kind="interruption",
        yielded=True,
        confidence=0.9,
        quote="",
        reason="",
    )
    judged = Judged(Vocalization((Unit("speaker_1", 1.0, 3.5, ()),)), event, takes_floor=True)
    (found,) = possible_only([judged], SETTINGS.turns)
    assert found.takes_floor
    assert (found.event is not None) is kept
    assert found.event is None or found.event.confidence == 0.5
