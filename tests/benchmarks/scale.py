"""What a batch costs besides analyzing: ``make scale``.

Synthetic calls, whose analyses are as large as those of the sample calls, go through what the nightly flow
does with every call of its source and output: the batch's files are written as after a night in which all
were new, then two nights find nothing to do, the first without a ledger, which looks into every analysis,
the second by the ledger. The second is what a night costs for calls that are done. Figures are CPU time, so
that they hold on a busy machine. Each number of calls runs in a process of its own, for its peak memory;
100,000 calls take 9 GB of the temporary folder.

``--prefect`` measures instead what Prefect adds to a run and to a call: nights over silent recordings with
a stand-in for the analysis, as flows and without, on one temporary server. Seconds of processor time are of
the run and the server together.

``--workers`` measures instead how much more two worker processes do than one, each with one thread and calls
that are really analyzed. Give it a calm machine: ``taskset -c 0,1 make scale ARGUMENTS=--workers``.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.audio.discover import ANALYSIS_FILE, discover
from pipeline.batch import CallOutcome, CallPool, available_cores
from pipeline.nightly import run_night
from pipeline.planning import plan
from pipeline.records import Analysis
from pipeline.reports import analysis_json
from pipeline.reports.table import call_row
from pipeline.rollup import roll_up
from pipeline.settings import Settings, load_settings
from tests import factories, fakes
from tests.benchmarks.truth import sample_truths

COUNTS = (1_000, 10_000, 100_000)
LIMIT_MS = 10.0
"""CPU time that a batch may cost per call besides analyzing it."""
AGENTS = 200
FOLDER_CALLS = 1_000
"""Recordings in a folder, as recorders make one a day."""
DIALOGUES = 3
"""Mini-dialogues, one after another, that make an analysis as large as a sample call's."""
THROUGHPUT_CALLS = ("2026-03-12-maya-abusive-caller", "2026-03-18-ken-dropped-signal")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of each step for all calls, and what they left behind."""

    calls: int
    step_s: dict[str, float]
    peak_mb: float
    index_mb: float
    table_mb: float
    ledger_mb: float
    analysis_kb: float

    @property
    def call_ms(self) -> float:
        return 1000 * sum(self.step_s.values()) / self.calls


def make_calls(root: Path, count: int, settings: Settings) -> list[CallOutcome]:
    """Recordings with rows in calls.csv, their current analyses, and the outcomes of analyzing them."""
    template = _template(settings)
    _, end_of_call, rest = analysis_json.dumps(template).partition(b' },\n "separation"')
    outcomes = []
    for first in range(0, count, FOLDER_CALLS):
        folder = root / "calls" / f"day-{first // FOLDER_CALLS:04}"
        folder.mkdir(parents=True)
        rows = ["file,call_id,agent_id,queue,started_at"]
        for number in range(first, min(count, first + FOLDER_CALLS)):
            source = folder / f"call-{number:06}.wav"
            source.write_bytes(source.stem.encode())
            moment = f"2026-{1 + number % 12:02}-{1 + number % 28:02}T{number % 24:02}:00:00+00:00"
            agent_id = f"agent-{number % AGENTS:03}"
            rows.append(f"{source.name},{source.stem},{agent_id},billing,{moment}")
            facts = dataclasses.replace(
                template.call,
                call_id=source.stem,
                source=str(source),
                sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
                agent_id=agent_id,
                queue="billing",
                started_at=moment,
            )
            analysis = root / "out" / source.stem / ANALYSIS_FILE
            analysis.parent.mkdir(parents=True)
            beginning = {"schema_version": template.schema_version, "call": dataclasses.asdict(facts)}
            analysis.write_bytes(json.dumps(beginning).encode()[:-2] + end_of_call + rest)
            outcomes.append(
                CallOutcome(
                    source=str(source),
                    call_id=source.stem,
                    status="done",
                    seconds=0.0,
                    folder=analysis.parent,
                    row=call_row(dataclasses.replace(template, call=facts)),
                )
            )
        (folder / "calls.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return outcomes


def _template(settings: Settings) -> Analysis:
    lines: list[factories.Line] = []
    for number in range(DIALOGUES):
        shift_s = 66.0 * number
        lines += [
            (line[0], line[1] + shift_s, line[2] + shift_s, *line[3:])  # type: ignore[misc]
            for line in factories.LATE_BILL
        ]
    made = factories.analysis(lines, duration_s=66.0 * DIALOGUES, customer_id=None)
    provenance = dataclasses.replace(
        made.provenance, config_sha256=settings.sha256(), product_version=version("callcoach")
    )
    return dataclasses.replace(made, provenance=provenance)


def measure(count: int) -> Cost:
    step_s: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="callcoach-scale-") as name:
        root = Path(name)
        store = root / "store.sqlite"
        settings = load_settings(assignments=[f"store.url=sqlite:///{store}"])
        outcomes = make_calls(root, count, settings)
        calls, out = root / "calls", root / "out"

        @contextmanager
        def step(what: str) -> Iterator[None]:
            started = time.process_time()
            yield
            step_s[what] = time.process_time() - started

        with step("roll-up, all new"):
            index = roll_up(out, outcomes, settings)
        del outcomes
        with step("discover"):
            discover([calls])
        for what in ("night, new ledger", "night, known"):
            with step(what):
                night = run_night(settings, source=str(calls), out=str(out))
            if night.counts["unchanged"] != count:
                raise AssertionError(f"{what}: {night.counts}")
        return Cost(
            calls=count,
            step_s=step_s,
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            index_mb=index.stat().st_size / 1e6,
            table_mb=(out / "calls.parquet").stat().st_size / 1e6,
            ledger_mb=store.stat().st_size / 1e6,
            analysis_kb=(out / "call-000000" / ANALYSIS_FILE).stat().st_size / 1e3,
        )


def table(costs: Sequence[Cost]) -> str:
    """Milliseconds a call of each step, one column a number of calls."""
    lines = [f"{'ms a call':<20}" + "".join(f"{cost.calls:>12,}" for cost in costs)]
    for step in costs[0].step_s:
        lines.append(f"{step:<20}" + "".join(f"{1000 * c.step_s[step] / c.calls:>12.3f}" for c in costs))
    lines.append(f"{'together':<20}" + "".join(f"{cost.call_ms:>12.3f}" for cost in costs))
    for name in ("peak_mb", "index_mb", "table_mb", "ledger_mb", "analysis_kb"):
        lines.append(f"{name.replace('_', ', '):<20}" + "".join(f"{getattr(c, name):>12.1f}" for c in costs))
    return "\n".join(lines)


# --- two workers against one --------------------------------------------------------------------------


def throughput(workers: int, settings: Settings) -> float:
    """Calls an hour of so many workers, each on a core of its own, once their models are loaded."""
    paths = [truth.audio for truth in sample_truths() if truth.audio.stem in THROUGHPUT_CALLS]
    with (
        tempfile.TemporaryDirectory(prefix="callcoach-scale-") as name,
        ThreadPoolExecutor(workers) as threads,
    ):
        out = Path(name)
        (first, *_) = calls = plan(((path, str(path)) for path in paths), out, settings).calls
        with CallPool(out, settings, workers=workers) as pool:
            list(threads.map(pool.process, [first] * workers))
            started = time.perf_counter()
            outcomes = list(threads.map(pool.process, [*calls, *calls]))
            seconds = time.perf_counter() - started
    if not all(outcome.done for outcome in outcomes):
        raise AssertionError(outcomes)
    return 3600 * len(outcomes) / seconds


# --- what Prefect adds --------------------------------------------------------------------------------

PREFECT_CALLS = 40


def prefect_overhead() -> str:
    """Seconds that Prefect adds, by the clock and of processor time: its server's starts, a run, a call.

    With the first start Prefect is imported and the server's database is made, once for all runs.
    """
    from flows.environment import prepare_command

    with tempfile.TemporaryDirectory(prefix="callcoach-scale-") as name:
        root = Path(name)
        os.environ["PREFECT_HOME"] = str(root / "prefect")
        prepare_command()
        starts = []
        for again in (False, True):
            before = _spent()
            from flows.temporary import start_temporary_server

            server = start_temporary_server()
            starts.append(_since(before, server))
            if not again:
                _stop(server)
        import flows.nightly

        flows.nightly.ANALYZE = fakes.analyze

        def night(calls: Path, out: str, *, as_flow: bool) -> tuple[float, float]:
            given = [f"store.url=sqlite:///{root}/store.sqlite", "output.audio=none"]
            places: dict[str, Any] = {"source": str(calls), "out": str(root / out)}
            asked = server if as_flow else None
            before = _spent(asked)
            if as_flow:
                counts = flows.nightly.nightly(**places, assignments=given)
            else:
                settings = load_settings(assignments=given)
                counts = run_night(settings, **places, analyze=fakes.analyze).counts
            if counts["analyzed"] + counts["unchanged"] != len(list(calls.iterdir())):
                raise AssertionError(counts)
            return _since(before, asked)

        one, many = root / "one", root / "many"
        fakes.record(one, "first")
        fakes.record(many, *(f"call-{number:03}" for number in range(PREFECT_CALLS)))
        night(one, "warm", as_flow=False)  # both have loaded what they need
        night(one, "warm-flow", as_flow=True)
        plain = [night(calls, "out", as_flow=False) for calls in (many, many)]
        flow = [night(calls, "flow", as_flow=True) for calls in (many, many)]
        from prefect.logging.handlers import APILogHandler

        APILogHandler.flush()  # what the runs logged is still on its way
        _stop(server)
    of_run = [flow[1][each] - plain[1][each] for each in (0, 1)]  # the second night has nothing to do
    of_calls = [(flow[0][each] - plain[0][each] - of_run[each]) / PREFECT_CALLS for each in (0, 1)]
    lines = [f"{'seconds':<32}{'by the clock':>14}{'of processor':>14}"]
    for name, (clock, cpu) in (
        ("temporary server, first start", starts[0]),
        ("temporary server, later starts", starts[1]),
        ("a run", of_run),
        ("a call", of_calls),
    ):
        lines.append(f"{name:<32}{clock:>14.3f}{cpu:>14.3f}")
    return "\n".join(lines)


def _spent(server: "subprocess.Popen[bytes] | None" = None) -> tuple[float, float]:
    """Seconds by the clock, and of processor time of this process and the server."""
    cpu_s = time.process_time()
    if server:
        ticks = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        cpu_s += sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return time.perf_counter(), cpu_s


def _since(before: tuple[float, float], server: "subprocess.Popen[bytes] | None") -> tuple[float, float]:
    clock, cpu = _spent(server)
    return clock - before[0], cpu - before[1]


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    server.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=COUNTS, help="numbers of calls")
    parser.add_argument("--workers", action="store_true", help="measure two workers against one")
    parser.add_argument("--prefect", action="store_true", help="measure what Prefect adds")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.workers:
        if available_cores() < 2:
            parser.error("two workers need two cores")
        settings = load_settings(assignments=["recognizer.cpu_threads=1"])
        one, two = (throughput(workers, settings) for workers in (1, 2))
        sys.stdout.write(f"calls an hour: 1 worker {one:.0f}, 2 workers {two:.0f}, {two / one:.2f} times\n")
        return
    if options.prefect:
        sys.stdout.write(prefect_overhead() + "\n")
        return
    if options.one:
        sys.stdout.write(json.dumps(asdict(measure(options.counts[0]))))
        return
    command = [sys.executable, "-m", "tests.benchmarks.scale", "--one"]
    costs = []
    for count in options.counts:
        finished = subprocess.run([*command, str(count)], check=True, capture_output=True, text=True)
        costs.append(Cost(**json.loads(finished.stdout)))
    sys.stdout.write(table(costs) + "\n")
    if max(cost.call_ms for cost in costs) > LIMIT_MS:
        sys.exit(f"a call costs more than {LIMIT_MS:.0f} ms besides its analysis")


if __name__ == "__main__":
    main()
