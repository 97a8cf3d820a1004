"""A Prefect server for one run, where none is named.

Prefect would start one itself, but one that goes on for ever when its run is killed, and only after loading
all of the server's code into the run, too.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

from flows.environment import PRIVATE_UMASK
from pipeline.errors import StageFailed

HOST = "127.0.0.1"
START_S = 180.0
STOP_S = 10.0


def is_named() -> bool:
    """Whether Prefect is told of a server, by variables, a profile or a file of its own."""
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value() is not None


def start_temporary_server() -> "subprocess.Popen[bytes]":
    """Start a server for this process, and name it to Prefect; its data are in ``PREFECT_HOME`` and stay.

    It ends after the process has, so that nothing is lost of what Prefect still has to say by then.

    Raises:
        StageFailed: it did not start.
    """
    from prefect.context import refresh_global_settings_context

    with socket.create_server((HOST, 0)) as listening:  # who connects from now on is kept waiting
        address = f"http://{HOST}:{listening.getsockname()[1]}/api"
        process = subprocess.Popen(  # noqa: S603  # our own arguments
            [sys.executable, "-P", __file__, str(listening.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
            start_new_session=True,  # Ctrl-C is for the run to act on
            umask=PRIVATE_UMASK,
        )
    atexit.register(_end, process)
    _await(f"{address}/health")
    os.environ["PREFECT_API_URL"] = address
    refresh_global_settings_context()
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()  # the sign to end
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await(url: str) -> None:
    try:
        with urllib.request.urlopen(url, timeout=START_S):  # noqa: S310  # our own address
            return
    except (urllib.error.URLError, OSError) as error:
        raise StageFailed(
            "Prefect's temporary server did not start; try again, or name a server by PREFECT_API_URL"
        ) from error


# --- in the server's process --------------------------------------------------------------------------


def main(listening: str) -> None:
    """Serve until the run ends, however it ends: the other end of our stdin is then closed."""
    os.environ["PREFECT_SERVER_UI_ENABLED"] = "false"
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True, final=True)
    server = uvicorn.Server(
        uvicorn.Config(app, lifespan="on", log_level="error", timeout_graceful_shutdown=round(STOP_S / 2))
    )

    def end_with_the_run() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True
        timer = threading.Timer(STOP_S, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()

    threading.Thread(target=end_with_the_run, daemon=True).start()
    server.run(sockets=[socket.socket(fileno=int(listening))])
    os._exit(0)  # freeing all of the server's objects takes a second


if __name__ == "__main__":
    main(sys.argv[1])
