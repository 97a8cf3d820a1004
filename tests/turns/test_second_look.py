"""The second look at what seems an interruption."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.records import Event, EventCues
from pipeline.turns import second_look
from pipeline.turns.encounter import Encounter, Verdict
from pipeline.turns.events import judge_all
from pipeline.turns.second_look import features, load_second_look, look_again
from pipeline.turns.weighing import NOTHING_HEARD
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


OVER = "C 0-6 it stopped again on Monday and then the neighbor said that her line\n"


@pytest.mark.parametrize(
    ("comer", "feature", "expected"),
    [
        ("what is your account number", "asks_over", True),
        ("your contract ends in March anyway", "brings_over", True),
        ("okay your contract ends in March", "brings_over", False),
        ("thank you very much for that", "brings_over", False),
        ("neighbor and her line as well", "brings_over", False),
        ("okay right yes", "only_acknowledges", True),
        ("sorry what was that", "asks_again", True),
    ],
)
def test_features_say_what_the_comer_does(comer: str, feature: str, expected: bool) -> None:
    """Each cue can be read: a question or matter of one's own counts, thanks, echoes and okay do not."""
    assert LOOK is not None
    found = features(encounter(f"{OVER}A 3-6.5 {comer}"), LOOK)
    assert (found[feature] > 0) == expected
    assert set(LOOK.weights) <= set(found)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("so I was waiting for the", 1.0),
        ("so I was waiting for the um", 1.0),
        ("so I was waiting for so...", 1.0),
        ("so I was waiting for you", 0.0),
        ("so I was waiting for the .", 0.0),
    ],
)
def test_an_open_sentence_is_known_by_its_last_word(said: str, expected: float) -> None:
    """Hesitations end no sentence; where something was not heard nobody can tell."""
    assert LOOK is not None
    found = features(encounter(f"C 0-4 {said}\nA 3.2-6 did you call the office then"), LOOK)
    assert found["leaves_open"] == expected


CUT = replace(NOTHING_HEARD, holder_end_decay_s=0.02, snr_db=40.0)
BREAKS_OFF = "C 0-4 and then they told me that the router\nA 3.2-7 the second plan is the better one"


@pytest.mark.parametrize(
    ("notation", "cues", "expected"),
    [
        (BREAKS_OFF, CUT, "interruption"),
        (BREAKS_OFF, replace(CUT, holder_end_decay_s=0.2), "terminal_overlap"),
        (BREAKS_OFF.replace("the second plan is the better one", "okay right yes"), CUT, "terminal_overlap"),
        (
            "C 0-3.5 oh right okay that makes sense\nA 2.7-7 let us get that fixed for you now",
            CUT,
            "terminal_overlap",
        ),
    ],
    ids=["cut off", "died away", "acknowledged", "held nothing"],
)
def test_a_cut_off_voice_is_heard(notation: str, cues: EventCues, expected: str) -> None:
    """Who is cut off falls silent at once, in the middle of something of their own."""
    heard = replace(encounter(notation), cues=cues)
    assert look_again(heard, SEEMS, "en", TURNS).kind == expected


@pytest.mark.parametrize("content", ["{", '{"fillers": []}'])
def test_a_damaged_file_is_refused(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects verdicts from half a file."""
    (tmp_path / "second_look.xx.json").write_text(content)
    monkeypatch.setattr(second_look, "CONFIG_DIR", tmp_path)
    with pytest.raises(SettingsError, match="fit_second_look"):
        load_second_look("xx")
