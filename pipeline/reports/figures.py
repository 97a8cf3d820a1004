"""The figures of a call as rows for reading: value, what it rests on, target, and reasons for gaps."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.records import Analysis, Baseline, Evidence, FirstAccount, Listening, Role, SpeakerMeasures
from pipeline.reports.view import Limits, clock, roles_of, seconds
from pipeline.texts import Texts


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure; ``missing`` when ``value`` is the reason for a null. ``flag`` is where it lies."""

    value: str
    detail: str = ""
    flag: str = ""
    missing: bool = False


@dataclass(frozen=True, slots=True)
class FigureRow:
    label: str
    term: str | None
    cells: tuple[Cell, ...]
    limit: str


@dataclass(frozen=True, slots=True)
class MomentsRow:
    """A figure with the moments that it rests on."""

    label: str
    cell: Cell
    moments: tuple[Evidence, ...]
    limit: str


Reader = Callable[[SpeakerMeasures], Cell | None]


@dataclass(frozen=True, slots=True)
class Figures:
    """Builds the rows of both tables."""

    analysis: Analysis
    limits: Limits
    text: Texts

    def speakers(self) -> list[FigureRow]:
        """One row a measure, one cell a party."""
        t, at = self.text, self.limits.text
        rate_limit = t(
            "figures.articulation_limit",
            low=at("rate.band_low_sps"),
            high=at("rate.band_high_sps"),
            fast=at("rate.fast_sps"),
            very_fast=at("rate.very_fast_sps"),
            slow=at("rate.slow_sps"),
        )
        wpm_limit = t(
            "figures.speech_rate_limit", low=at("rate.guidance_low_wpm"), high=at("rate.guidance_high_wpm")
        )
        coverage_min = self.limits.get("rate.coverage_min")
        coverage_limit = (
            "" if coverage_min is None else t("figures.coverage_limit", share=self.text.percent(coverage_min))
        )
        long_limit = t("figures.longest_turn_limit", limit=at("turns.longest_turn_s"))
        pitch_limit = t("figures.pitch_delta_limit", st=at("pitch.notable_st"))
        line_limit = t("figures.line_limit", min=at("pitch.min_snr_db"), full=at("pitch.full_snr_db"))
        return [
            self._row("talk", None, "talk_s", self._talk),
            self._row("words", None, "words", self._words),
            self._row("articulation", "articulation", "articulation_rate_sps", self._rate, rate_limit),
            self._row("speech_rate", "speech_rate", "speech_rate_wpm", self._wpm, wpm_limit),
            self._row("pitch", None, "f0_median_hz", self._pitch),
            self._row("pitch_delta", "semitone", "f0_vs_baseline_st", self._pitch_delta, pitch_limit),
            self._row("pitch_range", "semitone", "f0_range_st", self._pitch_range),
            self._row("loudness", "baseline", "loudness_vs_baseline_db", self._loudness),
            self._row("longest_turn", None, "longest_turn_s", self._longest, long_limit),
            self._row(
                "interruptions", "confidence", "interruptions", self._interruptions, self._event_limit()
            ),
            self._row("backchannels", "backchannel", "backchannels", self._backchannels),
            self._row("latency", "latency", "response_latency_median_s", self._latency),
            self._row("coverage", None, "coverage", self._coverage, coverage_limit),
            self._row("line", "ratio", "snr_db", self._line, line_limit),
        ]

    def call(self) -> list[FigureRow]:
        """Figures of the whole call, one cell a row."""
        t, of = self.text, self.analysis.measures.call
        gap_limit = t(
            "figures.gaps_limit",
            gap=self.limits.text("turns.gap_s"),
            dead=self.limits.text("turns.dead_air_s"),
        )
        within = [gap for gap in of.gaps if gap.kind != "after_call"]
        gap_s = sum(gap.end_s - gap.start_s for gap in within)
        gap_detail = t(
            "figures.gaps_detail",
            seconds=self.text.number(gap_s, 1),
            dead=self.text.number(sum(gap.kind == "dead_air" for gap in of.gaps)),
        )
        hold_detail = t(
            "figures.holds_detail", announced=self.text.number(sum(hold.announced for hold in of.holds))
        )
        ratio = of.talk_ratio_agent
        return [
            self._call_row("duration", Cell(seconds(of.duration_s, self.text))),
            self._call_row("speech", self._seconds_of("speech_s", of.speech_s)),
            self._call_row("overlap", self._overlap(), term="overlap"),
            self._call_row("silence", self._silence()),
            self._call_row("gaps", self._count("gaps", len(within), gap_detail), gap_limit),
            self._call_row("holds", self._count("holds", len(of.holds), hold_detail)),
            self._call_row(
                "ratio",
                Cell(self.text.percent(ratio))
                if ratio is not None
                else self._call_missing("talk_ratio_agent"),
                t("figures.ratio_limit"),
            ),
        ]

    def listening(self) -> list[MomentsRow]:
        """How the agent listened; nothing of an analysis that did not measure it."""
        of = self.analysis.measures.call.listening
        if of is None:
            return []
        t, at = self.text, self.limits.text
        prompts = of.first_account.prompts if of.first_account else ()
        prompts_limit = t(
            "listening.prompts_limit",
            prompt=at("listening.prompt_max_s"),
            question=at("listening.question_max_s"),
        )
        longest = (of.longest_agent_turn,) if of.longest_agent_turn else ()
        rows = [
            ("account", self._account(of), self._account_moments(of), t("listening.account_limit")),
            (
                "prompts",
                Cell(self.text.number(len(prompts)), t("listening.prompts_detail")),
                prompts,
                prompts_limit,
            ),
            (
                "backchannels",
                self._per_minute(of),
                of.backchannels,
                t("listening.backchannels_limit", long=at("listening.long_turn_s")),
            ),
            (
                "longest",
                self._longest_agent_turn(of),
                tuple(dict.fromkeys((*longest, *of.long_agent_turns))),
                t("figures.longest_turn_limit", limit=at("turns.longest_turn_s")),
            ),
            ("interruptions", self._per_customer_minute(of), (), self._event_limit()),
        ]
        return [
            MomentsRow(t(f"listening.{name}"), cell, moments, limit)
            for name, cell, moments, limit in rows
            if name != "prompts" or prompts
        ]

    def _account(self, of: Listening) -> Cell:
        account = of.first_account
        if account is None:
            return self._missing(of.not_scored.get("first_account"))
        words, turns = self.text.number(account.words), self.text.number(len(account.turns))
        if account.taken_s is None:
            detail = self.text("listening.account_untaken", words=words, turns=turns)
        else:
            taken = clock(account.taken_s)
            detail = self.text("listening.account_detail", words=words, turns=turns, taken=taken)
        flag = {True: "flag.cut_off", False: "flag.by_itself", None: "silences.unclear"}[account.cut_off]
        value = self.text("listening.account_value", start=clock(account.start_s), end=clock(account.end_s))
        return Cell(value, f"{detail}; {account.reason}", self.text(flag))

    def _account_moments(self, of: Listening) -> tuple[Evidence, ...]:
        account = of.first_account
        if account is None:
            return ()
        begins = Evidence(
            turn=account.turns[0],
            start_s=account.start_s,
            end_s=account.end_s,
            quote="",
            note=self.text("listening.account_told"),
        )
        return (begins, *account.interruptions, *self._taken(account))

    def _taken(self, account: FirstAccount) -> list[Evidence]:
        """The turn that took the floor, unless it is one of the interruptions shown."""
        taken = account.taken_by
        if taken is None or any(one.turn == taken.turn for one in account.interruptions):
            return []
        return [replace(taken, note=self.text("listening.account_taken"))]

    def _per_minute(self, of: Listening) -> Cell:
        if of.backchannels_per_min is None:
            return self._missing(of.not_scored.get("backchannels_per_min"))
        detail = self.text(
            "listening.backchannels_detail",
            count=self.text.number(of.long_turn_backchannels or 0),
            seconds=self.text.number(of.long_turn_time_s or 0, 1),
            turns=self.text.number(of.long_turns or 0),
        )
        return Cell(self.text.quantity(of.backchannels_per_min, self.text("unit.per_min"), 1), detail)

    def _longest_agent_turn(self, of: Listening) -> Cell:
        if of.longest_agent_turn is None:
            return self._missing(of.not_scored.get("longest_agent_turn"))
        length_s = of.longest_agent_turn.end_s - of.longest_agent_turn.start_s
        return Cell(seconds(length_s, self.text), flag=self.text("flag.long") if of.long_agent_turns else "")

    def _per_customer_minute(self, of: Listening) -> Cell:
        if of.interruptions_per_customer_min is None:
            return self._missing(of.not_scored.get("interruptions_per_customer_min"))
        detail = self.text(
            "listening.interruptions_detail",
            count=self.text.number(of.interruptions or 0),
            seconds=self.text.number(of.customer_talk_s or 0, 1),
        )
        return Cell(
            self.text.quantity(of.interruptions_per_customer_min, self.text("unit.per_min"), 1), detail
        )

    def _event_limit(self) -> str:
        return self.text(
            "figures.interruptions_limit",
            overlap=self.limits.text("turns.interruption_overlap_s"),
            cut_off=self.limits.text("turns.interruption_cut_off_overlap_s"),
        )

    def _row(self, name: str, term: str | None, measure: str, read: Reader, limit: str = "") -> FigureRow:
        cells = tuple(self._cell(role, measure, read) for role in roles_of(self.analysis))
        return FigureRow(self.text(f"figures.{name}"), term, cells, limit)

    def _cell(self, role: Role, measure: str, read: Reader) -> Cell:
        of = self.analysis.measures.of(role)
        if of is None:
            unmeasured = self.analysis.measures.call.not_scored.get(role)
            return self._missing(unmeasured or self.text("reasons.no_speaker"))
        return read(of) or self._missing(of.not_scored.get(measure))

    def _missing(self, reason: str | None) -> Cell:
        if not reason:
            return Cell(self.text("not_measured_bare"), missing=True)
        return Cell(self.text("not_measured", reason=reason), missing=True)

    def _call_row(self, name: str, cell: Cell, limit: str = "", term: str | None = None) -> FigureRow:
        return FigureRow(self.text(f"figures.{name}"), term, (cell,), limit)

    def _call_missing(self, measure: str) -> Cell:
        return self._missing(self.analysis.measures.call.not_scored.get(measure))

    def _seconds_of(self, measure: str, value_s: float | None) -> Cell:
        return self._call_missing(measure) if value_s is None else Cell(seconds(value_s, self.text))

    def _count(self, measure: str, found: int, detail: str) -> Cell:
        """How many there are, unless nothing could be looked for."""
        if measure in self.analysis.measures.call.not_scored:
            return self._call_missing(measure)
        return Cell(self.text.number(found), detail if found else "")

    def _silence(self) -> Cell:
        of = self.analysis.measures.call
        if of.silence_s is None or of.silence_share is None:
            return self._call_missing("silence_s")
        return Cell(
            seconds(of.silence_s, self.text),
            self.text("figures.silence_detail", share=self.text.percent(of.silence_share)),
        )

    def _overlap(self) -> Cell:
        of = self.analysis.measures.call
        if of.overlap_s is None:
            return self._call_missing("overlap_s")
        share = of.overlap_s / of.speech_s if of.speech_s else 0.0
        return Cell(
            seconds(of.overlap_s, self.text),
            self.text("figures.overlap_detail", share=self.text.percent(share)),
        )

    # --- one reader a measure ---

    def _talk(self, of: SpeakerMeasures) -> Cell:
        share = of.talk_share
        detail = "" if share is None else self.text("figures.talk_detail", share=self.text.percent(share))
        return Cell(seconds(of.talk_s, self.text), detail)

    def _words(self, of: SpeakerMeasures) -> Cell:
        detail = self.text("figures.words_detail", turns=self.text.number(of.turns))
        if of.dropped_words:
            detail += "; " + self.text("figures.words_dropped", count=self.text.number(of.dropped_words))
        return Cell(self.text.number(of.words), detail)

    def _rate(self, of: SpeakerMeasures) -> Cell | None:
        if of.articulation_rate_sps is None:
            return None
        detail = self.text(
            "figures.articulation_detail",
            syllables=self.text.number(of.syllables),
            seconds=self.text.number(of.phonation_s, 1),
        )
        if of.rate_confidence == "low":
            detail += "; " + self.text(
                "figures.low_confidence", limit=self.limits.text("rate.full_confidence_s")
            )
        # The band is for agents: the customer's rate is shown, not judged.
        flag = "" if of is self.analysis.measures.customer else self.rate_flag(of.articulation_rate_sps)
        return Cell(self.text.quantity(of.articulation_rate_sps, self.text("unit.sps"), 2), detail, flag)

    def rate_flag(self, sps: float) -> str:
        """Where a rate lies against the thresholds of this analysis; empty when they are not known."""
        over = (
            ("rate.very_fast_sps", "very_fast"),
            ("rate.fast_sps", "fast"),
            ("rate.band_high_sps", "above"),
        )
        under = (("rate.slow_sps", "slow"), ("rate.band_low_sps", "below"))
        for key, flag in over:
            limit = self.limits.get(key)
            if limit is not None and sps > limit:
                return self.text(f"flag.{flag}")
        for key, flag in under:
            limit = self.limits.get(key)
            if limit is not None and sps < limit:
                return self.text(f"flag.{flag}")
        return self.text("flag.within") if self.limits.get("rate.band_high_sps") is not None else ""

    def _wpm(self, of: SpeakerMeasures) -> Cell | None:
        if of.speech_rate_wpm is None:
            return None
        words = self.text.number(of.turn_words)
        detail = self.text(
            "figures.speech_rate_detail", words=words, seconds=self.text.number(of.turn_time_s, 1)
        )
        return Cell(self.text.quantity(of.speech_rate_wpm, self.text("unit.wpm")), detail)

    def _pitch(self, of: SpeakerMeasures) -> Cell | None:
        if of.f0_median_hz is None:
            return None
        detail = self.text("figures.pitch_detail", seconds=self.text.number(of.voiced_s, 1))
        return Cell(self.text.quantity(of.f0_median_hz, self.text("unit.hz")), detail)

    def _pitch_delta(self, of: SpeakerMeasures) -> Cell | None:
        delta_st, limit = of.f0_vs_baseline_st, self.limits.get("pitch.notable_st")
        if delta_st is None:
            return None
        baseline = of.f0_baseline_hz
        detail = (
            "" if baseline is None else self.text("figures.pitch_delta_detail", hz=self.text.number(baseline))
        )
        if of.baseline is not None:
            detail += f"; {self._baseline(of.baseline)}"
        notable = limit is not None and abs(delta_st) >= limit
        flag = self.text("flag.higher" if delta_st > 0 else "flag.lower") if notable else ""
        return Cell(self.text.quantity(delta_st, self.text("unit.st"), 1, signed=True), detail, flag)

    def _baseline(self, of: Baseline) -> str:
        name = f"figures.baseline_{of.kind}"
        return self.text(name, calls=self.text.number(of.calls), seconds=self.text.number(of.voiced_s))

    def _pitch_range(self, of: SpeakerMeasures) -> Cell | None:
        if of.f0_range_st is None:
            return None
        return Cell(
            self.text.quantity(of.f0_range_st, self.text("unit.st"), 1),
            self.text("figures.pitch_range_detail"),
        )

    def _loudness(self, of: SpeakerMeasures) -> Cell | None:
        if of.loudness_vs_baseline_db is None:
            return None
        level_db = of.loudness_median_db
        detail = (
            "" if level_db is None else self.text("figures.loudness_detail", db=self.text.number(level_db, 1))
        )
        if of.baseline is not None and of.baseline.kind == "firm" and of.baseline.loudness_median_db is None:
            detail += "; " + self.text("figures.loudness_start")
        return Cell(
            self.text.quantity(of.loudness_vs_baseline_db, self.text("unit.db"), 1, signed=True), detail
        )

    def _longest(self, of: SpeakerMeasures) -> Cell | None:
        if of.longest_turn_s is None:
            return None
        limit = self.limits.get("turns.longest_turn_s")
        long = limit is not None and of.longest_turn_s > limit
        return Cell(seconds(of.longest_turn_s, self.text), flag=self.text("flag.long") if long else "")

    def _interruptions(self, of: SpeakerMeasures) -> Cell | None:
        return None if of.interruptions is None else Cell(self.text.number(of.interruptions))

    def _backchannels(self, of: SpeakerMeasures) -> Cell | None:
        if of.backchannels is None:
            return None
        return Cell(
            self.text.number(of.backchannels),
            self.text("figures.backchannels_detail") if of.backchannels else "",
        )

    def _latency(self, of: SpeakerMeasures) -> Cell | None:
        latency_s = of.response_latency_median_s
        if latency_s is None:
            return None
        return Cell(
            self.text.quantity(latency_s, self.text("unit.s"), 2), self.text("figures.latency_detail")
        )

    def _coverage(self, of: SpeakerMeasures) -> Cell | None:
        if of.coverage is None:
            return None
        return Cell(self.text.percent(of.coverage), self.text("figures.coverage_detail"))

    def _line(self, of: SpeakerMeasures) -> Cell | None:
        if of.snr_db is None:
            return None
        floor_db = of.noise_floor_db
        detail = "" if floor_db is None else self.text("figures.line_detail", db=self.text.number(floor_db))
        return Cell(self.text.quantity(of.snr_db, self.text("unit.db")), detail)
