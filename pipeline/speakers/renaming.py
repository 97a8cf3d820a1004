"""Other names for the speakers of whatever a stage has made: when it is known, or corrected, who they are."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pipeline.records import Measures, Role
from pipeline.texts import Text

Thing = TypeVar("Thing")

EXCHANGED: dict[Role, Role] = {"agent": "customer", "customer": "agent"}
OTHER_PART = {
    "channel_0": "channel_1",
    "channel_1": "channel_0",
    "speaker_1": "speaker_2",
    "speaker_2": "speaker_1",
}


def renamed(thing: Thing, names: Mapping[Role, Role]) -> Thing:
    """``thing`` with every role replaced by the name that ``names`` has for it.

    Roles are fields of type :data:`Role`, keys of dicts and ``who`` in texts, however deep in records,
    tuples, lists and dicts.
    """
    return cast(Thing, _renamed(thing, names)) if names else thing


def _renamed(thing: Any, names: Mapping[Role, Role]) -> Any:
    if isinstance(thing, Measures):
        own = {names.get(role, role): measures for role, measures in thing.by_role().items()}
        every = dict.fromkeys(("agent", "customer", "speaker_1", "speaker_2")) | own
        return Measures(call=thing.call, **every)
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        changes = {}
        for spec in dataclasses.fields(thing):
            before = getattr(thing, spec.name)
            after = names.get(before, before) if spec.type == Role else _renamed(before, names)
            if after is not before:
                changes[spec.name] = after
        return dataclasses.replace(thing, **changes) if changes else thing
    if isinstance(thing, Text):
        who = names.get(cast(Role, thing.values.get("who")))
        return Text(thing.key, **{**thing.values, "who": who}) if who else thing
    if isinstance(thing, dict):
        return {names.get(cast(Role, key), key): _renamed(value, names) for key, value in thing.items()}
    if isinstance(thing, tuple | list):
        after = [_renamed(each, names) for each in thing]
        unchanged = all(one is other for one, other in zip(after, thing, strict=True))
        return thing if unchanged else type(thing)(after)
    return thing
