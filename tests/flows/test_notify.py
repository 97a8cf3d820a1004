"""The morning's message, sent to servers of the test's own: counts and ids, and nothing else of a call."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows import notify
from flows.logs import log_lines
from pipeline.batch import CallOutcome
from pipeline.nightly import LOG, Night
from tests import factories

SAID = "my card is 4111 1111"


def night(*, failed: bool = True) -> Night:
    bad = CallOutcome(
        source=f"/calls/{SAID}.wav",
        call_id="late-bill-001",
        status="failed",
        seconds=1.0,
        error=f"unexpected KeyError: {SAID}",
        error_kind="KeyError",
        expected=False,
    )
    return Night(
        outcomes=(bad,) if failed else (),
        counts={"analyzed": 11, "rescored": 0, "unchanged": 3, "elsewhere": 0, "failed": int(failed)},
        index="/srv/reports/index.html",
        seconds=90.0,
        ledger={},
        quarantined=("often-002",),
    )


@contextmanager
def served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def webhook(got: list[Any], answer: int) -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answer)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return HTTPServer(("127.0.0.1", 0), Handler)


class Mailbox(socketserver.StreamRequestHandler):
    """As much of a mail server as one message needs."""

    got: list[str]

    def handle(self) -> None:
        def say(line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        say("220 test")
        while line := self.rfile.readline().decode().strip():
            if line.upper() == "DATA":
                say("354 go on")
                text = iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), ".")
                self.got.append("\n".join(text))
            say("221 bye" if line.upper() == "QUIT" else "250 ok")
            if line.upper() == "QUIT":
                return


@pytest.mark.parametrize("answer", [200, 500])
def test_webhook(tmp_path: Path, answer: int) -> None:
    """The address comes from a file; a refusal is told without it, and costs the night nothing."""
    got: list[Any] = []
    server = webhook(got, answer)
    (tmp_path / "url").write_text(f"http://127.0.0.1:{server.server_port}/{SAID.replace(' ', '')}\n")
    settings = factories.settings(f"notify.webhook_url_file={tmp_path}/url")
    with served(server):
        problems = notify.tell(night(), settings)
    assert problems == ([] if answer == 200 else ["the webhook could not be sent (HTTPError)"])
    (document,) = got
    assert document["counts"]["analyzed"] == 11
    assert document["failed"] == [{"call_id": "late-bill-001", "error_kind": "KeyError"}]
    assert document["quarantined"] == ["often-002"]
    assert document["text"].startswith("Calls analyzed: 11, failed: 1\n")
    assert SAID not in json.dumps(document)


def test_mail() -> None:
    """One message with the counts in its subject."""
    Mailbox.got = []
    server = socketserver.TCPServer(("127.0.0.1", 0), Mailbox)
    settings = factories.settings(
        "notify.email_to=lead@example.org",
        "notify.smtp_host=127.0.0.1",
        f"notify.smtp_port={server.server_address[1]}",
        "notify.smtp_security=none",
    )
    with served(server):
        assert notify.tell(night(), settings) == []
    (mail,) = Mailbox.got
    assert "Subject: Calls analyzed: 11, failed: 1" in mail
    assert "To: lead@example.org" in mail
    assert "late-bill-001 (KeyError)" in mail
    assert SAID not in mail


def test_nothing_is_sent_unasked(tmp_path: Path) -> None:
    """By default nobody is told; with ``problems`` only of a night that had some."""
    assert notify.tell(night(), factories.settings()) == []
    absent = f"notify.webhook_url_file={tmp_path}/absent"
    quiet = factories.settings(absent, "notify.when=problems")
    assert notify.tell(night(failed=False), quiet) == []
    assert notify.tell(night(), quiet) == ["the webhook could not be sent (FileNotFoundError)"]


def test_log_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Off by default; as JSON each line is one document, as text it begins with time, level and event."""
    for kind in ("none", "json", "text"):
        with log_lines(factories.settings(f"batch.log_format={kind}").batch):
            LOG.warning("call_failed", extra={"facts": {"call_id": "a b", "error_kind": "KeyError"}})
    as_json, as_text = capsys.readouterr().err.splitlines()
    document = json.loads(as_json)
    assert document.pop("at").endswith("+00:00")
    assert document == {
        "level": "warning", "event": "call_failed", "call_id": "a b", "error_kind": "KeyError",
    }  # fmt: skip
    assert as_text.split(" ", 1)[1] == 'warning call_failed call_id="a b" error_kind="KeyError"'
