"""Effort, promises, scores and coaching: counted, traceable, and never the same advice for nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from pipeline.errors import SettingsError
from pipeline.guidance.config import GUIDANCE_FILE, load_guidance
from pipeline.guidance.judge import judge
from pipeline.records import Hold, ScoreSum
from pipeline.texts import load_texts
from tests.factories import in_english, settings
from tests.guidance.calls import BAD, GOOD, Said, heard, judged
from tests.guidance.test_checks import said

GUIDANCE = load_guidance()
ENGLISH = load_texts("en")
LIMITS = GUIDANCE.limits
NO_SUM = ScoreSum(id="none", points=0.0, weight=0.0, checks=())


# --- effort and promises ------------------------------------------------------------------------------


def test_effort_is_the_sum_of_its_signs() -> None:
    """Each sign adds its weight as often as it may count, and shows its sentences."""
    again: Said = ("customer", "This is the third time I call.", "problem repeat_contact")
    lines: list[Said] = [("agent", "Hello.", ""), again, again, again]
    sign = GUIDANCE.effort["contacted_before"]
    found = judged([*lines, ("agent", "It works now?", "present_solution")]).effort
    assert [(one.id, one.count) for one in found.signals] == [("contacted_before", 3)]
    assert found.estimate == pytest.approx(1 + sign.weight * sign.most)
    assert len(found.signals[0].evidence) == 3
    assert judged(GOOD).effort.estimate == 1.0
    assert (judged(BAD).effort.estimate or 0) > 1


@given(said())
def test_effort_is_on_its_scale(lines: list[Said]) -> None:
    """From 1 to 5, or a reason why not."""
    found = judged(lines).effort
    assert (found.estimate is None) == (found.not_scored is not None)
    assert found.estimate is None or 1 <= found.estimate <= 5


def test_a_hold_is_effort() -> None:
    """Being held counts once the customer is there."""
    spoken = heard([("agent", "Hello.", ""), ("customer", "A question.", ""), ("agent", "Yes?", "")])
    held = Hold(start_s=20.0, end_s=50.0, announced=True, reason=None, consent=None)
    call = replace(spoken.measures.call, holds=(held, replace(held, start_s=0.0, end_s=2.0)))
    found = judge(replace(spoken, measures=replace(spoken.measures, call=call)), settings()).effort
    assert [(one.id, one.count) for one in found.signals] == [("held", 1)]


def test_promises() -> None:
    """Who, what and when; a date if the call has one, also where the next sentence names the time."""
    lines: list[Said] = [
        ("customer", "I'll send you the bill tonight.", "promise"),
        ("agent", "I will call you back by Friday.", "promise follow_up"),
        ("agent", "I'll check it.", "promise"),
        ("agent", "If that goes on, I will end the call.", "promise set_limit"),
    ]
    found = judged(lines).promises
    assert [(one.who, one.what, one.when) for one in found] == [
        ("customer", "send you the bill tonight", "2026-03-03T20:00-05:00"),
        ("agent", "call you back by Friday", "2026-03-06"),
        ("agent", "check it", None),
    ]
    assert found[1].said_when == judged(lines, started_at=None).promises[1].when == "by Friday"
    kept = {one.id: one for one in judged(lines).guidance}["promises_kept_track"]
    assert (kept.verdict, kept.score) == ("partly_met", 0.5)
    assert [in_english(evidence.note) for evidence in kept.evidence] == ["no time given", "“by Friday”"]
    spoken = heard([("agent", "I'll send it. It will be there by Friday.", "promise")])
    only = replace(spoken.acts[0], quote="I'll send it.")
    assert judge(replace(spoken, acts=(only,)), settings()).promises[0].when == "2026-03-06"


@pytest.mark.parametrize("started_at", ["yesterday", "2026-03-03", None])
def test_odd_dates_of_a_call(started_at: str | None) -> None:
    """Metadata may hold anything; the words stay."""
    found = judged([("agent", "I'll call by Friday.", "promise")], started_at=started_at).promises
    assert found[0].said_when == "by Friday"


# --- scores -------------------------------------------------------------------------------------------


@given(said())
def test_scores_are_their_sums(lines: list[Said]) -> None:
    """0..100; only what was counted is in the denominator; too little counted gives no score."""
    judgment = judged(lines)
    scores, counted = judgment.scores, {one.id: one for one in judgment.guidance if one.score is not None}
    sums = {one.id: one for one in scores.sums}
    values = {
        "overall": scores.overall,
        "how_said": scores.how_said,
        "what_said": scores.what_said,
        "listen": scores.ldal.listen,
        "diffuse": scores.ldal.diffuse,
        "act": scores.ldal.act,
        "impression": scores.ldal.impression,
    }
    enough = {name: len(sums.get("overall", NO_SUM).checks) >= LIMITS.overall_checks for name in values}
    enough |= {
        part: len(sums.get(part, NO_SUM).checks) >= LIMITS.part_checks for part in ("how_said", "what_said")
    }
    for name, value in values.items():
        assert (value is not None) == (name in sums and enough[name])
        if value is not None:
            total = sums[name]
            assert 0 <= value <= 100
            assert value == pytest.approx(100 * total.points / total.weight)
            assert total.weight == pytest.approx(sum(counted[check].weight for check in total.checks))
    assert set(scores.not_scored) == {one.id for one in judgment.guidance if one.verdict == "not_scored"}


def test_a_single_check_is_no_overall_score() -> None:
    """A message on an answering machine has a pace and little else: that is no call of 100."""
    alone = judged([("agent", "Hello, this is a message.", "")])
    assert [one.id for one in alone.guidance if one.score is not None]
    scores = alone.scores
    assert (scores.overall, scores.how_said, scores.what_said, scores.ldal.diffuse) == (None,) * 4
    assert len(next(one for one in scores.sums if one.id == "overall").checks) < LIMITS.overall_checks


def test_good_beats_bad() -> None:
    """The scores tell a good call from a bad one, and a fix before the story is flagged."""
    good, bad = judged(GOOD).scores, judged(BAD).scores
    assert (good.what_said or 0) > 80 > 30 > (bad.what_said or 0)
    assert good.act_before_listen_s is None
    hasty = [GOOD[0], GOOD[1], ("agent", "I can refund it.", "present_solution invite_story"), GOOD[3]]
    assert judged(hasty).scores.act_before_listen_s == 12.0
    assert {moment.part for moment in good.ldal_moments} == {"diffuse", "act", "impression"}


# --- coaching -----------------------------------------------------------------------------------------


@given(said())
def test_coaching_is_short_and_has_moments(lines: list[Said]) -> None:
    """At most two of each, each once, of a verdict that was given, at a moment of the call."""
    spoken = heard(lines)
    found = judge(spoken, settings())
    verdict = {one.id: one.verdict for one in found.guidance}
    for points, allowed in (
        (found.coaching.keep, {"met"}),
        (found.coaching.change, {"partly_met", "missed", "violated"}),
    ):
        assert len(points) <= 2
        assert len({point.check for point in points}) == len(points)
        for point in points:
            assert verdict[point.check] in allowed
            assert 0 <= point.start_s <= point.end_s <= spoken.facts.duration_s
            assert point.title
            assert point.why
            assert point.try_this


def test_what_weighs_most_comes_first() -> None:
    """Blame while the customer is tense is said before a missing reference number."""
    found = judged(BAD).coaching
    assert found.change[0].check == "mindset_no_blame"
    assert found.change[0].quote in ("You should have waited.", "Calm down, that is our policy.")
    assert found.summary


def test_the_summary_claims_no_interruptions_that_one_channel_cannot_show() -> None:
    """Never to have interrupted is said only where short overlaps can be seen."""
    spoken = heard(GOOD)
    one_channel = replace(spoken, separation=replace(spoken.separation, method="diarization"))
    assert "never interrupted" in in_english(judge(spoken, settings()).coaching.summary)
    assert "interrupted" not in in_english(judge(one_channel, settings()).coaching.summary)


def test_the_summary_rounds_as_the_figures_do() -> None:
    """A share of 0.66502 is stored as 0.665: the sentence shows what the figures below it show."""
    spoken = heard(GOOD)
    agent, customer = spoken.measures.agent, spoken.measures.customer
    assert agent is not None
    assert customer is not None
    measures = replace(
        spoken.measures,
        agent=replace(agent, talk_s=66.502),
        customer=replace(customer, talk_s=33.498),
    )
    found = judge(replace(spoken, measures=measures), settings())
    assert f"had {ENGLISH.percent(0.665)} of the talk" in in_english(found.coaching.summary)


def test_nothing_to_keep_in_a_sentence_that_was_wrong() -> None:
    """A calm pace in a sentence that blames is no example to follow."""
    found = judged(BAD)
    broken = {one.turn for each in found.guidance if each.verdict == "violated" for one in each.evidence}
    starts = {turn.start_s for turn in heard(BAD).turns if turn.turn in broken}
    assert starts
    assert not {point.start_s for point in found.coaching.keep} & starts


def test_not_the_same_advice_twice() -> None:
    """What the agent was told last time gives way to something else, if there is something else; a grave
    matter does not."""
    first = judge(heard(BAD), settings()).coaching
    told = [point.check for point in first.change]
    second = judge(heard(BAD), settings(), earlier=told).coaching
    grave = set(GUIDANCE.coaching.gravest)
    assert told[0] == second.change[0].check == "mindset_no_blame"
    assert not {point.check for point in second.change} & set(told) - grave
    lines: list[Said] = [("agent", "You should have.", "blame"), ("customer", "Well.", "")]
    alone = [point.check for point in judged(lines).coaching.change]
    assert alone == [point.check for point in judge(heard(lines), settings(), earlier=alone).coaching.change]


def test_texts_for_every_check() -> None:
    """Every check that can be kept or changed has its words; credits have nothing to change."""
    own = {name for name, check in GUIDANCE.checks.items() if check.kind != "roll_up"}
    assert set(ENGLISH.keys("advice")) == own
    assert all(ENGLISH.find(f"advice.{name}.keep.title") for name in own)
    credit = {name for name in own if GUIDANCE.checks[name].kind == "credit"}
    assert {name for name in own if not ENGLISH.find(f"advice.{name}.change.title")} == credit


# --- the file -----------------------------------------------------------------------------------------


def test_the_guidance_names_its_version() -> None:
    """Reports say by what a call was judged: another file has another hash."""
    assert GUIDANCE.version
    assert len(GUIDANCE.sha256) == 64


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("calm_z: 0.5", "calm_z: 0.5\n  calmness: 1"),
        ("weight: 1.0}", "weight: -1.0}"),
        ("calm_z: 0.5", ""),
        ("listen: [let_them_tell,", "listen: [let_them_talk,"),
        ("version:", "versoin:"),
        ("checks:", "checks: ["),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, before: str, after: str) -> None:
    """A misspelled key, a missing one or a value out of range does not silently change verdicts."""
    path = tmp_path / "guidance.yaml"
    text = GUIDANCE_FILE.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"guidance\.yaml"):
        load_guidance(path)


def test_a_changed_weight_changes_scores(tmp_path: Path) -> None:
    """Coaches may weigh the checks anew."""
    path = tmp_path / "guidance.yaml"
    text = GUIDANCE_FILE.read_text(encoding="utf-8")
    old = "kind: dont, part: what_said, occasion: always, weight: 2.0"
    assert old in text
    path.write_text(text.replace(old, old.replace("2.0", "20.0")), encoding="utf-8")
    changed = judge(heard(BAD), settings(), guidance=load_guidance(path)).scores.what_said
    plain = judged(BAD).scores.what_said
    assert changed is not None
    assert plain is not None
    assert changed < plain
