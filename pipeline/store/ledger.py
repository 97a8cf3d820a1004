"""Entries of the batch ledger: read, claimed by one run alone, settled, released."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Update, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from pipeline.store.tables import BatchCall

PENDING, RUNNING, DONE, FAILED, QUARANTINED = "pending", "running", "done", "failed", "quarantined"
EVERY_COLUMN = tuple(column.name for column in BatchCall.__table__.columns)
COLUMNS = tuple(name for name in EVERY_COLUMN if name not in ("out", "call_id", "revision"))
STATES = (PENDING, RUNNING, DONE, FAILED, QUARANTINED)


def entries(session: Session, out: str | None = None) -> list[BatchCall]:
    """The entries of one batch, or of all, by batch and call."""
    query = select(BatchCall).order_by(BatchCall.out, BatchCall.call_id)
    return list(session.scalars(query if out is None else query.where(BatchCall.out == out)))


def entry(session: Session, out: str, call_id: str) -> BatchCall | None:
    return session.get(BatchCall, (out, call_id))


def add(session: Session, rows: Sequence[BatchCall]) -> int:
    """Add entries for calls that have none; how many were added, or -1 where the database does not say."""
    if not rows:
        return 0
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    into = sqlite.insert(BatchCall) if on_sqlite else postgresql.insert(BatchCall)
    values = [{name: getattr(row, name) for name in EVERY_COLUMN} for row in rows]
    done = session.connection().execute(into.on_conflict_do_nothing(), values)
    return int(done.rowcount)


def replace(session: Session, rows: Iterable[tuple[int, BatchCall]]) -> None:
    """Put entries in the place of those of the same calls that were seen with these revisions."""
    changes = [
        {name: getattr(row, name) for name in COLUMNS}
        | {"key_out": row.out, "key_call_id": row.call_id, "key_revision": revision, "revision": revision + 1}
        for revision, row in rows
    ]
    if changes:
        statement = (
            update(BatchCall)
            .where(
                BatchCall.out == bindparam("key_out"),
                BatchCall.call_id == bindparam("key_call_id"),
                BatchCall.revision == bindparam("key_revision"),
            )
            .values({name: bindparam(name) for name in (*COLUMNS, "revision")})
        )
        session.connection().execute(statement, changes)


def claim(session: Session, seen: BatchCall, owner: str, now: datetime, values: Mapping[str, Any]) -> bool:
    """Whether ``owner`` has the call from now on: nobody changed the entry since it was ``seen``, nor gave
    a sign of life if it was running."""
    statement = _of(seen.out, seen.call_id).where(BatchCall.revision == seen.revision)
    if seen.state == RUNNING:
        statement = statement.where(BatchCall.heartbeat_at == seen.heartbeat_at)
    mine = dict(values) | {"state": RUNNING, "owner": owner, "since": now, "heartbeat_at": now}
    return _changed(session, statement.values(**mine, revision=seen.revision + 1)) == 1


def settle(session: Session, out: str, call_id: str, owner: str, values: Mapping[str, Any]) -> bool:
    """Write what became of a call; ``False`` if ``owner`` had lost it to another run."""
    held = _of(out, call_id).where(BatchCall.owner == owner, BatchCall.state == RUNNING)
    return _changed(session, held.values(**values, revision=BatchCall.revision + 1)) == 1


def remove(session: Session, out: str, call_id: str, owner: str) -> None:
    """Remove the entry of a call that ``owner`` is running."""
    held = (BatchCall.out == out, BatchCall.call_id == call_id, BatchCall.owner == owner)
    session.execute(delete(BatchCall).where(*held))


def beat(session: Session, owner: str, now: datetime) -> None:
    """A sign of life for every call that ``owner`` is running."""
    held = update(BatchCall).where(BatchCall.owner == owner, BatchCall.state == RUNNING)
    session.execute(held.values(heartbeat_at=now), execution_options={"synchronize_session": False})


def give_back(session: Session, owner: str, now: datetime) -> None:
    """What ``owner`` has claimed and not settled is free again."""
    held = update(BatchCall).where(BatchCall.owner == owner, BatchCall.state == RUNNING)
    free = held.values(state=PENDING, since=now, revision=BatchCall.revision + 1)
    session.execute(free, execution_options={"synchronize_session": False})


def release(
    session: Session, out: str | None, call_ids: Sequence[str] | None, now: datetime
) -> list[tuple[str, str]]:
    """Let failed and quarantined calls be tried again; (batch, call) of each that was released."""
    query = select(BatchCall).where(BatchCall.state.in_((FAILED, QUARANTINED)))
    if out is not None:
        query = query.where(BatchCall.out == out)
    if call_ids is not None:
        query = query.where(BatchCall.call_id.in_(call_ids))
    found = list(session.scalars(query))
    for row in found:
        row.state, row.tries, row.since, row.revision = PENDING, 0, now, row.revision + 1
    return [(row.out, row.call_id) for row in found]


def _of(out: str, call_id: str) -> Update:
    return update(BatchCall).where(BatchCall.out == out, BatchCall.call_id == call_id)


def _changed(session: Session, statement: Update) -> int:
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return int(cast(CursorResult[Any], done).rowcount)
