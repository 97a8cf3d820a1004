"""Tombstones in the store, and the removal of what it has of a call or an agent."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import astuple
from datetime import datetime

from sqlalchemy import String, Text, and_, delete, exists, func, inspect, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from pipeline.store.database import Store
from pipeline.store.tables import BaselineCall, BatchCall, Tombstone

FORMER = "former-agent-"
UNDONE = ("pending", "failed", "quarantined")
AT_A_TIME = 500
"""Values of one IN list; SQLite and PostgreSQL take more."""


def add(session: Session, rows: Sequence[Tombstone]) -> None:
    """Add tombstones; those that are there stay as they are."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    into = sqlite.insert(Tombstone) if on_sqlite else postgresql.insert(Tombstone)
    names = Tombstone.__table__.columns.keys()
    values = [dict(zip(names, astuple(row), strict=True)) for row in rows]
    if values:
        session.connection().execute(into.on_conflict_do_nothing(), values)


def found(session: Session, kind: str, digests: Collection[str]) -> set[str]:
    """Those of these digests that have a tombstone."""
    query = select(Tombstone.digest).where(Tombstone.kind == kind, Tombstone.digest.in_(digests))
    return set(session.scalars(query))


def any_of(session: Session, kind: str) -> bool:
    return bool(session.scalar(select(exists().where(Tombstone.kind == kind))))


def key_checks(session: Session) -> set[str]:
    return set(session.scalars(select(Tombstone.key_check).distinct()))


def all_of(session: Session, kind: str) -> set[str]:
    return set(session.scalars(select(Tombstone.digest).where(Tombstone.kind == kind)))


def pseudonym_of(session: Session, digest: str) -> str | None:
    found = session.get(Tombstone, ("agent", digest))
    return None if found is None else found.pseudonym


def next_pseudonym(session: Session) -> str:
    """The first number that no agent has; it says nothing of whom it stands for."""
    taken = session.scalars(select(Tombstone.pseudonym).where(Tombstone.pseudonym.is_not(None)))
    numbers = [int(str(name).removeprefix(FORMER)) for name in taken]
    return f"{FORMER}{max(numbers, default=0) + 1}"


def remove_calls(session: Session, call_ids: Sequence[str], sha256s: Sequence[str]) -> dict[str, int]:
    """Remove everything about these calls; how many rows of each table there were."""
    removed = {BaselineCall.__tablename__: 0, BatchCall.__tablename__: 0}
    for first in range(0, max(len(call_ids), len(sha256s)), AT_A_TIME):
        ids, sums = call_ids[first : first + AT_A_TIME], sha256s[first : first + AT_A_TIME]
        for table in (BaselineCall, BatchCall):
            these = or_(table.call_id.in_(ids), table.sha256.in_(sums))
            gone = session.scalars(delete(table).where(these).returning(table.call_id)).all()
            removed[table.__tablename__] += len(gone)
    return removed


def remove_matching(session: Session, matches: Callable[[str], bool], out: str | None = None) -> int:
    """Remove the ledger's entries, of one batch or of all, in whose texts something is found; how many."""
    query = select(BatchCall)
    rows = session.scalars(query if out is None else query.where(BatchCall.out == out)).all()
    found = [row for row in rows if any(matches(text) for text in (row.call_id, row.source, row.error or ""))]
    for row in found:
        session.delete(row)
    return len(found)


def remove_entries(session: Session, out: str, call_ids: Sequence[str]) -> int:
    """Remove the ledger's entries of calls of one batch; how many."""
    removed = 0
    for first in range(0, len(call_ids), AT_A_TIME):
        these = (BatchCall.out == out, BatchCall.call_id.in_(call_ids[first : first + AT_A_TIME]))
        removed += len(session.scalars(delete(BatchCall).where(*these).returning(BatchCall.call_id)).all())
    return removed


def remove_agent(session: Session, agent_id: str) -> int:
    """Remove what is kept of an agent's voice and rates; how many calls."""
    mine = func.lower(BaselineCall.agent_id) == agent_id.lower()
    return len(session.scalars(delete(BaselineCall).where(mine).returning(BaselineCall.call_id)).all())


def remove_older(session: Session, out: str, before: datetime) -> int:
    """Remove what is kept of calls that began earlier, and of those that failed and were left; how many rows.

    Calls that have an analysis are removed with it.
    """
    began = func.coalesce(BaselineCall.started_at, BaselineCall.recorded_at)
    left = and_(BatchCall.out == out, BatchCall.state.in_(UNDONE), BatchCall.since < before)
    voices = session.scalars(delete(BaselineCall).where(began < before).returning(BaselineCall.call_id)).all()
    calls = session.scalars(delete(BatchCall).where(left).returning(BatchCall.call_id)).all()
    return len(voices) + len(calls)


def texts(session: Session) -> Iterator[tuple[str, str, str]]:
    """(table, column, value) of every text in every table, those of other programs too."""
    inspector = inspect(session.connection())
    for table in inspector.get_table_names():
        for column in inspector.get_columns(table):
            if isinstance(column["type"], String | Text):
                quote = session.connection().dialect.identifier_preparer.quote
                query = text(f"SELECT DISTINCT {quote(column['name'])} FROM {quote(table)}")  # noqa: S608
                for value in session.scalars(query):
                    if value is not None:
                        yield table, column["name"], str(value)


def scrub(store: Store) -> None:
    """Leave nothing of removed rows in the database's own files: pages that are free, and its journal.

    PostgreSQL gives the room of removed rows back to its tables; the bytes are overwritten in time.
    """
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("COMMIT")  # of the transaction that every connection begins
            for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.exec_driver_sql(statement)
        else:
            connection.execute(text("VACUUM baseline_calls, batch_calls"))
