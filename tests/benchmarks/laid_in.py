"""Real voices with interruptions laid in: ``make accuracy VOICES=folder``.

The folder holds interviews of two people, ``<name>.mp3`` beside ``<name>.txt`` with their words, one turn a
line, the one who asks first and then in turn. Turns are cut out by the words that the recognizer finds and
laid on two channels anew, in the telephone band:

- an interruption: something of the asker's own from the middle of an answer on (an answer that is laid over a
  question could pass for an early one); half of the time the other then breaks off in mid-phrase, where
  two words touch, half of the time goes on to the end;
- none: the true next turn on the last half second, the answer to a question a little before its end, an
  acknowledgement in the middle.

Each is judged clean and on a bad line: noise at 10 dB and mu-law.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.audio.decode import decode
from pipeline.audio.frames import active_level_db, levels_db, resample
from pipeline.models import load_voice_activity
from pipeline.phrases import load_phrases, normal_words
from pipeline.records import ChannelActivity, Role, Samples, Word
from pipeline.settings import Settings
from pipeline.speech.activity import channel_activity
from pipeline.transcription.recognizer import Recognizer, transcribe
from tests.benchmarks.counts import Counted
from tests.benchmarks.truth import match
from tests.benchmarks.turn_taking import COLLAR_S, GROUP, ROLES, judge, recognized, sounding
from tests.data.turntaking.make_cases import RATE_HZ, Random, gain, pink

SEED = 57
EACH = {"breaks off": 5, "goes on": 5, "last words": 3, "early answer": 4, "acknowledges": 3}
"""Scenes of each sort, per recording and speaker who comes in."""
INTERRUPTIONS = ("breaks off", "goes on")
CONDITIONS = ("clean", "bad line")
LEVEL_DBFS, SNR_DB, LINE_NOISE_DBFS = -22.0, 10.0, -72.0
BAND_HZ = (300.0, 3400.0)
MU = 255.0
LEAD_S, TAIL_S, FADE_S = 0.6, 1.5, 0.012
TOUCHING_S = 0.06
DIES_AWAY_S = 0.15
"""How long the voice may last after the last word of a turn, as the recognizer has it."""
LIKE_TRUTH = 0.8
LONG_WORDS, LONG_S, OWN_WORDS, OWN_S = 9, 3.0, 5, 1.2
AHEAD_S, LEFT_S, BREAKS_OFF_S = 1.2, 1.5, (0.5, 1.2)
PAUSE_S, UNDER_WAY_S = 0.2, 0.8
LAST_S, EARLY_S = (0.0, 0.45), (0.3, 0.7)
SYMPATHY = "sorry"
LEADING = frozenset(
    "ok okay so and sure yeah yes no alright all right uh um mhm mm oh well great perfect".split()
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A stretch of a turn: its true words with their times in the recording, and their sound."""

    role: Role
    number: int
    words: tuple[tuple[str, float, float], ...]
    whole: Samples
    dies_away_s: float = DIES_AWAY_S

    @property
    def text(self) -> str:
        return " ".join(word for word, _, _ in self.words)

    @property
    def start_s(self) -> float:
        return self.words[0][1]

    @property
    def duration_s(self) -> float:
        return self.words[-1][2] - self.start_s

    def part(self, first: int, last: int) -> "Spoken":
        ends = last >= len(self.words)
        dies_away_s = self.dies_away_s if ends else 0.0
        return Spoken(self.role, self.number, self.words[first:last], self.whole, dies_away_s)

    def sound(self) -> Samples:
        """Its samples at ``RATE_HZ``, faded at both ends, at the usual level."""
        first = round(self.start_s * RATE_HZ)
        own = self.whole[first : first + round((self.duration_s + self.dies_away_s) * RATE_HZ)].copy()
        fade = min(round(FADE_S * RATE_HZ), own.size // 2)
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        own[:fade] *= ramp
        own[own.size - fade :] *= ramp[::-1]
        level = active_level_db(levels_db(own, RATE_HZ))
        return own if level is None else own * gain(LEVEL_DBFS - level)


@dataclass(frozen=True, slots=True)
class Scene:
    """Two stretches laid on two channels, the holder first."""

    id: str
    sort: str
    holder: Spoken
    comer: Spoken
    at_s: float
    """Where the comer begins, from the start of the holder."""

    @property
    def clear(self) -> bool:
        """Whether the holder was well under way: after a pause both might begin at once."""
        at_s = self.holder.start_s + self.at_s
        pauses = [
            other[1]
            for one, other in pairwise(self.holder.words)
            if other[1] - one[2] > PAUSE_S and other[1] <= at_s
        ]
        return at_s - max(pauses, default=self.holder.start_s) >= UNDER_WAY_S

    @property
    def interruptions(self) -> list[tuple[Role, float]]:
        return [(self.comer.role, LEAD_S + self.at_s)] if self.sort in INTERRUPTIONS else []

    def render(self, condition: str) -> Samples:
        """The sound, shape (2, n), the same each time."""
        end_s = LEAD_S + max(self.holder.duration_s, self.at_s + self.comer.duration_s) + TAIL_S
        both = np.zeros((2, round(end_s * RATE_HZ)), dtype=np.float32)
        for one, at_s in ((self.holder, LEAD_S), (self.comer, LEAD_S + self.at_s)):
            first, own = round(at_s * RATE_HZ), one.sound()
            both[ROLES.index(one.role), first : first + own.size] += own[: both.shape[1] - first]
        random = np.random.default_rng([SEED, *self.id.encode()])
        level_dbfs = LINE_NOISE_DBFS if condition == "clean" else LEVEL_DBFS - SNR_DB
        for channel in both:
            channel += gain(level_dbfs) * pink(random, channel.size)
        return np.clip(both, -1, 1) if condition == "clean" else mu_law(np.clip(both, -1, 1))


def mu_law(samples: Samples) -> Samples:
    """What 8 bits of mu-law (G.711) leave of samples."""
    narrow = np.sign(samples) * np.log1p(MU * np.abs(samples)) / np.log1p(MU)
    steps = np.round(narrow * 127) / 127
    return (np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(MU)) / MU).astype(np.float32)


def telephone(samples: Samples) -> Samples:
    """The telephone band of samples at ``RATE_HZ``."""
    spectrum = np.fft.rfft(samples)
    frequency_hz = np.fft.rfftfreq(samples.size, 1 / RATE_HZ)
    band = (frequency_hz >= BAND_HZ[0]) & (frequency_hz <= BAND_HZ[1])
    return np.fft.irfft(spectrum * band, samples.size).astype(np.float32)


def turns(audio: Path, settings: Settings, recognizer: Recognizer) -> list[Spoken]:
    """The turns of a recording whose words were found nearly all, its first and last among them."""
    recording = decode(audio, settings.audio)
    whole = telephone(resample(recording.samples.mean(axis=0), recording.sample_rate_hz, RATE_HZ))
    silero = load_voice_activity(settings.models)
    speech = channel_activity(whole, RATE_HZ, levels_db(whole, RATE_HZ), silero, settings.speech)
    heard = transcribe(
        whole, RATE_HZ, speech.speech, recognizer, settings.recognizer, "en", speech.snr_db
    ).words
    lines = audio.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    return spoken([normal_words(line) for line in lines], heard, whole)


def spoken(lines: Sequence[Sequence[str]], heard: Sequence[Word], whole: Samples) -> list[Spoken]:
    """Turns, one a line, by the words that were heard; those that were heard too badly are left out."""
    tokens = [(_plain(word), number) for number, line in enumerate(lines) for word in line]
    times = [(_plain(each), word) for word in heard for each in normal_words(word.word)[:1]]
    matcher = SequenceMatcher(None, [each for each, _ in tokens], [each for each, _ in times], autojunk=False)
    found: dict[int, Word] = {}
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            found[block.a + step] = times[block.b + step][1]
    turns, first = [], 0
    for number, line in enumerate(lines):
        inside = range(first, first + len(line))
        first += len(line)
        known = [index for index in inside if index in found]
        if not line or len(known) < LIKE_TRUTH * len(line) or not {inside[0], inside[-1]} <= set(known):
            continue
        words = tuple((tokens[index][0], found[index].start_s, found[index].end_s) for index in known)
        if all(one[1] < other[1] for one, other in pairwise(words)):
            turns.append(Spoken(ROLES[number % 2], number, words, whole))
    return turns


def _plain(word: str) -> str:
    return "okay" if word == "ok" else re.sub(r"[^a-z0-9]", "", word)


def scenes(name: str, some: Sequence[Spoken]) -> list[Scene]:
    """All scenes of one recording, in a fixed order."""
    every = [
        Scene(f"{name} {role} {sort} {number}", sort, *drawn)
        for role in ROLES
        for sort in EACH
        if role == "agent" or sort not in INTERRUPTIONS
        for number, drawn in enumerate(_draws(sort, role, some, _random(name)))
    ]
    return [scene for scene in every if scene.clear or scene.sort not in INTERRUPTIONS]


def _random(name: str) -> Random:
    return np.random.default_rng([SEED, *name.encode()])


def _draws(
    sort: str, role: Role, some: Sequence[Spoken], random: Random
) -> Iterator[tuple[Spoken, Spoken, float]]:
    """Holder, comer, and where the comer begins; each holder is used once."""
    after = {one.number: one for one in some}
    holders = [one for one in some if one.role != role]
    count = 0
    for index in random.permutation(len(holders)):
        held = holders[index]
        comer = after.get(held.number + 1)
        if sort in INTERRUPTIONS:
            own = [each for each in map(_own, some) if each is not None and each.role == role]
            own = [each for each in own if abs(each.number - held.number) > 1]
            drawn = _interruption(sort, held, own[int(random.integers(len(own)))], random) if own else None
        elif sort == "acknowledges":
            short = [one for one in some if one.role == role and _acknowledges(one)]
            long = len(held.words) >= LONG_WORDS and held.duration_s >= 2 * AHEAD_S + LEFT_S
            if not short or not long:
                continue
            one = short[int(random.integers(len(short)))]
            drawn = held, one, float(random.uniform(AHEAD_S, held.duration_s - LEFT_S - one.duration_s))
        elif comer is None or held.duration_s < 2 * EARLY_S[1] or comer.duration_s < EARLY_S[1]:
            continue
        elif sort == "early answer":
            asks = held.role == "agent" and len(held.words) >= OWN_WORDS
            drawn = (held, comer, held.duration_s - float(random.uniform(*EARLY_S))) if asks else None
        else:
            drawn = held, comer, held.duration_s - float(random.uniform(*LAST_S))
        if drawn is not None and count < EACH[sort]:
            count += 1
            yield drawn


def _interruption(
    sort: str, held: Spoken, own: Spoken, random: Random
) -> tuple[Spoken, Spoken, float] | None:
    if len(held.words) < LONG_WORDS or held.duration_s < LONG_S:
        return None
    starts = [start_s - held.start_s for _, start_s, _ in held.words]
    here = [at_s for at_s in starts if AHEAD_S <= at_s <= held.duration_s - LEFT_S]
    if not here:
        return None
    at_s = here[int(random.integers(len(here)))] + 0.1
    if sort == "goes on":
        return held, own, at_s
    for last in range(1, len(held.words) - 1):
        left_s = held.words[last - 1][2] - held.start_s - at_s
        touches = held.words[last][1] - held.words[last - 1][2] <= TOUCHING_S
        if BREAKS_OFF_S[0] <= left_s <= BREAKS_OFF_S[1] and touches:
            return held.part(0, last), own, at_s
    return None


def _own(one: Spoken) -> Spoken | None:
    """A turn from its first word on that is more than an acknowledgement; ``None``: little or sympathy."""
    first = next((at for at, (word, _, _) in enumerate(one.words) if word not in LEADING), len(one.words))
    left = one.part(first, len(one.words))
    if SYMPATHY in [word for word, _, _ in left.words[:OWN_WORDS]]:
        return None
    return left if len(left.words) >= OWN_WORDS and left.duration_s >= OWN_S else None


def _acknowledges(one: Spoken) -> bool:
    return load_phrases("en").is_acknowledgement(one.text) and one.duration_s <= 1.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A scene with what was found on its channels."""

    scene: Scene
    condition: str
    samples: Samples
    activity: dict[Role, ChannelActivity]
    words: dict[Role, tuple[Word, ...]]


def hear(folder: Path, settings: Settings, recognizer: Recognizer) -> list[Heard]:
    """Speech and words of all scenes, under each condition.

    Raises:
        FileNotFoundError: the folder has no recording with its words.
    """
    texts = [one for one in sorted(folder.glob("*.txt")) if one.with_suffix(".mp3").exists()]
    if not texts:
        raise FileNotFoundError(f"{folder}: no <name>.mp3 beside <name>.txt")
    every = [
        scene
        for text in texts
        for scene in scenes(text.stem, turns(text.with_suffix(".mp3"), settings, recognizer))
    ]
    found = []
    for condition in CONDITIONS:
        for first in range(0, len(every), GROUP):
            group = every[first : first + GROUP]
            samples = [scene.render(condition) for scene in group]
            activity = [sounding(one, settings) for one in samples]
            words = recognized(samples, activity, settings, recognizer)
            found += [
                Heard(scene, condition, *rest)
                for scene, *rest in zip(group, samples, activity, words, strict=True)
            ]
    return found


@dataclass(frozen=True, slots=True)
class Score(Counted):
    """Interruptions matched, laid in and found."""

    matched: int
    truth: int
    found: int


def score(heard: Sequence[Heard], settings: Settings) -> dict[str, tuple[Score, dict[str, str]]]:
    """Per condition the score, and of each sort of scene how many were called an interruption."""
    result = {}
    for condition in CONDITIONS:
        matched = truth = found = 0
        called: dict[str, list[bool]] = {}
        for one in (each for each in heard if each.condition == condition):
            events = [
                (item.event.by, item.event.start_s)
                for item in judge(one.samples, one.activity, one.words, settings)
                if item.event is not None and item.event.kind == "interruption"
            ]
            for role in ROLES:
                true = [at_s for by, at_s in one.scene.interruptions if by == role]
                mine = [at_s for by, at_s in events if by == role]
                matched += len(match(true, mine, float, COLLAR_S))
                truth, found = truth + len(true), found + len(mine)
            called.setdefault(one.scene.sort, []).append(bool(events))
        counts = {sort: f"{sum(some)} of {len(some)}" for sort, some in called.items()}
        result[condition] = Score(matched, truth, found), counts
    return result


def table(scores: dict[str, tuple[Score, dict[str, str]]]) -> str:
    lines = ["real voices with interruptions laid in"]
    for condition, (one, called) in scores.items():
        ratios = ", ".join(
            f"{name} {'-' if value is None else f'{value:.2f}'}"
            for name, value in (("F1", one.f1), ("P", one.precision), ("R", one.recall))
        )
        lines.append(f"{condition}: {ratios} ({one.matched} of {one.truth} found, {one.found} called)")
        lines.append("  called one, by sort: " + ", ".join(f"{sort} {text}" for sort, text in called.items()))
    return "\n".join(lines)
