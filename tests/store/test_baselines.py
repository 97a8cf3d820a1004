"""What is usual for an agent: medians over earlier calls, and how many it takes."""

import itertools
import statistics
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Baseline, TensionSpan, VoiceTurn
from pipeline.store.baselines import (
    baseline_for,
    calls_of,
    combine,
    figures_of,
    forget,
    last_coached,
    record_call,
    weight_of,
    weighted_median,
)
from pipeline.store.database import Store
from pipeline.store.tables import BaselineCall
from tests import factories
from tests.store.rows import LINE, call, day

SETTINGS = factories.settings().baseline
PITCH = "autocorrelation"
values = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))
weighted = st.lists(st.tuples(values, st.integers(1, 5)), min_size=1, max_size=12)


def combined(*rows: BaselineCall, line: str = LINE, at: float = 50) -> Baseline:
    found = combine(rows, line, day(at), PITCH, SETTINGS)
    assert found is not None
    return found


def asked(store: Store, before: float | None, **changes: Any) -> Baseline | None:
    with store.session() as session:
        return baseline_for(
            session,
            changes.get("agent_id", "maya"),
            changes.get("line_type", LINE),
            None if before is None else day(before),
            changes.get("tracker", PITCH),
            changes.get("call_id", "new"),
            SETTINGS,
        )


def keep(store: Store, *rows: BaselineCall) -> None:
    for row in rows:
        with store.session() as session:
            record_call(session, row)


# --- the weighted median ------------------------------------------------------------------------------


@given(st.lists(values, min_size=1, max_size=20))
def test_equal_weights_give_the_ordinary_median(found: list[float]) -> None:
    """Without ages, the baseline is the median that everybody knows."""
    assert weighted_median(found, [0.3] * len(found)) == pytest.approx(statistics.median(found))


@given(weighted)
def test_a_weight_is_as_many_values(pairs: list[tuple[float, int]]) -> None:
    """A value of weight three counts as three values."""
    found, weights = zip(*pairs, strict=True)
    repeated = [value for value, weight in pairs for _ in range(weight)]
    assert weighted_median(found, weights) == pytest.approx(statistics.median(repeated))


@given(weighted, st.floats(1e-6, 1e6), st.randoms())
def test_neither_scale_nor_order_matters(pairs: list[tuple[float, int]], scale: float, random: Any) -> None:
    """Only proportions of weights count, so that a baseline does not drift while nobody calls."""
    found, weights = zip(*pairs, strict=True)
    shuffled = random.sample(pairs, len(pairs))
    other = weighted_median([value for value, _ in shuffled], [weight * scale for _, weight in shuffled])
    assert other == pytest.approx(weighted_median(found, weights))


@given(weighted)
def test_it_lies_among_the_values(pairs: list[tuple[float, int]]) -> None:
    """It is no lower than the lowest and no higher than the highest value."""
    found, weights = zip(*pairs, strict=True)
    assert min(found) <= weighted_median(found, weights) <= max(found)


@pytest.mark.parametrize(("found", "weights"), [((), ()), ((1.0,), (0.0,)), ((1.0, 2.0), (1.0,))])
def test_what_has_no_median(found: tuple[float, ...], weights: tuple[float, ...]) -> None:
    """Nothing, weights of nothing and values without weights have none, instead of a wrong one."""
    with pytest.raises(ValueError, match="needs values"):
        weighted_median(found, weights)


def test_a_call_counts_half_after_each_half_life() -> None:
    """A quarter of a year halves what a call counts."""
    ages = [timedelta(days=SETTINGS.half_life_days * n) for n in (0, 1, 2)]
    assert [weight_of(age, SETTINGS) for age in ages] == pytest.approx([1.0, 0.5, 0.25])


# --- what calls add up to -----------------------------------------------------------------------------


def test_medians_by_hand() -> None:
    """Each figure is the median of the calls' own, and the counts are of what it rests on."""
    found = combined(*map(call, range(5)), at=4)
    assert found == Baseline(
        agent_id="maya",
        line_type=LINE,
        kind="firm",
        calls=5,
        voiced_s=500.0,
        f0_median_hz=202.0,
        f0_range_st=6.2,
        loudness_median_db=-28.0,
        articulation_rate_sps=4.52,
        speech_rate_wpm=162.0,
        as_of="2026-03-05T09:00:00+00:00",
    )


def test_recent_calls_count_more() -> None:
    """After half a year on a new pitch, the old one is outweighed though it has as many calls."""
    old = [call(n, f0_median_hz=180.0) for n in range(5)]
    new = [call(n, f0_median_hz=210.0) for n in range(180, 185)]
    assert combined(*old, *new, at=185).f0_median_hz == 210.0
    assert combined(*old[:2], *new, at=185).f0_median_hz == 210.0


@pytest.mark.parametrize(
    ("calls", "voiced_s", "kind"),
    [(4, 100.0, "provisional"), (5, 59.9, "provisional"), (5, 60.0, "firm"), (6, 50.0, "firm")],
)
def test_what_makes_a_baseline_firm(calls: int, voiced_s: float, kind: str) -> None:
    """Five calls and 300 s of voice are firm; four calls, or a second less of voice, are not."""
    assert combined(*(call(n, voiced_s=voiced_s) for n in range(calls))).kind == kind


def test_old_calls_are_left_out() -> None:
    """What is older than a year says nothing of today."""
    assert combined(*map(call, range(7)), at=365).calls == 7
    assert combined(*map(call, range(7)), at=367).calls == 5
    assert combine([call(0)], LINE, day(366), PITCH, SETTINGS) is None


def test_pitch_is_shared_within_a_band_and_loudness_is_not() -> None:
    """Codecs leave pitch and rates as they are; levels compare on the same kind of line only."""
    rows = [call(n, line_type=f"narrowband/{kind}") for n, kind in enumerate(("mp3", "opus", "g711") * 2)]
    found = combined(*rows)
    assert (found.kind, found.calls) == ("firm", 6)
    assert found.f0_median_hz == 203.0  # and not 202.5: newer calls count a little more
    assert found.articulation_rate_sps == 4.53
    assert found.loudness_median_db is None
    assert combined(*rows, *(call(n) for n in range(6, 9))).loudness_median_db == -24.0


def test_bands_and_trackers_are_not_mixed() -> None:
    """A wideband line, or F0 from another tracker, is another baseline."""
    narrow = [call(n) for n in range(5)]
    other = [call(n, line_type="wideband/opus") for n in range(5, 9)]
    other += [call(n, tracker="librosa") for n in range(9, 13)]
    assert combined(*narrow, *other).calls == 5
    assert combined(*narrow, *other).f0_median_hz == 202.0


def test_figures_that_too_few_calls_have_are_missing() -> None:
    """A firm pitch lends no firmness to a rate or a range that few calls gave."""
    bare = [call(n, f0_range_st=None, articulation_rate_sps=None, speech_rate_wpm=None) for n in range(3)]
    found = combined(*bare, *(call(n) for n in range(3, 7)))
    assert (found.kind, found.calls) == ("firm", 7)
    assert (found.f0_range_st, found.articulation_rate_sps, found.speech_rate_wpm) == (None, None, None)


def test_calls_without_pitch_give_no_baseline() -> None:
    """Nothing measured is nothing usual."""
    assert combine([call(n, f0_median_hz=None) for n in range(6)], LINE, day(9), PITCH, SETTINGS) is None
    assert combine([], LINE, day(9), PITCH, SETTINGS) is None


# --- the table ----------------------------------------------------------------------------------------


def test_figures_come_back_as_they_were(store: Store) -> None:
    """Neither a float nor a time zone is lost."""
    new_york = datetime.fromisoformat("2026-03-05T11:03:48.25-05:00")
    keep(store, call(1, started_at=new_york, f0_median_hz=200.123456789, loudness_median_db=None))
    with store.session() as session:
        (row,) = calls_of(session)
    assert (row.f0_median_hz, row.loudness_median_db) == (200.123456789, None)
    assert row.started_at == new_york
    assert row.moment.tzinfo is UTC


def test_a_call_that_is_analyzed_again_replaces_itself(store: Store) -> None:
    """A call counts once, however often it was analyzed, with its latest figures and its first date."""
    keep(store, call(1), call(2), call(1, f0_median_hz=222.0, recorded_at=day(600)))
    with store.session() as session:
        rows = calls_of(session)
    assert [(row.call_id, row.f0_median_hz) for row in rows] == [("call-1", 222.0), ("call-2", 202.0)]
    assert rows[0].recorded_at == day(501)


@pytest.mark.parametrize(
    "changes",
    [
        {"line_type": "narrowband/mp3", "sha256": "f" * 64},  # delivered again in another format
        {"agent_id": "ken"},  # the metadata named the wrong agent
        {"call_id": "renamed"},  # the same recording under another name
    ],
)
def test_a_corrected_call_does_not_stay_in_its_old_place(store: Store, changes: dict[str, str]) -> None:
    """A call counts once, for the agent and line that its latest metadata say."""
    keep(store, call(1), call(2), call(1, **changes))
    with store.session() as session:
        rows = calls_of(session)
    assert len(rows) == 2
    for name, value in changes.items():
        assert value in {getattr(row, name) for row in rows}


def test_only_earlier_calls_count(store: Store) -> None:
    """A call is compared with what was usual before it, and never with itself."""
    keep(store, *map(call, range(8)))
    assert asked(store, 4.5) == combined(*map(call, range(5)), at=4.5)
    assert asked(store, 5) == combined(*map(call, range(5)), at=5)
    assert asked(store, 4) is None
    assert asked(store, 5.5, call_id="call-0") == combined(*map(call, range(1, 6)), at=5.5)


def test_a_baseline_does_not_depend_on_the_order_of_analysis(store: Store) -> None:
    """Whatever was analyzed first, a call is compared with the same calls."""
    found = set()
    for order in itertools.islice(itertools.permutations(range(7)), 0, 5040, 2017):
        with store.session() as session:
            forget(session, "maya")
        keep(store, *map(call, order))
        found.add((asked(store, 5.5), asked(store, 6.5)))
    assert len(found) == 1
    assert None not in found.pop()


def test_agents_lines_and_trackers_are_apart(store: Store) -> None:
    """Nobody is compared with somebody else, nor over another band or tracker."""
    keep(store, *map(call, range(5)))
    assert asked(store, 9) is not None
    assert asked(store, 9, agent_id="ken") is None
    assert asked(store, 9, line_type="wideband/opus") is None
    assert asked(store, 9, tracker="librosa") is None


def test_calls_without_a_date_are_in_the_order_of_their_recording(store: Store) -> None:
    """Where nobody knows when calls took place, each is compared with those recorded before it."""
    keep(store, *(call(n, started_at=None) for n in range(7)))
    everything = asked(store, None)
    assert everything is not None
    assert everything.calls == 7
    assert asked(store, None, call_id="call-5") == combined(
        *(call(n, started_at=None) for n in range(5)), at=505
    )
    assert asked(store, None, call_id="call-3") is None


def test_an_agent_is_forgotten(store: Store) -> None:
    """What is removed is told, and everybody else's calls stay."""
    keep(store, call(1), call(2), call(3, agent_id="ken"))
    with store.session() as session:
        assert [row.call_id for row in forget(session, "maya")] == ["call-1", "call-2"]
    with store.session() as session:
        assert [row.agent_id for row in calls_of(session)] == ["ken"]


# --- what is kept of a call ---------------------------------------------------------------------------


def coached(store: Store, before: float | None, call_id: str = "new") -> tuple[str, ...]:
    with store.session() as session:
        return last_coached(session, "maya", None if before is None else day(before), call_id)


def test_the_last_coaching_before_a_call(store: Store) -> None:
    """Only the agent's last earlier call counts, whatever was analyzed later or is the call itself."""
    keep(
        store,
        call(1, coached="empathy apology"),
        call(2, coached="low_tone"),
        call(3),
        call(4, coached="rush"),
    )
    keep(store, call(3, agent_id="ken", sha256="k", coached="restate_concern"))
    assert coached(store, 3.5) == ("low_tone",)
    assert coached(store, 1.5) == ("empathy", "apology")
    assert coached(store, 0.5) == ()
    assert coached(store, 5, "call-4") == ("low_tone",)
    assert coached(store, None) == ("rush",)


def test_tense_spans_are_left_out() -> None:
    """What an agent sounds like with an upset customer is not what is usual."""
    made = factories.analysis(rich=False)
    agent = made.measures.agent
    assert agent is not None
    turns = tuple(
        VoiceTurn(
            turn=n,
            start_s=10.0 * n,
            end_s=10.0 * n + 5,
            sps=4.0 + n,
            f0_median_hz=200.0 + 10 * n,
            st=None,
            slope_st_per_s=None,
            loudness_db=float(n),
        )
        for n in range(4)
    )
    agent = replace(agent, voice_turns=turns, loudness_median_db=-20.0, loudness_vs_baseline_db=2.0)
    span = TensionSpan(start_s=19.0, end_s=33.0, peak=0.8, agent_response={}, outcome="held")

    def kept(*spans: TensionSpan) -> BaselineCall:
        measures = replace(made.measures, agent=agent)
        analysis = replace(made, measures=measures, tension=replace(made.tension, spans=spans))
        row = figures_of(analysis, LINE, None, PITCH, day(1))
        assert row is not None
        return row

    assert kept().f0_median_hz == agent.f0_median_hz
    calm = kept(span)
    assert (calm.f0_median_hz, calm.loudness_median_db, calm.articulation_rate_sps) == (205.0, -21.5, 4.5)
    assert calm.voiced_s == pytest.approx(agent.voiced_s / 2)
    assert kept(replace(span, start_s=0.0, end_s=60.0)).f0_median_hz is None
