"""How the locks are installed: what is said meanwhile, and what is said when it fails."""

import sys
from pathlib import Path

import pytest

from deploy import install

SAYS = """
import sys
print("Collecting first==1 (from -r some.lock)")
print("  Downloading first-1.whl (1 kB)")
print("Requirement already satisfied: second==2 in /somewhere")
print("Installing collected packages: first")
print("ERROR: no space left on device", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


def test_a_package_at_a_time_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Minutes of silence look like a fault: what is fetched and unpacked is told, a line a step."""
    program = tmp_path / "pip.py"
    program.write_text(SAYS)
    line = install.Line()
    code, said = install.follow([sys.executable, str(program), "0"], line, 2)
    line.end("Installed.")
    assert code == 0
    assert said[-1] == "ERROR: no space left on device"
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["Fetching 1 of 2: first", "Unpacking them, 20 seconds to two minutes", "Installed."]


def test_a_failure_is_told_in_pips_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What pip says last is what the user needs, with how to go on; nothing else is tried after it."""
    program = tmp_path / "pip.py"
    program.write_text(SAYS)
    monkeypatch.setattr(install, "PIP", [sys.executable, str(program), "3"])
    lock = tmp_path / "some.lock"
    lock.write_text("first==1 \\\n    --hash=sha256:1\nsecond[extra]==2 \\\n    --hash=sha256:2\n")
    assert install.main(lock) == 3
    told = capsys.readouterr()
    assert told.out.startswith(f"Installing 2 packages into {sys.prefix}, pinned by some.lock.\n")
    assert "ERROR: no space left on device" in told.err
    assert told.err.endswith("pip could not install some.lock; run make again to go on from here\n")
