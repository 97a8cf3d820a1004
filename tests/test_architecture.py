"""Rules about the code as a whole."""

import ast
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline.cli import main

ROOT = Path(__file__).parent.parent
PIPELINE = sorted((ROOT / "pipeline").rglob("*.py"))
DOCUMENTED = (ROOT / "docs/cli.md").read_text(encoding="utf-8")


def imported(tree: ast.AST) -> Iterator[str]:
    """Top-level names of all imports, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", PIPELINE, ids=lambda path: str(path.relative_to(ROOT)))
def test_pipeline_knows_nothing_of_orchestration(path: Path) -> None:
    """The analysis can be used, tested and replaced without Prefect and without the flows."""
    assert not {"prefect", "flows", "tests"} & set(imported(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("path", PIPELINE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_prints(path: Path) -> None:
    """A library that prints spoils the JSON on stdout."""
    names = [
        node.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name)
    ]
    assert "print" not in names
    if path.name not in ("cli.py", "console.py", "progress.py", "commands.py"):
        assert "click" not in imported(ast.parse(path.read_text(encoding="utf-8")))


def test_every_command_and_option_is_documented() -> None:
    """The reference names every command, and every option that is not common to all."""
    context = click.Context(main)
    for name in main.list_commands(context):
        assert f"## `callcoach {name}" in DOCUMENTED
        command = main.get_command(context, name)
        assert command is not None
        for param in command.params:
            if isinstance(param, click.Option):
                assert param.opts[0] in DOCUMENTED, f"{name} {param.opts[0]}"


def test_packages_are_listed() -> None:
    """A package that pyproject.toml does not list is missing from the wheel."""
    listed = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    folders = {
        path.parent.relative_to(ROOT)
        for part in ("pipeline", "flows")
        for path in (ROOT / part).rglob("*.py")
    }
    assert [name for folder in folders if f'"{(name := ".".join(folder.parts))}"' not in listed] == []
