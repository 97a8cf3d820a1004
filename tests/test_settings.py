"""Settings: where values come from, what is refused and how, and that nothing is without a meaning."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from pipeline.errors import SettingsError
from pipeline.settings import (
    CONFIG_DIR,
    ENVIRONMENT_PREFIX,
    NO_PART_OF_A_RESULT,
    Settings,
    load_settings,
    without_password,
)

DEFAULTS: dict[str, dict[str, Any]] = yaml.safe_load(
    (CONFIG_DIR / "default.yaml").read_text(encoding="utf-8")
)
WRITTEN: dict[str, str] = {
    f"{section}.{key.strip()}": text.strip().strip('"')
    for section, block in (
        (part.partition(":")[0], part.partition("\n")[2])
        for part in (CONFIG_DIR / "default.yaml").read_text(encoding="utf-8").split("\n\n")[1:]
    )
    for key, _, text in (line.partition(":") for line in block.strip().splitlines())
}
"""Every default as the file spells it, without quotes: what a user would type after ``--set key=``."""

KEYS = [f"{section}.{name}" for section, block in DEFAULTS.items() for name in block]
UNIT_OF_SUFFIX = {
    "s": {"s"},
    "hz": {"Hz"},
    "db": {"dB", "dBFS"},
    "st": {"st"},
    "sps": {"syllables/s"},
    "wpm": {"words/min"},
    "bps": {"bit/s"},
    "samples": {"samples"},
    "chars": {"characters"},
    "calls": {"calls"},
    "days": {"days"},
    "words": {"words"},
    "bytes": {"bytes"},
    "turns": {"turns"},
}
PLAIN = Settings(**DEFAULTS)
WITHOUT_UNIT = {
    # shares, correlations and probabilities, 0..1
    "share", "correlation", "purity", "steadiness", "probability", "confidence", "quiet", "noisy", "min",
    "level", "similarity", "max",
    # the calendar
    "year",
    # counts
    "threads", "size", "channel", "points", "workers", "attempts", "after",
    # ratios
    "ratio", "weight", "z",
    # log-likelihoods
    "penalty", "trust",
    # a name
    "port",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            monkeypatch.delenv(name)


def at(settings: Settings, key: str) -> Any:
    section, _, name = key.partition(".")
    return getattr(getattr(settings, section), name)


def written(folder: Path, content: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def variable(key: str) -> str:
    return ENVIRONMENT_PREFIX + key.upper().replace(".", "__")


# --- where values come from ---------------------------------------------------------------------------


def test_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An assignment beats a variable, a variable beats a file, a file beats the defaults."""
    key = "recognizer.beam_size"
    mine = written(tmp_path, "recognizer: {beam_size: 2}")
    found = [at(load_settings(), key), at(load_settings(mine), key)]
    monkeypatch.setenv(variable(key), "3")
    found.append(at(load_settings(mine), key))
    found.append(at(load_settings(mine, [f"{key}=4"]), key))
    assert found == [5, 2, 3, 4]


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    """A user's file of one line leaves the rest of its section at the defaults."""
    changed = load_settings(written(tmp_path, "turns:\n  gap_s: 4.5\n"))
    expected = {**DEFAULTS, "turns": {**DEFAULTS["turns"], "gap_s": 4.5}}
    assert changed.model_dump() == expected


def test_the_last_assignment_wins() -> None:
    """What is typed last is what was meant."""
    assert load_settings(None, ["turns.gap_s=4", "turns.gap_s=5"]).turns.gap_s == 5.0


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    """A file of comments only is no error."""
    assert load_settings(written(tmp_path, "# nothing yet\n")) == load_settings()


def test_every_default_can_be_assigned_as_the_file_spells_it() -> None:
    """``--set key=value`` takes what the settings file shows, also where YAML reads it as another type."""
    modes = {"output.folder_mode", "output.file_mode"}  # have a test of their own
    typed = [f"{key}={text}" for key, text in WRITTEN.items() if key not in modes]
    assert load_settings(None, typed) == PLAIN


@pytest.mark.parametrize("key", ["output.folder_mode", "output.file_mode"])
def test_permissions_can_be_assigned_as_they_are_written(key: str) -> None:
    """``--set output.file_mode=0640`` is permissions, not the octal number that YAML makes of it."""
    assert at(load_settings(None, [f"{key}=0640"]), key) == "0640"


def test_every_default_can_be_given_as_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting is out of reach of a deployment that configures by environment."""
    for key, text in WRITTEN.items():
        monkeypatch.setenv(variable(key), text)
    assert load_settings() == PLAIN


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("turns: {gap_secs: 3}", ["turns.gap_secs", "gap_s"]),  # a misspelled key, with the one it is near
        ("turn: {gap_s: 3}", ["turn", "turns"]),  # a misspelled section
        ("turns: {gap_s: soon}", ["turns.gap_s", "soon", "number"]),  # no number
        ("turns: {gap_s: 0}", ["turns.gap_s", "0", "greater than 0"]),  # out of range
        ("recognizer: {window_s: 45}", ["recognizer.window_s", "45", "30"]),  # over what the model takes
        ("recognizer: {device: tpu}", ["recognizer.device", "tpu", "cuda"]),  # not one of the choices
        ("speech: {gate_off_db: 20}", ["speech.gate_off_db", "speech.gate_on_db"]),  # at odds with another
        ("rate: {band_low_sps: 6}", ["rate.band_low_sps", "rate.band_high_sps"]),
        ("pitch: {floor_hz: 600}", ["pitch.floor_hz", "pitch.ceiling_hz"]),
        ("store: {url: 'mysql://me:secret@host/calls'}", ["store.url", "mysql://me:***@host", "sqlite:///"]),
        ("redaction: {kinds: [pin, nope]}", ["redaction.kinds", "unknown: nope", "card_number"]),
        ("redaction: {kinds: ''}", ["redaction.kinds", "commas", "list", "null"]),
        ("redaction: {kinds: []}", ["redaction.kinds", "commas", "list", "null"]),
        ("redaction: {kinds: {pin: true}}", ["redaction.kinds", "commas", "list", "null"]),
        ("store: {url: 'sqlite:S3cr3t'}", ["store.url", "sqlite:***", "sqlite:///"]),
        ("speech:", ["speech"]),  # a section without content
        ("- a\n- b", ["mine.yaml", "sections"]),  # a list
        ("a: [", ["mine.yaml", "YAML"]),  # not YAML
    ],
)
def test_a_bad_file_is_refused_by_name(content: str, named: list[str], tmp_path: Path) -> None:
    """The message says which key, what was given and what is allowed."""
    with pytest.raises(SettingsError) as refused:
        load_settings(written(tmp_path, content))
    assert [part for part in named if part not in str(refused.value)] == []


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    """A path with a typing error never means the defaults."""
    with pytest.raises(SettingsError, match=r"absent\.yaml"):
        load_settings(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("CALLCOACH_TURN__GAP_S", "3", ["CALLCOACH_TURN__GAP_S", "turns"]),
        ("CALLCOACH_TURNS__GAP_SECS", "3", ["turns.gap_secs", "gap_s"]),
        ("CALLCOACH_TURNS__GAP_S", "soon", ["turns.gap_s", "soon"]),
        ("CALLCOACH_TURNS", "soon", ["turns"]),  # a section is no value
        ("CALLCOACH_REDACTION__KINDS", "", ["CALLCOACH_REDACTION__KINDS", "empty", "write null"]),
        ("CALLCOACH_REDACTION__KINDS", " ", ["CALLCOACH_REDACTION__KINDS", "empty", "write null"]),
        ("CALLCOACH_REDACTION", '{"kinds": ""}', ["redaction.kinds", "write null"]),
        ("callcoach_redaction__kinds", "", ["redaction.kinds", "write null"]),
    ],
)
def test_a_bad_variable_is_refused_by_name(
    name: str, value: str, named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelled variable never does nothing."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert [part for part in named if part.lower() not in str(refused.value).lower()] == []


@pytest.mark.parametrize(
    "assignment",
    [
        *("turns.gap_s", "gap_s=3", "=3", "turns.=3", ".gap_s=3", "turns.gap_s=[", "turns.gaps=3"),
        "redaction.kinds=",
    ],
)
def test_a_bad_assignment_is_refused_by_name(assignment: str) -> None:
    """The message shows what was typed."""
    with pytest.raises(SettingsError) as refused:
        load_settings(None, [assignment])
    assert assignment.partition("=")[0] in str(refused.value)


def test_several_problems_are_told_at_once() -> None:
    """Nobody has to correct a file one error a run."""
    with pytest.raises(SettingsError) as refused:
        load_settings(None, ["turns.gap_s=0", "rate.hop_s=0"])
    assert "turns.gap_s" in str(refused.value)
    assert "rate.hop_s" in str(refused.value)


def test_settings_do_not_change() -> None:
    """What a run was started with is what its provenance says."""
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.turns.gap_s = 9.0  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.turns = settings.turns  # type: ignore[misc]


def test_redaction_is_switched_off_by_null_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Null is the one way to say that nothing is taken out, in a variable too."""
    assert load_settings(None, ["redaction.kinds=null"]).redaction.wanted == frozenset()
    monkeypatch.setenv("CALLCOACH_REDACTION__KINDS", "null")
    assert load_settings().redaction.wanted == frozenset()


def test_kinds_of_redaction_may_be_a_list(tmp_path: Path) -> None:
    """A YAML list is what names parted by commas are, and so is its identity."""
    listed = load_settings(written(tmp_path, "redaction: {kinds: [pin, card_number]}"))
    assert listed.redaction.wanted == {"pin", "card_number"}
    assert listed.sha256() == load_settings(None, ["redaction.kinds=pin, card_number"]).sha256()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/v1", "http://h/v1"),
        ("http://h:80/v1?key=S3cr3t", "http://h:80/v1?key=***"),
        ("http://h/v1?a=S3cr3t&key=S3=cr3t&S3cr3t#S3cr3t", "http://h/v1?a=***&key=***&***"),
        ("http://h/v1#S3cr3t", "http://h/v1#***"),
        ("https://me:S3?c/r3t@[::1]:80/v1", "https://me:***@[::1]:80/v1"),
        ("http://[::1]/v1?", "http://[::1]/v1?"),
        ("sqlite:////srv/calls.sqlite", "sqlite:////srv/calls.sqlite"),
        ("postgresql://me@host/calls", "postgresql://me@host/calls"),
        ("postgresql://me:S3cr3t@host/calls?sslmode=S3cr3t", "postgresql://me:***@host/calls?sslmode=***"),
        ("postgresql://me@there:S3cr3t@host/calls", "postgresql://me@there:***@host/calls"),
        ("postgresql://me:S3cr3t", "postgresql:***"),
        ("postgresql://me:S3cr3t/calls?a=b", "postgresql:***"),
        ("sqlite:S3cr3t", "sqlite:***"),
        ("tcp://scheduler:8786", "tcp://scheduler:8786"),
        ("calls.sqlite", "calls.sqlite"),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, shown: str) -> None:
    """Where it leads is said, never how to get in; of what is no address nothing after its scheme."""
    assert without_password(url) == shown


def test_a_key_in_an_address_is_recorded_nowhere() -> None:
    """Neither what ``callcoach settings`` shows nor what an analysis keeps of its settings has it."""
    settings = load_settings(None, ["judge.url=http://h/v1?key=S3cr3tQ"])
    assert settings.judge.url == "http://h/v1?key=S3cr3tQ"
    assert "S3cr3tQ" not in str(list(settings.describe()))
    assert "http://h/v1?key=***" in str(settings.thresholds())
    assert "S3cr3tQ" not in str(settings.thresholds())


# --- what settings are --------------------------------------------------------------------------------


def test_the_file_and_the_model_have_the_same_keys() -> None:
    """A default that the model does not read, or a setting without a default, cannot be."""
    assert [key for key, *_ in PLAIN.describe()] == KEYS
    assert PLAIN.model_dump() == DEFAULTS


def test_every_setting_has_a_meaning() -> None:
    """``callcoach settings`` explains every key, in words that are not the key again."""
    unclear = [
        key
        for key, _, _, _, meaning in PLAIN.describe()
        if len(meaning.split()) < 2 or meaning == key.replace("_", " ")
    ]
    assert unclear == []


def test_every_quantity_has_the_unit_that_its_name_says() -> None:
    """A number is read with its unit, and ``gap_s`` is never in milliseconds."""
    wrong = []
    for key, value, unit, _, _ in PLAIN.describe():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        suffix = key.rsplit("_", 1)[-1].rsplit(".", 1)[-1]
        known = UNIT_OF_SUFFIX.get(suffix)
        if known is None and suffix not in WITHOUT_UNIT:
            wrong.append(f"{key}: a suffix that says no unit")
        elif known is not None and unit not in known:
            wrong.append(f"{key}: {unit or 'no unit'}")
    assert wrong == []


def test_every_setting_that_judges_has_a_source() -> None:
    """A limit that nobody can trace is not a limit: each names the literature, a measurement or us."""
    assert [key for key, _, _, source, _ in PLAIN.describe() if not source] == []


def test_thresholds_are_what_the_run_used() -> None:
    """The report prints the values of this call, not the defaults."""
    thresholds = {one.key: one for one in load_settings(None, ["turns.gap_s=4"]).thresholds()}
    assert thresholds["turns.gap_s"].value == 4.0
    assert thresholds["turns.gap_s"].unit == "s"
    assert list(thresholds) == [key for key in KEYS if key.partition(".")[0] not in NO_PART_OF_A_RESULT]


# --- identity -----------------------------------------------------------------------------------------


def test_settings_survive_pickling() -> None:
    """A worker process runs with the settings of the one that started it."""
    settings = load_settings(None, ["turns.gap_s=4", "recognizer.initial_prompt=Lakeside Energy"])
    copy = pickle.loads(pickle.dumps(settings))  # noqa: S301
    assert copy == settings
    assert copy.sha256() == settings.sha256()


def test_the_same_values_have_the_same_identity(tmp_path: Path) -> None:
    """Results are found again whichever way a value was given, and 4 is 4.0."""
    by_file = load_settings(written(tmp_path, "turns: {gap_s: 4}"))
    assert by_file.sha256() == load_settings(None, ["turns.gap_s=4.0"]).sha256()
    assert load_settings().sha256() == PLAIN.sha256()


def other_values(key: str, value: Any) -> tuple[Any, ...]:
    """Values near the default, one of which is allowed."""
    choices = {
        "recognizer.device": "cpu",
        "pitch.tracker": "librosa",
        "speakers.diarization": "off",
        "output.audio": "none",
        "output.contact_lens_dialect": "call_analytics",
        "output.language": "de",
        "output.folder_mode": "0750",
        "output.file_mode": "0640",
        "redaction.kinds": "card_number, name",
        "store.url": "sqlite:///other.sqlite",
        "batch.log_format": "json",
        "notify.when": "problems",
        "notify.smtp_security": "tls",
        "judge.url": "http://localhost:8080/v1",
        "privacy.audio_days": 30.0,
        "privacy.transcript_days": 90.0,
        "privacy.metrics_days": 365.0,
    }
    if key in choices:
        return (choices[key],)
    if value is None or isinstance(value, str):
        return ("another",)
    return (value + 1, value - 1) if isinstance(value, int) else (value * 1.01, value * 0.99)


@pytest.mark.parametrize("key", KEYS)
def test_any_other_value_is_another_identity(key: str) -> None:
    """No setting that a result depends on can change behind its back; how a batch is run may."""
    section, _, name = key.partition(".")
    for value in other_values(key, at(PLAIN, key)):
        try:
            changed = Settings(**{**DEFAULTS, section: {**DEFAULTS[section], name: value}})
        except ValidationError:
            continue
        assert at(changed, key) == value
        assert (changed.sha256() == PLAIN.sha256()) == (section in NO_PART_OF_A_RESULT)
        return
    pytest.fail(f"no other value of {key} was accepted")
