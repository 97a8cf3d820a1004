"""Stored calls judged anew, and agent and customer exchanged for good."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.batch import process_call
from pipeline.cli import main
from pipeline.correction import corrected
from pipeline.errors import InputRejected, StoreUnavailable
from pipeline.guidance.speech_acts import load_speech_acts
from pipeline.records import Analysis, Baseline, Correction, Metadata, QualityWarning, Recording, VoiceTurn
from pipeline.reports import analysis_json, write
from pipeline.rescore import needs_sound, rescore, rescore_call
from pipeline.rollup import roll_up
from pipeline.settings import Settings
from pipeline.speakers.exchange import compared_with, exchange_roles
from pipeline.store.baselines import calls_of, record_call
from pipeline.store.database import open_store
from pipeline.texts import Text
from tests import factories, fakes
from tests.factories import in_english
from tests.store import rows

PLAIN = factories.settings("output.audio=none")
FIRM = factories.baseline(f0_median_hz=91.2, as_of="2026-03-01T00:00:00+00:00")


def measured(figures: Any, baseline: Baseline | None) -> Any:
    """Figures with turns of a voice and a baseline."""
    turn = VoiceTurn(
        turn=0,
        start_s=0.0,
        end_s=4.0,
        sps=4.5,
        f0_median_hz=190.0,
        st=1.3,
        slope_st_per_s=0.1,
        loudness_db=2.0,
    )
    return dataclasses.replace(figures, voice_turns=(turn,), baseline=baseline)


def call(baseline: Baseline | None = None, **facts: Any) -> Analysis:
    one = factories.analysis(**facts)
    measures = dataclasses.replace(
        one.measures,
        agent=measured(one.measures.agent, baseline),
        customer=measured(one.measures.customer, None),
    )
    return dataclasses.replace(one, measures=measures)


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def with_store(path: Path) -> Settings:
    return factories.settings(f"store.url=sqlite:///{path}/store.sqlite", "output.audio=none")


# --- judged anew --------------------------------------------------------------------------------------


def test_changed_thresholds_are_applied() -> None:
    """A band that the agent's rate falls out of changes the verdict, the listed threshold and provenance."""
    one = rescore(call(), PLAIN)
    strict = factories.settings(
        "rate.slow_sps=1.5", "rate.band_low_sps=2", "rate.band_high_sps=2.5", "rate.fast_sps=2.6"
    )
    other = rescore(one, strict)
    verdicts = [next(each for each in made.guidance if each.id == "talk_slowly") for made in (one, other)]
    assert verdicts[0].verdict != "missed"
    assert verdicts[1].verdict == "missed"
    assert next(each.value for each in other.thresholds if each.key == "rate.band_low_sps") == 2.0
    assert other.provenance.rescored is not None
    assert other.provenance.rescored.config_sha256 == strict.sha256()
    assert other.provenance.config_sha256 == one.provenance.config_sha256
    assert other.provenance.created_at == one.provenance.created_at
    assert len(other.provenance.guidance_sha256 or "") == 64


def test_what_was_measured_stays_with_its_thresholds() -> None:
    """A longer gap cannot be applied without the sound: the figure, its threshold and a note say so."""
    one, changed = rescore(call(), PLAIN), factories.settings("turns.gap_s=9", "rate.window_s=20")
    other = rescore(one, changed)
    assert other.measures == one.measures
    assert next(each.value for each in other.thresholds if each.key == "turns.gap_s") == 3.0
    assert needs_sound(other, changed) == ["turns.gap_s", "rate.window_s"]
    assert needs_sound(other, PLAIN) == []


def test_a_call_of_impossible_settings_is_refused() -> None:
    """Stored thresholds that no setting can have name the call, not a line of code."""
    one = call()
    wrong = tuple(
        dataclasses.replace(each, value=-1.0) if each.key == "turns.gap_s" else each
        for each in one.thresholds
    )
    with pytest.raises(InputRejected, match=r"late-bill-001: .*analyze the call again"):
        rescore(dataclasses.replace(one, thresholds=wrong), PLAIN)


def test_rescoring_again_changes_only_its_time() -> None:
    """The same guidance gives the same judgment."""
    one = rescore(call(), PLAIN)
    other = rescore(one, PLAIN)
    assert dataclasses.replace(other, provenance=one.provenance) == one


# --- exchanged ----------------------------------------------------------------------------------------


def test_roles_are_exchanged_everywhere() -> None:
    """Turns, speech, events, figures and the talk ratio change sides; the call says that a user said so."""
    before = call()
    doubt = QualityWarning(code="roles_swapped", message="The wrong way round.")
    named = QualityWarning(
        code="dropped_words", message=Text("quality.dropped_words", who="customer", count=3)
    )
    before = dataclasses.replace(before, quality=dataclasses.replace(before.quality, warnings=(doubt, named)))
    after = rescore(before, PLAIN, swap_roles=True)
    sides = {"agent": "customer", "customer": "agent"}
    assert [sides[turn.speaker] for turn in before.transcript.turns] == [
        turn.speaker for turn in after.transcript.turns
    ]
    assert [sides[event.by] for event in before.interruptions] == [event.by for event in after.interruptions]
    assert [sides[each.speaker] for each in before.speech.segments] == [
        each.speaker for each in after.speech.segments
    ]
    assert after.measures.customer == before.measures.agent
    assert after.measures.agent == before.measures.customer
    ratios = before.measures.call.talk_ratio_agent, after.measures.call.talk_ratio_agent
    assert sum(ratio for ratio in ratios if ratio is not None) == pytest.approx(1.0)
    assert after.separation.agent_label == "channel_1"
    assert (after.separation.role_method, after.separation.role_confidence) == ("channel_map", 1.0)
    assert [(each.code, each.message) for each in after.quality.warnings] == [
        ("dropped_words", "3 words of the agent were dropped: no speech supports them."),
        ("roles_corrected", "A user has said who the agent of this call is."),
    ]


def test_acts_are_those_of_whoever_said_them() -> None:
    """What only an agent does is not left with the customer when roles are exchanged, and the reverse."""
    before = rescore(call(), PLAIN)
    after = rescore(before, PLAIN, swap_roles=True)
    known = load_speech_acts("en").acts
    assert after.acts
    assert all(known[act.id].done_by(act.speaker) for act in after.acts)
    assert rescore(after, PLAIN, swap_roles=True).acts == before.acts


def test_nobody_has_the_voice_scores_of_another() -> None:
    """Scores that tell tension never stay with an agent who was taken for the customer."""
    one = call()
    assert one.measures.customer is not None
    (turn,) = one.measures.customer.voice_turns
    scored = dataclasses.replace(turn, f0_z=2.5, level_z=1.0, high_frequency_z=0.5)
    customer = dataclasses.replace(one.measures.customer, voice_turns=(scored,))
    one = dataclasses.replace(one, measures=dataclasses.replace(one.measures, customer=customer))
    after = exchange_roles(one, PLAIN, None)
    assert after.measures.agent is not None
    assert after.measures.agent.voice_turns == (turn,)


def test_exchanged_twice_is_as_before() -> None:
    """A mistaken correction can be taken back: all that was measured returns to its side."""
    before = rescore(call(), PLAIN)
    after = exchange_roles(exchange_roles(before, PLAIN, None), PLAIN, None)
    assert after.transcript == before.transcript
    assert after.measures.agent == before.measures.agent
    assert after.separation == before.separation


def test_holds_are_those_that_the_real_agent_announced() -> None:
    """A silence that only a customer announced is no hold once roles are right."""
    lines = (
        ("agent", 0.0, 4.0, "Hello, my internet is slow."),
        ("customer", 4.5, 8.0, "One moment, please bear with me."),
        ("agent", 25.0, 27.0, "Are you there?"),
    )
    before = factories.analysis(lines, duration_s=30.0, rich=False)
    after = exchange_roles(before, PLAIN, None)
    assert [(hold.start_s, hold.end_s, hold.announced) for hold in after.measures.call.holds] == [
        (8.0, 25.0, True)
    ]
    assert after.measures.call.gaps[0].kind == "hold"
    assert exchange_roles(after, PLAIN, None).measures.call.holds == ()


def test_figures_follow_the_right_baseline() -> None:
    """The agent is compared with the store's baseline; the customer no longer with the agent's."""
    after = exchange_roles(call(baseline=FIRM), PLAIN, FIRM)
    agent, customer = after.measures.agent, after.measures.customer
    assert agent is not None
    assert customer is not None
    assert agent.baseline == FIRM
    assert agent.f0_vs_baseline_st == pytest.approx(12.0, abs=0.01)
    assert agent.voice_turns[0].st == pytest.approx(12 * math.log2(190.0 / 91.2), abs=0.001)
    assert agent.loudness_vs_baseline_db == pytest.approx(-23.5 + 20.0)
    assert customer.baseline is not None
    assert (customer.baseline.kind, customer.baseline.agent_id) == ("provisional", None)
    assert customer.pitch_windows[0].st == 0.0
    assert customer.pitch_windows[0].loudness_db == pytest.approx(0.0)


def test_without_a_reference_figures_say_why() -> None:
    """What can no longer be compared is null with a reason, never a comparison with somebody else."""
    one = call(baseline=FIRM).measures.agent
    assert one is not None
    lost = compared_with(one, dataclasses.replace(FIRM, f0_median_hz=None))
    assert lost.f0_vs_baseline_st is None
    assert "analyze the call again" in in_english(lost.not_scored["f0_vs_baseline_st"])
    assert "loudness_vs_baseline_db" not in lost.not_scored


def test_unknown_roles_cannot_be_exchanged() -> None:
    """Numbered voices have no role to exchange; the message says what can be done."""
    lines = (("speaker_1", 0.0, 4.0, "Hello there."), ("speaker_2", 4.5, 8.0, "Hello."))
    with pytest.raises(InputRejected, match="--agent-channel"):
        rescore(factories.analysis(lines, rich=False), PLAIN, swap_roles=True)


# --- on disk and in the store -------------------------------------------------------------------------


def test_all_files_follow(tmp_path: Path) -> None:
    """Every file of the call and the batch's pages tell the exchanged roles; no HTML comes where none was."""
    settings = with_store(tmp_path)
    one = call()
    folder = write.write_call(one, factories.recording(one), tmp_path / "out", settings)
    roll_up(tmp_path / "out", (), settings)
    done = run(
        "rescore", tmp_path / "out", "--swap-roles", "late-bill-001", "--json",
        "--set", f"store.url={settings.store.url}", "--set", "output.audio=none",
    )  # fmt: skip
    assert done.exit_code == 0
    (told,) = done.stderr.splitlines()
    assert told.startswith("Note: late-bill-001: channel 1 is the agent now, channel 0 was; score ")
    document = json.loads(done.stdout)
    assert (document["done"], document["failed"], document["needs_sound"]) == (1, [], {})
    after = analysis_json.loads((folder / "analysis.json").read_bytes())
    assert after.transcript.turns[0].speaker == "customer"
    assert (folder / "turns.rttm").read_text().splitlines()[0].split()[7] == "customer"
    assert "<v Customer>Thank you for calling" in (folder / "transcript.vtt").read_text()
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["agents"][0]["events"]["interruption"]["customer"] == 1
    for report in ("report.html", "report.md"):
        assert "Judged anew on" in (folder / report).read_text()
    (folder / "report.html").unlink()
    rescore_call(folder, settings)
    assert not (folder / "report.html").exists()


def test_the_customers_voice_leaves_the_agents_baseline(tmp_path: Path) -> None:
    """The stored row of the call has the right voice afterwards, and the call the right baseline."""
    settings = factories.settings(f"store.url=sqlite:///{tmp_path}/store.sqlite", "output.audio=none")
    one = call(agent_id="maya", started_at=rows.day(40).isoformat(), codec="pcm_mulaw")
    folder = write.write_call(one, factories.recording(one), tmp_path / "out", settings)
    wrong = rows.call(40, call_id=one.call.call_id, sha256=one.call.sha256, f0_median_hz=333.0)
    with open_store(settings.store).session() as session:
        for number in range(6):
            record_call(session, rows.call(number))
        record_call(session, wrong)
    after = rescore_call(folder, settings, swap_roles=True)
    assert after.measures.agent is not None
    assert after.measures.agent.baseline is not None
    assert (after.measures.agent.baseline.kind, after.measures.agent.baseline.calls) == ("firm", 6)
    with open_store(settings.store).session() as session:
        kept = {row.call_id: row for row in calls_of(session, "maya")}
    assert kept[one.call.call_id].f0_median_hz == after.measures.agent.f0_median_hz == 182.4
    assert kept[one.call.call_id].recorded_at == wrong.recorded_at


def test_a_judgment_anew_knows_the_last_coaching(tmp_path: Path) -> None:
    """An agent is not coached on the same again because of a rescore, and the store follows the judgment."""
    settings = with_store(tmp_path)
    one = call(agent_id="maya", started_at=rows.day(40).isoformat())
    folder = write.write_call(one, None, tmp_path / "out", settings)
    first = rescore_call(folder, settings)
    about = [point.check for point in (*first.coaching.keep, *first.coaching.change)]
    with open_store(settings.store).session() as session:
        assert calls_of(session, "maya") == []
        record_call(session, rows.call(39, coached=" ".join(about)))
        record_call(session, rows.call(40, call_id=one.call.call_id, sha256=one.call.sha256, coached="x"))
    second = rescore_call(folder, settings)
    assert second.coaching == rescore(one, settings, earlier=about).coaching != first.coaching
    with open_store(settings.store).session() as session:
        kept = {row.call_id: row for row in calls_of(session, "maya")}
    now = [point.check for point in (*second.coaching.keep, *second.coaching.change)]
    assert (kept[one.call.call_id].coached or "").split() == now


def test_a_store_that_is_down_leaves_a_warning(tmp_path: Path) -> None:
    """Judging anew goes on without it; the warning goes with the next judgment that has the store."""
    (tmp_path / "file").touch()
    down = factories.settings(f"store.url=sqlite:///{tmp_path}/file/s.sqlite", "output.audio=none")
    one = call(agent_id="maya")
    folder = write.write_call(one, None, tmp_path / "out", down)
    for _ in range(2):
        codes = [each.code for each in rescore_call(folder, down).quality.warnings]
        assert codes.count("earlier_coaching_unknown") == 1
    assert rescore_call(folder, with_store(tmp_path)).quality == one.quality


def test_a_wideband_call_leaves_the_baseline_until_it_is_heard_again(tmp_path: Path) -> None:
    """Without the sound the line of the other channel is not known: no row is better than a wrong one."""
    settings = with_store(tmp_path)
    one = call(agent_id="maya", sample_rate_hz=16000)
    folder = write.write_call(one, None, tmp_path / "out", settings)
    with open_store(settings.store).session() as session:
        record_call(session, rows.call(1, call_id=one.call.call_id, sha256=one.call.sha256))
    rescore_call(folder, settings, swap_roles=True)
    with open_store(settings.store).session() as session:
        assert calls_of(session, "maya") == []


def test_a_store_that_is_down_stops_the_exchange(tmp_path: Path) -> None:
    """Nothing is half done: the call stays as it was while the store cannot follow."""
    (tmp_path / "file").touch()
    settings = factories.settings(f"store.url=sqlite:///{tmp_path}/file/s.sqlite", "output.audio=none")
    folder = write.write_call(call(), None, tmp_path / "out", settings)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(StoreUnavailable):
        rescore_call(folder, settings, swap_roles=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_later_analysis_keeps_to_the_correction(tmp_path: Path) -> None:
    """The recording analyzed again is given the corrected channel; another recording of that id is not."""
    settings = with_store(tmp_path)
    (path,) = fakes.record(tmp_path / "calls", "a")
    seen: list[Correction | None] = []

    def analyze(recording: Recording, metadata: Metadata, _: Settings, **__: Any) -> Analysis:
        seen.append(metadata.correction)
        return call(call_id=metadata.call_id, sha256=recording.sha256)

    outcome = process_call(path, tmp_path / "out", settings, analyze=analyze, html=False)
    assert outcome.folder is not None
    rescore_call(outcome.folder, settings, swap_roles=True)
    process_call(path, tmp_path / "out", settings, analyze=analyze, html=False)
    assert [each and each.agent_channel for each in seen] == [None, 1]
    assert seen[1] is not None
    assert seen[1].agent_speech[0] == (4.6, 11.2)
    metadata = Metadata(call_id="a")
    assert corrected(metadata, tmp_path / "out", "00" * 32) is metadata
    (outcome.folder / "correction.json").write_text("{}")
    again = process_call(path, tmp_path / "out", settings, analyze=analyze, html=False)
    assert "correction.json: is not a correction" in (again.error or "")


# --- the command --------------------------------------------------------------------------------------


def test_one_call_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    """The others are done, the reason is one line, and the exit code is 1."""
    for name in ("a", "b"):
        write.write_call(call(call_id=name), None, tmp_path / "out", PLAIN)
    broken = tmp_path / "out/b/analysis.json"
    broken.write_text(broken.read_text().replace('"schema_version": "1"', '"schema_version": "0"'))
    done = run("rescore", "--all", "--set", f"batch.out={tmp_path}/out", "--set", "turns.gap_s=4")
    assert done.exit_code == 1
    assert done.stdout == f"1 rescored, 1 failed; see {tmp_path}/out/index.html\n"
    errors = done.stderr.splitlines()
    assert errors[0].startswith(f"Error: {tmp_path}/out/b: ")
    assert "schema_version is '0'" in errors[0]
    assert "another turns.gap_s" in errors[1]
    assert len(errors) == 2


def test_a_call_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    """A misspelled id exchanges nothing."""
    folder = write.write_call(call(call_id="a"), None, tmp_path / "out", PLAIN)
    before = (folder / "analysis.json").read_bytes()
    done = run("rescore", tmp_path / "out", "--swap-roles", "a", "--swap-roles", "zz")
    assert done.exit_code == 2
    assert "holds no analysis of zz" in done.stderr
    assert (folder / "analysis.json").read_bytes() == before


def test_a_single_call_keeps_its_batch_up_to_date(tmp_path: Path) -> None:
    """Rescoring the folder of one call rewrites the pages of the batch that it lies in."""
    folder = write.write_call(call(call_id="a"), None, tmp_path / "out", PLAIN)
    assert run("rescore", folder).stdout == f"1 rescored, 0 failed; see {folder}\n"
    index = roll_up(tmp_path / "out", (), PLAIN)
    index.write_text("old")
    assert run("rescore", folder).exit_code == 0
    assert index.read_text() != "old"
