"""Forgetting a call, a customer or an agent: nothing is left in any file or table, and nothing comes back."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.errors import InputRejected, SettingsError, StageFailed
from pipeline.ledger import batch_name
from pipeline.privacy import erasure
from pipeline.privacy.audit_log import verify
from pipeline.privacy.erasure import Eraser, Erasure, Kind
from pipeline.privacy.renaming import Renaming
from pipeline.privacy.traces import SoughtAgent, in_folder
from pipeline.records import CutOff, Metadata
from pipeline.reports.table import read_parquet
from pipeline.reports.write import read_call, write_call
from pipeline.rollup import roll_up_again
from pipeline.settings import Settings
from pipeline.store import ledger
from pipeline.store.baselines import calls_of
from pipeline.store.database import open_store
from pipeline.texts import Text, load_texts
from pipeline.transcript_call import analyze_transcript, load_script
from pipeline.wording import reworded, worded
from tests import factories
from tests.privacy.night import Night, analyze

ERASED = ("cust-4711", "call-1001", "2026-03-22-robin-x9")


def forget(night: Night, kind: Kind, identity: str, *names: str, **options: bool) -> Erasure:
    return Eraser(night.settings, kind, identity, [], names).forget(**options)


def receipts(night: Night) -> list[dict[str, object]]:
    return [json.loads(path.read_bytes()) for path in sorted(night.place.receipts.glob("*.json"))]


def test_a_customer_is_forgotten_everywhere(shared_night: Night) -> None:
    """Files, folders, pages, tables, originals, kept transcripts, the store and Prefect's database: nothing
    of the customer's calls is left, the others are whole, and the receipt names nobody."""
    night = shared_night
    assert {trace.place.partition(":")[0] for trace in night.traces(*ERASED)} >= {
        "out", "originals", "state", "store",
    }  # fmt: skip
    done = forget(night, "customer", "cust-4711")
    assert done.verified
    assert {call.call_id for call in done.calls} == set(ERASED[1:])
    assert night.traces(*ERASED) == []
    assert night.ids() == {"call-1002", "call-2001"}
    assert set(read_parquet(night.out / "calls.parquet")) == night.ids()
    assert json.loads((night.out / "summary.json").read_bytes())["ledger"]["counts"]["done"] == 2
    with open_store(night.settings.store).session() as session:
        assert {row.call_id for row in calls_of(session)} == night.ids()
    (receipt,) = receipts(night)
    assert receipt["verified"] is True
    assert receipt["calls"] == 2
    assert len(str(receipt["subject"])) == 64
    audit: Any = receipt["audit"]
    assert verify(night.place.audit_log, {audit["number"]: audit["sha256"]}).problems == ()


def test_what_is_forgotten_is_not_analyzed_again(night: Night) -> None:
    """The recording stays with its owner and is left alone by later nights, under another name, too; a new
    recording of the customer is a new call."""
    before = {path: path.read_bytes() for path in night.calls.glob("*.wav")}
    forget(night, "customer", "cust-4711")
    assert {path: path.read_bytes() for path in night.calls.glob("*.wav")} == before
    (night.calls / "call-1001.wav").rename(night.calls / "renamed-7.wav")
    (night.calls / "call-1001.json").unlink()
    counts = night.run().counts
    assert (counts["analyzed"], counts["unchanged"], counts["forgotten"]) == (0, 2, 2)
    assert night.traces(*ERASED, "renamed-7") == []
    night.recorded("call-9009", agent_id="robin", customer_id="cust-4711")
    assert night.run().counts["analyzed"] == 1


def test_a_forgotten_recording_is_refused_by_other_commands(night: Night) -> None:
    """Who analyzes it by hand is told why it is not done, and the index does not name it."""
    from pipeline.batch import process_call
    from pipeline.rollup import roll_up

    forget(night, "call", "call-1002")
    outcome = process_call(night.calls / "call-1002.wav", night.out, night.settings, analyze=analyze)
    assert outcome.error_kind == "Forgotten"
    roll_up(night.out, [outcome], night.settings)
    assert night.traces("call-1002") == []


def test_without_the_store_the_copy_tells_what_is_forgotten(night: Night) -> None:
    """An outage of the store does not bring forgotten calls back."""
    forget(night, "call", "call-1002")
    (night.folder / "file").touch()
    down = night.run(f"store.url=sqlite:///{night.folder}/file/x.sqlite")
    assert down.ledger_error is not None
    assert down.counts["forgotten"] == 1
    assert night.traces("call-1002") == []


def test_another_key_stops_the_night(night: Night) -> None:
    """Without its key nobody can tell what is forgotten; a run does not guess."""
    forget(night, "call", "call-1002")
    night.place.key_file.write_bytes(bytes(32))
    with pytest.raises(SettingsError, match="another key"):
        night.run()


def test_a_failed_call_is_forgotten(night: Night) -> None:
    """A call of which there is only an entry in the ledger, and a line in summary and index."""
    night.recorded("call-bug-77", customer_id="cust-9999")
    night.run()
    assert night.traces("call-bug-77")
    assert forget(night, "call", "call-bug-77").verified
    assert night.traces("call-bug-77") == []
    assert night.run().counts["forgotten"] == 1


class Killed(BaseException):
    """Ends a run as SIGKILL would: nothing is put in order."""


@pytest.mark.parametrize(("kind", "identity"), [("customer", "cust-4711"), ("agent", "robin")])
@pytest.mark.parametrize("step", ["remove_files", "rename_in_call", "roll_up_again", "write_receipt"])
def test_a_killed_run_is_finished_by_the_next(
    night: Night, kind: Kind, identity: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is killed, the same command finishes the work and finds nothing left."""
    real, calls = getattr(erasure, step), 0

    def killed(*args: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2 or step in ("roll_up_again", "write_receipt"):
            raise Killed
        return real(*args, **options)

    names = ["Robin"] if kind == "agent" else []
    unused = {"customer": "rename_in_call", "agent": "remove_files"}[kind] == step
    with monkeypatch.context() as patch:
        patch.setattr(erasure, step, killed)
        if unused:
            forget(night, kind, identity, *names)
        else:
            with pytest.raises(Killed):
                forget(night, kind, identity, *names)
    assert forget(night, kind, identity, *names).verified
    words = ERASED if kind == "customer" else ("robin", "Robin")
    assert night.traces(*words) == []
    assert not list(night.place.folder.glob("unfinished*"))
    assert read_parquet(night.out / "calls.parquet").keys() == night.ids()


def test_an_agent_gets_a_pseudonym(shared_night: Night) -> None:
    """The calls stay with figures and words; id and name are gone from all of them, also where others say the
    name, and so is the voice: playback audio, originals, and what the store has of it."""
    night = shared_night
    words = len(json.loads((night.out / "call-1001/analysis.json").read_bytes())["transcript"]["turns"])
    done = forget(night, "agent", "robin", "Robin")
    assert done.verified
    assert done.pseudonym == "former-agent-1"
    assert night.traces("robin", "Robin", "ROBIN") == []
    assert night.ids() == {"call-1001", "call-1002", "2026-03-22-former-agent-1-x9", "call-2001"}
    document = json.loads((night.out / "call-1001/analysis.json").read_bytes())
    assert document["call"]["agent_id"] == "former-agent-1"
    assert document["call"]["customer_id"] == "cust-4711"
    assert len(document["transcript"]["turns"]) == words
    assert "my name is former-agent-1" in (night.out / "call-1001/report.md").read_text()
    assert not (night.out / "call-1001/audio.ogg").exists()
    assert (night.out / "call-2001/audio.ogg").exists()
    assert not (night.folder / "originals/call-1001").exists()
    assert {path.stem for path in (night.out / "agents").iterdir()} == {"former-agent-1", "kim"}
    with open_store(night.settings.store).session() as session:
        assert {row.agent_id for row in calls_of(session)} == {"kim"}
    assert night.run().counts["forgotten"] == 3
    assert night.traces("robin", "Robin") == []
    again = forget(night, "agent", "Robin")
    assert (again.again, again.verified, again.pseudonym) == (True, True, "former-agent-1")
    assert forget(night, "agent", "kim").pseudonym == "former-agent-2"


def test_an_id_that_is_a_name_is_replaced_in_own_calls(night: Night) -> None:
    """In calls of others it may be anybody; there it takes --name."""
    done = forget(night, "agent", "robin")
    assert (done.verified, done.everywhere) == (True, False)
    assert "words of the agent's own calls" in str(receipts(night)[0]["searched"])
    assert "my name is former-agent-1" in (night.out / "call-1001/report.md").read_text()
    left = {trace.where for trace in night.traces("robin", "Robin") if trace.place.startswith("out")}
    assert {name for name in left if "call-2001" not in name and "/call-" in name} == set()
    assert "my name is Robin" in (night.out / "call-2001/report.md").read_text()
    assert forget(night, "agent", "robin", "Robin").again
    assert night.traces("robin", "Robin") == []


def test_a_failed_call_with_the_agents_id_in_its_name(night: Night) -> None:
    """Nobody knows whose it is: it goes from the ledger, and from all that names it."""
    night.recorded("2026-03-25-robin-bug")
    night.run()
    assert night.traces("2026-03-25-robin-bug")
    assert forget(night, "agent", "robin").verified
    assert night.traces("2026-03-25-robin-bug") == []


def test_names_that_calls_say(night: Night) -> None:
    """Names besides the id are replaced in all calls, in any case of letters in the agent's own."""
    done = forget(night, "agent", "kim", "Lakeside Energy")
    assert done.verified
    assert night.traces("kim", "Kim", "Lakeside Energy", "Lakeside", "Energy") == []
    assert "my name is Robin" in (night.out / "call-2001/report.md").read_text()


SAID = (
    ("agent", "May I help? This is {Name}. {Name} will look at it, an agent may mark a call about the bill."),
    ("customer", "My bill is wrong, {Name}! On the mark, I will have a look. I AM {NAME}."),
    ("agent", "{Name} can put that right for you today."),
)
"""Two turns in which a name is one, and where nobody can tell."""


def written(folder: Path, agents: dict[str, str], name: str) -> tuple[Settings, Path]:
    """A batch of analyzed transcripts, whose agents say this name."""
    settings = factories.settings(
        f"store.url=sqlite:///{folder}/store.sqlite", f"privacy.folder={folder}/privacy", "acts.meaning=false"
    )
    forms = {"Name": name.title(), "NAME": name.upper()}
    for call_id, agent in agents.items():
        turns = [
            {"speaker": who, "start_s": 5.0 * at, "end_s": 5.0 * at + 4, "text": text.format(**forms)}
            for at, (who, text) in enumerate(SAID)
        ]
        path = folder / f"{call_id}.json"
        path.write_text(json.dumps({"turns": turns}))
        metadata = Metadata(call_id=call_id, agent_id=agent)
        made = analyze_transcript(*load_script(path, metadata, settings), metadata, settings)
        write_call(made, None, folder / "out", settings)
    roll_up_again(folder / "out", settings, [])
    return settings, folder / "out"


@pytest.mark.parametrize("agent", ["a", "an", "bill", "mark", "look", "agent", "customer"])
def test_an_id_that_is_an_ordinary_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: str) -> None:
    """It is replaced where ids are, and in the agent's own calls where it is written as a name is; the words
    of others, and what callcoach says itself, stay as they are, and nothing is taken for a trace."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings, out = written(tmp_path, {"call-own-1": agent, "call-other-2": "agent-bee-2"}, agent)
    own, other = (read_call(out / name) for name in ("call-own-1", "call-other-2"))
    files = {path.name: path.read_bytes() for path in (out / "call-other-2").iterdir()}
    done = Eraser(settings, "agent", agent, [str(out)]).forget()
    assert (done.remaining, len(done.calls), done.everywhere) == ((), 1, False)
    assert {path.name: path.read_bytes() for path in (out / "call-other-2").iterdir()} == files
    assert read_call(out / "call-other-2") == other
    after = read_call(out / "call-own-1")
    name = agent.title()
    first, second, third = (turn.text for turn in own.transcript.turns)
    if len(agent) > 1:
        first = first.replace(f"This is {name}.", "This is former-agent-1.")
        second = second.replace(f"wrong, {name}!", "wrong, former-agent-1!")
        second = second.replace(f"I AM {agent.upper()}.", "I AM former-agent-1.")
    assert [turn.text for turn in after.transcript.turns] == [first, second, third]
    assert [" ".join(word.word for word in turn.words) for turn in after.transcript.turns] == [
        first, second, third,
    ]  # fmt: skip
    assert [each.reason for each in after.guidance] == [each.reason for each in own.guidance]
    assert after.texts == own.texts
    assert after.coaching.summary == own.coaching.summary
    assert after.call.agent_id == "former-agent-1"
    assert {path.stem for path in (out / "agents").iterdir()} == {"former-agent-1", "agent-bee-2"}
    assert {row["agent_id"] for _, row in read_parquet(out / "calls.parquet").values()} == {
        "former-agent-1", "agent-bee-2",
    }  # fmt: skip
    again = Eraser(settings, "agent", agent, [str(out)]).forget()
    assert (again.again, again.remaining) == (True, ())


def test_a_quote_may_begin_with_a_name() -> None:
    """Whether a sentence begins there is told by the turn that is quoted."""
    lines = (
        ("agent", 0.0, 4.0, "You speak with Mark, I can help."),
        ("customer", 5.0, 9.0, "Mark my words."),
    )
    before = factories.analysis(lines, rich=False, agent_id="mark")
    quotes = ("Mark, I can help", "Mark my words.", "with Mark, I can")
    cuts = tuple(
        CutOff(by="agent", of="customer", start_s=1.0, gap_s=0.1, confidence=0.3, quote=quote)
        for quote in quotes
    )
    after = Renaming("mark", (), "X").applied(dataclasses.replace(before, cut_offs=cuts))
    assert [each.quote for each in after.cut_offs] == ["X, I can help", "Mark my words.", "with X, I can"]
    assert Renaming("mark", (), "X").applied(after) == dataclasses.replace(
        after, call=dataclasses.replace(after.call, agent_id="X")
    )


def test_a_reason_lists_words_with_a_name() -> None:
    """Of a sentence of the product only the words of the call that it lists are changed, with the sentence's
    values; it can be said in another language."""
    texts, made = load_texts("en"), factories.analysis(agent_id="m.lind7")
    said = Text("why.repeated", seconds=3.0, words=["invoice", "lind"])
    guidance = (dataclasses.replace(made.guidance[0], reason=said), *made.guidance[1:])
    reason = worded(dataclasses.replace(made, guidance=guidance), texts)
    assert "lind" in reason.guidance[0].reason
    after = Renaming("m.lind7", ["Lind"], "X").applied(reason)
    assert after.guidance[0].reason == reason.guidance[0].reason.replace("lind", "X")
    assert reworded(after, texts).guidance[0].reason == after.guidance[0].reason


@pytest.mark.parametrize(
    ("file", "was"),
    [
        ("summary.csv", "call_id,agent_id\nother-1,mark\n"),
        ("x.json", '{"agents": [{"agent_id": "Mark"}]}'),
        ("index.html", '<a href="agents/mark.html">'),
        ("agents/mark.html", ""),
    ],
)
def test_an_id_that_is_a_word_is_sought_where_ids_are(tmp_path: Path, file: str, was: str) -> None:
    """A page, a table or a document that still has it is a trace; the same word elsewhere is none."""
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(was)
    (tmp_path / "words.json").write_text('{"word": "mark", "text": "On the mark", "call_id": "mark"}')
    (tmp_path / "words.csv").write_text("agent_id,said\nkim,mark\n")
    sought = SoughtAgent("mark")
    assert [trace.where for trace in in_folder(tmp_path, "output", sought)] == [str(path)]


def test_ids_with_digits_or_signs_are_replaced_in_any_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are no words: also in what calls of others say."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings, out = written(tmp_path, {"call-own-1": "maya.lind7", "call-other-2": "kim"}, "maya.lind7")
    path = out / "call-other-2/analysis.json"
    path.write_text(path.read_text().replace("On the mark", "On the maya.lind7"))
    done = Eraser(settings, "agent", "maya.lind7", [str(out)]).forget()
    assert (done.remaining, done.everywhere) == ((), True)
    assert "On the former-agent-1" in (out / "call-other-2/transcript.vtt").read_text().replace("\n", " ")


def test_what_remains_is_told(night: Night) -> None:
    """A note that somebody has put among the reports is found, named, and spoils the receipt."""
    (night.out / "notes.txt").write_text("call-1002 again?")
    done = forget(night, "call", "call-1002")
    assert [(trace.place, Path(trace.where).name) for trace in done.remaining] == [("output", "notes.txt")]
    assert receipts(night)[0]["verified"] is False
    (night.out / "notes.txt").unlink()
    assert forget(night, "call", "call-1002").verified


def test_short_ids_are_not_found_by_chance(night: Night) -> None:
    """The id 42 is in figures of every report; only a value that is all of it counts."""
    night.recorded("42", customer_id="7", agent_id="kim", started_at="2026-03-02T09:00:00")
    night.run()
    done = forget(night, "customer", "7")
    assert done.verified
    assert not done.everywhere
    assert "short ids" in str(receipts(night)[0]["searched"])
    assert "42" not in night.ids()


@pytest.mark.parametrize(
    ("kind", "identity"), [("call", "call-1001"), ("customer", "cust-4711"), ("agent", "robin")]
)
@pytest.mark.parametrize("given", [None, "elsewhere"])
def test_originals_are_found_by_what_analyses_say(
    night: Night, kind: Kind, identity: str, given: str | None
) -> None:
    """Words and sound as they were go although the command does not know, or no longer, where they are; those
    of others stay."""
    now = factories.settings(*night.assignments, f"redaction.original_dir={given or 'null'}")
    assert Eraser(now, kind, identity, []).forget().verified
    assert not (night.folder / "originals/call-1001").exists()
    assert {path.name for path in (night.folder / "originals/call-2001").iterdir()} == {
        "audio.ogg", "turns.json",
    }  # fmt: skip


def test_originals_are_searched_where_analyses_say(night: Night) -> None:
    """What is left of a call in such a folder is told."""
    (night.folder / "originals/call-2001/note.txt").write_text("as call-1002")
    now = factories.settings(*night.assignments, "redaction.original_dir=null")
    (found,) = Eraser(now, "call", "call-1002", []).forget().remaining
    assert (found.place, Path(found.where).name) == ("originals", "note.txt")


def test_other_calls_of_the_same_recording_are_named(night: Night) -> None:
    """One recording under three ids: who forgets one of them is told why traces remain, and what to do."""
    (recording,) = night.calls.glob("call-1002.wav")
    for name in ("copy-3001", "copy-3002"):
        shutil.copy(recording, night.calls / f"{name}.wav")
        night.calls.joinpath(f"{name}.json").write_text(json.dumps({"call_id": name, "agent_id": "kim"}))
    night.run()
    done = command(night, "forget", "--call", "call-1002", "--yes")
    assert done.exit_code == 1
    assert "The same recording is also call copy-3001, copy-3002: " in done.stderr
    assert "Forget them, too (forget --call ID)" in done.stderr
    assert max(map(len, done.stderr.splitlines())) < 400
    assert command(night, "forget", "--call", "copy-3001", "--yes").exit_code == 1
    assert command(night, "forget", "--call", "copy-3002", "--yes").exit_code == 0
    assert command(night, "forget", "--call", "call-1002", "--yes").exit_code == 0


def test_dry_run_changes_nothing(night: Night) -> None:
    """What would be done is told, and every file and row is as it was."""
    before = {path: path.read_bytes() for path in night.out.rglob("*") if path.is_file()}
    done = forget(night, "agent", "robin", dry_run=True)
    assert (len(done.calls), done.pseudonym, done.receipt) == (3, "former-agent-1", None)
    assert {path: path.read_bytes() for path in night.out.rglob("*") if path.is_file()} == before
    assert forget(night, "customer", "cust-4711", dry_run=True).calls
    assert not night.place.receipts.exists()


def test_nobody_of_whom_nothing_is_kept(night: Night) -> None:
    """A misspelled id is wrong usage, not a success."""
    with pytest.raises(InputRejected, match="nothing is kept"):
        forget(night, "customer", "cust-0000")


def test_not_while_a_run_is_writing(night: Night) -> None:
    """A run that is under way would write the forgotten call into its index again."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    with open_store(night.settings.store).session() as session:
        row = ledger.entry(session, batch_name(str(night.out)), "call-2001")
        assert row is not None
        row.state, row.owner, row.heartbeat_at = "running", "elsewhere-1:a", now
    with pytest.raises(StageFailed, match="a run is writing there"):
        forget(night, "call", "call-1001")
    assert "call-1001" in night.ids()


def test_object_stores(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports in an object store are removed and written again there, too, by what the ledger knows of."""
    night.run("batch.out=memory://kept")
    store = fsspec.filesystem("memory")
    assert store.exists("/kept/call-1001/report.html")
    assert forget(night, "customer", "cust-4711").verified
    assert forget(night, "agent", "robin", "Robin").verified
    names = set(store.find("/kept"))
    assert [name for name in names if "call-1001" in name or "robin" in name] == []
    assert "/kept/agents/former-agent-1.html" in names
    for name in names:
        if not name.endswith((".ogg", ".parquet")):
            assert not any(word in store.cat_file(name) for word in (b"robin", b"Robin", b"cust-4711")), name
    store.rm("/kept", recursive=True)


def test_settings_may_name_another_place(night: Night) -> None:
    """By default the private folder is beside the store's file."""
    from pipeline.privacy.place import Place

    beside = factories.settings(f"store.url=sqlite:///{night.folder}/store/callcoach.sqlite")
    assert Place.of(beside).folder == night.folder / "store/privacy"


def command(night: Night, *args: str) -> Result:
    given = [part for each in night.assignments for part in ("--set", each)]
    return CliRunner().invoke(main, [*args, *given])


def test_the_commands(night: Night) -> None:
    """What users and their scripts see of erasure and audit: counts, exit codes, one JSON document."""
    assert command(night, "forget", "--yes").exit_code == 2
    assert command(night, "forget", "--call", "a", "--agent", "b").exit_code == 2
    assert command(night, "forget", "--call", "nobody", "--yes").exit_code == 2
    asked = command(night, "forget", "--customer", "cust-4711")
    assert (asked.exit_code, "2 calls would be removed; add --yes" in asked.stderr) == (2, True)
    assert "call-1001" in night.ids()
    (night.out / "notes.txt").write_text("cust-4711")
    done = command(night, "forget", "--customer", "cust-4711", "--yes", "--json")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: something remains in output: ")
    document = json.loads(done.stdout)
    assert (document["verified"], len(document["calls"])) == (False, 2)
    (night.out / "notes.txt").unlink()
    told = command(night, "forget", "--customer", "cust-4711", "--yes")
    assert told.exit_code == 0
    assert "The recordings themselves are yours and stay" in told.stdout
    assert "nothing remains; receipt" in told.stdout
    assert command(night, "retention", "--json").exit_code == 0
    whole = command(night, "audit", "--json")
    assert (whole.exit_code, json.loads(whole.stdout)["whole"]) == (0, True)
    events = [json.loads(line)["event"] for line in night.place.audit_log.read_text().splitlines()]
    assert events == ["nightly", "erasure", "erasure"]
    text = night.place.audit_log.read_text().replace('"verified":false', '"verified":true')
    night.place.audit_log.write_text(text)
    broken = command(night, "audit")
    assert broken.exit_code == 1
    assert "line 2: was changed" in broken.stderr


def test_corrections_and_exports_are_in_the_audit_log(night: Night) -> None:
    """Who was corrected, exported or removed is there as a digest only."""
    command(night, "rescore", "--swap-roles", "call-2001")
    command(night, "baseline", "export", "kim")
    command(night, "baseline", "delete", "kim", "--yes")
    records = [json.loads(line) for line in night.place.audit_log.read_text().splitlines()]
    assert [record["event"] for record in records] == ["nightly", "swap_roles", "export", "baseline_removed"]
    assert records[1]["facts"]["calls"] == [night.place.digest("call", "call-2001")]
    assert records[2]["facts"]["agent"] == night.place.digest("agent", "kim")
    assert "call-2001" not in night.place.audit_log.read_text()
