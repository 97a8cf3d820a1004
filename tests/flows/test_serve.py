"""``make server``: a server, a worker and every deployment, and a night that is triggered there."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests import fakes

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
    assert program.stdout is not None
    assert "is ready" in program.stdout.readline()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=60) as client:
        yield client
        program.send_signal(signal.SIGINT)
        assert program.wait(60) == 0
        with pytest.raises(httpx.ConnectError):
            client.get("/health")


def test_a_triggered_night_succeeds_with_its_artifacts(api: httpx.Client, tmp_path: Path) -> None:
    """Every deployment of prefect.yaml is there with described parameters, and a worker runs a night."""
    deployments = {each["name"]: each for each in api.post("/deployments/filter", json={}).json()}
    wanted = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert set(deployments) == {each["name"] for each in wanted}
    for each in deployments.values():
        for name, schema in each["parameter_openapi_schema"]["properties"].items():
            assert schema.get("description"), f"{each['name']}: {name}"
    fakes.record(tmp_path / "calls", "a", "b")  # silent ones, which the real analysis is done with soon
    parameters = {
        "source": str(tmp_path / "calls"),
        "out": str(tmp_path / "out"),
        "assignments": ["recognizer.model=tiny.en"],
    }
    nightly = deployments["nightly"]["id"]
    run = api.post(f"/deployments/{nightly}/create_flow_run", json={"parameters": parameters}).json()
    state = _final_state(api, run["id"])
    assert (state["type"], state["name"]) == ("COMPLETED", "Completed"), state["message"]
    assert state["message"].startswith("2 analysed")
    of_run = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}}
    artifacts = {each["key"]: each for each in api.post("/artifacts/filter", json=of_run).json()}
    assert set(artifacts) == {"callcoach-nightly", "callcoach-index", "callcoach-summary"}
    assert (tmp_path / "out/index.html").as_uri() in artifacts["callcoach-index"]["data"]


def _final_state(api: httpx.Client, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        state: dict[str, Any] = api.get(f"/flow_runs/{run}").json()["state"]
        if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            return state
        time.sleep(0.5)
    raise AssertionError("the run did not end in time")
