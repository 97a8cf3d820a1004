"""``report.html``: one file that needs no network, with everything of the call escaped."""

import base64
import hashlib
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.records import Analysis, Finding
from pipeline.reports import view
from pipeline.reports.chart import Draughtsman
from pipeline.reports.figures import Figures
from pipeline.reports.playback import Peaks
from pipeline.reports.strings import TEMPLATES, load_strings
from pipeline.reports.words import timed_words
from pipeline.settings import Settings

ASSETS = TEMPLATES.parent / "assets"
VERDICT_ORDER = ("violated", "missed", "partly_met", "met")


def render_call(analysis: Analysis, peaks: Peaks | None, audio_href: str | None, settings: Settings) -> str:
    """The report of one call.

    Args:
        peaks: waveform of shape (channels, n) in 0..1 (``playback.waveform_peaks``), or ``None``.
        audio_href: what the player loads, relative to the report or a ``data:`` URI; ``None`` hides it.
    """
    text = load_strings(settings.output.language)
    limits = view.Limits(analysis.thresholds)
    figures = Figures(analysis, limits, text)
    timeline = Draughtsman(analysis, peaks, limits, text).timeline()
    return render(
        "call.html.j2",
        "call.js",
        text=text,
        a=analysis,
        roles=view.roles_of(analysis),
        judged=view.judged_roles(analysis),
        headline=analysis.coaching.summary.strip() or timeline.summary,
        figures=figures,
        timeline=timeline,
        limits=limits,
        events=lambda *kinds: view.events_of(analysis, *kinds),
        event_kinds=view.event_kinds(analysis),
        first_shown=view.FIRST_SHOWN,
        event_limits=view.event_limits(limits),
        silences=view.silences(analysis),
        overlap_measurable=view.overlap_measurable(analysis),
        findings_by_source=by_source(analysis),
        other_findings=[each for each in analysis.guidance if each.verdict not in VERDICT_ORDER],
        response=lambda name, value: view.response(name, value, text),
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


def render(template: str, script_name: str | None, **context: Any) -> str:
    """A page from a template, with its style and script inside and a policy that allows only those."""
    style, script = _asset("report.css"), _asset(script_name) if script_name else ""
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'" if script else "script-src 'none'",
            "media-src 'self' file: data:",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    page = _environment().get_template(template)
    return page.render(policy=policy, style=Markup(style), script=Markup(script), **context)  # noqa: S704


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
        "long_clock": view.long_clock,
        "seconds": view.seconds,
        "number": view.number,
        "percent": view.percent,
        "date": date,
        "words": timed_words,
    }
    return environment


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def date(moment: str | None) -> str:
    """A date and time for reading; what is not ISO 8601 is shown as it came."""
    if not moment:
        return ""
    try:
        return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return moment
