"""What would connect to other machines is known, off by default, and shown with what switches it on."""

from pathlib import Path

import pytest

from pipeline.doctor import examine
from pipeline.network import ways
from tests import factories

ON = {
    "judge": "judge.url=http://judge:8080/v1",
    "recordings": "batch.source=s3://calls",
    "reports": "batch.out=s3://reports",
    "store": "store.url=postgresql+psycopg://me:hush@db/callcoach",
    "dask": "batch.dask_address=tcp://scheduler:8786",
    "webhook": "notify.webhook_url_file=/run/secrets/hook",
    "mail": "notify.email_to=coach@example.org",
}


def test_nothing_is_on_by_default() -> None:
    """A fresh installation tells nobody anything."""
    found = list(ways(factories.settings(), {}))
    assert {way.name for way in found} == {*ON, "prefect", "hub"}
    assert [way for way in found if way.target is not None] == []


@pytest.mark.parametrize("name", ON)
def test_each_setting_switches_on_its_own_way(name: str) -> None:
    """Doctor's list is what the settings say, without passwords."""
    (on,) = (way for way in ways(factories.settings(ON[name]), {}) if way.target is not None)
    assert on.name == name
    assert on.switch == ON[name].partition("=")[0]
    assert "hush" not in str(on.target)


def test_a_prefect_server_is_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is set in the environment, and shown all the same, in the list and in the sum."""
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect:4200/api")
    checks = {check.name: check for check in examine(None, [], Path.cwd())}
    assert checks["network"].status == "note"
    assert checks["network"].detail == "PREFECT_API_URL http://prefect:4200/api"
    assert checks["network.prefect"].detail.startswith("on: http://prefect:4200/api; by PREFECT_API_URL: ")
    assert checks["network.judge"].detail.startswith("off; by judge.url: ")
