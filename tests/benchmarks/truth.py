"""The sample calls with what is known to be true of them, and matching of events in time."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipeline.audio.decode import decode
from pipeline.audio.metadata import read_metadata
from pipeline.call import analyze_call
from pipeline.records import Analysis
from pipeline.settings import Settings
from pipeline.timeline import Span

SAMPLES = Path(__file__).resolve().parents[2] / "sample_audio"
MAX_PAUSE_S = 3.0

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of one sample call."""

    call_id: str
    audio: Path
    content: dict[str, Any]

    def text(self, role: str) -> str:
        """What a speaker says, but for secrets: an analysis does not have these words."""
        said = []
        for one in (one for one in self.content["utterances"] if one["speaker"] == role):
            text = one["text"]
            for secret in self.secrets(role):
                if one["start_s"] <= secret["start_s"] < one["end_s"]:
                    text = text.replace(secret["text"], " ", 1)
            said.append(text)
        return " ".join(said)

    def secrets(self, role: str) -> list[dict[str, Any]]:
        return [secret for secret in self.content["secrets"] if secret["speaker"] == role]

    def speech(self, role: str) -> list[Span]:
        return [(one["start_s"], one["end_s"]) for one in self.content["speech"] if one["speaker"] == role]

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.content["events"] if event["kind"] == kind]

    def speech_rate_wpm(self, role: str) -> float | None:
        """Words per minute of turn time, from the written utterances and where they were put."""
        words, turn_time_s = 0, 0.0
        turn: Span | None = None
        floor = [one for one in self.content["utterances"] if self._takes_floor(one)]
        for one in sorted(floor, key=lambda utterance: float(utterance["start_s"])):
            if one["speaker"] != role:
                turn_time_s += turn[1] - turn[0] if turn else 0.0
                turn = None
                continue
            words += one["word_count"]
            if turn and one["start_s"] - turn[1] <= MAX_PAUSE_S:
                turn = (turn[0], one["end_s"])
            else:
                turn_time_s += turn[1] - turn[0] if turn else 0.0
                turn = (one["start_s"], one["end_s"])
        turn_time_s += turn[1] - turn[0] if turn else 0.0
        return 60 * words / turn_time_s if turn_time_s else None

    def _takes_floor(self, one: dict[str, Any]) -> bool:
        """Not a backchannel, and not said wholly inside an utterance of the other."""
        return one["kind"] != "backchannel" and not any(
            other["speaker"] != one["speaker"]
            and other["start_s"] <= one["start_s"]
            and one["end_s"] <= other["end_s"]
            for other in self.content["utterances"]
        )

    def articulation_rate_sps(self, role: str) -> float | None:
        """Syllables per second of speech, pauses of 250 ms and more left out."""
        speech_s = sum(end_s - start_s for start_s, end_s in self.speech(role))
        return self.content["syllable_counts"][role] / speech_s if speech_s else None


def sample_truths() -> list[Truth]:
    """All sample calls in the order of their names."""
    found = []
    for path in sorted((SAMPLES / "truth").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found.append(Truth(content["call_id"], SAMPLES / "calls" / content["audio"], content))
    if not found:
        raise FileNotFoundError(f"{SAMPLES / 'truth'}: no truth files")
    return found


def analyze(path: Path, settings: Settings) -> Analysis:
    metadata, _ = read_metadata(path, settings.audio)
    return analyze_call(decode(path, settings.audio), metadata, settings)


def match(
    truth: Sequence[Item],
    found: Sequence[Item],
    time_s: Callable[[Item], float],
    collar_s: float,
) -> list[tuple[Item, Item]]:
    """Pair each true item with at most one found item whose time lies within the collar, nearest first."""
    distances = sorted(
        (abs(time_s(a) - time_s(b)), i, j)
        for i, a in enumerate(truth)
        for j, b in enumerate(found)
        if abs(time_s(a) - time_s(b)) <= collar_s
    )
    taken_truth: set[int] = set()
    taken_found: set[int] = set()
    pairs = []
    for _, i, j in distances:
        if i not in taken_truth and j not in taken_found:
            taken_truth.add(i)
            taken_found.add(j)
            pairs.append((truth[i], found[j]))
    return pairs
