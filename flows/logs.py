"""Log lines of a batch on stderr, as text or JSON: events and ids, never what was said."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pipeline.nightly import LOGGER
from pipeline.settings import BatchSettings


@contextmanager
def log_lines(settings: BatchSettings) -> Iterator[None]:
    """Write the events of a batch to stderr in the block, if the settings say so."""
    if settings.log_format == "none":
        yield
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if settings.log_format == "json" else _Text())
    with heard(handler):
        yield


@contextmanager
def heard(handler: logging.Handler) -> Iterator[None]:
    """Let ``handler`` have the events of a batch in the block."""
    log = logging.getLogger(LOGGER)
    before, log.propagate = (log.level, log.propagate), False
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before[0])
        log.propagate = before[1]


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return {"at": at, "level": record.levelname.lower(), "event": record.getMessage()} | getattr(
        record, "facts", {}
    )


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_facts(record), ensure_ascii=False)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = _facts(record)
        first = f"{facts.pop('at')} {facts.pop('level')} {facts.pop('event')}"
        return " ".join([first, *(f"{name}={json.dumps(value)}" for name, value in facts.items())])
