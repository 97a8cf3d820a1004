"""The store that outlives a batch: an SQLite file by default, PostgreSQL where many machines share it.

Opening it brings its tables up to date. Everything that goes wrong with it is :class:`StoreUnavailable`.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from filelock import FileLock
from filelock import Timeout as LockTimeout
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from pipeline.errors import StoreUnavailable, how_to_get
from pipeline.files import Modes, make_folder
from pipeline.settings import StoreSettings, without_password

PRIVATE = Modes(file=0o600, folder=0o700)
FILE_NAME = "callcoach.sqlite"
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x63616C6C  # any number that nobody else in that database uses
DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}


class Store:
    """An open store whose tables are up to date. A connection lives no longer than its session."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction, committed when the block ends without an error.

        Raises:
            StoreUnavailable: the database refused.
        """
        with _explained(self.name), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session


_open: dict[StoreSettings, Store] = {}
_opening = threading.Lock()  # Alembic keeps its context in a global


def open_store(settings: StoreSettings) -> Store:
    """The store that the settings name, opened once a process.

    Raises:
        StoreUnavailable: it cannot be reached, created or brought up to date.
    """
    with _opening:
        if settings not in _open:
            _open[settings] = _opened(settings)
        return _open[settings]


def _opened(settings: StoreSettings) -> Store:
    url = _url(settings.url)
    name = url.database if url.database and _is_sqlite(url) else without_password(str(settings.url))
    with _explained(name):
        if _is_sqlite(url):
            return _open_file(url, name, settings.timeout_s)
        engine = create_engine(
            url, poolclass=NullPool, connect_args={"connect_timeout": max(2, round(settings.timeout_s))}
        )
        event.listen(engine, "connect", _server_limits(settings.timeout_s))
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            migrate(connection)
        return Store(engine, name)


def _open_file(url: URL, name: str, timeout_s: float) -> Store:
    """Open or create an SQLite file that nobody else may read.

    One process at a time: switching a new file to WAL is the one step that SQLite does not wait for.
    """
    if url.database in (None, "", ":memory:"):
        raise StoreUnavailable("store: an SQLite URL needs a file; set store.url to sqlite:///PATH")
    path = Path(str(url.database))
    make_folder(path.parent, PRIVATE)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": timeout_s})
    event.listen(engine, "connect", _file_limits)
    event.listen(engine, "begin", _begin)
    with FileLock(f"{path}.lock", timeout=timeout_s, mode=PRIVATE.file):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE.file))
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")  # the mode cannot change within a transaction
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with engine.begin() as connection:
            migrate(connection)
    return Store(engine, name)


def migrate(connection: Connection) -> None:
    """Bring the tables up to date, within the connection's transaction."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")


def _url(given: str | None) -> URL:
    if given is None:
        path = platformdirs.user_data_path("callcoach") / FILE_NAME
        return URL.create(DRIVERS["sqlite"], database=str(path))
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):  # its text may hold the password
        raise StoreUnavailable(f"store {without_password(given)}: store.url is not a URL") from None
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _file_limits(connection: Any, _: object) -> None:
    connection.isolation_level = None  # else Python's driver leaves DDL out of transactions
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _server_limits(timeout_s: float) -> Any:
    def set_limits(connection: Any, _: object) -> None:
        limit_ms = max(1, round(1000 * timeout_s))
        connection.execute(f"SET lock_timeout = {limit_ms}")
        connection.execute(f"SET statement_timeout = {limit_ms}")
        connection.commit()

    return set_limits


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Whatever keeps the store from working, as one family of errors; statements and values stay out."""
    where = f"store {name}"
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise StoreUnavailable(
            f"{where}: {reason}; check that it is there and may be written, or set store.url"
        ) from error
    except CommandError as error:
        raise StoreUnavailable(
            f"{where}: was written by another version of callcoach ({error}); install the latest one, or set "
            "store.url to another place"
        ) from error
    except ImportError as error:
        raise StoreUnavailable(
            f"{where}: its driver is not installed ({error}); {how_to_get('postgres')}"
        ) from error
    except LockTimeout as error:
        raise StoreUnavailable(f"{where}: another process is setting it up; try again") from error
    except UnicodeError as error:
        raise StoreUnavailable(
            f"{where}: cannot hold a value ({error}); correct the call's metadata"
        ) from error
    except OSError as error:
        raise StoreUnavailable(
            f"{where}: cannot be created or opened ({error.strerror or error}); set store.url to a place "
            "that may be written"
        ) from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"{where}: {type(error).__name__}; check store.url") from error
