"""Mini-dialogues in a compact notation, and what the stages make of them.

One line is one inter-pausal unit: who (``A`` agent, ``C`` customer), from when to when in seconds, and what
is said. ``-`` is a sound without words. The words of a unit share its time evenly::

    A 0.0-4.0 so the meter was read on the third and
    C 2.0-2.5 mm-hm
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from pipeline.audio.frames import levels_db
from pipeline.measures import Conversation
from pipeline.phrases import load_phrases
from pipeline.records import ChannelActivity, Event, Role, SpeakerTranscript, Word
from pipeline.settings import Settings, load_settings
from pipeline.timeline import Span
from pipeline.transcription.alignment import coverage
from pipeline.turns.events import Judged, judge_all
from pipeline.turns.floor import Floor, build_floor
from pipeline.turns.units import Unit

Units = dict[Role, list[Unit]]

SETTINGS = load_settings()
RULES = load_settings(assignments=["turns.interruption_probability=0"])
"""Times and words alone, without a second look: mini-dialogues are too short and strange for one."""
ENGLISH = load_phrases("en")
ROLES: dict[str, Role] = {"A": "agent", "C": "customer"}
OTHER: dict[Role, Role] = {"agent": "customer", "customer": "agent"}
RATE_HZ = 8000


def spread(tokens: Sequence[str], span: Span) -> tuple[Word, ...]:
    """Words that share a span evenly."""
    edges = np.linspace(span[0], span[1], len(tokens) + 1)
    return tuple(
        Word(word=token, start_s=float(edges[index]), end_s=float(edges[index + 1]), probability=0.9)
        for index, token in enumerate(tokens)
    )


def unit(speaker: Role, start_s: float, end_s: float, text: str) -> Unit:
    tokens = [] if text == "-" else text.split()
    return Unit(speaker, start_s, end_s, spread(tokens, (start_s, end_s)))


def dialogue(notation: str) -> Units:
    """The units of both speakers, each in time order."""
    units: Units = {"agent": [], "customer": []}
    for line in notation.strip().splitlines():
        who, times, text = line.split(maxsplit=2)
        start_s, end_s = map(float, times.split("-"))
        units[ROLES[who]].append(unit(ROLES[who], start_s, end_s, text))
    return {role: sorted(own, key=lambda each: each.start_s) for role, own in units.items()}


def swapped(units: Units) -> Units:
    """The same talk with the speakers exchanged."""
    return {role: [replace(each, speaker=role) for each in units[OTHER[role]]] for role in units}


def shifted(units: Units, by_s: float) -> Units:
    """The same talk, later."""
    return {
        role: [
            Unit(
                role,
                each.start_s + by_s,
                each.end_s + by_s,
                tuple(
                    replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s) for word in each.words
                ),
            )
            for each in own
        ]
        for role, own in units.items()
    }


def judged(units: Units) -> list[Judged]:
    return judge_all(units, ENGLISH, RULES.turns)


def events(units: Units) -> list[Event]:
    return [item.event for item in judged(units) if item.event is not None]


def floor(units: Units) -> Floor:
    return build_floor(judged(units), SETTINGS.turns)


def conversation(
    units: Mapping[Role, Sequence[Unit]],
    duration_s: float,
    *,
    language: str = "en",
    music: Mapping[Role, tuple[Span, ...]] | None = None,
    settings: Settings = RULES,
) -> Conversation:
    """What the stages would hand to the measures, with a silent sound track in place of voices."""
    samples = {role: np.zeros(round(duration_s * RATE_HZ), dtype=np.float32) for role in units}
    speech = {role: tuple(each.span for each in own) for role, own in units.items()}
    words = {role: tuple(word for each in own for word in each.words) for role, own in units.items()}
    verdicts = judge_all({role: list(own) for role, own in units.items()}, ENGLISH, settings.turns)
    return Conversation(
        samples=samples,
        sample_rate_hz=RATE_HZ,
        duration_s=duration_s,
        levels={role: levels_db(own, RATE_HZ) for role, own in samples.items()},
        activity={
            role: ChannelActivity(
                speech=spans,
                non_speech=(music or {}).get(role, ()),
                noise_floor_db=-70.0,
                speech_level_db=-25.0 if spans else None,
            )
            for role, spans in speech.items()
        },
        transcripts={
            role: SpeakerTranscript(
                words=words[role],
                language=language,
                dropped_words=0,
                coverage=coverage(words[role], speech[role]),
            )
            for role in units
        },
        units={role: list(own) for role, own in units.items()},
        floor=build_floor(verdicts, settings.turns),
        events=[item.event for item in verdicts if item.event is not None],
        language=language,
        phrases=ENGLISH,
    )


SAYINGS = (
    "-",
    "mm-hm",
    "okay",
    "no wait",
    "is that right?",
    "the meter was read on the third and",
    "I will send the new bill today.",
)


TICK_S = 1 / 1024


@st.composite
def talk(draw: st.DrawFn, most_units: int = 8) -> Units:
    """Random small talk on ticks that are exact in binary, so that moving it moves no rounding.

    The speakers never begin in the same instant: one has the odd ticks.
    """
    found: Units = {"agent": [], "customer": []}
    for odd, (role, own) in enumerate(found.items()):
        cursor = odd
        for _ in range(draw(st.integers(0, most_units))):
            start = cursor + 2 * draw(st.integers(130, 2500))
            cursor = start + 2 * draw(st.integers(30, 2500))
            own.append(unit(role, start * TICK_S, cursor * TICK_S, draw(st.sampled_from(SAYINGS))))
    return found
