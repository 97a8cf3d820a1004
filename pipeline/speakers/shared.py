"""Who speaks where both channels carry the same sound for a while.

There a recording has one channel for two. The voices of the whole call are told apart on the mix of both
channels; where the channels differ it shows whose voice is whose, and the same sound is given accordingly.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations

from pipeline.records import ChannelActivity, Diarization, Role
from pipeline.timeline import Span, intersect, overlap_s, subtract, union


def without_stretches(
    activity: Mapping[Role, ChannelActivity], stretches: Sequence[Span]
) -> dict[Role, list[Span]]:
    """The speech of each channel outside the stretches."""
    return {role: subtract(own.speech, stretches) for role, own in activity.items()}


def speech_in(activity: Mapping[Role, ChannelActivity], stretches: Sequence[Span]) -> list[Span]:
    """All speech in the stretches, once."""
    return intersect(union(span for own in activity.values() for span in own.speech), stretches)


def given_to_voices(
    own: Mapping[Role, Sequence[Span]], shared: Sequence[Span], voices: Diarization
) -> dict[Role, list[Span]] | None:
    """The shared speech of each role; ``None`` where no voice is heard on one channel alone.

    Args:
        own: speech of each role where the channels differ.
        shared: speech in the stretches.
        voices: of the mix of both channels.
    """
    parties = voices.exclusive
    best_s, best = 0.0, None
    for order in permutations(range(max(len(parties), len(own))), len(own)):
        of_role = {role: parties[n] if n < len(parties) else () for role, n in zip(own, order, strict=True)}
        alike_s = sum(overlap_s(own[role], spans) for role, spans in of_role.items())
        if alike_s > best_s:
            best_s, best = alike_s, of_role
    return None if best is None else {role: intersect(spans, shared) for role, spans in best.items()}
