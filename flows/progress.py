"""How far a night is: one line that changes on a terminal, a line of its own now and then elsewhere."""

import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flows.logs import heard
from pipeline.settings import BatchSettings

ERASED = "\r\x1b[2K"
SETTLED = ("call_done", "call_failed", "call_left")


class Progress(logging.Handler):
    """Turns the events of a batch into a line for ``say`` each ``every`` calls."""

    def __init__(self, say: Callable[[str], None], every: int) -> None:
        super().__init__()
        self._say = say
        self._every = every
        self._total = self._done = self._failed = 0
        self._began = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        event = record.getMessage()
        if event == "run_started":
            self._total, self._began = record.__dict__["facts"]["jobs"], time.monotonic()
        elif event in SETTLED and self._total:  # earlier ones tell of calls that failed on another night
            self._done += 1
            self._failed += event == "call_failed"
        else:
            return
        if self._done % self._every == 0 and (self._done or self._every == 1) and self._total:
            self._say(self._line())

    def _line(self) -> str:
        line = f"{self._done} of {self._total} calls, {self._failed} failed"
        seconds = time.monotonic() - self._began
        if not self._done or not seconds:
            return line
        left_s = seconds / self._done * (self._total - self._done)
        return f"{line}, {3600 * self._done / seconds:.0f} calls an hour, {_duration(left_s)} left"


@contextmanager
def progress_on_stderr(settings: BatchSettings) -> Iterator[None]:
    """Tell whoever started a night how far it is, unless every call has a log line."""
    if settings.log_format != "none":
        yield
        return
    terminal = sys.stderr.isatty()
    handler = Progress(_redraw, 1) if terminal else Progress(_say, settings.progress_every_calls)
    try:
        with heard(handler):
            yield
    finally:
        if terminal:
            _redraw("")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _redraw(line: str) -> None:
    sys.stderr.write(ERASED + line[: shutil.get_terminal_size().columns - 1])
    sys.stderr.flush()


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
