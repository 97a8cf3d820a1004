"""``report.html``: one file that needs no network, with everything of the call escaped."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from pipeline.records import Analysis, Finding
from pipeline.reports import view
from pipeline.reports.chart import Draughtsman, Timeline
from pipeline.reports.figures import Figures
from pipeline.reports.marks import Marks
from pipeline.reports.playback import Peaks
from pipeline.reports.words import timed_words
from pipeline.settings import Settings
from pipeline.texts import Texts, load_texts

HERE = Path(__file__).resolve().parent
TEMPLATES, ASSETS = HERE / "templates", HERE / "assets"
PLAYER = ("vendor/wavesurfer.min.js", "vendor/regions.min.js")
LOCAL = "local.js"
NOTHING = "'none'"
DAY = re.compile(r"\d{4}-\d\d-\d\d")
VERDICT_ORDER = ("violated", "missed", "partly_met", "met")


def render_call(analysis: Analysis, peaks: Peaks | None, audio_href: str | None, settings: Settings) -> str:
    """The report of one call.

    Args:
        peaks: waveform of shape (channels, n) in 0..1 (``playback.waveform_peaks``), or ``None``.
        audio_href: what the player loads, relative to the report or a ``data:`` URI; ``None`` hides it.
    """
    text = load_texts(settings.output.language)
    limits = view.Limits(analysis.thresholds, text)
    figures = Figures(analysis, limits, text)
    timeline = Draughtsman(analysis, peaks, limits, text).timeline()
    return render(
        "call.html.j2",
        (LOCAL, *PLAYER, "call.js") if audio_href and timeline.lanes[0].heights else (LOCAL, "call.js"),
        text=text,
        a=analysis,
        roles=view.roles_of(analysis),
        judged=view.judged_roles(analysis),
        kind=view.kind_of(analysis, text),
        headline=analysis.coaching.summary.strip() or timeline.summary,
        story=view.story(analysis, text),
        figures=figures,
        timeline=timeline,
        limits=limits,
        events=lambda *kinds: view.events_of(analysis, *kinds),
        event_kinds=view.event_kinds(analysis),
        doubtful=view.doubtful(analysis),
        first_shown=view.FIRST_SHOWN,
        event_limits=view.event_limits(limits),
        silences=view.silences(analysis),
        overlap_measurable=view.overlap_measurable(analysis),
        findings_by_source=by_source(analysis),
        other_findings=[each for each in analysis.guidance if each.verdict not in VERDICT_ORDER],
        response=lambda name, value: view.response(name, value, text),
        marks=Marks(analysis, text),
        certainty=_certainty(analysis, text),
        wave=_wave(timeline) if audio_href and timeline.lanes[0].heights else None,
        audio_href=audio_href,
        lead_s=settings.output.play_lead_s,
        language=settings.output.language,
    )


def judged(analysis: Analysis) -> list[Finding]:
    """Findings with a verdict on the call, what most needs attention first."""
    found = [each for each in analysis.guidance if each.verdict in VERDICT_ORDER]
    return sorted(found, key=lambda each: VERDICT_ORDER.index(each.verdict))


def by_source(analysis: Analysis) -> list[tuple[str, list[Finding]]]:
    """Findings with a verdict under the letter of their source, in the order of the letters."""
    found = judged(analysis)
    sources = sorted({each.source for each in found})
    return [(source, [each for each in found if each.source == source]) for source in sources]


def _wave(timeline: Timeline) -> Markup:
    """What the player draws: columns of each lane in percent, and the stretches that it marks."""
    return embedded_json(
        {
            "lanes": [{"role": lane.role, "heights": lane.heights} for lane in timeline.lanes],
            "regions": [
                {"start": one.start_s, "end": one.end_s, "kind": one.kind, "title": one.title}
                for one in timeline.regions
            ],
        }
    )


def _certainty(analysis: Analysis, text: Texts) -> str:
    """How many checks the overall score rests on, and how sure their verdicts are."""
    of_overall = next((one for one in analysis.scores.sums if one.id == "overall"), None)
    counted = set(of_overall.checks) if of_overall else set()
    sure = [
        (finding.confidence, finding.weight)
        for finding in analysis.guidance
        if finding.id in counted and finding.confidence is not None
    ]
    weight = sum(each for _, each in sure)
    mean = sum(confidence * each for confidence, each in sure) / weight if weight else None
    return text(
        "scores.certainty",
        checks=len(counted),
        left=sum(finding.verdict == "not_scored" for finding in analysis.guidance),
        confidence=view.MISSING if mean is None else text.number(mean, 2),
    )


def embedded_json(content: object) -> Markup:
    """JSON for a script element of a page; nothing in it can end the element that holds it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


def render(template: str, script_names: Sequence[str], **context: Any) -> str:
    """A page from a template, with its style and scripts inside and a policy that allows only those.

    The nonce is for the player, which writes a style sheet of its own.
    """
    style, scripts = _asset("report.css"), [_asset(name) for name in script_names]
    nonce = hashlib.sha256(style.encode()).hexdigest()[:32]
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_digest(style)}' 'nonce-{nonce}'",
            f"script-src {' '.join(map(_quoted_digest, scripts)) or NOTHING}",
            "media-src 'self' file: data:",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    page = _environment().get_template(template)
    return page.render(
        policy=policy,
        nonce=nonce,
        style=Markup(style),  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        **context,
    )


def _quoted_digest(script: str) -> str:
    return f"'{_digest(script)}'"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clock": view.clock,
        "long_clock": _with_text(view.long_clock),
        "seconds": _with_text(view.seconds),
        "number": _number,
        "percent": _with_text(lambda share, text: text.percent(share)),
        "date": date,
        "words": timed_words,
    }
    return environment


@pass_context
def _number(context: Context, value: float, decimals: int = 0, *, signed: bool = False) -> str:
    text: Texts = context["text"]
    return text.number(value, decimals, signed=signed)


def _with_text(write: Callable[[float, Texts], str]) -> Callable[[Context, float], str]:
    """A filter that writes a number in the language of the page."""

    @pass_context
    def filtered(context: Context, value: float) -> str:
        return write(value, context["text"])

    return filtered


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def date(moment: str | None) -> str:
    """A date, with its time if it has one, for reading; what is not ISO 8601 is shown as it came."""
    if not moment or DAY.fullmatch(moment):
        return moment or ""
    try:
        return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return moment
