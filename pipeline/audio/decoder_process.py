"""The process in which recordings are decoded: ``python -P -m pipeline.audio.decoder_process``.

It has the libraries loaded and forks once for each recording. What a hostile file may do is done in that
fork, which has limits on memory, time, files and open handles, no secrets in its environment, and ends with
its recording.
"""

import json
import os
import resource
import signal
import socket
import struct
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.audio.decode import decode
from pipeline.errors import InputRejected, StageFailed
from pipeline.settings import AudioSettings

CONTROL = 0
"""The socket to the parent is this process's standard input."""
HANDLES_MAX = 32
LENGTH = struct.Struct("<Q")
EXIT_STATUS = struct.Struct("<i")
OVERHEAD_BYTES = 1 << 30
"""Address space of Python, FFmpeg and numpy themselves, which map much more than they use."""
COPIES = 2
"""Decoded sound in address space while its blocks are joined."""
SAMPLE_BYTES = 4
CHANNELS_MAX, RATE_MAX_HZ = 2, 16000


def serve(control: socket.socket) -> None:
    """Decode what is asked for, one recording at a time, until the parent closes the socket."""
    while (job := _receive(control)) is not None:
        request, answer = job
        process = os.fork()
        if process == 0:
            control.close()
            _decode_and_end(request, answer)
        os.close(answer)
        _, status = os.waitpid(process, 0)
        control.sendall(EXIT_STATUS.pack(os.waitstatus_to_exitcode(status)))


def memory_limit_bytes(max_duration_s: float) -> int:
    """Address space that the longest recording that is accepted may need."""
    sound = max_duration_s * RATE_MAX_HZ * CHANNELS_MAX * SAMPLE_BYTES
    return OVERHEAD_BYTES + COPIES * round(sound)


def _receive(control: socket.socket) -> tuple[dict[str, Any], int] | None:
    """A request, one line of JSON, and the pipe that its answer goes to."""
    message, handles, _, _ = socket.recv_fds(control, 1 << 16, 1)
    while message and not message.endswith(b"\n"):
        more = control.recv(1 << 16)
        if not more:
            return None
        message += more
    return (json.loads(message), handles[0]) if message else None


def _decode_and_end(request: dict[str, Any], answer: int) -> None:
    """In the fork: limit it, decode, answer, and leave without any cleaning up of the parent's things."""
    try:
        settings = AudioSettings.model_validate(request["settings"])
        _limit(memory_limit_bytes(settings.max_duration_s), request["timeout_s"])
        _answer(answer, request, settings)
        os._exit(0)
    except BaseException:  # nothing of the parent's loop may run in the fork
        os._exit(1)


def _limit(memory_bytes: int, time_s: float) -> None:
    """Limits of this process; a hard limit that is already lower stays."""
    seconds = max(1, round(time_s))
    for which, wanted, grace in (
        (resource.RLIMIT_AS, memory_bytes, 0),
        (resource.RLIMIT_CPU, seconds, 1),  # at the hard limit the signal no longer tells why
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NOFILE, HANDLES_MAX, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        _, hard = resource.getrlimit(which)
        most = wanted + grace if hard == resource.RLIM_INFINITY else min(wanted + grace, hard)
        resource.setrlimit(which, (min(wanted, most), most))
    signal.alarm(seconds + 1)  # should the parent be gone, which else ends this process


def _answer(answer: int, request: dict[str, Any], settings: AudioSettings) -> None:
    """Write the length of a header, the header, and float32 samples, channel after channel."""
    samples = memoryview(b"")
    try:
        found = decode(Path(request["path"]), settings, source=request["source"])
        samples = found.samples.data.cast("B")
        header: dict[str, Any] = {
            "channels": found.channels,
            "length": found.samples.shape[1],
            "sha256": found.sha256,
            "sample_rate_hz": found.sample_rate_hz,
            "source_rate_hz": found.source_rate_hz,
            "codec": found.codec,
            "container": found.container,
            "warnings": [asdict(warning) for warning in found.warnings],
        }
    except InputRejected as error:
        header = {"problem": "rejected", "message": str(error)}
    except StageFailed as error:
        header = {"problem": "failed", "message": str(error)}
    except MemoryError as error:
        header = {"problem": "out_of_memory", "message": str(error)}
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        header = {"problem": "unexpected", "message": problem, "trace": traceback.format_exc()}
    content = json.dumps(header).encode()
    for part in (LENGTH.pack(len(content)), content, samples):
        _write(answer, memoryview(part))


def _write(handle: int, content: memoryview) -> None:
    while content:
        content = content[os.write(handle, content) :]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(socket.socket(fileno=CONTROL))
    sys.exit(0)
