"""Removal by age: sound, words and calls go after their limits, once, and what is left is whole."""

import dataclasses
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.errors import InputRejected
from pipeline.planning import need_of, plan
from pipeline.privacy import retention
from pipeline.privacy.retention import Retention, retain
from pipeline.privacy.wordless import without_words
from pipeline.records import Analysis, Hold, Metadata
from pipeline.reports import analysis_json
from pipeline.reports.html import render_call
from pipeline.reports.markdown import render_markdown
from pipeline.reports.table import read_parquet
from pipeline.reports.write import CALL_FILES, read_call
from pipeline.rescore import rescore_call
from pipeline.texts import load_texts
from pipeline.transcript_call import analyze_transcript, load_script
from tests import factories
from tests.privacy.night import Night

NOW = datetime(2026, 4, 1, tzinfo=UTC)
SAID = "gave my number twice"


def removed(night: Night, audio: float | None, transcript: float | None, metrics: float | None) -> Retention:
    limits = {"audio": audio, "transcript": transcript, "metrics": metrics}
    given = [f"privacy.{kind}_days={days}" for kind, days in limits.items() if days is not None]
    return retain(factories.settings(*night.assignments, *given), now=NOW)


def files_of(night: Night, call_id: str) -> set[str]:
    return {path.name for path in (night.out / call_id).iterdir()}


def test_sound_goes_first(night: Night) -> None:
    """Playback copy and kept sound go; waveform, levels, words and figures stay, and reports say so."""
    kept = json.loads((night.out / "call-1001/sound.json").read_bytes())
    done = removed(night, 15, None, None)
    assert done.audio == ("call-1001", "call-1002")
    assert files_of(night, "call-1001") == set(CALL_FILES) - {"audio.ogg"}
    assert {path.name for path in (night.folder / "originals/call-1001").iterdir()} == {"turns.json"}
    report = (night.out / "call-1001/report.html").read_text()
    assert "The playback copy was removed on" in report
    assert SAID in (night.out / "call-1001/report.md").read_text()
    digest = json.loads((night.out / "call-1001/sound.json").read_bytes())
    assert digest == kept | {"audio_bytes": None}
    rescore_call(night.out / "call-1001", night.settings)
    assert json.loads((night.out / "call-1001/sound.json").read_bytes()) == digest
    assert "audio.ogg" in files_of(night, "2026-03-22-robin-x9")


def test_words_go_and_figures_stay(night: Night) -> None:
    """No file of the call or the batch has a word of it left; its row in the table has all its figures."""
    before = read_parquet(night.out / "calls.parquet")["call-1001"][1]
    assert removed(night, None, 25, None).transcript == ("call-1001",)
    after = read_parquet(night.out / "calls.parquet")["call-1001"][1]
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"effort_quotes"}
    for path in (night.out / "call-1001").iterdir():
        if path.suffix not in (".ogg", ".rttm"):
            assert SAID not in path.read_text(errors="replace"), path.name
    assert "All words of this call were removed on" in (night.out / "call-1001/report.html").read_text()
    assert (night.out / "call-1001/audio.ogg").exists()
    assert not (night.out / "call-1001/report.pdf").exists()
    assert {path.name for path in (night.folder / "originals/call-1001").iterdir()} == {"audio.ogg"}
    sha256 = read_call(night.out / "call-1001").call.sha256
    assert not list((night.state / "callcoach/transcripts").glob(f"{sha256}*"))
    assert SAID in (night.out / "call-1002/report.md").read_text()


def test_calls_go_altogether(night: Night) -> None:
    """After the last limit there are no files, rows or pages; the next night leaves the recording alone."""
    done = removed(night, 1, 1, 25)
    assert (done.metrics, len(done.transcript), len(done.audio)) == (("call-1001",), 3, 3)
    (path,) = night.calls.glob("call-1001.wav")
    assert night.traces("call-1001") == [
        trace
        for trace in night.traces("call-1001")
        if trace.place == "state"  # Prefect's own retention
    ]
    assert night.run().counts["forgotten"] == 1
    assert path.exists()


def test_originals_are_found_by_what_analyses_say(night: Night) -> None:
    """Without the setting that a night had, its originals go, too: sound, words, and all of a call."""
    limits = ("privacy.audio_days=15", "privacy.transcript_days=15", "privacy.metrics_days=25")
    retain(factories.settings(*night.assignments, "redaction.original_dir=null", *limits), now=NOW)
    assert {path.name for path in (night.folder / "originals").iterdir()} == {
        "2026-03-22-robin-x9", "call-2001",
    }  # fmt: skip


def test_nothing_to_do_changes_nothing(night: Night) -> None:
    """A second run, one without limits, and a dry one leave every file as it is."""
    removed(night, 15, 25, 40)
    before = {path: path.read_bytes() for path in night.folder.rglob("*") if path.is_file()}
    assert removed(night, 15, 25, 40).counts() == {"audio": 0, "transcript": 0, "metrics": 0, "failed": 0}
    removed(night, None, None, None)
    dry = retain(factories.settings(*night.assignments, "privacy.metrics_days=1"), dry_run=True, now=NOW)
    assert len(dry.metrics) == 4
    after = {path: path.read_bytes() for path in night.folder.rglob("*") if path.is_file()}
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} <= {
        path for path in after if path.is_relative_to(night.folder / "store")
    }


class Killed(BaseException):
    """Ends a run as SIGKILL would."""


@pytest.mark.parametrize("step", ["remove_files", "cut_call", "roll_up_again"])
def test_a_killed_run_is_finished_by_the_next(
    night: Night, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was done, the next run does the rest, and the batch's files are those of what is left."""
    real, calls = getattr(retention, step), 0

    def killed(*args: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls > (step == "cut_call"):
            raise Killed
        return real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(retention, step, killed)
        with pytest.raises(Killed):
            removed(night, 1, 15, 25)
    removed(night, 1, 15, 25)
    assert night.ids() == set(read_parquet(night.out / "calls.parquet")) == {
        "call-1002", "2026-03-22-robin-x9", "call-2001",
    }  # fmt: skip
    assert SAID not in (night.out / "call-1002/report.md").read_text()
    assert not list(night.out.glob("*/audio.ogg"))
    assert not list(night.out.glob(".index.stale"))


def test_words_do_not_come_back(night: Night) -> None:
    """A later night neither analyzes nor judges such a call anew, and rescoring keeps its verdicts."""
    removed(night, None, 25, None)
    before = read_call(night.out / "call-1001")
    counts = night.run("rate.slow_sps=3.2").counts
    assert (counts["rescored"], counts["unchanged"]) == (3, 1)
    path = night.calls / "call-1001.wav"
    changed = factories.settings(*night.assignments, "turns.gap_s=4")
    (call,) = plan([(path, str(path))], night.out, changed).calls
    assert need_of(call, night.out, changed) == "current"
    assert rescore_call(night.out / "call-1001", changed) == before
    assert read_call(night.out / "call-1001") == before
    with pytest.raises(InputRejected, match="removed by age"):
        rescore_call(night.out / "call-1001", changed, swap_roles=True)


def test_object_stores(night: Night) -> None:
    """In an object store the same is removed, and the batch's files there are written again."""
    import fsspec

    night.run("batch.out=memory://aged")
    store = fsspec.filesystem("memory")
    limits = ("privacy.audio_days=15", "privacy.transcript_days=15", "privacy.metrics_days=25")
    done = retain(factories.settings(*night.assignments, "batch.out=memory://aged", *limits), now=NOW)
    assert (done.metrics, done.transcript) == (("call-1001",), ("call-1002",))
    names = set(store.find("/aged"))
    assert not any("call-1001" in name or name.endswith(".index.stale") for name in names)
    assert "/aged/call-1002/audio.ogg" not in names
    assert "/aged/call-2001/audio.ogg" in names
    assert SAID.encode() not in store.cat_file("/aged/call-1002/report.md")
    assert json.loads(store.cat_file("/aged/summary.json"))["calls"] == 3
    store.rm("/aged", recursive=True)


@pytest.mark.parametrize("kind", ["audio", "transcript", "metrics"])
@pytest.mark.parametrize("days", ["1e12", "1e400", "0", "36526"])
def test_limits_have_a_limit(kind: str, days: str) -> None:
    """More than a hundred years are refused with what is allowed; nothing overflows."""
    done = CliRunner().invoke(main, ["retention", "--set", f"privacy.{kind}_days={days}"])
    assert done.exit_code == 2
    assert f"privacy.{kind}_days" in done.stderr
    assert "36525" in done.stderr or days == "0"


def test_there_must_be_an_output(tmp_path: Path) -> None:
    """A misspelled folder is told, not made."""
    with pytest.raises(InputRejected, match="no such folder"):
        retain(factories.settings(f"store.url=sqlite:///{tmp_path}/s.sqlite"), str(tmp_path / "none"))


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9']+", text.lower())
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


LINES = (
    ("agent", "Thank you for calling Lakeside Energy, my name is Robin, how can I help you today?"),
    ("customer", "My internet keeps dropping every evening and I am really furious about it by now."),
    ("agent", "I am so sorry that your internet keeps dropping every evening, that is frustrating."),
    ("customer", "Yes it is, and I was told somebody would ring me back last week."),
    ("agent", "May I put you on hold for two minutes while I ask our network team about that?"),
    ("customer", "All right."),
    ("agent", "Thank you for waiting. I will send a technician on Friday morning between eight and ten."),
    ("customer", "Good, that solves it, thanks."),
)


def judged(folder: Path) -> Analysis:
    """A transcript as it is analyzed, with the holds that only sound would show."""
    turns = [
        {"speaker": speaker, "start_s": 6.0 * at, "end_s": 6.0 * at + 5, "text": text}
        for at, (speaker, text) in enumerate(LINES)
    ]
    path = folder / "call.json"
    path.write_text(json.dumps({"turns": turns}))
    settings, metadata = factories.settings(), Metadata(call_id="call", started_at="2026-03-02T09:00:00")
    found = analyze_transcript(*load_script(path, metadata, settings), metadata, settings)
    hold = Hold(
        start_s=30.0,
        end_s=36.0,
        announced=True,
        reason="ask our network team about that",
        consent=True,
        time_given="for two minutes while",
    )
    call = dataclasses.replace(found.measures.call, holds=(hold,))
    return dataclasses.replace(found, measures=dataclasses.replace(found.measures, call=call))


def test_no_words_are_left_in_any_field(tmp_path: Path) -> None:
    """Not a run of four words of the call is in its analysis or reports, whatever field it was quoted in."""
    before = judged(tmp_path)
    said = runs(" ".join(text for _, text in LINES), 4)
    settings = factories.settings()
    assert runs(analysis_json.dumps(before).decode(), 4) & said
    after = without_words(before, "2026-04-01T00:00:00+00:00", load_texts("en"))
    for text in (
        analysis_json.dumps(after).decode(),
        render_call(after, None, None, settings),
        render_markdown(after, settings),
    ):
        assert runs(text, 4) & said == set()
        assert not re.search(r"in common: (?!\(removed\))", text)
    assert (after.measures.call.duration_s, len(after.guidance), after.scores) == (
        before.measures.call.duration_s, len(before.guidance), before.scores,
    )  # fmt: skip
