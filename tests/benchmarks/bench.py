"""Speed and memory: ``make bench``.

The whole pipeline is timed against bare faster-whisper with the same model and beam, word times on: its
``transcribe()`` of both channels one after another, without the voice-activity filter (the default way that
keeps all words) and with it. Everything runs in one process, so that ratios hold when machines differ.
``--memory`` measures peak memory for calls of five minutes and of an hour, each in a process of its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audio.decode import decode
from pipeline.audio.frames import resample
from pipeline.audio.metadata import read_metadata
from pipeline.call import analyze_call
from pipeline.models import load_recognizer, resolve_recognizer
from pipeline.records import Recording, Samples
from pipeline.settings import Settings, load_settings
from pipeline.transcription.packing import RECOGNIZER_RATE_HZ
from tests.benchmarks.truth import SAMPLES, sample_truths

MEMORY_LENGTHS_S = (300, 3600)
MEMORY_CALL = SAMPLES / "calls" / "2026-03-09-maya-hold-transfer.wav"


@dataclass(frozen=True, slots=True)
class Timing:
    """One call, or all of them: seconds of work and words found."""

    call_id: str
    duration_s: float
    pipeline_s: float
    bare_s: float
    bare_filtered_s: float
    words: int
    bare_words: int
    bare_filtered_words: int
    stage_s: dict[str, float]

    def __add__(self, other: "Timing") -> "Timing":
        stages = self.stage_s.keys() | other.stage_s.keys()
        return Timing(
            "total",
            self.duration_s + other.duration_s,
            self.pipeline_s + other.pipeline_s,
            self.bare_s + other.bare_s,
            self.bare_filtered_s + other.bare_filtered_s,
            self.words + other.words,
            self.bare_words + other.bare_words,
            self.bare_filtered_words + other.bare_filtered_words,
            {name: self.stage_s.get(name, 0.0) + other.stage_s.get(name, 0.0) for name in sorted(stages)},
        )

    @property
    def ratio(self) -> float:
        return self.pipeline_s / self.bare_s


def time_call(path: Path, settings: Settings) -> Timing:
    """Time the pipeline and bare faster-whisper, with loaded models, on one call."""
    metadata, _ = read_metadata(path, settings.audio)
    started = time.perf_counter()
    recording = decode(path, settings.audio)
    decoded_s = time.perf_counter() - started
    analysis = analyze_call(recording, metadata, settings)
    pipeline_s = time.perf_counter() - started
    bare_s, bare_words = _bare(recording, settings, vad_filter=False)
    filtered_s, filtered_words = _bare(recording, settings, vad_filter=True)
    return Timing(
        call_id=metadata.call_id,
        duration_s=recording.duration_s,
        pipeline_s=pipeline_s,
        bare_s=bare_s,
        bare_filtered_s=filtered_s,
        words=sum(one.words for one in analysis.measures.by_role().values()),
        bare_words=bare_words,
        bare_filtered_words=filtered_words,
        stage_s={"decode": decoded_s, **analysis.provenance.stage_seconds},
    )


def _bare(recording: Recording, settings: Settings, *, vad_filter: bool) -> tuple[float, int]:
    model = _model(settings)
    started = time.perf_counter()
    words = 0
    for channel in recording.samples:
        segments, _ = model.transcribe(
            resample(channel, recording.sample_rate_hz, RECOGNIZER_RATE_HZ),
            language=settings.recognizer.language,
            beam_size=settings.recognizer.beam_size,
            word_timestamps=True,
            vad_filter=vad_filter,
        )
        words += sum(len(segment.words) for segment in segments)
    return time.perf_counter() - started, words


def _model(settings: Settings) -> Any:
    one = settings.recognizer
    resolved = resolve_recognizer(one.model, settings.models)
    return load_recognizer(resolved, one.device, one.compute_type, one.cpu_threads)


def table(rows: Sequence[Timing]) -> str:
    total = rows[0]
    for row in rows[1:]:
        total = total + row
    lines = [
        f"{'call':<32}{'length s':>9}{'pipeline s':>11}{'bare s':>8}{'+ filter s':>11}{'ratio':>7}"
        f"{'words':>7}{'bare':>6}{'+ filter':>9}{'x real time':>12}"
    ]
    shown = [*rows, total] if len(rows) > 1 else rows
    lines += [
        f"{row.call_id:<32}{row.duration_s:>9.1f}{row.pipeline_s:>11.1f}{row.bare_s:>8.1f}"
        f"{row.bare_filtered_s:>11.1f}{row.ratio:>7.2f}{row.words:>7}{row.bare_words:>6}"
        f"{row.bare_filtered_words:>9}{row.duration_s / row.pipeline_s:>12.1f}"
        for row in shown
    ]
    lines += ["", "stage          seconds   share"]
    whole = sum(total.stage_s.values())
    lines += [f"{name:<14}{seconds:>8.2f}{seconds / whole:>8.1%}" for name, seconds in total.stage_s.items()]
    return "\n".join(lines)


# --- memory -------------------------------------------------------------------------------------------


def long_call(folder: Path, length_s: int, settings: Settings) -> Path:
    """A call of some length made by repeating a sample call."""
    recording = decode(MEMORY_CALL, settings.audio)
    repeats = int(np.ceil(length_s / recording.duration_s))
    samples: Samples = np.tile(recording.samples, repeats)[:, : length_s * recording.sample_rate_hz]
    path = folder / f"call-{length_s}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(recording.sample_rate_hz)
        file.writeframes((samples.T * 32767).astype("<i2").tobytes())
    return path


def peak_memory_mb(path: Path, assignments: Sequence[str]) -> float:
    """Peak resident memory of a process that analyzes one call."""
    command = [sys.executable, "-m", "tests.benchmarks.bench", "--peak-of", str(path)]
    command += [part for assignment in assignments for part in ("--set", assignment)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(finished.stdout)


def _peak_of(path: Path, settings: Settings) -> float:
    metadata, _ = read_metadata(path, settings.audio)
    analyze_call(decode(path, settings.audio), metadata, settings)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory_table(assignments: Sequence[str], settings: Settings) -> str:
    lines = [f"{'length s':>9}{'peak MB':>9}{'decoded MB':>12}{'rest MB':>9}"]
    with tempfile.TemporaryDirectory() as folder:
        for length_s in MEMORY_LENGTHS_S:
            path = long_call(Path(folder), length_s, settings)
            peak_mb = peak_memory_mb(path, assignments)
            decoded_mb = decode(path, settings.audio).samples.nbytes / 1024**2
            lines.append(f"{length_s:>9}{peak_mb:>9.0f}{decoded_mb:>12.0f}{peak_mb - decoded_mb:>9.0f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="calls to time; default: the sample calls")
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    parser.add_argument("--memory", action="store_true", help="measure memory instead of time")
    parser.add_argument("--peak-of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args(arguments)
    settings = load_settings(assignments=options.set)
    if options.peak_of:
        sys.stdout.write(f"{_peak_of(options.peak_of, settings)}\n")
        return
    if options.memory:
        sys.stdout.write(memory_table(options.set, settings) + "\n")
        return
    _model(settings)
    paths = options.paths or [truth.audio for truth in sample_truths()]
    rows = [time_call(path, settings) for path in paths]
    sys.stdout.write(table(rows) + "\n")
    if options.json:
        content = json.dumps([asdict(row) for row in rows], indent=1)
        options.json.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
