"""Decoding in a process of its own: the same sound, and a file that breaks it breaks nothing else."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.audio import isolation
from pipeline.audio.decode import decode
from pipeline.audio.decoder_process import LENGTH, memory_limit_bytes
from pipeline.audio.isolation import Decoder, decode_isolated
from pipeline.errors import InputRejected, StageFailed
from pipeline.settings import Settings, load_settings
from tests.audio.sounds import tones, write_wav

SETTINGS = load_settings()
GSM_FRAME = bytes.fromhex("d820a2e15a50004924924924500049249249245000492492492450004924924924")
"""20 ms of silence."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def call(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "call.wav", tones(8000), 8000)


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoder]:
    """A decoder of the test's own, so that it may be killed."""
    made = Decoder()
    monkeypatch.setattr(isolation, "_decoder", lambda: made)
    yield made
    made.kill()


def limits(**changes: Any) -> Settings:
    return SETTINGS.model_copy(update={"decoding": SETTINGS.decoding.model_copy(update=changes)})


def fork_of(decoder: Decoder) -> int:
    """The process that decodes now; waits for it."""
    assert decoder._process is not None
    children = Path(f"/proc/{decoder._process.pid}/task/{decoder._process.pid}/children")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.002)
    raise AssertionError("nothing was forked")


def long_call(folder: Path, hours: float) -> Path:
    path = folder / "long.gsm"
    path.write_bytes(GSM_FRAME * round(hours * 3600 * 50))
    return path


def test_the_sound_and_its_facts_are_those_of_decoding_here(call: Path, tmp_path: Path) -> None:
    """Another process changes nothing: samples, identity, rates, warnings and names."""
    data = bytearray(call.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = (5 * 8000 * 4).to_bytes(4, "little")  # announces more than there is: a warning
    name = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 \n.wav"))
    name.write_bytes(data)
    found, here = decode_isolated(name, SETTINGS, source="s3://b/x"), decode(name, SETTINGS.audio)
    np.testing.assert_array_equal(found.samples, here.samples)
    assert found.samples.flags.writeable
    assert (found.path, found.source) == (name, "s3://b/x")
    assert found.warnings == here.warnings != ()
    for fact in ("sha256", "sample_rate_hz", "source_rate_hz", "codec", "container", "duration_s"):
        assert getattr(found, fact) == getattr(here, fact)


def test_refusals_read_as_if_decoded_here(tmp_path: Path) -> None:
    """The one clear line about a bad file survives the way between processes, with its error class."""
    path = tmp_path / "call.wav"
    for content in (b"", b"no sound at all", b"RIFF"):
        path.write_bytes(content)
        with pytest.raises(InputRejected) as here:
            decode(path, SETTINGS.audio)
        with pytest.raises(InputRejected) as apart:
            decode_isolated(path, SETTINGS)
        assert str(apart.value) == str(here.value)
    with pytest.raises(InputRejected, match="No such file"):
        decode_isolated(tmp_path / "none.wav", SETTINGS)


def test_a_file_over_the_size_limit_is_not_opened(call: Path) -> None:
    """A recording of a terabyte costs nothing, not even its checksum."""
    with pytest.raises(InputRejected, match=r"decoding\.max_file_bytes"):
        decode_isolated(call, limits(max_file_bytes=1000))


@pytest.mark.parametrize(
    ("with_signal", "error", "says"),
    [
        (signal.SIGSEGV, InputRejected, "breaks the decoder .SIGSEGV"),
        (signal.SIGKILL, StageFailed, "SIGKILL"),
    ],
)
def test_a_crash_costs_one_recording(
    tmp_path: Path, call: Path, decoder: Decoder, with_signal: signal.Signals, error: Any, says: str
) -> None:
    """A file that crashes FFmpeg is refused, what the system kills may pass; the next is decoded."""
    decode_isolated(call, SETTINGS)
    killer = threading.Thread(target=lambda: os.kill(fork_of(decoder), with_signal))
    killer.start()
    with pytest.raises(error, match=says):
        decode_isolated(long_call(tmp_path, 3.9), SETTINGS)
    killer.join()
    assert decode_isolated(call, SETTINGS).channels == 2


def test_a_hang_ends_in_time(tmp_path: Path, call: Path, decoder: Decoder) -> None:
    """A decoder that does nothing more is ended with its fork when its time is over, and replaced."""
    decode_isolated(call, SETTINGS)
    stopped: list[int] = []

    def stop() -> None:
        stopped.append(fork_of(decoder))
        os.kill(stopped[0], signal.SIGSTOP)

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(StageFailed, match=r"more than 1 s .decoding\.timeout_s"):
        decode_isolated(long_call(tmp_path, 3.9), limits(timeout_s=1.0))
    stopper.join()
    deadline = time.monotonic() + 10.0
    while is_running(stopped[0]):  # it was killed; a busy machine takes its time
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert decode_isolated(call, SETTINGS).channels == 2


def is_running(process: int) -> bool:
    """Whether the process still runs; a killed one may be waiting for init."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_killed_decoder_process_is_replaced(call: Path, decoder: Decoder) -> None:
    """Whatever the system does to the decoder costs at most one call."""
    decode_isolated(call, SETTINGS)
    assert decoder._process is not None
    os.kill(decoder._process.pid, signal.SIGKILL)
    decoder._process.wait()
    assert decode_isolated(call, SETTINGS).channels == 2


LIMITED = """
import os, signal, sys, time
from pipeline.audio.decoder_process import _limit, memory_limit_bytes
_limit(memory_limit_bytes(60.0), 1.0)
what = sys.argv[1]
if what == "memory":
    try:
        bytearray(2 << 30)
    except MemoryError:
        os._exit(7)
if what == "processor":
    while True:
        pass
if what == "hang":
    time.sleep(60)
if what == "write":
    try:
        with open(sys.argv[2], "wb") as file:
            file.write(b"x")
    except OSError:
        os._exit(7)
if what == "handles":
    try:
        held = [open(os.devnull) for _ in range(100)]
    except OSError:
        os._exit(7)
"""


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("memory", 7),
        ("processor", -signal.SIGXCPU),
        ("hang", -signal.SIGALRM),
        ("write", 7),
        ("handles", 7),
    ],
)
def test_the_limits_bite(tmp_path: Path, what: str, code: int) -> None:
    """A fork can take no more memory, time or handles than allowed, and can write no file."""
    done = subprocess.run([sys.executable, "-c", LIMITED, what, str(tmp_path / "written")], timeout=30)
    assert done.returncode == code


def test_the_longest_call_fits_into_the_limit_of_memory() -> None:
    """The limit lets pass what ``audio.max_duration_s`` lets pass: two copies of two channels at 16 kHz."""
    assert memory_limit_bytes(14400) > 2 * 14400 * 16000 * 2 * 4


def test_the_decoder_knows_no_secrets(call: Path, decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that a file has taken over finds no key, password or address in its environment."""
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "CALLCOACH_STORE__URL",
        "CALLCOACH_JUDGE_API_KEY",
        "PREFECT_API_KEY",
    ):
        monkeypatch.setenv(name, "sqlite:///secret")
    decode_isolated(call, SETTINGS)
    assert decoder._process is not None
    assert b"secret" not in Path(f"/proc/{decoder._process.pid}/environ").read_bytes()


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff" * 100,
        LENGTH.pack(1 << 40),
        LENGTH.pack(2) + b"{}",
        LENGTH.pack(4) + b"\x80\x04K.",  # a pickle
        LENGTH.pack(5) + b"[[[[[",
    ],
)
def test_what_a_taken_over_decoder_says_is_checked(
    call: Path, decoder: Decoder, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """An answer that makes no sense is a refusal of that call, whoever wrote it."""
    code = (
        "import os, socket\n"
        "control = socket.socket(fileno=0)\n"
        "_, handles, _, _ = socket.recv_fds(control, 65536, 1)\n"
        f"os.write(handles[0], {answer!r})\n"
        "control.recv(1)\n"
    )
    popen = subprocess.Popen

    def impostor(command: list[str], **options: Any) -> "subprocess.Popen[bytes]":
        return popen([sys.executable, "-c", code], **options)

    monkeypatch.setattr(isolation.subprocess, "Popen", impostor)
    with pytest.raises(InputRejected, match="makes no sense"):
        decode_isolated(call, SETTINGS)


def test_nothing_is_left_when_its_parent_is_gone(call: Path) -> None:
    """A killed worker leaves no decoder process behind."""
    code = (
        "import os, sys, pathlib\n"
        "from pipeline.audio import isolation\n"
        "from pipeline.settings import load_settings\n"
        "isolation.decode_isolated(pathlib.Path(sys.argv[1]), load_settings())\n"
        "print(isolation._decoder()._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(call)], capture_output=True, text=True, timeout=60)
    deadline = time.monotonic() + 20
    while is_running(int(done.stdout)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(int(done.stdout))
