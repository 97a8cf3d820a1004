"""What every report needs to show an analysis: clocks, numbers, limits and who is who."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from pipeline.guidance.config import OTHER
from pipeline.records import Analysis, Event, EventKind, Evidence, GapKind, Hold, Role, Threshold
from pipeline.texts import Texts
from pipeline.timeline import overlap_s

MISSING = "\N{EN DASH}"
KIND_ORDER: tuple[EventKind, ...] = get_args(EventKind)
FIRST_SHOWN: tuple[EventKind, ...] = ("interruption", "failed_attempt")


def clock(time_s: float) -> str:
    """``m:ss``, or ``h:mm:ss`` from an hour on; the second that is running."""
    minutes, seconds = divmod(int(max(time_s, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def long_clock(time_s: float, text: Texts) -> str:
    """As ``clock``, but whole hours from a hundred on."""
    hours = time_s / 3600
    return clock(time_s) if hours < 100 else text.quantity(hours, text("unit.h"))


def response(name: str, value: str | float, text: Texts) -> str:
    """One figure of the agent's response to tension, for reading."""
    if isinstance(value, str):
        return text.written(value.split(", "), "act")
    if name == "interruptions":
        return text.number(value)
    if name == "rate_change":
        return text.number(100 * value, signed=True)
    return text.number(value, 1, signed=True)


def seconds(value: float, text: Texts) -> str:
    """Under a minute with a decimal, else as a clock."""
    return text.quantity(value, text("unit.s"), 1) if value < 60 else clock(value)


class Limits:
    """The thresholds that an analysis was made with, by key."""

    def __init__(self, thresholds: Sequence[Threshold], text: Texts) -> None:
        self._values = {threshold.key: threshold.value for threshold in thresholds}
        self._text = text

    def get(self, key: str) -> float | None:
        """The number at ``key``; ``None`` where the analysis does not say."""
        value = self._values.get(key)
        return float(value) if isinstance(value, int | float) else None

    def text(self, key: str) -> str:
        value = self.get(key)
        return MISSING if value is None else self._text.written(value)


def kind_of(analysis: Analysis, text: Texts) -> str:
    """The kind of the call for its head; those that are possible where it is not sure."""
    of = analysis.call_kind
    if of is None or of.possible == (OTHER,):
        return ""
    named = [text.name_of("call_kind", each) for each in of.possible if each != OTHER]
    return text("page.kind_unsure", kinds=named) if len(of.possible) > 1 else named[0]


@dataclass(frozen=True, slots=True)
class StoryLine:
    """A line of the head: what it is of, what it says, and the moments that show it."""

    label: str
    said: str
    moments: tuple[Evidence, ...]


def story(analysis: Analysis, text: Texts) -> list[StoryLine]:
    """Why the customer called, how it ended, how often they had before; nothing of what nobody said."""
    of = analysis.headline
    lines = []
    if of.about:
        lines.append(StoryLine("about", "", of.evidence.about))
    if of.outcome != "unclear":
        lines.append(StoryLine("outcome", text(f"headline.{of.outcome}"), of.evidence.outcome))
    if of.contacts_before is not None:
        said = text("headline.contacts", count=of.contacts_before)
        lines.append(StoryLine("contacts_before", said, of.evidence.contacts_before))
    elif of.evidence.contacts_before:
        lines.append(
            StoryLine("contacts_before", text("headline.contacts_unknown"), of.evidence.contacts_before)
        )
    return lines


def roles_of(analysis: Analysis) -> tuple[Role, Role]:
    """The two parties of the call, in the order in which reports show them."""
    present = set(analysis.measures.by_role()) | {turn.speaker for turn in analysis.transcript.turns}
    return ("speaker_1", "speaker_2") if present & {"speaker_1", "speaker_2"} else ("agent", "customer")


def judged_roles(analysis: Analysis) -> tuple[Role, ...]:
    """Whose rate and pitch are drawn: the agent, or both where roles could not be told."""
    roles = roles_of(analysis)
    return ("agent",) if roles[0] == "agent" else roles


def channel_of(analysis: Analysis, role: Role) -> int | None:
    """The channel that carries ``role`` alone; ``None`` where both share one channel."""
    if analysis.separation.method != "channels":
        return None
    if role in ("agent", "customer"):
        agent = {"channel_0": 0, "channel_1": 1}.get(analysis.separation.agent_label or "")
        return agent if agent is None or role == "agent" else 1 - agent
    return 0 if role == "speaker_1" else 1


def overlap_measurable(analysis: Analysis) -> bool:
    """Whether finding no interruption means that there was none."""
    counts = [of.interruptions for of in analysis.measures.by_role().values()]
    return bool(counts) and None not in counts


def events_of(analysis: Analysis, *kinds: EventKind) -> list[Event]:
    """The sure events of these kinds, in time order."""
    found = (each for each in analysis.interruptions if each.kind in kinds and each.sure)
    return sorted(found, key=lambda each: each.start_s)


def doubtful(analysis: Analysis) -> list[Event]:
    """What is perhaps an interruption, in time order: worth a listen, counted nowhere."""
    return sorted((each for each in analysis.interruptions if not each.sure), key=lambda each: each.start_s)


def event_kinds(analysis: Analysis) -> list[EventKind]:
    """The kinds of events that the call has, interruptions first."""
    later = [kind for kind in KIND_ORDER if kind not in FIRST_SHOWN]
    return [kind for kind in (*FIRST_SHOWN, *later) if events_of(analysis, kind)]


def event_limits(limits: Limits) -> dict[str, str]:
    """The limits that decide between the kinds of events, by the names that their texts use."""
    return {
        "overlap": limits.text("turns.interruption_overlap_s"),
        "cut_off": limits.text("turns.interruption_cut_off_overlap_s"),
        "attempt": limits.text("turns.failed_attempt_max_s"),
        "start": limits.text("turns.simultaneous_start_s"),
        "terminal": limits.text("turns.terminal_remaining_s"),
        "back": limits.text("turns.backchannel_max_s"),
    }


@dataclass(frozen=True, slots=True)
class Done:
    """One part of handling a hold: whether it was done, the words for it, and where."""

    item: str
    done: bool | None
    said: str
    at: Evidence | None
    note: str = ""
    """Key of a text that says more."""
    reason: str = ""
    """Why it cannot be told, where ``done`` is ``None``."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """One silence of both, or a hold with the words inside it."""

    start_s: float
    end_s: float
    kind: GapKind
    before: Evidence | None
    music: bool
    handling: tuple[Done, ...]


def silences(analysis: Analysis) -> list[Quiet]:
    """Holds, look-ups and the other silences, in time order."""
    of = analysis.measures.call
    handled: list[tuple[GapKind, Hold]] = [("hold", hold) for hold in of.holds]
    handled += [("look_up", hold) for hold in of.look_ups]
    spans = [(hold.start_s, hold.end_s) for _, hold in handled]
    found = [
        Quiet(hold.start_s, hold.end_s, kind, hold.before, hold.music, handling(kind, hold))
        for kind, hold in handled
    ]
    found += [
        Quiet(gap.start_s, gap.end_s, gap.kind, gap.before, False, ())
        for gap in of.gaps
        if not overlap_s(spans, [(gap.start_s, gap.end_s)])
    ]
    return sorted(found, key=lambda quiet: quiet.start_s)


def handling(kind: GapKind, hold: Hold) -> tuple[Done, ...]:
    """What the agent did about a hold or look-up. Consent is only asked of a hold."""
    not_asked = "not_asked" if hold.consent_asked is False else ""
    parts = [
        Done("announced", hold.announced, "", hold.announcement),
        Done("reason", hold.reason is not None, hold.reason or "", None),
        Done("time_given", hold.time_given is not None, hold.time_given or "", None),
        Done("consent", hold.consent, "", hold.reply or hold.consent_question, not_asked),
        Done("thanked", hold.thanked, "", hold.thanks),
    ]
    return tuple(
        Done(part.item, None, "", None, reason=hold.not_scored[part.item])
        if part.item in hold.not_scored
        else part
        for part in parts
        if part.item != "consent" or kind == "hold" or hold.consent_asked
    )
