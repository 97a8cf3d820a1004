"""What a machine says on the agent's channel before the agent does: a menu, a queue, a consent line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.phrases import Phrases
from pipeline.records import Role
from pipeline.settings import TurnsSettings
from pipeline.timeline import Span
from pipeline.turns.units import Unit, joined


@dataclass(frozen=True, slots=True)
class Announcements:
    """Recorded speech before the conversation: where, until when, and how many words it has."""

    spans: tuple[Span, ...]
    end_s: float
    words: int


def recorded_opening(
    units: Mapping[Role, Sequence[Unit]], phrases: Phrases, settings: TurnsSettings
) -> Announcements | None:
    """The announcements on the agent's channel before anybody speaks; ``None`` where there are none.

    They end with the last unit that says what only a machine does ("press one", "all our agents are busy").
    Who offers help or gives a name is a person, and so is everybody after that, and after the customer has
    said more than a few words.
    """
    own = joined(units.get("agent", ()), settings.announcement_pause_s)
    others = [word.start_s for unit in units.get("customer", ()) for word in unit.words]
    answered_s = others[settings.announcement_words] if len(others) > settings.announcement_words else None
    end = 0
    for index, unit in enumerate(own):
        if phrases.opens_as_person(unit.text) or (answered_s is not None and unit.start_s >= answered_s):
            break
        if phrases.is_announcement(unit.text):
            end = index + 1
    if not end:
        return None
    recorded = own[:end]
    return Announcements(
        spans=tuple(unit.span for unit in recorded),
        end_s=recorded[-1].end_s,
        words=sum(len(unit.words) for unit in recorded),
    )
