"""How nightly batches stand, from the ledger."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from pipeline.ledger import batch_name
from pipeline.rollup import Standing, ledger_document
from pipeline.settings import Settings

Document = dict[str, Any]


def statuses(settings: Settings, out: str | None) -> list[Document]:
    """One document a batch: where it is written, counts by state, calls that run or have failed.

    Raises:
        StoreUnavailable: the ledger cannot be read.
    """
    from pipeline.store import ledger
    from pipeline.store.database import open_store

    with open_store(settings.store).session() as session:
        rows = ledger.entries(session, None if out is None else batch_name(out))
    found = []
    for name, own in groupby(rows, key=lambda row: row.out):
        entries = tuple(own)
        standing = Standing(counts=Counter(row.state for row in entries), entries=entries)
        found.append({"out": name} | ledger_document(standing))
    return found


def release(settings: Settings, out: str | None, call_ids: Sequence[str] | None) -> list[tuple[str, str]]:
    """Let failed calls be tried again, all of them by default; (batch, call) of each that was released."""
    from pipeline.store import ledger
    from pipeline.store.database import open_store

    with open_store(settings.store).session() as session:
        return ledger.release(session, out and batch_name(out), call_ids, datetime.now(UTC))


def shown(batch: Document) -> Iterator[str]:
    """A batch for people, a line a call."""
    counts = ", ".join(f"{count} {state}" for state, count in batch["counts"].items())
    yield f"{batch['out']}: {counts}"
    for call in batch["running"]:
        yield f"  running  {call['call_id']}  since {call['since']}  by {call['owner']}"
    for call in batch["failed"]:
        reason = " ".join((call["error"] or call["error_kind"] or "").split())
        yield f"  {call['state']}  {call['call_id']}  {call['tries']} tries  {reason}"
