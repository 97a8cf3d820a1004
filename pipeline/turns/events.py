"""What happens when one speaker comes in while the other holds the floor.

The kinds and their order are those of docs/measures/turn-taking.md. F
holds the floor, O comes in at ``t0``; ``ov`` is
their simultaneous speech and ``rem`` what F still says after ``t0``.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from statistics import fmean

from pipeline.phrases import Phrases, normal_words
from pipeline.records import UNDETERMINED, CutOff, Event, EventKind, Role, Word
from pipeline.settings import TurnsSettings
from pipeline.texts import Text
from pipeline.timeline import intersect, total_s
from pipeline.turns.completeness import REACH, load_completeness
from pipeline.turns.cues import Voice, listen
from pipeline.turns.encounter import NO_EVENT, Encounter, Verdict
from pipeline.turns.second_look import look_again
from pipeline.turns.units import Unit, Vocalization, joined, vocalizations
from pipeline.turns.weighing import EDGE_ERROR_IN_NOISE_S, weigh

LOWEST_CONFIDENCE = 0.5
HIGHEST_CONFIDENCE = 0.95
PAUSE_CONFIDENCE = 0.8
CUT_OFF_CONFIDENCE = 0.3
CLEAR_WORDS = 0.8
ECHO_LEAD_S = 0.1
WORD_EDGE_S = 0.1
ECHO_WORDS = 2
ECHO_LIKENESS = 0.7
"""Of the letters: what two say at once is often misheard in one of them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An encounter's event, if it is one, and whether O's vocalization takes the floor."""

    vocalization: Vocalization
    event: Event | None
    takes_floor: bool
    encounter: Encounter | None = None
    cut_off: CutOff | None = None


class Timeline:
    """One speaker's units in time order, with look-ups by time."""

    def __init__(self, units: Sequence[Unit], bridge_s: float) -> None:
        self.units = list(units)
        self.vocalizations = vocalizations(units, bridge_s)
        self._starts = [unit.start_s for unit in units]
        self._vocalization_of = {
            unit.start_s: vocalization for vocalization in self.vocalizations for unit in vocalization.units
        }

    def at(self, time_s: float) -> Unit | None:
        """The unit that is going on at a time."""
        index = bisect_right(self._starts, time_s) - 1
        return self.units[index] if index >= 0 and time_s < self.units[index].end_s else None

    def vocalization_of(self, unit: Unit) -> Vocalization:
        """The vocalization that a unit of this speaker belongs to."""
        return self._vocalization_of[unit.start_s]

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

    def goes_on_until_s(self, vocalization: Vocalization, pause_s: float) -> float:
        """Where a vocalization and those that follow it after pauses of up to ``pause_s`` end."""
        end_s = vocalization.end_s
        for unit in self.units[bisect_left(self._starts, end_s) :]:
            if unit.start_s - end_s > pause_s:
                break
            end_s = unit.end_s
        return end_s

    def speech_s(self, start_s: float, end_s: float) -> float:
        """Speech of this speaker in an interval."""
        first = max(0, bisect_right(self._starts, start_s) - 1)
        last = bisect_left(self._starts, end_s)
        return total_s(intersect([unit.span for unit in self.units[first:last]], [(start_s, end_s)]))


def judge_all(
    units: dict[Role, list[Unit]],
    phrases: Phrases,
    settings: TurnsSettings,
    voices: Mapping[Role, Voice] | None = None,
) -> list[Judged]:
    """Judge every vocalization of two speakers, in the order in which they begin.

    Args:
        units: the IPUs of the speakers; with one speaker there is nothing to judge against.
        voices: their sound. Without it the rules decide alone, as if times and words were exact.
    """
    voices = voices or {}
    heard = {
        role: _despite_noise(own, voices[role], settings) if _is_noisy(voices.get(role), settings) else own
        for role, own in units.items()
    }
    timelines = {role: Timeline(own, settings.vocalization_bridge_s) for role, own in heard.items()}
    ordered = sorted(
        (vocalization for timeline in timelines.values() for vocalization in timeline.vocalizations),
        key=lambda vocalization: (vocalization.start_s, vocalization.end_s),
    )
    aside: set[tuple[Role, float]] = set()
    begun: set[tuple[Role, float]] = set()
    judged = []
    for vocalization in ordered:
        result = _judge(vocalization, timelines, aside, begun, phrases, settings, voices)
        begun.add((vocalization.speaker, vocalization.start_s))
        if not result.takes_floor:
            aside.update((unit.speaker, unit.start_s) for unit in vocalization.units)
        judged.append(result)
    return judged


def _is_noisy(voice: Voice | None, settings: TurnsSettings) -> bool:
    return voice is not None and voice.snr_db is not None and voice.snr_db < settings.noisy_snr_db


def _despite_noise(units: Sequence[Unit], voice: Voice, settings: TurnsSettings) -> list[Unit]:
    """Units as far as noise lets them be trusted, without short holes.

    What is far under the speaker's loud level is voices in the background, unless its words are clear.
    """
    kept = []
    for unit in units:
        clear = (_mean_probability(unit.words) or 0.0) >= CLEAR_WORDS
        allowed_db = settings.noisy_spoken_db if unit.words else settings.noisy_wordless_db
        if clear or (voice.under_loud_db(unit.span) or 0.0) <= allowed_db:
            kept.append(unit)
    return joined(kept, settings.noisy_bridge_s)


def with_doubts(judged: Sequence[Judged], settings: TurnsSettings) -> list[Judged]:
    """Events, with what is not surely an interruption marked so: the one place that decides what counts."""
    least = settings.counted_confidence
    return [
        replace(item, event=replace(item.event, sure=False))
        if item.event and item.event.kind == "interruption" and item.event.confidence < least
        else item
        for item in judged
    ]


def possible_only(judged: Sequence[Judged], settings: TurnsSettings) -> list[Judged]:
    """What can be said of events where both speakers share one channel.

    Short overlaps cannot be seen there, so only long ones count, and no event is more than possible. Who has
    the floor stays as it was judged.
    """
    return [replace(item, event=_possible(item.event, settings)) for item in judged]


def without_words(judged: Sequence[Judged], settings: TurnsSettings) -> list[Judged]:
    """Events where nobody knows what the words mean: by their sound alone they are no more than possible."""
    return [
        replace(item, event=_no_more_than_possible(item.event, settings)) if item.event else item
        for item in judged
    ]


def _possible(event: Event | None, settings: TurnsSettings) -> Event | None:
    if event is None or 0 < event.overlap_s < settings.one_channel_overlap_s:
        return None
    return _no_more_than_possible(event, settings)


def _no_more_than_possible(event: Event, settings: TurnsSettings) -> Event:
    return replace(event, confidence=min(event.confidence, settings.one_channel_confidence_max))


def _judge(
    vocalization: Vocalization,
    timelines: dict[Role, Timeline],
    aside: set[tuple[Role, float]],
    begun: set[tuple[Role, float]],
    phrases: Phrases,
    settings: TurnsSettings,
    voices: Mapping[Role, Voice],
) -> Judged:
    other = next((role for role in timelines if role != vocalization.speaker), None)
    if other is None:
        return Judged(vocalization, None, takes_floor=True)
    holder = timelines[other].at(vocalization.start_s)
    if holder is not None and (other, holder.start_s) in aside:
        return Judged(vocalization, None, takes_floor=True)
    if holder is not None and holder.start_s == vocalization.start_s and (other, holder.start_s) in begun:
        return Judged(vocalization, None, takes_floor=True)
    if _goes_on_contending(vocalization, timelines, other, settings):
        return Judged(vocalization, None, takes_floor=True)
    encounter = _encounter(vocalization, other, holder, timelines, phrases, settings, voices)
    if encounter.in_pause and not _is_backchannel_in_pause(
        encounter, timelines[other], vocalization, settings
    ):
        cut_off = _cut_off(encounter, timelines[other], vocalization, settings)
        return Judged(vocalization, None, takes_floor=True, cut_off=cut_off)
    event = classify(encounter, settings, phrases.language)
    takes_floor = not encounter.in_pause and _takes_floor(encounter, event, settings)
    return Judged(
        vocalization,
        event,
        takes_floor=takes_floor or (encounter.in_pause and event is None),
        encounter=encounter,
    )


def _goes_on_contending(
    vocalization: Vocalization, timelines: dict[Role, Timeline], other: Role, settings: TurnsSettings
) -> bool:
    """Whether O only drew breath: the other's vocalization that O talked over before is still going on."""
    before = timelines[vocalization.speaker].before(vocalization.start_s)
    against = timelines[other].at(vocalization.start_s)
    if before is None or against is None or vocalization.start_s - before.end_s > settings.contend_pause_s:
        return False
    return timelines[other].vocalization_of(against).start_s < before.end_s


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
    vocalization: Vocalization,
    other: Role,
    holder: Unit | None,
    timelines: dict[Role, Timeline],
    phrases: Phrases,
    settings: TurnsSettings,
    voices: Mapping[Role, Voice],
) -> Encounter:
    mine, theirs = timelines[vocalization.speaker], timelines[other]
    start_s, end_s = vocalization.start_s, vocalization.end_s
    before = mine.before(start_s)
    last_words = holder or theirs.before(start_s)
    silent_s = holder.end_s if holder else start_s
    chain = theirs.vocalization_of(holder) if holder else None
    held = [unit.span for unit in chain.units] if chain else []
    own = [unit.span for unit in vocalization.units]
    simultaneous = intersect(held, own)
    resumes_s = theirs.next_start_s(silent_s)
    own_end_s = end_s if end_s < silent_s else mine.goes_on_until_s(vocalization, settings.resume_within_s)
    own_end_s = own_end_s if resumes_s is None else min(own_end_s, resumes_s)
    said = "" if last_words is None else last_words.text
    certain = [w.word for w in vocalization.words if w.probability >= settings.certain_word_probability]
    spoken_before = "" if last_words is None else _text_until(last_words, start_s)
    words = _words_up_to(theirs, last_words)
    last = last_words.words[-1] if last_words is not None and last_words.words else None
    heard = under_loud_db = None
    if voices:
        under_loud_db = voices[vocalization.speaker].under_loud_db((start_s, end_s))
        heard = listen(voices[vocalization.speaker], voices[other], own, holder.span if holder else None)
    soon = resumes_s is not None and resumes_s - silent_s < settings.recall_next_s
    following = theirs.at(resumes_s) if resumes_s is not None and soon else None
    quiet_before_s = start_s - before.end_s if before else math.inf
    return Encounter(
        by=vocalization.speaker,
        of=other,
        start_s=start_s,
        overlap_s=total_s(simultaneous),
        overlap_end_s=simultaneous[-1][1] if simultaneous else start_s,
        duration_s=vocalization.duration_s,
        quiet_before_s=quiet_before_s,
        holder_elapsed_s=start_s - holder.start_s if holder else 0.0,
        remaining_s=silent_s - start_s,
        holder_resumes_after_s=None if resumes_s is None else resumes_s - silent_s,
        holder_goes_on_s=theirs.speech_s(end_s, end_s + settings.goes_on_s + settings.resume_within_s),
        holds_s=max(0.0, own_end_s - silent_s),
        acknowledgement=bool(certain) and phrases.is_acknowledgement(" ".join(certain)),
        wordless=not certain,
        perhaps_acknowledgement=bool(vocalization.words) and phrases.is_acknowledgement(vocalization.text),
        words_probability=_mean_probability(vocalization.words),
        holder_complete=not phrases.is_incomplete(said),
        holder_ends_sentence=said.rstrip().endswith((".", "?", "!")),
        holder_log_odds=_log_odds(words, phrases.language),
        holder_words_probability=_mean_probability(words[-REACH:]),
        last_word_s=last.end_s - last.start_s if last else None,
        last_word_probability=last.probability if last else None,
        asked=spoken_before.rstrip().endswith("?"),
        quote=vocalization.text,
        in_pause=holder is None,
        turn_elapsed_s=start_s - chain.start_s if chain else 0.0,
        echo=holder is not None and _echoes(holder, vocalization),
        under_loud_db=under_loud_db,
        holder_said=_said(chain, holder, start_s),
        holder_rest=_text_from(holder, start_s) if holder else "",
        holder_next=following.text if following else "",
        comer_before=before.text if before and quiet_before_s < settings.recall_before_s else "",
        cues=heard,
    )


def _said(chain: Vocalization | None, holder: Unit | None, time_s: float) -> str:
    """What F has said since the last longer pause, up to a time."""
    if chain is None or holder is None:
        return ""
    whole = [unit.text for unit in chain.units if unit.end_s <= time_s]
    return " ".join([*whole, " ".join(w.word for w in holder.words if w.end_s <= time_s + WORD_EDGE_S)])


def _text_from(unit: Unit, time_s: float) -> str:
    return " ".join(word.word for word in unit.words if word.end_s > time_s + WORD_EDGE_S)


def _words_up_to(theirs: Timeline, unit: Unit | None) -> tuple[Word, ...]:
    """The words of a unit and of those before it without more than a short pause."""
    if unit is None:
        return ()
    units = theirs.vocalization_of(unit).units
    return tuple(word for one in units if one.start_s <= unit.start_s for word in one.words)


def _log_odds(words: Sequence[Word], language: str) -> float | None:
    completeness = load_completeness(language)
    return completeness.log_odds(" ".join(word.word for word in words)) if completeness else None


def _mean_probability(words: Sequence[Word]) -> float | None:
    return fmean(word.probability for word in words) if words else None


def _text_until(unit: Unit, time_s: float) -> str:
    return " ".join(word.word for word in unit.words if word.start_s < time_s)


def _echoes(holder: Unit, vocalization: Vocalization) -> bool:
    """Whether O says the words that F still has to say, or all but the first of them."""
    left = [word.word for word in holder.words if word.start_s >= vocalization.start_s - ECHO_LEAD_S]
    mine, theirs = normal_words(vocalization.text), normal_words(" ".join(left))
    return any(
        len(wanted) >= ECHO_WORDS and _alike(mine[: len(wanted)], wanted) for wanted in (theirs, theirs[1:])
    )


def _alike(some: Sequence[str], others: Sequence[str]) -> bool:
    letters = "".join(some), "".join(others)
    return SequenceMatcher(None, *letters, autojunk=False).ratio() >= ECHO_LIKENESS


def _cut_off(
    encounter: Encounter, theirs: Timeline, vocalization: Vocalization, settings: TurnsSettings
) -> CutOff | None:
    """O starts right after a fragment of F that F takes up again: perhaps cut off, perhaps a hesitation."""
    previous, resumes_s = theirs.before(vocalization.start_s), theirs.next_start_s(vocalization.start_s)
    if previous is None or resumes_s is None or encounter.holder_complete:
        return None
    gap_s = vocalization.start_s - previous.end_s
    if gap_s > settings.cut_off_gap_s or resumes_s - vocalization.end_s > settings.resume_within_s:
        return None
    return CutOff(
        by=encounter.by,
        of=encounter.of,
        start_s=encounter.start_s,
        gap_s=gap_s,
        confidence=CUT_OFF_CONFIDENCE,
        quote=encounter.quote,
    )


def _is_backchannel_in_pause(
    encounter: Encounter, theirs: Timeline, vocalization: Vocalization, settings: TurnsSettings
) -> bool:
    """An acknowledgement while F pauses: F had just spoken, asked nothing, and goes on."""
    previous = theirs.before(vocalization.start_s)
    resumes_s = theirs.next_start_s(vocalization.start_s)
    if previous is None or resumes_s is None or encounter.asked:
        return False
    return (
        (encounter.acknowledgement or encounter.wordless)
        and encounter.duration_s <= settings.backchannel_max_s
        and encounter.quiet_before_s >= settings.backchannel_quiet_before_s
        and vocalization.start_s - previous.end_s <= settings.resume_within_s
        and resumes_s - vocalization.end_s <= settings.resume_within_s
    )


def classify(encounter: Encounter, settings: TurnsSettings, language: str = UNDETERMINED) -> Event | None:
    """Kind and confidence of an encounter; ``None`` when it is no event.

    The rules apply in order. With sound, :func:`pipeline.turns.weighing.weigh` decides where they are within
    the error of measurement, and gives the confidence. What then seems an interruption gets a second look.
    """
    verdict = by_rules(encounter, settings)
    if encounter.cues is not None:
        verdict = weigh(encounter, verdict, settings)
    verdict = look_again(encounter, verdict, language, settings)
    if verdict.kind is None:
        return None
    return _event(encounter, verdict.kind, verdict, settings)


def by_rules(e: Encounter, settings: TurnsSettings) -> Verdict:
    """The rules in their order.

    Confidence grows with the distance of the deciding feature from its limit, from 0.5 on the limit to 0.95.
    """
    if e.in_pause:
        return Verdict("backchannel", False, PAUSE_CONFIDENCE, Text("event.in_pause"))
    silent = e.falls_silent(settings)
    yielded = e.yields(settings)
    if e.overlap_s < settings.event_min_overlap_s:
        return NO_EVENT
    if e.holder_elapsed_s < settings.simultaneous_start_s:
        sure = _confidence(settings.simultaneous_start_s - e.holder_elapsed_s, settings.simultaneous_start_s)
        together = Text("event.began_together", seconds=e.holder_elapsed_s)
        return Verdict("simultaneous_start", yielded, sure, together)
    keeps_floor = e.holder_goes_on_s > 0 and e.holds_s < settings.goes_on_s
    if (
        e.duration_s <= settings.backchannel_max_s + e.noise * EDGE_ERROR_IN_NOISE_S
        and e.quiet_before_s >= settings.backchannel_quiet_before_s
        and keeps_floor
        and (e.acknowledgement or e.wordless)
    ):
        sure = _confidence(settings.backchannel_max_s - e.duration_s, settings.backchannel_max_s)
        return Verdict("backchannel", False, sure, Text("event.acknowledged"))
    if e.echo and silent:
        return Verdict("terminal_overlap", yielded, PAUSE_CONFIDENCE, Text("event.echoed"))
    if e.remaining_s <= settings.terminal_remaining_s and e.holder_complete and silent:
        sure = _confidence(settings.terminal_remaining_s - e.remaining_s, settings.terminal_remaining_s)
        return Verdict("terminal_overlap", False, sure, Text("event.nearly_done", seconds=e.remaining_s))
    if e.duration_s < settings.failed_attempt_max_s and e.holder_goes_on_s >= settings.goes_on_s:
        sure = _confidence(settings.failed_attempt_max_s - e.duration_s, settings.failed_attempt_max_s)
        return Verdict("failed_attempt", False, sure, Text("event.gave_up", seconds=e.duration_s))
    return _interruption(e, yielded, settings)


def _interruption(e: Encounter, yielded: bool, settings: TurnsSettings) -> Verdict:
    if e.overlap_s >= settings.interruption_overlap_s:
        sure = _confidence(e.overlap_s - settings.interruption_overlap_s, settings.interruption_overlap_s)
        if (e.acknowledgement or e.wordless) and not yielded:
            return Verdict("interruption", yielded, LOWEST_CONFIDENCE, Text("event.long_acknowledgement"))
        return Verdict("interruption", yielded, sure, Text("event.talked_over", seconds=e.overlap_s))
    if yielded and not e.holder_complete and e.overlap_s >= settings.interruption_cut_off_overlap_s:
        sure = _confidence(
            e.overlap_s - settings.interruption_cut_off_overlap_s, settings.interruption_overlap_s
        )
        return Verdict("interruption", yielded, sure, Text("event.broke_off"))
    return NO_EVENT


def _confidence(margin: float, scale: float) -> float:
    reach = HIGHEST_CONFIDENCE - LOWEST_CONFIDENCE
    return min(HIGHEST_CONFIDENCE, LOWEST_CONFIDENCE + reach * margin / scale)


def _event(e: Encounter, kind: EventKind, verdict: Verdict, settings: TurnsSettings) -> Event:
    return Event(
        by=e.by,
        of=e.of,
        start_s=e.start_s,
        end_s=max(e.overlap_end_s, e.start_s + (e.duration_s if e.overlap_s == 0 else 0.0)),
        overlap_s=e.overlap_s,
        kind=kind,
        yielded=verdict.yielded,
        confidence=verdict.confidence,
        quote=e.quote,
        reason=verdict.reason,
        remaining_s=None if e.in_pause else e.remaining_s,
        holder_complete=None if e.in_pause else e.holder_complete,
        talk_over=kind == "interruption" and e.overlap_s >= settings.talk_over_s,
        cues=e.cues,
    )
