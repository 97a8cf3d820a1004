"""What strangers send: any bytes give a result or a documented refusal, and nothing leaves its place."""

import ast
import csv
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline.batch
from pipeline import printable
from pipeline.audio.discover import discover
from pipeline.audio.metadata import RESERVED_IDS, read_metadata, safe_call_id
from pipeline.cli import main
from pipeline.errors import InputRejected, SettingsError
from pipeline.printable import UNPRINTABLE
from pipeline.reports import analysis_json, markdown, site, table
from pipeline.settings import load_settings
from tests import factories, fakes
from tests.fuzz import targets

ROOT = Path(__file__).parent.parent
SETTINGS = load_settings()
ATTACKS = (
    *(
        "../../x",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/b",
        "\0",
        "a\0b",
        "C:\\x",
        "~root",
        "-rf",
        "con",
        "x" * 300,
    ),
    *("=cmd|' /C calc'!A0", "+1", "-", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1"),
    *("<script>alert(1)</script>", "</script><b>", '" onload="x', "javascript:alert(1)", "{{ 7 * 7 }}"),
    *("[a](http://x.y)", "a | b", "- a", "1. a", "# a", "~~a~~", "&lt;", "http://x.y", "--> 00:01.000"),
    *("\x1b[2J", "\u202egnp.exe", "\ud800", "nan", "Infinity", "9" * 5000, "é" * 200, "a\u2028b"),
)
TEXTS = st.one_of(st.sampled_from(ATTACKS), st.text(max_size=40))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
WORDS = st.fixed_dictionaries({"word": TEXTS}, optional={"start_s": VALUES, "end_s": VALUES})
TURNS = st.fixed_dictionaries(
    {
        "speaker": TEXTS,
        "start_s": st.one_of(st.floats(0, 50), VALUES),
        "end_s": st.one_of(st.just(60), VALUES),
    },
    optional={"text": TEXTS, "words": st.one_of(st.lists(WORDS, max_size=3), VALUES)},
)
KEYS = ("call_id", "agent_id", "customer_id", "queue", "language", "started_at", "agent_channel")
SHAPED: dict[str, st.SearchStrategy[bytes]] = {
    "sidecar": st.dictionaries(st.sampled_from(KEYS), VALUES).map(lambda it: json.dumps(it).encode()),
    "calls_table": st.lists(TEXTS, max_size=5).map(
        lambda cells: ("call.wav," + ",".join(cells)).encode("utf-8", "surrogatepass")
    ),
    "json_transcript": st.lists(TURNS, max_size=3).map(lambda it: json.dumps({"turns": it}).encode()),
    "captions_in": st.lists(TEXTS, min_size=1, max_size=4).map(
        lambda lines: ("1\n00:01.000 --> 00:04.000\n" + "\n".join(lines)).encode("utf-8", "replace")
    ),
    "settings_file": st.dictionaries(
        st.sampled_from(tuple(type(SETTINGS).model_fields)), VALUES, max_size=2
    ).map(lambda it: json.dumps(it).encode()),
    "file_name": TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    "written": TEXTS.map(lambda text: text.encode("utf-8", "replace")),
    "pages_of": TEXTS.map(lambda text: text.encode("utf-8", "replace")),
}
EXAMPLES = {"pages_of": 6, "settings_file": 8}


@pytest.mark.parametrize("name", sorted(targets.TARGETS))
def test_any_input_gives_a_result_or_a_documented_refusal(name: str) -> None:
    """What ``tests/fuzz/targets.py`` promises holds for attacks in each reader's own shape, and for noise."""
    noise = st.binary(max_size=300)

    @settings(max_examples=EXAMPLES.get(name, 40), deadline=None)
    @given(data=st.one_of(SHAPED[name], noise) if name in SHAPED else noise)
    def holds(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            targets.TARGETS[name](data, Path(folder))

    holds()


# --- what the fuzzing has found -----------------------------------------------------------------------


def test_a_name_as_long_as_names_may_be_is_read(tmp_path: Path) -> None:
    """Looking for ``<name>.json`` beside a name of 255 bytes is no error."""
    long = tmp_path / ("x" * 251 + ".wav")
    long.touch()
    (tmp_path / ("y" * 250 + ".json")).write_text("{}")
    assert discover([tmp_path, tmp_path / ("y" * 250 + ".json")])[0] == long
    assert read_metadata(long, SETTINGS.audio)[0].call_id.startswith("x" * 100)


@pytest.mark.parametrize("value", ["a\x1b[2Jb", "a\x00b", "a\ud800", "x" * 201, "a\u202eb"])
@pytest.mark.parametrize("key", ["agent_id", "customer_id", "queue", "language"])
def test_ids_can_be_kept_and_shown(tmp_path: Path, key: str, value: str) -> None:
    """What a terminal obeys, or no database holds, is no agent, customer, queue or language."""
    (tmp_path / "call.json").write_text(json.dumps({key: value}))
    with pytest.raises(InputRejected, match=f"{key} is .*none of them control characters"):
        read_metadata(tmp_path / "call.wav", SETTINGS.audio)


def test_no_call_takes_the_place_of_a_file_of_the_batch(tmp_path: Path) -> None:
    """A call with the id ``summary.csv`` must not cost the batch its table."""
    entry = site.BatchEntry("a", "a", table.call_row(factories.analysis()), None, "a.wav")
    site.write_batch(tmp_path, [entry], factories.settings())
    names = {path.name for path in tmp_path.iterdir()} | {"summary.md"}
    assert len(names) == 8
    assert names <= RESERVED_IDS
    assert all(safe_call_id(name) != name for name in names)


def test_deep_json_is_refused(tmp_path: Path) -> None:
    """A document of a hundred thousand brackets does not end the program."""
    deep = b"[" * 100_000
    targets.stored(deep, tmp_path)
    with pytest.raises(InputRejected, match=r"analysis\.json: is nested too deeply"):
        analysis_json.loads(deep)
    for name in ("call.wav.json", "talk.json"):
        path = tmp_path / name
        path.write_bytes(deep)
        with pytest.raises(InputRejected, match=f"{name}: is nested too deeply"):
            read_metadata(tmp_path / name.removesuffix(".json"), factories.settings().audio)


def test_oversized_text_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metadata or a transcript of gigabytes costs no more memory than the largest that can be one."""
    monkeypatch.setattr(printable, "TEXT_BYTES_MAX", 1 << 20)
    for name in ("call.json", "calls.csv", "call.vtt"):
        path = tmp_path / name
        path.write_bytes(b" " * (1 << 21))
        with pytest.raises(InputRejected, match="is larger than 1 MiB"):
            printable.read_limited(path)
        with pytest.raises(InputRejected, match="is larger than 1 MiB"):
            targets.read_script(path, SETTINGS, targets.load_phrases("en"))
        if name != "call.vtt":
            with pytest.raises(InputRejected, match="is larger than 1 MiB"):
                read_metadata(tmp_path / "call.wav", SETTINGS.audio)
        path.unlink()


@pytest.mark.parametrize("content", ["? 1\n", "1: {}\n", "? [a]\n: 1\n"])
def test_settings_whose_keys_are_no_text_are_refused(tmp_path: Path, content: str) -> None:
    """A slip in YAML gives the usual one line."""
    (tmp_path / "my.yaml").write_text(content)
    with pytest.raises(SettingsError):
        load_settings(tmp_path / "my.yaml")


def test_a_word_that_ends_before_it_starts_is_refused(tmp_path: Path) -> None:
    """Times that run backwards reach no figure."""
    words = [{"word": "Good", "start_s": 5, "end_s": 0.5}]
    turns = [{"speaker": "Agent", "start_s": 0, "end_s": 6, "words": words}]
    (tmp_path / "call.json").write_text(json.dumps({"turns": turns}))
    with pytest.raises(InputRejected, match=r"turns\.0: a word ends before it starts"):
        targets.read_script(tmp_path / "call.json", SETTINGS, targets.load_phrases("en"))


def test_a_lone_dash_is_no_list() -> None:
    """A line of a report that is only a dash stays a dash."""
    assert markdown.escape("-") == r"\-"


# --- the whole way ------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_night_of_hostile_names_stays_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, ids and links that try to get out, into a page, a table or a terminal get nowhere; every call
    but a link to nothing has its report, and the batch its files."""
    real = pipeline.batch.run_batch
    monkeypatch.setattr("pipeline.batch.run_batch", lambda *a, **o: real(*a, **o, analyze=fakes.analyze))
    calls, out = tmp_path / "calls", tmp_path / "out"
    names: list[bytes] = [
        b"caf\xe9",
        b"a\nb",
        b"\x1b[2J",
        b"=2+2",
        b"<b>",
        b"x" * 250,
        b"summary.csv",
        b"-rf",
    ]
    for number, name in enumerate(names):
        (path,) = fakes.record(calls, f"c{number}", seconds=0.1)
        path.rename(Path(os.fsdecode(os.fsencode(calls) + b"/" + name + b".wav")))
    ids = ["../../escaped", "/escaped", "..", "a/../../escaped", "\0escaped", "agents", "=1+1", "<img src=x>"]
    for number, call_id in enumerate(ids):
        fakes.record(calls, f"i{number}", seconds=0.1)
        facts: dict[str, Any] = {
            "call_id": call_id,
            "agent_id": call_id.replace("\0", ""),
            "queue": "@SUM(1)",
        }
        (calls / f"i{number}.json").write_text(json.dumps(facts))
    (calls / "loop").symlink_to(calls)
    (calls / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    before = {path for path in tmp_path.rglob("*") if out not in path.parents}

    done = CliRunner().invoke(main, ["analyze", str(calls), "--out", str(out), "--json"])

    result = json.loads(done.stdout)
    (failed,) = (call for call in result["calls"] if call["error"])
    assert failed["source"] == str(calls / "gone.wav")
    assert result["done"] == len(names) + len(ids)
    assert {path for path in tmp_path.rglob("*") if out not in (path, *path.parents)} == before
    for path in out.rglob("*"):
        assert path.resolve().is_relative_to(out)
        assert re.fullmatch(r"[A-Za-z0-9._@+=,-]+", path.name), path
    assert len(list(out.glob("*/report.html"))) == len(names) + len(ids)
    with (out / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(tuple("=+@\t\r\n"))]
    for page in (*out.glob("*.html"), *out.glob("agents/*.html"), *out.glob("*/report.html")):
        assert "<img src=x>" not in page.read_text(encoding="utf-8")
    (escape,) = calls.glob("*2J.wav")
    rows = CliRunner().invoke(main, ["analyze", str(escape), "--out", str(tmp_path / "again")])
    assert not UNPRINTABLE.search(rows.output.replace("\n", ""))


# --- the code -----------------------------------------------------------------------------------------

CODE = sorted(path for part in ("pipeline", "flows", "deploy") for path in (ROOT / part).rglob("*.py"))
UNPICKLING = {
    ("pipeline/workers.py", "loads"),  # between a pool and the workers that it has started
    ("pipeline/cluster.py", "loads"),  # what Dask has just unpickled itself
}
"""Where pickles are read: over pipes of our own processes, never from a file."""
FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"),
    *("yaml.full_load", "pickle.load", "pickle.Unpickler", "marshal.load", "marshal.loads", "shelve.open"),
    *("joblib.load", "numpy.load", "np.load", "tempfile.mktemp", "dill.loads", "cloudpickle.loads"),
}


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_from_a_file_is_run(path: Path) -> None:
    """No code, pickle or YAML object is loaded from disk, no shell is started, weights are only weights."""
    where = path.relative_to(ROOT).as_posix()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name, given = dotted(node.func), {word.arg: word.value for word in node.keywords}
        assert name not in FORBIDDEN, f"{where}:{node.lineno} {name}"
        if name == "pickle.loads":
            assert (where, "loads") in UNPICKLING, f"{where}:{node.lineno}"
        if name == "torch.load":
            only = given.get("weights_only")
            assert isinstance(only, ast.Constant), f"{where}:{node.lineno}"
            assert only.value is True, f"{where}:{node.lineno}"
        if "shell" in given:
            assert ast.unparse(given["shell"]) == "False", f"{where}:{node.lineno}"
