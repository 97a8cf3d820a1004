"""Opening the store: its tables, its permissions, many processes, and what is told when it cannot be."""

import multiprocessing
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from pipeline.errors import StoreUnavailable
from pipeline.store.baselines import calls_of, record_call
from pipeline.store.database import Store, migrate, open_store
from pipeline.store.tables import Base
from tests import factories
from tests.store.rows import call, write_many


def opened(url: str, *assignments: str) -> Store:
    return open_store(factories.settings(f"store.url='{url}'", *assignments).store)


def refusal(url: str) -> str:
    with pytest.raises(StoreUnavailable) as refused, opened(url).session() as session:
        record_call(session, call(1))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_migrations_make_the_tables_of_the_models(store: Store) -> None:
    """What the migrations build is what the code expects, column by column."""
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_twice_changes_nothing(store: Store) -> None:
    """A store that is up to date stays as it is, with what it holds."""
    with store.session() as session:
        record_call(session, call(1))
    for _ in range(2):
        with store.engine.begin() as connection:
            migrate(connection)
    with store.session() as session:
        assert [row.call_id for row in calls_of(session)] == ["call-1"]
        assert session.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1


def test_processes_open_and_write_at_the_same_time(url: str) -> None:
    """Two processes that find no store make one, and no row of either is lost or doubled."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=write_many, args=(url, name, 15)) for name in ("maya", "ken")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    with opened(url).session() as session:
        assert len(calls_of(session, "maya")) == len(calls_of(session, "ken")) == 15
        assert len(calls_of(session, "shared")) == 1


def test_a_failed_block_leaves_nothing(store: Store) -> None:
    """A transaction that ends in an error is not half there."""

    def half() -> None:
        with store.session() as session:
            record_call(session, call(1))
            raise KeyError

    with pytest.raises(KeyError):
        half()
    with store.session() as session:
        assert calls_of(session) == []


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    """Figures of agents are nobody else's business: the folder is 0700 and every file in it 0600."""
    path = tmp_path / "deep/store/calls.sqlite"
    store = opened(f"sqlite:///{path}")
    with store.session() as session:
        record_call(session, call(1))
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_is_in_wal_mode_with_foreign_keys(tmp_path: Path) -> None:
    """Readers do not wait for a writer, a writer waits for another, and references hold."""
    store = opened(f"sqlite:///{tmp_path}/calls.sqlite", "store.timeout_s=7")
    with store.session() as session:
        asked = ("journal_mode", "foreign_keys", "busy_timeout")
        assert [session.execute(text(f"PRAGMA {name}")).scalar() for name in asked] == ["wal", 1, 7000]


def test_the_default_is_a_file_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a URL the store is in the user's data folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    settings = factories.settings("store.url=null", "store.timeout_s=11").store  # not opened elsewhere
    assert open_store(settings).name == str(tmp_path / "callcoach/callcoach.sqlite")
    assert (tmp_path / "callcoach/callcoach.sqlite").is_file()


def test_a_store_that_cannot_be_made(tmp_path: Path) -> None:
    """A place that cannot be written is named, with what to do."""
    (tmp_path / "file").touch()
    message = refusal(f"sqlite:///{tmp_path}/file/calls.sqlite")
    assert f"store {tmp_path}/file/calls.sqlite" in message
    assert "set store.url" in message


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    """A file of something else is refused and left as it is."""
    path = tmp_path / "calls.sqlite"
    path.write_bytes(b"not a database " * 100)
    assert "file is not a database" in refusal(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"not a database")


def test_a_store_of_a_later_version(tmp_path: Path) -> None:
    """Tables that a later version has changed are not touched by this one."""
    path = tmp_path / "calls.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    connection.close()
    assert "another version of callcoach" in refusal(f"sqlite:///{path}")


def test_a_store_that_is_locked(tmp_path: Path) -> None:
    """A writer waits for another as long as the settings say, and then says so."""
    path = tmp_path / "calls.sqlite"
    store = opened(f"sqlite:///{path}", "store.timeout_s=0.1")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="database is locked"), store.session() as session:
        record_call(session, call(1))
    other.close()


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    """An error shows where the server is, never how to get in."""
    message = refusal(f"postgresql://robin:hunter2@/calls?host={tmp_path}")
    assert "store postgresql://robin:***@/calls?host=***" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_without_a_file(url: str) -> None:
    """What would be forgotten at the end of the process is no store."""
    assert "needs a file" in refusal(url)


def test_a_value_that_no_database_holds(store: Store) -> None:
    """An agent's id that is no text fails as the store's errors do."""
    with pytest.raises(StoreUnavailable, match="cannot hold a value"), store.session() as session:
        record_call(session, call(1, agent_id="\ud800"))


def test_passwords_are_not_shown() -> None:
    """The settings that a report or a terminal shows have no password, wherever the URL has it."""
    for url in (
        "postgresql://me:p@ss@host/x",
        "postgresql://host/x?password=p@ss&user=me",
        "postgresql://me/you:p@ss@host/x",
    ):
        settings = factories.settings(f"store.url={url}")
        shown = {key: value for key, value, *_ in settings.describe()}["store.url"]
        assert "***" in shown
        assert "p@" not in shown
        assert "@ss" not in shown
        assert settings.store.url == url
        assert "store.url" not in [one.key for one in settings.thresholds()]
