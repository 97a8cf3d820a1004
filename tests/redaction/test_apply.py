"""What was found is taken out of turns, of quotes and of nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.batch import process_call
from pipeline.errors import SettingsError
from pipeline.quality import unredacted
from pipeline.records import CallFacts, Hold, Metadata, Turn, Word
from pipeline.redaction.apply import redact_quotes, redact_turns, redactions
from pipeline.redaction.secrets import find_secrets
from pipeline.reports.write import keep_original
from pipeline.transcript_call import analyze_transcript, load_script
from tests import factories
from tests.benchmarks.redaction import read_example
from tests.factories import in_english

SETTINGS = factories.settings()
TURNS = read_example(
    "",
    """
    A: Your PIN?
    C: Well, it's one two three four.
    A: Thank you very much. How many phones are there?
    C: one two
    """,
).turns
SECRETS = find_secrets(TURNS, ["en"], SETTINGS.redaction)


def test_a_secret_becomes_one_word() -> None:
    """The word that stands in keeps the time of what it stands for, and closes its sentence as that did."""
    turn = redact_turns(TURNS, SECRETS)[1]
    assert turn.text == "Well, it's [PIN]."
    assert [word.word for word in turn.words] == ["Well,", "it's", "[PIN]."]
    assert (turn.words[-1].start_s, turn.words[-1].end_s) == (
        TURNS[1].words[2].start_s,
        TURNS[1].words[5].end_s,
    )
    assert redact_turns(TURNS, SECRETS)[3] == TURNS[3]


@pytest.mark.parametrize(
    ("quote", "written"),
    [
        ("it's one two three four.", "it's [PIN]"),
        ("it's one two", "it's [PIN]"),
        ("two three four", "[PIN]"),
        ("How many phones", "How many phones"),
        ("nobody said this", "nobody said this"),
        ("", ""),
    ],
)
def test_quotes_lose_secrets(quote: str, written: str) -> None:
    """A quote may hold a secret, begin or end in one, or none at all."""
    at_s = TURNS[1].start_s
    event = replace(factories.event("interruption", at_s, at_s + 1.0), quote=quote)
    (found,) = redact_quotes((event,), TURNS, SECRETS)
    assert found == replace(event, quote=written)


def test_the_same_words_elsewhere_stay() -> None:
    """Words are a secret where they were said as one, not wherever they occur."""
    at_s = TURNS[3].start_s
    event = replace(factories.event("interruption", at_s, at_s + 1.0), quote="one two")
    assert redact_quotes((event,), TURNS, SECRETS) == (event,)


def test_measures_lose_secrets() -> None:
    """What the agent gives as the reason of a hold is a quote, too."""
    turns = read_example("", "A: I'll check your card 4532 0151 1283 0366 now.").turns
    secrets = find_secrets(turns, ["en"], SETTINGS.redaction)
    hold = Hold(
        start_s=3.0, end_s=20.0, announced=True, reason="check your card 4532 0151 1283 0366", consent=None
    )
    measures = factories.analysis().measures
    measures = replace(measures, call=replace(measures.call, holds=(hold,)))
    found = redact_quotes(measures, turns, secrets)
    assert found.call.holds[0].reason == "check your card [CARD_NUMBER]"
    assert replace(found, call=replace(found.call, holds=(hold,))) == measures


def test_silence_has_a_margin_within_the_call() -> None:
    """Word times are not exact: a bit more is silent, but nothing before the call or after it."""
    (found,) = redactions(SECRETS, TURNS, 2.0, duration_s=4.0)
    assert (found.kind, found.turn) == ("pin", 1)
    assert (found.start_s, found.end_s) == (0.0, 4.0)
    (found,) = redactions(SECRETS, TURNS, 0.25, duration_s=60.0)
    assert found.start_s == pytest.approx(TURNS[1].words[1].end_s - 0.25)
    assert found.end_s == pytest.approx(TURNS[1].end_s + 0.25)


def test_a_long_number_is_silent_to_its_end() -> None:
    """A card number that is one word takes longer to say than a word does: the rest of it is silent, too."""
    words = (
        Word(word="tarjeta", start_s=1.0, end_s=1.5, probability=0.9),
        Word(word="4111111111111111.", start_s=2.0, end_s=3.5, probability=0.9),
        Word(word="Gracias.", start_s=8.0, end_s=8.5, probability=0.9),
    )
    text = " ".join(word.word for word in words)
    turn = Turn(turn=0, speaker="customer", start_s=1.0, end_s=8.5, text=text, words=words, backchannel=False)
    secrets = find_secrets([turn], ["es"], SETTINGS.redaction)
    (found,) = redactions(secrets, [turn], 0.25, duration_s=60.0)
    assert (found.kind, found.start_s, found.end_s) == ("card_number", 1.25, 8.25)


def spoken(language: str) -> CallFacts:
    return replace(factories.analysis().call, language=language)


def test_a_language_without_a_file_is_told() -> None:
    """Silence would be read as "nothing personal was said"."""
    assert [warning.code for warning in unredacted(spoken("de"), SETTINGS.redaction)] == ["not_redacted"]
    assert unredacted(spoken("en"), SETTINGS.redaction) == ()
    doubted = replace(spoken("en"), language_doubt="unsure")
    assert [warning.code for warning in unredacted(doubted, SETTINGS.redaction)] == ["not_redacted"]


def test_redaction_that_is_off_is_told() -> None:
    """Whoever has a report sees that nothing was taken out, whatever the language."""
    off = factories.settings("redaction.kinds=null").redaction
    for language in ("en", "de"):
        (warning,) = unredacted(spoken(language), off)
        assert warning.code == "not_redacted"
        assert "redaction is switched off" in in_english(warning.message)


def test_originals_are_kept_only_where_asked_for_and_privately(tmp_path: Path) -> None:
    """Unredacted words and sound are written by setting only, and for nobody but the owner."""
    one = factories.analysis()
    recording = factories.recording(one)
    assert keep_original("late-bill-001", recording, TURNS, SETTINGS) is None
    place = tmp_path / "originals"
    place.mkdir(mode=0o755)
    folder = keep_original(
        "../late bill", recording, TURNS, factories.settings(f"redaction.original_dir={place}")
    )
    assert folder is not None
    assert folder.parent == place
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "turns.json": 0o600,
        "audio.ogg": 0o600,
    }
    assert json.loads((folder / "turns.json").read_text())[1]["text"] == TURNS[1].text


@pytest.mark.parametrize("place", ["out", "out/originals", "."])
def test_originals_lie_apart_from_reports(tmp_path: Path, place: str) -> None:
    """A folder of reports is passed on as it is; the batch stops before anything is written."""
    settings = factories.settings(f"redaction.original_dir={tmp_path / place}")
    with pytest.raises(SettingsError, match=r"redaction\.original_dir: .* must be apart"):
        process_call(tmp_path / "call.wav", tmp_path / "out", settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [True, False])
def test_an_analysis_names_the_folder_of_its_originals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    """Absolute, also where the setting is not: they are found later, from another folder, too."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "call.json"
    turns = [{"speaker": "agent", "start_s": 0.0, "end_s": 2.0, "text": "Hello, how can I help you?"}]
    path.write_text(json.dumps({"turns": turns}))
    settings = factories.settings(*(["redaction.original_dir=originals"] if kept else []))
    metadata = Metadata(call_id="call")
    found = analyze_transcript(*load_script(path, metadata, settings), metadata, settings)
    assert found.provenance.original_dir == (str(tmp_path / "originals") if kept else None)
    assert (tmp_path / "originals/call/turns.json").exists() is kept
