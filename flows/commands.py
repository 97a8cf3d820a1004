"""``callcoach nightly``. Prefect is imported inside, so that help is instant."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from pipeline.console import (
    EXIT_FAILED,
    debug_option,
    failure,
    json_option,
    orderly_termination,
    settings_options,
)
from pipeline.errors import InputRejected

ADDRESSES = ("store.url", "judge.url", "batch.dask_address")
"""Settings that may hold a password; parameters of a flow run are kept and shown by Prefect."""


@click.command()
@click.option("--source", metavar="URI", help="Where the recordings are; else setting batch.source.")
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="Only calls that started on that day.")
@click.option("--out", metavar="URI", help="Where the reports go; else setting batch.out.")
@click.option("--workers", type=click.IntRange(1, 256), help="Calls analyzed at a time.")
@settings_options
@json_option
@debug_option
def nightly(
    source: str | None,
    date: datetime | None,
    out: str | None,
    workers: int | None,
    config: str | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Analyze what is new or changed, as a Prefect flow.

    Discovers recordings, analyzes those without a current analysis, then writes the batch's figures and
    its index. A failing call is reported and the batch goes on. Where nothing is to be done and no Prefect
    server is named, none is started.
    """
    from flows.environment import prepare_command

    prepare_command()
    from flows import nightly as flows_nightly
    from flows.progress import progress_on_stderr
    from flows.temporary import is_named, start_temporary_server
    from pipeline.settings import load_settings

    assignments = _without_secrets(assignments)
    settings = load_settings(Path(config) if config else None, assignments)
    which: dict[str, Any] = {"source": source, "out": out}
    which["date"] = date.strftime("%Y-%m-%d") if date else None
    try:
        with orderly_termination(), progress_on_stderr(settings.batch):
            named = is_named()
            result = None if named else flows_nightly.idle(settings, **which)
            if result is None:
                if not named:
                    start_temporary_server()
                given = {"config": config, "assignments": list(assignments), "workers": workers}
                state: Any = flows_nightly.nightly(**which, **given, return_state=True)
                result = state.result()
    except InputRejected as error:  # of the source as a whole: there is no such folder
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(result, indent=1, ensure_ascii=False))
    for bad in result["failures"]:
        click.echo(failure(bad["source"], bad["error"]), err=True)
    for problem in result["problems"]:
        click.echo(f"Note: {problem}", err=True)
    if not as_json:
        shown = ("analyzed", "rescored", "unchanged", "elsewhere", "forgotten", "failed")
        always = ("analyzed", "unchanged", "failed")
        counts = ", ".join(f"{result[what]} {what}" for what in shown if result.get(what) or what in always)
        click.echo(f"{counts}; see {result['index']}")
    return EXIT_FAILED if result["failed"] else 0


def _without_secrets(assignments: tuple[str, ...]) -> tuple[str, ...]:
    """Assignments that may be seen; the others are set in the environment, which is not told to Prefect."""
    from pipeline.settings import ENVIRONMENT_PREFIX, NESTING

    secret = [each for each in assignments if each.partition("=")[0].strip() in ADDRESSES]
    for each in secret:
        key, _, text = each.partition("=")
        os.environ[f"{ENVIRONMENT_PREFIX}{key.strip().upper().replace('.', NESTING)}"] = text
    return tuple(each for each in assignments if each not in secret)
