"""Written dialogues come out as the guidance asks for."""

import dataclasses

import pytest

from pipeline.guidance.config import load_guidance
from pipeline.guidance.judge import Judgment
from pipeline.reports.analysis_json import dumps
from tests.benchmarks.dialogues import Difference, agreement, dialogues, differences, judged, rows
from tests.factories import analysis, settings

BY_SOUND = ("talk_slowly", "low_tone", "dont_interrupt", "let_them_tell", "active_listening", "no_dead_air")
LEAST_AGREEMENT = 0.94
LEAST_HELD_OUT = 0.75
LEAST_OF_A_CHECK = 0.75

MOST_IN_DOUBT = 4
"""Of some twenty violations in the dialogues: a verdict needs nine in ten, what is less sure is to check."""


@pytest.fixture(scope="module")
def judgments() -> dict[str, Judgment]:
    return {dialogue.name: judged(dialogue, settings()) for dialogue in dialogues()}


@pytest.fixture(scope="module")
def wrong(judgments: dict[str, Judgment]) -> list[Difference]:
    return [each for one in dialogues() for each in differences(one, judgments[one.name])]


def test_every_dialogue_expects_every_check_that_words_decide() -> None:
    """There are dialogues of many kinds, as long as a call, none of which leaves a check out."""
    checks = {name for name, check in load_guidance().checks.items() if check.part == "what_said"}
    assert len(dialogues()) >= 12
    for dialogue in dialogues():
        assert set(dialogue.expected) == checks, dialogue.name
        assert 15 <= len(dialogue.lines) <= 40, dialogue.name


def test_nothing_is_called_violated_that_is_not(wrong: list[Difference]) -> None:
    """No dialogue is accused of a don't that did not happen; few that did happen are left in doubt."""
    assert not [each for each in wrong if each.found == "violated"]
    assert sum(each.expected == ("violated",) for each in wrong) <= MOST_IN_DOUBT


def test_verdicts_agree_with_the_guidance(wrong: list[Difference]) -> None:
    """Nearly all verdicts are right, of no check many are wrong, and most are right in dialogues held out."""
    found = rows(wrong, held_out=False)
    assert agreement(found) >= LEAST_AGREEMENT, wrong
    assert agreement(rows(wrong, held_out=True)) >= LEAST_HELD_OUT, wrong
    for row in found:
        assert row.agreed >= LEAST_OF_A_CHECK * row.dialogues, row


def test_without_sound_nothing_is_said_of_it(judgments: dict[str, Judgment]) -> None:
    """Checks of how something was said are never guessed from words."""
    for judgment in judgments.values():
        verdicts = {finding.id: finding.verdict for finding in judgment.guidance}
        assert {verdicts[check] for check in BY_SOUND} <= {"not_scored", "not_applicable"}


def test_evidence_is_in_the_dialogue(judgments: dict[str, Judgment]) -> None:
    """Every quote was said in the turn that it names, within its times."""
    for dialogue in dialogues():
        for finding in judgments[dialogue.name].guidance:
            for one in finding.evidence:
                if one.turn is not None and one.quote:
                    said = dialogue.lines[one.turn].text
                    assert one.quote.removesuffix(" …") in said, (dialogue.name, finding.id)
                    assert one.end_s >= one.start_s


def test_the_same_dialogue_gives_the_same_bytes(judgments: dict[str, Judgment]) -> None:
    """A second judgment of a dialogue is written with the same bytes."""

    def written(judgment: Judgment) -> bytes:
        return dumps(dataclasses.replace(analysis(), **judgment.parts()))

    for dialogue in dialogues()[:4]:
        assert written(judged(dialogue, settings())) == written(judgments[dialogue.name])
