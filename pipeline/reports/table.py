"""``calls.parquet``: one flat row a call, with the same columns whatever the calls hold.

The pages over a batch are made from these rows alone.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.guidance.config import load_guidance
from pipeline.language_files import has_rules
from pipeline.records import Analysis, CoachingPoint, EventKind, Role, SpeakerMeasures

Scalar = str | int | float | bool | None
Row = dict[str, Scalar]

ABUSE = "abuse"
ROLES: tuple[Role, ...] = get_args(Role)
KINDS: tuple[EventKind, ...] = get_args(EventKind)
SPEAKER_FLOATS = (
    "talk_s",
    "talk_share",
    "turn_time_s",
    "phonation_s",
    "longest_turn_s",
    "coverage",
    "speech_rate_wpm",
    "articulation_rate_sps",
    "voiced_s",
    "f0_median_hz",
    "f0_median_st",
    "f0_range_st",
    "f0_baseline_hz",
    "f0_vs_baseline_st",
    "loudness_median_db",
    "loudness_vs_baseline_db",
    "noise_floor_db",
    "snr_db",
    "response_latency_median_s",
)
SPEAKER_INTEGERS = (
    "words",
    "syllables",
    "turns",
    "turn_words",
    "dropped_words",
    "interruptions",
    "backchannels",
)
CALL_FLOATS = ("speech_s", "overlap_s", "overlap_share", "silence_s", "silence_share", "talk_ratio_agent")

_CALL: tuple[tuple[str, pa.DataType, Callable[[Analysis], Scalar]], ...] = (
    ("call_id", pa.string(), lambda a: a.call.call_id),
    ("source", pa.string(), lambda a: a.call.source),
    ("sha256", pa.string(), lambda a: a.call.sha256),
    ("agent_id", pa.string(), lambda a: a.call.agent_id),
    ("customer_id", pa.string(), lambda a: a.call.customer_id),
    ("queue", pa.string(), lambda a: a.call.queue),
    ("started_at", pa.string(), lambda a: a.call.started_at),
    ("duration_s", pa.float64(), lambda a: a.call.duration_s),
    ("sample_rate_hz", pa.int64(), lambda a: a.call.sample_rate_hz),
    ("channels", pa.int64(), lambda a: a.call.channels),
    ("codec", pa.string(), lambda a: a.call.codec),
    ("language", pa.string(), lambda a: a.call.language),
    ("language_confidence", pa.float64(), lambda a: a.call.language_confidence),
    ("judged_by_words", pa.bool_(), lambda a: has_rules(a.call.judged_language)),
    ("separation_method", pa.string(), lambda a: a.separation.method),
    ("role_method", pa.string(), lambda a: a.separation.role_method),
    ("role_confidence", pa.float64(), lambda a: a.separation.role_confidence),
    ("quality_codes", pa.string(), lambda a: " ".join(_codes(a))),
    ("gaps", pa.int64(), lambda a: len(a.measures.call.gaps)),
    ("dead_air_s", pa.float64(), lambda a: _by_words(a, _gap_time_s(a, "dead_air"))),
    ("holds", pa.int64(), lambda a: _by_words(a, len(a.measures.call.holds))),
    ("hold_s", pa.float64(), lambda a: _by_words(a, sum(h.end_s - h.start_s for h in a.measures.call.holds))),
    ("tense_spans", pa.int64(), lambda a: None if a.tension.not_scored else len(a.tension.spans)),
    ("tense_s", pa.float64(), lambda a: None if a.tension.not_scored else _tense_s(a)),
    ("tension_peak", pa.float64(), lambda a: a.tension.peak),
    ("tension_outcome", pa.string(), lambda a: a.tension.spans[-1].outcome if a.tension.spans else None),
    (
        "abusive_sentences",
        pa.int64(),
        lambda a: _by_words(a, sum(act.id == ABUSE and act.sure for act in a.acts)),
    ),
    ("effort_estimate", pa.float64(), lambda a: a.effort.estimate),
    ("effort_quotes", pa.string(), lambda a: _effort_quotes(a)),
    ("coaching_keep", pa.string(), lambda a: _points(a.coaching.keep)),
    ("coaching_change", pa.string(), lambda a: _points(a.coaching.change)),
    ("summary", pa.string(), lambda a: a.coaching.summary),
    ("promises", pa.int64(), lambda a: _by_words(a, len(a.promises))),
    ("score_overall", pa.float64(), lambda a: a.scores.overall),
    ("score_how_said", pa.float64(), lambda a: a.scores.how_said),
    ("score_what_said", pa.float64(), lambda a: a.scores.what_said),
    ("score_listen", pa.float64(), lambda a: a.scores.ldal.listen),
    ("score_diffuse", pa.float64(), lambda a: a.scores.ldal.diffuse),
    ("score_act", pa.float64(), lambda a: a.scores.ldal.act),
    ("score_impression", pa.float64(), lambda a: a.scores.ldal.impression),
    ("config_sha256", pa.string(), lambda a: a.provenance.config_sha256),
    ("created_at", pa.string(), lambda a: a.provenance.created_at),
)


def schema() -> pa.Schema:
    """The columns, in order; every one may be null."""
    fields = [(name, kind) for name, kind, _ in _CALL]
    fields += [(name, pa.float64()) for name in CALL_FLOATS]
    fields += [(f"check_{check}", pa.string()) for check in load_guidance().checks]
    fields += [(f"effort_{signal}", pa.int64()) for signal in load_guidance().effort]
    fields += [(_event_column(kind, role), pa.int64()) for kind in KINDS for role in ROLES]
    for role in ROLES:
        fields += [(f"{role}_{name}", pa.float64()) for name in SPEAKER_FLOATS]
        fields += [(f"{role}_{name}", pa.int64()) for name in SPEAKER_INTEGERS]
    return pa.schema(fields)


def call_row(analysis: Analysis) -> Row:
    """One call as a flat row; what was not measured, or whom the call does not have, is ``None``."""
    row: Row = {name: read(analysis) for name, _, read in _CALL}
    row |= {name: getattr(analysis.measures.call, name) for name in CALL_FLOATS}
    verdicts = {finding.id: finding.verdict for finding in analysis.guidance}
    row |= {f"check_{check}": verdicts.get(check) for check in load_guidance().checks}
    signals = {signal.id: signal.count for signal in analysis.effort.signals}
    counted = analysis.effort.not_scored is None
    row |= {f"effort_{name}": signals.get(name, 0) if counted else None for name in load_guidance().effort}
    counts = Counter((event.kind, event.by) for event in analysis.interruptions if event.sure)
    for kind in KINDS:
        row |= {_event_column(kind, role): _events(analysis, counts, kind, role) for role in ROLES}
    for role in ROLES:
        doubted = analysis.separation.doubted  # the figures would be those of the other
        row |= _speaker(role, None if doubted else analysis.measures.of(role))
    return row


def violations(row: Row) -> list[str]:
    """The checks that a call violated."""
    return [name.removeprefix("check_") for name, value in row.items() if value == "violated"]


FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # full-width ones, too


def write_csv(rows: Iterable[Mapping[str, Scalar]], path: Path) -> None:
    """The same rows for spreadsheets; a text that a spreadsheet would run as a formula is quoted."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, fieldnames=schema().names)
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _harmless(value) for name, value in row.items()})


def _harmless(value: Scalar) -> Scalar:
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


MADE = "callcoach"
"""Key of the table's own facts: who wrote it, and from which files."""


def write_parquet(
    rows: Iterable[Mapping[str, Scalar]], path: Path, stamps: Mapping[str, tuple[int | None, int | None]] = {}
) -> None:
    """Write rows of ``call_row`` to ``path`` (which the caller makes atomic); zero rows are fine.

    ``stamps`` are size and time of the analysis behind each row, by folder, in the order of the rows: with
    them :func:`read_parquet` can tell which rows still hold.
    """
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema())
    made = json.dumps({"by": version("callcoach"), "stamps": list(stamps.items())})
    pq.write_table(table.replace_schema_metadata({MADE: made}), path, compression="zstd")


def read_parquet(path: Path) -> dict[str, tuple[tuple[int | None, int | None], Row]]:
    """Rows by folder, with the stamps of their analyses; nothing where this version did not write them."""
    try:
        with pq.ParquetFile(path) as file:  # ``read_table`` imports pandas, where that is, for half a second
            table = file.read()
        made = json.loads((table.schema.metadata or {})[MADE.encode()])
        stamps = [(str(folder), (stamp[0], stamp[1])) for folder, stamp in made["stamps"]]
    except (OSError, pa.ArrowException, ValueError, LookupError, TypeError):
        return {}
    if made.get("by") != version("callcoach") or not table.schema.equals(schema()):
        return {}
    rows: list[Row] = table.to_pylist()
    if len(rows) != len(stamps):
        return {}
    return {folder: (stamp, row) for (folder, stamp), row in zip(stamps, rows, strict=True)}


def _event_column(kind: EventKind, role: Role) -> str:
    return f"events_{kind}_by_{role}"


def _events(
    analysis: Analysis, counts: Mapping[tuple[EventKind, Role], int], kind: EventKind, role: Role
) -> float | None:
    """A count, or ``None`` where overlap could not be measured: nothing found is not nothing there."""
    of = analysis.measures.of(role)
    return (
        None
        if of is None or of.interruptions is None or analysis.separation.doubted
        else _by_words(analysis, counts.get((kind, role), 0))
    )


def _by_words(analysis: Analysis, amount: float) -> float | None:
    """An amount for which words are needed, ``None`` where nobody knows what they mean."""
    return amount if has_rules(analysis.call.judged_language) else None


def _speaker(role: Role, of: SpeakerMeasures | None) -> Row:
    names = (*SPEAKER_FLOATS, *SPEAKER_INTEGERS)
    return {f"{role}_{name}": None if of is None else _read(of, name) for name in names}


def _read(of: SpeakerMeasures, name: str) -> Scalar:
    value: Any = getattr(of, name)
    return None if value is None else int(value) if name in SPEAKER_INTEGERS else float(value)


def _tense_s(analysis: Analysis) -> float:
    return sum(span.end_s - span.start_s for span in analysis.tension.spans)


def _effort_quotes(analysis: Analysis) -> str:
    """What was said for each sign of effort, as JSON: {sign: [[start_s, quote], ...]}."""
    said = {
        signal.id: [[each.start_s, each.quote] for each in signal.evidence if each.quote]
        for signal in analysis.effort.signals
    }
    return json.dumps({name: quotes for name, quotes in said.items() if quotes}, ensure_ascii=False)


def _points(points: Iterable[CoachingPoint]) -> str:
    """Coaching points as JSON: [[check, title, start_s], ...]."""
    return json.dumps([[point.check, point.title, point.start_s] for point in points], ensure_ascii=False)


def _codes(analysis: Analysis) -> list[str]:
    return sorted({warning.code for warning in analysis.quality.warnings})


def _gap_time_s(analysis: Analysis, kind: str) -> float:
    return sum(gap.end_s - gap.start_s for gap in analysis.measures.call.gaps if gap.kind == kind)
