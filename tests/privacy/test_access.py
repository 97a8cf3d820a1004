"""Who can read what is written, and that no secret is in what is written or said."""

import json
import os
import stat
import traceback
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.errors import CallError, StoreUnavailable
from pipeline.network import ways
from pipeline.privacy.audit_log import enter
from pipeline.privacy.erasure import Eraser
from pipeline.settings import load_settings
from pipeline.store.database import open_store
from tests.privacy.night import CALLS, Night

SHOWN = "hunter2"
ADDRESS = f"postgresql+psycopg://callcoach:{SHOWN}-%s@127.0.0.1:1/calls"


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]


@pytest.fixture
def lax() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("lax")
def test_nobody_else_can_read_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports, the store, locks, the audit log and receipts are the user's alone, whatever the umask."""
    monkeypatch.chdir(tmp_path)
    night = Night(tmp_path, f"sqlite:///{tmp_path}/store/callcoach.sqlite", monkeypatch)
    for call_id, agent, customer, started_at in CALLS[:2]:
        night.recorded(call_id, agent_id=agent, customer_id=customer, started_at=started_at)
    night.run()
    Eraser(night.settings, "customer", "cust-4711", []).forget()
    for name in ("out", "store", "privacy"):
        assert open_to_others(tmp_path / name) == []


def told(*args: str) -> str:
    """Everything that a command says, with its traceback."""
    done = CliRunner().invoke(main, [*args, "--debug"])
    return done.output + str(done.exception) + repr(done.exception)


@pytest.mark.parametrize(
    "command",
    [
        ["settings"],
        ["settings", "--json"],
        ["doctor", "--json"],
        ["baseline", "show"],
        ["status"],
        ["forget", "--call", "a", "--yes"],
        ["audit", "--known", "x"],
        ["settings", "--set", f"store.url={ADDRESS}: x: y"],
        ["settings", "--set", f"store_url={ADDRESS}"],
        ["settings", "--set", f"store.timeout_s={ADDRESS}"],
        ["settings", "--set", f"store.url=mysql{ADDRESS}"],
        ["settings", "--set", f"batch.dask_address={ADDRESS}"],
        ["settings", "--set", f"store.url=postgresql://callcoach:{SHOWN}"],
        ["doctor", "--set", f"store.url=postgresql://callcoach:{SHOWN}"],
        ["status", "--set", f"store.url=postgresql://callcoach:{SHOWN}"],
        ["status", "--set", f"store.url=sqlite:{SHOWN}"],
        ["settings", "--set", f"judge.url=http://h/v1?key={SHOWN}"],
        ["doctor", "--set", f"judge.url=http://h/v1?key={SHOWN}"],
        ["settings", "--set", f"judge.url=ftp://h/v1?key={SHOWN}"],
    ],
)
def test_no_command_says_a_password(
    command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The password in the store's address is in no output, error or traceback, nor are the judge's key and
    the password in Prefect's address."""
    monkeypatch.setenv("CALLCOACH_STORE__URL", ADDRESS)
    monkeypatch.setenv("CALLCOACH_PRIVACY__FOLDER", str(tmp_path / "privacy"))
    monkeypatch.setenv("CALLCOACH_JUDGE_API_KEY", f"sk-{SHOWN}")
    monkeypatch.setenv("PREFECT_API_URL", f"https://me:{SHOWN}@prefect.example/api")
    assert SHOWN not in told(*command)


def test_no_error_of_the_store_says_its_password() -> None:
    """Neither that the server is not there, nor an address that is none."""
    for address in (ADDRESS, ADDRESS.replace(":1/", ":port/"), f"postgresql://me:{SHOWN}"):
        with pytest.raises((StoreUnavailable, CallError)) as error:
            open_store(load_settings(None, [f"store.url={address}"]).store)
        assert SHOWN not in "".join(traceback.format_exception(error.value))


def test_no_file_of_a_night_holds_a_password(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night without its store says so in its pages, and not by which password it tried."""
    monkeypatch.setenv("CALLCOACH_JUDGE_API_KEY", f"sk-{SHOWN}")
    done = night.run(f"store.url={ADDRESS}", "turns.gap_s=4")
    assert done.ledger_error is not None
    assert done.counts["analyzed"] == 4
    assert night.traces(SHOWN) == []
    assert "store_unavailable" in (night.out / "call-1001/analysis.json").read_text()


def test_flow_parameters_hold_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect keeps and shows the parameters of a run: addresses go by the environment."""
    from flows.commands import _without_secrets

    monkeypatch.setenv("CALLCOACH_STORE__URL", "sqlite:///before.sqlite")
    monkeypatch.setenv("CALLCOACH_JUDGE__URL", "http://before")
    judge = f"http://h/v1?key={SHOWN}"
    given = (f"store.url={ADDRESS}", "turns.gap_s=4", f"judge.url={judge}")
    assert _without_secrets(given) == ("turns.gap_s=4",)
    assert (load_settings().store.url, load_settings().judge.url) == (ADDRESS, judge)


def test_a_private_folder_that_was_there_is_closed(tmp_path: Path) -> None:
    """Doctor tells that others can use it; the first record written there ends that."""
    folder = tmp_path / "privacy"
    folder.mkdir()
    folder.chmod(0o755)
    chosen = f"privacy.folder={folder}"

    def found() -> str:
        done = CliRunner().invoke(main, ["doctor", "--json", "--set", chosen])
        return {check["name"]: check["status"] for check in json.loads(done.stdout)["checks"]}["privacy"]

    assert found() == "note"
    assert enter(load_settings(None, [chosen]), "analyze", done=1) is None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert open_to_others(folder) == []
    assert found() == "ok"


def test_doctor_shows_addresses_without_passwords() -> None:
    """No way out of the machine is shown with a password in its address."""
    given = (
        "batch.source=s3://me:{}@bucket",
        "batch.out=s3://me:{}@bucket",
        "batch.dask_address=tls://me:{}@host:1",
    )
    settings = load_settings(None, [each.format(SHOWN) for each in (*given, f"store.url={ADDRESS}")])
    shown = [way.target for way in ways(settings, {"PREFECT_API_URL": f"http://a:{SHOWN}@b"}) if way.target]
    assert len(shown) == 5
    assert not [target for target in shown if SHOWN in target]
