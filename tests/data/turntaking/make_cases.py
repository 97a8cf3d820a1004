"""Two-channel snippets whose turn-taking is known, cut out of the sample calls.

Utterances of two voices are laid on two channels with chosen offsets, and disturbed: line noise, babble, leak
of each channel into the other. ``scenarios()`` is the recipe, the same on every machine; ``render`` makes the
sound of one case. What is true of a case follows from where its utterances were put: its kind is judged here
sound of one case. What is true of a case follows from where its utterances were put: its kind is judged
if the one who comes in came ``MARGIN_S`` sooner or later, or spoke that much shorter or longer, is not used.

``word_starts.json`` has, per utterance of each call's truth, when each word starts: found by a recognizer and
laid into the true speech. ``python -m tests.data.turntaking.make_cases`` writes ``truth.json``; no sound is
kept.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.audio.decode import decode
from pipeline.audio.frames import resample
from pipeline.settings import load_settings
from pipeline.timeline import Span, bridge, intersect, total_s

Samples = npt.NDArray[np.float32]
Random = np.random.Generator

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parents[2] / "sample_audio"
SEED = 20260302
RATE_HZ = 8000
FRAME = 80
SPEECH_DB = -35.0  # a frame is speech from here on, relative to the active level of its piece
BRIDGE_S, MIN_PIECE_S = 0.25, 0.03
FADE_S = 0.012
LINE_NOISE_DBFS = -72.0
MARGIN_S = 0.05
LEAD_S, TAIL_S = 0.6, 1.2
LONGEST_S = 15.0

TEST_CALLS = (
    "2026-03-03-ken-late-technician",
    "2026-03-05-maya-double-charge",
    "2026-03-09-maya-hold-transfer",
)
"""Test cases are made of these calls only, training cases of the others."""

CONDITIONS: dict[str, tuple[float | None, float | None]] = {
    "clean": (None, None),
    "snr20": (20.0, None),
    "snr10": (10.0, None),
    "bleed40": (None, -40.0),
    "bleed35": (None, -35.0),
    "bleed25": (None, -25.0),
    "snr10_bleed25": (10.0, -25.0),
}
"""Name to (SNR in dB, level of the leak in dB)."""
EACH, ROTATING = ("clean", "snr10_bleed25"), ("snr20", "snr10", "bleed40", "bleed35", "bleed25")

ACKNOWLEDGEMENT = re.compile(
    r"((mm-hm|uh-huh|okay|right|i see|yeah|yes|sure|great|good|perfect|exactly|got it|of course|thank you"
    r"|thanks)\b\W*)+"
)


class NoFit(Exception):
    """A draw that is not of the kind it was meant to be."""


# --- pieces of speech ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """Words ``first`` up to ``last`` of one utterance of a sample call, played at ``speed``."""

    call: str
    utterance: int
    first: int
    last: int
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A piece, or a sound by its name, on a channel (0 or 1) from a time on."""

    channel: int
    at_s: float
    piece: Piece | None = None
    sound: str | None = None
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is said where; ``events`` and ``cut_offs`` are what is true of it."""

    id: str
    kind: str
    split: str
    length_s: float
    placed: tuple[Placed, ...]
    events: tuple[dict[str, Any], ...]
    cut_offs: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario under a condition."""

    scenario: Scenario
    condition: str

    @property
    def id(self) -> str:
        return f"{self.scenario.id}-{self.condition}"


@dataclass(frozen=True, slots=True)
class Utterance:
    call: str
    index: int
    voice: str
    words: tuple[str, ...]
    starts_s: tuple[float, ...]
    duration_s: float
    syllables_per_s: float

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def complete(self) -> bool:
        return self.words[-1].endswith((".", "?", "!"))

    @property
    def acknowledges(self) -> bool:
        return acknowledges(self.text)

    def piece(self, first: int = 0, last: int | None = None, speed: float = 1.0) -> Piece:
        return Piece(self.call, self.index, first, len(self.words) if last is None else last, speed)


def acknowledges(text: str) -> bool:
    return ACKNOWLEDGEMENT.fullmatch(text.lower()) is not None


def plain(text: str) -> str:
    return text.lower().strip(" .,!?")


@cache
def call_truth(call: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SAMPLES / "truth" / f"{call}.json").read_text(encoding="utf-8"))
    return content


@cache
def utterances() -> tuple[Utterance, ...]:
    """All utterances of the sample calls with the times of their words."""
    starts = json.loads((HERE / "word_starts.json").read_text(encoding="utf-8"))
    found = []
    for call in sorted(starts):
        truth = call_truth(call)
        for index, (one, begin) in enumerate(zip(truth["utterances"], starts[call], strict=True)):
            duration_s = one["end_s"] - one["start_s"]
            found.append(
                Utterance(
                    call=call,
                    index=index,
                    voice=truth["voices"][one["speaker"]],
                    words=tuple(one["text"].split()),
                    starts_s=tuple(begin),
                    duration_s=duration_s,
                    syllables_per_s=one["syllables"] / duration_s,
                )
            )
    return tuple(found)


@cache
def channels(call: str) -> Samples:
    recording = decode(SAMPLES / "calls" / call_truth(call)["audio"], load_settings().audio)
    return np.stack([resample(own, recording.sample_rate_hz, RATE_HZ) for own in recording.samples])


@cache
def sound_of(piece: Piece) -> Samples:
    """A piece, cut where it is quietest near its words' edges, with faded ends."""
    truth = call_truth(piece.call)
    one = truth["utterances"][piece.utterance]
    agent = truth["agent_channel"]
    own = channels(piece.call)[agent if one["speaker"] == "agent" else 1 - agent]
    starts = word_starts(piece)
    begin_s, end_s = one["start_s"] + starts[0], one["start_s"] + starts[-1]
    if piece.first > 0:
        begin_s = _quietest(own, begin_s)
    if piece.last < len(one["text"].split()):
        end_s = _quietest(own, end_s)
    samples = own[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)].copy()
    if piece.speed != 1.0:
        samples = resample(samples, round(RATE_HZ * piece.speed), RATE_HZ)
    fade = round(FADE_S * RATE_HZ)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    samples[:fade] *= ramp
    samples[-fade:] *= ramp[::-1]
    return samples


def word_starts(piece: Piece) -> list[float]:
    """Starts of the piece's words and the end of the last, from the start of the utterance."""
    utterance = next(u for u in utterances() if (u.call, u.index) == (piece.call, piece.utterance))
    edges = [*utterance.starts_s, utterance.duration_s]
    return edges[piece.first : piece.last + 1]


def words_of(placed: Placed) -> list[tuple[str, float, float]]:
    """(word, start_s, end_s) in the time of the case."""
    if placed.piece is None:
        return []
    piece = placed.piece
    said = call_truth(piece.call)["utterances"][piece.utterance]["text"].split()[piece.first : piece.last]
    edges = word_starts(piece)
    times = [placed.at_s + (edge - edges[0]) / piece.speed for edge in edges]
    return [(word, times[i], max(times[i] + 0.02, times[i + 1])) for i, word in enumerate(said)]


def _quietest(samples: Samples, time_s: float, reach_s: float = 0.05) -> float:
    first = max(0, round((time_s - reach_s) * RATE_HZ))
    near = samples[first : first + round(2 * reach_s * RATE_HZ)]
    power = np.convolve(near * near, np.ones(FRAME), mode="valid")
    return (first + int(power.argmin()) + FRAME / 2) / RATE_HZ


@cache
def speech_in(piece: Piece) -> tuple[Span, ...]:
    """Inter-pausal units of a piece from its start: frames of 10 ms within 35 dB of its active level."""
    samples = sound_of(piece)
    level = _levels_db(samples)
    active = 10 * np.log10(np.mean(10 ** (level[level > level.max() - 30] / 10)))
    edges = np.flatnonzero(np.diff((level >= active + SPEECH_DB).astype(int), prepend=0, append=0))
    spans = bridge(
        ((a * 0.01, b * 0.01) for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)),
        BRIDGE_S,
    )
    return tuple(span for span in spans if span[1] - span[0] >= MIN_PIECE_S)


def _levels_db(samples: Samples) -> npt.NDArray[np.float64]:
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    return 10 * np.log10(np.mean(frames * frames, axis=1) + 1e-12)


# --- what is true -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """One contribution: its units in case time, and what is known of its words."""

    units: tuple[Span, ...]
    acknowledges: bool = False
    complete: bool = True
    echo: bool = False

    @property
    def start_s(self) -> float:
        return self.units[0][0]

    @property
    def end_s(self) -> float:
        return self.units[-1][1]

    def moved(self, by_s: float) -> "Said":
        return replace(self, units=tuple((a + by_s, b + by_s) for a, b in self.units))

    def longer(self, by_s: float) -> "Said":
        return replace(self, units=(*self.units[:-1], (self.units[-1][0], self.units[-1][1] + by_s)))


def judged(comer: Said, holder: Sequence[Said], before_s: float) -> dict[str, Any] | None:
    """The kind of ``comer`` among the contributions of the other speaker, by the rules in their order.

    ``before_s`` is where the one who comes in last fell silent. ``None`` is no event.
    """
    t0, end_s = comer.start_s, comer.end_s
    units = [(unit, said) for said in holder for unit in said.units]
    held = [(unit, said) for unit, said in units if unit[0] <= t0 < unit[1]]
    brief = end_s - t0 <= 1.0 and t0 - before_s >= 1.0 and comer.acknowledges
    after_s = total_s(intersect([unit for unit, _ in units], [(end_s, end_s + 2.5)]))
    if not held:
        ended = [unit[1] for unit, _ in units if unit[1] <= t0]
        resumed = [unit[0] for unit, _ in units if unit[0] > t0]
        in_pause = ended and resumed and t0 - ended[-1] <= 1.5 and resumed[0] - end_s <= 1.5
        return _event("backchannel", comer, [], False) if brief and in_pause else None
    (unit, said) = held[0]
    together = bridge(intersect([one for one, _ in units], comer.units), 0.2)
    overlap_s = total_s(together)
    if overlap_s < 0.2:
        return None
    remaining_s = unit[1] - t0
    next_s = min((one[0] for one, _ in units if one[0] >= unit[1]), default=math.inf)
    holds_s = max(0.0, min(end_s, next_s) - unit[1])
    yielded = remaining_s <= 1.5 and holds_s >= 1.0
    complete = said.complete or unit != said.units[-1]
    if t0 - unit[0] < 0.5:
        kind = "simultaneous_start"
    elif brief and after_s > 0 and holds_s < 1.0:
        kind, yielded = "backchannel", False
    elif next_s - unit[1] > 1.5 and ((remaining_s <= 0.5 and complete) or comer.echo):
        kind, yielded = "terminal_overlap", yielded
    elif end_s - t0 < 1.0 and after_s >= 1.0:
        kind, yielded = "failed_attempt", False
    elif overlap_s >= 0.5 or (overlap_s >= 0.3 and yielded and not complete):
        kind = "interruption"
    else:
        return None
    return _event(kind, comer, together, yielded)


def _event(kind: str, comer: Said, together: list[Span], yielded: bool) -> dict[str, Any]:
    return {
        "kind": kind,
        "start_s": round(comer.start_s, 3),
        "end_s": round(together[-1][1] if together else comer.end_s, 3),
        "overlap_s": round(total_s(together), 3),
        "yielded": yielded,
    }


def said(placed: Placed, *, complete: bool | None = None, echo: bool = False) -> Said:
    """What a placed piece says."""
    assert placed.piece is not None
    words = [word for word, _, _ in words_of(placed)]
    units = tuple((placed.at_s + a, placed.at_s + b) for a, b in speech_in(placed.piece))
    whole = words[-1].endswith((".", "?", "!"))
    return Said(units, acknowledges(" ".join(words)), whole if complete is None else complete, echo)


# --- scenarios ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Draw:
    """One attempt at a scenario: a holder on one channel and another voice on the other."""

    random: Random
    pool: list[Utterance]
    holder: int
    placed: list[Placed]
    gain_db: tuple[float, float]
    cursor_s: float = LEAD_S

    def choose(self, fits: Callable[[Utterance], bool]) -> Utterance:
        found = [utterance for utterance in self.pool if fits(utterance)]
        if not found:
            raise NoFit
        return found[int(self.random.integers(len(found)))]

    def speed(self) -> float:
        """Most speak as they do, some a sixth faster or slower."""
        return float(self.random.choice([0.86, 1.0, 1.0, 1.0, 1.16]))

    def between(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def put(self, channel: int, at_s: float, piece: Piece) -> Said:
        """Place a piece so that its first unit starts at ``at_s``."""
        placed = Placed(
            channel, round(at_s - speech_in(piece)[0][0], 3), piece, gain_db=self.gain_db[channel]
        )
        self.placed.append(placed)
        return said(placed)

    def sound(self, channel: int, at_s: float, name: str) -> None:
        self.placed.append(Placed(channel, round(at_s, 3), sound=name, gain_db=self.gain_db[channel]))


Outcome = tuple[Said | None, list[Said], float]
"""The contribution that is judged, all of the other speaker, and where the first had last fallen silent."""


def build(kind: str, draw: Draw) -> Outcome:
    """Lay out one scenario of a kind."""
    holder, comer = draw.holder, 1 - draw.holder
    before_s = -math.inf
    turn = draw.choose(lambda u: u.complete and 2.5 <= u.duration_s <= 14 and not u.acknowledges)
    other_voice: Callable[[Utterance], bool] = lambda u: u.voice != turn.voice  # noqa: E731
    if kind != "simultaneous_start" and turn.duration_s < 7 and draw.random.random() < 0.5:
        first = draw.choose(lambda u: other_voice(u) and 1.0 <= u.duration_s <= 3.0 and u.complete)
        opening = draw.put(comer, LEAD_S, first.piece())
        before_s = opening.end_s
        draw.cursor_s = before_s + draw.between(0.25, 0.7)
    reply = draw.choose(
        lambda u: other_voice(u) and u.complete and 1.5 <= u.duration_s <= 6 and not u.acknowledges
    )
    if kind == "talk_over":
        reply = draw.choose(lambda u: other_voice(u) and 2.6 <= u.duration_s <= 6)
    speeds = draw.speed(), draw.speed()
    whole = turn.piece(speed=speeds[0])

    if kind in ("interruption_cut", "cut_off", "interruption_yielded", "interruption_resumed"):
        last = int(draw.random.integers(3, len(turn.words)))
        if turn.words[last - 1].endswith((".", "?", "!", ",")):
            raise NoFit
        held = draw.put(holder, draw.cursor_s, turn.piece(0, last, speeds[0]))
        if kind == "cut_off":
            came = draw.put(comer, held.end_s + draw.between(0.03, 0.17), reply.piece(speed=speeds[1]))
        else:
            low, high = (0.33, 0.47) if kind == "interruption_cut" else (0.57, 1.42)
            came = draw.put(comer, held.end_s - draw.between(low, high), reply.piece(speed=speeds[1]))
        spoken = [held]
        if kind in ("cut_off", "interruption_resumed"):
            again = turn.piece(last, min(len(turn.words), last + 8), speeds[0])
            spoken.append(draw.put(holder, came.end_s + draw.between(0.2, 0.6), again))
        return came, spoken, before_s

    held = draw.put(holder, draw.cursor_s, whole)
    inside_s = held.start_s + draw.between(0.6, max(0.7, held.end_s - held.start_s - 0.3))
    if kind == "interruption_over":
        came = draw.put(
            comer, inside_s, reply.piece(0, int(draw.random.integers(3, len(reply.words) + 1)), speeds[1])
        )
        if came.end_s > held.end_s - 1.05:
            raise NoFit
    elif kind == "talk_over":
        came = draw.put(comer, inside_s, reply.piece(speed=speeds[1]))
        if total_s(intersect(came.units, held.units)) < 2.05:
            raise NoFit
    elif kind == "failed_attempt":
        attempt = reply.piece(0, int(draw.random.integers(1, 4)), speeds[1])
        came = draw.put(comer, inside_s, attempt)
    elif kind == "backchannel":
        nod = draw.choose(lambda u: other_voice(u) and u.acknowledges)
        came = draw.put(comer, inside_s, nod.piece(speed=speeds[1]))
    elif kind == "backchannel_pause":
        draw.placed.pop()
        last = int(draw.random.integers(3, len(turn.words) - 2))
        held = draw.put(holder, draw.cursor_s, turn.piece(0, last, speeds[0]))
        nod = draw.choose(lambda u: other_voice(u) and u.acknowledges)
        came = draw.put(comer, held.end_s + draw.between(0.06, 0.5), nod.piece(speed=speeds[1]))
        more = draw.put(holder, came.end_s + draw.between(0.06, 0.7), turn.piece(last, None, speeds[0]))
        return came, [held, more], before_s
    elif kind == "terminal_overlap":
        came = draw.put(comer, held.end_s - draw.between(0.25, 0.45), reply.piece(speed=speeds[1]))
    elif kind == "terminal_echo":
        came = _echo(held, whole, comer, draw)
    elif kind == "simultaneous_start":
        came = draw.put(comer, draw.cursor_s + draw.between(0.06, 0.44), reply.piece(speed=speeds[1]))
        if draw.random.random() < 0.6:  # one of the two gives way
            last = int(draw.random.integers(2, 5))
            side, piece = (
                (holder, turn.piece(0, last, speeds[0]))
                if draw.random.random() < 0.5
                else (
                    comer,
                    reply.piece(0, last, speeds[1]),
                )
            )
            draw.placed = [one for one in draw.placed if one.channel != side]
            shorter = draw.put(side, draw.cursor_s if side == holder else came.start_s, piece)
            held, came = (shorter, came) if side == holder else (held, shorter)
    elif kind == "hand_over":
        came = draw.put(comer, held.end_s + draw.between(0.06, 0.8), reply.piece(speed=speeds[1]))
    elif kind == "small_overlap":
        came = draw.put(comer, held.end_s - draw.between(0.04, 0.14), reply.piece(speed=speeds[1]))
    elif kind.startswith("noise_"):
        name = kind.removeprefix("noise_")
        draw.sound(comer, inside_s if held.end_s - inside_s > 1.5 else held.start_s + 0.7, name)
        return None, [held], before_s
    else:
        raise ValueError(kind)
    return came, [held], before_s


def _echo(held: Said, whole: Piece, comer: int, draw: Draw) -> Said:
    """The other speaker says the holder's last words together with them."""
    ending = [plain(word) for word, _, _ in words_of(draw.placed[-1])]
    for size in (4, 3, 2):
        fits = [
            (utterance, first)
            for utterance in draw.pool
            for first in range(len(utterance.words) - size + 1)
            if [plain(word) for word in utterance.words[first : first + size]] == ending[-size:]
            and utterance.voice != _voice(whole)
        ]
        if fits:
            utterance, first = fits[int(draw.random.integers(len(fits)))]
            begin_s = words_of(draw.placed[-1])[-size][1] + draw.between(-0.05, 0.15)
            came = draw.put(comer, begin_s, utterance.piece(first, first + size))
            return replace(came, echo=True)
    raise NoFit


def _voice(piece: Piece) -> str:
    return next(u.voice for u in utterances() if (u.call, u.index) == (piece.call, piece.utterance))


SOUNDS = ("burst", "cough", "laughter", "breath", "ring", "keypad", "music")
COUNTS = {
    "interruption_cut": 30,
    "interruption_yielded": 24,
    "interruption_resumed": 12,
    "interruption_over": 18,
    "talk_over": 12,
    "failed_attempt": 30,
    "backchannel": 36,
    "backchannel_pause": 18,
    "terminal_overlap": 36,
    "terminal_echo": 3,
    "simultaneous_start": 24,
    "cut_off": 12,
    "hand_over": 24,
    "small_overlap": 18,
    **{f"noise_{name}": 3 for name in SOUNDS},
}
"""Scenarios of each kind; every third is a test."""

MORE = {
    "interruption_cut": 60,
    "interruption_yielded": 24,
    "interruption_over": 24,
    "failed_attempt": 30,
    "backchannel": 30,
    "terminal_overlap": 60,
    "simultaneous_start": 20,
    "small_overlap": 24,
    "cut_off": 12,
}
"""Further training scenarios of the kinds that are easily taken for another."""
MORE_FROM = 100

EXPECTED = {
    "talk_over": "interruption",
    "backchannel_pause": "backchannel",
    "terminal_echo": "terminal_overlap",
    "cut_off": None,
    "hand_over": None,
    "small_overlap": None,
}


def expected(kind: str) -> str | None:
    """The event that a kind of scenario holds."""
    if kind.startswith("noise_"):
        return None
    return (
        EXPECTED[kind] if kind in EXPECTED else ("interruption" if kind.startswith("interruption") else kind)
    )


@cache
def scenarios() -> tuple[Scenario, ...]:
    """All scenarios, in a fixed order."""
    return tuple(
        scenario(kind, number, "test" if number % 3 == 2 else "train")
        for kind, count in COUNTS.items()
        for number in range(count)
    )


def more_cases() -> tuple[Case, ...]:
    """Further training cases, clean and at 10 dB with leak; made of the training calls like the others."""
    return tuple(
        Case(scenario(kind, number, "train"), condition)
        for kind, count in MORE.items()
        for number in range(MORE_FROM, MORE_FROM + count)
        for condition in EACH
    )


def scenario(kind: str, number: int, split: str) -> Scenario:
    """The first draw that is what it is meant to be, and clearly so."""
    random = np.random.default_rng([SEED, sorted(COUNTS).index(kind), number])
    pool = [utterance for utterance in utterances() if (utterance.call in TEST_CALLS) == (split == "test")]
    for _ in range(4000):
        gains = float(random.uniform(-3, 3)), float(random.uniform(-3, 3))
        draw = Draw(random, pool, int(random.integers(2)), [], gains)
        try:
            comer, holder, before_s = build(kind, draw)
            length_s = max(one.at_s + _length_s(one) for one in draw.placed) + TAIL_S
            if not 5.0 <= length_s <= LONGEST_S:
                continue
            return _described(kind, number, split, draw, length_s, comer, holder, before_s)
        except (NoFit, IndexError):
            continue
    raise NoFit(f"{kind} {number}: no draw fits")


def _described(
    kind: str,
    number: int,
    split: str,
    draw: Draw,
    length_s: float,
    comer: Said | None,
    holder: list[Said],
    before_s: float,
) -> Scenario:
    events: list[dict[str, Any]] = []
    cut_offs: list[dict[str, Any]] = []
    who = {"by": draw.holder ^ 1, "of": draw.holder}
    if comer is not None:
        variants = [
            comer.moved(by_s).longer(on_s)
            for by_s in (-MARGIN_S, 0, MARGIN_S)
            for on_s in (-MARGIN_S, 0, MARGIN_S)
        ]
        found = [judged(one, holder, before_s) for one in variants]
        if len({(one["kind"], one["yielded"]) if one else None for one in found}) > 1:
            raise NoFit
        event = judged(comer, holder, before_s)
        if (event["kind"] if event else None) != expected(kind):
            raise NoFit
        events = [event | who] if event else []
        if kind == "cut_off":
            cut_offs = [{"start_s": round(comer.start_s, 3), **who}]
    return Scenario(
        id=f"{kind}-{number:02d}",
        kind=kind,
        split=split,
        length_s=round(length_s, 3),
        placed=tuple(draw.placed),
        events=tuple(events),
        cut_offs=tuple(cut_offs),
    )


@cache
def cases(split: str) -> tuple[Case, ...]:
    """The cases of a split: each scenario clean, at 10 dB with leak, and under one other condition."""
    return tuple(
        Case(one, condition)
        for number, one in enumerate(each for each in scenarios() if each.split == split)
        for condition in (*EACH, ROTATING[number % len(ROTATING)])
    )


# --- sound --------------------------------------------------------------------------------------------


def _length_s(placed: Placed) -> float:
    return (sound_of(placed.piece) if placed.piece else made_sound(placed.sound or "")).size / RATE_HZ


def render(case: Case) -> Samples:
    """The sound of a case, shape (2, n), the same each time."""
    one = case.scenario
    snr_db, bleed_db = CONDITIONS[case.condition]
    random = np.random.default_rng([SEED, *case.id.encode()])
    speech = np.zeros((2, round(one.length_s * RATE_HZ)), dtype=np.float32)
    for placed in one.placed:
        samples = sound_of(placed.piece) if placed.piece else made_sound(placed.sound or "")
        first = round(placed.at_s * RATE_HZ)
        own = speech[placed.channel, max(0, first) : first + samples.size]
        own += gain(placed.gain_db) * samples[max(0, -first) :][: own.size]
    mixed = speech.copy()
    if bleed_db is not None:
        for source in (0, 1):
            late = round(random.uniform(0.002, 0.03) * RATE_HZ)
            mixed[1 - source, late:] += gain(bleed_db) * speech[source, : speech.shape[1] - late]
    for channel in (0, 1):
        mixed[channel] += gain(LINE_NOISE_DBFS) * pink(random, mixed.shape[1])
        if snr_db is not None:
            babbles = case.scenario.id.encode()[-1] % 2 == 1
            noise = babble(random, mixed.shape[1], one.split) if babbles else pink(random, mixed.shape[1])
            mixed[channel] += gain(_active_db(speech, channel) - snr_db) * noise
    return np.clip(mixed, -1, 1)


def gain(db: float) -> float:
    return float(10 ** (db / 20))


def _active_db(speech: Samples, channel: int) -> float:
    """Active level of a channel in dBFS; that of the other where it is silent."""
    level = _levels_db(speech[channel])
    loudest = level.max()
    if loudest < -60:
        return _active_db(speech, 1 - channel)
    return float(10 * np.log10(np.mean(10 ** (level[level > loudest - 30] / 10))))


def unit_power(samples: npt.NDArray[np.float64]) -> Samples:
    return (samples / (np.sqrt(np.mean(samples**2)) + 1e-12)).astype(np.float32)


def pink(random: Random, size: int) -> Samples:
    """Noise whose power falls with frequency, in the telephone band, of unit power."""
    length = 1 << (size - 1).bit_length()
    spectrum = np.fft.rfft(random.standard_normal(length))
    frequency_hz = np.fft.rfftfreq(length, 1 / RATE_HZ)
    band = (frequency_hz >= 200) & (frequency_hz <= 3600)
    return unit_power(np.fft.irfft(spectrum * band / np.sqrt(np.maximum(frequency_hz, 1)), length)[:size])


def babble(random: Random, size: int, split: str) -> Samples:
    """Ten voices at once, of unit power."""
    voice = _voices(split)
    total = np.zeros(size)
    for _ in range(10):
        first = int(random.integers(voice.size - size))
        total += voice[first : first + size]
    return unit_power(total)


@cache
def _voices(split: str) -> Samples:
    """The longer utterances of a split one after the other."""
    pool = [u for u in utterances() if (u.call in TEST_CALLS) == (split == "test") and u.duration_s > 3]
    return np.concatenate([sound_of(utterance.piece()) for utterance in pool])


@cache
def made_sound(name: str) -> Samples:
    """Sounds on a line that are nobody's speech."""
    random = np.random.default_rng([SEED, *name.encode()])

    def time_s(seconds: float) -> npt.NDArray[np.float64]:
        return np.arange(round(seconds * RATE_HZ)) / RATE_HZ

    def noise(seconds: float) -> npt.NDArray[np.float64]:
        return random.standard_normal(round(seconds * RATE_HZ))

    if name == "burst":
        found = 0.12 * noise(0.25) * np.exp(-time_s(0.25) / 0.08)
    elif name == "cough":
        first, second = (
            noise(0.3) * np.minimum(time_s(0.3) / 0.01, 1) * np.exp(-time_s(0.3) / 0.07) for _ in "ab"
        )
        found = 0.16 * np.concatenate((first, second))
    elif name == "laughter":
        puff = np.hanning(round(0.11 * RATE_HZ))
        voice = sum(np.sin(2 * np.pi * 260 * k * time_s(0.11)) / k for k in range(1, 10))
        ha = np.concatenate((0.25 * noise(0.07), puff * voice + 0.2 * noise(0.11)))
        found = 0.08 * np.concatenate([level * ha for level in (1.0, 0.9, 0.75, 0.6, 0.4)])
    elif name == "breath":
        found = 0.012 * noise(0.6) * np.hanning(round(0.6 * RATE_HZ))
    elif name == "ring":
        found = 0.05 * (np.sin(2 * np.pi * 440 * time_s(2.0)) + np.sin(2 * np.pi * 480 * time_s(2.0)))
    elif name == "keypad":
        pairs = ((697, 1209), (770, 1336), (852, 1477))
        key = [
            np.sin(2 * np.pi * low * time_s(0.1)) + np.sin(2 * np.pi * high * time_s(0.1))
            for low, high in pairs
        ]
        found = 0.06 * np.concatenate([np.concatenate((one, np.zeros(800))) for one in key])
    elif name == "music":
        notes = (262, 330, 392, 523, 392, 330) * 2
        chord = [
            sum(np.sin(2 * np.pi * note * k * time_s(0.45)) / k**1.5 for k in (1, 1.25, 1.5, 2, 3))
            * np.minimum(1, time_s(0.45) / 0.02)
            for note in notes
        ]
        found = 0.04 * np.concatenate(chord)
    else:
        raise ValueError(name)
    return found.astype(np.float32)


def main() -> None:
    """Write the truth of all scenarios, for reading and for the test that nothing has moved."""
    document = [json.dumps(asdict(one)) for one in scenarios()]
    (HERE / "truth.json").write_text("[\n" + ",\n".join(document) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
