"""Text from outside that is shown on a terminal, kept in a database, or read from a file."""

import errno
import re
from pathlib import Path

from pipeline.errors import InputRejected

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, which a terminal obeys and databases refuse; line separators and marks that turn the
direction of writing; halves of surrogate pairs, which UTF-8 has no form for."""
TEXT_BYTES_MAX = 64 << 20
"""Of metadata and transcripts: thirty times an hour's transcript with the times of its words."""


def printable(text: str) -> str:
    """``text`` on one line, as a terminal may show it."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))


def source_of(path: Path) -> str:
    """How a file is called where only text is possible; bytes that are no UTF-8 are written out."""
    return as_text(str(path))


def as_text(text: str) -> str:
    """``text``, which may hold bytes of a file's name that are no UTF-8, as what UTF-8 can hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_there(path: Path) -> bool:
    """Whether there is such a file; there is none of a name that is longer than names may be."""
    try:
        return path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def read_limited(path: Path) -> bytes:
    """The content of a file of metadata or of a transcript.

    Raises:
        InputRejected: it is too large to be one.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(TEXT_BYTES_MAX + 1)
    if len(content) > TEXT_BYTES_MAX:
        raise InputRejected(
            f"{path}: is larger than {TEXT_BYTES_MAX >> 20} MiB, more than any metadata or transcript has"
        )
    return content
