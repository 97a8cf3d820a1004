"""Which guidance a call was judged by."""

import hashlib
from functools import cache

from pipeline.settings import CONFIG_DIR

SETTINGS_FILE = "default.yaml"
TEXTS = "texts"
ANY_LANGUAGE = "*"


@cache
def guidance_sha256(language: str) -> str:
    """Identity of the files in ``configs/`` for a spoken language: phrases, acts, checks and their weights,
    and the texts of reports; with ``ANY_LANGUAGE`` of the files for all.

    Settings are not among them; provenance has an identity of theirs.
    """
    digest = hashlib.sha256()
    for path in sorted((*CONFIG_DIR.glob("*.yaml"), *CONFIG_DIR.glob("*.weights.json"))):
        parts = path.name.split(".")
        of_all = len(parts) == 2 or parts[0] == TEXTS
        if path.name != SETTINGS_FILE and (of_all or language in (parts[1], ANY_LANGUAGE)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
