"""Which process made something, and whether it is still there."""

import os
import socket
from pathlib import Path


def this_process() -> str:
    """This machine and process, as a part of a file name without dots."""
    return f"{_host()}-{os.getpid()}"


def has_ended(process: str) -> bool:
    """Whether a process that :func:`this_process` named is known to have ended; of another machine's it is
    not known."""
    host, _, number = process.rpartition("-")
    return host == _host() and number.isdigit() and not is_alive(int(number))


def is_alive(number: int) -> bool:
    """Whether a process of this machine runs; a killed one whose parent has not noticed does not."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    try:
        status = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return status.rpartition(")")[2].split()[:1] != ["Z"]


def _host() -> str:
    return socket.gethostname().replace(".", "_")
