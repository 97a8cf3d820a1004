"""Truth against measured on the sample calls: ``make accuracy``.

Words: word error rate after the usual English text normalization (Radford et al. 2022). Events: one-to-one
matching with an onset collar of 0.5 s. A total pools counts; it is never a mean of ratios. Pitch: one
utterance of each voice, put together again with an F0 that is known (`tests/benchmarks/f0.py`). Turn-
taking: labeled snippets, beside a peer (`tests/benchmarks/turn_taking.py`). Voices told apart: one-channel
versions of the calls (`tests/benchmarks/mono.py`). Speech acts: labeled sentences that no fit has seen
(`tests/benchmarks/speech_acts.py`), and ordinary talk (`tests/benchmarks/ordinary_talk.py`). Guidance:
written dialogues with the verdicts that are right (`tests/benchmarks/dialogues.py`). Secrets: marked examples
(`tests/benchmarks/redaction.py`); words taken out count neither as right nor as wrong.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from operator import add
from pathlib import Path

import jiwer
from whisper_normalizer.english import EnglishTextNormalizer

from pipeline.records import Analysis
from pipeline.settings import Settings, load_settings
from pipeline.turns.second_look import load_second_look
from tests.benchmarks import (
    dialogues,
    f0,
    fit_second_look,
    laid_in,
    mono,
    natural_turns,
    ordinary_talk,
    redaction,
    rendered_turns,
    speech_acts,
    turn_taking,
)
from tests.benchmarks.counts import Counted
from tests.benchmarks.truth import Truth, analyze, match, sample_truths

COLLAR_S = 0.5
KINDS = ("interruption", "backchannel", "terminal_overlap", "failed_attempt", "simultaneous_start")
ROLES = ("agent", "customer")
HALVES: tuple[redaction.Half, ...] = ("development", "test")
PROSODY_STAGE = "measures"
NORMALIZE = EnglishTextNormalizer()


@dataclass(frozen=True, slots=True)
class Words:
    """Word errors of one role."""

    errors: int = 0
    truth: int = 0
    found: int = 0

    def __add__(self, other: "Words") -> "Words":
        return Words(self.errors + other.errors, self.truth + other.truth, self.found + other.found)

    @property
    def wer(self) -> float | None:
        return self.errors / self.truth if self.truth else None

    @property
    def count_error(self) -> float | None:
        return (self.found - self.truth) / self.truth if self.truth else None


@dataclass(frozen=True, slots=True)
class Matches(Counted):
    """Matched, missed and invented events of one kind."""

    matched: int = 0
    truth: int = 0
    found: int = 0

    def __add__(self, other: "Matches") -> "Matches":
        return Matches(self.matched + other.matched, self.truth + other.truth, self.found + other.found)


@dataclass(frozen=True, slots=True)
class Rates:
    """Signed relative errors of the agent's and customer's rates, in per cent."""

    speech_rate: tuple[float, ...] = ()
    articulation_rate: tuple[float, ...] = ()

    def __add__(self, other: "Rates") -> "Rates":
        return Rates(self.speech_rate + other.speech_rate, self.articulation_rate + other.articulation_rate)


@dataclass(frozen=True, slots=True)
class Row:
    """What one call, or all of them, came to."""

    call_id: str
    words: dict[str, Words]
    rates: Rates
    edge_errors_ms: tuple[float, ...]
    events: dict[str, Matches]
    false_interruptions_by_backchannel: int = field(default=0)
    stage_s: dict[str, float] = field(default_factory=dict)

    def __add__(self, other: "Row") -> "Row":
        return Row(
            "total",
            {role: self.words[role] + other.words[role] for role in ROLES},
            self.rates + other.rates,
            self.edge_errors_ms + other.edge_errors_ms,
            {kind: self.events[kind] + other.events[kind] for kind in KINDS},
            self.false_interruptions_by_backchannel + other.false_interruptions_by_backchannel,
            {
                name: self.stage_s.get(name, 0.0) + other.stage_s.get(name, 0.0)
                for name in self.stage_s | other.stage_s
            },
        )

    @property
    def prosody_share(self) -> float | None:
        """Share of prosody and measures in the time of all stages, the loading of models included."""
        all_s = sum(self.stage_s.values())
        return self.stage_s.get(PROSODY_STAGE, 0.0) / all_s if all_s else None


def compare(truth: Truth, analysis: Analysis) -> Row:
    """The row of one call."""
    return Row(
        call_id=truth.call_id,
        words={role: _words(truth, analysis, role) for role in ROLES},
        rates=_rates(truth, analysis),
        edge_errors_ms=_edge_errors_ms(truth, analysis),
        events={kind: _events(truth, analysis, kind) for kind in KINDS},
        false_interruptions_by_backchannel=_mistaken(truth, analysis),
        stage_s=dict(analysis.provenance.stage_seconds),
    )


def _words(truth: Truth, analysis: Analysis, role: str) -> Words:
    said = NORMALIZE(truth.text(role)).split()
    heard = NORMALIZE(_heard(analysis, role)).split()
    if not said:
        return Words(errors=len(heard), truth=0, found=len(heard))
    result = jiwer.process_words(" ".join(said), " ".join(heard))
    errors = result.substitutions + result.deletions + result.insertions
    return Words(errors=errors, truth=len(said), found=len(heard))


def _heard(analysis: Analysis, role: str) -> str:
    words = [w for turn in analysis.transcript.turns if turn.speaker == role for w in turn.words]
    kept = [word for word in words if not word.word.startswith("[")]
    return " ".join(word.word for word in sorted(kept, key=lambda word: word.start_s))


def _rates(truth: Truth, analysis: Analysis) -> Rates:
    speech_rate, articulation_rate = [], []
    for role, measured in analysis.measures.by_role().items():
        true_wpm, true_sps = truth.speech_rate_wpm(role), truth.articulation_rate_sps(role)
        if true_wpm and measured.speech_rate_wpm is not None:
            speech_rate.append(100 * (measured.speech_rate_wpm / true_wpm - 1))
        if true_sps and measured.articulation_rate_sps is not None:
            articulation_rate.append(100 * (measured.articulation_rate_sps / true_sps - 1))
    return Rates(tuple(speech_rate), tuple(articulation_rate))


def _edge_errors_ms(truth: Truth, analysis: Analysis) -> tuple[float, ...]:
    """Signed errors of the starts and ends of speech that have a counterpart within the collar."""
    errors = []
    for role in ROLES:
        found = [(s.start_s, s.end_s) for s in analysis.speech.segments if s.speaker == role]
        for edge in (0, 1):
            pairs = match([s[edge] for s in truth.speech(role)], [s[edge] for s in found], float, COLLAR_S)
            errors += [1000 * (measured - true) for true, measured in pairs]
    return tuple(errors)


def _events(truth: Truth, analysis: Analysis, kind: str) -> Matches:
    matched = found = expected = 0
    for role in ROLES:
        true = [event["start_s"] for event in truth.events(kind) if event["by"] == role]
        measured = [e.start_s for e in analysis.interruptions if e.kind == kind and e.by == role]
        matched += len(match(true, measured, float, COLLAR_S))
        expected += len(true)
        found += len(measured)
    return Matches(matched, expected, found)


def _mistaken(truth: Truth, analysis: Analysis) -> int:
    """True backchannels that were reported as interruptions."""
    true = [event["start_s"] for event in truth.events("backchannel")]
    wrong = [event.start_s for event in analysis.interruptions if event.kind == "interruption"]
    return len(match(true, wrong, float, COLLAR_S))


def table(rows: Sequence[Row]) -> str:
    """The rows and their total as text."""
    total = reduce(add, rows)
    head = (
        f"{'call':<32}{'WER agent':>10}{'WER cust.':>10}{'words agent':>12}{'words cust.':>12}"
        f"{'wpm error':>11}{'syl/s error':>12}{'edge ms':>9}"
    )
    lines = [head, *(_words_line(row) for row in rows), _words_line(total), ""]
    lines.append(
        f"{'event':<22}{'truth':>7}{'found':>7}{'matched':>9}{'precision':>11}{'recall':>8}{'F1':>7}"
    )
    lines += [_event_line(kind, total.events[kind]) for kind in KINDS]
    lines.append(f"backchannels reported as interruptions: {total.false_interruptions_by_backchannel}")
    lines += [
        "",
        _rates_line(total.rates),
        f"prosody and measures: {_percent(total.prosody_share)} of the pipeline",
    ]
    return "\n".join(lines)


def _rates_line(rates: Rates) -> str:
    """Errors over all speakers whose rate is both known and measured."""
    parts = [
        f"{name} mean {_mean_absolute(errors)}, worst {_worst(errors)} (n={len(errors)})"
        for name, errors in (
            ("speech rate", rates.speech_rate),
            ("articulation rate", rates.articulation_rate),
        )
    ]
    return f"rate errors: {'; '.join(parts)}"


def _words_line(row: Row) -> str:
    agent, customer = row.words["agent"], row.words["customer"]
    return (
        f"{row.call_id:<32}{_percent(agent.wer):>10}{_percent(customer.wer):>10}"
        f"{_percent(agent.count_error):>12}{_percent(customer.count_error):>12}"
        f"{_worst(row.rates.speech_rate):>11}{_worst(row.rates.articulation_rate):>12}"
        f"{_median(row.edge_errors_ms):>9}"
    )


def _event_line(kind: str, matches: Matches) -> str:
    return (
        f"{kind:<22}{matches.truth:>7}{matches.found:>7}{matches.matched:>9}"
        f"{_plain(matches.precision):>11}{_plain(matches.recall):>8}{_plain(matches.f1):>7}"
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}%"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _worst(errors: Iterable[float]) -> str:
    return f"{max(errors, key=abs):+.1f}%" if errors else "-"


def _mean_absolute(errors: Sequence[float]) -> str:
    return f"{statistics.fmean(map(abs, errors)):.1f}%" if errors else "-"


def _median(errors: Sequence[float]) -> str:
    return f"{statistics.median(map(abs, errors)):.0f}" if errors else "-"


def as_json(
    rows: Sequence[Row],
    pitch: Sequence[f0.F0Accuracy] = (),
    snippets: Sequence[turn_taking.Row] = (),
    secrets: Mapping[str, Sequence[redaction.KindRow]] | None = None,
    acts: Sequence[speech_acts.ActRow] = (),
    told: Sequence[tuple[str, mono.Version, mono.Told]] = (),
    checks: Sequence[dialogues.Row] = (),
) -> str:
    """All figures; errors of rates in per cent; what was left out is empty."""
    total = reduce(add, rows)
    content = {"calls": [asdict(row) for row in rows], "total": asdict(total)}
    content["total"]["wer"] = {role: total.words[role].wer for role in ROLES}
    content["total"]["f1"] = {kind: total.events[kind].f1 for kind in KINDS}
    content["total"]["rate_errors"] = {
        name: {"mean_absolute": statistics.fmean(map(abs, errors)), "worst": max(errors, key=abs)}
        for name, errors in content["total"]["rates"].items()
        if errors
    }
    content["total"]["prosody_share"] = total.prosody_share
    more = {
        "f0": [row.as_record() for row in pitch],
        "turn_taking": [row.as_record() for row in snippets],
        "secrets": {which: [asdict(row) for row in found] for which, found in (secrets or {}).items()},
        "speech_acts": [asdict(row) for row in acts],
        "guidance": [asdict(row) for row in checks],
        "mono": [{"system": name, "version": version, **asdict(one)} for name, version, one in told],
    }
    return json.dumps(content | more, indent=1)


def measure(settings: Settings) -> list[Row]:
    return [compare(truth, analyze(truth.audio, settings)) for truth in sample_truths()]


def natural_turn_taking(
    turns: Path | None, spoken: Path | None, voices: Path | None, settings: Settings
) -> Iterator[str]:
    """Tables of turn-taking in natural talk, for each folder that is given."""
    if turns is None:
        yield "without --turns FOLDER nothing is measured on natural turn-taking"
    else:
        yield natural_turns.table(*natural_turns.measure(turns, settings))
        look = load_second_look(fit_second_look.LANGUAGE)
        if look is not None:
            some = fit_second_look.examples(turns, look)
            held_out = fit_second_look.report(some, fit_second_look.held_out(some))
            yield f"each dialogue held out of the fit in turn\n{held_out}"
    if spoken is None:
        yield "without --spoken FOLDER nothing is measured on natural turn-taking from sound"
    else:
        heard = rendered_turns.hear(spoken, settings, turn_taking.load_whisper(settings))
        yield f"spoken\n{natural_turns.table(*rendered_turns.measure(spoken, heard, settings))}"
    if voices is None:
        yield "without --voices FOLDER nothing is measured on real voices with interruptions laid in"
    else:
        scenes = laid_in.hear(voices, settings, turn_taking.load_whisper(settings))
        yield laid_in.table(laid_in.score(scenes, settings))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--no-mono", action="store_true", help="leave out the one-channel versions")
    parser.add_argument("--no-f0", action="store_true", help="leave out the accuracy of the pitch trackers")
    parser.add_argument("--no-turn-taking", action="store_true", help="leave out the labeled snippets")
    parser.add_argument("--natural", type=Path, help="folder of natural conversations")
    parser.add_argument("--turns", type=Path, help="folder of labeled natural turn-taking")
    parser.add_argument("--spoken", type=Path, help="the same folder: some of it spoken by synthetic voices")
    parser.add_argument("--voices", type=Path, help="folder of interviews, to lay interruptions in")
    options = parser.parse_args(arguments)
    settings = load_settings(assignments=options.set)
    for text in natural_turn_taking(options.turns, options.spoken, options.voices, settings):
        sys.stdout.write(f"{text}\n\n")
    if options.natural is None:
        sys.stdout.write("without --natural FOLDER nothing is measured on ordinary talk\n\n")
    else:
        sys.stdout.write(f"{ordinary_talk.table(*ordinary_talk.measure(options.natural, settings))}\n\n")
    rows = measure(settings)
    sys.stdout.write(table(rows) + "\n")
    acts = speech_acts.measure(settings)
    sys.stdout.write(f"\n{speech_acts.table(acts)}\n")
    checks = dialogues.measure(settings)
    sys.stdout.write(f"\n{dialogues.table(checks)}\n")
    pitch = [] if options.no_f0 else f0.run_quick()
    if pitch:
        sys.stdout.write(f"\n{f0.table(pitch)}\n")
    secrets = {which: redaction.measure(redaction.half(which), settings.redaction) for which in HALVES}
    for which, found in secrets.items():
        sys.stdout.write(f"\nsecrets, {which} half\n{redaction.table(found)}\n")
    snippets = [] if options.no_turn_taking else turn_taking.run(settings)
    if snippets:
        sys.stdout.write(f"\n{turn_taking.table(snippets)}\n")
    told = [] if options.no_mono else list(mono.measure(settings))
    if told:
        sys.stdout.write(f"\n{mono.table(told)}\n{mono.words_line(settings)}\n")
    if options.json:
        content = as_json(rows, pitch, snippets, secrets, acts, told, checks)
        options.json.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
