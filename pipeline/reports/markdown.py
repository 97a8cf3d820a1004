"""``report.md``: the report condensed for reading as text; everything of the call is escaped."""

import re
from collections.abc import Iterable, Sequence

from pipeline.records import Analysis, CoachingPoint, Event, Evidence, Turn
from pipeline.reports import view
from pipeline.reports.figures import Cell, Figures
from pipeline.reports.html import date, judged
from pipeline.reports.strings import Strings, load_strings
from pipeline.settings import Settings

# Punctuation that means something anywhere; what would start a list, heading or rule; bare links.
LIST_NUMBER = re.compile(r"^(\d+)(?=[.)])")
SPECIAL = re.compile(r"[\\`*_\[\]<>#|~&$]|^[-+=](?=\s|[-=])|:(?=//)|(?<=www)\.")


def render_markdown(analysis: Analysis, settings: Settings) -> str:
    """The report of one call as Markdown with tables."""
    return Writer(analysis, load_strings(settings.output.language)).document()


def escape(text: str) -> str:
    """``text`` on one line, with every character that Markdown or HTML could read escaped."""
    return LIST_NUMBER.sub(r"\1\\", SPECIAL.sub(r"\\\g<0>", " ".join(text.split())))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


class Writer:
    """Writes one analysis, part by part; a part that has nothing to say is left out."""

    def __init__(self, analysis: Analysis, text: Strings) -> None:
        self.a = analysis
        self.t = text
        self.limits = view.Limits(analysis.thresholds)

    def document(self) -> str:
        parts = [
            self.head(),
            self.warnings(),
            self.coaching("keep", self.a.coaching.keep),
            self.coaching("change", self.a.coaching.change),
            self.scores(),
            self.figures(),
            self.events(),
            self.guidance(),
            self.tension(),
            self.effort(),
            self.promises(),
            self.transcript(),
            self.provenance(),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def head(self) -> str:
        call = self.a.call
        facts = (
            ("agent", call.agent_id),
            ("queue", call.queue),
            ("date", date(call.started_at)),
            ("duration", view.clock(call.duration_s)),
        )
        known = "; ".join(
            f"{self.t(f'page.{name}')}: {escape(value or self.t('unknown'))}" for name, value in facts
        )
        title = escape(self.t("page.title", call_id=call.call_id))
        return f"# {title}\n\n{known}\n\n{escape(self.a.coaching.summary)}".rstrip()

    def warnings(self) -> str:
        lines = [f"- {escape(each.message)} ({escape(each.code)})" for each in self.a.quality.warnings]
        return self._part("warnings.title", "\n".join(lines))

    def coaching(self, kind: str, points: Sequence[CoachingPoint]) -> str:
        lines = [
            f"- **{escape(point.title)}** ({view.clock(point.start_s)}{self._quote(point.quote)}): "
            f"{escape(point.why)} {self.t('coaching.try_this')} {escape(point.try_this)}"
            for point in points
        ]
        return self._part(f"coaching.{kind}", "\n".join(lines))

    def scores(self) -> str:
        of = self.a.scores
        named = {"overall": of.overall, "how_said": of.how_said, "what_said": of.what_said}
        named |= {name: getattr(of.ldal, name) for name in ("listen", "diffuse", "act", "impression")}
        if all(value is None for value in named.values()):
            return ""
        lines = [
            f"- {self.t(f'scores.{name}')}: "
            + (self.t("scores.none") if value is None else f"{view.number(value)} {self.t('scores.of_100')}")
            for name, value in named.items()
        ]
        return self._part("scores.title", "\n".join(lines))

    def figures(self) -> str:
        figures = Figures(self.a, self.limits, self.t)
        roles = [self.t(f"roles.{role}") for role in view.roles_of(self.a)]
        head = [self.t("figures.measure"), *roles, self.t("figures.limit")]
        rows = [
            [row.label, *(self._cell(cell) for cell in row.cells), escape(row.limit)]
            for row in figures.speakers()
        ]
        call_head = [self.t("figures.call"), self.t("figures.value"), self.t("figures.limit")]
        call_rows = [[row.label, self._cell(row.cells[0]), escape(row.limit)] for row in figures.call()]
        return self._part("figures.title", table(head, rows) + "\n\n" + table(call_head, call_rows))

    def events(self) -> str:
        limits = self.t(
            "events.limits",
            min=self.limits.text("turns.event_min_overlap_s"),
            overlap=self.limits.text("turns.interruption_overlap_s"),
            cut_off=self.limits.text("turns.interruption_cut_off_overlap_s"),
            start=self.limits.text("turns.simultaneous_start_s"),
            terminal=self.limits.text("turns.terminal_remaining_s"),
            back=self.limits.text("turns.backchannel_max_s"),
        )
        shown = view.events_of(self.a, "interruption") + view.events_of(self.a, "failed_attempt")
        head = [
            self.t(f"events.{name}")
            for name in ("kind", "time", "who", "overlap", "yielded", "confidence", "quote")
        ]
        rows = [self._event(event) for event in shown]
        none = "none" if view.overlap_measurable(self.a) else "not_measurable"
        body = table(head, rows) if rows else self.t(f"events.{none}")
        others = view.events_of(self.a, "simultaneous_start", "terminal_overlap")
        backchannels = view.events_of(self.a, "backchannel")
        counts = [self.t("events.others", count=len(others))] if others else []
        counts += [self.t("events.backchannels", count=len(backchannels))] if backchannels else []
        return self._part("events.title", "\n\n".join([limits, body, *counts]))

    def _event(self, event: Event) -> list[str]:
        return [
            self.t(f"kind.{event.kind}"),
            view.clock(event.start_s),
            self.t(f"roles.{event.by}"),
            f"{view.number(event.overlap_s, 2)} s",
            self.t("yes_word" if event.yielded else "no_word"),
            view.number(event.confidence, 2),
            escape(event.quote),
        ]

    def guidance(self) -> str:
        head = [self.t(f"guidance.{name}") for name in ("check", "verdict", "reason", "evidence")]
        rows = [
            [
                f"{self.t.name_of('check', each.id)} (`{each.id}`, {escape(each.source)})",
                self.t(f"verdict.{each.verdict}"),
                escape(each.reason),
                self._evidence(each.evidence),
            ]
            for each in judged(self.a)
        ]
        left = [each for each in self.a.guidance if each.verdict in ("not_applicable", "not_scored")]
        named = [(self.t.name_of("check", each.id), self.t(f"verdict.{each.verdict}"), each) for each in left]
        lines = [f"- {name}: {verdict} ({escape(each.reason)})" for name, verdict, each in named]
        body = [table(head, rows)] if rows else []
        body += [self.t("guidance.others", count=len(left)) + "\n\n" + "\n".join(lines)] if left else []
        return self._part("guidance.title", "\n\n".join(body) or self.t("guidance.none"))

    def tension(self) -> str:
        of = self.a.tension
        if of.not_scored:
            return self._part("tension.title", escape(self.t("not_measured", reason=of.not_scored)))
        lines = [
            f"- {view.clock(span.start_s)} {self.t('to', low='', high=view.clock(span.end_s)).strip()}: "
            f"{self.t('tension.peak').lower()} {view.number(span.peak, 2)}; "
            f"{self.t('tension.outcome').lower()}: {self.t(f'tension.outcomes.{span.outcome}')}"
            for span in of.spans
        ]
        return self._part("tension.title", "\n".join(lines) or self.t("tension.none"))

    def effort(self) -> str:
        of = self.a.effort
        if of.estimate is None:
            return ""
        lines = [
            f"- {self.t.name_of('signal', each.id)}: {each.count} {self._evidence(each.evidence)}".rstrip()
            for each in of.signals
        ]
        estimate = self.t("effort.estimate", estimate=view.number(of.estimate, 1))
        return self._part("effort.title", "\n\n".join(filter(None, [estimate, "\n".join(lines)])))

    def promises(self) -> str:
        lines = [
            f"- {self.t(f'roles.{each.who}')}: {escape(each.what)}, "
            f"{escape(each.when or self.t('promises.no_time'))} "
            f"({view.clock(each.start_s)}{self._quote(each.quote)})"
            for each in self.a.promises
        ]
        return self._part("promises.title", "\n".join(lines))

    def transcript(self) -> str:
        lines = [self._turn(turn) for turn in self.a.transcript.turns]
        return self._part("transcript.title", "\n\n".join(lines) or self.t("transcript.none"))

    def _turn(self, turn: Turn) -> str:
        said = f"{view.clock(turn.start_s)} {self.t(f'roles.{turn.speaker}')}"
        if turn.backchannel:
            return f"> *{said}, {self.t('transcript.backchannel')}: {escape(turn.text)}*"
        return f"**{said}:** {escape(turn.text)}"

    def provenance(self) -> str:
        of = self.a.provenance
        lines = [
            f"- {self.t('provenance.source')}: {escape(self.a.call.source)}",
            f"- {self.t('provenance.sha256')}: `{escape(self.a.call.sha256)}`",
            f"- {self.t('provenance.config')}: `{escape(of.config_sha256)}`",
            f"- {self.t('provenance.created_at')}: {escape(date(of.created_at))}",
        ]
        if of.rescored is not None:
            lines.append(f"- {self.t('provenance.rescored')}: {escape(date(of.rescored.at))}")
        return self._part("provenance.title", "\n".join(lines))

    def _part(self, title: str, body: str) -> str:
        return f"## {self.t(title)}\n\n{body}" if body else ""

    def _quote(self, quote: str) -> str:
        return f", “{escape(quote)}”" if quote else ""

    def _evidence(self, items: Sequence[Evidence]) -> str:
        return "; ".join(f"{view.clock(item.start_s)}{self._quote(item.quote)}" for item in items)

    @staticmethod
    def _cell(cell: Cell) -> str:
        said = ", ".join(filter(None, (cell.value, cell.flag)))
        return escape(f"{said} ({cell.detail})" if cell.detail else said)
