"""Turn-taking on labeled snippets (tests/data/turntaking), against the truth and against a peer.

Snippets under one condition are transcribed ten at a time, as the turns of a call are: the recognizer packs
the speech of a channel into windows. Everything else sees a snippet by itself. Events are matched one to one,
same speaker and same kind, with an onset collar of 0.5 s. The peer is call-ai-metrics, which works on energy:
its interruptions have times; its backchannels are counts per speaker, and are compared by count.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby

import call_ai_metrics
import numpy as np

from pipeline.audio.frames import levels_db
from pipeline.models import load_recognizer, load_voice_activity, resolve_recognizer
from pipeline.phrases import load_phrases
from pipeline.records import ChannelActivity, EventKind, Role, Samples, Word
from pipeline.settings import Settings
from pipeline.speech.activity import channel_activity
from pipeline.speech.bleed import without_leak
from pipeline.timeline import Span
from pipeline.transcription.alignment import align
from pipeline.transcription.recognizer import Recognizer, WhisperRecognizer, transcribe
from pipeline.turns.cues import hear_voices
from pipeline.turns.events import Judged, judge_all
from pipeline.turns.units import units_of
from tests.benchmarks.counts import Counted
from tests.benchmarks.truth import match
from tests.data.turntaking.make_cases import RATE_HZ, Case, cases, render, speech_in, words_of

COLLAR_S = 0.5
GROUP = 10
GAP_S = 2.0
ROLES: tuple[Role, Role] = ("agent", "customer")
"""Channel 0 and channel 1."""
KINDS: tuple[EventKind, ...] = (
    "interruption",
    "backchannel",
    "terminal_overlap",
    "failed_attempt",
    "simultaneous_start",
)
GROUPS: tuple[tuple[str, tuple[str, ...] | None], ...] = (
    ("clean", ("clean",)),
    ("10 dB, leak -25 dB", ("snr10_bleed25",)),
    ("all", None),
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A case with what was found on its channels."""

    case: Case
    samples: Samples
    activity: dict[Role, ChannelActivity]
    words: dict[Role, tuple[Word, ...]]


@dataclass(frozen=True, slots=True)
class Row(Counted):
    """How one system did on one kind under some conditions."""

    system: str
    conditions: str
    kind: str
    matched: int
    truth: int
    found: int
    onset_errors_ms: tuple[float, ...] = ()

    def as_record(self) -> dict[str, object]:
        return asdict(self) | {"precision": self.precision, "recall": self.recall, "f1": self.f1}


def load_whisper(settings: Settings) -> Recognizer:
    resolved = resolve_recognizer(settings.recognizer.model, settings.models)
    chosen = settings.recognizer
    model = load_recognizer(resolved, chosen.device, chosen.compute_type, chosen.cpu_threads)
    return WhisperRecognizer(model, chosen)


def hear(some: Sequence[Case], settings: Settings, recognizer: Recognizer | None) -> list[Heard]:
    """Speech and words of some cases; without a recognizer the words are the true ones."""
    found = []
    for _, under in groupby(sorted(some, key=lambda case: case.condition), lambda case: case.condition):
        same = list(under)
        for first in range(0, len(same), GROUP):
            group = []
            for case in same[first : first + GROUP]:
                samples = render(case)
                activity = sounding(samples, settings)
                words = {role: _true_words(case, role, activity[role].speech, settings) for role in ROLES}
                group.append(Heard(case, samples, activity, words))
            found += group if recognizer is None else _transcribed(group, settings, recognizer)
    return found


def sounding(samples: Samples, settings: Settings) -> dict[Role, ChannelActivity]:
    """Where each channel of a snippet (2, n) has speech, without what has leaked into it."""
    silero = load_voice_activity(settings.models)
    levels = {role: levels_db(own, RATE_HZ) for role, own in zip(ROLES, samples, strict=True)}
    found = {
        role: channel_activity(own, RATE_HZ, levels[role], silero, settings.speech)
        for role, own in zip(ROLES, samples, strict=True)
    }
    return without_leak(found, levels, settings.speech)


def _true_words(case: Case, role: Role, speech: Sequence[Span], settings: Settings) -> tuple[Word, ...]:
    words = [
        Word(word=word, start_s=start_s, end_s=end_s, probability=0.9)
        for placed in case.scenario.placed
        if ROLES[placed.channel] == role
        for word, start_s, end_s in words_of(placed)
    ]
    return align(words, speech, settings.recognizer).words


def _transcribed(group: Sequence[Heard], settings: Settings, recognizer: Recognizer) -> list[Heard]:
    heard = recognized([one.samples for one in group], [one.activity for one in group], settings, recognizer)
    return [replace(one, words=own) for one, own in zip(group, heard, strict=True)]


def recognized(
    snippets: Sequence[Samples],
    activities: Sequence[Mapping[Role, ChannelActivity]],
    settings: Settings,
    recognizer: Recognizer,
) -> list[dict[Role, tuple[Word, ...]]]:
    """The words of snippets (2, n), which the recognizer hears one after the other."""
    starts_s = np.cumsum([0.0, *(one.shape[1] / RATE_HZ + GAP_S for one in snippets)]).tolist()
    words: list[dict[Role, tuple[Word, ...]]] = [{} for _ in snippets]
    for channel, role in enumerate(ROLES):
        gap = np.zeros(round(GAP_S * RATE_HZ), dtype=np.float32)
        whole = np.concatenate([part for one in snippets for part in (one[channel], gap)])
        speech = [
            (start_s + at_s, end_s + at_s)
            for one, at_s in zip(activities, starts_s, strict=False)
            for start_s, end_s in one[role].speech
        ]
        over_noise = [one[role].snr_db for one in activities]
        known = [each for each in over_noise if each is not None]
        snr_db = float(np.median(known)) if known else None
        found = transcribe(whole, RATE_HZ, speech, recognizer, settings.recognizer, "en", snr_db).words
        for index in range(len(snippets)):
            at_s, until_s = starts_s[index], starts_s[index + 1]
            words[index][role] = tuple(
                replace(word, start_s=word.start_s - at_s, end_s=word.end_s - at_s)
                for word in found
                if at_s <= word.start_s < until_s
            )
    return words


def judged(one: Heard, settings: Settings) -> list[Judged]:
    """What the product makes of a case."""
    return judge(one.samples, one.activity, one.words, settings)


def judge(
    both: Samples,
    activity: Mapping[Role, ChannelActivity],
    words: Mapping[Role, tuple[Word, ...]],
    settings: Settings,
) -> list[Judged]:
    """What the product makes of two channels (2, n) of which speech and words are known."""
    units = {role: units_of(role, activity[role].speech, words[role]) for role in ROLES}
    samples = dict(zip(ROLES, both, strict=True))
    levels = {role: levels_db(own, RATE_HZ) for role, own in samples.items()}
    voices = hear_voices(samples, RATE_HZ, levels, activity, units)
    return judge_all(units, load_phrases("en"), settings.turns, voices)


Found = tuple[str, Role, float]
"""Kind, who comes in, and when."""


def true_events(case: Case) -> list[Found]:
    return [(event["kind"], ROLES[event["by"]], event["start_s"]) for event in case.scenario.events]


def product(some: Iterable[Heard], settings: Settings) -> dict[str, list[Found]]:
    """Events of each case by the product."""
    return {
        one.case.id: [
            (item.event.kind, item.event.by, item.event.start_s)
            for item in judged(one, settings)
            if item.event is not None
        ]
        for one in some
    }


def peer(some: Iterable[Heard]) -> tuple[dict[str, list[Found]], dict[str, dict[Role, int]]]:
    """Interruptions of each case by call-ai-metrics, and its counts of backchannels."""
    events: dict[str, list[Found]] = {}
    counts: dict[str, dict[Role, int]] = {}
    for one in some:
        report = call_ai_metrics.analyze(list(one.samples), sample_rate=RATE_HZ, speakers=list(ROLES))
        events[one.case.id] = [("interruption", each.by, each.time_s) for each in report.interruption_events]
        counts[one.case.id] = {role: report.speakers[role].backchannels for role in ROLES}
    return events, counts


def compare(
    system: str, found: Mapping[str, Sequence[Found]], some: Sequence[Case], kinds: Sequence[str]
) -> list[Row]:
    """One row per kind and group of conditions."""
    rows = []
    for name, conditions in GROUPS:
        inside = [case for case in some if conditions is None or case.condition in conditions]
        for kind in kinds:
            pairs, true_count, found_count = [], 0, 0
            for case in inside:
                for role in ROLES:
                    true = [at_s for one, by, at_s in true_events(case) if (one, by) == (kind, role)]
                    mine = [at_s for one, by, at_s in found[case.id] if (one, by) == (kind, role)]
                    pairs += match(true, mine, float, COLLAR_S)
                    true_count += len(true)
                    found_count += len(mine)
            errors = tuple(1000 * abs(a - b) for a, b in pairs)
            rows.append(Row(system, name, kind, len(pairs), true_count, found_count, errors))
    return rows


def compare_counts(system: str, counts: Mapping[str, Mapping[Role, int]], some: Sequence[Case]) -> list[Row]:
    """Backchannels by count per case and speaker, for a peer that gives them no times."""
    rows = []
    for name, conditions in GROUPS:
        matched = truth = found = 0
        for case in some:
            if conditions is None or case.condition in conditions:
                for role in ROLES:
                    true = sum(1 for kind, by, _ in true_events(case) if (kind, by) == ("backchannel", role))
                    mine = counts[case.id][role]
                    matched, truth, found = matched + min(true, mine), truth + true, found + mine
        rows.append(Row(system, name, "backchannel", matched, truth, found))
    return rows


def edge_errors_ms(some: Iterable[Heard]) -> list[float]:
    """Distance of each true edge of speech from the nearest found one, within the collar."""
    errors = []
    for one in some:
        for channel, role in enumerate(ROLES):
            true = [
                (placed.at_s + start_s, placed.at_s + end_s)
                for placed in one.case.scenario.placed
                if placed.channel == channel and placed.piece
                for start_s, end_s in speech_in(placed.piece)
            ]
            for side in (0, 1):
                edges = [span[side] for span in one.activity[role].speech]
                pairs = match([span[side] for span in true], edges, float, COLLAR_S)
                errors += [1000 * abs(a - b) for a, b in pairs]
    return errors


def run(settings: Settings, split: str = "test") -> list[Row]:
    """All rows of a split: the product with recognized and with true words, and the peer."""
    some = cases(split)
    heard = hear(some, settings, load_whisper(settings))
    told = hear(some, settings, None)
    events, counts = peer(heard)
    return [
        *compare("callcoach", product(heard, settings), some, KINDS),
        *compare("callcoach, true words", product(told, settings), some, KINDS),
        *compare("call-ai-metrics", events, some, ("interruption",)),
        *compare_counts("call-ai-metrics", counts, some),
    ]


def table(rows: Sequence[Row]) -> str:
    lines = [
        f"{'labeled snippets':<23}{'conditions':<20}{'event':<20}{'truth':>6}{'found':>6}{'P':>6}{'R':>6}"
        f"{'F1':>6}{'onset ms: median':>18}{'p90':>6}"
    ]
    for row in rows:
        errors = row.onset_errors_ms
        ratios = "".join(
            f"{'-' if value is None else f'{value:.2f}':>6}" for value in (row.precision, row.recall, row.f1)
        )
        middle = f"{statistics.median(errors):.0f}" if errors else "-"
        high = f"{np.quantile(errors, 0.9):.0f}" if errors else "-"
        lines.append(
            f"{row.system:<23}{row.conditions:<20}{row.kind:<20}{row.truth:>6}{row.found:>6}{ratios}"
            f"{middle:>18}{high:>6}"
        )
    return "\n".join(lines)
