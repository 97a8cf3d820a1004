"""Calls as the store keeps them, and a process that writes some."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.settings import load_settings
from pipeline.store.baselines import record_call
from pipeline.store.database import open_store
from pipeline.store.tables import BaselineCall

MARCH = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LINE = "narrowband/g711"


def day(number: float) -> datetime:
    return MARCH + timedelta(days=number)


def call(number: int, **changes: Any) -> BaselineCall:
    """The call of a day: 100 s of voice at 200 Hz plus its number."""
    figures: dict[str, Any] = {
        "agent_id": "maya",
        "line_type": LINE,
        "call_id": f"call-{number}",
        "sha256": f"{number:064d}",
        "started_at": day(number),
        "recorded_at": day(500 + number),
        "tracker": "autocorrelation",
        "voiced_s": 100.0,
        "f0_median_hz": 200.0 + number,
        "f0_range_st": 6.0 + number / 10,
        "loudness_median_db": -30.0 + number,
        "phonation_s": 120.0,
        "articulation_rate_sps": 4.5 + number / 100,
        "speech_rate_wpm": 160.0 + number,
        "turn_time_s": 150.0,
    }
    return BaselineCall(**(figures | changes))


def write_many(url: str, agent_id: str, count: int) -> None:
    """What one process of a batch does: open the store and record its calls, and one that all record."""
    store = open_store(load_settings(None, [f"store.url={url}"]).store)
    for number in range(count):
        with store.session() as session:
            record_call(session, call(number, agent_id=agent_id, sha256=f"{agent_id}{number}"))
        with store.session() as session:
            record_call(session, call(999, agent_id="shared"))
