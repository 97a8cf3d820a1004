"""Documents point at what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
TEST = re.compile(r"`((?:tests/[\w/]+\.py)?)::(\w+)`")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    """A reader who follows a link finds a page."""
    links = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_threat_model_names_tests_that_there_are() -> None:
    """What is said to be shown by a test is: each row of a threat names some, and all of them exist."""
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [STRIDE] \|.*$", text, flags=re.MULTILINE)
    assert len(rows) > 20
    assert [row for row in rows if not TEST.search(row) and ".md)" not in row] == []
    file = ""
    for given, name in TEST.findall(text):
        file = given or file
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{name}"
