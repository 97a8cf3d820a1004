"""What a call was about, what came of it, and one sentence to say to the agent.

Each part rests on sure findings and has its evidence; what nobody said is left open.
"""

from collections.abc import Sequence

from pipeline.guidance.config import OTHER
from pipeline.guidance.scene import Scene, from_acts, shortened
from pipeline.records import Coaching, Evidence, Finding, Headline, HeadlineEvidence, Outcome
from pipeline.texts import Text

PROBLEM = "problem"
SOLVED = "problem_solved"


def headline_of(scene: Scene, found: Sequence[Finding], coaching: Coaching) -> Headline:
    """The headline of a judged call."""
    about = _about(scene)
    outcome, shown = _outcome(scene, found)
    contacts, told = _contacts_before(scene)
    advice, moment = _advice(scene, coaching)
    return Headline(
        about=shortened(about[0].quote) if about else None,
        outcome=outcome,
        contacts_before=contacts,
        say_to_agent=advice,
        evidence=HeadlineEvidence(about=about, outcome=shown, contacts_before=told, say_to_agent=moment),
    )


def _about(scene: Scene) -> tuple[Evidence, ...]:
    """The customer's own words for why they call: the first sentence that names the problem; else what told
    the kind of call, if that came in their first turns."""
    named = [act for act in scene.complaint if act.id == PROBLEM]
    if named:
        return from_acts(named[:1])
    kind = scene.kind
    if kind is None or kind.possible != (kind.kind,) or kind.kind in (PROBLEM, OTHER):
        return ()
    own = {turn.turn for turn in scene.customer_turns[: scene.guidance.kind_limits.about_turns]}
    return tuple(one for one in kind.evidence if one.turn in own)[:1]


def _outcome(scene: Scene, found: Sequence[Finding]) -> tuple[Outcome, tuple[Evidence, ...]]:
    """What came of the call, by the last that was surely said of it."""
    solved = next((one for one in found if one.id == SOLVED), None)
    if solved is not None and solved.verdict == "met":
        return "solved", solved.evidence[:1]
    unsolved = scene.acts("not_solved", by="customer")
    given = [promise for promise in scene.promises if promise.who == "agent"]
    away = scene.acts("announce_transfer")
    last_promise_s = max((promise.start_s for promise in given), default=-1.0)
    last_away_s = max((act.start_s for act in away), default=-1.0)
    last_unsolved_s = max((act.start_s for act in unsolved), default=-1.0)
    if last_unsolved_s > max(last_promise_s, last_away_s):
        return "not_solved", from_acts(unsolved[-1:])
    if last_away_s > last_promise_s:
        return "transferred", from_acts(away[-1:])
    if given:
        return "promised", (scene.of_promise(max(given, key=lambda promise: promise.start_s)),)
    return "unclear", ()


def _contacts_before(scene: Scene) -> tuple[int | None, tuple[Evidence, ...]]:
    """How often the customer says to have been in contact before; ``None`` with evidence where they say
    that they were, but not how often."""
    least = scene.guidance.limits.sign_confidence
    told = [act for act in scene.acts("repeat_contact", by="customer") if act.confidence >= least]
    if not told or scene.language is None:
        return None, ()
    counted = [(scene.language.contacts_before(act.quote), act) for act in told]
    known = [(count, act) for count, act in counted if count is not None]
    if not known:
        return None, from_acts(told[:1])
    count, act = max(known, key=lambda one: one[0])
    return count, from_acts([act])


def _advice(scene: Scene, coaching: Coaching) -> tuple[str | None, tuple[Evidence, ...]]:
    """The first thing to change, else to keep, as a coach could say it; its moment is the evidence."""
    for points, key in ((coaching.change, "headline.change"), (coaching.keep, "headline.keep")):
        if points:
            point = points[0]
            turn = scene.before(point.start_s + 0.001)
            moment = Evidence(
                turn=turn.turn if turn else None,
                start_s=point.start_s,
                end_s=point.end_s,
                quote=point.quote,
                note=point.title,
            )
            return Text(key, title=point.title, try_this=point.try_this), (moment,)
    return None, ()
