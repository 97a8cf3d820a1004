"""What happens when one speaker comes in while the other holds the floor.

The kinds and their order are those of docs/measures/turn-taking.md. F
holds the floor, O comes in at ``t0``; ``ov`` is
their simultaneous speech and ``rem`` what F still says after ``t0``.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.phrases import Phrases
from pipeline.records import Event, EventKind, Role
from pipeline.settings import TurnsSettings
from pipeline.timeline import intersect, total_s
from pipeline.turns.units import Unit, Vocalisation, vocalisations

LOWEST_CONFIDENCE = 0.5
HIGHEST_CONFIDENCE = 0.95
PAUSE_CONFIDENCE = 0.8


@dataclass(frozen=True, slots=True)
class Encounter:
    """The features of one onset of O while F holds the floor; all times in seconds."""

    by: Role
    of: Role
    start_s: float
    """t0: where O comes in."""
    overlap_s: float
    overlap_end_s: float
    duration_s: float
    """Length of O's whole vocalisation."""
    quiet_before_s: float
    """How long O had been silent."""
    holder_elapsed_s: float
    """How long F's IPU had been going at t0."""
    remaining_s: float
    """What F still says after t0, without a pause."""
    holder_resumes_after_s: float | None
    """Silence of F after that, until F speaks again; ``None`` when F does not."""
    holder_goes_on_s: float
    """Speech of F within the time after O falls silent that shows who kept the floor."""
    holds_s: float
    """How long O goes on after F falls silent, before F speaks again."""
    acknowledgement: bool
    """Whether the words of O that were recognised with certainty are acknowledgements only."""
    wordless: bool
    """Whether no word of O was recognised with certainty: hums and laughter come out as guesses."""
    holder_complete: bool
    asked: bool
    """Whether F's last words before t0 were a question."""
    quote: str


@dataclass(frozen=True, slots=True)
class Judged:
    """An encounter's event, if it is one, and whether O's vocalisation takes the floor."""

    vocalisation: Vocalisation
    event: Event | None
    takes_floor: bool


class Timeline:
    """One speaker's units in time order, with look-ups by time."""

    def __init__(self, units: Sequence[Unit], bridge_s: float) -> None:
        self.units = list(units)
        self.vocalisations = vocalisations(units, bridge_s)
        self._starts = [unit.start_s for unit in units]
        self._vocalisation_of = {
            unit.start_s: vocalisation for vocalisation in self.vocalisations for unit in vocalisation.units
        }

    def at(self, time_s: float) -> Unit | None:
        """The unit that is going on at a time."""
        index = bisect_right(self._starts, time_s) - 1
        return self.units[index] if index >= 0 and time_s < self.units[index].end_s else None

    def vocalisation_of(self, unit: Unit) -> Vocalisation:
        """The vocalisation that a unit of this speaker belongs to."""
        return self._vocalisation_of[unit.start_s]

    def before(self, time_s: float) -> Unit | None:
        """The last unit that has ended by a time."""
        index = bisect_right(self._starts, time_s) - 1
        while index >= 0 and self.units[index].end_s > time_s:
            index -= 1
        return self.units[index] if index >= 0 else None

    def next_start_s(self, time_s: float) -> float | None:
        """Where the first unit from a time on starts."""
        index = bisect_left(self._starts, time_s)
        return self._starts[index] if index < len(self._starts) else None

    def speech_s(self, start_s: float, end_s: float) -> float:
        """Speech of this speaker in an interval."""
        first = max(0, bisect_right(self._starts, start_s) - 1)
        last = bisect_left(self._starts, end_s)
        return total_s(intersect([unit.span for unit in self.units[first:last]], [(start_s, end_s)]))


def judge_all(units: dict[Role, list[Unit]], phrases: Phrases, settings: TurnsSettings) -> list[Judged]:
    """Judge every vocalisation of two speakers, in the order in which they begin.

    Args:
        units: the IPUs of the speakers; with one speaker there is nothing to judge against.
    """
    timelines = {role: Timeline(own, settings.vocalisation_bridge_s) for role, own in units.items()}
    ordered = sorted(
        (vocalisation for timeline in timelines.values() for vocalisation in timeline.vocalisations),
        key=lambda vocalisation: (vocalisation.start_s, vocalisation.end_s),
    )
    aside: set[tuple[Role, float]] = set()
    begun: set[tuple[Role, float]] = set()
    judged = []
    for vocalisation in ordered:
        result = _judge(vocalisation, timelines, aside, begun, phrases, settings)
        begun.add((vocalisation.speaker, vocalisation.start_s))
        if not result.takes_floor:
            aside.update((unit.speaker, unit.start_s) for unit in vocalisation.units)
        judged.append(result)
    return judged


def possible_only(judged: Sequence[Judged], settings: TurnsSettings) -> list[Judged]:
    """What can be said of events where both speakers share one channel.

    Short overlaps cannot be seen there, so only long ones count, and no event is more than possible. Who has
    the floor stays as it was judged.
    """
    return [replace(item, event=_possible(item.event, settings)) for item in judged]


def _possible(event: Event | None, settings: TurnsSettings) -> Event | None:
    if event is None or 0 < event.overlap_s < settings.one_channel_overlap_s:
        return None
    return replace(event, confidence=min(event.confidence, settings.one_channel_confidence_max))


def _judge(
    vocalisation: Vocalisation,
    timelines: dict[Role, Timeline],
    aside: set[tuple[Role, float]],
    begun: set[tuple[Role, float]],
    phrases: Phrases,
    settings: TurnsSettings,
) -> Judged:
    other = next((role for role in timelines if role != vocalisation.speaker), None)
    if other is None:
        return Judged(vocalisation, None, takes_floor=True)
    holder = timelines[other].at(vocalisation.start_s)
    if holder is not None and (other, holder.start_s) in aside:
        return Judged(vocalisation, None, takes_floor=True)
    if holder is not None and holder.start_s == vocalisation.start_s and (other, holder.start_s) in begun:
        return Judged(vocalisation, None, takes_floor=True)
    encounter = _encounter(vocalisation, other, holder, timelines, phrases, settings)
    if holder is None:
        if _is_backchannel_in_pause(encounter, timelines[other], vocalisation, settings):
            credited = _event(
                encounter, "backchannel", False, PAUSE_CONFIDENCE, "acknowledgement in the other's pause"
            )
            return Judged(vocalisation, credited, takes_floor=False)
        return Judged(vocalisation, None, takes_floor=True)
    event = classify(encounter, settings)
    return Judged(vocalisation, event, takes_floor=_takes_floor(encounter, event, settings))


def _takes_floor(encounter: Encounter, event: Event | None, settings: TurnsSettings) -> bool:
    """Whether O has the floor afterwards: not when F goes on over O, or after a mere acknowledgement."""
    if event is not None and event.kind in ("backchannel", "failed_attempt"):
        return False
    goes_on = encounter.holder_goes_on_s >= settings.goes_on_s
    acknowledged = encounter.acknowledgement or encounter.wordless
    if acknowledged and encounter.duration_s <= settings.backchannel_max_s and not encounter.asked:
        return not goes_on
    return encounter.holds_s > 0 or not goes_on


def _encounter(
    vocalisation: Vocalisation,
    other: Role,
    holder: Unit | None,
    timelines: dict[Role, Timeline],
    phrases: Phrases,
    settings: TurnsSettings,
) -> Encounter:
    mine, theirs = timelines[vocalisation.speaker], timelines[other]
    start_s, end_s = vocalisation.start_s, vocalisation.end_s
    before = mine.before(start_s)
    last_words = holder or theirs.before(start_s)
    silent_s = holder.end_s if holder else start_s
    held = [unit.span for unit in theirs.vocalisation_of(holder).units] if holder else []
    simultaneous = intersect(held, [unit.span for unit in vocalisation.units])
    resumes_s = theirs.next_start_s(silent_s)
    own_end_s = end_s if resumes_s is None else min(end_s, resumes_s)
    said = "" if last_words is None else last_words.text
    certain = [w.word for w in vocalisation.words if w.probability >= settings.certain_word_probability]
    spoken_before = "" if last_words is None else _text_until(last_words, start_s)
    return Encounter(
        by=vocalisation.speaker,
        of=other,
        start_s=start_s,
        overlap_s=total_s(simultaneous),
        overlap_end_s=simultaneous[-1][1] if simultaneous else start_s,
        duration_s=vocalisation.duration_s,
        quiet_before_s=start_s - before.end_s if before else math.inf,
        holder_elapsed_s=start_s - holder.start_s if holder else 0.0,
        remaining_s=silent_s - start_s,
        holder_resumes_after_s=None if resumes_s is None else resumes_s - silent_s,
        holder_goes_on_s=theirs.speech_s(end_s, end_s + settings.goes_on_s + settings.resume_within_s),
        holds_s=max(0.0, own_end_s - silent_s),
        acknowledgement=bool(certain) and phrases.is_acknowledgement(" ".join(certain)),
        wordless=not certain,
        holder_complete=not phrases.is_incomplete(said),
        asked=spoken_before.rstrip().endswith("?"),
        quote=vocalisation.text,
    )


def _text_until(unit: Unit, time_s: float) -> str:
    return " ".join(word.word for word in unit.words if word.start_s < time_s)


def _is_backchannel_in_pause(
    encounter: Encounter, theirs: Timeline, vocalisation: Vocalisation, settings: TurnsSettings
) -> bool:
    """An acknowledgement while F pauses: F had just spoken, asked nothing, and goes on."""
    previous = theirs.before(vocalisation.start_s)
    resumes_s = theirs.next_start_s(vocalisation.start_s)
    if previous is None or resumes_s is None or encounter.asked:
        return False
    return (
        (encounter.acknowledgement or encounter.wordless)
        and encounter.duration_s <= settings.backchannel_max_s
        and encounter.quiet_before_s >= settings.backchannel_quiet_before_s
        and vocalisation.start_s - previous.end_s <= settings.resume_within_s
        and resumes_s - vocalisation.end_s <= settings.resume_within_s
    )


def classify(encounter: Encounter, settings: TurnsSettings) -> Event | None:
    """Kind and confidence of an encounter with overlap; ``None`` when it is no event.

    The rules apply in order. Confidence grows with the distance of the deciding feature from its limit,
    from 0.5 on the limit to 0.95.
    """
    e = encounter
    resumes = e.holder_resumes_after_s
    silent = resumes is None or resumes > settings.resume_within_s
    yielded = e.remaining_s <= settings.yield_within_s and e.holds_s >= settings.goes_on_s
    if e.overlap_s < settings.event_min_overlap_s:
        return None
    if e.holder_elapsed_s < settings.simultaneous_start_s:
        sure = _confidence(settings.simultaneous_start_s - e.holder_elapsed_s, settings.simultaneous_start_s)
        return _event(e, "simultaneous_start", yielded, sure, f"both began within {e.holder_elapsed_s:.2f} s")
    keeps_floor = e.holder_goes_on_s > 0 and e.holds_s < settings.goes_on_s
    if (
        e.duration_s <= settings.backchannel_max_s
        and e.quiet_before_s >= settings.backchannel_quiet_before_s
        and keeps_floor
        and (e.acknowledgement or e.wordless)
    ):
        sure = _confidence(settings.backchannel_max_s - e.duration_s, settings.backchannel_max_s)
        return _event(e, "backchannel", False, sure, "short acknowledgement; the other went on")
    if e.remaining_s <= settings.terminal_remaining_s and e.holder_complete and silent:
        sure = _confidence(settings.terminal_remaining_s - e.remaining_s, settings.terminal_remaining_s)
        return _event(e, "terminal_overlap", False, sure, f"the other had {e.remaining_s:.2f} s left to say")
    if e.duration_s < settings.failed_attempt_max_s and e.holder_goes_on_s >= settings.goes_on_s:
        sure = _confidence(settings.failed_attempt_max_s - e.duration_s, settings.failed_attempt_max_s)
        return _event(e, "failed_attempt", False, sure, f"gave up after {e.duration_s:.2f} s")
    return _interruption(e, yielded, settings)


def _interruption(e: Encounter, yielded: bool, settings: TurnsSettings) -> Event | None:
    if e.overlap_s >= settings.interruption_overlap_s:
        sure = _confidence(e.overlap_s - settings.interruption_overlap_s, settings.interruption_overlap_s)
        if (e.acknowledgement or e.wordless) and not yielded:
            return _event(
                e, "interruption", yielded, LOWEST_CONFIDENCE, "a long acknowledgement over the other"
            )
        return _event(e, "interruption", yielded, sure, f"{e.overlap_s:.2f} s of simultaneous speech")
    if yielded and not e.holder_complete and e.overlap_s >= settings.interruption_cut_off_overlap_s:
        sure = _confidence(
            e.overlap_s - settings.interruption_cut_off_overlap_s, settings.interruption_overlap_s
        )
        return _event(e, "interruption", yielded, sure, "the other broke off in the middle of a sentence")
    return None


def _confidence(margin: float, scale: float) -> float:
    reach = HIGHEST_CONFIDENCE - LOWEST_CONFIDENCE
    return min(HIGHEST_CONFIDENCE, LOWEST_CONFIDENCE + reach * margin / scale)


def _event(e: Encounter, kind: EventKind, yielded: bool, confidence: float, reason: str) -> Event:
    return Event(
        by=e.by,
        of=e.of,
        start_s=e.start_s,
        end_s=max(e.overlap_end_s, e.start_s + (e.duration_s if e.overlap_s == 0 else 0.0)),
        overlap_s=e.overlap_s,
        kind=kind,
        yielded=yielded,
        confidence=confidence,
        quote=e.quote,
        reason=reason,
    )
