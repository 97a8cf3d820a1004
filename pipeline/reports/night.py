"""What a night leaves for the morning: ``summary.md``, and figures for Prometheus' text collector."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import files
from pipeline.printable import printable
from pipeline.reports.markdown import escape
from pipeline.settings import Settings
from pipeline.texts import load_texts

if TYPE_CHECKING:
    from pipeline.nightly import Night

SUMMARY = "summary.md"
READABLE = files.Modes(file=0o644, folder=0o755)
"""Of a file that a collector, another user, reads: it holds counts only."""


def write_summary(out: Path, night: "Night", settings: Settings) -> Path:
    """Write ``summary.md``: what was done, what failed and why, what is left alone."""
    text = load_texts(settings.output.language)
    lines = [f"# {text('night.title')}", "", text("night.made", at=_now()), ""]
    lines += [f"- {text(f'night.{what}')}: {count}" for what, count in night.counts.items()]
    lines += [f"- {text('night.took', minutes=night.seconds / 60)}"]
    if night.audio_s > 0:
        hours, times = night.audio_s / 3600, night.audio_s / night.seconds
        lines.append(f"- {text('night.throughput', hours=hours, times=times)}")
    if night.ledger_error:
        lines += ["", f"{text('night.no_ledger')} {escape(night.ledger_error)}"]
    if night.failures:
        lines += ["", f"## {text('night.failures')}", ""]
        lines += [
            f"- {_code(bad.call_id or bad.source)}: {escape(bad.public_error or bad.error_kind or '')}"
            for bad in night.failures
        ]
    if night.quarantined:
        lines += ["", f"## {text('night.quarantined')}", "", text("night.release"), ""]
        lines += [f"- {_code(call_id)}" for call_id in night.quarantined]
    lines += ["", f"[{text('night.index')}](index.html)"]
    return files.write_text(out / SUMMARY, "\n".join(lines) + "\n", files.Modes.of(settings.output))


def write_metrics(path: Path, night: "Night") -> Path:
    """Write the figures of the last run in Prometheus' text format, in one step."""
    done = [outcome.seconds for outcome in night.outcomes if outcome.done]
    kinds = Counter(outcome.error_kind or "unknown" for outcome in night.failures)
    usable, ended_s = int(night.ledger_error is None), datetime.now(UTC).timestamp()
    lines = [
        *_gauge(
            "callcoach_batch_calls",
            "Calls of the last run by what became of them.",
            ((f'{{result="{what}"}}', count) for what, count in night.counts.items()),
        ),
        *_gauge(
            "callcoach_batch_failures",
            "Failed calls of the last run by kind of error.",
            ((f'{{kind="{kind}"}}', count) for kind, count in sorted(kinds.items())),
        ),
        *_gauge(
            "callcoach_ledger_calls",
            "Calls of the batch by state, over all runs.",
            ((f'{{state="{state}"}}', count) for state, count in night.ledger.items()),
        ),
        *_gauge("callcoach_ledger_available", "1 if the ledger could be used.", [("", usable)]),
        *_gauge("callcoach_batch_duration_seconds", "Duration of the last run.", [("", night.seconds)]),
        *_gauge("callcoach_batch_audio_seconds", "Sound analyzed in the last run.", [("", night.audio_s)]),
        *_gauge(
            "callcoach_batch_throughput_ratio",
            "Seconds of sound analyzed per second of the last run.",
            [("", night.audio_s / night.seconds)],
        ),
        *_gauge("callcoach_batch_call_seconds_sum", "Time spent on calls that were done.", [("", sum(done))]),
        *_gauge("callcoach_batch_call_seconds_max", "The longest of these.", [("", max(done, default=0.0))]),
        *_gauge("callcoach_batch_end_timestamp_seconds", "When the last run ended.", [("", ended_s)]),
    ]  # fmt: skip
    return files.write_text(path, "\n".join(lines) + "\n", READABLE)


def _gauge(name: str, meaning: str, values: Iterable[tuple[str, float]]) -> list[str]:
    return [
        f"# HELP {name} {meaning}",
        f"# TYPE {name} gauge",
        *(f"{name}{of} {value}" for of, value in values),
    ]


def _code(text: str) -> str:
    return "`" + printable(text).replace("`", "'") + "`"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
