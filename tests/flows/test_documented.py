"""What the documentation says of Prefect is what Prefect takes."""

import re
from pathlib import Path

import yaml
from prefect.events.schemas.automations import AutomationCore, EventTrigger

from flows.nightly import SOME_FAILED

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")


def test_the_automation_is_valid_and_names_the_state_of_failed_calls() -> None:
    """Copied from the page, it fires for nights with failures."""
    (block,) = re.findall(r"```\n(# failed-nights\.yaml.*?)```", OPERATIONS, re.DOTALL)
    automation = AutomationCore.model_validate(yaml.safe_load(block))
    assert isinstance(automation.trigger, EventTrigger)
    assert f"prefect.flow-run.{SOME_FAILED}" in automation.trigger.expect
