"""A second opinion on what was said, by a model behind an OpenAI-compatible endpoint; off by default.

It gets the redacted transcript and questions, and nothing else of the call. What it cannot quote does not
count.
"""

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import SettingsError
from pipeline.guidance.config import Check, Guidance
from pipeline.language_files import read_language_file
from pipeline.phrases import normal_words
from pipeline.records import Evidence, Finding, QualityWarning, SecondOpinion, Turn, Verdict
from pipeline.redaction.language import load_spoken_language
from pipeline.settings import JUDGE_KEY_VARIABLE, JudgeSettings, Settings
from pipeline.texts import Text

ANSWER_BYTES = 1 << 20
PATH = "/chat/completions"
NOTE = Text("judge.note")
ALLOWED: Mapping[str, tuple[Verdict, ...]] = {
    "do": ("met", "partly_met", "missed", "not_applicable"),
    "dont": ("met", "partly_met", "violated", "not_applicable"),
    "credit": ("met", "not_applicable"),
}
WITHOUT_QUOTE: Mapping[str, tuple[Verdict, ...]] = {
    "do": ("missed", "not_applicable"),
    "dont": ("met", "not_applicable"),
    "credit": ("not_applicable",),
}
"""Verdicts that say that something was not said, which no quote can show."""


class Unanswered(Exception):
    """The judge gave no answer that can be used; ``why`` holds nothing of the call."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


class Judge(Protocol):
    """Whoever answers a prompt: the endpoint outside tests."""

    def __call__(self, instructions: str, questions: str) -> str: ...


class Questions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    instructions: str
    checks: dict[str, str]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    verdict: str
    quotes: list[str] = Field(default_factory=list)
    reason: str = ""


class _Answers(BaseModel):
    model_config = ConfigDict(extra="ignore")

    checks: list[_Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinions:
    """Opinions by the id of their check, and what is to be said of those that are missing."""

    of: Mapping[str, SecondOpinion] = field(default_factory=dict)
    warnings: tuple[QualityWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint."""

    settings: JudgeSettings

    def __call__(self, instructions: str, questions: str) -> str:
        content = {
            "model": self.settings.model,
            "temperature": 0,
            "response_format": {"type": "json_object"},
            "messages": [
                {"role": "system", "content": instructions},
                {"role": "user", "content": questions},
            ],
        }
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(JUDGE_KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        address = urllib.parse.urlsplit(self.settings.url or "")  # which may have a query
        url = address._replace(path=f"{address.path.rstrip('/')}{PATH}").geturl()
        request = urllib.request.Request(url, json.dumps(content).encode(), headers)  # noqa: S310
        try:
            with urllib.request.build_opener(_NoRedirect).open(
                request, timeout=self.settings.timeout_s
            ) as response:
                answer = json.loads(response.read(ANSWER_BYTES))
            return str(answer["choices"][0]["message"]["content"])
        except urllib.error.HTTPError as error:
            error.close()
            raise Unanswered(Text("judge.status", code=str(error.code))) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise Unanswered(Text("judge.unreachable", error=type(reason).__name__)) from error
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            raise Unanswered(Text("judge.no_answer")) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A call goes where the setting says, and nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def second_opinions(
    turns: Sequence[Turn],
    language: str,
    guidance: Guidance,
    settings: Settings,
    judge: Judge | None = None,
) -> Opinions:
    """What the judge says of each check that words alone decide; nothing where no judge is set.

    Args:
        turns: redacted; a call that could not be redacted is not sent.
        judge: who is asked; the endpoint of the settings if not given.
    """
    if settings.judge.url is None:
        return Opinions()
    known = load_questions(language)
    if known is None or load_spoken_language(language) is None:
        return _none(Text("judge.no_questions", language=language))
    if not settings.redaction.wanted:
        return _none(Text("judge.no_redaction"))
    if not any(turn.speaker == "agent" for turn in turns):
        return _none(Text("judge.no_roles"))
    wanted = _wanted(known, guidance, settings.judge)
    try:
        answer = (judge or Endpoint(settings.judge))(known.instructions, _prompt(wanted, turns))
        answers = _parsed(answer)
    except Unanswered as error:
        return _none(error.why)
    of: dict[str, SecondOpinion] = {}
    for each in answers:
        if each.id in wanted and (opinion := _opinion(each, guidance.checks[each.id], turns, settings.judge)):
            of.setdefault(each.id, opinion)
    refused = len(wanted) - len(of)
    if not refused:
        return Opinions(of=of)
    message = Text("quality.judge_refused", asked=len(wanted), count=refused)
    return Opinions(of=of, warnings=(QualityWarning(code="judge_refused", message=message),))


def considered(finding: Finding, opinion: SecondOpinion | None, settings: JudgeSettings) -> Finding:
    """A finding with the judge's opinion beside it, or decided by it where the setting says so.

    What was not due, or could not be scored, stays so. The caller scores the verdict anew.
    """
    if opinion is None:
        return finding
    beside = replace(opinion, replaced=None)
    open_to_it = finding.verdict != "not_scored" and "not_applicable" not in (
        finding.verdict,
        opinion.verdict,
    )
    if not settings.decides or finding.verdict == opinion.verdict or not open_to_it:
        return replace(finding, second_opinion=beside)
    return replace(
        finding,
        verdict=opinion.verdict,
        evidence=opinion.evidence or finding.evidence,
        reason=Text("judge.decides", model=opinion.model, reason=opinion.reason),
        confidence=None,
        second_opinion=replace(opinion, replaced=finding.verdict),
    )


@cache
def load_questions(language: str) -> Questions | None:
    """The questions of ``configs/judge.<language>.yaml``; ``None`` where a language has none.

    Raises:
        SettingsError: the file is there but is not what it should be.
    """
    return read_language_file("judge", language, Questions)


def _none(why: Text) -> Opinions:
    message = Text("quality.judge_unavailable", why=why)
    return Opinions(warnings=(QualityWarning(code="judge_unavailable", message=message),))


def _wanted(known: Questions, guidance: Guidance, settings: JudgeSettings) -> dict[str, str]:
    """The question of each check that is asked about.

    Raises:
        SettingsError: the settings name a check that there is no question for.
    """
    if unknown := sorted(settings.wanted - set(known.checks)):
        raise SettingsError(
            f"setting judge.checks: there is no question for {', '.join(unknown)}; there are "
            f"{', '.join(known.checks)}"
        )
    return {
        name: known.checks[name]
        for name in guidance.checks
        if name in known.checks and (not settings.wanted or name in settings.wanted)
    }


def _prompt(wanted: Mapping[str, str], turns: Sequence[Turn]) -> str:
    said = [{"speaker": turn.speaker, "text": turn.text} for turn in turns if turn.text]
    return json.dumps({"questions": wanted, "transcript": said}, ensure_ascii=False, indent=0)


def _parsed(answer: str) -> list[_Answer]:
    """The answers in a text, which may have something around its JSON."""
    try:
        inner = answer[answer.index("{") : answer.rindex("}") + 1]
        return _Answers.model_validate_json(inner).checks
    except ValueError as error:
        raise Unanswered(Text("judge.no_json")) from error


def _opinion(
    answer: _Answer, check: Check, turns: Sequence[Turn], settings: JudgeSettings
) -> SecondOpinion | None:
    """An answer as an opinion; ``None`` where its verdict is not one of the check or a quote is not there."""
    verdict = next((each for each in ALLOWED.get(check.kind, ()) if each == answer.verdict), None)
    found = [_quoted(quote, turns, settings.min_quote_words) for quote in answer.quotes]
    evidence = tuple(one for one in found if one is not None)
    if verdict is None or len(evidence) < len(found):
        return None
    if not evidence and verdict not in WITHOUT_QUOTE[check.kind]:
        return None
    return SecondOpinion(
        model=settings.model, verdict=verdict, evidence=evidence, reason=answer.reason.strip()
    )


def _quoted(quote: str, turns: Sequence[Turn], min_words: int) -> Evidence | None:
    """Where a quote was said, in the words of the transcript; ``None`` where nobody said it."""
    wanted = normal_words(quote)
    for turn in turns:
        said = [(part, word) for word in turn.words for part in normal_words(word.word)]
        plain = tuple(part for part, _ in said)
        if not wanted or (len(wanted) < min_words and wanted != plain):
            continue
        for first in range(len(plain) - len(wanted) + 1):
            if plain[first : first + len(wanted)] == wanted:
                words = list(dict.fromkeys(word for _, word in said[first : first + len(wanted)]))
                return Evidence(
                    turn=turn.turn,
                    start_s=words[0].start_s,
                    end_s=words[-1].end_s,
                    quote=" ".join(word.word for word in words),
                    note=NOTE,
                )
    return None
