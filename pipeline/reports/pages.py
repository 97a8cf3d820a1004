"""The pages beside the index: one per agent, the effort audit, and the team without a ranking."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pipeline.guidance.config import load_guidance
from pipeline.reports.html import LOCAL, render
from pipeline.reports.naming import AGENTS, folder_name
from pipeline.reports.table import Row
from pipeline.reports.trend import Trend, TrendPoint, draw_distribution, draw_trend
from pipeline.settings import Settings
from pipeline.texts import Texts, load_texts

EXAMPLES = 5
FOLLOWED_CALLS = 10
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A call as the pages show it: its row, and its folder relative to the batch."""

    row: Row
    folder: str

    def href(self, root: str, at_s: float | None = None) -> str:
        """The call's report seen from a page; at a moment of it where one is given."""
        moment = "" if at_s is None else f"#t={at_s:.1f}"
        return f"{root}{quote(self.folder)}/report.html{moment}"

    @property
    def label(self) -> str:
        return str(self.row["call_id"])


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that is followed over calls: ``column`` of the row, its band and the range always in view."""

    name: str
    decimals: int
    band: tuple[float, float] | None
    least_range: tuple[float, float]

    def value(self, row: Row) -> float | None:
        if self.name == "interruptions_per_min":
            return _per_customer_minute(row)
        found = row[COLUMNS[self.name]]
        return None if found is None else float(found)


COLUMNS = {
    "rate": "agent_articulation_rate_sps",
    "pitch": "agent_f0_vs_baseline_st",
    "loudness": "agent_loudness_vs_baseline_db",
    "score": "score_overall",
    "how_said": "score_how_said",
    "what_said": "score_what_said",
}


def figures_of(settings: Settings) -> list[Figure]:
    """The figures of agents, in the order of the page, with the bands that the settings give."""
    rate, pitch, checks = settings.rate, settings.pitch, settings.voice_checks
    return [
        Figure("rate", 2, (rate.band_low_sps, rate.band_high_sps), (rate.slow_sps, rate.very_fast_sps)),
        Figure("pitch", 1, (-pitch.notable_st, pitch.notable_st), (-3.0, 3.0)),
        Figure("loudness", 1, (-checks.raised_db, checks.raised_db), (-4.0, 4.0)),
        Figure("interruptions_per_min", 2, None, (0.0, 1.0)),
        Figure("score", 0, None, (0.0, 100.0)),
    ]


def by_agent(calls: Sequence[Listed]) -> dict[str, list[Listed]]:
    """The calls of each known agent, oldest first; calls without a start come first, by name."""
    agents: dict[str, list[Listed]] = {}
    for call in sorted(calls, key=lambda one: (str(one.row["started_at"] or ""), one.label)):
        if call.row["agent_id"] is not None:
            agents.setdefault(str(call.row["agent_id"]), []).append(call)
    return dict(sorted(agents.items()))


def agent_path(agent_id: str) -> str:
    """Where an agent's page lies, relative to the batch."""
    return f"{AGENTS}/{folder_name(agent_id)}.html"


def agent_href(agent_id: str, root: str = "") -> str:
    return f"{root}{AGENTS}/{quote(folder_name(agent_id))}.html"


# --- one agent ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Followed:
    """Advice of one call, and what the agent's next call with a verdict on it showed."""

    call: Listed
    title: str
    check: str
    at_s: float
    next_call: Listed | None
    verdict: str | None


def followed_up(calls: Sequence[Listed]) -> list[Followed]:
    """What was advised in the latest calls, newest first, and whether it changed."""
    found = []
    for index, call in enumerate(calls):
        for check, title, at_s in json.loads(str(call.row["coaching_change"] or "[]")):
            column = f"check_{check}"
            judged = [later for later in calls[index + 1 :] if _is_verdict(later.row.get(column))]
            later = judged[0] if judged else None
            verdict = str(later.row[column]) if later else None
            found.append(Followed(call, title, check, float(at_s), later, verdict))
    recent = {id(call) for call in calls[-FOLLOWED_CALLS:]}
    return [one for one in reversed(found) if id(one.call) in recent]


def _is_verdict(value: object) -> bool:
    return value not in (None, "not_applicable", "not_scored")


def agent_page(agent_id: str, calls: Sequence[Listed], settings: Settings) -> str:
    """Trends of an agent against the own baseline, what was advised, and exposure to abuse."""
    text = load_texts(settings.output.language)
    root = "../"
    trends: list[tuple[Figure, Trend | None]] = [
        (
            figure,
            draw_trend(
                [TrendPoint(call.label, figure.value(call.row), call.href(root)) for call in calls],
                figure.band,
                figure.least_range,
            ),
        )
        for figure in figures_of(settings)
    ]
    return render(
        "agent.html.j2",
        (LOCAL,),
        text=text,
        language=settings.output.language,
        root=root,
        agent_id=agent_id,
        calls=list(reversed(calls)),
        trends=trends,
        followed=followed_up(calls),
        advised=lambda check, title: _advised(check, "change", title, text),
        keeps=_keeps(calls, text),
        exposure=exposure(calls),
    )


def _keeps(calls: Sequence[Listed], text: Texts) -> list[tuple[str, int]]:
    """What was worth keeping, by how often it was said."""
    titles = Counter(
        _advised(str(check), "keep", str(title), text)
        for call in calls
        for check, title, _ in json.loads(str(call.row["coaching_keep"] or "[]"))
    )
    return sorted(titles.items(), key=lambda item: (-item[1], item[0]))


def _advised(check: str, kind: str, title: str, text: Texts) -> str:
    """The title of an advice in the language of the page; of a check that is no more, as it was given."""
    return text.find(f"advice.{check}.{kind}.title") or title


def exposure(calls: Sequence[Listed]) -> dict[str, Any]:
    """Calls with abuse and with tension: what the agents had to take, not how they did."""
    abusive = [call for call in calls if _number(call.row["abusive_sentences"])]
    tense = [call for call in calls if _number(call.row["tense_spans"])]
    return {
        "calls": len(calls),
        "abusive_calls": abusive,
        "abusive_sentences": int(sum(_number(call.row["abusive_sentences"]) for call in calls)),
        "tense_calls": len(tense),
        "tense_s": sum(_number(call.row["tense_s"]) for call in calls),
    }


# --- customer effort ----------------------------------------------------------------------------------


def effort_audit_page(calls: Sequence[Listed], settings: Settings) -> str:
    """For each sign of effort: how often, in which queues, and what customers said."""
    judged = [call for call in calls if call.row["effort_estimate"] is not None]
    signals = [_signal(name, weight.weight, judged) for name, weight in load_guidance().effort.items()]
    estimates = [float(call.row["effort_estimate"] or 0) for call in judged]
    return render(
        "effort_audit.html.j2",
        (LOCAL,),
        text=load_texts(settings.output.language),
        language=settings.output.language,
        root="",
        calls=len(calls),
        judged=len(judged),
        mean=sum(estimates) / len(estimates) if estimates else None,
        high=sum(estimate >= settings.site.high_effort_points for estimate in estimates),
        effort_high=settings.site.high_effort_points,
        signals=sorted(signals, key=lambda one: -one["calls"]),
    )


def _signal(name: str, weight: float, judged: Sequence[Listed]) -> dict[str, Any]:
    column = f"effort_{name}"
    having = [call for call in judged if _number(call.row.get(column))]
    queues: Counter[str | None] = Counter(
        None if call.row["queue"] is None else str(call.row["queue"]) for call in having
    )
    of_queue = Counter(None if call.row["queue"] is None else str(call.row["queue"]) for call in judged)
    said = [
        (call, float(at_s), str(words))
        for call in having
        for at_s, words in json.loads(str(call.row["effort_quotes"] or "{}")).get(name, [])
    ]
    return {
        "id": name,
        "weight": weight,
        "calls": len(having),
        "share": len(having) / len(judged) if judged else None,
        "count": int(sum(_number(call.row.get(column)) for call in having)),
        "queues": [(queue, count, count / of_queue[queue]) for queue, count in queues.most_common()],
        "said": said[:EXAMPLES],
        "more": max(0, len(said) - EXAMPLES),
    }


# --- the team -----------------------------------------------------------------------------------------


def team_page(agents: dict[str, list[Listed]], settings: Settings) -> str:
    """How figures are spread over agents, who are in no order and named only if the setting says so."""
    named = settings.site.team_names
    text = load_texts(settings.output.language)
    spreads = []
    for figure in figures_of(settings):
        means = {agent: _mean(figure, calls) for agent, calls in agents.items()}
        points = [
            TrendPoint(agent if named else "", value, agent_href(agent) if named else None)
            for agent, value in means.items()
        ]
        spreads.append((figure, draw_distribution(points, figure.band, figure.least_range)))
    exposed = {agent: exposure(calls) for agent, calls in agents.items()}
    return render(
        "team.html.j2",
        (LOCAL,),
        text=text,
        language=settings.output.language,
        root="",
        agents=len(agents),
        named=named,
        spreads=spreads,
        exposed=[
            (agent if named else None, one) for agent, one in exposed.items() if one["abusive_sentences"]
        ],
    )


def _mean(figure: Figure, calls: Sequence[Listed]) -> float | None:
    values = [value for call in calls if (value := figure.value(call.row)) is not None]
    return sum(values) / len(values) if values else None


def _per_customer_minute(row: Row) -> float | None:
    made, talk_s = row["events_interruption_by_agent"], row["customer_talk_s"]
    if made is None or not talk_s:
        return None
    return MINUTE_S * float(made) / float(talk_s)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
