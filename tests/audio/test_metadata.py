"""Metadata: which source wins, what is refused, and that a call's id is always a safe folder name."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import metadata as metadata_module
from pipeline.audio.metadata import read_metadata, safe_call_id
from pipeline.errors import InputRejected, SettingsError
from pipeline.records import Metadata
from pipeline.settings import AudioSettings, load_settings

AUDIO = load_settings().audio


def _pattern(pattern: str) -> AudioSettings:
    return AUDIO.model_copy(update={"filename_pattern": pattern})


def _sidecar(folder: Path, content: Any, name: str = "call.json") -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / "call.wav"


def test_sidecar_is_read_and_foreign_keys_are_left_alone(tmp_path: Path) -> None:
    """Protects sidecars that other systems write with keys of their own."""
    path = _sidecar(
        tmp_path,
        {
            "call_id": "C-1",
            "agent_id": 4711,
            "customer_id": "x",
            "queue": " repairs ",
            "started_at": "2026-03-01T09:30:00+01:00",
            "language": "en",
            "agent_channel": "right",
            "vendor": {"anything": [1, 2]},
        },
    )
    assert read_metadata(path, AUDIO) == (
        Metadata(
            call_id="C-1",
            agent_id="4711",
            customer_id="x",
            queue="repairs",
            started_at="2026-03-01T09:30:00+01:00",
            language="en",
            agent_channel=1,
        ),
        "sidecar",
    )


def test_sidecar_named_after_the_whole_file_comes_first(tmp_path: Path) -> None:
    """Protects folders with call.wav and call.mp3 side by side."""
    _sidecar(tmp_path, {"agent_id": "of the stem"})
    path = _sidecar(tmp_path, {"agent_id": "of the file"}, "call.wav.json")
    assert read_metadata(path, AUDIO)[0].agent_id == "of the file"


@pytest.mark.parametrize(
    ("value", "channel"),
    [(0, 0), (1, 1), ("0", 0), ("1", 1), ("left", 0), ("Right ", 1), (None, None), ("", None)],
)
def test_agent_channel_has_four_spellings(tmp_path: Path, value: object, channel: int | None) -> None:
    """Protects the one setting that swaps agent and customer when it is read wrongly."""
    found, _ = read_metadata(_sidecar(tmp_path, {"agent_channel": value}), AUDIO)
    assert found.agent_channel == channel


@pytest.mark.parametrize(("customer", "agent"), [(0, 1), ("right", 0)])
def test_customer_channel_gives_the_agents(tmp_path: Path, customer: object, agent: int) -> None:
    """Protects systems that name only the customer's channel, also against a contrary default."""
    path = _sidecar(tmp_path, {"customer_channel": customer})
    assert read_metadata(path, AUDIO, defaults={"agent_channel": 1 - agent})[0].agent_channel == agent


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("{not json", "not JSON"),
        ("[1, 2]", "JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ({"agent_channel": 2}, "agent_channel"),
        ({"agent_channel": True}, "agent_channel"),
        ({"agent_channel": [0]}, "agent_channel"),
        ({"agent_channel": 0.0}, "agent_channel"),
        ({"agent_channel": "both"}, "agent_channel"),
        ({"agent_channel": 1, "customer_channel": 1}, "customer_channel"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"started_at": "01.03.2026 09:30"}, "started_at"),
        ({"started_at": 1_772_000_000}, "started_at"),
        ({"agent_id": ["a"]}, "agent_id"),
        ({"agent_id": True}, "agent_id"),
        ({"call_id": {"a": 1}}, "call_id"),
        ({"queue": 1.5}, "queue"),
    ],
)
def test_a_broken_sidecar_is_refused_by_file_and_key(tmp_path: Path, content: Any, key: str) -> None:
    """Protects calls from being filed under a guess when their metadata is wrong."""
    with pytest.raises(InputRejected, match=key) as refusal:
        read_metadata(_sidecar(tmp_path, content), AUDIO)
    assert "call.json" in str(refusal.value)


def test_a_sidecar_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Protects names from being read in the wrong encoding."""
    (tmp_path / "call.json").write_bytes('{"agent_id": "Zoë"}'.encode("latin-1"))
    with pytest.raises(InputRejected, match="not JSON"):
        read_metadata(tmp_path / "call.wav", AUDIO)


# --- calls.csv ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_row_of_the_table_is_found_by_file_name(tmp_path: Path, delimiter: str, encoding: str) -> None:
    """Protects tables saved by spreadsheet programs: byte order mark, other delimiters, capital letters."""
    rows = [
        [
            "File",
            "call_id",
            "Agent_ID",
            "customer_id",
            "queue",
            "started_at",
            "language",
            "agent_channel",
            "note",
        ],
        ["other.wav", "O", "a1", "", "", "", "", "", ""],
        ["call.wav", "C", "a2", "c2", "billing", "2026-03-01", "en", "1", "kept elsewhere"],
        [],
    ]
    text = "\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "calls.csv").write_text(text, encoding=encoding)
    assert read_metadata(tmp_path / "call.wav", AUDIO) == (
        Metadata(
            call_id="C",
            agent_id="a2",
            customer_id="c2",
            queue="billing",
            started_at="2026-03-01",
            language="en",
            agent_channel=1,
        ),
        "calls.csv",
    )
    assert read_metadata(tmp_path / "third.wav", AUDIO) == (Metadata(call_id="third"), "unknown")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("call_id,agent_id\nC,a\n", "no column file"),
        ("", "no column file"),
        ("file,agent_id,agent_id\ncall.wav,a,b\n", "twice"),
        ("file,agent_id\ncall.wav,a\ncall.wav,b\n", "more than one row"),
        ("file,agent_channel\ncall.wav,middle\n", "agent_channel"),
        ("file,started_at\ncall.wav,soon\n", "started_at"),
    ],
)
def test_a_broken_table_is_refused_by_file_and_key(tmp_path: Path, text: str, says: str) -> None:
    """Protects against two rows that claim one call, and values that cannot be."""
    (tmp_path / "calls.csv").write_text(text)
    with pytest.raises(InputRejected, match=says) as refusal:
        read_metadata(tmp_path / "call.wav", AUDIO)
    assert "calls.csv" in str(refusal.value)


def test_a_table_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Protects names from being read in the wrong encoding, with what to do."""
    (tmp_path / "calls.csv").write_bytes("file,queue\ncall.wav,Zoë\n".encode("latin-1"))
    with pytest.raises(InputRejected, match="UTF-8"):
        read_metadata(tmp_path / "call.wav", AUDIO)


def test_a_large_table_is_parsed_once_and_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the batch over a folder of 100,000 calls, and the correction of a row."""
    parsed = []
    parse = metadata_module._parse_table
    monkeypatch.setattr(metadata_module, "_parse_table", lambda path: parsed.append(path) or parse(path))
    table = tmp_path / "calls.csv"
    table.write_text("file,agent_id\n" + "".join(f"{n}.wav,a{n}\n" for n in range(20_000)))
    started_s = time.perf_counter()
    for n in range(0, 20_000, 100):
        assert read_metadata(tmp_path / f"{n}.wav", AUDIO)[0].agent_id == f"a{n}"
    assert time.perf_counter() - started_s < 5.0
    assert len(parsed) == 1
    table.write_text("file,agent_id\n7.wav,changed\n")
    assert read_metadata(tmp_path / "7.wav", AUDIO)[0].agent_id == "changed"


# --- order and file names -----------------------------------------------------------------------------


def test_the_first_source_wins_alone(tmp_path: Path) -> None:
    """Protects against a mixture of two sources that never belonged together."""
    settings = _pattern("{agent_id}_{queue}")
    path = tmp_path / "name_billing.wav"
    assert read_metadata(path, settings)[1] == "file name"
    (tmp_path / "calls.csv").write_text("file,agent_id\nname_billing.wav,table\n")
    found, origin = read_metadata(path, settings)
    assert (found.agent_id, found.queue, origin) == ("table", None, "calls.csv")
    (tmp_path / "name_billing.json").write_text('{"agent_id": "sidecar"}')
    found, origin = read_metadata(path, settings)
    assert (found.agent_id, found.queue, origin) == ("sidecar", None, "sidecar")


def test_defaults_stand_in_for_what_is_not_said(tmp_path: Path) -> None:
    """Protects the meaning of --agent-channel: it never overrules a call's own metadata."""
    path = _sidecar(tmp_path, {"language": "", "queue": "own"})
    defaults = {"language": "de", "queue": "default", "agent_channel": "right"}
    found, _ = read_metadata(path, AUDIO, defaults=defaults)
    assert (found.language, found.queue, found.agent_channel) == ("de", "own", 1)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("{agent_id}_{call_id}", "anna_77-1.wav", ("anna", "77-1")),
        ("{agent_id}_{call_id}", "anna_77_1.wav", ("anna", "77_1")),
        ("{agent_id}({call_id}).+", "anna(77).+.wav", ("anna", "77")),
        ("{agent_id}_{call_id}.wav", "anna_77.wav", ("anna", "77")),
        (r"(?P<agent_id>[a-z]+)-\d+-(?P<call_id>\d+)", "anna-9-77.wav", ("anna", "77")),
        ("{agent_id}_{call_id}", "anna.wav", (None, "anna")),
    ],
)
def test_a_file_name_is_read_by_the_pattern(
    pattern: str, name: str, expected: tuple[str | None, str], tmp_path: Path
) -> None:
    """Protects both forms of the pattern, and names that do not fit it."""
    found, _ = read_metadata(tmp_path / name, _pattern(pattern))
    assert (found.agent_id, found.call_id) == expected


@pytest.mark.parametrize(
    "pattern", ["(?P<agent_id>", "{agent}_{call_id}", "plain", "(?P<team>.*)", "{queue}{queue}"]
)
def test_a_wrong_pattern_is_a_wrong_setting(pattern: str, tmp_path: Path) -> None:
    """Protects against a pattern that silently finds nothing."""
    with pytest.raises(SettingsError, match=r"audio\.filename_pattern"):
        read_metadata(tmp_path / "call.wav", _pattern(pattern))


# --- call ids -----------------------------------------------------------------------------------------


def _assert_safe(name: str) -> None:
    assert name
    assert len(name.encode()) <= 120
    assert not name.startswith(".")
    assert name.casefold() not in metadata_module.RESERVED_IDS
    assert all(character.isprintable() for character in name)
    assert not set(name) & set("/\\:*?\"<>|\0%#&' ")
    root = os.path.abspath("/srv/of/results")  # noqa: PTH100
    assert os.path.dirname(os.path.normpath(os.path.join(root, name))) == root  # noqa: PTH118, PTH120


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "a/b",
        "a\\b",
        ".hidden",
        "a\0b",
        "a\nb",
        "x" * 5000,
        "é" * 100,
        "C:",
        "agents",
    ],
)
def test_dangerous_ids_are_made_safe_and_marked(text: str) -> None:
    """Protects the file system from ids chosen by another system."""
    name = safe_call_id(text)
    _assert_safe(name)
    assert name != text


@pytest.mark.parametrize("text", ["C-2026-000123", "a.b_c+d=e@f", "ünï", "客户-1", "x" * 120])
def test_ordinary_ids_stay_as_they_are(text: str) -> None:
    """Protects the link between a report and the system that the call came from."""
    assert safe_call_id(text) == text


@given(st.text(max_size=150))
def test_no_id_escapes_its_folder(text: str) -> None:
    """Protects every other call's files, whatever text stands in the metadata."""
    _assert_safe(safe_call_id(text))


@given(st.lists(st.text(st.sampled_from("ab./\\ \0é_-"), max_size=8), unique=True, max_size=40))
def test_different_ids_stay_different(texts: list[str]) -> None:
    """Protects one call's report from being overwritten by another's."""
    assert len({safe_call_id(text) for text in texts}) == len(texts)


def test_the_id_defaults_to_the_files_stem(tmp_path: Path) -> None:
    """Protects folders without any metadata, and stems that are no safe names."""
    assert read_metadata(tmp_path / "call 1.wav", AUDIO)[0].call_id.startswith("call_1-")
    assert read_metadata(_sidecar(tmp_path, {"call_id": " "}), AUDIO)[0].call_id == "call"
    assert read_metadata(_sidecar(tmp_path, {"call_id": 123}), AUDIO)[0].call_id == "123"
