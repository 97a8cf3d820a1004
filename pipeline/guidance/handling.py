"""Checks of how a wish, a number or a message was handled: supervisor, dead end, secrets, voicemail."""

from pipeline.guidance.scene import Ruling, Scene, from_acts, surest
from pipeline.records import Evidence, Turn
from pipeline.texts import Text

WAYS_ON = ("present_solution", "offer_alternative", "follow_up", "announce_transfer", "ask_preference")
"""What still leads somewhere after a sentence that ends the matter."""
PARTS = ("name", "reason", "way_back", "next_step")
"""What a message on an answering machine holds."""


def no_refused_supervisor(scene: Scene) -> Ruling:
    """Whoever asks for a supervisor gets one, a call-back or a transfer."""
    asked_s = scene.acts("ask_supervisor", by="customer")[0].start_s
    refused = scene.acts("refuse_supervisor", after_s=asked_s)
    if refused:
        return Ruling(
            verdict="violated",
            reason=Text("why.supervisor_refused"),
            evidence=from_acts(refused),
            confidence=surest(refused),
        )
    granted = scene.acts("offer_alternative", "announce_transfer", after_s=asked_s)
    if granted:
        return Ruling(
            verdict="met",
            reason=Text("why.supervisor_offered"),
            evidence=from_acts(granted[:1]),
            confidence=surest(granted),
        )
    return Ruling(verdict="not_scored", reason=Text("why.supervisor_unclear"))


def no_dead_end(scene: Scene) -> Ruling:
    """Nothing ends the matter without a way on in the same turn."""
    ways = {act.turn for act in (*scene.acts(*WAYS_ON), *scene.unsure(*WAYS_ON))}
    found = [act for act in scene.acts("dead_end") if act.turn not in ways]
    if not found:
        return Ruling(verdict="met", reason=Text("why.no_dead_end"))
    return Ruling(
        verdict="violated",
        reason=Text("why.dead_end"),
        evidence=from_acts(found),
        confidence=surest(found),
    )


def no_secret_read_out(scene: Scene) -> Ruling:
    """The agent says no number that only the customer should say; redaction marks where one was said."""
    own = [turn for turn in scene.secrets_said if turn.speaker == "agent"]
    if not own:
        return Ruling(verdict="met", reason=Text("why.secret_kept"))
    return Ruling(
        verdict="violated",
        reason=Text("why.secret_read_out", count=len(own)),
        evidence=tuple(scene.of_turn(turn, Text("note.read_out")) for turn in own),
    )


def leave_message(scene: Scene) -> Ruling:
    """A message says who called, why, how to get back, and what happens next."""
    found: dict[str, Evidence] = {}
    for part, acts in (
        ("name", ("give_name",)),
        ("way_back", ("give_contact",)),
        ("next_step", ("explain_next_steps", "promise", "follow_up", "present_solution")),
    ):
        if said := scene.acts(*acts):
            found[part] = from_acts(said[:1])[0]
    reason = _reason(scene)
    if reason is not None:
        found["reason"] = scene.of_turn(reason, Text("note.message_reason"))
    lacking = [part for part in PARTS if part not in found]
    evidence = tuple(sorted(found.values(), key=lambda one: one.start_s))
    if not lacking:
        return Ruling(verdict="met", reason=Text("why.message_whole"), evidence=evidence)
    score = len(found) / len(PARTS)
    return Ruling(
        verdict="partly_met" if found else "not_scored",
        reason=Text("why.message_lacks", parts=lacking),
        score=score,
        evidence=evidence,
    )


def _reason(scene: Scene) -> Turn | None:
    """The turn in which the message says what it is about: more than a name and a greeting."""
    about = scene.acts("explain_cause", "explain_next_steps", "present_solution", "restate_concern")
    turns = {act.turn for act in about} | {one.turn for one in (scene.kind.evidence if scene.kind else ())}
    least = scene.guidance.limits.message_words
    return next(
        (turn for turn in scene.agent_turns if turn.turn in turns and len(turn.text.split()) >= least),
        None,
    )
