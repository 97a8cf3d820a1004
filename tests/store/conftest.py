"""The store on both databases: a test that takes ``url`` or ``store`` runs on SQLite and on PostgreSQL."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pipeline.store.database import Store, open_store
from tests import factories
from tests.store.server import postgresql

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgresql() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store/callcoach.sqlite"
    folder = request.getfixturevalue("server")
    name = f"test_{next(_numbers)}"
    engine = create_engine(f"postgresql+psycopg://callcoach@/postgres?host={folder}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"postgresql+psycopg://callcoach@/{name}?host={folder}"


@pytest.fixture
def store(url: str) -> Store:
    return open_store(factories.settings(f"store.url={url}").store)
