"""How the agent listened: the customer's first account, backchannels, long turns, interruptions.

The figures are defined in docs/measures/listening.md. Each carries the moments that it rests on.
"""

from collections.abc import Mapping, Sequence

from pipeline.phrases import Phrases, normal_words
from pipeline.records import Event, Evidence, FirstAccount, Listening, Role, Turn
from pipeline.settings import ListeningSettings, TurnsSettings
from pipeline.texts import Text
from pipeline.timeline import Span, containing, total_s, union
from pipeline.turns.floor import Floor, turn_spans
from pipeline.turns.sentences import opening_evidence, turn_evidence
from pipeline.turns.silence import ROLES_UNKNOWN

NO_ACCOUNT = Text("unmeasured.no_account")
NO_CUSTOMER = Text("unmeasured.no_customer")
NO_AGENT_TURN = Text("unmeasured.no_agent_turn")
FIGURES = (
    "first_account",
    "long_turns",
    "long_turn_time_s",
    "long_turn_backchannels",
    "backchannels_per_min",
    "longest_agent_turn",
    "interruptions",
    "customer_talk_s",
    "interruptions_per_customer_min",
)


def measure_listening(
    floor: Floor,
    events: Sequence[Event],
    speech: Mapping[Role, Sequence[Span]],
    unmeasurable: str | None,
    phrases: Phrases,
    turns: TurnsSettings,
    settings: ListeningSettings,
) -> Listening:
    """How the agent listened to the customer.

    Args:
        speech: where each speaker speaks.
        unmeasurable: why overlap cannot be measured on this recording, or ``None``.
    """
    if not {"agent", "customer"} >= speech.keys() or not speech:
        return _nothing(ROLES_UNKNOWN)
    mine, theirs = floor.held_by("agent"), floor.held_by("customer")
    talk_s = float(total_s(speech.get("customer", ())))
    not_scored: dict[str, str] = {}

    account = first_account(floor, events, unmeasurable, phrases, settings)
    if account is None:
        not_scored["first_account"] = NO_ACCOUNT if talk_s else NO_CUSTOMER
    elif account.cut_off is None:
        not_scored["first_account.cut_off"] = unmeasurable or ""

    long = [turn for turn in theirs if turn.end_s - turn.start_s >= settings.long_turn_s]
    long_s = float(total_s(turn_spans(long)))
    credited = events_within(events, turn_spans(long), "backchannel", by="agent")
    per_minute = 60 * len(credited) / long_s if long and not unmeasurable else None
    if per_minute is None:
        not_scored["backchannels_per_min"] = unmeasurable or Text(
            "unmeasured.no_long_turn", seconds=settings.long_turn_s
        )
    if unmeasurable:
        not_scored["long_turn_backchannels"] = not_scored["interruptions"] = unmeasurable

    longest = max(mine, key=lambda turn: turn.end_s - turn.start_s, default=None)
    if longest is None:
        not_scored["longest_agent_turn"] = NO_AGENT_TURN

    made = sum(event.is_interruption and event.by == "agent" for event in events)
    if unmeasurable or not talk_s:
        not_scored["interruptions_per_customer_min"] = unmeasurable or NO_CUSTOMER
    return Listening(
        first_account=account,
        long_turns=len(long),
        long_turn_time_s=long_s,
        long_turn_backchannels=None if unmeasurable else len(credited),
        backchannels_per_min=per_minute,
        backchannels=() if unmeasurable else tuple(event_evidence(event, floor) for event in credited),
        longest_agent_turn=opening_evidence(longest) if longest else None,
        long_agent_turns=tuple(
            opening_evidence(turn) for turn in mine if turn.end_s - turn.start_s > turns.longest_turn_s
        ),
        interruptions=None if unmeasurable else made,
        customer_talk_s=talk_s,
        interruptions_per_customer_min=None if unmeasurable or not talk_s else 60 * made / talk_s,
        not_scored=not_scored,
    )


def _nothing(reason: str) -> Listening:
    return Listening(
        first_account=None,
        long_turns=None,
        long_turn_time_s=None,
        long_turn_backchannels=None,
        backchannels_per_min=None,
        backchannels=(),
        longest_agent_turn=None,
        long_agent_turns=(),
        interruptions=None,
        customer_talk_s=None,
        interruptions_per_customer_min=None,
        not_scored=dict.fromkeys(FIGURES, reason),
    )


def events_within(
    events: Sequence[Event], spans: Sequence[Span], kind: str = "interruption", *, by: Role
) -> list[Event]:
    """The events of a kind in which ``by`` comes in inside one of the spans, e.g. while tension is high."""
    merged = union(spans)
    return [e for e in events if e.kind == kind and e.sure and e.by == by and containing(merged, e.start_s)]


def event_evidence(event: Event, floor: Floor) -> Evidence:
    """An event as evidence; its reason becomes the note."""
    return Evidence(
        turn=floor.turn_at(event.by, event.start_s),
        start_s=event.start_s,
        end_s=event.end_s,
        quote=event.quote,
        note=event.reason,
    )


def first_account(
    floor: Floor,
    events: Sequence[Event],
    unmeasurable: str | None,
    phrases: Phrases,
    settings: ListeningSettings,
) -> FirstAccount | None:
    """The customer's first account of the problem; ``None`` when there is none.

    It begins with the customer's first turn that is long enough to tell anything, and goes on over the
    agent's backchannels, invitations and short questions until the agent takes the floor.
    """
    held = [turn for turn, holds in zip(floor.turns, floor.holding, strict=True) if holds]
    begin = next((n for n, turn in enumerate(held) if _tells(turn, settings)), None)
    if begin is None:
        return None
    told, prompts = [held[begin]], []
    taken: Turn | None = None
    for n, turn in enumerate(held[begin + 1 :], begin + 1):
        if turn.speaker == "customer":
            told.append(turn)
            continue
        cut_in = _interruption(turn, told[-1], events)
        prompt = None if cut_in else _prompt(turn, held[n + 1 : n + 2], phrases, settings)
        if prompt is None:
            taken = turn
            break
        prompts.append(turn_evidence(turn, prompt))
    start_s, end_s = told[0].start_s, told[-1].end_s
    prompts += [
        turn_evidence(turn, Text("account.backchannel"))
        for turn in floor.turns
        if turn.backchannel and turn.speaker == "agent" and start_s <= turn.start_s < end_s
    ]
    cut_off, reason = _ending(told[-1], taken, events, unmeasurable, phrases)
    return FirstAccount(
        start_s=start_s,
        end_s=end_s,
        turns=tuple(turn.turn for turn in told),
        words=sum(len(turn.words) for turn in told),
        cut_off=cut_off,
        reason=reason,
        taken_s=taken.start_s if taken else None,
        taken_by=opening_evidence(taken) if taken else None,
        prompts=tuple(sorted(prompts, key=lambda one: one.start_s)),
        interruptions=tuple(
            event_evidence(event, floor) for event in events_within(events, [(start_s, end_s)], by="agent")
        ),
    )


def _tells(turn: Turn, settings: ListeningSettings) -> bool:
    return turn.speaker == "customer" and len(normal_words(turn.text)) >= settings.account_min_words


def _prompt(
    turn: Turn, following: Sequence[Turn], phrases: Phrases, settings: ListeningSettings
) -> str | None:
    """What kind of prompt an agent's turn is; ``None`` when it ends the account."""
    length_s = turn.end_s - turn.start_s
    if phrases.is_acknowledgement(turn.text):
        return Text("account.acknowledgement")
    if length_s <= settings.prompt_max_s and phrases.invites_to_tell(turn.text):
        return Text("account.invitation")
    goes_on = any(
        after.speaker == "customer" and after.end_s - after.start_s >= settings.goes_on_telling_s
        for after in following
    )
    return Text("account.short_turn") if length_s <= settings.question_max_s and goes_on else None


def _interruption(turn: Turn, told: Turn, events: Sequence[Event]) -> Event | None:
    """The interruption with which an agent's turn came in over what the customer told."""
    inside = events_within(events, [(told.start_s, told.end_s)], by="agent")
    return next((event for event in inside if turn.start_s <= event.start_s < turn.end_s), None)


def _ending(
    told: Turn, taken: Turn | None, events: Sequence[Event], unmeasurable: str | None, phrases: Phrases
) -> tuple[bool | None, str]:
    """Whether the account was cut off, and why it is thought so: who interrupts did not let it end."""
    if taken is None:
        return False, Text("account.never_taken")
    cut_in = _interruption(taken, told, events)
    if cut_in:
        return True, Text("account.came_in", why=cut_in.reason)
    if phrases.is_incomplete(told.text):
        return True, Text("account.unfinished")
    if unmeasurable:
        return None, unmeasurable
    return False, Text("account.finished")
