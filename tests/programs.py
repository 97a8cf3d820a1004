"""What some tests need besides Python and the plain package: a browser, a database server, an extra."""

import os

import pytest

from pipeline.speakers.networks import installed
from pipeline.weights import DIARIZATION_ADVICE


def needs_diarization() -> None:
    """For a test that tells voices apart."""
    if not installed():
        missing(f"voices cannot be told apart here: {DIARIZATION_ADVICE}")


def missing(message: str) -> None:
    """Skip a test whose program this machine lacks, and say how to get it; on CI that is a failure.

    ``make test`` needs nothing but Python on a developer's machine. CI installs the programs, so that
    nothing can be left out there unseen.
    """
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
