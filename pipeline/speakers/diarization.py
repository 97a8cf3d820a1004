"""Who speaks when on one channel: one small interface over two backends.

``two_party`` is ours and made for telephone calls; ``pyannote`` is pyannote's own pipeline. Both stay within
the speech that voice activity found.
"""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.audio.frames import resample
from pipeline.models import resolve_pipeline
from pipeline.records import Diarization, ModelUsed, Samples
from pipeline.settings import ModelsSettings, SpeakersSettings
from pipeline.speakers import pyannote_pipeline, two_party
from pipeline.speakers.networks import RATE_HZ, installed, load_networks
from pipeline.speakers.parties import alone
from pipeline.timeline import Span


@dataclass(frozen=True, slots=True)
class Diarizer:
    """A backend with its models loaded; ``tell_apart`` takes samples at 16 kHz and the speech in them."""

    tell_apart: Callable[[Samples, Sequence[Span]], Diarization]
    used: tuple[ModelUsed, ...]

    def diarize(self, samples: Samples, sample_rate_hz: int, speech: Sequence[Span]) -> Diarization:
        """The parties of one channel.

        Args:
            samples: shape (n,), float32.
            speech: where voice activity found speech, sorted and disjoint.
        """
        if not speech:
            return alone(speech)
        found = self.tell_apart(resample(samples, sample_rate_hz, RATE_HZ), speech)
        _give_back_memory()
        return found


def _give_back_memory() -> None:
    """Hand freed memory back to the system: glibc keeps hundreds of MB after an hour of sound."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def wanted(settings: SpeakersSettings) -> bool:
    """Whether voices on one channel are to be told apart; ``auto`` asks whether the extra is installed."""
    return settings.diarization != "off" and (settings.diarization != "auto" or installed())


def load_diarizer(settings: SpeakersSettings, models: ModelsSettings) -> Diarizer:
    """The backend of the settings.

    Raises:
        ModelUnavailable: the extra ``diarization`` or the wanted pipeline is missing, or weights are wrong.
    """
    if settings.diarization == "pyannote" and settings.diarization_model is not None:
        name = settings.diarization_model
        pipeline = pyannote_pipeline.load_users(resolve_pipeline(name))
        used = ModelUsed(role="diarization", name=name, sha256=None, source="folder or hub cache")
        return Diarizer(partial(pyannote_pipeline.tell_apart, pipeline), (used,))
    networks = load_networks(models, settings.diarization_threads)
    bundled = tuple(
        ModelUsed(role=one.role, name=one.name, sha256=one.sha256, source=one.source) for one in networks.used
    )
    if settings.diarization == "pyannote":
        return Diarizer(
            partial(pyannote_pipeline.tell_apart, pyannote_pipeline.load_bundled(networks)), bundled
        )
    return Diarizer(partial(two_party.tell_apart, networks, settings), bundled)
