"""Calls in a language for which nobody wrote rules: what sound alone may say of them."""

from dataclasses import replace

import pytest

from pipeline.guidance.judge import judge
from pipeline.records import Gap
from tests.factories import settings
from tests.guidance.calls import BAD, heard


@pytest.mark.parametrize(("language", "verdict"), [("en", "violated"), ("de", "not_scored")])
def test_a_silence_is_no_fault_where_nobody_knows_what_was_said(language: str, verdict: str) -> None:
    """The agent may have announced it: a German agent is not blamed for what only words could excuse."""
    spoken = heard(BAD)
    last_s = spoken.turns[-1].end_s
    gap = Gap(start_s=last_s + 1.0, end_s=last_s + 31.0, kind="dead_air")
    call = replace(spoken.measures.call, gaps=(gap,))
    facts = replace(spoken.facts, language=language)
    judgment = judge(replace(spoken, facts=facts, measures=replace(spoken.measures, call=call)), settings())
    (found,) = [each for each in judgment.guidance if each.id == "no_dead_air"]
    assert found.verdict == verdict
    if language == "de":
        assert {each.verdict for each in judgment.guidance} <= {"met", "not_scored", "not_applicable"}
        scores = judgment.scores
        assert (scores.overall, scores.how_said, scores.what_said) == (None, None, None)
