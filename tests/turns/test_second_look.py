"""The second look at what seems an interruption."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.records import Event
from pipeline.turns import second_look
from pipeline.turns.encounter import Encounter, Verdict
from pipeline.turns.events import judge_all
from pipeline.turns.second_look import features, load_second_look, look_again
from tests.dialogue import ENGLISH, SETTINGS, dialogue

TURNS = SETTINGS.turns
LOOK = load_second_look("en")
SEEMS = Verdict("interruption", True, 0.95, "talked over")


def events(notation: str) -> list[Event]:
    return [one.event for one in judge_all(dialogue(notation), ENGLISH, TURNS) if one.event is not None]


def encounter(notation: str) -> Encounter:
    """The only encounter of a mini-dialogue."""
    found = judge_all(dialogue(notation), ENGLISH, TURNS)
    (one,) = (each.encounter for each in found if each.encounter is not None and each.encounter.overlap_s > 0)
    return one


HELP = {
    "an early answer": (
        "A 0-3.4 and can I take your postcode or your street name please?\nC 2.4-4.4 yes it's Mill Road"
    ),
    "thanks as the other ends": (
        "A 0-4 so I have put that through and it will be there tomorrow.\nC 3-5 great, thank you so much"
    ),
    "no problem after a sorry": (
        "C 0-3.5 oh I'm sorry about that, I had the wrong number.\nA 2.7-4.2 no problem, no problem at all"
    ),
    "taking over on the last word": (
        "C 0-4.2 I had it done this morning and I just got home.\nA 3.7-8 Got it, this happens a lot"
    ),
    "following": "C 0-4 so you go to the menu and then it says settings there.\nA 3.2-4.6 okay, following",
}


@pytest.mark.parametrize("notation", HELP.values(), ids=HELP)
def test_help_is_no_interruption(notation: str) -> None:
    """Protects whoever answers early, thanks, reassures or follows from being called an interrupter."""
    assert "interruption" not in [one.kind for one in events(notation)]


def test_breaking_in_is_an_interruption() -> None:
    """A sentence that is cut off in the middle, for something of one's own, stays an interruption."""
    found = events(
        "C 0-4.2 I called last week because the technician never came to the house and I was\n"
        "A 3.6-8 what is your account number I need your account number first"
    )
    assert [(one.kind, one.by) for one in found] == [("interruption", "agent")]


def test_other_verdicts_and_languages_are_left_alone() -> None:
    """The second look only takes interruptions back, and only where it knows the language."""
    e = encounter(HELP["thanks as the other ends"])
    other = replace(SEEMS, kind="backchannel")
    assert look_again(e, other, "en", TURNS) is other
    assert look_again(e, SEEMS, "tlh", TURNS) is SEEMS
    assert look_again(e, SEEMS, "en", TURNS.model_copy(update={"interruption_probability": 0.0})) is SEEMS
    assert look_again(e, SEEMS, "en", TURNS).kind != "interruption"


def test_features_say_what_happens_to_the_floor() -> None:
    """Each cue can be read: an open sentence, an acknowledgement at the start, a question of one's own."""
    assert LOOK is not None
    found = features(
        encounter("C 0-4 so I was waiting for the\nA 3-6 okay and what is your name?"), LOOK, TURNS
    )
    assert found["holder_ends_finished"] < 0
    assert found["begins_with_acknowledgement"] == 1
    assert found["asks"] == 1
    assert found["is_acknowledgement"] == 0
    assert set(LOOK.names) <= set(found)


@pytest.mark.parametrize("content", ["{", '{"fillers": []}'])
def test_a_damaged_file_is_refused(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects verdicts from half a file."""
    (tmp_path / "second_look.xx.json").write_text(content)
    monkeypatch.setattr(second_look, "CONFIG_DIR", tmp_path)
    with pytest.raises(SettingsError, match="fit_second_look"):
        load_second_look("xx")
