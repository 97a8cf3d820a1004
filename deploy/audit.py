"""Looks at what the product is made of: ``make audit``, or ``python -m deploy.audit TOOLS OUT``.

Of every package in requirements.lock: whether its files are pinned by hash, whether its license is one of
licenses.toml, and whether a vulnerability is known; and a bill of materials in CycloneDX. TOOLS is the folder
of pip-audit and cyclonedx-py, which have an environment of their own. Each part says how it went on one line;
one that could not be done has failed.
"""

import csv
import fnmatch
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from deploy.lock_subset import ROOT, canonical, entries

LOCK = ROOT / "requirements.lock"
LICENSES = ROOT / "deploy/licenses.toml"
LIMIT_S = 900
OPERATORS = re.compile(r"\s+(?:AND|OR|WITH)\s+|[()]|;\s*")


def unpinned(lock: str) -> list[str]:
    """Packages of which any file would be taken."""
    return [name for name, block in entries(lock).items() if "--hash=sha256:" not in block]


def stated_license(package: PackageMetadata) -> str:
    """What a package says of its license: an SPDX expression, else classifiers, else a line of text."""
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in package.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    text = (package.get("License") or "").partition("\n")[0]
    return package.get("License-Expression") or "; ".join(classifiers) or text


def licenses(names: Iterator[str], rules: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(package, version, what it states, verdict) of each; ``no:`` begins a verdict against it."""
    for name in names:
        try:
            package = metadata(name)
        except PackageNotFoundError:
            yield name, "", "", "not installed here, so not judged"
            continue
        stated = stated_license(package)
        parts = [rules["spelled"].get(part, part) for part in OPERATORS.split(stated) if part.strip()]
        why = [reason for pattern, reason in rules["judged"].items() if fnmatch.fnmatch(name, pattern)]
        if why:
            verdict = f"judged: {why[0]}"
        elif parts and set(parts) <= set(rules["permitted"]):
            verdict = "permitted"
        else:
            verdict = "no: not among the licenses that are permitted"
        yield name, package["Version"], stated, verdict


def license_report(out: Path) -> str:
    """Write ``licenses.csv``.

    Raises:
        ValueError: a package may not be used.
    """
    names = sorted(entries(LOCK.read_text(encoding="utf-8")))
    found = list(licenses(iter(names), tomllib.loads(LICENSES.read_text(encoding="utf-8"))))
    with (out / "licenses.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("package", "version", "license", "verdict"), *found])
    if wrong := [
        f"{name} ({stated or 'none stated'})" for name, _, stated, verdict in found if verdict[:2] == "no:"
    ]:
        raise ValueError(f"not permitted by deploy/licenses.toml: {', '.join(wrong)}")
    absent = sum(not version for _, version, *_ in found)
    return f"{len(found) - absent} packages permitted, {absent} not installed here"


def bill_of_materials(tools: Path, out: Path) -> str:
    """Write ``sbom.cdx.json``: every package of the lock with its hashes.

    Raises:
        ValueError: the tool failed, or left a package out.
    """
    target = out / "sbom.cdx.json"
    _run(
        tools / "cyclonedx-py",
        *("requirements", str(LOCK), "--pyproject", str(ROOT / "pyproject.toml")),
        *("--output-reproducible", "--of", "JSON", "-o", str(target)),
    )
    components = json.loads(target.read_bytes())["components"]
    locked = set(entries(LOCK.read_text(encoding="utf-8")))
    if missing := locked - {canonical(each["name"]) for each in components}:
        raise ValueError(f"the bill of materials lacks {', '.join(sorted(missing))}")
    return f"{len(components)} components"


def vulnerabilities(tools: Path, out: Path) -> str:
    """Write ``vulnerabilities.json``.

    Raises:
        ValueError: some are known, or could not be looked up.
    """
    target = out / "vulnerabilities.json"
    target.unlink(missing_ok=True)
    _run(
        tools / "pip-audit",
        *("--requirement", str(LOCK), "--require-hashes", "--disable-pip", "--progress-spinner", "off"),
        *("--format", "json", "--output", str(target)),
        passing=(0, 1),
    )
    return judged_vulnerabilities(json.loads(target.read_bytes())["dependencies"])


def judged_vulnerabilities(packages: list[dict[str, Any]]) -> str:
    """What pip-audit found; a package that it could not look up is no package without vulnerabilities."""
    known = [
        f"{each['name']} {each['version']}: {one['id']}" for each in packages for one in each.get("vulns", ())
    ]
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if known:
        raise ValueError("; ".join(known))
    if skipped:
        raise ValueError(
            f"{len(skipped)} of {len(packages)} packages could not be looked up; the vulnerability service "
            "(pypi.org) must be reachable from here"
        )
    return f"{len(packages)} packages, none known"


def _run(program: Path, *arguments: str, passing: tuple[int, ...] = (0,)) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # a tool of the environment that was given
            [program, *arguments], capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"{program.name}: {error}") from error
    if done.returncode not in passing:
        raise ValueError(f"{program.name} failed: {' '.join(done.stderr.split())[-300:]}")


def main(tools: Path, out: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    parts = {
        "hashes": lambda: _hashes(LOCK.read_text(encoding="utf-8")),
        "licenses": lambda: license_report(out),
        "bill of materials": lambda: bill_of_materials(tools, out),
        "vulnerabilities": lambda: vulnerabilities(tools, out),
    }
    failed = 0
    for name, check in parts.items():
        try:
            state, said = "ok", check()
        except (ValueError, OSError) as error:
            state, said, failed = "FAILED", str(error), failed + 1
        sys.stdout.write(f"{state:<7} {name:<18} {said}\n")
    return 1 if failed else 0


def _hashes(lock: str) -> str:
    if wrong := unpinned(lock):
        raise ValueError(f"without a hash: {', '.join(wrong)}")
    return f"{len(entries(lock))} packages, each file pinned by sha256"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
