"""The part of requirements.lock that some extras need: ``python deploy/lock_subset.py dask s3 > subset.txt``.

``--without prefect`` leaves a requirement of callcoach itself out, with what only it needs: the demonstration
analyzes calls without a nightly batch.

The lock pins everything, development tools too, each with the hashes of its files and, after ``# via``, with
what needs it. An image installs what callcoach itself and the named extras lead to. Needs Python alone.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; (]", name.strip(), maxsplit=1)[0]).lower()


def entries(lock: str) -> dict[str, str]:
    """The lock's blocks by name: a requirement with its hashes and where it comes from."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    return {canonical(block.split("==")[0]): block for block in blocks if "==" in block}


def needed_by(block: str) -> set[str]:
    """Who needs a requirement, by its ``# via``."""
    comment = block.partition("# via")[2]
    return {canonical(line.strip(" #")) for line in comment.splitlines() if line.strip(" #")}


def subset(
    lock: str, project: dict[str, list[str]], wanted: Iterable[str], without: Iterable[str] = ()
) -> str:
    """The blocks that ``project[""]``, but ``without`` some, and the extras ``wanted`` of it lead to.

    Raises:
        KeyError: no such extra.
        ValueError: the lock lacks a requirement; it is older than pyproject.toml.
    """
    blocks = entries(lock)
    chosen = {canonical(each) for extra in ("", *wanted) for each in project[extra]} - set(without)
    if missing := sorted(chosen - blocks.keys()):
        raise ValueError(f"requirements.lock lacks {', '.join(missing)}; run make lock")
    parents = {name: needed_by(block) for name, block in blocks.items()}
    while more := {name for name, of in parents.items() if of & chosen} - chosen:
        chosen |= more
    return "".join(block for name, block in blocks.items() if name in chosen)


def requirements() -> dict[str, list[str]]:
    """What callcoach needs by extra; without one under ``""``, to be built under ``build``."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = content["project"]
    build = content["build-system"]["requires"]
    return {"": project["dependencies"], "build": build, **project["optional-dependencies"]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("extras", nargs="*")
    parser.add_argument("--without", action="append", default=[], metavar="REQUIREMENT")
    given = parser.parse_args()
    lock = (ROOT / "requirements.lock").read_text()
    sys.stdout.write(subset(lock, requirements(), given.extras, given.without))
