"""Segments of a diarizer brought into the speech that voice activity found."""

from collections.abc import Sequence

from pipeline.records import Diarization
from pipeline.timeline import Span, intersect, subtract, union


def alone(speech: Sequence[Span]) -> Diarization:
    """One voice has all the speech."""
    return Diarization(
        voices=1,
        segments=(tuple(speech),),
        exclusive=(tuple(speech),),
        further=(),
        similarity=None,
        confidence=None,
    )


def in_speech(
    segments: Sequence[Sequence[Span]],
    exclusive: Sequence[Sequence[Span]],
    speech: Sequence[Span],
    *,
    further: Sequence[Span],
    voices: int,
    similarity: float | None,
    confidence: float | None,
) -> Diarization:
    """The parties within ``speech``, in the order in which they first speak.

    Speech in which a diarizer heard nobody goes to the party that speaks nearest to it.
    """
    wanted = subtract(speech, further)
    parts = [intersect(spans, wanted) for spans in exclusive]
    nobody = subtract(wanted, [span for spans in parts for span in spans])
    if not any(parts):
        return alone(speech)
    found: list[list[Span]] = [[] for _ in parts]
    for span in nobody:
        found[nearest(parts, span)].append(span)
    order = sorted(
        range(len(parts)), key=lambda party: [*parts[party], *found[party], (float("inf"), 0.0)][0]
    )
    return Diarization(
        voices=voices,
        segments=tuple(
            tuple(union([*intersect(segments[party], wanted), *parts[party], *found[party]]))
            for party in order
        ),
        exclusive=tuple(tuple(union([*parts[party], *found[party]])) for party in order),
        further=tuple(further),
        similarity=similarity,
        confidence=confidence,
    )


def nearest(parties: Sequence[Sequence[Span]], span: Span) -> int:
    """The party that shares most with a span, else speaks nearest to it."""

    def distance_s(own: Sequence[Span]) -> float:
        return min((max(start_s - span[1], span[0] - end_s) for start_s, end_s in own), default=float("inf"))

    return min(range(len(parties)), key=lambda party: distance_s(parties[party]))
