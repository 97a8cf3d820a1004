"""The command line as its users and their scripts meet it."""

import errno
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import pipeline.batch
from pipeline.cli import main
from tests import factories, fakes

HEAVY = ("numpy", "faster_whisper", "prefect", "pydantic", "rich", "sqlalchemy", "yaml", "jinja2")
COMMANDS: tuple[str, ...] = ("audit", "baseline", "baseline delete", "baseline export", "baseline reset")
COMMANDS += ("baseline show",)
COMMANDS += ("analyze", "doctor", "models", "models fetch", "models list", "models verify", "nightly")
COMMANDS += ("forget", "report", "rescore", "retention", "schema", "settings", "status")


@pytest.fixture
def analyzed_by_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches use the stand-in for the analysis, in real worker processes."""
    real = pipeline.batch.run_batch

    def run_batch(*args: Any, **options: Any) -> Any:
        return real(*args, **options, analyze=fakes.analyze)

    monkeypatch.setattr("pipeline.batch.run_batch", run_batch)


def call(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def run(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_heavy(command: str) -> None:
    """Help is instant because no command imports what only its work needs."""
    script = (
        "import sys\nfrom pipeline.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command.split(), "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"Usage: callcoach {command}".rstrip())
    assert done.stdout.endswith("LOADED []\n")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nope",), "No such command 'nope'"),
        (("analyze", "calls"), "Missing option '--out'"),
        (("analyze", "missing.wav", "--out", "out"), "missing.wav: does not exist"),
        (("analyze", ".", "--out", "out"), "no recordings or transcripts in ."),
        (("analyze", ".", "--out", "out", "--workers", "0"), "0 is not in the range"),
        (("settings", "--set", "rate.hop=1"), "did you mean hop_s?"),
        (("settings", "--config", "none.yaml"), "none.yaml: cannot be read"),
        (("report", "."), "there is no analysis.json"),
        (("rescore",), "give DIR, or --all"),
        (("rescore", "."), "there is no analysis.json"),
        (("rescore", "missing"), "'missing' does not exist"),
        (("rescore", "--all", "--set", "batch.out=s3://calls"), "s3://calls: is not on this machine"),
        (("rescore", ".", "--all"), "not both"),
        (("nightly", "--date", "yesterday"), "does not match the format"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(args: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """What the user got wrong is told in one line on stderr, with nothing on stdout and nothing written."""
    done = run(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("analyzed_by_fake")
def test_analyze_writes_the_others_when_one_call_fails(tmp_path: Path) -> None:
    """One bad call costs exit code 1 and a line on stderr; the others are rows on stdout and reports."""
    fakes.record(tmp_path / "calls", "a", "reject-b")
    done = call("analyze", tmp_path / "calls", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert done.stderr == f"Error: {tmp_path}/calls/reject-b.wav: has no speech\n"
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["call", "agent", "length", "wpm", "intr", "warnings", "report"]
    assert rows[1].endswith(f"{tmp_path}/out/a/report.html")
    assert rows[2] == f"1 analyzed, 1 failed; see {tmp_path}/out/index.html"
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"a", "index.html", "summary.json", "calls.parquet"} <= written


@pytest.mark.usefixtures("analyzed_by_fake")
def test_a_link_to_nothing_fails_alone(tmp_path: Path) -> None:
    """A recording whose disk is gone costs exit code 1 and a line, also where there is no other."""
    fakes.record(tmp_path / "calls", "a")
    gone = tmp_path / "calls/gone.wav"
    gone.symlink_to(tmp_path / "unmounted/gone.wav")
    done = call("analyze", tmp_path / "calls", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {gone}: is a link that leads to no file")
    assert done.stdout.splitlines()[-1].startswith("1 analyzed, 1 failed")
    assert call("analyze", gone, "--out", tmp_path / "out").exit_code == 1


@pytest.mark.usefixtures("analyzed_by_fake")
def test_analyze_json_is_one_document(tmp_path: Path) -> None:
    """Scripts read one JSON document from stdout, whatever else there is to say."""
    fakes.record(tmp_path / "calls", "a", "noisy-b", "bug-c")
    done = call("analyze", tmp_path / "calls", "--out", tmp_path / "out", "--json", "--no-html")
    document = json.loads(done.stdout)
    assert (document["done"], document["failed"]) == (2, 1)
    assert {entry["status"] for entry in document["calls"]} == {"done", "failed"}
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out/a/report.html").exists()


@pytest.mark.usefixtures("analyzed_by_fake")
def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    """With --debug, before or after the command, the traceback of a failed call is shown."""
    (path,) = fakes.record(tmp_path / "calls", "bug-a")
    for args in (("--debug", "analyze"), ("analyze", "--debug")):
        done = call(*args, path, "--out", tmp_path / "out")
        assert 'raise KeyError("turn")' in done.stderr
        assert done.stderr.endswith(f"Error: {path}: unexpected KeyError: 'turn'\n")


@pytest.mark.usefixtures("analyzed_by_fake")
def test_missing_model_is_one_line(tmp_path: Path) -> None:
    """Missing weights end the command with what to do, not with a traceback."""
    (path,) = fakes.record(tmp_path / "calls", "nomodel-a")
    done = call("analyze", path, "--out", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: recognizer base: is not on this machine\n"


INTERRUPTED = """
import functools, sys
import pipeline.batch
from pipeline.cli import main
from tests import fakes
if __name__ == "__main__":
    pipeline.batch.run_batch = functools.partial(pipeline.batch.run_batch, analyze=fakes.analyze)
    main(sys.argv[1:])
"""


def heeding_interruptions() -> None:
    """What runs in the background ignores Ctrl-C, and so would a program that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interruption_keeps_finished_calls(sign: signal.Signals, code: int, tmp_path: Path) -> None:
    """Ctrl-C to the whole process group keeps what is written, ends every worker and says nothing ugly."""
    fakes.record(tmp_path / "calls", "a", "hang-b")
    script = tmp_path / "program.py"
    script.write_text(INTERRUPTED)
    command = [
        sys.executable,
        str(script),
        "analyze",
        str(tmp_path / "calls"),
        "--out",
        str(tmp_path / "out"),
    ]
    repository = Path(__file__).parent.parent
    program = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heeding_interruptions,
        env=os.environ | {"PYTHONPATH": str(repository)},
    )
    assert program.stdout is not None
    program.stdout.readline()
    assert program.stdout.readline().startswith("a ")
    time.sleep(0.5)
    if sign == signal.SIGINT:
        os.killpg(program.pid, sign)  # as a terminal does
    else:
        program.send_signal(sign)
    try:
        _, errors = program.communicate(timeout=120)
    finally:
        program.kill()
    assert program.returncode == code
    if sign == signal.SIGINT:
        done, ended = filter(None, errors.splitlines())
        assert done == f"1 of 2 done; see {tmp_path / 'out/index.html'}"
        assert ended == "Interrupted; what was finished is kept."
        assert "a/report.html" in (tmp_path / "out/index.html").read_text()
    else:
        assert errors == ""
    analysis = json.loads((tmp_path / "out/a/analysis.json").read_bytes())
    with pytest.raises(ProcessLookupError):
        os.kill(int(analysis["call"]["codec"].removeprefix("worker ")), 0)


def test_progress_bar_only_on_a_terminal(tmp_path: Path) -> None:
    """The bar goes to stderr when that is a terminal; rows still go to stdout, unspoilt."""
    fakes.record(tmp_path / "calls", "a")
    script = tmp_path / "program.py"
    script.write_text(INTERRUPTED)
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, str(script), "analyze", str(tmp_path / "calls"), "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent), "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    shown = _read_all(ours)
    assert program.stdout is not None
    rows = program.stdout.read()
    assert program.wait() == 0
    assert "1/1" in shown
    assert "\x1b" not in rows
    assert len(rows.splitlines()) == 3


def _read_all(terminal: int) -> str:
    """What a program wrote to a terminal, once it has ended."""
    shown = b""
    try:
        while piece := os.read(terminal, 4096):
            shown += piece
    except OSError as error:
        if error.errno != errno.EIO:  # how Linux says that the other side is closed
            raise
    os.close(terminal)
    return shown.decode()


@pytest.mark.usefixtures("analyzed_by_fake")
def test_report_renders_again(tmp_path: Path) -> None:
    """Reports that were lost are made again from the analysis files, with the batch's index."""
    fakes.record(tmp_path / "calls", "a", "b")
    out = tmp_path / "out"
    call("analyze", tmp_path / "calls", "--out", out)
    (out / "a/report.html").unlink()
    (out / "index.html").unlink()
    done = call("report", out, "--json")
    assert json.loads(done.stdout) == {"done": 2, "failed": [], "index": str(out / "index.html")}
    assert (out / "a/report.html").is_file()
    (out / "b/analysis.json").write_text("{}")
    done = call("report", out)
    assert done.exit_code == 1
    assert "schema_version" in done.stderr
    assert done.stderr.count("\n") == 1


def test_schema_and_settings_are_json() -> None:
    """Schema and settings are documents for other programs."""
    assert json.loads(call("schema").stdout)["$schema"].endswith("2020-12/schema")
    shown = {entry["key"]: entry for entry in json.loads(call("settings", "--json").stdout)}
    assert shown.keys() == {key for key, *_ in factories.settings().describe()}
    assert all(entry["meaning"] and entry["source"] for entry in shown.values())


def test_settings_fit_a_terminal_and_can_be_asked_by_section() -> None:
    """Every setting with value, meaning and source, in lines of 100 columns at most; one section by name."""
    printed = call("settings", "--set", "rate.hop_s=7").stdout
    assert max(map(len, printed.splitlines())) <= 100
    keys = [line.partition(" = ")[0] for line in printed.splitlines() if " = " in line and line[0] != " "]
    assert keys == [key for key, *_ in factories.settings().describe()]
    assert "\nrate.hop_s = 7.0 s\n" in printed
    section = call("settings", "rate").stdout
    assert section.startswith("rate.")
    assert "\npitch." not in section
    done = call("settings", "rates")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no section 'rates'; there are audio," in done.stderr


@pytest.mark.usefixtures("analyzed_by_fake")
def test_a_column_that_nothing_reads_is_named(tmp_path: Path) -> None:
    """`agent` in calls.csv where `agent_id` is meant leaves calls without an agent, silently until told."""
    fakes.record(tmp_path / "calls", "a")
    (tmp_path / "calls/calls.csv").write_text("file,agent,team\na.wav,maya,blue\n")
    done = call("analyze", tmp_path / "calls", "--out", tmp_path / "out")
    assert done.exit_code == 0
    told = "calls.csv: not read: 'agent' (did you mean agent_id?), 'team'; columns that are: file,"
    assert told in done.stderr


@pytest.mark.usefixtures("analyzed_by_fake")
def test_analyzing_again_says_who_would_skip_it(tmp_path: Path) -> None:
    """`analyze` does all that it is given; whoever runs it again over a folder is told of `nightly`."""
    fakes.record(tmp_path / "calls", "a")
    assert "before" not in call("analyze", tmp_path / "calls", "--out", tmp_path / "out").stderr
    fakes.record(tmp_path / "calls", "b")
    done = call("analyze", tmp_path / "calls", "--out", tmp_path / "out")
    assert "Note: 1 of them had been analyzed before; `callcoach nightly` skips" in done.stderr


def test_missing_weights_fail_the_command() -> None:
    """Weights that are missing make the command fail, so that a script can rely on it."""
    done = call("models", "list", "--json", "--set", "recognizer.model=./none")
    assert done.exit_code == 1
    assert {model["state"] for model in json.loads(done.stdout)} == {"present", "missing"}
    assert call("models", "list").exit_code == 0


def test_doctor_finds_problems(tmp_path: Path) -> None:
    """Doctor tells each finding in a line and fails on a setting that is wrong."""
    blocked = tmp_path / "file"
    blocked.touch()
    done = call("doctor", "--json", "--set", "recognizer.model=./none", "--out", blocked / "out")
    found = {check["name"]: check["status"] for check in json.loads(done.stdout)["checks"]}
    assert found["packages"] == found["libraries"] == found["settings"] == "ok"
    assert found["telemetry"] == "ok"
    assert found["model ./none"] == "problem"
    assert found["output"] == "problem"
    assert done.exit_code == 1
    assert found["redaction"] == "ok"
    assert "problem  settings" in call("doctor", "--set", "rate.hop_s=-1").stdout
    assert "note     redaction    off: " in call("doctor", "--set", "redaction.kinds=null").stdout


def walk(group: click.Group, prefix: str = "") -> dict[str, click.Command]:
    """Every command by its full name."""
    context = click.Context(group)
    found: dict[str, click.Command] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found[f"{prefix}{name}"] = command
        if isinstance(command, click.Group):
            found |= walk(command, f"{prefix}{name} ")
    return found


def test_every_command_has_help() -> None:
    """Every command and option says what it does."""
    assert sorted(walk(main)) == sorted(COMMANDS)
    for name, command in walk(main).items():
        assert command.help, name
        options = [param for param in command.params if isinstance(param, click.Option)]
        assert all(option.help for option in options), name


def test_status_of_no_batch_says_so(tmp_path: Path) -> None:
    """An empty ledger is told of, not shown as nothing."""
    store = f"store.url=sqlite:///{tmp_path}/store.sqlite"
    assert call("status", "--set", store).stdout == "no nightly batch is recorded\n"
    assert json.loads(call("status", "--json", "--set", store).stdout) == []
