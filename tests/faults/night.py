"""A night as a program of its own: ``python -m tests.faults.night SOURCE OUT [KEY=VALUE...]``."""

import json
import resource
import sys

from pipeline.console import orderly_termination
from pipeline.errors import CallError
from pipeline.nightly import run_night
from pipeline.settings import load_settings
from tests import fakes


def main(source: str, out: str, *given: str) -> int:
    assignments = [each for each in given if not each.startswith("--")]
    for each in given:
        if each.startswith("--file-bytes="):  # a disk with no room for more, for this process and its workers
            limit = int(each.partition("=")[2])
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        with orderly_termination():
            night = run_night(load_settings(None, assignments), source=source, out=out, analyze=fakes.analyze)
    except CallError as error:
        print(error, file=sys.stderr)
        return 1
    failures = {outcome.call_id or "": outcome.error for outcome in night.failures}
    print(json.dumps(night.counts | {"failures": failures, "ledger_error": night.ledger_error}))
    return 1 if night.failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
