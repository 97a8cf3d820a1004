"""What a night says of itself while it runs."""

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from flows import progress
from flows.logs import heard
from flows.progress import ERASED, Progress, progress_on_stderr
from pipeline.nightly import LOG
from tests import factories


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The moment that the module believes it is."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def happens(event: str, **facts: object) -> None:
    LOG.log(logging.INFO, event, extra={"facts": facts})


def test_lines_say_how_far_how_fast_and_how_long(clock: list[float]) -> None:
    """Every so many calls: done, failed, calls an hour, time left; calls of earlier nights do not count."""
    said: list[str] = []
    with heard(Progress(said.append, 3)):
        happens("call_failed")
        happens("run_started", jobs=300)
        for event in ("call_done", "call_failed", "call_left", "call_done"):
            clock[0] += 30
            happens(event)
    assert said == ["3 of 300 calls, 1 failed, 120 calls an hour, 2 h 28 min left"]


def test_a_terminal_has_one_line_that_goes_at_the_end(clock: list[float]) -> None:
    """It is there before the first call is done, and fits the terminal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", Terminal())
        patch.setenv("COLUMNS", "20")
        with progress_on_stderr(factories.settings().batch):
            happens("run_started", jobs=2)
            clock[0] = 60
            happens("call_done")
        shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert shown == f"{ERASED}0 of 2 calls, 0 fai{ERASED}1 of 2 calls, 0 fai{ERASED}"


def test_no_terminal_gets_few_lines_and_no_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """Mails of cron and log files stay readable; where each call has its log line, there is nothing else."""
    for log_format in ("none", "json"):
        batch = factories.settings("batch.progress_every_calls=2", f"batch.log_format={log_format}").batch
        with progress_on_stderr(batch):
            happens("run_started", jobs=4)
            for _ in range(4):
                happens("call_done")
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["2 of 4 calls", "4 of 4 calls"]
