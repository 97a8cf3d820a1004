"""The labeled snippets of turn-taking: what they are made of, and that they are always the same."""

import json
from collections import Counter
from dataclasses import asdict

import numpy as np

from tests.data.turntaking.make_cases import COUNTS, HERE, TEST_CALLS, cases, more_cases, render, scenarios


def test_the_recipe_still_gives_the_same_truth() -> None:
    """Figures of different days are comparable: nothing about the cases moves unnoticed."""
    written = json.loads((HERE / "truth.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps([asdict(one) for one in scenarios()])) == written


def test_training_and_test_share_no_call() -> None:
    """Test cases are made of utterances that no fitting has heard, and every kind is in both."""
    for one in scenarios():
        calls = {placed.piece.call for placed in one.placed if placed.piece}
        assert {call in TEST_CALLS for call in calls} == {one.split == "test"}
    kinds = Counter((one.kind, one.split) for one in scenarios())
    assert all(kinds[kind, "test"] >= 1 and kinds[kind, "train"] >= 2 for kind in COUNTS)
    assert len(cases("train")) + len(cases("test")) >= 150


def test_further_cases_are_for_training() -> None:
    """They hold no word of a test call, and none of them is a case that is there already."""
    further = more_cases()
    calls = {placed.piece.call for case in further for placed in case.scenario.placed if placed.piece}
    assert not calls & set(TEST_CALLS)
    assert not {case.id for case in further} & {case.id for case in (*cases("train"), *cases("test"))}


def test_a_case_sounds_the_same_each_time() -> None:
    """Rendering is deterministic, noise and leak included."""
    case = next(one for one in cases("train") if one.condition == "snr10_bleed25")
    first, second = render(case), render(case)
    assert first.shape[0] == 2
    assert 5 <= first.shape[1] / 8000 <= 16
    assert np.array_equal(first, second)
