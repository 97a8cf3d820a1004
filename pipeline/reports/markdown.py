"""``report.md``: the report condensed for reading as text; everything of the call is escaped."""

import re
from collections.abc import Iterable, Sequence

from pipeline.records import Analysis, CoachingPoint, Event, Evidence, Finding, ScoreSum, Turn
from pipeline.reports import view
from pipeline.reports.figures import Cell, Figures
from pipeline.reports.html import by_source, date
from pipeline.settings import Settings
from pipeline.texts import Texts, load_texts

# Punctuation that means something anywhere; what would start a list, heading or rule; bare links.
LIST_NUMBER = re.compile(r"^(\d+)(?=[.)])")
SPECIAL = re.compile(r"[\\`*_\[\]<>#|~&$]|^[-+=](?=\s|[-=]|$)|:(?=//)|(?<=www)\.")


def render_markdown(analysis: Analysis, settings: Settings) -> str:
    """The report of one call as Markdown with tables."""
    return Writer(analysis, load_texts(settings.output.language)).document()


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

    def __init__(self, analysis: Analysis, text: Texts) -> None:
        self.a = analysis
        self.t = text
        self.limits = view.Limits(analysis.thresholds, text)

    def document(self) -> str:
        parts = [
            self.head(),
            self.warnings(),
            self.coaching("keep", self.a.coaching.keep),
            self.coaching("change", self.a.coaching.change),
            self.scores(),
            self.figures(),
            self.events(),
            self.listening(),
            self.silences(),
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
            ("kind", view.kind_of(self.a, self.t)),
            ("date", date(call.started_at)),
            ("duration", view.clock(call.duration_s)),
        )
        known = "; ".join(
            f"{self.t(f'page.{name}')}: {escape(value or self.t('unknown'))}" for name, value in facts
        )
        title = escape(self.t("page.title", call_id=call.call_id))
        story = "\n".join(
            " ".join(
                (
                    f"- {self.t(f'headline.{one.label}')}:",
                    *([escape(one.said)] if one.said else []),
                    *(f"({view.clock(each.start_s)}{self._quote(each.quote)})" for each in one.moments),
                )
            )
            for one in view.story(self.a, self.t)
        )
        return f"# {title}\n\n{known}\n\n{story}\n\n{escape(self.a.coaching.summary)}".rstrip()

    def warnings(self) -> str:
        lines = [f"- {escape(each.message)}" for each in self.a.quality.warnings]
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
        sums = {total.id: total for total in of.sums}
        lines = [
            f"- {self.t(f'scores.{name}')}: "
            + (
                self.t("scores.none")
                if value is None
                else f"{self.t.number(value)} {self.t('scores.of_100')}"
            )
            + (f" ({self._sum(sums[name])})" if name in sums else "")
            for name, value in named.items()
        ]
        if of.act_before_listen_s is not None:
            at = view.clock(of.act_before_listen_s)
            lines.append(f"- {at}: {self.t('scores.act_before_listen')}")
        return self._part("scores.title", "\n".join(lines))

    def _sum(self, total: ScoreSum) -> str:
        points, weight = self.t.number(total.points, 1), self.t.number(total.weight, 1)
        return self.t("scores.sum", points=points, weight=weight, checks=len(total.checks))

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
        limits = view.event_limits(self.limits)
        names = ("kind", "time", "who", "overlap", "yielded", "confidence", "quote", "why")
        head = [self.t(f"events.{name}") for name in names]
        parts = [self.t("events.counts_from", min=self.limits.text("turns.event_min_overlap_s"))]
        if self.a.separation.method == "diarization":
            limit = self.limits.text("turns.one_channel_overlap_s")
            most = self.limits.text("turns.one_channel_confidence_max")
            parts.append(self.t("events.possible", min=limit, confidence=most))
        if not view.events_of(self.a, "interruption"):
            parts.append(
                self.t("events.none" if view.overlap_measurable(self.a) else "events.not_measurable")
            )
        for kind in view.event_kinds(self.a):
            found = view.events_of(self.a, kind)
            count = self.t("events.count", kinds=self.t(f"kinds.{kind}"), count=len(found))
            parts.append(f"**{count}.** {self.t(f'events.limit.{kind}', **limits)}")
            if kind in view.FIRST_SHOWN:
                parts.append(table(head, [self._event(event) for event in found]))
        if doubtful := view.doubtful(self.a):
            parts.append(
                f"**{self.t('events.listen', count=len(doubtful))}.** {self.t('events.listen_limit')}"
            )
            parts.append(table(head, [self._event(event) for event in doubtful]))
        return self._part("events.title", "\n\n".join(parts))

    def _event(self, event: Event) -> list[str]:
        return [
            self.t(f"kind.{event.kind}"),
            view.clock(event.start_s),
            f"{self.t(f'roles.{event.by}')}, {self.t('events.of', of=self.t(f'role_of.{event.of}'))}",
            self.t.quantity(event.overlap_s, self.t("unit.s"), 2),
            self.t("yes_word" if event.yielded else "no_word"),
            self.t.number(event.confidence, 2),
            escape(event.quote),
            escape(event.reason),
        ]

    def listening(self) -> str:
        head = [self.t(f"listening.{name}") for name in ("measure", "value", "moments", "limit")]
        rows = [
            [row.label, self._cell(row.cell), self._evidence(row.moments), escape(row.limit)]
            for row in Figures(self.a, self.limits, self.t).listening()
        ]
        return self._part("listening.title", table(head, rows) if rows else "")

    def silences(self) -> str:
        found = view.silences(self.a)
        gap = self.limits.text("turns.gap_s")
        if not found and not self.a.call.has_sound:
            reason = self.t("not_measured", reason=self.a.measures.call.not_scored["gaps"])
            return self._part("silences.title", escape(reason))
        if not found:
            return self._part("silences.title", self.t("silences.none", gap=gap))
        limits = self.t(
            "silences.limits",
            gap=gap,
            dead=self.limits.text("turns.dead_air_s"),
            within=self.limits.text("turns.announced_within_s"),
        )
        head = [self.t(f"silences.{name}") for name in ("when", "cause", "before", "handling")]
        rows = [
            [
                self.t(
                    "silences.lasted",
                    start=view.clock(quiet.start_s),
                    end=view.clock(quiet.end_s),
                    seconds=view.seconds(quiet.end_s - quiet.start_s, self.t),
                ),
                self.t(f"gap_kind.{quiet.kind}"),
                escape(quiet.before.quote) if quiet.before else "",
                "; ".join(map(self._done, quiet.handling)),
            ]
            for quiet in found
        ]
        return self._part("silences.title", f"{limits}\n\n{table(head, rows)}")

    def _done(self, part: view.Done) -> str:
        answer = {True: "silences.done", False: "silences.not_done", None: "silences.unclear"}[part.done]
        said = part.said or (part.at.quote if part.at else "")
        note = f", {self.t(f'silences.{part.note}')}" if part.note else ""
        return f"{self.t(f'silences.item.{part.item}')}: {self.t(answer)}{note}{self._quote(said)}"

    def guidance(self) -> str:
        names = ("check", "verdict", "score", "reason", "evidence")
        head = [self.t(f"guidance.{name}") for name in names]
        body = []
        for source, found in by_source(self.a):
            title = ": ".join(filter(None, (escape(source), self.t.find(f"source.{source}"))))
            body.append(f"### {title}\n\n{table(head, [self._verdict(each) for each in found])}")
        unsure = [each for each in self.a.guidance if each.to_check]
        lines = [f"- {self.t.name_of('check', one.id)}: {self._evidence(one.to_check)}" for one in unsure]
        body += [f"### {self.t('guidance.to_check')}\n\n" + "\n".join(lines)] if lines else []
        left = [each for each in self.a.guidance if each.verdict in ("not_applicable", "not_scored")]
        named = [(self.t.name_of("check", each.id), self.t(f"verdict.{each.verdict}"), each) for each in left]
        lines = [f"- {name}: {verdict} ({escape(each.reason)})" for name, verdict, each in named]
        body += [self.t("guidance.others", count=len(left)) + "\n\n" + "\n".join(lines)] if left else []
        return self._part("guidance.title", "\n\n".join(body) or self.t("guidance.none"))

    def _verdict(self, finding: Finding) -> list[str]:
        weight = self.t("guidance.weight", weight=self.t.number(finding.weight, 2))
        return [
            self.t.name_of("check", finding.id),
            self.t(f"verdict.{finding.verdict}"),
            f"{self.t.number(finding.score or 0.0, 2)} ({weight})",
            " ".join(filter(None, (escape(finding.reason), self._second_opinion(finding)))),
            self._evidence(finding.evidence),
        ]

    def _second_opinion(self, finding: Finding) -> str:
        other = finding.second_opinion
        if other is None:
            return ""
        said = [
            self.t("guidance.second_opinion", model=other.model),
            self.t(f"verdict.{other.verdict}") + ".",
        ]
        said += [other.reason] if other.reason else []
        if other.replaced:
            said.append(self.t("guidance.replaced", verdict=self.t(f"verdict.{other.replaced}")))
        return escape(" ".join(said)) + (f" ({self._evidence(other.evidence)})" if other.evidence else "")

    def tension(self) -> str:
        of = self.a.tension
        if of.not_scored:
            return self._part("tension.title", escape(self.t("not_measured", reason=of.not_scored)))
        lines = [
            f"- {view.clock(span.start_s)} {self.t('to', low='', high=view.clock(span.end_s)).strip()}: "
            f"{self.t('tension.peak').lower()} {self.t.number(span.peak, 2)}; "
            f"{self.t('tension.outcome').lower()}: {self.t(f'tension.outcomes.{span.outcome}')}"
            + "".join(
                f"; {self.t.name_of('response', name)}: {escape(view.response(name, value, self.t))}"
                for name, value in span.agent_response.items()
                if value is not None
            )
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
        estimate = self.t("effort.estimate", estimate=self.t.number(of.estimate, 1))
        return self._part("effort.title", "\n\n".join(filter(None, [estimate, "\n".join(lines)])))

    def promises(self) -> str:
        lines = [
            f"- {self.t(f'roles.{each.who}')}: {escape(each.what)}, "
            f"{escape(date(each.when) or self.t('promises.no_time'))} "
            f"({view.clock(each.start_s)}{self._quote(each.quote)})"
            for each in self.a.promises
        ]
        return self._part("promises.title", "\n".join(lines))

    def transcript(self) -> str:
        if (at := self.a.removed.transcript_at) is not None:
            return self._part("transcript.title", self.t("transcript.removed", at=date(at)))
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
