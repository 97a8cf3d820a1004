"""What every command shares: lazily loaded commands, one-line errors, exit codes, quiet libraries."""

import importlib
import logging
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NoReturn, TypeVar

import click

from pipeline.errors import CallError, SettingsError
from pipeline.printable import printable

DEBUG = "--debug"
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
ENTRY_POINTS = "callcoach.commands"

Command = TypeVar("Command", bound=Callable[..., Any])


class Program(click.Group):
    """The top-level command: its own commands and those that packages register as entry points."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_registered()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        target = None if own else _registered().get(cmd_name)
        if target is None:
            return own
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def main(  # type: ignore[override]  # it always ends the process
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run a command; errors end as one line on stderr and an exit code."""
        given = sys.argv[1:] if args is None else list(args)
        debug = DEBUG in given
        extra["standalone_mode"] = False
        try:
            with _quiet(debug):
                result = super().main(given, prog_name or "callcoach", **extra)
        except (KeyboardInterrupt, click.Abort):
            _end("Interrupted; what was finished is kept.", EXIT_INTERRUPTED)
        except click.exceptions.NoArgsIsHelpError as error:
            _end(error.format_message(), EXIT_USAGE)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else self.name
            _end(f"Error: {printable(error.format_message())} (see: {path} --help)", EXIT_USAGE)
        except click.ClickException as error:
            _end(f"Error: {printable(error.format_message())}", error.exit_code)
        except CallError as error:
            code = EXIT_USAGE if isinstance(error, SettingsError) else EXIT_FAILED
            _end(_explained(str(error), debug=debug), code)
        except BrokenPipeError:
            sys.stderr.close()  # the reader of our output has gone; so does the message about it
            sys.exit(EXIT_FAILED)
        except Exception as error:
            text = f"unexpected {type(error).__name__}: {error}"
            _end(_explained(text if debug else f"{text} (--debug shows where)", debug=debug), EXIT_FAILED)
        sys.exit(result if isinstance(result, int) else 0)


def debug_option(command: Command) -> Command:
    """``--debug``, before or after a command's name."""

    def note(ctx: click.Context, _: click.Parameter, given: bool) -> None:
        ctx.meta[DEBUG] = given or debugging()

    return click.option(DEBUG, is_flag=True, expose_value=False, callback=note, help="Show tracebacks.")(
        command
    )


def debugging() -> bool:
    """Whether ``--debug`` was given to the running command."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(DEBUG))


def settings_options(command: Command) -> Command:
    """``--config`` and ``--set``, to be passed to :func:`pipeline.settings.load_settings`."""
    config = click.option("--config", type=click.Path(), help="Settings file (YAML) over the defaults.")
    assign = click.option(
        "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="One setting; may be repeated."
    )
    return config(assign(command))


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def failure(source: str, error: str) -> str:
    """One line about a failed call; it begins with the recording it is about."""
    reason, source = printable(error), printable(source)
    return f"Error: {reason if reason.startswith(source) else f'{source}: {reason}'}"


def show_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows on stdout, in columns as wide as their widest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@contextmanager
def orderly_termination() -> Iterator[None]:
    """Let SIGTERM unwind the program as Ctrl-C does, so that worker processes are ended."""

    def leave(*_: object) -> NoReturn:
        sys.exit(EXIT_TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@cache
def _registered() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {entry.name: entry.value for entry in entry_points(group=ENTRY_POINTS)}


@contextmanager
def _quiet(debug: bool) -> Iterator[None]:
    """Keep warnings and log lines of dependencies off the terminal."""
    if debug:
        yield
        return
    silent = logging.NullHandler()  # without any handler, logging prints warnings itself
    logging.getLogger().addHandler(silent)
    sys.warnoptions.append("ignore")  # for the processes that multiprocessing starts
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.warnoptions.remove("ignore")
        logging.getLogger().removeHandler(silent)


def _explained(text: str, *, debug: bool) -> str:
    return (traceback.format_exc() if debug else "") + f"Error: {printable(text)}"


def _end(message: str, code: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)
