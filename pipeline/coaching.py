"""What a coach should take from a call."""

from pipeline.records import Coaching, Measures, Role


def coach(measures: Measures) -> Coaching:
    """The call in one sentence of facts."""
    return Coaching(summary=_summary(measures), keep=(), change=())


def _summary(measures: Measures) -> str:
    speakers = measures.by_role()
    if not any(one.talk_s for one in speakers.values()):
        return "No speech was found in this recording."
    parts = [_pace("agent" if "agent" in speakers else next(iter(speakers)), measures)]
    agent, customer = measures.agent, measures.customer
    if agent is not None and customer is not None and agent.talk_s and customer.talk_s:
        if agent.interruptions is not None:
            parts.append(_interrupted(agent.interruptions))
        parts.append(f"had {agent.talk_s / (agent.talk_s + customer.talk_s):.0%} of the talk")
    sentences = [_listed(parts)]
    held_s = sum(hold.end_s - hold.start_s for hold in measures.call.holds)
    if held_s:
        sentences.append(f"The customer was on hold for {held_s:.0f} s")
    return ". ".join(sentences) + "."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _pace(role: Role, measures: Measures) -> str:
    one = measures.of(role)
    name = f"The {role.replace('_', ' ')}"
    if one is None or one.talk_s == 0:
        return f"{name} did not speak"
    if one.speech_rate_wpm is None:
        return f"{name} spoke for {one.talk_s:.0f} s"
    return f"{name} spoke at {one.speech_rate_wpm:.0f} words a minute"


def _interrupted(count: int) -> str:
    if count == 0:
        return "never interrupted the customer"
    return f"interrupted the customer {({1: 'once', 2: 'twice'}).get(count, f'{count} times')}"
