"""What every report needs to show an analysis: clocks, numbers, limits and who is who."""

from collections.abc import Sequence
from typing import get_args

from pipeline.records import Analysis, Event, EventKind, Role, Threshold
from pipeline.reports.strings import Strings

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
MISSING = "\N{EN DASH}"
KIND_ORDER: tuple[EventKind, ...] = get_args(EventKind)


def clock(time_s: float) -> str:
    """``m:ss``, or ``h:mm:ss`` from an hour on; the second that is running."""
    minutes, seconds = divmod(int(max(time_s, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def long_clock(time_s: float) -> str:
    """As ``clock``, but whole hours from a hundred on."""
    hours = time_s / 3600
    return clock(time_s) if hours < 100 else quantity(hours, "h")


def number(value: float, decimals: int = 0, *, signed: bool = False) -> str:
    """A number for reading: a real minus, a plus when ``signed``."""
    text = f"{abs(value):,.{decimals}f}".replace(",", NBSP)
    if not text.strip("0."):
        return text
    return f"{MINUS}{text}" if value < 0 else f"+{text}" if signed else text


def percent(share: float) -> str:
    return f"{number(100 * share, 1 if 0 < share < 0.1 else 0)}{NBSP}%"


def quantity(value: float, unit: str, decimals: int = 0, *, signed: bool = False) -> str:
    return f"{number(value, decimals, signed=signed)}{NBSP}{unit}"


def response(name: str, value: str | float, text: Strings) -> str:
    """One figure of the agent's response to tension, for reading."""
    if isinstance(value, str):
        return ", ".join(text.name_of("act", act) for act in value.split(", "))
    if name == "interruptions":
        return number(value)
    return number(100 * value, signed=True) if name == "rate_change" else number(value, 1, signed=True)


def seconds(value: float, unit: str = "s") -> str:
    """Under a minute with a decimal, else as a clock."""
    return quantity(value, unit, 1) if value < 60 else clock(value)


class Limits:
    """The thresholds that an analysis was made with, by key."""

    def __init__(self, thresholds: Sequence[Threshold]) -> None:
        self._values = {threshold.key: threshold.value for threshold in thresholds}

    def get(self, key: str) -> float | None:
        """The number at ``key``; ``None`` where the analysis does not say."""
        value = self._values.get(key)
        return float(value) if isinstance(value, int | float) else None

    def text(self, key: str) -> str:
        value = self.get(key)
        return MISSING if value is None else f"{value:g}".replace("-", MINUS)


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
    """The events of these kinds, in time order."""
    return sorted((each for each in analysis.interruptions if each.kind in kinds), key=lambda e: e.start_s)
