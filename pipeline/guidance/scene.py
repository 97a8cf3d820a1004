"""A measured call as the checks see it: who did what and when, and which occasions arose."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from pipeline.guidance.config import Guidance, Occasion
from pipeline.guidance.language import Language
from pipeline.guidance.tension import tense_at
from pipeline.records import (
    Act,
    CallFacts,
    CallKind,
    Event,
    Evidence,
    Measures,
    Promise,
    Role,
    Separation,
    Tension,
    Turn,
    Verdict,
)
from pipeline.settings import Settings
from pipeline.texts import Text
from pipeline.timeline import Span

QUOTE_WORDS = 14
NO_SOUND = Text("unmeasured.no_sound")
DISMISSING = ("dead_end", "refuse_supervisor")
AGAINST = ("blame", "rude_reply", "rush", "channel_switch", *DISMISSING)
"""What the agent says against the customer: where a phrase shows it, nothing good is heard in the sentence
by its meaning alone; in one that dismisses, nothing good at all."""


class Heard(Protocol):
    """What is known of a call (`pipeline.guidance.judge.Heard`)."""

    @property
    def facts(self) -> CallFacts: ...
    @property
    def separation(self) -> Separation: ...
    @property
    def turns(self) -> tuple[Turn, ...]: ...
    @property
    def events(self) -> tuple[Event, ...]: ...
    @property
    def measures(self) -> Measures: ...
    @property
    def acts(self) -> tuple[Act, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a check finds; ``score`` 0..1 is that of the verdict where it is ``None``."""

    verdict: Verdict
    reason: str
    score: float | None = None
    evidence: tuple[Evidence, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The customer's first account of the problem; ``cut_off`` is ``None`` where that cannot be heard."""

    start_s: float
    end_s: float
    turns: tuple[int, ...]
    cut_off: bool | None
    taken_turn: int | None
    """The agent's turn that follows it."""
    interruptions: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A call, and what is asked of it again and again."""

    heard: Heard
    guidance: Guidance
    settings: Settings
    language: Language | None
    tension: Tension
    promises: tuple[Promise, ...]
    kind: CallKind | None
    due: frozenset[Occasion]
    """Occasions that the kind of call can have."""

    # --- turns and acts -------------------------------------------------------------------------------

    @cached_property
    def agent_turns(self) -> list[Turn]:
        return [turn for turn in self.heard.turns if turn.speaker == "agent" and not turn.backchannel]

    @cached_property
    def customer_turns(self) -> list[Turn]:
        return [turn for turn in self.heard.turns if turn.speaker == "customer" and not turn.backchannel]

    @cached_property
    def turn_of(self) -> dict[int, Turn]:
        return {turn.turn: turn for turn in self.heard.turns}

    def acts(
        self,
        *ids: str,
        by: Role = "agent",
        after_s: float = 0.0,
        before_s: float = float("inf"),
    ) -> list[Act]:
        """Sure acts of these kinds that start in a stretch of the call, in time order."""
        found = [
            act
            for act in self.heard.acts
            if act.id in ids
            and act.speaker == by
            and act.sure
            and after_s <= act.start_s < before_s
            and not self._outweighed(act)
        ]
        return sorted(found, key=lambda act: (act.start_s, act.end_s, act.id))

    def _outweighed(self, act: Act) -> bool:
        if act.speaker != "agent" or act.id in AGAINST:
            return False
        where = (act.turn, act.start_s)
        return where in self._dismissing or (act.layer == "meaning" and where in self._against)

    @cached_property
    def _dismissing(self) -> frozenset[tuple[int, float]]:
        return frozenset(
            (act.turn, act.start_s) for act in self.heard.acts if act.id in DISMISSING and act.sure
        )

    @cached_property
    def _against(self) -> frozenset[tuple[int, float]]:
        return frozenset(
            (act.turn, act.start_s)
            for act in self.heard.acts
            if act.speaker == "agent" and act.id in AGAINST and act.layer == "phrase" and act.sure
        )

    def unsure(self, *ids: str, by: Role = "agent") -> list[Act]:
        """Acts of these kinds that are not sure enough to decide anything: moments to check."""
        found = [act for act in self.heard.acts if act.id in ids and act.speaker == by and not act.sure]
        return sorted(found, key=lambda act: (act.start_s, act.end_s, act.id))

    # --- what happened --------------------------------------------------------------------------------

    @cached_property
    def end_s(self) -> float:
        return max((turn.end_s for turn in self.heard.turns), default=self.heard.facts.duration_s)

    @property
    def diarized(self) -> bool:
        return self.heard.separation.method == "diarization"

    @cached_property
    def complaint(self) -> list[Act]:
        """What makes the call one about a problem; nothing in a call that is surely or perhaps another."""
        return [] if "problem" not in self.due else self.acts(*self.guidance.problem_acts, by="customer")

    @cached_property
    def begun_s(self) -> float:
        """When the problem first came up; the start of the call in one without a problem."""
        return self.complaint[0].start_s if self.complaint else 0.0

    @cached_property
    def abuse(self) -> list[Act]:
        """Abuse by the customer: nobody has to set limits to what only sounds like it."""
        return self.acts("abuse", by="customer")

    @cached_property
    def fixes(self) -> list[Act]:
        return self.acts("present_solution")

    @cached_property
    def checked(self) -> list[Act]:
        """Questions of the agent whether it is solved: after a fix, or answered by a yes.

        Without either they only lead out of the call.
        """
        fixed_s = min((act.start_s for act in self.fixes), default=float("inf"))
        confirmed_s = max((act.start_s for act in self.confirmed), default=float("-inf"))
        return [
            act for act in self.acts("check_solved") if act.start_s >= fixed_s or act.start_s <= confirmed_s
        ]

    @cached_property
    def secrets_said(self) -> list[Turn]:
        """Turns in which something was said that nobody should read out: its place in the text is marked."""
        marks = [f"[{kind.upper()}]" for kind in self.guidance.secrets]
        return [turn for turn in self.heard.turns if any(mark in turn.text for mark in marks)]

    @cached_property
    def perhaps_fixed_s(self) -> float:
        """When a first remedy or step was perhaps named; infinite where none was."""
        perhaps = self.unsure("present_solution", "explain_next_steps")
        return min((act.start_s for act in perhaps if act.start_s >= self.begun_s), default=float("inf"))

    @cached_property
    def perhaps_settled(self) -> bool:
        """Whether something was perhaps done about the problem, or perhaps said to be solved."""
        perhaps = [
            *self.unsure("present_solution", "follow_up", "check_solved"),
            *self.unsure("confirm_solved", by="customer"),
        ]
        return any(act.start_s >= self.begun_s for act in perhaps)

    @cached_property
    def perhaps_restated(self) -> bool:
        """Whether a sentence of the agent soon after the account begins as one that says it back."""
        if self.account is None or self.language is None:
            return False
        until_s = self.account.end_s + self.guidance.limits.restate_after_account_s
        near = [turn for turn in self.agent_turns if self.account.start_s <= turn.start_s <= until_s]
        return any(self.language.says_back(turn.text) for turn in near)

    @cached_property
    def confirmed(self) -> list[Act]:
        """What the customer says is solved, since the problem came up."""
        return self.acts("confirm_solved", by="customer", after_s=self.begun_s)

    @cached_property
    def account(self) -> Account | None:
        """The first account of the problem; ``None`` in a call without one.

        Without sound it is the customer's turns from the first complaint on, until the agent says more than
        an invitation to go on.
        """
        if not self.complaint:
            return None
        measured = self.heard.measures.call.listening
        first = measured.first_account if measured else None
        if first is not None:
            return Account(
                start_s=first.start_s,
                end_s=first.end_s,
                turns=first.turns,
                cut_off=first.cut_off,
                taken_turn=first.taken_by.turn if first.taken_by else None,
                interruptions=first.interruptions,
            )
        begin = self.complaint[0].turn
        told, taken = [], None
        prompts = {act.turn for act in self.acts("invite_story")}
        for turn in (turn for turn in self.heard.turns if not turn.backchannel and turn.turn >= begin):
            if turn.speaker == "customer":
                told.append(turn)
            elif turn.turn not in prompts or len(turn.text.split()) > QUOTE_WORDS:
                taken = turn.turn
                break
        if not told:
            return None
        return Account(
            start_s=told[0].start_s,
            end_s=told[-1].end_s,
            turns=tuple(turn.turn for turn in told),
            cut_off=None,
            taken_turn=taken,
            interruptions=(),
        )

    @cached_property
    def interruptions(self) -> list[Event]:
        """Interruptions of the customer by the agent that are sure enough to count."""
        return [event for event in self.heard.events if event.is_interruption and event.by == "agent"]

    def tense(self, moment: Span, after_s: float = 0.0) -> bool:
        """Whether the customer was tense at a moment, or within ``after_s`` before it."""
        return tense_at(self.tension, moment, after_s)

    # --- occasions ------------------------------------------------------------------------------------

    def occasion(self, of: Occasion) -> tuple[Evidence, ...] | None:
        """What made a check due, ``None`` where nothing did; without a customer only a message is due."""
        if of not in self.due and self.kind is not None:
            return None
        if of == "message":
            return ()
        if not self.customer_turns:
            return None
        if of == "always":
            return ()
        if of == "problem":
            return from_acts(self.complaint[:1]) or None
        if of == "tension":
            return self._tension_occasion() or None
        if of == "abuse":
            return from_acts(self.abuse[:2]) or None
        if of == "promise":
            own = [promise for promise in self.promises if promise.who == "agent"]
            return tuple(self.of_promise(promise) for promise in own) or None
        if of == "supervisor":
            return from_acts(self.acts("ask_supervisor", by="customer")[:1]) or None
        if of == "secret":
            return tuple(self.of_turn(turn, Text("note.secret")) for turn in self.secrets_said[:1]) or None
        explained = self.acts("present_solution", "explain_next_steps", "explain_cause")
        sentences = {(act.turn, act.start_s) for act in explained}
        enough = len(sentences) >= self.guidance.limits.explained_sentences
        return from_acts(explained[:1]) if enough else None

    def _tension_occasion(self) -> tuple[Evidence, ...]:
        found = []
        for span in self.tension.spans:
            inside = [turn for turn in self.customer_turns if span.start_s <= turn.start_s < span.end_s]
            loudest = max(
                (point for point in self.tension.curve if span.start_s <= point.t_s <= span.end_s),
                key=lambda point: point.level,
            )
            turn = self.turn_of[loudest.turn] if loudest.turn is not None else inside[0]
            found.append(self.of_turn(turn, Text("note.tension", level=loudest.level)))
        return tuple(found)

    # --- evidence -------------------------------------------------------------------------------------

    def of_turn(self, turn: Turn, note: str) -> Evidence:
        return Evidence(
            turn=turn.turn, start_s=turn.start_s, end_s=turn.end_s, quote=shortened(turn.text), note=note
        )

    def of_event(self, event: Event) -> Evidence:
        """An event, with the turn of the one who came in."""
        turn = next(
            (
                turn.turn
                for turn in self.heard.turns
                if turn.speaker == event.by and turn.start_s <= event.start_s <= turn.end_s
            ),
            None,
        )
        parts = [Text("note.overlap", seconds=event.overlap_s)]
        parts += [Text("note.gave_way")] if event.yielded else []
        parts += [Text("note.while_tense")] if self.tense((event.start_s, event.end_s)) else []
        return Evidence(
            turn=turn,
            start_s=event.start_s,
            end_s=event.end_s,
            quote=shortened(event.quote),
            note=Text("note.commas", parts=parts),
            confidence=event.confidence,
        )

    def of_promise(self, promise: Promise) -> Evidence:
        turn = next(
            (
                turn
                for turn in self.heard.turns
                if turn.speaker == promise.who and turn.start_s <= promise.start_s <= turn.end_s
            ),
            None,
        )
        return Evidence(
            turn=turn.turn if turn else None,
            start_s=promise.start_s,
            end_s=turn.end_s if turn else promise.start_s,
            quote=promise.quote,
            note=Text("note.time", said=promise.said_when) if promise.said_when else Text("note.no_time"),
        )

    def before(self, time_s: float) -> Turn | None:
        """The turn that was begun last before a moment."""
        earlier = [turn for turn in self.heard.turns if turn.start_s < time_s and not turn.backchannel]
        return max(earlier, key=lambda turn: turn.start_s, default=None)


def from_act(act: Act) -> Evidence:
    """An act as evidence; the note says what found it and how sure that is."""
    note = Text(f"note.by_{act.layer}", act=act.id, confidence=act.confidence)
    return Evidence(
        turn=act.turn,
        start_s=act.start_s,
        end_s=act.end_s,
        quote=act.quote,
        note=note,
        kind=act.kind,
        confidence=act.confidence,
    )


def from_acts(acts: Iterable[Act]) -> tuple[Evidence, ...]:
    return tuple(from_act(act) for act in acts)


def clauses(*parts: Text) -> Text:
    """A reason of several parts."""
    return Text("why.clauses", parts=parts)


def surest(acts: Sequence[Act]) -> float:
    return max(act.confidence for act in acts)


def shortened(text: str) -> str:
    words = text.split()
    return text if len(words) <= QUOTE_WORDS else " ".join(words[:QUOTE_WORDS]) + " …"
