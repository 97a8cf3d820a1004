"""An agent's call under a pseudonym: the agent's id and names are replaced wherever the analysis has them."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import InputRejected
from pipeline.privacy.cut import cut_audio, original_dir_of, remove_original
from pipeline.privacy.traces import AGENT_ID, BOUND, SoughtAgent
from pipeline.privacy.wordless import LISTED
from pipeline.records import Analysis, CallFacts, Hold, SecondOpinion, Turn, Word, Worded
from pipeline.reports.naming import folder_name
from pipeline.reports.write import PDF, read_call, rerender
from pipeline.settings import Settings
from pipeline.transcription.kept import KeptTranscripts

Found = TypeVar("Found")
SHORTEST_NAME = 3


SHORTEST_ID = 2
"""Letters of an id that may be a name; of one letter nobody is called."""
SAID = frozenset(("about", "quote", "what", "when", "said_when", "time_given"))
"""Fields with words of the call, besides those of turns, reasons of holds, and second opinions."""
ENDS = ".?!"
AROUND = " \t\n\"'\u2018\u2019\u201c\u201d\u00ab\u00bb()[]-\u2013\u2014"
"""What may stand between the end of a sentence and the first word of the next."""


class Renaming:
    """One agent's id and names, and what stands in their place.

    Where ids are, the id is replaced. In words an id of letters may be a word of the language ('mark', 'an'):
    it is a name there only with a capital, or in capitals, inside a sentence, and only in the agent's own
    calls. Another id is replaced in any text if it is distinctive. Names that are given count in the agent's
    own calls in any case of letters, elsewhere as written, with capitals, or in capitals.

    ``told`` are ids and sources of calls, which are sought if the agent's id is part of them.
    """

    def __init__(self, agent_id: str, names: Iterable[str], pseudonym: str, told: Iterable[str] = ()) -> None:
        self.agent_id = agent_id
        self.pseudonym = pseudonym
        given = set(names)
        parts = {part for name in given for part in name.split() if len(part) >= SHORTEST_NAME}
        self.names = frozenset(given | parts)
        words = {form for name in self.names for form in (name, name.title(), name.upper())}
        self._id = _pattern([agent_id])
        self.sought = SoughtAgent(agent_id, words, (each for each in told if self._id.search(each)))
        anywhere = self.names | ({agent_id} if self.sought.everywhere else set())
        self._own = _pattern(sorted(anywhere, key=len, reverse=True)) if anywhere else None
        self._name = None
        if agent_id.isalpha() and len(agent_id) >= SHORTEST_ID:
            self._name = re.compile(rf"(?<!\w){re.escape(agent_id)}(?!\w)", re.IGNORECASE)

    def is_of(self, agent_id: object) -> bool:
        return isinstance(agent_id, str) and agent_id.casefold() == self.agent_id.casefold()

    def applied(self, analysis: Analysis) -> Analysis:
        """The analysis under the pseudonym; one of another agent, where it speaks of this one."""
        own = self.is_of(analysis.call.agent_id) or analysis.call.agent_id == self.pseudonym
        if not own:
            return self._in(analysis, None)
        turns = [turn.text for turn in analysis.transcript.turns]
        texts = {each.text: self._in_worded(each) for each in analysis.texts}
        said: Analysis = _with_texts(analysis, {text: after.text for text, after in texts.items()})
        return self._in(dataclasses.replace(said, texts=tuple(texts.values())), turns)

    def _in(self, value: Found, turns: Sequence[str] | None, *, said: bool = False) -> Found:
        """``value`` under the pseudonym. ``turns`` are what is said in a call of the agent's own, ``None`` in
        one of another's; ``said``: the value is words of the call."""
        if isinstance(value, str):
            return self._in_text(value, turns if said else None)  # type: ignore[return-value]
        if isinstance(value, tuple):
            return tuple(self._in(each, turns, said=said) for each in value)  # type: ignore[return-value]
        if isinstance(value, dict):
            return {key: self._in(each, turns) for key, each in value.items()}  # type: ignore[return-value]
        if not dataclasses.is_dataclass(value) or isinstance(value, type):
            return value
        named: set[str] = {*SAID}
        if isinstance(value, Turn):
            named |= {"text"}
        elif isinstance(value, Hold | SecondOpinion):
            named |= {"reason"}
        changed = {
            field.name: self._in(getattr(value, field.name), turns, said=field.name in named)
            for field in dataclasses.fields(value)
        }
        if isinstance(value, Turn) and turns is not None:
            changed["words"] = self._in_words(value.words)
        if isinstance(value, CallFacts) and turns is not None:
            for name in ("call_id", "source"):
                text = self._id.sub(self.pseudonym, getattr(value, name))
                text = self._own.sub(self.pseudonym, text) if self._own else text
                changed[name] = self._in_text(text, None)
        if self.is_of(changed.get(AGENT_ID)):
            changed[AGENT_ID] = self.pseudonym
        return dataclasses.replace(value, **changed)  # type: ignore[type-var]

    def _in_text(self, text: str, turns: Sequence[str] | None, before: str = "", after: str = "") -> str:
        """``turns`` are those of the agent's own call, if the text is words of it, which stands between
        ``before`` and ``after``."""
        if turns is not None:
            if self._own is not None:
                text = self._own.sub(self.pseudonym, text)
            if self._name is not None:
                text = self._name.sub(
                    lambda found: self.pseudonym if _is_name(found, before, after, turns) else found[0], text
                )
        return self.sought.without_words(text, self.pseudonym)

    def _in_words(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The words of one turn in the agent's own call."""
        said, after = [word.word for word in words], []
        for at, word in enumerate(words):
            around = ("", "")
            if self._name is not None and self._name.search(word.word):
                around = ("".join(f"{each} " for each in said[:at]), " ".join(["", *said[at + 1 :]]))
            after.append(dataclasses.replace(word, word=self._in_text(word.word, (), *around)))
        return tuple(after)

    def _in_worded(self, worded: Worded) -> Worded:
        """A sentence of the product in the agent's own call: only in the words of the call that it lists."""
        listed = worded.values.get(LISTED)
        if self._own is None or not isinstance(listed, list):
            return worded
        text, after = worded.text, list(listed)
        for at, word in enumerate(listed):
            if isinstance(word, str) and self._own.search(word):
                after[at] = self._own.sub(self.pseudonym, word)
                text = _pattern([word]).sub(str(after[at]), text)
        return dataclasses.replace(worded, text=text, values={**worded.values, LISTED: after})


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


def remains_in(folder: Path, renaming: Renaming) -> bool:
    """Whether the call in ``folder`` still has what is to be under the pseudonym."""
    try:
        analysis = read_call(folder)
    except InputRejected:
        return False  # such a file is searched as it is
    return renaming.applied(analysis) != analysis


def _is_name(found: re.Match[str], before: str, after: str, turns: Sequence[str]) -> bool:
    """Whether a word is written as a name is: with a capital that no beginning of a sentence gives it, and
    that not all words have."""
    word, text = found[0], found.string
    if not word[0].isupper() or (word.isupper() and f"{before}{text}{after}".isupper()):
        return False
    ahead = before + text[: found.start()]
    if ahead.strip(AROUND):
        return _goes_on(ahead)
    return any(_goes_on(turn[: at.start()]) for turn in turns for at in re.finditer(re.escape(text), turn))


def _goes_on(ahead: str) -> bool:
    """Whether a sentence goes on after this."""
    stripped = ahead.rstrip(AROUND)
    return bool(stripped) and stripped[-1] not in ENDS


def _with_texts(value: Any, after: Mapping[str, str]) -> Any:
    """A record with its sentences, those that are keys of ``after``, replaced."""
    if all(text == other for text, other in after.items()):
        return value
    if isinstance(value, str):
        return after.get(value, value)
    if isinstance(value, tuple):
        return tuple(_with_texts(each, after) for each in value)
    if isinstance(value, dict):
        return {key: _with_texts(each, after) for key, each in value.items()}
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return dataclasses.replace(value, **{name: _with_texts(each, after) for name, each in fields.items()})


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(BOUND.format(f"(?:{'|'.join(map(re.escape, words))})"), re.IGNORECASE)
