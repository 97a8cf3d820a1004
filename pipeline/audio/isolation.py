"""Decoding in a process of its own, which a hostile file may crash, fill or hang without further harm.

FFmpeg's libraries are the one large body of C that reads what strangers send. Each process that analyzes
calls keeps one decoder process (``decoder_process.py``), which forks for every recording; sound comes back
as bytes over a pipe, facts about it as JSON that is checked, never as pickled objects.
"""

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pipeline.audio.decoder_process import CHANNELS_MAX, EXIT_STATUS, LENGTH, RATE_MAX_HZ
from pipeline.errors import InputRejected, StageFailed
from pipeline.records import QualityWarning, Recording, Samples
from pipeline.settings import Settings

HEADER_BYTES_MAX = 1 << 20
PIPE_BYTES = 1 << 20
ENVIRONMENT_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8", "LD_LIBRARY_PATH", "TMPDIR")
"""All that the decoder process inherits: no key, token or password of this process is among them."""
OF_LIBRARIES = "OPENBLAS_"  # which processor its code is for
Text = Annotated[str, Field(max_length=100)]


class Decoded(BaseModel):
    """Facts of a recording; checked, since a hostile file may have made them up."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    channels: Annotated[int, Field(ge=1, le=CHANNELS_MAX)]
    length: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    sample_rate_hz: Literal[8000, 16000]
    source_rate_hz: Annotated[int, Field(ge=1)]
    codec: Text
    container: Text
    warnings: list[QualityWarning]


class Problem(BaseModel):
    """Why there is no recording: kind and message of an error; for an unexpected one, where it arose."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    problem: Literal["rejected", "failed", "out_of_memory", "unexpected"]
    message: str
    trace: str = ""

    def error(self, path: Path, settings: Settings) -> Exception:
        if self.problem == "rejected":
            return InputRejected(self.message)
        if self.problem == "failed":
            return StageFailed(self.message)
        if self.problem == "out_of_memory":
            longest_s = settings.audio.max_duration_s
            return InputRejected(
                f"{path}: needs more memory to decode than a recording of {longest_s:.0f} s "
                "(audio.max_duration_s) may; export it again"
            )
        error = RuntimeError(f"decoding: {self.message}")
        error.add_note(self.trace)
        return error


ANSWER: TypeAdapter[Problem | Decoded] = TypeAdapter(Problem | Decoded)


def decode_isolated(path: Path, settings: Settings, *, source: str | None = None) -> Recording:
    """What :func:`pipeline.audio.decode.decode` makes of a file, in another process with limits.

    Raises:
        InputRejected: not a readable recording, or one that breaks the limits or the decoder.
        StageFailed: the file could not be read for a reason that may pass.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError:
        size = 0  # decoding says what is wrong with it
    if size > settings.decoding.max_file_bytes:
        raise InputRejected(
            f"{path}: has {size} bytes, over the limit of {settings.decoding.max_file_bytes}; raise "
            "decoding.max_file_bytes if such recordings are real"
        )
    return _decoder().decode(path, settings, source or str(path))


def start_decoder() -> None:
    """Start this process's decoder ahead of its first recording, without waiting for it."""
    _decoder().start()


class Decoder:
    """The decoder process of this process; one recording at a time, and replaced when it was killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        with self._lock:
            self._started()

    def decode(self, path: Path, settings: Settings, source: str) -> Recording:
        limit_s = settings.decoding.timeout_s
        request = {
            "path": str(path),
            "source": source,
            "settings": settings.audio.model_dump(mode="json"),
            "timeout_s": limit_s,
        }
        most = round((settings.audio.max_duration_s + 1) * RATE_MAX_HZ)
        with self._lock:
            try:
                header, samples = self._ask(json.dumps(request).encode(), limit_s, most)
                self._exit_code()
            except TimeoutError as error:
                self.kill()
                raise StageFailed(
                    f"{path}: decoding took more than {limit_s:.0f} s (decoding.timeout_s); try again"
                ) from error
            except (EOFError, OSError) as error:
                raise self._ended(path, limit_s) from error
            except ValueError as error:
                self.kill()
                raise _broken(path, "an answer that makes no sense") from error
            except BaseException:
                self.kill()
                raise
        if isinstance(header, Problem):
            raise header.error(path, settings)
        return Recording(
            path=path,
            source=source,
            sha256=header.sha256,
            samples=samples,
            sample_rate_hz=header.sample_rate_hz,
            source_rate_hz=header.source_rate_hz,
            codec=header.codec,
            container=header.container,
            warnings=tuple(header.warnings),
        )

    def kill(self) -> None:
        """End the process, and what it has forked, at once."""
        process, self._process = self._process, None
        if self._control is not None:
            self._control.close()
        if process is not None:
            with suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _started(self) -> socket.socket:
        if self._process is None or self._control is None or self._process.poll() is not None:
            self.kill()
            self._control, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "pipeline.audio.decoder_process"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=_environment(os.environ),
                    start_new_session=True,  # so that it can be killed with its forks, and Ctrl-C is ours
                )
        return self._control

    def _ask(self, request: bytes, limit_s: float, most: int) -> "tuple[Problem | Decoded, Samples]":
        """The answer to a request, read from a pipe of its own within ``limit_s``.

        Raises:
            TimeoutError, EOFError, OSError: there is none in time, the fork ended before it was whole.
            ValueError: it makes no sense.
        """
        control = self._started()
        control.settimeout(limit_s)
        ours, theirs = os.pipe()
        with os.fdopen(ours, "rb", buffering=0) as pipe:
            try:
                if hasattr(fcntl, "F_SETPIPE_SZ"):
                    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
                socket.send_fds(control, [request + b"\n"], [theirs])
            finally:
                os.close(theirs)
            answer = _Answer(pipe.fileno(), time.monotonic() + limit_s)
            (size,) = LENGTH.unpack(answer.read(LENGTH.size))
            if size > HEADER_BYTES_MAX:
                raise ValueError("the header is too long")
            header = ANSWER.validate_json(answer.read(size))
            if isinstance(header, Problem):
                return header, np.empty((0, 0), np.float32)
            if header.length > most:
                raise ValueError("longer than it was allowed to be")
            samples = np.empty((header.channels, header.length), np.float32)
            answer.fill(samples.data.cast("B"))
            return header, samples

    def _exit_code(self) -> int | None:
        """How the fork ended; ``None`` if the process that it came from has gone, too."""
        if self._control is None:
            return None
        try:
            status = self._control.recv(EXIT_STATUS.size, socket.MSG_WAITALL)
        except OSError:
            status = b""
        if len(status) < EXIT_STATUS.size:
            self.kill()
            return None
        (code,) = EXIT_STATUS.unpack(status)
        return int(code)

    def _ended(self, path: Path, limit_s: float) -> InputRejected | StageFailed:
        """Why there is no whole answer."""
        code = self._exit_code()
        if code is None:
            return StageFailed(f"{path}: the decoder process ended; try again")
        if code == -signal.SIGXCPU:
            return InputRejected(
                f"{path}: takes more than {limit_s:.0f} s of processor time to decode; export it again, or "
                "raise decoding.timeout_s if such recordings are real"
            )
        if code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGALRM):
            return StageFailed(f"{path}: decoding was stopped by {signal.Signals(-code).name}; try again")
        return _broken(path, signal.Signals(-code).name if code < 0 else f"exit code {code}")


class _Answer:
    """Reads a pipe until a deadline."""

    def __init__(self, handle: int, deadline: float) -> None:
        self._handle = handle
        self._deadline = deadline
        self._poll = select.poll()
        self._poll.register(handle, select.POLLIN)

    def read(self, count: int) -> bytes:
        content = bytearray(count)
        self.fill(memoryview(content))
        return bytes(content)

    def fill(self, view: memoryview) -> None:
        while view:
            left_s = self._deadline - time.monotonic()
            if left_s <= 0 or not self._poll.poll(1000 * left_s):
                raise TimeoutError
            count = os.readv(self._handle, [view])
            if count == 0:
                raise EOFError
            view = view[count:]


def _broken(path: Path, how: str) -> InputRejected:
    return InputRejected(f"{path}: breaks the decoder ({how}); export the recording again, e.g. as WAV")


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """The little that the decoder process needs of this one's environment, and where this package is."""
    kept = {name: given[name] for name in given if name in ENVIRONMENT_KEPT or name.startswith(OF_LIBRARIES)}
    package = str(Path(__file__).resolve().parents[2])
    elsewhere = given.get("PYTHONPATH")
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join([package, elsewhere] if elsewhere else [package]),
        "OPENBLAS_NUM_THREADS": "1",
    }


_decoders: dict[int, Decoder] = {}
_decoders_lock = threading.Lock()


def _decoder() -> Decoder:
    """The decoder of this process; one that was inherited by a fork is not ours to use."""
    with _decoders_lock:
        return _decoders.setdefault(os.getpid(), Decoder())
