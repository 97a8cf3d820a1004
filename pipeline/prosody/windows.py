"""Sliding windows that hold equal amounts of one speaker's net speech."""

from collections.abc import Sequence

from pipeline.timeline import Span


def speech_windows(speech: Sequence[Span], window_s: float, hop_s: float) -> list[list[Span]]:
    """Windows of ``window_s`` seconds of net speech, begun every ``hop_s`` seconds of it.

    Args:
        speech: sorted, disjoint spans of one speaker.

    Returns:
        The spans of each window; none when there is less than one window of speech.
    """
    total = sum(end_s - start_s for start_s, end_s in speech)
    count = int((total - window_s) / hop_s + 1e-9) + 1 if total >= window_s else 0
    return [_net_slice(speech, index * hop_s, index * hop_s + window_s) for index in range(count)]


def _net_slice(speech: Sequence[Span], low_s: float, high_s: float) -> list[Span]:
    """The spans that are net speech from ``low_s`` to ``high_s`` of net time."""
    spans = []
    net_s = 0.0
    for span_start_s, span_end_s in speech:
        start_s = max(span_start_s, span_start_s + low_s - net_s)
        end_s = min(span_end_s, span_start_s + high_s - net_s)
        if start_s < end_s:
            spans.append((start_s, end_s))
        net_s += span_end_s - span_start_s
        if net_s >= high_s:
            break
    return spans
