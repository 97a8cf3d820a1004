"""How much effort the call took the customer, from signs that are counted; not a survey answer."""

from collections.abc import Sequence

from pipeline.guidance.scene import Scene, from_acts
from pipeline.guidance.what_said import holds_of, of_hold, sent_elsewhere
from pipeline.records import Act, Effort, EffortSignal, Evidence
from pipeline.texts import Text

LOWEST, HIGHEST = 1.0, 5.0


def effort_of(scene: Scene, unscorable: str | None) -> Effort:
    """The estimate, 1 (very low) to 5 (very high): 1 and what each sign adds.

    Args:
        unscorable: why the call supports none, if so.
    """
    if unscorable is not None or not scene.customer_turns:
        return Effort(estimate=None, signals=(), not_scored=unscorable or Text("unmeasured.no_customer"))
    found = _signs(scene)
    signals = tuple(
        EffortSignal(id=name, weight=sign.weight, count=len(found[name]), evidence=found[name])
        for name, sign in scene.guidance.effort.items()
        if found[name]
    )
    total = sum(
        signal.weight * min(signal.count, scene.guidance.effort[signal.id].most) for signal in signals
    )
    return Effort(estimate=min(HIGHEST, LOWEST + total), signals=signals, not_scored=None)


def _signs(scene: Scene) -> dict[str, tuple[Evidence, ...]]:
    before = _one_a_turn(_told(scene, "transferred_before"))
    away = scene.acts("announce_transfer")[:1]  # a call is handed on once, however often it is announced
    return {
        "contacted_before": from_acts(_told(scene, "repeat_contact")),
        "repeated_information": from_acts(_told(scene, "repeat_information")),
        "transferred": from_acts([*before, *away]),
        "switched_channel": from_acts(sent_elsewhere(scene)),
        "held": tuple(of_hold(scene, hold) for hold in holds_of(scene)),
        "long_time_to_remedy": _late_remedy(scene),
        "unresolved": _unresolved(scene),
    }


def _told(scene: Scene, act: str) -> list[Act]:
    """What the customer tells of earlier effort, sure enough to be counted."""
    least = scene.guidance.limits.sign_confidence
    return [one for one in scene.acts(act, by="customer") if one.confidence >= least]


def _one_a_turn(acts: Sequence[Act]) -> list[Act]:
    return list({act.turn: act for act in acts}.values())


def _late_remedy(scene: Scene) -> tuple[Evidence, ...]:
    account = scene.account
    if account is None or not scene.fixes:
        return ()
    fix = scene.fixes[0]
    waited_s = min(fix.start_s, scene.perhaps_fixed_s) - account.end_s
    return from_acts([fix]) if waited_s > scene.guidance.limits.remedy_slowly_s else ()


def _unresolved(scene: Scene) -> tuple[Evidence, ...]:
    """The customer says at last that it is not solved, or nothing at all was offered for a problem."""
    unsolved = scene.acts("not_solved", by="customer")
    settled = [
        *scene.confirmed,
        *scene.checked,
        *scene.acts("follow_up", "present_solution"),
    ]
    last_s = max((act.start_s for act in settled), default=-1.0)
    late = [act for act in unsolved if act.start_s > last_s]
    if late:
        return from_acts(late[-1:])
    return () if settled or scene.perhaps_settled else from_acts(scene.complaint[:1])
