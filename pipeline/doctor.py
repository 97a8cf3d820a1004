"""Checks of this machine and of the settings, each with what to do about it."""

import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from pipeline import telemetry
from pipeline.batch import available_cores
from pipeline.errors import CallError
from pipeline.files import open_to_others
from pipeline.models import verify
from pipeline.network import ways
from pipeline.privacy.place import Place
from pipeline.settings import RedactionSettings, Settings, load_settings

ENTRY_POINTS = "callcoach.checks"
PYTHON_FLOOR = (3, 11)
MEMORY_PER_WORKER_BYTES = 2 << 30
NATIVE = ("av", "ctranslate2", "faster_whisper", "librosa", "numpy", "onnxruntime", "pyarrow", "soxr")
"""Packages with compiled parts, which may be installed and still not load."""

Status = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; only a ``problem`` keeps callcoach from working. ``advice`` is what to do about it."""

    name: str
    status: Status
    detail: str
    advice: str = ""


def examine(config: Path | None, assignments: Iterable[str], out: Path | None) -> Iterator[Check]:
    """Every check, one after another."""
    yield _python()
    yield from _packages()
    yield from _native_parts()
    try:
        settings = load_settings(config, tuple(assignments))
    except CallError as error:
        yield Check("settings", "problem", str(error), "correct that setting")
        settings = None
    if settings is not None:
        yield Check("settings", "ok", f"valid, sha256 {settings.sha256()[:12]}")
        yield from _weights(settings)
        yield _machine(settings)
        yield _redaction(settings.redaction)
        yield _private(Place.of(settings).folder)
        yield from _network(settings)
    if out is not None:
        yield _writable(out)
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        checks: Callable[[], Iterable[tuple[str, Status, str, str]]] = entry.load()
        yield from (Check(*found) for found in checks())


def _python() -> Check:
    detail = f"{platform.python_version()} on {platform.platform(terse=True)}"
    if sys.version_info < PYTHON_FLOOR:
        return Check("python", "problem", detail, "install Python 3.11 or later")
    return Check("python", "ok", detail)


def _packages() -> Iterator[Check]:
    required = [Requirement(line) for line in requires("callcoach") or ()]
    runtime = [need for need in required if need.marker is None or need.marker.evaluate({"extra": ""})]
    wrong = list(_wrong_versions(runtime))
    if not wrong:
        yield Check("packages", "ok", f"{len(runtime)} packages within their caps")
    for name, detail in wrong:
        yield Check(f"package {name}", "problem", detail, "pip install -r requirements.lock")


def _wrong_versions(required: Iterable[Requirement]) -> Iterator[tuple[str, str]]:
    for need in required:
        try:
            found = version(need.name)
        except PackageNotFoundError:
            yield need.name, f"not installed; {need.specifier} is needed"
            continue
        if not need.specifier.contains(found, prereleases=True):
            yield need.name, f"{found} is installed; {need.specifier} is needed"


def _native_parts() -> Iterator[Check]:
    telemetry.switch_off()
    broken = []
    for name in NATIVE:
        try:
            importlib.import_module(name)
        except (ImportError, OSError) as error:
            broken.append(Check(f"library {name}", "problem", f"does not load: {error}", "reinstall it"))
    yield from broken or [Check("libraries", "ok", f"{len(NATIVE)} compiled packages load")]


def _weights(settings: Settings) -> Iterator[Check]:
    """The bundled weights, byte for byte, and whether the recognizer in the settings is here."""
    for model in verify(settings.models, settings.recognizer.model):
        if model.state in ("missing", "wrong"):
            yield Check(f"model {model.name}", "problem", model.message)
        elif model.state == "not_installed":
            yield Check(f"model {model.name}", "note", model.message)
        else:
            yield Check(f"model {model.name}", "ok", model.message)


def _machine(settings: Settings) -> Check:
    cores, workers = available_cores(), settings.batch.workers
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    detail = f"{cores} cores, {memory / (1 << 30):.1f} GiB memory, {workers} worker(s)"
    if memory < workers * MEMORY_PER_WORKER_BYTES:
        return Check("machine", "note", detail, "2 GiB for each worker keep long calls safe")
    if workers > cores:
        return Check("machine", "note", detail, "more workers than cores make each call slower")
    return Check("machine", "ok", detail)


def _redaction(settings: RedactionSettings) -> Check:
    if not settings.wanted:
        detail = "off: card numbers, passwords and the like stay in words and sound"
        return Check("redaction", "note", detail, "give redaction.kinds, or leave it out for the default")
    return Check("redaction", "ok", f"takes out {', '.join(sorted(settings.wanted))}")


def _private(folder: Path) -> Check:
    if open_to_others(folder):
        detail = f"{folder} can be used by others on this machine"
        return Check("privacy", "note", detail, f"chmod 700 {folder}")
    return Check("privacy", "ok", f"private folder {folder}")


def _network(settings: Settings) -> Iterator[Check]:
    """What leaves this machine (nothing does by default), then every way out that there is."""
    known = tuple(ways(settings))
    on = [f"{way.switch} {way.target}" for way in known if way.target is not None]
    detail = "; ".join(on) or f"nothing connects to another machine; {len(known)} ways are off"
    yield Check("network", "note" if on else "ok", detail)
    for way in known:
        state = "off" if way.target is None else f"on: {way.target}"
        yield Check(f"network.{way.name}", "ok", f"{state}; by {way.switch}: {way.purpose}")


def _writable(out: Path) -> Check:
    existing = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Check("output", "problem", f"{existing}: {error.strerror}", "choose a folder that is writable")
    return Check("output", "ok", f"{existing} is writable")
