"""``make server``: a server, a worker and every deployment, and a night that is triggered there."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests import fakes
from tests.flows.test_documented import OPERATIONS
from tests.flows.test_notify import served, webhook

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The API of a server that ``flows.serve`` has started; ended as Ctrl-C ends it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("prefect")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    program = subprocess.Popen(
        [sys.executable, "-m", "flows.serve", "--port", str(port)],
        env=environment | {"PREFECT_HOME": str(folder), "PREFECT_WORKER_QUERY_SECONDS": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        assert "is ready" in program.stdout.readline()
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.glob("prefect.db*")} == {0o600}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=60) as client:
            yield client
            program.send_signal(signal.SIGINT)
            assert program.wait(120) == 0
            with pytest.raises(httpx.ConnectError):
                client.get("/health")
    finally:
        program.kill()


def test_a_triggered_night_succeeds_with_its_artifacts(api: httpx.Client, tmp_path: Path) -> None:
    """Every deployment of prefect.yaml is there with described parameters, and a worker runs a night."""
    deployments = {each["name"]: each for each in api.post("/deployments/filter", json={}).json()}
    wanted = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert set(deployments) == {each["name"] for each in wanted}
    for each in deployments.values():
        for name, schema in each["parameter_openapi_schema"]["properties"].items():
            assert schema.get("description"), f"{each['name']}: {name}"
    fakes.record(tmp_path / "calls", "a", "b")  # silent ones, which the real analysis is done with soon
    run = _night(api, tmp_path)
    state = run["state"]
    assert (state["type"], state["name"]) == ("COMPLETED", "Completed"), state["message"]
    assert state["message"].startswith("2 analyzed")
    of_run = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}}
    artifacts = {each["key"]: each for each in api.post("/artifacts/filter", json=of_run).json()}
    assert set(artifacts) == {"callcoach-nightly", "callcoach-index", "callcoach-summary"}
    assert (tmp_path / "out/index.html").as_uri() in artifacts["callcoach-index"]["data"]
    deadline = time.monotonic() + PATIENCE_S
    while not any(line.startswith("2 analyzed") for line in _log(api, run["id"])):  # it is sent in batches
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_the_documented_automation_tells_of_failed_calls(api: httpx.Client, tmp_path: Path) -> None:
    """Block and automation as on the page: a night with a bad recording sends its counts to the webhook."""
    (block,) = re.findall(r"```\n(from prefect\.blocks.*?)```", OPERATIONS, re.DOTALL)
    (automation,) = re.findall(r"```\n(# failed-nights\.yaml.*?)```", OPERATIONS, re.DOTALL)
    got: list[Any] = []
    server = webhook(got, 200)
    environment = os.environ | {"PREFECT_API_URL": str(api.base_url), "PREFECT_HOME": str(tmp_path)}

    def done(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    with served(server):
        address = f"http://127.0.0.1:{server.server_port}/"
        block_id = done("-c", block.replace("https://chat.example.org/hook", address)).strip()
        file = tmp_path / "failed-nights.yaml"
        file.write_text(automation.replace("00000000-0000-0000-0000-000000000000", block_id))
        done("-m", "prefect", "automation", "create", "--from-file", str(file))
        fakes.record(tmp_path / "calls", "a")
        (tmp_path / "calls/bad.wav").write_text("not a recording")
        assert _night(api, tmp_path)["state"]["name"] == "CompletedWithFailures"
        deadline = time.monotonic() + PATIENCE_S
        while not got and time.monotonic() < deadline:
            time.sleep(0.1)
    (told,) = got
    assert told["text"].startswith("CompletedWithFailures: 1 analyzed, ")
    assert told["text"].endswith(", 1 failed")


def _night(api: httpx.Client, folder: Path) -> dict[str, Any]:
    """A run of the deployment, when it has ended."""
    deployments = _answer(lambda: api.post("/deployments/filter", json={}))
    (nightly,) = [each["id"] for each in deployments if each["name"] == "nightly"]
    parameters = {
        "source": str(folder / "calls"),
        "out": str(folder / "out"),
        "assignments": ["recognizer.model=tiny.en", f"store.url=sqlite:///{folder}/store.sqlite"],
    }
    run = _answer(
        lambda: api.post(f"/deployments/{nightly}/create_flow_run", json={"parameters": parameters})
    )
    return run | {"state": _final_state(api, run["id"])}


def _log(api: httpx.Client, run_id: str) -> list[str]:
    """What the page of a run shows as its log."""
    of_run = {"logs": {"flow_run_id": {"any_": [run_id]}}}
    return [each["message"] for each in _answer(lambda: api.post("/logs/filter", json=of_run))]


def _answer(ask: Callable[[], httpx.Response]) -> Any:
    """What the server says, asked again while it is too busy, as Prefect's own client does."""
    deadline = time.monotonic() + PATIENCE_S
    while (answer := ask()).status_code == httpx.codes.SERVICE_UNAVAILABLE and time.monotonic() < deadline:
        time.sleep(1)
    return answer.raise_for_status().json()


def _final_state(api: httpx.Client, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        state: dict[str, Any] = _answer(lambda: api.get(f"/flow_runs/{run}"))["state"]
        if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            return state
        time.sleep(0.5)
    raise AssertionError("the run did not end in time")
