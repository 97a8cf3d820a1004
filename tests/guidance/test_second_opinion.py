"""The optional judge, asked over HTTP on this machine."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipeline.doctor import examine
from pipeline.errors import SettingsError
from pipeline.guidance.config import load_guidance
from pipeline.guidance.judge import judge
from pipeline.guidance.second_opinion import Opinions, load_questions, second_opinions
from pipeline.records import Finding
from pipeline.rescore import rescore
from pipeline.settings import Settings
from tests import factories
from tests.factories import in_english
from tests.guidance.calls import BAD, heard

KEY = "CALLCOACH_JUDGE_API_KEY"
RESTATED = {"id": "empathy", "verdict": "met", "quotes": ["you should have waited"], "reason": "It is said."}


@dataclass
class Server:
    """An endpoint that gives one answer, and what it was sent."""

    answer: Any = None
    raw: bytes | None = None
    status: int = 200
    wait_s: float = 0.0
    address: str = ""
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        content = "Here it is:\n" + json.dumps({"checks": self.answer})
        return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(KEY, raising=False)
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append((self.path, dict(self.headers), json.loads(content)))
            time.sleep(state.wait_s)
            self.send_response(state.status)
            if state.status == 302:
                self.send_header("Location", f"{state.address}/elsewhere")
            self.end_headers()
            self.wfile.write(state.body())

        def log_message(self, *args: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{listening.server_port}/v1"
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield state
    listening.shutdown()
    thread.join()
    listening.server_close()


def settings(server: Server, *assignments: str) -> Settings:
    return factories.settings(f"judge.url={server.address}", "judge.model=small", *assignments)


def asked(server: Server, *assignments: str) -> Opinions:
    return second_opinions(heard(BAD).turns, "en", load_guidance(), settings(server, *assignments))


def empathy(opinions: Opinions, chosen: Settings) -> Finding:
    found = judge(heard(BAD), chosen, opinions=opinions.of).guidance
    return next(finding for finding in found if finding.id == "empathy")


def test_nobody_is_asked_by_default() -> None:
    """Without an address nothing leaves the machine, and nothing is said of it."""
    assert second_opinions(heard(BAD).turns, "en", load_guidance(), factories.settings()) == Opinions()


def test_what_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns and questions are sent, with temperature 0 and the key of the environment; no name, no file."""
    monkeypatch.setenv(KEY, "secret-key")
    server.answer = [RESTATED]
    asked(server, "judge.checks=empathy")
    ((path, headers, body),) = server.asked
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret-key"
    assert (body["model"], body["temperature"]) == ("small", 0)
    sent = json.loads(body["messages"][1]["content"])
    assert list(sent["questions"]) == ["empathy"]
    assert sent["transcript"] == [{"speaker": who, "text": text} for who, text, _ in BAD]
    assert "secret-key" not in json.dumps([str(row) for row in settings(server).describe()])


def test_the_query_of_the_address_stays_behind(server: Server) -> None:
    """Some gateways want a version or a key there."""
    server.address += "?version=2"
    asked(server, "judge.checks=empathy")
    assert server.asked[0][0] == "/v1/chat/completions?version=2"


def test_an_opinion_stands_beside_the_verdict(server: Server) -> None:
    """The product's own verdict and score stay; the judge's has the place where its quote was said."""
    server.answer = [RESTATED]
    opinions = asked(server, "judge.checks=empathy")
    assert opinions.warnings == ()
    own, found = empathy(Opinions(), settings(server)), empathy(opinions, settings(server))
    other = found.second_opinion
    assert other is not None
    assert (found.verdict, found.score) == (own.verdict, own.score) == ("missed", 0.0)
    assert (other.model, other.verdict, other.replaced) == ("small", "met", None)
    (evidence,) = other.evidence
    assert (evidence.turn, evidence.quote, in_english(evidence.note)) == (
        2,
        "You should have waited.",
        "judge",
    )


def test_an_opinion_decides_where_the_setting_says_so(server: Server) -> None:
    """The verdict, its score and the roll-up are the judge's then, and marked; what it replaced is kept."""
    server.answer = [RESTATED]
    chosen = settings(server, "judge.decides=true")
    found = empathy(asked(server, "judge.checks=empathy"), chosen)
    assert (found.verdict, found.score) == ("met", 1.0)
    assert in_english(found.reason) == "judge (small): It is said."
    assert found.second_opinion is not None
    assert found.second_opinion.replaced == "missed"


@pytest.mark.parametrize(
    "answer",
    [
        RESTATED | {"quotes": ["I know how annoying that is"]},
        RESTATED | {"quotes": ["you should have waited", "never said by anyone"]},
        RESTATED | {"quotes": ["should have"]},
        RESTATED | {"quotes": []},
        RESTATED | {"verdict": "violated"},
        RESTATED | {"verdict": "not_scored"},
        RESTATED | {"id": "apology"},
    ],
)
def test_answers_that_cannot_be_right_are_refused(server: Server, answer: dict[str, Any]) -> None:
    """Quotes that nobody said, too short ones, none, and verdicts that a check has not: all count nothing."""
    server.answer = [answer]
    opinions = asked(server, "judge.checks=empathy")
    assert opinions.of == {}
    assert [warning.code for warning in opinions.warnings] == ["judge_refused"]


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        ({"status": 500}, "HTTP status 500"),
        ({"status": 302}, "HTTP status 302"),
        ({"raw": b"<html>"}, "not that of a chat completion"),
        ({"raw": b'{"choices": []}'}, "not that of a chat completion"),
        ({"raw": b'{"choices": [{"message": {"content": "no"}}]}'}, "not the JSON that was asked for"),
        ({"wait_s": 1.0}, "TimeoutError"),
    ],
)
def test_trouble_is_a_warning(server: Server, trouble: dict[str, Any], expected: str) -> None:
    """A judge that fails costs its opinion, never the call; a redirection is not followed."""
    for name, value in trouble.items():
        setattr(server, name, value)
    opinions = asked(server, "judge.timeout_s=0.3")
    assert opinions.of == {}
    (warning,) = opinions.warnings
    assert warning.code == "judge_unavailable"
    assert expected in in_english(warning.message)
    assert len(server.asked) == 1


def test_nobody_listens() -> None:
    """An address where nothing answers is a warning, too."""
    chosen = factories.settings("judge.url=http://127.0.0.1:9/v1", "judge.timeout_s=2")
    (warning,) = second_opinions(heard(BAD).turns, "en", load_guidance(), chosen).warnings
    assert "cannot be reached" in in_english(warning.message)


def test_unredacted_words_are_not_sent(server: Server) -> None:
    """Where redaction is off, or a language has none, the judge is not asked."""
    unsent = asked(server, "redaction.kinds=null").warnings[0]
    assert "redaction is off" in in_english(unsent.message)
    opinions = second_opinions(heard(BAD).turns, "tlh", load_guidance(), settings(server))
    assert "language tlh" in in_english(opinions.warnings[0].message)
    assert server.asked == []


def test_every_check_that_words_decide_has_a_question() -> None:
    """No check of what was said is forgotten, and none is asked that needs sound."""
    questions = load_questions("en")
    assert questions is not None
    checks = load_guidance().checks
    words = {name for name, check in checks.items() if check.part == "what_said" and check.kind != "roll_up"}
    assert set(questions.checks) == words


def test_unknown_checks_are_wrong_settings(server: Server) -> None:
    """A misspelled check is said, not passed over."""
    with pytest.raises(SettingsError, match="no question for empathie"):
        asked(server, "judge.checks=empathie")


def test_rescoring_keeps_opinions_and_asks_nobody(server: Server) -> None:
    """Stored opinions stand until the call is analyzed again, without the network."""
    server.answer = [RESTATED]
    chosen = settings(server, "judge.checks=empathy", "acts.meaning=false")
    made = factories.analysis()
    opinions = asked(server, "judge.checks=empathy")
    before = rescore(made, chosen)
    marked = tuple(
        factories.dataclasses.replace(each, second_opinion=opinions.of.get(each.id))
        for each in before.guidance
    )
    after = rescore(factories.dataclasses.replace(before, guidance=marked), chosen)
    assert [each.id for each in after.guidance if each.second_opinion] == ["empathy"]
    assert len(server.asked) == 1


def test_doctor_says_where_it_would_connect() -> None:
    """Whoever checks the machine sees that transcripts would leave it, and where to; no password is shown."""
    assignment = "judge.url=http://me:pass@judge.example:8080/v1"
    network = next(check for check in examine(None, [assignment], None) if check.name == "network")
    assert network.status == "note"
    assert "judge.url" in network.detail
    assert "http://me:***@judge.example:8080/v1" in network.detail
