"""Speakers get other names in all that has been made of them."""

import dataclasses
import json

from pipeline.records import Role
from pipeline.reports import analysis_json
from pipeline.speakers.renaming import EXCHANGED, renamed
from tests import dialogue, factories

NOTATION = """
    A 0.0-4.0 thank you for calling so the meter was read on the third and
    C 2.0-2.5 mm-hm
    C 5.0-9.0 my bill is too high
    A 9.5-12.0 let me check that for you
"""
NUMBERED: dict[Role, Role] = {"agent": "speaker_2", "customer": "speaker_1"}
NAMED: dict[Role, Role] = {"speaker_2": "agent", "speaker_1": "customer"}


def test_twice_exchanged_is_as_before() -> None:
    """Exchanging loses nothing."""
    one = factories.analysis()
    assert renamed(renamed(one, EXCHANGED), EXCHANGED) == one


def test_nothing_keeps_the_old_name() -> None:
    """Numbered speakers leave no trace of roles wherever the schema has a role."""
    document = json.loads(analysis_json.dumps(renamed(factories.analysis(), NUMBERED)))
    said = [document["transcript"]["turns"], document["speech"]["segments"], document["interruptions"]]
    text = json.dumps([said, document["promises"], document["acts"]])
    assert '"agent"' not in text
    assert '"customer"' not in text
    assert document["measures"]["agent"] is document["measures"]["customer"] is None
    assert document["measures"]["speaker_2"]["words"] > 0


def test_without_names_nothing_is_copied() -> None:
    """A call with two channels costs nothing."""
    one = factories.analysis()
    assert renamed(one, {}) is one


def test_a_conversation_is_measured_under_its_new_names() -> None:
    """Everything that measures are computed from is renamed: sound, words, units, floor and events."""
    named = dialogue.conversation(dialogue.dialogue(NOTATION), 13.0)
    numbered = renamed(named, NUMBERED)
    for each in dataclasses.fields(numbered):
        value = getattr(numbered, each.name)
        if isinstance(value, dict):
            assert set(value) <= {"speaker_1", "speaker_2"}, each.name
    assert {turn.speaker for turn in numbered.floor.turns} == {"speaker_1", "speaker_2"}
    assert {unit.speaker for unit in numbered.units["speaker_2"]} == {"speaker_2"}
    back = renamed(numbered, NAMED)
    assert back.floor == named.floor
    assert back.events == named.events
    assert back.units == named.units
