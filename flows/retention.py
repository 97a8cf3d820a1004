"""Flow ``retention``: what :func:`pipeline.privacy.retention.retain` does, by a clock."""

from pathlib import Path

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from pipeline.privacy.retention import retain
from pipeline.settings import load_settings

SOME_UNREADABLE = "CompletedWithFailures"


@flow(name="retention")
def retention(
    out: str | None = None,
    config: str | None = None,
    assignments: list[str] | None = None,
) -> State[dict[str, int]]:
    """Remove from ``out`` what is older than the settings ``privacy.*_days`` allow; without limits, nothing.

    Args:
        out: folder or URI; setting ``batch.out`` by default.
        config: settings file over the defaults.
        assignments: single settings as ``section.key=value``.
    """
    settings = load_settings(Path(config) if config else None, assignments or ())
    done = retain(settings, out)
    counts = done.counts()
    message = ", ".join(f"{what} {count}" for what, count in counts.items())
    get_run_logger().info("removed: %s", message)
    return Completed(name=SOME_UNREADABLE if done.failed else None, message=message, data=counts)
