"""``report.md`` holds the same facts, and what was said cannot become markup."""

import dataclasses

import pytest

from pipeline.reports.markdown import escape, render_markdown
from tests import factories
from tests.factories import Line

SETTINGS = factories.settings()


def test_same_facts_as_the_page() -> None:
    """Verdict, figures, limits, events, findings and transcript are there."""
    text = render_markdown(factories.analysis(), SETTINGS)
    for expected in (
        "# Call late-bill-001",
        "## Keep doing",
        "73 words over 28.5 s of turn time",
        "**Interruptions: 1.** It is an interruption from 0.5 s of overlap",
        "| Interruption | 0:10 | Agent, while the customer was speaking | 0.70",
        r"0\.7 s of overlap |",
        "0:04 to 0:11, cut off",
        "announced it: yes, “let me look at the bill right now.”",
        "was given consent: no, not asked for",
        "not kept",
        "Customer:** Right, and the estimate is far too high.",
    ):
        assert expected in text, expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a | b", r"a \| b"),
        ("*loud* _low_ `code`", r"\*loud\* \_low\_ \`code\`"),
        ("[a](http://x.y)", r"\[a\](http\://x.y)"),
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("# head", r"\# head"),
        ("- item", r"\- item"),
        ("12. item", r"12\. item"),
        ("two\n\n# lines", r"two \# lines"),
        ("&lt;", r"\&lt;"),
        ("well-known, 3.5 (yes)", "well-known, 3.5 (yes)"),
    ],
)
def test_escape(text: str, expected: str) -> None:
    """What means something in Markdown is escaped, ordinary prose stays readable."""
    assert escape(text) == expected


def test_tables_keep_their_columns() -> None:
    """A bar in a quote must not add a cell."""
    line: Line = ("agent", 0.0, 2.0, "either | or")
    one = factories.analysis([line])
    event = dataclasses.replace(factories.event("interruption", 0.0, 1.0), quote="either | or")
    text = render_markdown(dataclasses.replace(one, interruptions=(event,)), SETTINGS)
    row = next(row for row in text.splitlines() if row.startswith("| Interruption |"))
    assert row.replace(r"\|", "").count("|") == 9


def test_empty_call() -> None:
    """An empty call has a short report."""
    text = render_markdown(factories.empty(), SETTINGS)
    assert "No speech was found in either channel." in text
    assert "None" not in text
