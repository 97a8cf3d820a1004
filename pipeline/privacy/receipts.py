"""Receipts of erasures: who or what was forgotten is in them as a digest only."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.files import make_folder, write_text
from pipeline.privacy.audit_log import Head
from pipeline.privacy.place import PRIVATE, Place

RECORDINGS = (
    "The recordings themselves are their owner's archive: callcoach has not touched them, and does not "
    "analyze them again."
)


def write_receipt(place: Place, facts: Mapping[str, Any], audit: Head) -> Path:
    """Write a receipt; it keeps the number and digest of its record in the audit log."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    receipt = {"receipt_version": "1", "at": now, **facts, "recordings": RECORDINGS}
    receipt["audit"] = {"number": audit.number, "sha256": audit.sha256}
    make_folder(place.receipts, PRIVATE)
    path = place.receipts / f"{now[:19].replace(':', '')}-{audit.sha256[:8]}.json"
    return write_text(path, json.dumps(receipt, indent=1) + "\n", PRIVATE)


def known_records(place: Place) -> dict[int, str]:
    """Digests of records of the audit log, by number, as receipts have them."""
    found = {}
    for path in sorted(place.receipts.glob("*.json")):
        audit = json.loads(path.read_bytes())["audit"]
        found[int(audit["number"])] = str(audit["sha256"])
    return found
