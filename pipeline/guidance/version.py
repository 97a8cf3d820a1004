"""Which guidance a call was judged by."""

import hashlib
from functools import cache

from pipeline.settings import CONFIG_DIR

SETTINGS_FILE = "default.yaml"
ANY_LANGUAGE = "*"


@cache
def guidance_sha256(language: str) -> str:
    """Identity of the files in ``configs/`` for a language: phrases, acts, checks and their weights;
    with ``ANY_LANGUAGE`` of the files for all.

    Settings are not among them; provenance has an identity of theirs.
    """
    digest = hashlib.sha256()
    for path in sorted(CONFIG_DIR.glob("*.yaml")):
        parts = path.name.split(".")
        if path.name != SETTINGS_FILE and (len(parts) == 2 or language in (parts[1], ANY_LANGUAGE)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
