"""Accuracy of the pitch trackers on resynthesized telephone speech whose F0 is known exactly.

Speech is taken apart with WORLD (M. Morise, F. Yokomori and K. Ozawa, IEICE Transactions E99-D, 2016) and put
together again with an F0 contour of our choice, at several heights. That contour is the truth, whatever the
analysis made of the original. The result goes through the telephone band, noise and mu-law; every filter has
zero phase, so that truth and audio stay in time. Figures are over the speaker's own speech only: inter-pausal
units of the clean resynthesis, with gaps under 250 ms bridged.

    python -m tests.benchmarks.f0 [--json] [--quick] [--source spoken|sample_audio] [--tracker NAME ...]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pyworld
import soundfile
import soxr

from pipeline.prosody.pitch import PITCH_TRACKERS, PitchTracker, median_f0_hz, semitones
from pipeline.timeline import Span, bridge

Samples = npt.NDArray[np.float64]

LINE_RATE_HZ = 8000
VOCODER_RATE_HZ = 16000
VOCODER_HOP_S = 0.005
HEIGHTS_ST = (-4.0, 0.0, 4.0)
QUICK_HEIGHTS_ST = (0.0,)
MOST_FROM_MEDIAN_ST = 7.0  # what is further away within one utterance is an error of the analysis
GROSS_RATIO = 0.20  # an F0 further than this share from the truth is a gross error
SPEECH_DB = -35.0  # frames over this, relative to the loudest, are speech
BRIDGED_GAP_S = 0.25
ACTIVE_LEVEL_DBFS = -22.0
MIN_VOICED_S = 0.3
LEAST_CLIP_S, MOST_CLIP_S = 2.0, 6.0
CLIPS_PER_VOICE = 3
QUICK_CLIPS_PER_VOICE = 3
SAMPLE_AUDIO = Path(__file__).resolve().parents[2] / "sample_audio"

SENTENCES = (
    "Thank you for calling, my name is Jordan, how can I help you with your order this morning?",
    "I waited all day and nobody came, so why should I pay for the delivery at all?",
    "Could you read me the long number on the back of the card, nine digits, and the name below it?",
)
FLITE_VOICES = ("slt", "rms", "awb", "kal16")
ESPEAK_VOICES = ("en-us+f3", "en-gb+m5")
NOISES = ("white", "pink", "babble")
QUICK_NOISES = ("pink",)
SNRS_DB = (20.0, 10.0, 5.0)


@dataclass(frozen=True, slots=True)
class Clip:
    """A few seconds of one voice: samples at `VOCODER_RATE_HZ`, float64, one channel."""

    voice: str
    samples: Samples


@dataclass(frozen=True, slots=True)
class Truth:
    """A resynthesized clip on the line without noise, and what is true of it.

    samples: float64 at `LINE_RATE_HZ`; f0_hz: 0 where unvoiced, every `VOCODER_HOP_S` from time 0;
    speech: own speech in seconds
    """

    voice: str
    samples: Samples
    f0_hz: npt.NDArray[np.float64]
    speech: tuple[Span, ...]

    def f0_at_hz(self, times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """F0 at the times, NaN where unvoiced; between two vocoder frames as the vocoder interpolates."""
        position = times_s / VOCODER_HOP_S
        nearest = np.minimum(np.round(position).astype(int), len(self.f0_hz) - 1)
        voiced = self.f0_hz > 0
        steps = np.arange(len(self.f0_hz))
        contour_hz = np.interp(position, steps[voiced], self.f0_hz[voiced])
        return np.where(voiced[nearest], contour_hz, np.nan)


@dataclass(frozen=True, slots=True)
class F0Accuracy:
    """One tracker in one condition: counts, and the rates that follow. Adds up over files with `+`."""

    tracker: str
    noise: str
    snr_db: float | None
    files: int
    speech_frames: int
    both_voiced_frames: int
    gross_error_frames: int
    voicing_error_frames: int
    median_errors_st: tuple[float, ...]
    speech_s: float
    elapsed_s: float

    def __add__(self, other: F0Accuracy) -> F0Accuracy:
        if (self.tracker, self.noise, self.snr_db) != (other.tracker, other.noise, other.snr_db):
            raise ValueError("figures of different trackers or conditions do not add up")
        return F0Accuracy(
            self.tracker,
            self.noise,
            self.snr_db,
            self.files + other.files,
            self.speech_frames + other.speech_frames,
            self.both_voiced_frames + other.both_voiced_frames,
            self.gross_error_frames + other.gross_error_frames,
            self.voicing_error_frames + other.voicing_error_frames,
            self.median_errors_st + other.median_errors_st,
            self.speech_s + other.speech_s,
            self.elapsed_s + other.elapsed_s,
        )

    @property
    def gross_error_pct(self) -> float | None:
        """Frames more than 20% off, of those voiced in both truth and track."""
        return 100 * self.gross_error_frames / self.both_voiced_frames if self.both_voiced_frames else None

    @property
    def voicing_error_pct(self) -> float | None:
        """Frames called voiced or unvoiced wrongly, of all frames of own speech."""
        return 100 * self.voicing_error_frames / self.speech_frames if self.speech_frames else None

    @property
    def median_error_st(self) -> float | None:
        """Mean over files of the distance of the median F0 from the true one; files without one left out."""
        return float(np.mean(np.abs(self.median_errors_st))) if self.median_errors_st else None

    @property
    def worst_median_error_st(self) -> float | None:
        """The largest of these distances."""
        return float(np.max(np.abs(self.median_errors_st))) if self.median_errors_st else None

    @property
    def speed_x(self) -> float:
        """Seconds of own speech tracked in a second of processor time, so other load does not count."""
        return self.speech_s / self.elapsed_s

    def as_record(self) -> dict[str, object]:
        """Counts and rates, ready for JSON."""
        rates = (
            "gross_error_pct",
            "voicing_error_pct",
            "median_error_st",
            "worst_median_error_st",
            "speed_x",
        )
        return asdict(self) | {name: getattr(self, name) for name in rates}


# ---- voices ------------------------------------------------------------------------------------------------


def speaking_command(program: str, voice: str, text: str, path: Path) -> list[str]:
    """The command that speaks `text` into a WAV file."""
    if program == "flite":
        return [program, "-voice", voice, "-t", text, "-o", str(path)]
    return [program, "-v", voice, "-w", str(path), text]


def spoken_clips(folder: Path, per_voice: int = CLIPS_PER_VOICE) -> list[Clip]:
    """Sentences spoken by flite and espeak-ng, as far as they are installed, by way of files in `folder`."""
    clips = []
    for program, voices in (("flite", FLITE_VOICES), ("espeak-ng", ESPEAK_VOICES)):
        for voice in voices if shutil.which(program) else ():
            for number, text in enumerate(SENTENCES[:per_voice]):
                path = folder / f"{voice}-{number}.wav"
                command = speaking_command(program, voice, text, path)
                subprocess.run(command, check=True, capture_output=True)
                samples, rate_hz = soundfile.read(path, dtype="float64")
                clips.append(Clip(voice, soxr.resample(samples, rate_hz, VOCODER_RATE_HZ)))
    return clips


def sample_audio_clips(folder: Path = SAMPLE_AUDIO, per_voice: int = CLIPS_PER_VOICE) -> list[Clip]:
    """The longest utterances of each voice in the sample calls, cut from the speaker's own channel.

    The calls are in the telephone band already. Its slope below 300 Hz is undone as far as it can be, so that
    the vocoder finds an envelope and a contour there; the truth is the contour that it then synthesizes.
    """
    clips: list[Clip] = []
    for path in sorted((folder / "truth").glob("*.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        channels, rate_hz = read_channels(folder / "calls" / truth["audio"])
        if len(channels) < 2:
            continue
        agent_channel = truth["agent_channel"]
        for utterance in truth["utterances"]:
            channel = channels[agent_channel if utterance["speaker"] == "agent" else 1 - agent_channel]
            begin, end = (round(utterance[edge] * rate_hz) for edge in ("start_s", "end_s"))
            if end - begin >= LEAST_CLIP_S * rate_hz:
                cut = channel[begin : min(end, begin + round(MOST_CLIP_S * rate_hz))]
                widened = soxr.resample(band_filtered(cut, rate_hz, widening_gain), rate_hz, VOCODER_RATE_HZ)
                clips.append(Clip(truth["voices"][utterance["speaker"]], widened))
    clips.sort(key=lambda clip: (clip.voice, -len(clip.samples)))
    by_voice = groupby(clips, key=lambda clip: clip.voice)
    return [clip for _, group in by_voice for clip in list(group)[:per_voice]]


def read_channels(path: Path) -> tuple[Samples, int]:
    """(channels, n) float64 samples and their rate."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        blocks = [
            converted.to_ndarray()
            for frame in container.decode(stream)
            for converted in resampler.resample(frame)
        ]
        return np.concatenate(blocks, axis=1).astype(np.float64), int(stream.rate)


# ---- line --------------------------------------------------------------------------------------------------


def band_filtered(
    samples: Samples, rate_hz: int, gain: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
) -> Samples:
    """The samples with the real `gain` of frequency in Hz applied: zero phase, so no delay."""
    padded = np.pad(samples, rate_hz // 10)
    spectrum = np.fft.rfft(padded) * gain(np.fft.rfftfreq(len(padded), 1 / rate_hz))
    filtered: Samples = np.fft.irfft(spectrum, len(padded))[rate_hz // 10 : -(rate_hz // 10)]
    return filtered


def telephone_gain(frequency_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """300 to 3400 Hz as two Butterworth slopes of sixth order, -3 dB at the edges."""
    low = 1 / np.sqrt(1 + (300 / np.maximum(frequency_hz, 1.0)) ** 12)
    high = 1 / np.sqrt(1 + (frequency_hz / 3400) ** 12)
    return low * high


def widening_gain(frequency_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Undoes 12 dB an octave below 300 Hz, down to 75 Hz; what lies below stays attenuated."""
    return np.where(frequency_hz < 300, (300 / np.maximum(frequency_hz, 75)) ** 2, 1.0) * (frequency_hz > 50)


def mulaw(samples: Samples) -> Samples:
    """Through 8 bits of mu-law and back (the continuous curve of ITU-T G.711, mu = 255)."""
    clipped = np.clip(samples, -1, 1)
    code = np.round(np.sign(clipped) * np.log1p(255 * np.abs(clipped)) / np.log(256) * 127) / 127
    return np.sign(code) * np.expm1(np.abs(code) * np.log(256)) / 255


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def active_rms(samples: Samples, speech: Iterable[Span]) -> float:
    """Root mean square over the speech."""
    return rms(
        np.concatenate([samples[round(a * LINE_RATE_HZ) : round(b * LINE_RATE_HZ)] for a, b in speech])
    )


def speech_spans(samples: Samples) -> tuple[Span, ...]:
    """Inter-pausal units of a clean signal at `LINE_RATE_HZ`, from the level of 10 ms frames."""
    hop = LINE_RATE_HZ // 100
    power = np.square(samples[: len(samples) // hop * hop]).reshape(-1, hop).mean(axis=1)
    loud = np.flatnonzero(power > np.quantile(power, 0.98) * 10 ** (SPEECH_DB / 10))
    return tuple(bridge([(i * 0.01, (i + 1) * 0.01) for i in loud], BRIDGED_GAP_S))


def noise_like(kind: str, length: int, voice: str, clips: Sequence[Clip], seed: int) -> Samples:
    """Noise of unit level in the telephone band; babble is six clips of other voices at equal level."""
    random = np.random.default_rng(seed)
    if kind == "babble":
        others = [clip for clip in clips if clip.voice != voice]
        picked = random.choice(len(others), size=min(6, len(others)), replace=False)
        sources = [soxr.resample(others[i].samples, VOCODER_RATE_HZ, LINE_RATE_HZ) for i in picked]
        noise = sum(np.roll(np.resize(s / rms(s), length), int(random.integers(length))) for s in sources)
    else:
        noise = random.standard_normal(length)
        if kind == "pink":
            noise = band_filtered(noise, LINE_RATE_HZ, lambda hz: 1 / np.sqrt(np.maximum(hz, 20)))
    noise = band_filtered(np.asarray(noise, dtype=np.float64), LINE_RATE_HZ, telephone_gain)
    return np.asarray(noise / rms(noise))


def resynthesized(clip: Clip, heights_st: Sequence[float] = HEIGHTS_ST) -> list[Truth]:
    """The clip spoken again by the vocoder at each height, on the line at the usual level."""
    samples = np.ascontiguousarray(clip.samples)
    frame_period_ms = 1000 * VOCODER_HOP_S
    f0_hz, times_s = pyworld.harvest(samples, VOCODER_RATE_HZ, 60.0, 450.0, frame_period_ms)
    # A second analysis in the range of the first keeps octave errors out of the contour: resynthesized, they
    # would be "true" of a signal that still has the other octave in its envelope.
    low_hz, high_hz = np.quantile(f0_hz[f0_hz > 0], [0.25, 0.75])
    f0_hz, times_s = pyworld.harvest(samples, VOCODER_RATE_HZ, 0.7 * low_hz, 1.7 * high_hz, frame_period_ms)
    # Harvest bridges fricatives and stops; D4C's own decision (LoveTrain) says which frames are voiced.
    aperiodicity = pyworld.d4c(samples, f0_hz, times_s, VOCODER_RATE_HZ)
    f0_hz = np.where(aperiodicity[:, 0] < 0.5, f0_hz, 0.0)
    distance_st = 12 * np.log2(np.where(f0_hz > 0, f0_hz, np.nan) / np.median(f0_hz[f0_hz > 0]))
    f0_hz[np.abs(distance_st) > MOST_FROM_MEDIAN_ST] = 0.0
    envelope = pyworld.cheaptrick(samples, f0_hz, times_s, VOCODER_RATE_HZ)
    truths = []
    for height_st in heights_st:
        moved_hz = f0_hz * 2 ** (height_st / 12)
        wide = pyworld.synthesize(moved_hz, envelope, aperiodicity, VOCODER_RATE_HZ, frame_period_ms)
        line = soxr.resample(wide, VOCODER_RATE_HZ, LINE_RATE_HZ)
        line = band_filtered(line, LINE_RATE_HZ, telephone_gain)
        speech = speech_spans(line)
        line *= 10 ** (ACTIVE_LEVEL_DBFS / 20) / active_rms(line, speech)
        truths.append(Truth(clip.voice, line, moved_hz, speech))
    return truths


# ---- measurement -------------------------------------------------------------------------------------------


def measured(
    name: str, tracker: PitchTracker, truth: Truth, noise: str, snr_db: float | None, samples: Samples
) -> F0Accuracy:
    """One file through one tracker."""
    began_s = time.process_time()
    track = tracker(samples.astype(np.float32), LINE_RATE_HZ, regions=list(truth.speech))
    elapsed_s = time.process_time() - began_s
    true_hz = truth.f0_at_hz(track.times_s)
    true_voiced = np.isfinite(true_hz)
    both = true_voiced & track.voiced
    median_hz = median_f0_hz(track, MIN_VOICED_S)
    true_median_hz = float(np.median(true_hz[true_voiced]))
    return F0Accuracy(
        tracker=name,
        noise=noise,
        snr_db=snr_db,
        files=1,
        speech_frames=len(track),
        both_voiced_frames=int(both.sum()),
        gross_error_frames=int((np.abs(track.f0_hz[both] / true_hz[both] - 1) > GROSS_RATIO).sum()),
        voicing_error_frames=int((true_voiced != track.voiced).sum()),
        median_errors_st=() if median_hz is None else (semitones(median_hz, true_median_hz),),
        speech_s=sum(end_s - start_s for start_s, end_s in truth.speech),
        elapsed_s=elapsed_s,
    )


def run(
    clips: Sequence[Clip],
    trackers: Sequence[str] = tuple(PITCH_TRACKERS),
    heights_st: Sequence[float] = HEIGHTS_ST,
    noises: Sequence[str] = NOISES,
) -> list[F0Accuracy]:
    """A row for each condition and tracker, over all clips at all heights."""
    truths = [truth for clip in clips for truth in resynthesized(clip, heights_st)]
    conditions: list[tuple[str, float | None]] = [("clean", None)]
    conditions += [(kind, snr_db) for kind in noises for snr_db in SNRS_DB]
    rows = []
    for name in trackers:
        tracker = PITCH_TRACKERS[name]
        tracker(
            np.zeros(LINE_RATE_HZ, np.float32), LINE_RATE_HZ
        )  # imports and compilation are not what is timed
        for kind, snr_db in conditions:
            files = []
            for seed, truth in enumerate(truths):
                samples = truth.samples
                if snr_db is not None:
                    level = active_rms(samples, truth.speech) * 10 ** (-snr_db / 20)
                    samples = samples + level * noise_like(kind, len(samples), truth.voice, clips, seed)
                files.append(measured(name, tracker, truth, kind, snr_db, mulaw(samples)))
            rows.append(sum(files[1:], start=files[0]))
    return rows


def run_quick() -> list[F0Accuracy]:
    """The longest utterances of each voice in the samples, at their own height, clean and in pink noise."""
    clips = sample_audio_clips(per_voice=QUICK_CLIPS_PER_VOICE)
    return run(clips, heights_st=QUICK_HEIGHTS_ST, noises=QUICK_NOISES)


def table(rows: Sequence[F0Accuracy]) -> str:
    """The rows as text."""

    def shown(value: float | None, digits: int) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    heads = (
        "tracker",
        "noise",
        "SNR dB",
        "files",
        "gross %",
        "voicing %",
        "|median| st",
        "worst st",
        "x real time",
    )
    cells = [heads] + [
        (
            row.tracker,
            row.noise,
            shown(row.snr_db, 0),
            str(row.files),
            shown(row.gross_error_pct, 1),
            shown(row.voicing_error_pct, 1),
            shown(row.median_error_st, 2),
            shown(row.worst_median_error_st, 2),
            shown(row.speed_x, 0),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.f0", description="Accuracy of the pitch trackers."
    )
    parser.add_argument("--json", action="store_true", help="print records instead of a table")
    parser.add_argument(
        "--source", choices=("spoken", "sample_audio"), help="default: sample_audio where it is rendered"
    )
    parser.add_argument("--tracker", choices=tuple(PITCH_TRACKERS), nargs="+", default=tuple(PITCH_TRACKERS))
    parser.add_argument("--quick", action="store_true", help="one height, pink noise only")
    options = parser.parse_args(arguments)
    source = options.source or ("sample_audio" if any(SAMPLE_AUDIO.glob("truth/*.json")) else "spoken")
    per_voice = QUICK_CLIPS_PER_VOICE if options.quick else CLIPS_PER_VOICE
    with tempfile.TemporaryDirectory() as folder:
        clips = (
            sample_audio_clips(per_voice=per_voice)
            if source == "sample_audio"
            else spoken_clips(Path(folder), per_voice)
        )
    if not clips:
        print(
            f"no voices: {source} gave none (install flite or espeak-ng, or render sample_audio)",
            file=sys.stderr,
        )
        return 1
    heights_st, noises = (QUICK_HEIGHTS_ST, QUICK_NOISES) if options.quick else (HEIGHTS_ST, NOISES)
    rows = run(clips, options.tracker, heights_st, noises)
    print(json.dumps([row.as_record() for row in rows], indent=1) if options.json else table(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
