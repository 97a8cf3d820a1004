"""Hand-made calls with hand-made speech acts, to be judged."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.guidance.judge import Heard, Judgment, judge
from pipeline.records import Act, Event, Finding, Measures, Role, Turn, VoiceTurn
from tests.factories import analysis, settings, turn

Said = tuple[Role, str, str]
"""Speaker, what they say, and the acts that it is, apart by blanks; ``~`` before an act: not sure."""

TURN_S, PAUSE_S = 5.0, 0.5


def heard(
    said: Sequence[Said],
    *,
    events: Sequence[Event] = (),
    voices: dict[int, float] | None = None,
    lengths_s: dict[int, float] | None = None,
    started_at: str | None = "2026-03-03T15:42:30-05:00",
    language: str = "en",
    **measures: Any,
) -> Heard:
    """A call whose turns follow one another.

    Args:
        voices: voice scores of the customer's turns, by index.
        lengths_s: seconds of turns that do not last 5 s.
        measures: changes to the measures of the call as a whole.
    """
    turns: list[Turn] = []
    acts: list[Act] = []
    at_s = 1.0
    for index, (speaker, text, names) in enumerate(said):
        end_s = at_s + (lengths_s or {}).get(index, TURN_S)
        turns.append(turn(index, (speaker, at_s, end_s, text)))
        for name in names.split():
            acts.append(
                Act(
                    id=name.lstrip("~"),
                    speaker=speaker,
                    turn=index,
                    start_s=at_s,
                    end_s=end_s,
                    quote=text,
                    layer="phrase",
                    confidence=0.55 if name.startswith("~") else 0.9,
                    sure=not name.startswith("~"),
                )
            )
        at_s = end_s + PAUSE_S
    lines = [(one.speaker, one.start_s, one.end_s, one.text) for one in turns]
    made = analysis(lines, duration_s=at_s + 1, rich=False, started_at=started_at, language=language)
    found = made.measures
    call = replace(found.call, **{"gaps": (), "holds": (), "look_ups": (), "listening": None, **measures})
    customer = found.customer
    if customer is not None:
        scored = tuple(
            VoiceTurn(
                turn=index,
                start_s=turns[index].start_s,
                end_s=turns[index].end_s,
                sps=None,
                f0_median_hz=None,
                st=None,
                slope_st_per_s=None,
                loudness_db=None,
                f0_z=z,
                level_z=z,
                high_frequency_z=z,
            )
            for index, z in (voices or {}).items()
        )
        customer = replace(customer, voice_turns=scored)
    agent = found.agent
    if agent is not None:
        cut_in = sum(event.kind == "interruption" and event.by == "agent" for event in events)
        agent = replace(agent, interruptions=cut_in, rate_windows=(), pitch_windows=())
    return Heard(
        facts=made.call,
        separation=made.separation,
        turns=tuple(turns),
        events=tuple(events),
        measures=Measures(
            agent=agent,
            customer=customer,
            speaker_1=found.speaker_1,
            speaker_2=found.speaker_2,
            call=call,
        ),
        acts=tuple(acts),
    )


def judged(said: Sequence[Said], **changes: Any) -> Judgment:
    return judge(heard(said, **changes), settings())


def verdicts(said: Sequence[Said], **changes: Any) -> dict[str, Finding]:
    return {finding.id: finding for finding in judged(said, **changes).guidance}


GOOD: tuple[Said, ...] = (
    ("agent", "Lakeside Energy, this is Robin.", "give_name"),
    ("customer", "You charged my card twice again, I am furious.", "problem anger"),
    ("agent", "Tell me what happened.", "invite_story"),
    ("customer", "I paid my bill in January and two days later you took the amount again.", "problem"),
    ("agent", "So you paid the bill once and we took the amount twice.", "restate_concern"),
    ("agent", "That must be frustrating, and you are right.", "empathy selective_agreement"),
    ("agent", "I am sorry that we charged your card twice.", "apology"),
    ("customer", "Well, yes.", ""),
    ("agent", "I am sending the money back now, I'll see to it myself.", "present_solution reassurance"),
    ("agent", "First I cancel the order, then you get a mail today.", "explain_next_steps"),
    ("customer", "Thank you.", ""),
    ("agent", "I will call you on Friday at ten, my number is five five.", "follow_up promise give_contact"),
    ("customer", "That solves it, thanks.", "confirm_solved"),
)
BAD: tuple[Said, ...] = (
    ("agent", "Lakeside Energy.", ""),
    ("customer", "Nobody came to my house again today.", "problem"),
    ("agent", "You should have waited.", "blame"),
    ("customer", "This is ridiculous, I took the whole day off.", "anger"),
    ("agent", "Calm down, that is our policy.", "blame"),
    ("customer", "It is still not working, you are no help at all.", "anger not_solved"),
    ("agent", "I have other callers waiting.", "rush"),
    ("agent", "Goodbye.", ""),
)
