"""Fuzzes a reader under atheris: ``python -m tests.fuzz TARGET [--seconds N]``, ``make fuzz``.

Needs the extra ``fuzz``. What breaks a target is written to ``out/fuzz`` and shown; give that file as
``--again`` to see it once more.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pipeline"]):
    from tests.fuzz.targets import SEEDS, TARGETS

FOUND = Path("out/fuzz")
LARGEST_BYTES = 16384
SLOWEST_S = 20


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--again", type=Path, help="a file that broke it")
    given = parser.parse_args()
    FOUND.mkdir(parents=True, exist_ok=True)
    corpus = FOUND / given.target
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(SEEDS.get(given.target, ())):
        (corpus / f"seed-{number}").write_bytes(seed)
    with tempfile.TemporaryDirectory(prefix="callcoach-fuzz-") as folder:
        target = TARGETS[given.target]

        def one(data: bytes) -> None:
            target(data, Path(folder))

        if given.again:
            one(given.again.read_bytes())
            return
        options = [
            f"-max_total_time={given.seconds}",
            f"-max_len={LARGEST_BYTES}",
            f"-timeout={SLOWEST_S}",
            f"-artifact_prefix={FOUND}/{given.target}-",
            "-rss_limit_mb=3000",
            "-print_final_stats=1",
            "-verbosity=0",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
