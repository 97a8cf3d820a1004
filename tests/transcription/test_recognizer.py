"""From a channel to a speaker's words, with a recognizer that says what it is told to."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from pipeline.errors import InputRejected, StageFailed
from pipeline.records import Samples, SpeakerTranscript, Word
from pipeline.settings import RecognizerSettings, load_settings
from pipeline.timeline import Span
from pipeline.transcription.packing import RECOGNIZER_RATE_HZ
from pipeline.transcription.recognizer import Recognizer, WindowText, transcribe
from tests.dialogue import spread

RATE_HZ = 8000
NEVER = "recognizer.relisten_s=1000"
SILENCE: Samples = np.zeros(120 * RATE_HZ, dtype=np.float32)


def changed(*assignments: str, relisten: str = NEVER) -> RecognizerSettings:
    """Settings under which speech without words is left alone, unless a test is about that."""
    return load_settings(None, [relisten, *assignments]).recognizer


def text(
    sentence: str,
    seconds: float = 1.0,
    *,
    language: str = "en",
    log_probability: float = -0.3,
    no_speech: float = 0.05,
    repetition: float = 1.2,
    **languages: float,
) -> WindowText:
    return WindowText(
        words=spread(sentence.split(), (0.15, 0.15 + seconds)),
        language=language,
        mean_log_probability=log_probability,
        no_speech_probability=no_speech,
        compression_ratio=repetition,
        languages=languages,
    )


@dataclass
class Told:
    """A recognizer that gives prepared texts in turn and remembers what it was asked."""

    texts: list[WindowText]
    repaired: list[WindowText] = field(default_factory=list)
    calls: list[tuple[list[float], str, int]] = field(default_factory=list)
    verbatim: list[bool] = field(default_factory=list)
    parts: list[dict[str, float]] = field(default_factory=list)

    def languages(self, windows: Sequence[Samples]) -> list[dict[str, float]]:
        return [self.parts.pop(0) for _ in windows]

    def recognize(
        self,
        windows: Sequence[Samples],
        language: str,
        *,
        verbatim: bool,
        no_repeat_words: int = 0,
    ) -> list[WindowText]:
        seconds = [round(window.size / RECOGNIZER_RATE_HZ, 2) for window in windows]
        self.verbatim.append(verbatim)
        self.calls.append((seconds, language, no_repeat_words))
        source = self.repaired if no_repeat_words else self.texts
        return [source.pop(0) for _ in windows]


def hear(
    recognizer: Recognizer,
    speech: Sequence[Span],
    language: str | None = "en",
    settings: RecognizerSettings | None = None,
) -> SpeakerTranscript:
    return transcribe(SILENCE, RATE_HZ, speech, recognizer, settings or changed(), language)


def said(transcript: SpeakerTranscript) -> str:
    return " ".join(word.word for word in transcript.words)


def times(words: Sequence[Word]) -> list[tuple[float, float]]:
    return [(round(word.start_s, 3), round(word.end_s, 3)) for word in words]


FAR_APART = [(1.0, 21.0), (30.0, 50.0), (60.0, 80.0), (90.0, 110.0)]
"""Four stretches that need a window each."""


def test_words_come_back_to_where_they_were_said() -> None:
    """Times in a window are times in the recording again."""
    found = hear(Told([text("good day", 1.0)]), [(50.0, 51.0)])
    assert times(found.words) == [(50.0, 50.5), (50.5, 51.0)]
    assert (found.language, found.dropped_words, found.coverage) == ("en", 0, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("doubtful", "kept"),
    [
        (text("thanks for watching", log_probability=-1.1, no_speech=0.7), False),
        (text("thanks for watching", log_probability=-0.9, no_speech=0.7), True),  # sure of its words
        (text("thanks for watching", log_probability=-1.1, no_speech=0.5), True),  # sure of the voice
    ],
)
def test_invented_text_is_dropped_and_counted(doubtful: WindowText, kept: bool) -> None:
    """Low probability where no speech was heard is invention: its words are out, and the count says so."""
    found = hear(Told([doubtful]), [(1.0, 2.0)])
    assert (said(found), found.dropped_words) == (("thanks for watching", 0) if kept else ("", 3))


def test_repeats_are_decoded_again() -> None:
    """A text that runs in circles is decoded once more without repeats, it alone, and the new text counts."""
    told = Told(
        [text("one two", 20), text("so so so so", 20, repetition=3.0), text("three", 20)],
        repaired=[text("so it is", 20)],
    )
    found = hear(told, FAR_APART[:3])
    assert said(found) == "one two so it is three"
    assert found.dropped_words == 0
    assert [(len(seconds), repeats) for seconds, _, repeats in told.calls] == [(3, 0), (1, 3)]
    assert told.calls[1][0] == [told.calls[0][0][1]]


def test_what_still_repeats_is_dropped() -> None:
    """After the second time a circle is an invention."""
    told = Told(
        [text("so so so so", repetition=3.0)],
        repaired=[text("so so so", repetition=2.5)],
    )
    found = hear(told, [(1.0, 2.0)])
    assert (said(found), found.dropped_words) == ("", 3)


def test_words_that_no_speech_supports_are_dropped_and_counted() -> None:
    """A word in the pause that was left inside a window has nobody who said it."""
    heard = WindowText(
        words=(
            Word(word="good", start_s=0.15, end_s=1.15, probability=0.9),
            Word(word="day", start_s=1.3, end_s=1.35, probability=0.9),
        ),
        language="en",
        mean_log_probability=-0.3,
        no_speech_probability=0.0,
        compression_ratio=1.0,
    )
    wide = changed("recognizer.margin_s=0.6", "recognizer.reach_s=0.05")
    found = hear(Told([heard]), [(1.0, 1.9)], settings=wide)
    assert (said(found), found.dropped_words) == ("good day", 0)
    far = changed("recognizer.margin_s=1", "recognizer.reach_s=0.05")
    found = hear(Told([heard]), [(2.0, 2.1)], settings=far)
    assert (said(found), found.dropped_words) == ("good", 1)


def test_windows_go_in_groups_in_order() -> None:
    """The recognizer gets at most a batch of windows at a time, and every window once."""
    told = Told([text(word, 20) for word in ("one", "two", "three", "four")])
    batches = changed("recognizer.batch_size=3")
    found = hear(told, FAR_APART, settings=batches)
    assert said(found) == "one two three four"
    assert [len(seconds) for seconds, _, _ in told.calls] == [3, 1]
    assert [word.start_s for word in found.words] == [1.0, 30.0, 60.0, 90.0]


def test_the_recognizer_gets_speech_only() -> None:
    """Twenty seconds of speech with margins are what is decoded of two minutes of recording."""
    told = Told([text("one", 20)])
    hear(told, FAR_APART[:1])
    assert told.calls == [([20.3], "en", 0)]


def test_speech_is_decoded_in_the_language_that_all_windows_tell() -> None:
    """One window may mislead: together they decide; what was decoded in another language is done again."""
    first = [text("invented", 20, de=0.9), text("invented", 20, en=0.6, de=0.4)]
    told = Told([*first, text("eins", 20, de=0.9), text("zwei", 20, de=0.6)])
    found = hear(told, FAR_APART[:2], language=None)
    assert (found.language, said(found)) == ("de", "eins zwei")
    assert [language for _, language, _ in told.calls] == ["en", "de"]
    assert [window.language for window in found.windows] == ["de", "de"]


def test_a_window_in_another_language_is_decoded_in_it() -> None:
    """Who changes to another language is neither translated nor written as words of the first one."""
    windows = [text("one", 20, en=0.99), text("two", 20, en=0.99), text("invented", 20, es=0.97)]
    told = Told([*windows, text("tres", 20)])
    found = hear(told, FAR_APART[:3], language=None)
    assert (found.language, said(found)) == ("en", "one two tres")
    assert [window.language for window in found.windows] == ["en", "en", "es"]


def test_an_unsure_window_does_not_change_the_language() -> None:
    """A window that is perhaps in another language stays in that of the rest."""
    told = Told([text("one", 20, en=0.99), text("two", 20, en=0.99), text("three", 20, ja=0.79)])
    found = hear(told, FAR_APART[:3], language=None)
    assert (said(found), len(told.calls)) == ("one two three", 1)


GREETING = [(1.0, 6.0), (10.0, 25.0)]
"""A sentence and a longer one, which go into one window."""


def test_a_greeting_in_another_language_is_heard_in_its_part_of_a_window() -> None:
    """A window of two languages is cut where the language changes, and each part is decoded in its own."""
    whole = text("invented", 20, es=0.6, en=0.4)
    told = Told([whole, text("thank you", 4), text("buenos días", 14)], parts=[{"en": 0.8}, {"es": 0.97}])
    found = hear(told, GREETING, language=None)
    assert said(found) == "thank you buenos días"
    assert [(window.start_s < 8, window.language) for window in found.windows] == [
        (True, "en"),
        (False, "es"),
    ]


def test_an_accent_is_no_other_language() -> None:
    """A part that sounds somewhat like a language that nobody expects stays in that of the rest."""
    told = Told([text("one two", 20, en=0.6, ja=0.4)], parts=[{"ja": 0.85}, {"en": 0.9}])
    found = hear(told, GREETING, language=None)
    assert (said(found), len(told.calls)) == ("one two", 1)
    assert [window.language for window in found.windows] == ["en"]


def test_a_given_language_is_never_overridden() -> None:
    """What the user says about the language wins over what the model believes."""
    told = Told([text("one", language="de")])
    assert hear(told, [(1.0, 2.0)], language="en").language == "en"


def test_without_speech_nothing_is_decoded() -> None:
    """A silent channel has no words, and no coverage rather than none of it."""
    told = Told([])
    found = hear(told, [])
    assert told.calls == []
    assert (found.words, found.dropped_words, found.coverage) == ((), 0, None)


def test_speech_without_words_has_no_coverage() -> None:
    """Speech in which nothing was recognized is covered for 0 %, so that its rates are held back."""
    empty = WindowText((), "en", 0.0, 0.0, 0.0)
    found = hear(Told([empty]), [(1.0, 2.0)])
    assert (found.words, found.coverage) == ((), 0.0)


class Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def languages(self, windows: Sequence[Samples]) -> list[dict[str, float]]:
        raise self.error

    def recognize(
        self,
        windows: Sequence[Samples],
        language: str,
        *,
        verbatim: bool,
        no_repeat_words: int = 0,
    ) -> list[WindowText]:
        raise self.error


def test_a_failing_recognizer_may_be_tried_again() -> None:
    """What the engine throws is a failed stage, with its message, and not a bad call."""
    with pytest.raises(StageFailed, match="CUDA out of memory"):
        hear(Failing(RuntimeError("CUDA out of memory")), [(1.0, 2.0)])


@pytest.mark.parametrize("error", [StageFailed("as it was"), InputRejected("as it was")])
def test_errors_with_a_meaning_keep_it(error: Exception) -> None:
    """A rejected language stays a rejected call, which is not tried again."""
    with pytest.raises(type(error), match=r"^as it was$"):
        hear(Failing(error), [(1.0, 2.0)])


# --- listening again ----------------------------------------------------------------------------------

NOTHING = WindowText((), "en", 0.0, 0.0, 0.0)
AGAIN = "recognizer.relisten_s=1.0"


def test_speech_without_words_is_listened_to_again() -> None:
    """Speech left empty is decoded once more, without the verbatim prompt, in the same language."""
    told = Told([WindowText((), "de", 0.0, 0.0, 0.0), text("ich bin es", 2.0, language="de")])
    found = hear(told, [(10.0, 12.0)], language="de", settings=changed(relisten=AGAIN))
    assert said(found) == "ich bin es"
    assert told.verbatim == [True, False]
    assert [language for _, language, _ in told.calls] == ["de", "de"]


@pytest.mark.parametrize(("length_s", "passes"), [(0.99, 1), (1.01, 2)])
def test_only_long_speech_without_words_is_listened_to_again(length_s: float, passes: int) -> None:
    """A breath of under a second is no reason to decode twice."""
    told = Told([NOTHING, NOTHING])
    hear(told, [(10.0, 10.0 + length_s)], settings=changed(relisten=AGAIN))
    assert len(told.calls) == passes


def test_words_of_the_second_pass_are_put_where_they_were_said() -> None:
    """What is heard later is not read later: words stand in the order of their times."""
    first = WindowText(
        words=spread(["good", "day"], (2.6, 3.6)),  # the second piece of the window
        language="en",
        mean_log_probability=-0.3,
        no_speech_probability=0.0,
        compression_ratio=1.0,
    )
    told = Told([first, text("hello there", 2.0)])
    found = hear(told, [(10.0, 12.0), (20.0, 21.0)], settings=changed(relisten=AGAIN))
    assert said(found) == "hello there good day"
    assert [word.start_s for word in found.words] == sorted(word.start_s for word in found.words)
    assert told.calls[1][0] == [2.3]


def test_nothing_is_heard_twice_when_all_speech_has_words() -> None:
    """A second pass costs time, and is taken only where something is missing."""
    told = Told([text("good day", 2.0)])
    hear(told, [(10.0, 12.0)], settings=changed(relisten=AGAIN))
    assert told.verbatim == [True]
