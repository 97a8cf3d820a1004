"""Programs that some tests need besides Python: a browser, a database server."""

import os

import pytest


def missing(message: str) -> None:
    """Skip a test whose program this machine lacks, and say how to get it; on CI that is a failure.

    ``make test`` needs nothing but Python on a developer's machine. CI installs the programs, so that
    nothing can be left out there unseen.
    """
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
