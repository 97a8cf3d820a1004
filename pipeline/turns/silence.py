"""Stretches in which nobody speaks, what each is for, and how the agent handled those that were meant."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.phrases import Phrases
from pipeline.records import Evidence, Gap, GapKind, Hold, Turn
from pipeline.settings import TurnsSettings
from pipeline.texts import Text
from pipeline.timeline import Span, bridge, containing, gaps, overlap_s, union
from pipeline.turns.sentences import Sentence, sentences

ROLES_UNKNOWN = Text("unmeasured.roles_unknown")
NOBODY_BACK = Text("unmeasured.nobody_back")
NOT_UNDERSTOOD = Text("unmeasured.reply_not_understood")
OF_THE_AGENT = ("announced", "reason", "consent", "consent_asked", "time_given", "thanked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Silences:
    """All silences over the threshold; holds, where a word in the middle parts none; and look-ups."""

    gaps: tuple[Gap, ...]
    holds: tuple[Hold, ...]
    look_ups: tuple[Hold, ...]


def find_silences(
    music: Sequence[Span],
    speech: Sequence[Span],
    turns: Sequence[Turn],
    duration_s: float,
    phrases: Phrases,
    settings: TurnsSettings,
) -> Silences:
    """Silences of both that are longer than the threshold, by cause; none in a call without speech.

    Args:
        music: sound on any channel that is not speech.
        speech: speech of anybody.
        turns: everybody's turns in time order. Where roles are unknown nobody is known to announce anything:
            holds are then found by music alone.
    """
    spoken = union(speech)
    if not spoken:
        return Silences(gaps=(), holds=(), look_ups=())
    said = sentences(turns)
    long = [span for span in gaps(spoken, (0.0, duration_s)) if span[1] - span[0] > settings.gap_s]
    leading = {span: _leading(span, long, said, settings) for span in long}
    kinds = {span: _kind(span, music, leading[span], phrases, settings) for span in long}
    last = long[-1] if long and long[-1][0] >= spoken[-1][1] else None
    if last is not None and not _announcing(leading[last], phrases):
        kinds[last] = "after_call"  # an open line, a busy tone: the call ends with its last word
    held = bridge([span for span, kind in kinds.items() if kind == "hold"], settings.hold_bridge_s)
    announced = {span: leading[_first(span, long)] for span in held}
    announced |= {span: leading[span] for span, kind in kinds.items() if kind == "look_up"}
    handled = {
        span: _handling(span, overlap_s(music, [span]) > settings.gap_s, before, said, phrases)
        for span, before in announced.items()
    }
    return Silences(
        gaps=tuple(
            Gap(start_s=span[0], end_s=span[1], kind=kind, before=_last_words(span, said))
            for span, kind in kinds.items()
        ),
        holds=tuple(handled[span] for span in held),
        look_ups=tuple(handled[span] for span, kind in kinds.items() if kind == "look_up"),
    )


def _first(held: Span, silences: Sequence[Span]) -> Span:
    return next(span for span in silences if span[0] == held[0])


def _leading(
    silence: Span, silences: Sequence[Span], said: Sequence[Sentence], settings: TurnsSettings
) -> list[Sentence]:
    """What was said shortly before a silence, and since the one before that.

    Silences that only a word parts are taken as one: what announced the first explains the second.
    """
    groups = bridge(silences, settings.hold_bridge_s)
    group = containing(groups, silence[0]) or silence
    since_s = max((end_s for _, end_s in groups if end_s < group[0]), default=0.0)
    earliest_s = max(since_s, group[0] - settings.announced_within_s)
    return [one for one in said if one.end_s > earliest_s and one.start_s < silence[0]]


def _kind(
    silence: Span,
    music: Sequence[Span],
    leading: Sequence[Sentence],
    phrases: Phrases,
    settings: TurnsSettings,
) -> GapKind:
    """The cause of a silence.

    Sound on the line before anybody has spoken is ringing or a queue. A caller who is passed on is not on
    hold. A short silence that was announced is a look-up.
    """
    filled = overlap_s(music, [silence]) > settings.gap_s
    if filled and silence[0] == 0.0:
        return "ringing"
    announcing = _announcing(leading, phrases)
    if announcing and phrases.announces_transfer(announcing[-1].text):
        return "transfer"
    long = silence[1] - silence[0] >= settings.dead_air_s
    if filled or (announcing and long):
        return "hold"
    if announcing:
        return "look_up"
    return "dead_air" if long else "silence"


def _announcing(leading: Sequence[Sentence], phrases: Phrases) -> list[Sentence]:
    """The sentences in which the agent said that a silence was coming."""
    return [one for one in leading if one.speaker == "agent" and phrases.announces_hold(one.text)]


def _last_words(silence: Span, said: Sequence[Sentence]) -> Evidence | None:
    before = [one for one in said if one.start_s < silence[0]]
    return max(before, key=lambda one: one.end_s).evidence() if before else None


def _handling(
    span: Span, music: bool, leading: Sequence[Sentence], said: Sequence[Sentence], phrases: Phrases
) -> Hold:
    """How the agent announced a silence, asked for it, and came back from it."""
    before = _last_words(span, said)
    if any(one.speaker in ("speaker_1", "speaker_2") for one in said):
        return Hold(
            start_s=span[0],
            end_s=span[1],
            announced=False,
            reason=None,
            consent=None,
            music=music,
            before=before,
            not_scored=dict.fromkeys(OF_THE_AGENT, ROLES_UNKNOWN),
        )
    announcing = _announcing(leading, phrases)
    # what belongs to the announcement is said from the beginning of its turn on
    about = [one for one in leading if announcing and one.turn >= announcing[0].turn]
    mine = [one for one in about if one.speaker == "agent"]
    question = next((one for one in mine if phrases.asks_consent(one.text)), None)
    reply = _reply(question or (announcing[0] if announcing else None), about)
    agreed = phrases.consents_to(question.text if question else "", reply.quote) if reply else None
    back = _first_turn_after(span, said)
    thanks = next((one for one in back if phrases.thanks_for_waiting(one.text)), None)
    not_scored: dict[str, str] = {}
    if question and agreed is None:
        not_scored["consent"] = NOT_UNDERSTOOD
    if not back:
        not_scored["thanked"] = NOBODY_BACK
    return Hold(
        start_s=span[0],
        end_s=span[1],
        announced=bool(announcing),
        reason=_first_found([phrases.hold_reason(one.text) for one in (*announcing, *mine)]),
        consent=agreed if question else bool(agreed),
        music=music,
        consent_asked=question is not None,
        time_given=_first_found([phrases.time_given(one.text) for one in mine]),
        thanked=bool(thanks) if back else None,
        announcement=announcing[0].evidence() if announcing else None,
        consent_question=question.evidence() if question else None,
        reply=reply,
        thanks=thanks.evidence() if thanks else None,
        before=before,
        not_scored=not_scored,
    )


def _first_turn_after(span: Span, said: Sequence[Sentence]) -> list[Sentence]:
    """The sentences of the agent's first turn after a silence."""
    after = [one for one in said if one.speaker == "agent" and one.start_s >= span[1]]
    return [one for one in after if one.turn == after[0].turn]


def _reply(asked: Sentence | None, about: Sequence[Sentence]) -> Evidence | None:
    """What the customer said after a sentence of the agent, up to the silence."""
    said = [one for one in about if asked and one.speaker == "customer" and one.start_s > asked.start_s]
    if not said:
        return None
    quote = " ".join(one.text for one in said)
    return Evidence(turn=said[0].turn, start_s=said[0].start_s, end_s=said[-1].end_s, quote=quote, note="")


def _first_found(found: Sequence[str | None]) -> str | None:
    return next((one for one in found if one), None)
