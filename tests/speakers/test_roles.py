"""Who the agent is, by what was said."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import language_files
from pipeline.errors import SettingsError
from pipeline.records import Correction, Measures, QualityWarning, Role, Separation, Turn
from pipeline.settings import CONFIG_DIR
from pipeline.speakers.channels import DEFAULT_CONFIDENCE, METADATA_CONFIDENCE
from pipeline.speakers.renaming import renamed
from pipeline.speakers.roles import (
    RoleGuess,
    assign_roles,
    load_role_cues,
    name_speakers,
    role_warnings,
)
from tests import factories
from tests.benchmarks.truth import Truth, sample_truths
from tests.speakers.dialogues import OTHER, Dialogue, split, spoken_by, turns_of, written

SETTINGS = factories.settings().speakers
TRAIN, TEST = split()
PARTIES: dict[Role, Role] = {"agent": "speaker_2", "customer": "speaker_1"}


def guess(turns: Sequence[Turn], language: str = "en") -> RoleGuess:
    return assign_roles(turns, language, SETTINGS)


def test_the_dialogues_are_many_and_varied() -> None:
    """Weights rest on sixty dialogues of every awkward kind, none of which is in both parts."""
    traits = [trait for each in written() for trait in each.traits]
    assert len(written()) >= 60
    for trait in ("inbound", "outbound", "partial", "rude", "recognizer", "professional", "customer_first"):
        assert traits.count(trait) >= 5, trait
    assert traits.count("voicemail") >= 3
    assert not {each.name for each in TRAIN} & {each.name for each in TEST}


@pytest.mark.parametrize("dialogue", TEST, ids=lambda each: each.name)
def test_the_agent_of_dialogues_that_no_weight_was_fitted_on(dialogue: Dialogue) -> None:
    """Each whole dialogue of the test part is right, under neutral names and in either order of them."""
    found = guess(spoken_by(dialogue.turns, PARTIES))
    assert found.agent == "speaker_2"
    assert guess(dialogue.turns).agent == "agent"


def test_parts_of_calls_are_rarely_wrong() -> None:
    """Of all stretches of two to ten turns of the test part, 85% are told, and 99% of these rightly."""
    found = [guess(part).agent for each in TEST for part in each.parts()]
    told = [agent for agent in found if agent is not None]
    assert len(told) >= 0.85 * len(found)
    assert told.count("agent") >= 0.99 * len(told)


@given(st.sampled_from(written()), st.data())
def test_exchanging_the_speakers_exchanges_the_answer(dialogue: Dialogue, data: st.DataObject) -> None:
    """Nothing depends on which name a voice was given."""
    first = data.draw(st.integers(0, len(dialogue.turns) - 1))
    part = dialogue.turns[first : data.draw(st.integers(first + 1, len(dialogue.turns)))]
    one, other = guess(part), guess(spoken_by(part, OTHER))
    assert one.confidence == pytest.approx(other.confidence)
    assert other.agent == (OTHER[one.agent] if one.agent else None)


def test_a_few_words_tell_nothing() -> None:
    """Without cues nobody is the agent, and the confidence says so."""
    found = guess(turns_of("A: Hello.\nC: Hello.\nA: Yes.\nC: Okay."))
    assert found.agent is None
    assert 0.5 <= found.confidence < SETTINGS.role_confidence_min
    assert guess(()) == RoleGuess(agent=None, confidence=0.5, cues=())


def test_one_voice_alone_can_be_told() -> None:
    """A message on an answering machine is the agent's, and a customer alone is not the agent."""
    message = turns_of("A: Hello, this is a message for Ann. I'm calling from Swiftpost about your parcel.")
    assert guess(spoken_by(message, {"agent": "speaker_1"})).agent == "speaker_1"
    complaint = turns_of("C: My box is broken and my internet doesn't work, I want my money back.")
    assert guess(spoken_by(complaint, {"customer": "speaker_1"})).agent == "speaker_2"


def test_cues_show_what_they_rest_on() -> None:
    """Each cue names its turn and quotes the words around it; the strongest is one of the agent's."""
    turns = turns_of("C: Hi, my router is dead.\nA: I'm sorry to hear that, may I have your account number?")
    found = guess(turns)
    strongest = found.strongest()
    assert strongest is not None
    assert (strongest.speaker, strongest.turn) == ("agent", 1)
    own = [cue for cue in found.cues if cue.id == "speaks_of_my_things"]
    assert [(cue.speaker, cue.turn, cue.quote) for cue in own] == [("customer", 0, "Hi, my router is dead.")]
    assert own[0].weight < 0
    assert all(cue.quote in turns[cue.turn].text for cue in found.cues)


def test_exceptions_and_numbers_are_heeded() -> None:
    """`my name` is no possession of a customer, and figures read out count in digits and in words."""
    found = guess(turns_of("A: My name is Jo.\nC: It's 4 4 1.\nC: It's two nine oh."))
    kinds = [cue.id for cue in found.cues]
    assert "speaks_of_my_things" not in kinds
    assert kinds.count("gives_number") == 2


def test_a_language_without_cues_is_not_guessed_at() -> None:
    """English phrases say nothing about a Spanish call."""
    assert not (CONFIG_DIR / "roles.es.yaml").exists()
    assert guess(TEST[0].turns, "es") == RoleGuess(agent=None, confidence=0.5, cues=())


def test_weights_keep_to_their_sections() -> None:
    """What stands under `customer` never speaks for the agent, whatever was fitted."""
    known = load_role_cues("en")
    assert known is not None
    assert all(each.weight >= 0 for each in known.phrases)
    assert {each.sign for each in known.phrases} == {1.0, -1.0}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("weight: 6.82", "weight: much"), "agent.greets_for_company.weight"),
        (("  introduces_self:", "  questions:"), "two cues have one name: questions"),
        (("agent:", "agent: ["), "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_place(
    change: tuple[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (CONFIG_DIR / "roles.en.yaml").read_text(encoding="utf-8")
    (tmp_path / "roles.xx.yaml").write_text(content.replace(*change, 1), encoding="utf-8")
    monkeypatch.setattr(language_files, "CONFIG_DIR", tmp_path)
    load_role_cues.cache_clear()
    with pytest.raises(SettingsError, match=r"roles\.xx\.yaml") as refused:
        load_role_cues("xx")
    assert says in str(refused.value)


def test_mixed_names_are_refused() -> None:
    """A call has either roles or numbered speakers."""
    mixed = spoken_by(TEST[0].turns, {"agent": "agent", "customer": "speaker_1"})
    with pytest.raises(ValueError, match="no pair"):
        guess(mixed)


# --- what becomes of it -------------------------------------------------------------------------------

ONE_CHANNEL = Separation(method="diarization", role_method="unknown", role_confidence=0.0, agent_label=None)
FACTS = factories.analysis(rich=False).call
CALL = next(each for each in TEST if "inbound" in each.traits and len(each.turns) > 10)


def named(turns: Sequence[Turn], correction: Correction | None = None) -> tuple[Separation, dict[Role, Role]]:
    return name_speakers(ONE_CHANNEL, turns, "en", correction, SETTINGS)


def test_voices_on_one_channel_get_their_roles() -> None:
    """Roles by words are marked as such, with their confidence; the part that is the agent stays known."""
    separation, names = named(spoken_by(CALL.turns, PARTIES))
    assert names == {"speaker_2": "agent", "speaker_1": "customer"}
    assert (separation.role_method, separation.agent_label) == ("transcript", "speaker_2")
    assert separation.role_confidence == guess(CALL.turns).confidence
    assert renamed(spoken_by(CALL.turns, PARTIES), names) == CALL.turns


def test_unsure_roles_stay_unknown() -> None:
    """Below the threshold voices keep their numbers."""
    turns = turns_of("A: Hello.\nC: Hello.\nA: Yes.\nC: Okay.")
    assert named(spoken_by(turns, PARTIES)) == (ONE_CHANNEL, {})


def test_a_correction_wins_over_words() -> None:
    """Whoever speaks when the corrected agent spoke is the agent, whatever was said and however numbered."""
    spoken = tuple((turn.start_s, turn.end_s) for turn in CALL.turns if turn.speaker == "customer")
    correction = Correction(sha256="0" * 64, agent_channel=None, agent_speech=spoken)
    separation, names = named(spoken_by(CALL.turns, PARTIES), correction)
    assert names == {"speaker_1": "agent", "speaker_2": "customer"}
    assert (separation.role_method, separation.role_confidence) == ("metadata", 1.0)


def test_channels_and_single_voices_are_left_alone() -> None:
    """Where channels give the roles, words do not change them."""
    assert named(CALL.turns) == (ONE_CHANNEL, {})
    alone = turns_of("A: Thank you for calling Swiftpost, how can I help you?")
    assert named(spoken_by(alone, {"agent": "speaker_1"})) == (ONE_CHANNEL, {})


STATED = Separation(
    method="channels", role_method="metadata", role_confidence=METADATA_CONFIDENCE, agent_label="channel_0"
)
BY_DEFAULT = replace(STATED, role_method="channel_map", role_confidence=DEFAULT_CONFIDENCE)


def warned(
    turns: Sequence[Turn], correction: Correction | None = None, measures: Measures | None = None
) -> list[QualityWarning]:
    """What is said of the roles of a call whose channels were stated."""
    return role_warnings(
        FACTS, STATED, turns, measures or factories.analysis().measures, correction, SETTINGS
    )


def test_a_default_map_gives_way_to_the_words() -> None:
    """Nobody stated the channel and the words are sure: roles follow them; a stated channel stays."""
    exchanged = spoken_by(CALL.turns, OTHER)
    separation, names = name_speakers(BY_DEFAULT, exchanged, "en", None, SETTINGS)
    assert names == {"agent": "customer", "customer": "agent"}
    assert (separation.role_method, separation.agent_label) == ("transcript", "channel_1")
    (note,) = role_warnings(FACTS, separation, CALL.turns, factories.analysis().measures, None, SETTINGS)
    assert note.code == "roles_by_words"
    assert name_speakers(STATED, exchanged, "en", None, SETTINGS) == (STATED, {})
    assert name_speakers(BY_DEFAULT, CALL.turns, "en", None, SETTINGS) == (BY_DEFAULT, {})


def test_sides_that_change_places_are_noticed() -> None:
    """Most calls whose channels are exchanged in the middle are warned of, near the middle."""
    silent = replace(factories.analysis().measures, agent=None, customer=None)
    long = [each.turns for each in TEST if len(each.turns) >= 16]
    found = []
    for turns in long:
        half = len(turns) // 2
        mixed = [*turns[:half], *spoken_by(turns[half:], OTHER)]
        found += [
            abs(each.start_s - mixed[half].start_s) <= 0.3 * mixed[-1].end_s
            for each in warned(mixed, measures=silent)
            if each.code == "roles_exchanged_midway" and each.start_s is not None
        ]
    assert len(found) >= 0.6 * len(long)
    assert sum(found) >= 0.8 * len(found)


def test_right_channels_are_not_doubted() -> None:
    """No dialogue of the test part, nor any stretch of one, is called swapped more than once in a hundred."""
    parts = [part for each in TEST for part in each.parts()]
    assert not any(warned(each.turns) for each in TEST)
    assert sum(bool(warned(part)) for part in parts) < 0.01 * len(parts)


def test_swapped_channels_are_noticed() -> None:
    """The warning names the command and the moment that shows it, for at least nine calls in ten."""
    found = [warned(spoken_by(each.turns, OTHER)) for each in TEST]
    assert sum(map(len, found)) >= 0.9 * len(TEST)
    for warning in (each[0] for each in found if each):
        assert warning.code == "roles_swapped"
        assert "callcoach rescore --swap-roles late-bill-001" in warning.message
        assert warning.start_s is not None


def test_what_a_user_has_said_is_not_doubted() -> None:
    """A corrected call is noted as such and never warned of again."""
    correction = Correction(sha256="0" * 64, agent_channel=0, agent_speech=())
    (note,) = warned(spoken_by(CALL.turns, OTHER), correction)
    assert note.code == "roles_corrected"
    assert warned(spoken_by(CALL.turns, PARTIES), correction) == []


@pytest.mark.parametrize("truth", sample_truths(), ids=lambda each: each.call_id)
def test_the_agents_of_the_sample_calls(truth: Truth) -> None:
    """Each sample call's script is told rightly, the voicemail and the rude agent included."""
    lines = [f"{each['speaker'][0].upper()}: {each['text']}" for each in truth.content["utterances"]]
    assert guess(turns_of("\n".join(lines))).agent == "agent"
