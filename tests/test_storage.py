"""Object stores: what they tell of a file. That batches run from and to them is in ``tests/flows``."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.planning import Stamp
from pipeline.storage import stamp_of

MOMENT = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
NS = 1_772_442_000_250_000_000


@pytest.mark.parametrize(
    ("facts", "stamp"),
    [
        ({"size": 7, "LastModified": MOMENT}, (7, NS)),
        ({"size": 7, "last_modified": MOMENT}, (7, NS)),
        ({"size": 7, "updated": "2026-03-02T09:00:00.250Z"}, (7, NS)),
        ({"size": 7, "mtime": MOMENT.timestamp(), "created": 0.0}, (7, NS)),
        ({"size": 7}, (7, None)),
        ({"size": None, "LastModified": None}, (None, None)),
    ],
)
def test_what_a_store_tells_of_a_file(facts: dict[str, Any], stamp: Stamp) -> None:
    assert stamp_of(facts) == stamp
