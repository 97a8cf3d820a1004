"""pyannote's own diarization pipeline, on the bundled weights or on a pipeline of the user's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ModelUnavailable
from pipeline.models import load_once
from pipeline.records import Diarization, Samples
from pipeline.speakers.embedding import Vectors, filterbank_of
from pipeline.speakers.networks import EMBEDDING_SIZE, RATE_HZ, Networks, import_quietly
from pipeline.speakers.parties import alone, in_speech
from pipeline.timeline import Span, total_s, union
from pipeline.weights import DIARIZATION_ADVICE

CLUSTERING = {"method": "centroid", "threshold": 0.70, "min_cluster_size": 12}
"""Of pyannote's published pipeline 3.1."""
SHORTEST_SAMPLES = round(0.1 * RATE_HZ)
BATCH = 8


class CampplusEmbedding:
    """CAM++ in the shape that pyannote's pipeline wants of an embedding."""

    sample_rate = RATE_HZ
    dimension = EMBEDDING_SIZE
    metric = "cosine"
    min_num_samples = SHORTEST_SAMPLES

    def __init__(self, network: Any) -> None:
        self._network = network

    def to(self, device: Any) -> "CampplusEmbedding":
        return self

    def __call__(self, waveforms: Any, masks: Any) -> Vectors:
        """Vectors (batch, 192) of waveforms (batch, 1, n) under masks (batch, frames); NaN if too short."""
        import torch

        vectors = np.full((len(waveforms), EMBEDDING_SIZE), np.nan, dtype=np.float32)
        for row, (waveform, mask) in enumerate(zip(waveforms, masks, strict=True)):
            features = filterbank_of(waveform)
            places = np.linspace(0, mask.shape[0] - 1, features.shape[0]).round().astype(int)
            kept = features[mask[places] > 0.5]
            if kept.shape[0] * RATE_HZ / 100 < SHORTEST_SAMPLES:
                continue
            with torch.inference_mode():
                vectors[row] = self._network((kept - kept.mean(dim=0, keepdim=True))[None]).numpy()[0]
        return vectors


def load_bundled(networks: Networks) -> Any:
    """pyannote's pipeline around the bundled networks, once per process."""
    return load_once(("pyannote pipeline", "bundled"), lambda: _bundled(networks))


def load_users(folder: Path) -> Any:
    """The pipeline in a folder of the user's, once per process.

    Raises:
        ModelUnavailable: pyannote does not take it.
    """
    return load_once(("pyannote pipeline", folder), lambda: _users(folder))


def run(pipeline: Any, samples: Samples) -> tuple[dict[str, list[Span]], dict[str, list[Span]]]:
    """Spans of each voice, with overlap and without, as the pipeline gives them.

    Args:
        samples: shape (n,) at 16 kHz.
    """
    import torch

    output = pipeline({"waveform": torch.from_numpy(samples)[None], "sample_rate": RATE_HZ, "uri": "call"})
    return _spans(output.speaker_diarization), _spans(output.exclusive_speaker_diarization)


def tell_apart(pipeline: Any, samples: Samples, speech: Sequence[Span]) -> Diarization:
    """The parties of one channel: the two voices with the most speech."""
    found, exclusive = run(pipeline, samples)
    voices = sorted(found, key=lambda voice: -total_s(found[voice]))
    if len(voices) < 2:
        return alone(speech)
    main = voices[:2]
    return in_speech(
        [found[voice] for voice in main],
        [exclusive.get(voice, []) for voice in main],
        speech,
        further=union(span for voice in voices[2:] for span in exclusive.get(voice, [])),
        voices=len(voices),
        similarity=None,
        confidence=None,
    )


def _spans(annotation: Any) -> dict[str, list[Span]]:
    return {
        label: union((turn.start, turn.end) for turn in annotation.label_timeline(label))
        for label in annotation.labels()
    }


def _bundled(networks: Networks) -> Any:
    module = import_quietly("pyannote.audio.pipelines.speaker_diarization")
    with _without_downloads(module, CampplusEmbedding(networks.embedding)):
        pipeline = module.SpeakerDiarization(
            segmentation=networks.segmentation,
            embedding=None,
            embedding_exclude_overlap=True,
            plda=None,
            clustering="AgglomerativeClustering",
            segmentation_batch_size=BATCH,
            embedding_batch_size=BATCH,
        )
    return pipeline.instantiate({"segmentation": {"min_duration_off": 0.0}, "clustering": CLUSTERING})


@contextmanager
def _without_downloads(module: Any, embedding: CampplusEmbedding) -> Iterator[None]:
    """The constructor looks up an embedding and a PLDA on the hub; here it is given ours, and none."""
    lookups = module.PretrainedSpeakerEmbedding, module.get_plda
    module.PretrainedSpeakerEmbedding = lambda *args, **kwargs: embedding
    module.get_plda = lambda *args, **kwargs: None
    try:
        yield
    finally:
        module.PretrainedSpeakerEmbedding, module.get_plda = lookups


def _users(folder: Path) -> Any:
    try:
        return import_quietly("pyannote.audio").Pipeline.from_pretrained(folder)
    except (ImportError, OSError, RuntimeError, ValueError, KeyError) as error:
        raise ModelUnavailable(
            f"diarization pipeline {folder}: does not load ({error}); expected a config.yaml of "
            f"pyannote.audio 4, and {DIARIZATION_ADVICE}"
        ) from error
