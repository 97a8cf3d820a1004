"""How tense the customer is, turn by turn, and what followed. Never the agent (docs/measures/tension.md)."""

from collections.abc import Sequence
from itertools import combinations
from math import prod, sqrt
from statistics import NormalDist, fmean, median
from typing import Literal

from pipeline.guidance.config import Guidance, TensionLimits
from pipeline.records import (
    Act,
    Event,
    Measures,
    SpeakerMeasures,
    Tension,
    TensionPoint,
    TensionSpan,
    Turn,
    VoiceTurn,
)
from pipeline.texts import Text
from pipeline.timeline import Span, overlap_s

RESPONSE_ACTS = (
    "apology", "weak_apology", "empathy", "selective_agreement", "reassurance", "restate_concern",
    "invite_story", "present_solution", "set_limit", "offer_alternative", "blame", "rude_reply",
    "explain_cause", "announce_hold", "announce_transfer", "channel_switch", "rush",
)  # fmt: skip
INTERVAL = 0.95
SECONDS_PER_MINUTE = 60.0


def tension_of(
    turns: Sequence[Turn],
    acts: Sequence[Act],
    events: Sequence[Event],
    measures: Measures,
    unscorable: str | None,
    guidance: Guidance,
) -> Tension:
    """The customer's tension: a point for each turn, tense spans and what the agent did in each.

    Args:
        turns: all turns of the call, in time order.
        acts: recognized speech acts of both.
        unscorable: why words say nothing, if so; voice alone makes no curve.
    """
    limits = guidance.tension
    agent, customer = measures.agent, measures.customer
    own = [turn for turn in turns if turn.speaker == "customer" and not turn.backchannel]
    voices = {voice.turn: voice for voice in customer.voice_turns} if customer else {}
    sure = [act for act in acts if act.sure]
    said = [act for act in sure if act.speaker == "customer"]
    if unscorable is not None or not own:
        return Tension(curve=(), spans=(), not_scored=unscorable or Text("unmeasured.no_customer_turn"))
    curve = [_point(turn, said, voices.get(turn.turn), limits) for turn in own]
    runs = _runs(curve, own, limits)
    spans = tuple(
        _span(run, begun, run is runs[-1], curve, own, turns, sure, events, agent, limits)
        for run, begun in zip(runs, _beginnings(runs, curve, limits), strict=True)
    )
    peak = max(range(len(curve)), key=lambda index: curve[index].level)
    calm = [point for point in curve[peak + 1 :] if _calm(point, limits)]
    slope, low, high = _trend([(point.t_s / SECONDS_PER_MINUTE, point.level) for point in curve], limits)
    tense = any(peak in run for run in runs)
    return Tension(
        curve=tuple(curve),
        spans=spans,
        not_scored=None,
        peak=curve[peak].level,
        start_level=curve[0].level,
        end_level=curve[-1].level,
        trend_per_min=slope,
        trend_low_per_min=low,
        trend_high_per_min=high,
        recovery_s=calm[0].t_s - curve[peak].t_s if calm and tense else None,
    )


def _point(turn: Turn, said: Sequence[Act], voice: VoiceTurn | None, limits: TensionLimits) -> TensionPoint:
    """Words count as independent signs: the level is 1 less the product of what each leaves of calm."""
    here = [act for act in said if act.turn == turn.turn]
    surest: dict[str, float] = {}
    for act in here:
        surest[act.id] = max(surest.get(act.id, 0.0), act.confidence)
    left = prod(1 - limits.words.get(name, 0.0) * sure for name, sure in surest.items())
    words = 1 - left
    scores = [voice.f0_z, voice.level_z, voice.high_frequency_z] if voice else []
    known = [score for score in scores if score is not None]
    voice_z = fmean(known) if known else None
    raised = min(1.0, max(0.0, voice_z or 0.0) / limits.largest_z)
    calming = prod(1 - limits.calming.get(name, 0.0) * sure for name, sure in surest.items())
    level = (1 - left * (1 - limits.voice_share * raised)) * calming
    return TensionPoint(
        t_s=(turn.start_s + turn.end_s) / 2, level=level, turn=turn.turn, words=words, voice_z=voice_z
    )


def _calm(point: TensionPoint, limits: TensionLimits) -> bool:
    return point.level < limits.calm_level and (point.voice_z or 0.0) < limits.calm_z


def _runs(curve: Sequence[TensionPoint], own: Sequence[Turn], limits: TensionLimits) -> list[range]:
    """Tense turns of the customer, joined over few others; as indexes into the curve."""
    by_words = {
        index
        for index, point in enumerate(curve)
        if (point.words or 0.0) >= limits.strong_words
        or (
            (point.words or 0.0) >= limits.negative_words
            and (point.voice_z or 0.0) >= limits.voice_z_with_words
        )
    }
    high = [(point.voice_z or 0.0) >= limits.voice_z_alone for point in curve]
    by_voice = set()
    for index, raised in enumerate(high):
        around = high[max(0, index - limits.voice_alone_of_turns + 1) : index + 1]
        if raised and sum(around) >= limits.voice_alone_turns:
            by_voice.add(index)
    runs: list[range] = []
    for index in sorted(by_words | by_voice):
        if runs and index - runs[-1][-1] <= limits.join_turns + 1:
            runs[-1] = range(runs[-1].start, index + 1)
        else:
            runs.append(range(index, index + 1))
    return [
        run
        for run in runs
        if by_words & set(run) or own[run[-1]].end_s - own[run[0]].start_s <= limits.voice_alone_max_s
    ]


def _beginnings(runs: Sequence[range], curve: Sequence[TensionPoint], limits: TensionLimits) -> list[int]:
    """Where each run began to rise: at complaints right before it, over as few turns as join tense ones."""
    found = []
    earliest = 0
    for run in runs:
        begun = run.start
        for index in range(run.start - 1, earliest - 1, -1):
            if begun - index > limits.join_turns + 1:
                break
            if (curve[index].words or 0.0) >= limits.rising_words:
                begun = index
        found.append(begun)
        earliest = run.stop
    return found


def _span(
    run: range,
    begun: int,
    final: bool,
    curve: Sequence[TensionPoint],
    own: Sequence[Turn],
    turns: Sequence[Turn],
    acts: Sequence[Act],
    events: Sequence[Event],
    agent: SpeakerMeasures | None,
    limits: TensionLimits,
) -> TensionSpan:
    """A tense span, from the turn ``begun`` in which it rises.

    It fell if the next turn is calm, or, of the last span, if the call ends calmly.
    """
    first, last = own[begun], own[run[-1]]
    after = curve[-1 if final else run[-1] + 1].level
    change = after - curve[run[0]].level
    until_s = first.end_s + limits.response_s
    outcome: Literal["fell", "held", "rose"] = "held"
    if change >= limits.outcome_change:
        outcome = "rose"
    elif change <= -limits.outcome_change and after < limits.calm_level:
        outcome = "fell"
    return TensionSpan(
        start_s=first.start_s,
        end_s=last.end_s,
        peak=max(curve[index].level for index in range(begun, run.stop)),
        agent_response=_response((first.start_s, until_s), turns, acts, events, agent),
        outcome=outcome,
    )


def _response(
    window: Span,
    turns: Sequence[Turn],
    acts: Sequence[Act],
    events: Sequence[Event],
    agent: SpeakerMeasures | None,
) -> dict[str, str | float | None]:
    """What the agent said and did in a window, and how the voice there stood to the agent's other turns."""
    start_s, end_s = window
    answers = [
        turn
        for turn in turns
        if turn.speaker == "agent" and not turn.backchannel and start_s <= turn.start_s < end_s
    ]
    indexes = {turn.turn for turn in answers}
    said = {act.id for act in acts if act.speaker == "agent" and act.turn in indexes}
    cut_in = [
        event
        for event in events
        if event.is_interruption and event.by == "agent" and start_s <= event.start_s < end_s
    ]
    voices = agent.voice_turns if agent else ()
    inside = [voice for voice in voices if voice.turn in indexes]
    outside = [voice for voice in voices if voice.turn not in indexes]
    rate = _change([one.sps for one in inside], [one.sps for one in outside], relative=True)
    return {
        "acts": ", ".join(name for name in RESPONSE_ACTS if name in said) or None,
        "interruptions": float(len(cut_in)),
        "rate_change": rate,
        "pitch_change_st": _change([one.st for one in inside], [one.st for one in outside]),
        "loudness_change_db": _change(
            [one.loudness_db for one in inside], [one.loudness_db for one in outside]
        ),
    }


def _change(
    inside: Sequence[float | None], outside: Sequence[float | None], *, relative: bool = False
) -> float | None:
    """Median inside against the median outside; ``None`` where either has no figure."""
    near, far = ([value for value in values if value is not None] for values in (inside, outside))
    if not near or not far:
        return None
    difference = median(near) - median(far)
    return difference / median(far) if relative else difference


def _trend(
    points: Sequence[tuple[float, float]], limits: TensionLimits
) -> tuple[float | None, float | None, float | None]:
    """Slope by Theil and Sen with the 95% interval by Kendall's variance; ``None`` with too few points."""
    count = len(points)
    if count < limits.trend_min_turns:
        return None, None, None
    slopes = sorted((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x2 > x1)
    if not slopes:
        return None, None, None
    spread = NormalDist().inv_cdf((1 + INTERVAL) / 2) * sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, round((len(slopes) - spread) / 2))
    high = min(len(slopes) - 1, round((len(slopes) + spread) / 2))
    return median(slopes), slopes[low], slopes[high]


def tense_at(tension: Tension, moment: Span, after_s: float = 0.0) -> bool:
    """Whether a moment touches a tense span, or comes within ``after_s`` of its end."""
    widened = [(span.start_s, span.end_s + after_s) for span in tension.spans]
    return any(start_s <= moment[0] < end_s for start_s, end_s in widened) or overlap_s(widened, [moment]) > 0
