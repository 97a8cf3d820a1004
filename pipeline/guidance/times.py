"""Times that people name in speech: "by Friday", "Thursday at six", "within two hours"."""

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import NamedTuple

from pydantic import Field

from pipeline.settings import Section

DAY_S = 86_400
NOON = 12
HOUR_MIN = 60
WEEK_DAYS = 7
APART = 12
"""Characters between two parts of one time, such as `in the`."""


class When(NamedTuple):
    """A time in somebody's words, and as ISO 8601 where the words and the start of the call give one."""

    said: str
    due: str | None


class TimeWords(Section):
    """How a language names times. Every phrase is in lower case."""

    numbers: dict[str, float]
    units: dict[str, int]
    from_now: tuple[str, ...]
    weekdays: tuple[str, ...] = Field(min_length=7, max_length=7)
    months: tuple[str, ...] = Field(min_length=12, max_length=12)
    days: dict[str, int]
    parts: dict[str, int]
    after_noon: tuple[str, ...]
    before_noon: tuple[str, ...]
    after_noon_until_hour: int = Field(ge=0, le=12)
    before_clock: tuple[str, ...]
    after_clock: tuple[str, ...]
    past_hour: dict[str, int]
    beside_clock: tuple[str, ...]
    beside_span: tuple[str, ...]
    leading: tuple[str, ...]
    loose: tuple[str, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """One component of a time; named groups tell which."""
        number = rf"(?:\d{{1,2}}|{_any(self.numbers)})"
        parts, clocks = _any(self.parts), _any(self.after_clock)
        beside = _any((*self.beside_clock, *self.parts, *self.weekdays, *self.days, *self.after_clock))
        ahead = rf"(?=\s*(?:[.,;!?]|$|(?:{beside})(?!\w)))"
        hour = rf"(?:\d{{1,2}}:\d\d|{number})"
        components = (
            rf"(?:{_any(self.from_now)})\s+(?P<amount>{number})\s+(?P<unit>{_any(self.units)})",
            rf"(?P<span>{number}\s+(?:{_any(self.units)})\s+(?:{_any(self.beside_span)}))",
            rf"(?P<loose>{_any(self.loose)})",
            rf"(?P<day>{_any(self.days)})",
            rf"(?P<weekday>{_any(self.weekdays)})",
            rf"(?P<month>{_any(self.months)})\s+(?P<month_day>\d{{1,2}})[^\W\d]{{0,2}}",
            rf"(?P<day_first>\d{{1,2}})[^\W\d]{{0,2}}(?:\s\w+)?\s+(?P<month_last>{_any(self.months)})",
            rf"(?P<bare>{hour})\s*(?P<with>{clocks})",
            rf"(?P<past>{_any(self.past_hour)})\s+(?P<past_hour>{number})(?!\w)",
            rf"(?:{_any(self.before_clock)})\s+(?P<hour>{hour}){ahead}",
            rf"(?P<part>{parts})",
        )
        leading = rf"(?:(?:{_any(self.leading)})\s+)?"
        return re.compile(rf"(?<!\w){leading}(?:{'|'.join(components)})(?!\w)")

    def find(self, text: str, started_at: datetime | None) -> When | None:
        """The first time that a text names.

        Args:
            started_at: when the call began, in the time of its place; without it nothing becomes a date.
        """
        lowered = text.lower().replace("’", "'")
        found: list[re.Match[str]] = []
        for match in self.pattern.finditer(lowered):
            if found and match.start() - found[-1].end() > APART:
                break
            found.append(match)
        if not found:
            return None
        given = {name: value for match in found for name, value in match.groupdict().items() if value}
        said = text[found[0].start() : found[-1].end()]
        return When(said, self._due(given, lowered[: found[-1].end()], started_at) if started_at else None)

    def _due(self, given: dict[str, str], lowered: str, started_at: datetime) -> str | None:
        if "amount" in given:
            seconds = self.units[given["unit"]]
            due = started_at + timedelta(seconds=self._number(given["amount"]) * seconds)
            return due.date().isoformat() if seconds >= DAY_S else due.isoformat(timespec="minutes")
        day = self._day(given, started_at.date())
        clock = self._clock(given)
        if clock is None:
            return day.isoformat() if day else None
        if day is None:
            day = started_at.date()
            passed = clock <= started_at.time()
            if passed and not {"hour", "bare", "past_hour"} & set(given):
                return day.isoformat()
            day += timedelta(days=1) if passed else timedelta()
        return datetime.combine(day, clock, started_at.tzinfo).isoformat(timespec="minutes")

    def _day(self, given: dict[str, str], today: date) -> date | None:
        if "day" in given:
            return today + timedelta(days=self.days[given["day"]])
        if "weekday" in given:
            ahead = (self.weekdays.index(given["weekday"]) - today.weekday()) % WEEK_DAYS
            return today + timedelta(days=ahead or WEEK_DAYS)
        name = given.get("month") or given.get("month_last")
        if name is None:
            return None
        number = int(given.get("month_day") or given["day_first"])
        for year in (today.year, today.year + 1):
            try:
                named = date(year, self.months.index(name) + 1, number)
            except ValueError:  # 30 February
                continue
            if named >= today:
                return named
        return None

    def _clock(self, given: dict[str, str]) -> time | None:
        part = given.get("part") or (given["day"] if given.get("day") in self.parts else None)
        spoken = given.get("bare") or given.get("hour") or given.get("past_hour")
        if spoken is None:
            return time(self.parts[part]) if part else None
        text, _, minutes = spoken.partition(":")
        hour = int(self._number(text))
        beside = {part, given.get("with")}
        later = beside & set(self.after_noon) or (
            not beside & set(self.before_noon) and hour <= self.after_noon_until_hour
        )
        if later and hour < NOON:
            hour += NOON
        if hour >= 2 * NOON or int(minutes or 0) >= HOUR_MIN:
            return None
        hour, minute = divmod(
            hour * HOUR_MIN + int(minutes or 0) + self.past_hour.get(given.get("past", ""), 0), HOUR_MIN
        )
        return time(hour % (2 * NOON), minute)

    def _number(self, text: str) -> float:
        return float(text) if text.isdigit() else self.numbers[text]


def _any(phrases: Iterable[str]) -> str:
    """A pattern of any of the phrases, the longest that fits."""
    ordered = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in ordered)
