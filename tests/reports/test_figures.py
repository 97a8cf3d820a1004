"""What the rows of figures say beside their numbers."""

import dataclasses

import pytest

from pipeline.records import Analysis, Baseline
from pipeline.reports.figures import FigureRow, Figures
from pipeline.reports.view import Limits
from pipeline.texts import load_texts
from tests import factories

USUAL = Baseline(
    agent_id="robin.k",
    line_type="narrowband/g711",
    kind="firm",
    calls=7,
    voiced_s=412.3,
    f0_median_hz=176.2,
    f0_range_st=6.4,
    loudness_median_db=-24.1,
    articulation_rate_sps=4.6,
    speech_rate_wpm=165.0,
    as_of="2026-03-02T08:14:00+00:00",
)
START = dataclasses.replace(USUAL, kind="provisional", agent_id=None, line_type=None, calls=0, voiced_s=60.0)


def details(baseline: Baseline | None) -> dict[str, str]:
    """What stands beside the agent's figures, by their labels."""
    made: Analysis = factories.analysis()
    agent = made.measures.agent
    assert agent is not None
    measures = dataclasses.replace(made.measures, agent=dataclasses.replace(agent, baseline=baseline))
    of = dataclasses.replace(made, measures=measures)
    rows: list[FigureRow] = Figures(of, Limits(of.thresholds, load_texts("en")), load_texts("en")).speakers()
    return {row.label: row.cells[0].detail for row in rows}


@pytest.mark.parametrize(
    ("baseline", "told"),
    [
        (USUAL, "own baseline 176 Hz; firm: 7 calls, 412 s of voice"),
        (START, "own baseline 176 Hz; provisional: first 60 s of voice in this call"),
        (None, "own baseline 176 Hz"),  # an analysis of an earlier version
    ],
)
def test_what_a_voice_is_compared_with(baseline: Baseline | None, told: str) -> None:
    """A coach sees whether a difference is from earlier calls or from the start of this one."""
    assert details(baseline)["Pitch against own baseline"] == told


def test_loudness_without_enough_calls_on_this_line() -> None:
    """Where only pitch has a firm baseline, loudness says that it has another."""
    lacking = dataclasses.replace(USUAL, loudness_median_db=None)
    assert "start of this call" in details(lacking)["Loudness against own baseline"]
    assert "start of this call" not in details(USUAL)["Loudness against own baseline"]
