"""Encounters weighed by what is heard of them: mini-dialogues with hand-made cues."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SettingsError
from pipeline.records import EventCues
from pipeline.settings import CONFIG_DIR
from pipeline.turns import weighing
from pipeline.turns.encounter import Encounter
from pipeline.turns.events import by_rules, classify
from pipeline.turns.weighing import FILE, KINDS, features, load_weights, possible_kinds, weigh
from tests.dialogue import SETTINGS, dialogue, judged

TURNS = SETTINGS.turns
STORY = "so I called you last week about the meter and they told me that it was read"
PLAIN = EventCues(
    comer_level_db=0.0,
    comer_pitch_st=0.0,
    comer_voiced_share=0.7,
    holder_end_level_db=-6.0,
    holder_end_pitch_st=-3.0,
    holder_end_decay_s=0.15,
    snr_db=40.0,
)
BROKEN_OFF = replace(
    PLAIN, holder_end_level_db=4.0, holder_end_pitch_st=1.0, holder_end_decay_s=0.0, comer_level_db=3.0
)


def encounter(notation: str, cues: EventCues) -> Encounter:
    """The first encounter of a mini-dialogue, as if it had been heard so."""
    found = next(item.encounter for item in judged(dialogue(notation)) if item.encounter is not None)
    return replace(found, cues=cues)


def test_a_full_stop_of_the_recognizer_does_not_hide_a_cut_off() -> None:
    """Half a sentence with a full stop is a cut-off where the voice breaks off on a short, unsure word."""
    cut = encounter(
        "A 0-5 behind the fridge because the cable comes.\nC 4.58-8 that is the problem", BROKEN_OFF
    )
    cut = replace(cut, last_word_s=0.2, last_word_probability=0.5)
    assert by_rules(cut, TURNS).kind == "terminal_overlap"
    event = classify(cut, TURNS)
    assert event is not None
    assert (event.kind, event.yielded) == ("interruption", True)
    assert event.reason


def test_a_finished_sentence_stays_finished() -> None:
    """Coming in on the last drawn-out, falling word is a terminal overlap."""
    done = encounter("A 0-5 I will send you the new bill today.\nC 4.7-8 that is good to hear", PLAIN)
    event = classify(replace(done, last_word_s=0.5, last_word_probability=0.99), TURNS)
    assert event is not None
    assert event.kind == "terminal_overlap"


def test_a_cough_is_no_backchannel() -> None:
    """A sound without words and without voice is no event."""
    cough = encounter(f"A 0-6 {STORY}\nC 2-2.5 -", replace(PLAIN, comer_voiced_share=0.0))
    assert by_rules(cough, TURNS).kind == "backchannel"
    assert classify(cough, TURNS) is None


@pytest.mark.parametrize(("snr_db", "kind"), [(40.0, "interruption"), (8.0, "backchannel")])
def test_noise_makes_room_for_a_longer_acknowledgement(snr_db: float, kind: str) -> None:
    """At 1.1 s an acknowledgement is over the limit, unless noise may have made it look longer."""
    heard = encounter(f"A 0-6 {STORY}\nC 2-3.1 right I see", replace(PLAIN, snr_db=snr_db))
    assert by_rules(heard, TURNS).kind == kind


@pytest.mark.parametrize("seconds", [1.15, 1.4])
def test_a_long_acknowledgement_does_not_become_a_backchannel(seconds: float) -> None:
    """On a clean line the limit of a backchannel holds, whatever the weights say."""
    heard = encounter(f"A 0-6 {STORY}\nC 2-{2 + seconds} thank you", PLAIN)
    assert "backchannel" not in possible_kinds("interruption", heard, TURNS)


cues = st.builds(
    EventCues,
    comer_level_db=st.none() | st.floats(-30, 30),
    comer_pitch_st=st.none() | st.floats(-24, 24),
    comer_voiced_share=st.none() | st.floats(0, 1),
    holder_end_level_db=st.none() | st.floats(-30, 30),
    holder_end_pitch_st=st.none() | st.floats(-24, 24),
    holder_end_decay_s=st.none() | st.floats(0, 1.5),
    snr_db=st.none() | st.floats(0, 60),
)


@given(cues)
def test_an_acknowledgement_is_never_an_interruption(heard: EventCues) -> None:
    """Whatever the sound: somebody who says "mm-hm" and lets the other go on has not interrupted."""
    event = classify(encounter(f"A 0-6 {STORY}\nC 2-2.5 mm-hm", heard), TURNS)
    assert event is None or event.kind != "interruption"


@given(cues)
def test_who_takes_it_up_again_was_not_done(heard: EventCues) -> None:
    """Whatever the sound: a holder who resumes within 1.5 s was not at the end of the turn."""
    one = encounter(f"A 0-4 {STORY}\nC 3.4-6 that is the problem with you\nA 4.6-8 to the office", heard)
    event = classify(one, TURNS)
    assert event is None or event.kind != "terminal_overlap"


@given(cues, st.sampled_from(["no wait a moment please", "mm-hm", "-"]), st.floats(0.3, 2.5))
def test_confidence_is_a_probability(heard: EventCues, said: str, length_s: float) -> None:
    """Features are small, and confidence is between 0 and 1."""
    one = encounter(f"A 0-6 {STORY}\nC 2-{2 + length_s:.3f} {said}", heard)
    verdict = by_rules(one, TURNS)
    found = features(one, verdict, TURNS)
    assert all(-1 <= value <= 1 for value in found.values())
    chances = load_weights().probabilities(found)
    assert sum(chances.values()) == pytest.approx(1)
    assert 0 <= weigh(one, verdict, TURNS).confidence <= 1


def test_weights_know_every_feature() -> None:
    """The file that is delivered fits the features of the code."""
    one = encounter(f"A 0-6 {STORY}\nC 2-2.5 mm-hm", PLAIN)
    found = features(one, by_rules(one, TURNS), TURNS)
    model = load_weights()
    assert model.names == tuple(found)
    assert model.weights.shape == (len(found), len(KINDS))
    assert np.isfinite(model.weights).all()


def test_a_spoilt_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that lack a kind are an error that says what to do, not a silent zero."""
    content = yaml.safe_load((CONFIG_DIR / FILE).read_text(encoding="utf-8"))
    del content["weights"]["interruption"]
    (tmp_path / FILE).write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.setattr(weighing, "CONFIG_DIR", tmp_path)
    load_weights.cache_clear()
    with pytest.raises(SettingsError, match="fit_turn_taking"):
        load_weights()
    load_weights.cache_clear()
