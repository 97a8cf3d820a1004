"""Voices told apart on short real recordings."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pipeline import models
from pipeline.audio.decode import decode
from pipeline.errors import ModelUnavailable
from pipeline.records import Diarization, Samples
from pipeline.settings import load_settings
from pipeline.speakers import diarization, networks
from pipeline.speakers.diarization import load_diarizer, wanted
from pipeline.timeline import Span, overlap_s, total_s
from tests.benchmarks.truth import sample_truths
from tests.programs import needs_diarization

SETTINGS = load_settings()
EXCERPT_S = 45.0


@cache
def excerpt(call: str) -> tuple[Samples, int, dict[str, list[Span]]]:
    """The first part of a sample call: both channels, rate, and the true speech of each role."""
    truth = next(one for one in sample_truths() if call in one.call_id)
    recording = decode(truth.audio, SETTINGS.audio)
    rate_hz = recording.sample_rate_hz
    speech = {
        role: [span for span in truth.speech(role) if span[1] <= EXCERPT_S] for role in ("agent", "customer")
    }
    return recording.samples[:, : round(EXCERPT_S * rate_hz)], rate_hz, speech


def told(samples: Samples, rate_hz: int, speech: list[Span], backend: str = "two_party") -> Diarization:
    needs_diarization()
    chosen = SETTINGS.speakers.model_copy(update={"diarization": backend})
    return load_diarizer(chosen, SETTINGS.models).diarize(samples, rate_hz, speech)


def right_s(found: Diarization, speech: dict[str, list[Span]]) -> float:
    """Seconds of true speech that have the right voice, voices mapped to roles as fits best."""
    first, second = found.exclusive
    return max(
        overlap_s(first, speech["agent"]) + overlap_s(second, speech["customer"]),
        overlap_s(second, speech["agent"]) + overlap_s(first, speech["customer"]),
    )


@pytest.mark.parametrize("backend", ["two_party", "pyannote"])
def test_two_voices(backend: str) -> None:
    """The product's purpose on one channel: each party gets what they said."""
    samples, rate_hz, speech = excerpt("maya-router")
    both = sorted(span for spans in speech.values() for span in spans)
    found = told(samples.sum(axis=0), rate_hz, both, backend)
    assert found.voices == 2
    assert right_s(found, speech) >= 0.95 * total_s(both)
    assert not found.further


def test_the_same_every_time() -> None:
    """A call analyzed again gives the same report."""
    samples, rate_hz, speech = excerpt("maya-router")
    both = sorted(span for spans in speech.values() for span in spans)
    assert told(samples.sum(axis=0), rate_hz, both) == told(samples.sum(axis=0), rate_hz, both)


def test_one_voice() -> None:
    """One voice alone is not cut in two."""
    samples, rate_hz, speech = excerpt("maya-router")
    found = told(samples[0], rate_hz, speech["agent"])
    assert (found.voices, found.segments) == (1, (tuple(speech["agent"]),))


def test_three_voices_are_noticed() -> None:
    """After a transfer a second agent is not taken for the customer or the first one."""
    first, rate_hz, speech = excerpt("maya-router")
    other, _, transferred = excerpt("ken-late-technician")
    mixed = np.concatenate((first.sum(axis=0), other[0]))
    later = [(start_s + EXCERPT_S, end_s + EXCERPT_S) for start_s, end_s in transferred["agent"]]
    both = sorted(span for spans in speech.values() for span in spans)
    found = told(mixed, rate_hz, [*both, *later])
    assert found.voices == 3
    kept = [span for own in found.segments for span in own]
    assert overlap_s(found.further, kept) == 0
    assert total_s(found.further) >= 0.5 * min(map(total_s, (later, *speech.values())))


def test_silence_needs_no_network() -> None:
    """A recording without speech has one speaker who says nothing."""
    found = told(np.zeros(8000, dtype=np.float32), 8000, [])
    assert (found.voices, found.segments) == (1, ((),))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that only sees two channels needs no torch; asked for, it says what to install."""
    monkeypatch.setattr(diarization, "installed", lambda: False)
    monkeypatch.setattr(networks, "installed", lambda: False)
    assert not wanted(SETTINGS.speakers)
    asked = SETTINGS.speakers.model_copy(update={"diarization": "two_party"})
    assert wanted(asked)
    with pytest.raises(ModelUnavailable, match=r'pip install "\.\[diarization\]"'):
        load_diarizer(asked, SETTINGS.models)


def test_off_is_off() -> None:
    """A user who does not want it gets the one-channel report."""
    assert not wanted(SETTINGS.speakers.model_copy(update={"diarization": "off"}))


def test_a_pipeline_of_the_hub_is_not_fetched_unasked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing reaches the network in an analysis: what is not here is refused, with what to do."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailable, match="callcoach models fetch pyannote/not-here"):
        models.resolve_pipeline("pyannote/not-here")


def test_telemetry_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyannote sends nothing: its telemetry is off before it is imported."""
    needs_diarization()
    monkeypatch.delenv("PYANNOTE_METRICS_ENABLED", raising=False)
    metrics = networks.import_quietly("pyannote.audio.telemetry.metrics")
    assert metrics.is_metrics_enabled() is False
