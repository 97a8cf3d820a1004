"""What holds for every test: the store it may use, what it needs, and when it runs."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

NEEDS = {
    "cluster": "test_cluster.py",
    "server": "flows faults privacy store/test_database.py test_offline.py",
    "models": "guidance/test_dialogues.py speakers/test_diarization.py test_fairness.py test_languages.py "
    "test_samples.py transcription/test_kept.py transcription/test_recognizer.py",
    "browser": "reports/test_browser.py",
    "slow": "audio/test_isolation.py guidance/test_acts.py guidance/test_second_opinion.py "
    "prosody/test_voice.py "
    "speakers/test_roles.py store test_another_language.py test_batch.py test_cli.py test_hostile_input.py "
    "test_models.py test_nightly.py test_rescore.py test_storage.py test_texts.py test_transcript_call.py "
    "test_turntaking_cases.py",
}
"""Markers of files and folders under tests/, the dearest first; `make test-quick` leaves all of them out."""


def pytest_itemcollected(item: pytest.Item) -> None:
    for name in _needs(item):
        item.add_marker(name)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the dearest files first, so that two processes end together."""
    last = len(NEEDS)
    items.sort(key=lambda item: min((list(NEEDS).index(name) for name in _needs(item)), default=last))


def _needs(item: pytest.Item) -> list[str]:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    return [name for name, places in NEEDS.items() if path.startswith(tuple(places.split()))]


@pytest.fixture(scope="session", autouse=True)
def _no_store_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The store of a test run is in a temporary folder, in worker processes too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


# Tests assert behavior, not timings: a slow machine fails none.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
