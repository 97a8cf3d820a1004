"""``callcoach nightly``. Prefect is imported inside, so that help is instant."""

import json
from datetime import datetime
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


@click.command()
@click.option("--source", metavar="URI", help="Where the recordings are; else setting batch.source.")
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="Only calls that started on that day.")
@click.option("--out", metavar="URI", help="Where the reports go; else setting batch.out.")
@click.option("--workers", type=click.IntRange(1, 256), help="Calls analysed at a time.")
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
    """Analyse what is new or changed, as a Prefect flow.

    Discovers recordings, analyses those without a current analysis, then writes the batch's figures and
    its index. A failing call is reported and the batch goes on.
    """
    from flows.environment import prepare_command

    prepare_command()
    from flows.nightly import nightly as flow

    with orderly_termination():
        state = flow(
            source=source,
            date=date.strftime("%Y-%m-%d") if date else None,
            out=out,
            config=config,
            assignments=list(assignments),
            workers=workers,
            return_state=True,
        )
    try:
        result: Any = state.result()
    except InputRejected as error:  # of the source as a whole: there is no such folder
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(result, indent=1, ensure_ascii=False))
    for bad in result["failures"]:
        click.echo(failure(bad["source"], bad["error"]), err=True)
    for problem in result["problems"]:
        click.echo(f"Note: {problem}", err=True)
    if not as_json:
        shown = ("analysed", "rescored", "unchanged", "elsewhere", "failed")
        always = ("analysed", "unchanged", "failed")
        counts = ", ".join(f"{result[what]} {what}" for what in shown if result[what] or what in always)
        click.echo(f"{counts}; see {result['index']}")
    return EXIT_FAILED if result["failed"] else 0
