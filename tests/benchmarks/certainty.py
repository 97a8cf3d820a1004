"""How sure a finding of a speech act is in ordinary calls, from answers of fits that had not seen it.

Labeled sentences are half of them the act, ordinary talk hardly ever. So the true ones count as often as the
act is assumed to come in service calls (``RATES``), the misleading ones as much as ``MISLEADING_RATE``, and
natural sentences as often as they come. A logistic regression on the network's answer and on whether a phrase
was found then gives the share of such findings that are right (Platt 1999, with these weights).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from pipeline.guidance.embedding import Matrix
from pipeline.guidance.meaning import Certainty
from pipeline.guidance.speech_acts import SpeechAct
from tests.benchmarks import natural
from tests.benchmarks.natural import ABUSE_SOURCE, CUSTOMER_SOURCES, UNSERVED_SOURCES, NaturalSentence

Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

USUAL_RATE = 5.0
RATES = {
    "blame": 0.4, "rude_reply": 0.15, "rush": 0.4, "channel_switch": 2.0, "abuse": 0.4, "anger": 4.0,
    "leave": 1.5, "ask_supervisor": 1.0, "set_limit": 0.5, "weak_apology": 0.5, "extra_step": 1.0,
    "use_feedback": 1.0, "ask_feedback": 1.0, "offer_alternative": 1.0, "next_issue": 2.0,
    "selective_agreement": 2.0, "transferred_before": 1.5, "repeat_information": 1.5, "repeat_contact": 4.0,
    "not_solved": 6.0, "problem": 15.0, "ask_account_data": 20.0, "give_name": 12.0, "promise": 10.0,
    "present_solution": 10.0, "explain_next_steps": 10.0, "assessment": 8.0, "apology": 8.0,
    "confirmation": 8.0,
}  # fmt: skip
"""Per 1,000 sentences of who can do it, in service calls; assumed, as nobody has published them. What readers
found in natural talk comes on top."""
MISLEADING_RATE = 3.0
SPOKEN, OTHER = 1.0, 0.3
"""Weight of a natural sentence: calls are spoken, and somebody serves somebody."""
LOWEST = -5.0
"""Answers under it do not matter for what is found, and would only bend the curve."""
FREEDOM = 100.0
LEAST_LABELS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What held-out fits say of one act: of its labeled sentences, and of natural ones of who can do it."""

    act: SpeechAct
    own_scores: Matrix
    own_truth: Flags
    own_phrase: Flags
    natural: Sequence[NaturalSentence]
    natural_scores: Matrix
    natural_phrase: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Weighted sentences: ``right`` and ``wrong`` are how much of each speaks for and against the act."""

    scores: Vector
    phrase: Flags
    right: Vector
    wrong: Vector


def certainty(answers: Answers) -> tuple[Certainty, str]:
    """The certainty of an act, and a line that says what it rests on."""
    seen = evidence(answers)
    near = (seen.scores > LOWEST) | seen.phrase
    features = np.stack([seen.scores, seen.phrase], axis=1)[near]
    fitted = LogisticRegression(C=FREEDOM).fit(
        np.concatenate([features, features]),
        np.repeat([1, 0], near.sum()),
        sample_weight=np.concatenate([seen.right[near], seen.wrong[near]])
        * len(seen.scores)
        / seen.wrong.sum(),
    )
    slope, phrase = (float(each) for each in fitted.coef_[0])
    right, wrong = seen.right[seen.phrase].sum(), seen.wrong[seen.phrase].sum()
    found = Certainty(
        offset=round(float(fitted.intercept_[0]), 4),
        slope=round(max(0.0, slope), 4),
        phrase=round(phrase, 4),
        phrase_precision=round(float(right / (right + wrong)) if right + wrong else 0.5, 3),
    )
    return found, (
        f"{answers.act.id:<22} phrases {found.phrase_precision:.2f}  offset {found.offset:6.2f}  "
        f"slope {found.slope:.2f}  phrase {found.phrase:+.2f}"
    )


def evidence(answers: Answers) -> Evidence:
    """The labeled and the natural sentences with their weights."""
    natural_right, natural_weight = _natural(answers)
    total = natural_weight.sum()
    own = answers.own_truth
    rate = RATES.get(answers.act.id, USUAL_RATE)
    own_right = np.where(own, total * rate / 1000 / max(1, own.sum()), 0.0)
    own_wrong = np.where(own, 0.0, total * MISLEADING_RATE / 1000 / max(1, (~own).sum()))
    return Evidence(
        scores=np.concatenate([answers.own_scores, answers.natural_scores]).astype(np.float64),
        phrase=np.concatenate([answers.own_phrase, answers.natural_phrase]),
        right=np.concatenate([own_right, natural_weight * natural_right]),
        wrong=np.concatenate([own_wrong, natural_weight * (1 - natural_right)]),
    )


def _natural(answers: Answers) -> tuple[Vector, Vector]:
    """How likely each natural sentence is the act, and its weight.

    What nobody has read is judged by what was read: phrase hits by the share that was right, others by their
    answer, where readers found any.
    """
    read = natural.labels()
    labels = np.array([read.get((one.digest, answers.act.id), np.nan) for one in answers.natural])
    known = ~np.isnan(labels)
    right = np.where(known, labels, 0.0)
    if not answers.act.entry.accuses:
        hit = known & answers.natural_phrase
        share = (labels[hit].sum() + 1) / (hit.sum() + 2)
        right = np.where(~known & answers.natural_phrase, share, right)
        meant = known & ~answers.natural_phrase
        if min((labels[meant] == 1).sum(), (labels[meant] == 0).sum()) >= LEAST_LABELS:
            clear = meant & (labels != 0.5)
            curve = LogisticRegression().fit(answers.natural_scores[clear].reshape(-1, 1), labels[clear])
            guess = curve.predict_proba(answers.natural_scores.reshape(-1, 1))[:, 1]
            lowest = answers.natural_scores[meant].min()
            unread = ~known & ~answers.natural_phrase & (answers.natural_scores >= lowest)
            right = np.where(unread, guess, right)
    weight = np.array([_weight(one, answers.act) for one in answers.natural])
    return right, weight


def _weight(one: NaturalSentence, act: SpeechAct) -> float:
    if one.source == ABUSE_SOURCE or (one.source in CUSTOMER_SOURCES and act.entry.accuses):
        return 0.0
    return SPOKEN if one.spoken and one.source not in UNSERVED_SOURCES else OTHER
