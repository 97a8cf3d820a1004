"""``report.pdf``: the report as it prints, made by a browser on this machine or by WeasyPrint."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pipeline import files
from pipeline.errors import StageFailed, how_to_get

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LIMIT_S = 120.0
ARGUMENTS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # nothing is fetched, whatever a page says
)


def write_pdf(html: Path, pdf: Path, modes: files.Modes) -> Path:
    """Print a report to ``pdf``.

    Raises:
        StageFailed: there is nothing to print with, or it failed.
    """
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with files.atomic_path(pdf, modes) as path:
        if browser is not None:
            _by_browser(browser, html, path)
        else:
            _by_weasyprint(html, path)
    return pdf


def _by_browser(browser: str, html: Path, pdf: Path) -> None:
    root = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory(prefix="callcoach-print-") as profile:
        command = [browser, *ARGUMENTS, *root, f"--user-data-dir={profile}", f"--print-to-pdf={pdf}"]
        try:
            done = subprocess.run(  # noqa: S603
                [*command, html.resolve().as_uri()], capture_output=True, timeout=LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StageFailed(f"{html}: {browser} did not print it ({type(error).__name__})") from error
    if done.returncode != 0 or not pdf.is_file() or not pdf.stat().st_size:
        raise StageFailed(f"{html}: {browser} did not print it (exit code {done.returncode})")


def _by_weasyprint(html: Path, pdf: Path) -> None:
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:
        raise StageFailed(
            "nothing on this machine can print: install Chromium (Debian: apt-get install chromium), or "
            f"WeasyPrint: {how_to_get('pdf')}"
        ) from error
    HTML(filename=str(html)).write_pdf(str(pdf))
