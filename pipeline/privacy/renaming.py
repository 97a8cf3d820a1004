"""An agent's call under a pseudonym: the agent's id and names are replaced wherever the analysis has them."""

import dataclasses
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pipeline.errors import InputRejected
from pipeline.privacy.cut import cut_audio, original_dir_of, remove_original
from pipeline.privacy.traces import BOUND, Sought, is_distinctive
from pipeline.records import Analysis, CallFacts
from pipeline.reports.naming import folder_name
from pipeline.reports.write import PDF, read_call, rerender
from pipeline.settings import Settings
from pipeline.transcription.kept import KeptTranscripts

Found = TypeVar("Found")
SHORTEST_NAME = 3


class Renaming:
    """One agent's id and names, and what stands in their place.

    An id of letters is taken for a name, too. In the agent's own calls names count in any case of letters,
    elsewhere as written, with capitals, or in capitals. An id of few digits is replaced where ids are, not in
    what was said.
    """

    def __init__(self, agent_id: str, names: Iterable[str], pseudonym: str) -> None:
        self.agent_id = agent_id
        self.pseudonym = pseudonym
        given = {*names, *([agent_id] if agent_id.isalpha() else [])}
        parts = {part for name in given for part in name.split() if len(part) >= SHORTEST_NAME}
        self.names = frozenset(given | parts)
        words = {form for name in self.names for form in (name, name.title(), name.upper())}
        in_words = is_distinctive(agent_id) or any(map(str.isalpha, agent_id))
        self.sought = Sought([agent_id], words | ({agent_id} if in_words else set()))
        own = sorted(self.names | ({agent_id} if in_words else set()), key=len, reverse=True)
        self._own = _pattern(own) if own else None
        self._id = _pattern([agent_id])

    def is_of(self, agent_id: object) -> bool:
        return isinstance(agent_id, str) and agent_id.casefold() == self.agent_id.casefold()

    def applied(self, analysis: Analysis) -> Analysis:
        """The analysis under the pseudonym; one of another agent, where it speaks of this one."""
        own = self.is_of(analysis.call.agent_id) or analysis.call.agent_id == self.pseudonym
        return self._in(analysis, own)

    def _in(self, value: Found, own: bool) -> Found:
        if isinstance(value, str):
            return self._in_text(value, own)  # type: ignore[return-value]
        if isinstance(value, tuple):
            return tuple(self._in(each, own) for each in value)  # type: ignore[return-value]
        if isinstance(value, dict):
            return {key: self._in(each, own) for key, each in value.items()}  # type: ignore[return-value]
        if not dataclasses.is_dataclass(value) or isinstance(value, type):
            return value
        changed = {
            field.name: self._in(getattr(value, field.name), own) for field in dataclasses.fields(value)
        }
        if isinstance(value, CallFacts) and own:
            changed |= {name: self._id.sub(self.pseudonym, changed[name]) for name in ("call_id", "source")}
        if self.is_of(changed.get("agent_id")):
            changed["agent_id"] = self.pseudonym
        return dataclasses.replace(value, **changed)  # type: ignore[type-var]

    def _in_text(self, text: str, own: bool) -> str:
        if own and self._own is not None:
            text = self._own.sub(self.pseudonym, text)
        return self.sought.without_words(text, self.pseudonym)


def rename_in_call(folder: Path, renaming: Renaming, settings: Settings) -> Path | None:
    """Write the call in ``folder`` under the pseudonym; its folder then, ``None`` if nothing was to be done.

    A voice is a name, too: the agent's own calls lose their sound and what was kept of them as it was.
    """
    before = read_call(folder)
    after = renaming.applied(before)
    own = renaming.is_of(before.call.agent_id)
    if after == before and not own:
        return None
    target = folder.with_name(folder_name(after.call.call_id))
    if target != folder:
        if target.exists():
            raise InputRejected(f"{target}: is in the way of a call that is to be called so")
        folder.rename(target)
    if own:
        cut_audio(target, settings)
        remove_original(before.call.call_id, settings, original_dir_of(before))
        KeptTranscripts(before.call.sha256, settings.batch).forget()
        at = after.removed.audio_at or datetime.now(UTC).isoformat(timespec="seconds")
        after = dataclasses.replace(after, removed=dataclasses.replace(after.removed, audio_at=at))
    (target / PDF).unlink(missing_ok=True)
    rerender(target, settings, after)
    return target


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(BOUND.format(f"(?:{'|'.join(map(re.escape, words))})"), re.IGNORECASE)
