"""Calls in other languages from their sound on: the right language, and nothing judged by English rules."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.decode import decode
from pipeline.audio.frames import resample
from pipeline.call import analyze_call
from pipeline.language_files import has_rules
from pipeline.models import load_recognizer, resolve_recognizer
from pipeline.records import Analysis, Metadata, Recording, Samples
from pipeline.reports.site import pooled
from pipeline.reports.table import call_row
from pipeline.settings import load_settings
from pipeline.transcription.languages import best_of
from pipeline.transcription.packing import RECOGNIZER_RATE_HZ
from pipeline.transcription.recognizer import WhisperRecognizer

CALLS = sorted((Path(__file__).parent / "data" / "languages").glob("*.ogg"))
SETTINGS = load_settings(assignments=["acts.meaning=false", "output.audio=none"])
LEAD_S = 40.0


def read(path: Path) -> Recording:
    return decode(path, SETTINGS.audio)


def call_of(language: str) -> Recording:
    return read(next(path for path in CALLS if path.stem == language))


@pytest.fixture(scope="module")
def recognizer() -> WhisperRecognizer:
    chosen = SETTINGS.recognizer
    model = resolve_recognizer(chosen.model, SETTINGS.models)
    return WhisperRecognizer(load_recognizer(model, "cpu", chosen.compute_type, 1), chosen)


def on_one_channel(recording: Recording) -> Samples:
    """Both speakers at the recognizer's rate, no longer than one window."""
    both: Samples = recording.samples.sum(axis=0, dtype=np.float32)
    return resample(both, recording.sample_rate_hz, RECOGNIZER_RATE_HZ)[: 28 * RECOGNIZER_RATE_HZ]


def test_there_are_five_languages() -> None:
    """What follows is about enough languages."""
    assert [path.stem for path in CALLS] == ["de", "es", "fr", "it", "pl"]


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
def test_the_language_of_a_call_is_heard(recognizer: WhisperRecognizer, path: Path) -> None:
    """The sound of agent and customer together says which language is spoken, on one channel, too."""
    (found,) = recognizer.languages([on_one_channel(read(path))])
    best = best_of(found)
    assert best is not None
    assert best[0] == path.stem


@pytest.mark.parametrize("noise_db", [-50.0, -40.0])
def test_noise_does_not_change_the_language(recognizer: WhisperRecognizer, noise_db: float) -> None:
    """A noisy line is no other language."""
    both = on_one_channel(call_of("it"))
    noise = np.random.default_rng(1).standard_normal(both.size).astype(np.float32)
    (found,) = recognizer.languages([both + noise * np.float32(10 ** (noise_db / 20))])
    assert (best_of(found) or ("", 0.0))[0] == "it"


@pytest.fixture(scope="module")
def spanish() -> Analysis:
    """A Spanish call after 40 s of which some ring and the rest is silent."""
    recording = call_of("es")
    rate_hz = recording.sample_rate_hz
    times_s = np.arange(round(LEAD_S * rate_hz)) / rate_hz
    rings = (times_s % 5.0 < 1.0) & (times_s < LEAD_S / 2)
    ring = 0.1 * np.sin(2 * np.pi * 440 * times_s) * rings
    lead = np.stack([np.zeros_like(ring), ring]).astype(np.float32)
    late = dataclasses.replace(
        recording,
        samples=np.concatenate([lead, recording.samples], axis=1),
    )
    return analyze_call(late, Metadata(call_id="es", agent_id="maria"), SETTINGS)


def test_a_call_in_another_language_is_not_judged_by_english_rules(spanish: Analysis) -> None:
    """Words and times are given, no words are judged, nobody is blamed, and all of that is said."""
    assert (spanish.call.language, spanish.call.language_doubt) == ("es", None)
    assert not has_rules(spanish.call.judged_language)
    assert sum(len(turn.words) for turn in spanish.transcript.turns) > 40
    assert {finding.verdict for finding in spanish.guidance} <= {"not_scored", "not_applicable", "met"}
    assert {finding.id for finding in spanish.guidance if finding.verdict == "met"} <= {
        "dont_interrupt",
        "no_dead_air",
    }
    assert (spanish.acts, spanish.promises, spanish.coaching.change) == ((), (), ())
    assert spanish.scores.overall is None
    assert spanish.effort.estimate is None
    codes = {warning.code for warning in spanish.quality.warnings}
    assert {"language_without_rules", "not_redacted"} <= codes


def test_such_a_call_stays_out_of_totals_that_need_words(spanish: Analysis) -> None:
    """What words decide is missing for it, not zero; its times count."""
    row = call_row(spanish)
    assert row["judged_by_words"] is False
    assert [row[name] for name in ("promises", "abusive_sentences", "holds", "dead_air_s")] == [None] * 4
    assert row["events_interruption_by_agent"] is None
    totals = pooled([row])
    assert (totals["event_calls"], totals["agent_speech_rate_calls"]) == (0, 0)
    assert totals["speech_s"] > 20
