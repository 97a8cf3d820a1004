"""Stretches in which nobody speaks, and holds among them."""

from collections.abc import Sequence

from pipeline.phrases import Phrases
from pipeline.records import Gap, GapKind, Hold, Turn
from pipeline.settings import TurnsSettings
from pipeline.timeline import Span, bridge, gaps, overlap_s, union

ANNOUNCED_WITHIN_S = 15.0
HOLD_BRIDGE_S = 5.0


def find_holds(
    music: Sequence[Span],
    speech: Sequence[Span],
    agent_turns: Sequence[Turn],
    duration_s: float,
    phrases: Phrases,
    settings: TurnsSettings,
) -> tuple[Hold, ...]:
    """Holds: silences of both that are filled with music or tones, or long ones that the agent announced.

    Args:
        music: sound on any channel that is not speech.
        speech: speech of anybody.
        agent_turns: the agent's turns in time order; none when roles are unknown.
    """
    silences = [span for span in gaps(union(speech), (0.0, duration_s)) if span[1] - span[0] > settings.gap_s]
    filled = [span for span in silences if overlap_s(music, [span]) > settings.gap_s]
    long = [span for span in silences if span[1] - span[0] >= settings.dead_air_s]
    announced = [span for span in long if _announcement(span, agent_turns, phrases)]
    return tuple(
        Hold(
            start_s=start_s,
            end_s=end_s,
            announced=_announcement((start_s, end_s), agent_turns, phrases),
            reason=None,
            consent=None,
        )
        for start_s, end_s in bridge(filled + announced, HOLD_BRIDGE_S)
    )


def _announcement(silence: Span, agent_turns: Sequence[Turn], phrases: Phrases) -> bool:
    """Whether the agent said, shortly before a silence, that it was coming."""
    earliest_s = silence[0] - ANNOUNCED_WITHIN_S
    said = [
        word.word for turn in agent_turns for word in turn.words if earliest_s <= word.start_s < silence[0]
    ]
    return phrases.announces_hold(" ".join(said))


def find_gaps(
    speech: Sequence[Span], holds: Sequence[Hold], duration_s: float, settings: TurnsSettings
) -> tuple[Gap, ...]:
    """Silences of both that are longer than the threshold, by kind; none in a call without speech."""
    spoken = union(speech)
    if not spoken:
        return ()
    held = [(hold.start_s, hold.end_s) for hold in holds]
    found = []
    for start_s, end_s in gaps(spoken, (0.0, duration_s)):
        length_s = end_s - start_s
        if length_s <= settings.gap_s:
            continue
        kind: GapKind = "dead_air" if length_s >= settings.dead_air_s else "silence"
        if overlap_s(held, [(start_s, end_s)]) > length_s / 2:
            kind = "hold"
        found.append(Gap(start_s=start_s, end_s=end_s, kind=kind))
    return tuple(found)
