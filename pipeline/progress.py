"""A progress bar on stderr, where that is a terminal, and a row for each call on stdout."""

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from pipeline.console import debugging, failure

if TYPE_CHECKING:
    from rich.progress import Progress

    from pipeline.batch import CallOutcome

CALL_WIDTH_MAX = 40
WIDTHS = (10, 6, 4, 4, 22)
TITLES = ("call", "agent", "length", "wpm", "intr", "warnings", "report")
ROLES_SHOWN = ("agent", "speaker_1", "speaker_2")


class Display:
    """Shows outcomes as they come. ``rows=False`` leaves stdout alone; errors always go to stderr.

    ``names`` of the recordings say how many there are and how wide their column is.
    """

    def __init__(self, *, names: Sequence[str], rows: bool) -> None:
        longest = max(map(len, names), default=0)
        self._widths = (min(longest, CALL_WIDTH_MAX), *WIDTHS)
        self._rows = rows
        self._titled = False
        self._progress = _progress(len(names)) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, outcome: "CallOutcome") -> None:
        if not outcome.done:
            if outcome.traceback and debugging():
                self._say(outcome.traceback, err=True)
            self._say(failure(outcome.source, outcome.error or "failed without a reason"), err=True)
        elif self._rows:
            if not self._titled:
                self._say(self._line(TITLES))
                self._titled = True
            self._say(self._line(_cells(outcome)))
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0])

    def _line(self, cells: tuple[str, ...]) -> str:
        *padded, last = cells
        return "  ".join(
            [*(cell.ljust(width) for cell, width in zip(padded, self._widths, strict=True)), last]
        )

    def _say(self, text: str, *, err: bool = False) -> None:
        if self._progress is not None and (err or sys.stdout.isatty()):
            # through the bar's console, which keeps the bar below what is printed
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text, err=err)


def _progress(total: int) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    progress = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    progress.add_task("calls", total=total)
    return progress


def _cells(outcome: "CallOutcome") -> tuple[str, ...]:
    row = outcome.row or {}
    role = next((role for role in ROLES_SHOWN if row.get(f"{role}_words") is not None), "agent")
    return (
        outcome.call_id or "-",
        str(row.get("agent_id") or "-"),
        _clock(row.get("duration_s")),
        _number(row.get(f"{role}_speech_rate_wpm")),
        _number(row.get(f"{role}_interruptions")),
        str(row.get("quality_codes") or "-").replace(" ", ","),
        str(outcome.folder / "report.html") if outcome.folder else "-",
    )


def _number(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, int | float) else "-"


def _clock(seconds: object) -> str:
    if not isinstance(seconds, int | float):
        return "-"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
