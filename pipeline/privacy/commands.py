"""``callcoach retention``, ``forget`` and ``audit``; heavy imports are inside, so that help is instant."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.console import EXIT_FAILED, debug_option, json_option, settings_options
from pipeline.errors import InputRejected

if TYPE_CHECKING:
    from pipeline.privacy.erasure import Erasure, Kind

SHOWN = 20


@click.command()
@click.option("--out", type=click.Path(), metavar="URI", help="The batch; else setting batch.out.")
@click.option("--dry-run", is_flag=True, help="Say what is too old, and remove nothing.")
@settings_options
@json_option
@debug_option
def retention(
    out: str | None, dry_run: bool, config: str | None, assignments: tuple[str, ...], as_json: bool
) -> int:
    """Remove what is older than the settings privacy.*_days allow.

    First the sound of a call, then its words, then all of it. Without limits nothing is removed.
    """
    from pipeline.privacy.retention import retain
    from pipeline.settings import load_settings

    settings = load_settings(Path(config) if config else None, assignments)
    try:
        done = retain(settings, out, dry_run=dry_run)
    except InputRejected as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(asdict(done) | {"dry_run": dry_run}, indent=1, ensure_ascii=False))
        return EXIT_FAILED if done.failed else 0
    for kind in ("audio", "transcript", "metrics"):
        for call_id in getattr(done, kind):
            click.echo(f"{kind:<10}  {call_id}")
    for name in done.failed:
        click.echo(f"Error: {name}: its analysis cannot be read; analyze the call again", err=True)
    limits = settings.privacy
    if limits.audio_days is limits.transcript_days is limits.metrics_days is None:
        click.echo("Note: no limit is set (privacy.audio_days, transcript_days, metrics_days)", err=True)
    counts = done.counts()
    word = "would be removed" if dry_run else "removed"
    click.echo(
        f"{word}: sound of {counts['audio']} calls, words of {counts['transcript']}, all of "
        f"{counts['metrics']}" + (f"; see {done.index}" if done.index else "")
    )
    return EXIT_FAILED if done.failed else 0


@click.command()
@click.option("--call", metavar="ID", help="This call.")
@click.option("--customer", metavar="ID", help="Every call of this customer.")
@click.option("--agent", metavar="ID", help="This agent: the calls stay, under a pseudonym.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="What the agent is called in calls; may be repeated.",
)
@click.option(
    "--out",
    "outs",
    multiple=True,
    type=click.Path(),
    metavar="URI",
    help="A batch, besides those that the store knows; may be repeated.",
)
@click.option("--yes", is_flag=True, help="Do it; it cannot be undone.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@settings_options
@json_option
@debug_option
def forget(
    call: str | None,
    customer: str | None,
    agent: str | None,
    names: tuple[str, ...],
    outs: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    config: str | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Remove every trace of a call or a customer, or of who an agent was, and prove it.

    Files, rows and pages go, or get a pseudonym; then all of them are searched, and a receipt is written.
    Recordings are never touched, and not analyzed again.
    """
    from pipeline.privacy.erasure import Eraser
    from pipeline.settings import load_settings

    given: list[tuple[Kind, str]] = []
    if call is not None:
        given.append(("call", call))
    if customer is not None:
        given.append(("customer", customer))
    if agent is not None:
        given.append(("agent", agent))
    if len(given) != 1 or not given[0][1].strip():
        raise click.UsageError("give one of --call, --customer and --agent")
    if names and agent is None:
        raise click.UsageError("--name goes with --agent")
    settings = load_settings(Path(config) if config else None, assignments)
    eraser = Eraser(settings, *given[0], outs, names)
    try:
        planned = eraser.forget(dry_run=True)
        if not dry_run and not yes and not planned.again:
            raise click.UsageError(
                f"{len(planned.calls)} calls would be {_done_to(planned)}; add --yes to do it"
            )
        done = planned if dry_run else eraser.forget()
    except InputRejected as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(_document(done, dry_run=dry_run), indent=1, ensure_ascii=False))
    else:
        _show(done, dry_run=dry_run)
    if not done.verified:
        for line in _what_remains(done):
            click.echo(line, err=True)
    return 0 if done.verified else EXIT_FAILED


@click.command()
@click.option(
    "--known",
    multiple=True,
    metavar="NUMBER:SHA256",
    help="A record that was noted elsewhere; may be repeated.",
)
@settings_options
@json_option
@debug_option
def audit(known: tuple[str, ...], config: str | None, assignments: tuple[str, ...], as_json: bool) -> int:
    """Check the audit log: that no record was changed, removed, added or moved.

    That records at its end are gone shows only against what is kept elsewhere: receipts, and what this
    command said before (--known).
    """
    from pipeline.privacy.audit_log import verify
    from pipeline.privacy.place import Place
    from pipeline.privacy.receipts import known_records
    from pipeline.settings import load_settings

    place = Place.of(load_settings(Path(config) if config else None, assignments))
    noted = {}
    for each in known:
        number, _, sha256 = each.partition(":")
        if not number.isdigit() or not sha256:
            raise click.UsageError(f"--known {each}: expected NUMBER:SHA256, as this command prints it")
        noted[int(number)] = sha256
    found = verify(place.audit_log, known_records(place) | noted)
    if as_json:
        document = {"file": str(place.audit_log), "whole": not found.problems, **asdict(found)}
        click.echo(json.dumps(document, indent=1))
    else:
        for line in found.unfinished:
            click.echo(f"Note: line {line} was not finished by a process that was killed", err=True)
        for problem in found.problems:
            click.echo(f"Error: {place.audit_log}: {problem}", err=True)
        state = "broken" if found.problems else "whole"
        click.echo(f"{place.audit_log}: {state}; the last record is {found.head.number}:{found.head.sha256}")
    return EXIT_FAILED if found.problems else 0


def _done_to(done: "Erasure") -> str:
    return f"put under the name {done.pseudonym}" if done.kind == "agent" else "removed"


def _show(done: "Erasure", *, dry_run: bool) -> None:
    for each in done.calls:
        click.echo(f"{each.call_id}  {each.out or 'store'}")
    for place, count in done.removed.items():
        click.echo(f"removed: {count} {place}")
    if dry_run:
        click.echo(f"{len(done.calls)} calls would be {_done_to(done)}; searched: {', '.join(done.outs)}")
        return
    if done.kind == "agent":
        click.echo(
            "What is said is replaced only where it is the id (one of letters alone: in the agent's own "
            "calls, with a capital inside a sentence) or given by --name."
        )
    click.echo("The recordings themselves are yours and stay; they are not analyzed again.")
    what = "forgotten before; searched again" if done.again else f"{len(done.calls)} calls {_done_to(done)}"
    state = "nothing remains" if done.verified else f"{len(done.remaining)} traces remain"
    click.echo(f"{what}: {state}; receipt {done.receipt}")


def _what_remains(done: "Erasure") -> Iterator[str]:
    for trace in done.remaining[:SHOWN]:
        yield f"Error: something remains in {trace.place}: {trace.where}"
    if len(done.remaining) > SHOWN:
        yield f"Error: and in {len(done.remaining) - SHOWN} more"
    if done.twins:
        more = f" and {len(done.twins) - SHOWN} more" if len(done.twins) > SHOWN else ""
        yield (
            f"The same recording is also call {', '.join(done.twins[:SHOWN])}{more}: its SHA-256 stays in "
            "all that is made of them. Forget them, too (forget --call ID), then run this again"
        )
    else:
        yield "Remove it and run this again"


def _document(done: "Erasure", *, dry_run: bool) -> dict[str, object]:
    return {
        "kind": done.kind,
        "dry_run": dry_run,
        "again": done.again,
        "calls": [{"call_id": each.call_id, "out": each.out} for each in done.calls],
        "searched": list(done.outs),
        "pseudonym": done.pseudonym,
        "removed": done.removed,
        "same_recording": list(done.twins),
        "remaining": [asdict(trace) for trace in done.remaining],
        "verified": None if dry_run else done.verified,
        "receipt": done.receipt and str(done.receipt),
        "recordings": "stay with their owner, and are not analyzed again",
    }
