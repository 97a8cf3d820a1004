"""Times that people name become dates where the words and the start of the call allow it."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.guidance.language import load_language
from pipeline.guidance.times import When

ENGLISH = load_language("en")
assert ENGLISH is not None
TUESDAY = datetime.fromisoformat("2026-03-03T15:42:30-05:00")


@pytest.mark.parametrize(
    ("text", "said", "due"),
    [
        ("I'll call you back by Friday.", "by Friday", "2026-03-06"),
        ("I'll call on Tuesday, I promise", "on Tuesday", "2026-03-10"),
        ("It will be there today", "today", "2026-03-03"),
        ("Thursday at six", "Thursday at six", "2026-03-05T18:00-05:00"),
        ("on Friday morning at 10 to make sure", "on Friday morning at 10", "2026-03-06T10:00-05:00"),
        ("on Thursday at 6 in the evening", "on Thursday at 6 in the evening", "2026-03-05T18:00-05:00"),
        ("tomorrow before noon", "tomorrow before noon", "2026-03-04T12:00-05:00"),
        ("at two o 'clock tomorrow", "at two o 'clock tomorrow", "2026-03-04T14:00-05:00"),
        ("at 10:30 am", "at 10:30 am", "2026-03-04T10:30-05:00"),
        ("at half past four", "at half past four", "2026-03-03T16:30-05:00"),
        ("tomorrow at a quarter to nine", "tomorrow at a quarter to nine", "2026-03-04T08:45-05:00"),
        ("within two hours", "within two hours", "2026-03-03T17:42-05:00"),
        ("within three days", "within three days", "2026-03-06"),
        ("by the end of the day", "by the end of the day", "2026-03-03T17:00-05:00"),
        ("some time this afternoon", "this afternoon", "2026-03-03"),
        ("on March 5th", "on March 5th", "2026-03-05"),
        ("the 1st of March", "1st of March", "2027-03-01"),
        ("tonight", "tonight", "2026-03-03T20:00-05:00"),
        ("I do it right now", "right now", None),
        ("next week", "next week", None),
    ],
)
def test_times(text: str, said: str, due: str | None) -> None:
    """In the words of the speaker, and as a date in the time of the call's place."""
    assert ENGLISH.times.find(text, TUESDAY) == When(said, due)
    assert ENGLISH.times.find(text, None) == When(said, None)


@pytest.mark.parametrize(
    "text",
    ["I will look at both bills", "you may march on", "my address is 12 Garden Street", "at two houses", ""],
)
def test_no_time(text: str) -> None:
    """Numbers and names of months are no times by themselves."""
    assert ENGLISH.times.find(text, TUESDAY) is None


@given(st.text(max_size=80), st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_any_text_can_be_read(text: str, moment: datetime) -> None:
    """Whatever a recognizer writes, there is a time in it or none, and the words are in the text."""
    found = ENGLISH.times.find(text, moment)
    assert found is None or found.said in text


@given(
    st.lists(
        st.sampled_from("on Friday at six in the evening by tomorrow noon within two days 30 am May".split())
    ),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
)
def test_any_words_of_time_can_be_read(words: list[str], moment: datetime) -> None:
    """A due date is never before the day of the call."""
    found = ENGLISH.times.find(" ".join(words), moment)
    if found is not None and found.due is not None:
        assert datetime.fromisoformat(found.due).date() >= moment.date()


def test_content_words() -> None:
    """What a sentence is about survives its grammar."""
    told = ENGLISH.content("You charged my card twice, it was charged again.")
    assert ENGLISH.content("The card has been charging twice") <= told | {"card"}
    assert ENGLISH.content("and then it was so, you know") == frozenset()


def test_what_is_promised() -> None:
    """The promise without the words that make it one."""
    assert ENGLISH.promised("So I'll send you the bill.") == "send you the bill"
    assert ENGLISH.promised("Consider it done!") == "Consider it done"
