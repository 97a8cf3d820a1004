"""Which language a call is in, from what the recognizer's model makes of its windows."""

import pytest

from pipeline.records import WindowLanguage
from pipeline.settings import load_settings
from pipeline.transcription.languages import call_language, likeliest, pooled, shares

SETTINGS = load_settings(None, []).recognizer


def window(speech_s: float, language: str = "en", **probabilities: float) -> WindowLanguage:
    return WindowLanguage(
        start_s=0.0, end_s=speech_s, speech_s=speech_s, language=language, probabilities=probabilities
    )


def test_long_windows_count_for_more() -> None:
    """A second of laughter does not outvote half a minute of speech."""
    found = pooled([window(27.0, en=0.9), window(3.0, ja=1.0)])
    assert found == {"en": pytest.approx(0.81), "ja": pytest.approx(0.1)}


def test_only_languages_that_calls_can_be_in_are_candidates() -> None:
    """A company that serves two languages is not told of a third, and what is left is sure of itself."""
    raw = [("<|la|>", 0.5), ("<|de|>", 0.3), ("<|fr|>", 0.2)]
    assert likeliest(raw, ()) == {"la": 0.5, "de": 0.3, "fr": 0.2}
    assert likeliest(raw, ("de", "fr")) == {"de": pytest.approx(0.6), "fr": pytest.approx(0.4)}


@pytest.mark.parametrize(
    ("windows", "stated", "language", "doubt"),
    [
        ([window(25, "de", de=0.98), window(25, "de", de=0.95)], None, "de", None),
        ([window(25, en=0.55, cy=0.4)], None, "en", "unsure"),
        ([window(25, "es", es=0.95), window(5, en=0.8)], None, "es", "mixed"),
        ([window(25, de=0.97), window(20, de=0.9)], "en", "en", "mismatch"),
        ([window(25, de=0.97), window(26, en=0.9)], "en", "en", None),  # not in most of the speech
        ([window(25, de=0.7)], "en", "en", None),  # not sure enough to contradict anybody
        ([window(25, "de", de=0.55, nl=0.4)], "de", "de", None),  # who states it knows it
    ],
)
def test_language_of_a_call(
    windows: list[WindowLanguage], stated: str | None, language: str, doubt: str | None
) -> None:
    """What is stated stands; where the sound is unsure, mixed or otherwise, no words are judged."""
    found = call_language(windows, stated, SETTINGS)
    assert (found.language, found.doubt) == (language, doubt)
    assert found.judged == ("und" if doubt else language)


def test_a_model_without_languages_says_what_is_taken_for_granted() -> None:
    """A model of English alone cannot hear that a call is German, so nobody may think that it did."""
    assert call_language([window(25)], None, SETTINGS).assumed
    assert not call_language([window(25)], "en", SETTINGS).assumed
    assert not call_language([], None, SETTINGS).assumed


def test_shares_are_of_speech() -> None:
    """How much of a call is in which language, the most first."""
    found = shares([window(10.0), window(25.0, "es"), window(5.0)])
    assert [(one.language, one.share) for one in found] == [("es", 0.625), ("en", 0.375)]
