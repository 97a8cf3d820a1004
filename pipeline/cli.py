"""The ``callcoach`` commands. Heavy imports are inside them, so that help is instant."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.console import (
    EXIT_FAILED,
    Program,
    debug_option,
    json_option,
    orderly_termination,
    settings_options,
    show_table,
)
from pipeline.printable import printable
from pipeline.privacy.commands import audit, retention
from pipeline.privacy.commands import forget as forget_command

if TYPE_CHECKING:
    from pipeline.batch import CallOutcome
    from pipeline.models import ModelStatus
    from pipeline.privacy.audit_log import Event
    from pipeline.privacy.place import DigestOf
    from pipeline.settings import Settings
    from pipeline.store.tables import BaselineCall

CHANNELS = {"left": 0, "0": 0, "right": 1, "1": 1}


@click.group(cls=Program, name="callcoach", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="callcoach", message="%(prog)s %(version)s")
@debug_option
def main() -> None:
    """Turn recorded contact-center calls into coaching, on your own machines."""


@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path())
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder for the reports.")
@settings_options
@click.option("--agent-channel", type=click.Choice(list(CHANNELS)), help="Channel the agent is on.")
@click.option("--workers", type=click.IntRange(1, 256), help="Calls analyzed at a time.")
@click.option("--no-html", is_flag=True, help="Leave out report.html.")
@json_option
@debug_option
def analyze(
    paths: tuple[str, ...],
    out: str,
    config: str | None,
    assignments: tuple[str, ...],
    agent_channel: str | None,
    workers: int | None,
    no_html: bool,
    as_json: bool,
) -> int:
    """Analyze recordings or transcripts, or folders of them.

    Writes a folder of reports for each call, and an index of them. Needs no server and no database.
    """
    from pipeline.audio.discover import discover, left_out, two_sides
    from pipeline.audio.metadata import columns_not_read
    from pipeline.batch import run_batch
    from pipeline.printable import source_of
    from pipeline.progress import Display
    from pipeline.rollup import call_folders, roll_up

    settings = _settings(config, assignments)
    recordings = _found(lambda: discover([Path(path) for path in paths]))
    if not recordings:
        raise click.UsageError(f"no recordings or transcripts in {', '.join(paths)}")
    for line in columns_not_read((path, source_of(path)) for path in recordings):
        click.echo(f"Note: {printable(line)}", err=True)
    for ending, count in left_out([Path(path) for path in paths]):
        name = printable(ending) or "no ending"
        click.echo(f"Note: not read: {count} file(s) with {name}; name a file itself to try it", err=True)
    for first, second in two_sides(recordings):
        click.echo(
            f"Note: {printable(str(first))} and {printable(second.name)} look like two sides of one "
            "call, but are analyzed as two calls of one voice; join them into one two-channel file first",
            err=True,
        )
    earlier = set(call_folders(Path(out)))
    outcomes: list[CallOutcome] = []
    with orderly_termination():
        try:
            with Display(names=[path.stem for path in recordings], rows=not as_json) as display:

                def settle(outcome: "CallOutcome") -> None:
                    outcomes.append(outcome)
                    display.show(outcome)

                run_batch(
                    recordings,
                    Path(out),
                    settings,
                    on_outcome=settle,
                    workers=workers,
                    agent_channel=CHANNELS[agent_channel] if agent_channel else None,
                    html=not no_html,
                )
        except KeyboardInterrupt:
            if outcomes:
                index = roll_up(Path(out), outcomes, settings)
                click.echo(f"{len(outcomes)} of {len(recordings)} done; see {index}", err=True)
            raise
    index = roll_up(Path(out), outcomes, settings)
    _audit(settings, "analyze", out=_batch(out), **Counter[str](outcome.status for outcome in outcomes))
    failed = sum(not outcome.done for outcome in outcomes)
    if again := sum(outcome.folder in earlier for outcome in outcomes):
        click.echo(
            f"Note: {again} of them had been analyzed before; `callcoach nightly` skips what has not changed",
            err=True,
        )
    if as_json:
        calls = [_outcome_document(outcome) for outcome in outcomes]
        _print_json({"done": len(calls) - failed, "failed": failed, "index": str(index), "calls": calls})
    else:
        click.echo(f"{len(outcomes) - failed} analyzed, {failed} failed; see {index}")
    return EXIT_FAILED if failed else 0


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="DIR")
@click.option(
    "--pdf", is_flag=True, help="Print each report to report.pdf, too; needs Chromium or WeasyPrint."
)
@settings_options
@json_option
@debug_option
def report(folder: str, pdf: bool, config: str | None, assignments: tuple[str, ...], as_json: bool) -> int:
    """Write the reports in DIR again.

    They are made from its analysis files: nothing is decoded or recognized.
    """
    from pipeline.errors import CallError
    from pipeline.files import Modes
    from pipeline.reports.pdf import write_pdf
    from pipeline.reports.write import rerender
    from pipeline.rollup import call_folders, roll_up

    settings = _settings(config, assignments)
    root = Path(folder)
    folders = call_folders(root)
    if not folders:
        raise click.UsageError(f"{folder}: there is no analysis.json in it, nor in a folder of it")
    failed: list[dict[str, str]] = []
    for call in folders:
        try:
            rerender(call, settings)
            if pdf:
                write_pdf(call / "report.html", call / "report.pdf", Modes.of(settings.output))
        except CallError as error:
            failed.append({"folder": str(call), "error": printable(str(error))})
            click.echo(f"Error: {printable(f'{call}: {error}')}", err=True)
    index = None if folders == [root] else roll_up(root, (), settings)
    if as_json:
        _print_json({"done": len(folders) - len(failed), "failed": failed, "index": index and str(index)})
    else:
        click.echo(f"{len(folders) - len(failed)} written again, {len(failed)} failed; see {index or root}")
    return EXIT_FAILED if failed else 0


@main.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False), metavar="[DIR]")
@click.option("--all", "everything", is_flag=True, help="All calls in the output folder of the settings.")
@click.option(
    "--swap-roles",
    "swapped",
    multiple=True,
    metavar="CALL",
    help="Exchange agent and customer in this call, and rescore only calls so named; may be repeated.",
)
@click.option(
    "--keep-roles",
    "kept",
    multiple=True,
    metavar="CALL",
    help="Agent and customer of this call are right, though its words speak against it; may be repeated.",
)
@settings_options
@json_option
@debug_option
def rescore(
    folder: str | None,
    everything: bool,
    swapped: tuple[str, ...],
    kept: tuple[str, ...],
    config: str | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Judge the calls in DIR anew, by changed guidance or thresholds.

    Works on stored analyses: nothing is decoded or recognized. --swap-roles corrects a call in which agent
    and customer were taken for each other, for good; --keep-roles ends the doubt whether they were.
    """
    from pipeline.errors import CallError
    from pipeline.reports.write import read_call
    from pipeline.rescore import needs_sound, rescore_call, what_changed
    from pipeline.rollup import call_folders, roll_up

    if folder is not None and everything:
        raise click.UsageError("give DIR or --all, not both")
    if swapped and kept:
        raise click.UsageError("give --swap-roles or --keep-roles, not both")
    named = swapped or kept
    if folder is None and not everything and not named:
        raise click.UsageError("give DIR, or --all for the output folder of the settings")
    settings = _settings(config, assignments)
    root = Path(folder) if folder is not None else _local_output(settings)
    folders = call_folders(root)
    if not folders:
        raise click.UsageError(f"{root}: there is no analysis.json in it, nor in a folder of it")
    if named:
        folders = _folders_of(named, root, folders)
    failed: list[dict[str, str]] = []
    stale: Counter[str] = Counter()
    for call in folders:
        try:
            before = read_call(call) if swapped else None
            after = rescore_call(call, settings, swap_roles=bool(swapped), keep_roles=bool(kept))
            stale.update(needs_sound(after, settings))
            if before is not None:
                click.echo(f"Note: {printable(what_changed(before, after))}", err=True)
        except CallError as error:
            failed.append({"folder": str(call), "error": printable(str(error))})
            click.echo(f"Error: {printable(f'{call}: {error}')}", err=True)
    batch = root if folders != [root] else root.resolve().parent
    index = roll_up(batch, (), settings) if batch == root or (batch / "index.html").is_file() else None
    done = len(folders) - len(failed)
    _audit(
        settings,
        "swap_roles" if swapped else "keep_roles" if kept else "rescore",
        out=_batch(str(batch)),
        done=done,
        failed=len(failed),
        calls=[_digest(settings, "call", call_id) for call_id in named],
    )
    for key, calls in stale.items():
        click.echo(f"Note: calls measured by another {key}: {calls}; analyze them again to use it", err=True)
    if as_json:
        _print_json({"done": done, "failed": failed, "index": index and str(index), "needs_sound": stale})
    else:
        click.echo(f"{done} rescored, {len(failed)} failed; see {index or root}")
    return EXIT_FAILED if failed else 0


def _local_output(settings: "Settings") -> Path:
    """The output folder of the settings; what is in an object store has no sound here to draw from."""
    from pipeline.storage import is_remote, local_path

    if is_remote(settings.batch.out):
        raise click.UsageError(f"{settings.batch.out}: is not on this machine; copy it and give its folder")
    return local_path(settings.batch.out)


def _folders_of(call_ids: tuple[str, ...], root: Path, folders: list[Path]) -> list[Path]:
    """The folders of calls; a call that is not there is wrong usage."""
    from pipeline.reports.naming import folder_name

    by_name = {folder.resolve().name: folder for folder in folders}
    unknown = [call_id for call_id in call_ids if folder_name(call_id) not in by_name]
    if unknown:
        raise click.UsageError(f"{root}: holds no analysis of {', '.join(unknown)}")
    return [by_name[name] for name in dict.fromkeys(map(folder_name, call_ids))]


@main.command()
@click.option("--out", type=click.Path(), metavar="URI", help="Only the batch that is written there.")
@click.option("--retry", "retried", multiple=True, metavar="CALL", help="Release a call; may be repeated.")
@click.option("--retry-all", is_flag=True, help="Release every failed and quarantined call.")
@settings_options
@json_option
@debug_option
def status(
    out: str | None,
    retried: tuple[str, ...],
    retry_all: bool,
    config: str | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Show how the calls of nightly batches stand.

    Counts, and each call that runs, has failed or is quarantined. A released call is tried again by the
    next run.
    """
    from pipeline.batch_status import release, shown, statuses

    settings = _settings(config, assignments)
    if retried or retry_all:
        released = release(settings, out, None if retry_all else retried)
        if missing := set(retried) - {call_id for _, call_id in released}:
            raise click.UsageError(f"{', '.join(sorted(missing))}: has not failed")
        if as_json:
            _print_json([{"out": of, "call_id": call_id} for of, call_id in released])
        else:
            click.echo(f"{len(released)} released; the next run tries them again")
        return 0
    batches = statuses(settings, out)
    if as_json:
        _print_json(batches)
    for batch in () if as_json else batches:
        for line in shown(batch):
            click.echo(line)
    if not batches and not as_json:
        click.echo("no nightly batch is recorded")
    return EXIT_FAILED if any(batch["failed"] for batch in batches) else 0


@main.group()
def models() -> None:
    """Show, check or fetch the weights."""


@models.command("list")
@settings_options
@json_option
@debug_option
def models_list(config: str | None, assignments: tuple[str, ...], as_json: bool) -> int:
    """Which weights are used, where from, their license."""
    from pipeline.models import list_models

    settings = _settings(config, assignments)
    return _show_models(list_models(settings.models, settings.recognizer.model), as_json=as_json)


@models.command("verify")
@settings_options
@json_option
@debug_option
def models_verify(config: str | None, assignments: tuple[str, ...], as_json: bool) -> int:
    """Compare the weights with their published sha256."""
    from pipeline.models import verify

    settings = _settings(config, assignments)
    return _show_models(verify(settings.models, settings.recognizer.model), as_json=as_json)


@models.command("fetch")
@click.argument("name")
@settings_options
@debug_option
def models_fetch(name: str, config: str | None, assignments: tuple[str, ...]) -> None:
    """Download a model from its hub into the local cache."""
    from pipeline.models import fetch

    model = fetch(name, _settings(config, assignments).models)
    click.echo(f"{model.name} is in {model.folder}, sha256 {model.sha256}")


def _show_models(found: "list[ModelStatus]", *, as_json: bool) -> int:
    rows = [asdict(model) | {"folder": str(model.folder) if model.folder else None} for model in found]
    if as_json:
        _print_json(rows)
    else:
        show_table([list(rows[0]), *([str(value) for value in row.values()] for row in rows)])
    return EXIT_FAILED if any(model.state in ("missing", "wrong") for model in found) else 0


@main.group()
def baseline() -> None:
    """Show, export or remove what is kept of agents' usual voice and rates."""


@baseline.command("show")
@click.argument("agent", required=False)
@click.option("--history", is_flag=True, help="Each call in date order, with the baseline after it.")
@settings_options
@json_option
@debug_option
def baseline_show(
    agent: str | None, history: bool, config: str | None, assignments: tuple[str, ...], as_json: bool
) -> None:
    """Baselines by agent and line type, firm or provisional."""
    from pipeline.store import views

    settings = _settings(config, assignments)
    rows = _recorded(settings, agent)
    documents = views.history(rows, settings) if history else views.summary(rows, settings)
    if as_json:
        _print_json(documents)
    else:
        show_table((views.history_table if history else views.summary_table)(documents))


@baseline.command("export")
@click.argument("agent")
@settings_options
@debug_option
def baseline_export(agent: str, config: str | None, assignments: tuple[str, ...]) -> None:
    """Print all that is kept of AGENT as JSON."""
    from pipeline.store import views

    settings = _settings(config, assignments)
    rows = _recorded(settings, agent)
    calls = [views.call_document(row) for row in rows]
    _audit(settings, "export", agent=_digest(settings, "agent", agent.casefold()), calls=len(calls))
    _print_json({"agent_id": agent, "baselines": views.summary(rows, settings), "calls": calls})


@baseline.command("reset")
@click.argument("agent")
@click.option("--yes", is_flag=True, help="Do it; it cannot be undone.")
@settings_options
@debug_option
def baseline_reset(agent: str, yes: bool, config: str | None, assignments: tuple[str, ...]) -> None:
    """Start the baseline of AGENT anew.

    For a new headset or a new line: the next calls of the agent make a new baseline.
    """
    removed = _forget(_settings(config, assignments), agent, sure=yes)
    click.echo(f"{agent}: {len(removed)} calls forgotten; the next calls make a new baseline")


@baseline.command("delete")
@click.argument("agent")
@click.option("--yes", is_flag=True, help="Do it; it cannot be undone.")
@settings_options
@json_option
@debug_option
def baseline_delete(
    agent: str, yes: bool, config: str | None, assignments: tuple[str, ...], as_json: bool
) -> None:
    """Remove all that is kept of AGENT, and say what that was.

    Reports of calls are files of their own and stay.
    """
    from pipeline.store import views

    removed = [views.call_document(row) for row in _forget(_settings(config, assignments), agent, sure=yes)]
    if as_json:
        _print_json({"agent_id": agent, "removed": removed})
        return
    for call in removed:
        click.echo(f"removed {call['call_id']}  {call['started_at'] or '-'}  {call['line_type']}")
    click.echo(f"{agent}: {len(removed)} calls removed")


def _recorded(settings: "Settings", agent: str | None) -> "list[BaselineCall]":
    """Calls in the store; an agent who has none is wrong usage."""
    from pipeline.store.baselines import calls_of
    from pipeline.store.database import open_store

    with open_store(settings.store).session() as session:
        rows = calls_of(session, agent)
    if agent is not None and not rows:
        raise click.UsageError(f"{agent}: no calls of this agent are kept")
    return rows


def _forget(settings: "Settings", agent: str, *, sure: bool) -> "list[BaselineCall]":
    from pipeline.store.baselines import forget
    from pipeline.store.database import open_store

    rows = _recorded(settings, agent)
    if not sure:
        raise click.UsageError(f"{agent}: {len(rows)} calls would be removed; add --yes to do it")
    with open_store(settings.store).session() as session:
        removed = forget(session, agent)
    digest = _digest(settings, "agent", agent.casefold())
    _audit(settings, "baseline_removed", agent=digest, calls=len(removed))
    return removed


@main.command()
@settings_options
@click.option("--out", type=click.Path(), help="Folder that must be writable.")
@json_option
@debug_option
def doctor(config: str | None, assignments: tuple[str, ...], out: str | None, as_json: bool) -> int:
    """Check this machine and the settings.

    Says what is missing and how to get it.
    """
    from pipeline.doctor import examine

    checks = []
    for check in examine(Path(config) if config else None, assignments, Path(out) if out else None):
        checks.append(check)
        if not as_json:
            advice = f" -> {check.advice}" if check.advice else ""
            click.echo(f"{check.status:<8} {check.name:<12} {printable(check.detail)}{advice}")
    problems = sum(check.status == "problem" for check in checks)
    if as_json:
        _print_json({"problems": problems, "checks": [asdict(check) for check in checks]})
    return EXIT_FAILED if problems else 0


@main.command()
@debug_option
def schema() -> None:
    """Print the JSON Schema of analysis.json."""
    from pipeline.reports.analysis_json import json_schema

    _print_json(json_schema())


main.add_command(retention)
main.add_command(forget_command)
main.add_command(audit)


@main.command("settings")
@click.argument("section", required=False)
@settings_options
@json_option
@debug_option
def show_settings(
    section: str | None, config: str | None, assignments: tuple[str, ...], as_json: bool
) -> None:
    """Print every setting, or those of SECTION, with unit, meaning and source."""
    names = ("key", "value", "unit", "source", "meaning")
    rows = list(_settings(config, assignments).describe())
    if section is not None:
        sections = list(dict.fromkeys(row[0].partition(".")[0] for row in rows))
        if section not in sections:
            raise click.UsageError(f"there is no section {section!r}; there are {', '.join(sections)}")
        rows = [row for row in rows if row[0].startswith(f"{section}.")]
    if as_json:
        _print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    for key, value, unit, source, meaning in rows:
        shown = "null" if value is None else f"{value} {unit}".rstrip()
        click.echo(click.wrap_text(f"{key} = {shown}", 100, "", "    "))
        click.echo(click.wrap_text(f"{meaning}; source: {source}", 100, "    ", "    "))


def _audit(settings: "Settings", event: "Event", **facts: Any) -> None:
    from pipeline.privacy.audit_log import enter

    if problem := enter(settings, event, **facts):
        click.echo(f"Note: {problem}", err=True)


def _digest(settings: "Settings", of: "DigestOf", identity: str) -> str:
    from pipeline.privacy.place import Place

    return Place.of(settings).digest(of, identity)


def _batch(out: str) -> str:
    from pipeline.ledger import batch_name

    return batch_name(out)


def _settings(config: str | None, assignments: tuple[str, ...]) -> "Settings":
    from pipeline.settings import load_settings

    return load_settings(Path(config) if config else None, assignments)


def _found(discover: Callable[[], list[Path]]) -> list[Path]:
    """Recordings; a path that is not there is wrong usage, not a failed call."""
    from pipeline.errors import InputRejected

    try:
        return discover()
    except InputRejected as error:
        raise click.UsageError(str(error)) from error


def _outcome_document(outcome: "CallOutcome") -> dict[str, Any]:
    document = asdict(outcome) | {"folder": str(outcome.folder) if outcome.folder else None}
    return {key: value for key, value in document.items() if key != "traceback"}


def _print_json(document: Any) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False)
    click.echo(text.encode("utf-8", "replace").decode())  # a file's name need not be text
