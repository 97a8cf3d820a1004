"""Installs what a lock pins, and callcoach itself: ``.venv/bin/python deploy/install.py LOCK``.

pip says nothing for minutes, or a line for every file. Here one line counts the packages, in words. The locks
are complete, so pip has nothing to resolve; older ones cannot with hashes and extras together.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
FETCHED = re.compile(r"(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)")
EVERY_S = 10.0
LINES_OF_AN_ERROR = 15


def main(lock: Path) -> int:
    """0, or pip's exit code after its last lines."""
    pinned = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*\])?==", lock.read_text(encoding="utf-8"), re.MULTILINE)
    print(f"Installing {len(pinned)} packages into {sys.prefix}, pinned by {lock.name}.", flush=True)
    line = Line()
    # compiled afterwards, on all cores at once
    command = [*PIP, "install", "--no-deps", "--require-hashes", "--no-compile", "--progress-bar", "off"]
    code, said = follow([*command, "-r", str(lock)], line, len(pinned))
    if not code:
        line.show("Installing callcoach itself")
        code, said = follow([*PIP, "install", "--no-deps", "--editable", str(ROOT)], line, 0)
    if code:
        line.end()
        print("\n".join(said[-LINES_OF_AN_ERROR:]), file=sys.stderr)
        print(f"pip could not install {lock.name}; run make again to go on from here", file=sys.stderr)
        return code
    line.show("Compiling, so that the first start is fast")
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "-j", "0", sys.prefix],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,  # some packages ship templates that are no Python
    )
    line.end(f"Installed in {line.seconds:.0f} s.")
    return 0


def follow(command: list[str], line: "Line", packages: int) -> tuple[int, list[str]]:
    """Runs pip; its exit code and what it said."""
    said: list[str] = []
    fetched = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for text in pip.stdout or ():
            said.append(text.rstrip())
            if found := FETCHED.match(text):
                fetched += 1
                line.show(f"Fetching {fetched} of {packages}: {found[1]}")
            elif text.startswith("Installing collected packages") and packages:
                line.show("Unpacking them, 20 seconds to two minutes")
    return pip.returncode, said


class Line:
    """One line of progress: rewritten on a terminal, else a new one every ten seconds."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._started = time.monotonic()
        self._shown = -EVERY_S
        self._step = ""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def show(self, text: str) -> None:
        step = text.split()[0]
        if not self._terminal and step == self._step and self.seconds - self._shown < EVERY_S:
            return
        self._shown, self._step = self.seconds, step
        print(f"\r\x1b[K{text}" if self._terminal else text, end="" if self._terminal else "\n", flush=True)

    def end(self, text: str = "") -> None:
        if self._terminal:
            print("\r\x1b[K", end="")
        if text:
            print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
