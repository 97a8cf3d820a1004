"""What Prefect's own database keeps of a call: names of task runs and log lines hold its id.

Only the database of this machine is reached, that of runs without a server elsewhere.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import platformdirs

from pipeline.privacy.traces import Sought, Trace

FORGOTTEN = "forgotten"
PLACE = "Prefect's database"
WAIT_S = 10.0


def databases() -> list[Path]:
    """Prefect's databases on this machine."""
    given = os.environ.get("PREFECT_HOME")
    home = Path(given) if given else platformdirs.user_state_path("callcoach") / "prefect"
    return sorted(home.glob("*.db"))


def scrub_database(path: Path, sought: Sought) -> int:
    """Overwrite what is sought in every text of a database; how many texts.

    Raises:
        sqlite3.Error: it is in use, or no database.
    """
    changed = 0
    with closing(sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for table, column, row, text in list(_found(connection, sought)):
            value = sought.without(text, FORGOTTEN)
            statement = f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?'  # noqa: S608
            changed += connection.execute(statement, (value, row)).rowcount
        connection.execute("COMMIT")
        if changed:
            for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.execute(statement)
    return changed


def in_database(path: Path, sought: Sought) -> Iterator[Trace]:
    with closing(sqlite3.connect(path, timeout=WAIT_S)) as connection:
        for table, _, _, _ in _found(connection, sought):
            yield Trace(PLACE, f"{path} {table}")


def _found(connection: sqlite3.Connection, sought: Sought) -> Iterator[tuple[str, str, int, str]]:
    """(table, column, row, text) of each text that holds what is sought."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")').fetchall()]
        for column in columns:
            query = f'SELECT rowid, "{column}" FROM "{table}" WHERE typeof("{column}") = ?'  # noqa: S608
            for row, text in connection.execute(query, ("text",)).fetchall():
                if sought.in_value(text, column):
                    yield table, column, row, text
