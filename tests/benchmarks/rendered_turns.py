"""Natural turn-taking from sound: ``make accuracy SPOKEN=folder``.

Dialogues of a folder as ``tests/benchmarks/natural_turns.py`` reads it are spoken at their own times by two
of the sample voices (flite's, which must be installed), two channels in the telephone band, and go the
whole way: speech, words, turns. What is labeled is looked for where it was put. An utterance is spoken as
fast as fits its time without the air around it. Synthetic voices do not break off, and pauses inside an
utterance are filled: times and words are natural here, the voice is not.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audio.frames import active_level_db, levels_db, resample
from pipeline.records import Role, Samples
from pipeline.settings import Settings
from pipeline.transcription.recognizer import Recognizer
from pipeline.turns.events import Judged
from sample_audio.render import flite
from tests.benchmarks.laid_in import LEVEL_DBFS, LINE_NOISE_DBFS, SEED, telephone
from tests.benchmarks.natural_turns import Overlap, dialogues, labels, units_of
from tests.benchmarks.turn_taking import COLLAR_S, ROLES, judge, recognized, sounding
from tests.data.turntaking.make_cases import RATE_HZ, gain, pink

EVERY = 6
"""One dialogue in so many is spoken: to hear all takes hours."""
AIR_S = 0.15
"""Silence on either side of an utterance as the corpus gives its times: about 0.3 s together."""
VOICES: Mapping[Role, str] = {"agent": "slt", "customer": "rms"}
SLOWEST, FASTEST = 0.75, 1.6
LEAD_OUT_S = 2.0
SILENT = "-"


@cache
def say(text: str, voice: str, length_s: float) -> Samples:
    """A text at ``RATE_HZ``, as fast as fits a length, and no longer than that."""
    samples, rate_hz = flite(text, voice, 1.0)
    speed = min(FASTEST, max(SLOWEST, samples.size / rate_hz / length_s))
    samples, rate_hz = flite(text, voice, speed)
    narrow = telephone(resample(samples, rate_hz, RATE_HZ))[: round(length_s * RATE_HZ)]
    level = active_level_db(levels_db(narrow, RATE_HZ))
    return narrow if level is None else narrow * gain(LEVEL_DBFS - level)


def render(dialogue: Mapping[str, Any]) -> Samples:
    """The sound of a dialogue, shape (2, n)."""
    units = units_of(dialogue)
    end_s = max(unit.end_s for own in units.values() for unit in own) + LEAD_OUT_S
    both = np.zeros((2, round(end_s * RATE_HZ)), dtype=np.float32)
    for channel, role in zip(both, ROLES, strict=True):
        for unit in units[role]:
            text, length_s = unit.text.strip(" .,?!-"), unit.end_s - unit.start_s - 2 * AIR_S
            if text and length_s > AIR_S:
                own = say(unit.text, VOICES[role], round(length_s, 3))
                first = round((unit.start_s + AIR_S) * RATE_HZ)
                channel[first : first + own.size] += own
    random = np.random.default_rng([SEED, *str(dialogue["id"]).encode()])
    for channel in both:
        channel += gain(LINE_NOISE_DBFS) * pink(random, channel.size)
    return np.clip(both, -1, 1)


def hear(folder: Path, settings: Settings, recognizer: Recognizer) -> dict[str, Any]:
    """Sound, speech and words of the chosen dialogues, by id."""
    found = {}
    for dialogue in sorted(dialogues(folder), key=lambda one: str(one["id"]))[::EVERY]:
        samples = render(dialogue)
        activity = sounding(samples, settings)
        (words,) = recognized([samples], [activity], settings, recognizer)
        found[str(dialogue["id"])] = (samples, activity, words)
    return found


def measure(folder: Path, heard: Mapping[str, Any], settings: Settings) -> tuple[list[Overlap], int, int]:
    """What ``natural_turns.measure`` gives, of the dialogues that were heard."""
    found, interruptions = [], 0
    for name, (samples, activity, words) in heard.items():
        items = judge(samples, activity, words, settings)
        interruptions += sum(
            item.event is not None and (item.event.kind, item.event.by) == ("interruption", "agent")
            for item in items
        )
        found += [
            Overlap(name, label, _nearest(items, label))
            for label in labels(folder)
            if label["consultation"] == name
        ]
    return found, interruptions, len(heard)


def _nearest(items: Sequence[Judged], label: Mapping[str, Any]) -> Judged | None:
    """What begins where the labeled utterance was put."""
    start_s = label["start_s"] + AIR_S
    near = [
        item
        for item in items
        if item.vocalization.speaker == label["by"] and abs(item.vocalization.start_s - start_s) <= COLLAR_S
    ]
    return min(near, key=lambda item: abs(item.vocalization.start_s - start_s), default=None)
