"""A stand-in for the analysis, importable by worker processes, and recordings that tell it what to do."""

import dataclasses
import os
import signal
import time
import wave
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from pipeline.errors import InputRejected, ModelUnavailable, StageFailed
from pipeline.records import Analysis, Baseline, Metadata, Recording
from pipeline.settings import Settings
from tests import factories

RATE_HZ = 8000


def analyze(
    recording: Recording,
    metadata: Metadata,
    settings: Settings,
    *,
    agent_channel: int | None = None,
    baseline: Baseline | None = None,
    earlier: Sequence[str] = (),
) -> Analysis:
    """An empty analysis; a call id that begins with a kind of trouble makes that trouble instead.

    ``FAKE_JOURNAL`` names a file that gets a line for each analysis that begins: call id and process.
    """
    trouble = metadata.call_id.partition("-")[0]
    if "FAKE_JOURNAL" in os.environ:
        note(Path(os.environ["FAKE_JOURNAL"]), f"{metadata.call_id} {os.getpid()}\n")
    if trouble == "crash":
        os._exit(66)
    if trouble == "hang":
        time.sleep(600)
    if trouble == "reject":
        raise InputRejected(f"{recording.source}: has no speech")
    if trouble == "bug":
        raise KeyError("turn")
    if trouble == "nomodel":
        raise ModelUnavailable("recognizer base: is not on this machine")
    if trouble == "flaky":
        mark = recording.path.with_suffix(".tried")
        if not mark.exists():
            mark.touch()
            raise StageFailed("the recognizer failed: out of memory")
    if trouble == "once":  # hangs the first time
        mark = recording.path.with_suffix(".begun")
        if not mark.exists():
            mark.touch()
            time.sleep(600)
    if trouble == "slow":
        time.sleep(0.3)
    if trouble == "noisy":
        os.write(1, b"printed by a library\n")
        os.write(2, b"warned by a library\n")
    made = factories.empty(metadata.call_id)
    facts = dataclasses.replace(
        made.call,
        source=recording.source,
        sha256=recording.sha256,
        agent_id=metadata.agent_id,
        customer_id=metadata.customer_id,
        queue=metadata.queue,
        started_at=metadata.started_at,
        duration_s=recording.duration_s,
        channels=recording.channels,
        codec=f"worker {os.getpid()}",
        language=os.environ.get("OMP_NUM_THREADS", "unset"),
    )
    provenance = dataclasses.replace(
        made.provenance, config_sha256=settings.sha256(), product_version=version("callcoach")
    )
    return dataclasses.replace(made, call=facts, provenance=provenance, thresholds=settings.thresholds())


def note(journal: Path, line: str) -> None:
    """Append a line in one step, whoever else is writing."""
    handle = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def analyze_alike(
    recording: Recording,
    metadata: Metadata,
    settings: Settings,
    *,
    agent_channel: int | None = None,
    baseline: Baseline | None = None,
    earlier: Sequence[str] = (),
) -> Analysis:
    """An analysis that tells nothing of the process that made it, so that two of one call are the same.

    The first time, a call whose id begins with ``slow`` leaves the id of the process that its worker belongs
    to beside the recording, and takes a minute; a call ``oom`` kills that process, as a machine without
    memory would.
    """
    trouble = metadata.call_id.partition("-")[0]
    mark = recording.path.with_suffix(".owner")
    if trouble == "slow" and not mark.exists():
        mark.with_suffix(".part").write_text(str(os.getppid()))
        mark.with_suffix(".part").rename(mark)
        time.sleep(60)
    if trouble == "oom":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    made = analyze(
        recording, metadata, settings, agent_channel=agent_channel, baseline=baseline, earlier=earlier
    )
    return dataclasses.replace(made, call=dataclasses.replace(made.call, codec="pcm_s16le", language="en"))


def record(folder: Path, *names: str, seconds: float = 1.0) -> list[Path]:
    """Silent two-channel recordings; each one's bytes are its own."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in names:
        path = folder / f"{name}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(bytes(round(4 * RATE_HZ * seconds)) + path.stem.encode().ljust(64, b"\0"))
        paths.append(path)
    return paths
