"""Names of folders and files for ids that may hold anything."""

import hashlib
import re

AGENTS = "agents"
"""Folder of the agents' pages of a batch."""
STALE = ".index.stale"
"""Says that calls were changed or removed and the batch's files not yet written again."""
PLAIN_NAME = re.compile(r"[A-Za-z0-9_@+=,-][A-Za-z0-9._@+=,-]{0,99}")
RESERVED = re.compile(r"(agents|con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def folder_name(identity: str) -> str:
    """The name for a call or an agent: its id where that is a safe name, else a safe form with a digest."""
    if PLAIN_NAME.fullmatch(identity) and not RESERVED.fullmatch(identity) and not identity.endswith("."):
        return identity
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", identity).strip("-")[:60]
    return f"{stem or 'call'}-{digest}"
