"""Imported by every Python process of a run whose PYTHONPATH begins here: nothing beyond this machine.

Whatever looks up or connects to another machine fails, and is noted in the file that ``OFFLINE_NOTES`` names.
"""

import ipaddress
import os
import sys
import traceback
from pathlib import Path
from typing import Any

NOTES = Path(os.environ.get("OFFLINE_NOTES", os.devnull))
LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
CONNECTIONS = ("socket.connect", "socket.sendto", "socket.sendmsg")


def is_here(host: object) -> bool:
    """Whether a host is this machine; names are only if they are ``localhost``."""
    text = host.decode() if isinstance(host, bytes) else host
    if text in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(text))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in CONNECTIONS:
        address = arguments[1]
        if not isinstance(address, tuple) or is_here(address[0]):  # paths of local sockets are no tuples
            return
        what: object = address
    elif event in LOOKUPS:
        if is_here(arguments[0]):
            return
        what = arguments[0]
    else:
        return
    with NOTES.open("a", encoding="utf-8") as notes:
        notes.write(f"{event} {what!r}\n{''.join(traceback.format_stack(limit=12))}\n")
    raise OSError(f"offline: {event} {what!r}")


sys.addaudithook(refuse)
