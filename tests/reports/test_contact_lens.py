"""``contact_lens.json`` has the documented shape, field by field."""

import dataclasses
import json
from typing import Any, cast

import numpy as np

from pipeline.records import Analysis
from pipeline.reports import contact_lens
from tests import factories

LENS = factories.settings().output
ANALYTICS = factories.settings("output.contact_lens_dialect=call_analytics").output


def document(analysis: Analysis | None = None, output: Any = LENS, **levels: Any) -> dict[str, Any]:
    return contact_lens.document(analysis or factories.analysis(), output, cast(contact_lens.Levels, levels))


def test_interruptions_are_only_those() -> None:
    """Backchannels, failed attempts and simultaneous starts are not counted as interruptions."""
    assert document()["ConversationCharacteristics"]["Interruptions"] == {
        "TotalCount": 1,
        "TotalTimeMillis": 700,
        "InterruptionsByInterrupter": {
            "AGENT": [{"BeginOffsetMillis": 10500, "DurationMillis": 700, "EndOffsetMillis": 11200}],
            "CUSTOMER": [],
        },
    }


def test_call_characteristics() -> None:
    """Durations are whole milliseconds, the total of talk is the plain sum, rates are words per minute."""
    found = document()["ConversationCharacteristics"]
    assert found["TotalConversationDurationMillis"] == 66000
    assert found["NonTalkTime"] == {
        "TotalTimeMillis": 11900,
        "Instances": [{"BeginOffsetMillis": 29100, "DurationMillis": 11900, "EndOffsetMillis": 41000}],
    }
    assert found["TalkTime"] == {
        "TotalTimeMillis": 48500,
        "DetailsByParticipant": {"AGENT": {"TotalTimeMillis": 28500}, "CUSTOMER": {"TotalTimeMillis": 20000}},
    }
    assert found["TalkSpeed"] == {
        "DetailsByParticipant": {
            "AGENT": {"AverageWordsPerMinute": 154},
            "CUSTOMER": {"AverageWordsPerMinute": 138},
        }
    }


def test_no_sentiment_of_the_agent() -> None:
    """The shape has a place for it; the law does not allow it."""
    sentiment = document()["ConversationCharacteristics"]["Sentiment"]
    assert sentiment == {"OverallSentiment": {}, "SentimentByPeriod": {"QUARTER": {"CUSTOMER": []}}}


def test_top_level() -> None:
    """What a reader looks at first."""
    found = document()
    assert found["Version"] == "1.1.0"
    assert found["Channel"] == "VOICE"
    assert found["JobStatus"] == "COMPLETED"
    assert found["LanguageCode"] == "en"
    assert found["Participants"] == [
        {"ParticipantId": "AGENT", "ParticipantRole": "AGENT"},
        {"ParticipantId": "CUSTOMER", "ParticipantRole": "CUSTOMER"},
    ]
    assert "dont_interrupt-violated" in found["Categories"]["MatchedCategories"]
    assert found["Categories"]["MatchedDetails"]["dont_interrupt-violated"] == {
        "PointsOfInterest": [{"BeginOffsetMillis": 10500, "EndOffsetMillis": 13900}]
    }
    assert not [name for name in found["Categories"]["MatchedCategories"] if "not_" in name]


def test_contact_lens_turn() -> None:
    """The default dialect: ParticipantId, LoudnessScore, promises as action items by character."""
    turn = document()["Transcript"][9]
    assert turn == {
        "Id": "late-bill-001-9",
        "Content": "I will correct it today and send you the new bill by Friday at noon.",
        "BeginOffsetMillis": 52500,
        "EndOffsetMillis": 60300,
        "ParticipantId": "AGENT",
        "LoudnessScore": [],
        "ActionItemsDetected": [
            {
                "CharacterOffsets": {"BeginOffsetChar": 28, "EndOffsetChar": 67},
                "Text": "send you the new bill by Friday at noon",
            }
        ],
    }


def test_call_analytics_turn() -> None:
    """The other dialect: ParticipantRole, LoudnessScores and Items with a confidence each."""
    found = document(output=ANALYTICS)
    turn = found["Transcript"][2]
    assert "Version" not in found
    assert found["Participants"][0] == {"ParticipantRole": "AGENT"}
    assert turn["ParticipantRole"] == "AGENT"
    assert turn["LoudnessScores"] == []
    assert turn["Items"] == [
        {
            "Type": "pronunciation",
            "Content": "mm-hm",
            "Confidence": "0.9000",
            "BeginOffsetMillis": 7900,
            "EndOffsetMillis": 8300,
        }
    ]


def test_loudness_is_one_value_a_second() -> None:
    """0 is the floor of the settings, 100 is full scale; a turn has a value for each second it touches."""
    levels = np.full(66, -30.0)
    levels[1], levels[2] = -90.0, 0.0
    turns = document(agent=levels)["Transcript"]
    assert turns[0]["LoudnessScore"] == [50, 0, 100, 50, 50]
    assert turns[1]["LoudnessScore"] == []


def test_redaction_is_per_turn() -> None:
    """Times of what was removed stand at the turn they belong to."""
    one = dataclasses.replace(factories.analysis(), redactions=(factories.redaction(14.5, 15.25, 4),))
    turns = document(one)["Transcript"]
    assert turns[4]["Redaction"] == {
        "RedactedTimestamps": [{"BeginOffsetMillis": 14500, "EndOffsetMillis": 15250}]
    }
    assert "Redaction" not in turns[3]


def test_prosody_has_one_vendor_key() -> None:
    """Nothing of ours is mixed into the documented part."""
    prosody = document()["CallcoachProsody"]
    assert prosody["AGENT"]["ArticulationRateSyllablesPerSecond"] == 3.977
    assert prosody["AGENT"]["PitchVsBaselineSemitones"] == 0.6
    assert prosody["AGENT"]["RateWindows"][1] == {
        "BeginOffsetMillis": 10000,
        "EndOffsetMillis": 22000,
        "WordsPerMinute": 162,
        "SyllablesPerSecond": 4.45,
    }


def test_required_parts_are_there_without_speech() -> None:
    """Readers need these three, also for an empty call."""
    found = document(factories.empty())
    characteristics = found["ConversationCharacteristics"]
    assert characteristics["Interruptions"]["TotalCount"] == 0
    assert characteristics["Interruptions"]["InterruptionsByInterrupter"] == {"AGENT": [], "CUSTOMER": []}
    assert characteristics["NonTalkTime"] == {"TotalTimeMillis": 0, "Instances": []}
    assert characteristics["TalkTime"]["TotalTimeMillis"] == 0
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_every_offset_is_a_whole_number() -> None:
    """Readers index by integer milliseconds."""

    def walk(tree: Any) -> None:
        if isinstance(tree, dict):
            assert all(isinstance(value, int) for key, value in tree.items() if key.endswith("Millis"))
            for value in tree.values():
                walk(value)
        elif isinstance(tree, list):
            for value in tree:
                walk(value)

    walk(document())


def test_unknown_roles_are_not_called_agent() -> None:
    """Where roles could not be told, no voice is labeled as the agent's."""
    lines = [("speaker_1", 0.0, 2.0, "hello"), ("speaker_2", 2.5, 4.0, "hi")]
    found = document(factories.analysis(lines, rich=False))  # type: ignore[arg-type]
    assert [each["ParticipantRole"] for each in found["Participants"]] == ["SPEAKER_1", "SPEAKER_2"]
