"""What a night does for each call, and what it leaves for the morning."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import nightly, planning
from pipeline.guidance.version import guidance_sha256
from pipeline.nightly import Night, run_night
from pipeline.planning import need_of, plan
from tests import factories, fakes


class Place:
    """Recordings, an output and a ledger."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.calls, self.out = folder / "calls", folder / "out"
        self.fixed = (f"store.url=sqlite:///{folder}/callcoach.sqlite", "output.audio=none")
        fakes.record(self.calls, *names)

    def night(self, *assignments: str, **options: Any) -> Night:
        settings = factories.settings(*self.fixed, *assignments)
        return run_night(
            settings, source=str(self.calls), out=str(self.out), analyze=fakes.analyze, **options
        )

    def need(self, name: str, *assignments: str) -> str:
        path, settings = self.calls / f"{name}.wav", factories.settings(*self.fixed, *assignments)
        (call,) = plan([(path, str(path))], self.out, settings).calls
        return need_of(call, self.out, settings)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, "a", "b")


def test_a_recording_that_is_a_link_to_nothing_fails(place: Place) -> None:
    """A disk that is gone is no quiet night; the recordings that are there are analyzed."""
    (place.calls / "gone.wav").symlink_to(place.calls / "unmounted.wav")
    done = place.night()
    assert (done.counts["analyzed"], done.counts["failed"]) == (2, 1)
    (failure,) = done.failures
    assert (failure.call_id, failure.bad_input) == ("gone", True)
    assert "is a link that leads to no file" in (failure.error or "")


def test_unchanged_calls_are_not_even_opened(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rerun reads neither a recording nor an analysis, and leaves tables and pages of agents alone."""
    for path in place.calls.glob("*.wav"):
        path.with_suffix(".json").write_text('{"agent_id": "maya"}')
    place.night()
    kept = [place.out / name for name in ("calls.parquet", "summary.csv", "agents/maya.html")]
    before = [path.stat() for path in kept]

    def refuse(*_: object) -> None:
        raise AssertionError("was read")

    for name in ("sha256_of", "stored_analysis"):
        monkeypatch.setattr(planning, name, refuse)
    monkeypatch.setattr("pipeline.reports.analysis_json.loads", refuse)
    assert place.night().counts == {
        "analyzed": 0, "rescored": 0, "unchanged": 2, "elsewhere": 0, "failed": 0,
    }  # fmt: skip
    after = [path.stat() for path in kept]
    assert [(one.st_ino, one.st_mtime_ns) for one in after] == [
        (one.st_ino, one.st_mtime_ns) for one in before
    ]
    kept[1].unlink()
    place.night()
    assert len(kept[1].read_text().splitlines()) == 3


def test_each_change_needs_its_own(place: Place) -> None:
    """A limit or guidance is judged anew from the analysis; what acts on the sound needs the sound."""
    assert place.need("a") == "analyze"
    place.night()
    assert place.need("a") == "current"
    assert place.need("a", "batch.workers=2", "notify.when=problems") == "current"
    assert place.need("a", "rate.slow_sps=3.2") == "rescore"
    assert place.need("a", "output.play_lead_s=3") == "rescore"
    assert place.need("a", "output.audio=beside") == "analyze"
    assert place.need("a", "turns.gap_s=4") == "analyze"
    path = place.out / "a/analysis.json"
    document = json.loads(path.read_bytes())
    for noted, need in ((guidance_sha256("en"), "current"), ("another", "rescore")):
        document["provenance"]["guidance_sha256"] = noted
        document["call"]["language"] = "en"
        path.write_text(json.dumps(document))
        assert place.need("a") == need


def test_other_limits_are_applied_without_the_sound(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls are judged anew once; the next night with the same settings has nothing to do."""
    place.night()
    monkeypatch.setenv("FAKE_JOURNAL", str(tmp_path / "journal"))
    assert place.night("rate.slow_sps=3.2").counts["rescored"] == 2
    assert not (tmp_path / "journal").exists()
    document = json.loads((place.out / "a/analysis.json").read_bytes())
    assert document["provenance"]["rescored"]["config_sha256"]
    assert place.night("rate.slow_sps=3.2").counts["unchanged"] == 2
    assert place.night("turns.gap_s=4", only=("rescore",)).counts["unchanged"] == 2


def test_a_removed_analysis_is_made_again(place: Place) -> None:
    """The ledger never says done of what is not there."""
    place.night()
    (place.out / "a/analysis.json").unlink()
    assert place.night().counts["analyzed"] == 1


def test_a_call_without_its_agents_history_is_analyzed_again(place: Place, tmp_path: Path) -> None:
    """What an outage of the store has cost is made good on the first night with a store."""
    (place.calls / "a.json").write_text('{"agent_id": "maya"}')
    (tmp_path / "file").touch()
    down = place.night(f"store.url=sqlite:///{tmp_path}/file/x.sqlite")
    assert down.counts["analyzed"] == 2
    assert down.ledger_error is not None
    assert "could not be used" in (place.out / "summary.md").read_text()
    assert json.loads((place.out / "summary.json").read_bytes())["ledger"]["available"] is False
    again = place.night()
    assert (again.counts["analyzed"], again.counts["unchanged"]) == (1, 1)


def test_the_morning_pages_say_what_stands(tmp_path: Path) -> None:
    """Failures with reasons, what is left alone, and the ledger's counts in the summary and the index."""
    place = Place(tmp_path, "a", "bug-b", "reject-c")
    place.night("batch.quarantine_after=1")
    night = place.night("batch.quarantine_after=1")
    assert night.counts["failed"] == 2
    assert night.quarantined == ("bug-b",)
    told = (place.out / "summary.md").read_text()
    assert "`reject-c`: " in told
    assert "has no speech" in told
    assert "left alone after repeated failures: 1" in (place.out / "index.html").read_text()
    ledger = json.loads((place.out / "summary.json").read_bytes())["ledger"]
    assert ledger["counts"] == {"pending": 0, "running": 0, "done": 1, "failed": 1, "quarantined": 1}
    assert [(each["call_id"], each["tries"]) for each in ledger["failed"]] == [("bug-b", 1), ("reject-c", 1)]


def test_metrics_for_prometheus(place: Place, tmp_path: Path) -> None:
    """Every line is a comment or a name with a value, and the counts are those of the night."""
    path = tmp_path / "callcoach.prom"
    place.night(f"batch.metrics_file={path}")
    lines = path.read_text().splitlines()
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}
    assert values['callcoach_batch_calls{result="analyzed"}'] == 2
    assert values['callcoach_ledger_calls{state="done"}'] == 2
    assert values["callcoach_batch_audio_seconds"] == pytest.approx(2.0, abs=0.1)
    assert path.stat().st_mode & 0o777 == 0o644
    lost = place.night(f"batch.metrics_file={tmp_path}/none/callcoach.prom")
    assert [problem.endswith("(No such file or directory)") for problem in lost.problems] == [True]


def test_unexpected_errors_are_published_by_their_kind(tmp_path: Path) -> None:
    """The text of an error that the product did not write may quote the call: it is in no page or summary."""
    place = Place(tmp_path, "a", "bug-b")
    place.night()
    for name in ("summary.json", "index.html", "summary.md"):
        told = (place.out / name).read_text()
        assert "unexpected KeyError" in told
        assert "KeyError: " not in told


def test_events_carry_ids_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A log line says what became of which call, and no more."""
    caplog.set_level("INFO", nightly.LOGGER)
    Place(tmp_path, "a", "bug-b").night()
    facts = {record.getMessage(): record.__dict__["facts"] for record in caplog.records}
    assert set(facts) == {"run_started", "call_done", "call_failed", "run_finished"}
    assert set(facts["call_failed"]) == {"run", "call_id", "seconds", "error_kind"}
    assert (facts["call_failed"]["call_id"], facts["call_failed"]["error_kind"]) == ("bug-b", "KeyError")
