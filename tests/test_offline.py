"""Calls are analyzed on a machine without a network, and nothing so much as asks for one."""

import os
import shutil
import socket
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from pipeline.audio.decode import decode
from pipeline.settings import load_settings
from tests.audio.sounds import write_wav
from tests.programs import missing

ROOT = Path(__file__).parent.parent
CALL = ROOT / "sample_audio/calls/2026-03-02-maya-router.wav"
CUT_S = 15
CAPTIONS = """WEBVTT

00:01.000 --> 00:04.000
<v Agent>Good morning, how can I help you?

00:05.000 --> 00:07.000
<v Customer>My bill is wrong.
"""
WITHOUT_NETWORK = ("unshare", "--net", "--map-root-user", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
"""A network of its own, which has this machine's loopback and nothing else."""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of a sample call, on two channels and on one."""
    folder = tmp_path_factory.mktemp("calls")
    with wave.open(str(CALL), "rb") as file:
        rate_hz = file.getframerate()
    sound = decode(CALL, load_settings().audio).samples[:, : CUT_S * rate_hz]
    write_wav(folder / "two.wav", sound, rate_hz)
    write_wav(folder / "one.wav", sound.sum(axis=0, keepdims=True), rate_hz)
    return folder


def isolated() -> tuple[str, ...]:
    """How to start a program without a network; only Linux has it, and not in every container."""
    if not all(map(shutil.which, ("unshare", "ip"))):
        missing("needs unshare and ip: apt-get install util-linux iproute2")
    if subprocess.run([*WITHOUT_NETWORK, "true"], capture_output=True).returncode:
        missing("this machine does not let its users make networks of their own (unshare --net)")
    return WITHOUT_NETWORK


def run(folder: Path, *command: str, prefix: tuple[str, ...] = ()) -> tuple[str, str]:
    """What a command printed and asked of the network."""
    notes = folder / "notes"
    notes.touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "HF_"))}
    done = subprocess.run(
        [*prefix, sys.executable, *command],
        env={
            **kept,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests/offline"), str(ROOT)]),
            "OFFLINE_NOTES": str(notes),
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout + done.stderr, notes.read_text(encoding="utf-8")


def test_the_guard_sees_what_asks(tmp_path: Path) -> None:
    """The other tests here prove something: a look-up and a connection are noted and fail."""
    (tmp_path / "other").mkdir()
    for code in ("socket.getaddrinfo('a.invalid', 1)", "socket.socket().connect(('192.0.2.1', 9))"):
        printed, asked = run(tmp_path, "-c", f"import socket; {code}")
        assert "offline: socket." in printed
        assert asked
    _, asked = run(tmp_path / "other", "-c", "import socket; socket.getaddrinfo('127.0.0.1', 1)")
    assert asked == ""


def test_an_analysis_asks_for_no_network(tmp_path: Path, calls: Path) -> None:
    """Recognition, voices, guidance and reports need only this machine."""
    printed, asked = run(
        tmp_path,
        *("-m", "pipeline", "analyze", str(calls), "--out", str(tmp_path / "out")),
        *("--set", "recognizer.model=tiny.en"),
        prefix=isolated(),
    )
    assert asked == ""
    assert not list(tmp_path.glob("**/Microsoft"))  # where onnxruntime would note what it reports
    assert "2 analyzed, 0 failed" in printed, printed


def test_a_night_asks_for_no_network(tmp_path: Path) -> None:
    """Prefect with its temporary server needs only this machine's loopback, and reports to nobody."""
    (tmp_path / "call.vtt").write_text(CAPTIONS)
    printed, asked = run(
        tmp_path,
        *("-m", "pipeline", "nightly", "--source", str(tmp_path), "--out", str(tmp_path / "out")),
        prefix=isolated(),
    )
    assert asked == ""
    assert "1 analyzed" in printed, printed


def test_there_is_no_network_in_there(tmp_path: Path) -> None:
    """The other test's network has no way out, for code in C either, of which Python knows nothing."""
    printed, _ = run(tmp_path, "-S", "-c", "import socket; print(socket.if_nameindex())", prefix=isolated())
    assert printed.strip() == str([(1, "lo")])
    assert len(socket.if_nameindex()) >= 1
