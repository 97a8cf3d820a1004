"""``contact_lens.json``: the shape that dashboards for Contact Lens or Call Analytics read.

Two documented dialects; offsets are whole milliseconds. Sentiment stays empty: nothing is said of the
agent's emotion. What those formats have no place for stands under ``CallcoachProsody``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.records import Analysis, Event, PitchWindow, RateWindow, Role, SpeakerMeasures, Turn
from pipeline.reports.view import roles_of
from pipeline.reports.words import timed_words
from pipeline.settings import OutputSettings

VERSION = "1.1.0"
PROSODY_KEY = "CallcoachProsody"
CATEGORY_VERDICTS = ("met", "partly_met", "missed", "violated")

Levels = Mapping[Role, npt.NDArray[np.float64]]
Tree = dict[str, Any]


def document(analysis: Analysis, output: OutputSettings, levels_db: Levels | None = None) -> Tree:
    """The whole document; ``levels_db`` holds one level in dBFS a second for each role, if known."""
    call_analytics = output.contact_lens_dialect == "call_analytics"
    roles = roles_of(analysis)
    turns = [_turn(analysis, turn, output, levels_db or {}) for turn in analysis.transcript.turns]
    head: Tree = {} if call_analytics else {"Version": VERSION}
    return head | {
        "Channel": "VOICE",
        "JobStatus": "COMPLETED",
        "LanguageCode": analysis.call.language,
        "Participants": [_participant(role, call_analytics) for role in roles],
        "Categories": _categories(analysis),
        "ConversationCharacteristics": _characteristics(analysis, roles),
        "Transcript": turns,
        PROSODY_KEY: {_name(role): _prosody(of) for role, of in analysis.measures.by_role().items()},
    }


def _name(role: Role) -> str:
    return role.upper()


def _participant(role: Role, call_analytics: bool) -> Tree:
    named = {"ParticipantRole": _name(role)}
    return named if call_analytics else {"ParticipantId": _name(role), **named}


def _ms(time_s: float) -> int:
    return round(time_s * 1000)


def _offsets(start_s: float, end_s: float) -> Tree:
    return {"BeginOffsetMillis": _ms(start_s), "EndOffsetMillis": _ms(end_s)}


def _duration(start_s: float, end_s: float) -> Tree:
    begin, end = _ms(start_s), _ms(end_s)
    return {"BeginOffsetMillis": begin, "DurationMillis": end - begin, "EndOffsetMillis": end}


# --- the call ------------------------------------------------------------------------------------------


def _characteristics(analysis: Analysis, roles: Sequence[Role]) -> Tree:
    measures = analysis.measures.by_role()
    talk_ms = {_name(role): _ms(of.talk_s) for role, of in measures.items()}
    speed = {
        _name(role): {"AverageWordsPerMinute": round(of.speech_rate_wpm)}
        for role, of in measures.items()
        if of.speech_rate_wpm is not None
    }
    return {
        "TotalConversationDurationMillis": _ms(analysis.call.duration_s),
        "Sentiment": {"OverallSentiment": {}, "SentimentByPeriod": {"QUARTER": {"CUSTOMER": []}}},
        "Interruptions": _interruptions(analysis.interruptions, roles),
        "NonTalkTime": _totaled(
            [_duration(gap.start_s, gap.end_s) for gap in analysis.measures.call.gaps], "Instances"
        ),
        "TalkSpeed": {"DetailsByParticipant": speed},
        "TalkTime": {
            "TotalTimeMillis": sum(talk_ms.values()),
            "DetailsByParticipant": {name: {"TotalTimeMillis": ms} for name, ms in talk_ms.items()},
        },
    }


def _interruptions(events: Sequence[Event], roles: Sequence[Role]) -> Tree:
    counted = [event for event in events if event.is_interruption]
    items = {
        _name(role): [_duration(event.start_s, event.end_s) for event in counted if event.by == role]
        for role in roles
    }
    return {
        "TotalCount": sum(len(of) for of in items.values()),
        "TotalTimeMillis": sum(item["DurationMillis"] for of in items.values() for item in of),
        "InterruptionsByInterrupter": items,
    }


def _totaled(instances: list[Tree], key: str) -> Tree:
    return {"TotalTimeMillis": sum(item["DurationMillis"] for item in instances), key: instances}


def _categories(analysis: Analysis) -> Tree:
    """Every check with a verdict is a category ``<id>-<verdict>``; its evidence are the points."""
    details = {
        f"{finding.id}-{finding.verdict}": {
            "PointsOfInterest": [_offsets(item.start_s, item.end_s) for item in finding.evidence]
        }
        for finding in analysis.guidance
        if finding.verdict in CATEGORY_VERDICTS
    }
    return {"MatchedCategories": list(details), "MatchedDetails": details}


# --- turns ---------------------------------------------------------------------------------------------


def _turn(analysis: Analysis, turn: Turn, output: OutputSettings, levels_db: Levels) -> Tree:
    loudness = _loudness(turn, levels_db, output.loudness_floor_db)
    tree: Tree = {"Id": f"{analysis.call.call_id}-{turn.turn}", "Content": turn.text}
    tree |= _offsets(turn.start_s, turn.end_s)
    if output.contact_lens_dialect == "call_analytics":
        tree |= {"ParticipantRole": _name(turn.speaker), "LoudnessScores": loudness, "Items": _items(turn)}
    else:
        tree |= {"ParticipantId": _name(turn.speaker), "LoudnessScore": loudness}
        if actions := _actions(analysis, turn):
            tree["ActionItemsDetected"] = actions
    redacted = [_offsets(each.start_s, each.end_s) for each in analysis.redactions if each.turn == turn.turn]
    if redacted:
        tree["Redaction"] = {"RedactedTimestamps": redacted}
    return tree


def _loudness(turn: Turn, levels_db: Levels, floor_db: float) -> list[int]:
    """0 (at or under ``floor_db``) to 100 (full scale), one value for each second that the turn touches."""
    levels = levels_db.get(turn.speaker)
    if levels is None:
        return []
    touched = levels[int(turn.start_s) : int(np.ceil(turn.end_s))]
    return [round(float(np.clip(100.0 * (1.0 - level / floor_db), 0.0, 100.0))) for level in touched]


def _items(turn: Turn) -> list[Tree]:
    probability = {(word.start_s, word.end_s): word.probability for word in turn.words}
    return [
        {
            "Type": "pronunciation",
            "Content": word.text,
            "Confidence": f"{probability.get((word.start_s, word.end_s), 0.0):.4f}",
            **_offsets(word.start_s, word.end_s),
        }
        for word in timed_words(turn)
    ]


def _actions(analysis: Analysis, turn: Turn) -> list[Tree]:
    """What the agent promised in this turn, by its place in the text."""
    actions: list[Tree] = []
    for promise in analysis.promises:
        begin = turn.text.find(promise.quote)
        inside = turn.start_s <= promise.start_s <= turn.end_s
        if promise.quote and begin >= 0 and inside and promise.who == turn.speaker:
            offsets = {"BeginOffsetChar": begin, "EndOffsetChar": begin + len(promise.quote)}
            actions.append({"CharacterOffsets": offsets, "Text": promise.quote})
    return actions


# --- prosody -------------------------------------------------------------------------------------------


def _prosody(of: SpeakerMeasures) -> Tree:
    return {
        "ArticulationRateSyllablesPerSecond": of.articulation_rate_sps,
        "PitchMedianHz": of.f0_median_hz,
        "PitchBaselineHz": of.f0_baseline_hz,
        "PitchVsBaselineSemitones": of.f0_vs_baseline_st,
        "PitchRangeSemitones": of.f0_range_st,
        "LoudnessVsBaselineDecibels": of.loudness_vs_baseline_db,
        "RateWindows": [_rate_window(window) for window in of.rate_windows],
        "PitchWindows": [_pitch_window(window) for window in of.pitch_windows],
        "NotMeasured": dict(of.not_scored),
    }


def _rate_window(window: RateWindow) -> Tree:
    return _offsets(window.start_s, window.end_s) | {
        "WordsPerMinute": round(window.wpm),
        "SyllablesPerSecond": round(window.sps, 3),
    }


def _pitch_window(window: PitchWindow) -> Tree:
    return _offsets(window.start_s, window.end_s) | {
        "PitchMedianHz": window.f0_median_hz,
        "SemitonesFromBaseline": window.st,
    }
