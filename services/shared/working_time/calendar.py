"""Working time of one pattern of office hours, exact to the second, in microseconds a call.

Every day from 1 January 2000 to 31 December 2040 (Vietnam time, UTC+7 all year) is compiled into
its intervals and the working seconds before it; a question is then a subtraction or a bisection.

Times may have any offset; answers are UTC. A fraction of a second is dropped from arguments, so
that working time is a whole number of seconds and spans add up. Every method raises ValueError for
a time without an offset, and OutsideCalendar for a time, or an answer, outside the years.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from contracts.catalogue.load import VIETNAM
from contracts.events.sla import Budget, CalendarDaysEnd, TimeUnit, WorkingDaysReading
from services.shared.working_time.errors import OutsideCalendar
from services.shared.working_time.holidays_vn import FIRST_YEAR, LAST_YEAR, SpecialDay
from services.shared.working_time.office_hours import Interval, Pattern, Reading

WORKING_HOUR = 3600
WORKING_DAY = 8 * WORKING_HOUR
"""The seconds of a working day as a measure of time, not as a day on the calendar."""

_ORIGIN = datetime(FIRST_YEAR - 1, 12, 31, 17, tzinfo=UTC)
"""The midnight in Vietnam at which the first day begins."""
_FIRST_DAY = date(FIRST_YEAR, 1, 1)
_LENGTH = (date(LAST_YEAR + 1, 1, 1) - _FIRST_DAY).days


def last_day(due: datetime) -> date:
    """Return the last day of a term that ends at `due`; midnight belongs to the day before."""
    return (due - timedelta(microseconds=1)).astimezone(VIETNAM).date()


class DayKind(StrEnum):
    """Why a day is worked or not."""

    WORKING = "working"
    WEEKEND = "weekend"
    """A day of the week on which the unit is closed."""
    HOLIDAY = "holiday"
    """A public holiday, its substitute, or a day off that is worked on another day."""
    MAKE_UP = "make-up"
    """A weekend day that is worked in place of a day off."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day on the calendar, for someone who asks why a deadline is what it is."""

    date: date
    kind: DayKind
    working_seconds: int
    """The working seconds of this day that fall into the span asked about."""
    name_vi: str = ""
    """The name of the holiday or make-up day; empty for other days."""
    name_en: str = ""


class Calendar:
    """Working time of the units that keep one pattern of office hours. Immutable; no I/O."""

    __slots__ = ("_before", "_counted", "_intervals", "_reading", "_special", "_total")

    def __init__(
        self, pattern: Pattern, special: Mapping[date, SpecialDay], reading: Reading
    ) -> None:
        self._reading = reading
        self._special = special
        self._intervals: list[tuple[Interval, ...]] = []
        """The office hours of each day."""
        self._before = [0]
        """The working seconds before each day, and before the day after the last."""
        self._counted: list[int] = []
        """The days that count as working days."""
        week, make_up = pattern.week, pattern.make_up
        for index in range(_LENGTH):
            day = _FIRST_DAY + timedelta(days=index)
            weekday = day.weekday()
            known = special.get(day)
            if known is None:
                hours = week[weekday]
                counts = bool(hours) and (weekday < 5 or pattern.weekend_counts)
            elif not known.works:
                hours, counts = (), False
            elif weekday < 5:
                # Worked after all, whatever the package says: an ordinary working day.
                hours = week[weekday]
                counts = bool(hours)
            else:
                hours, counts = make_up, True
            self._intervals.append(hours)
            self._before.append(self._before[-1] + sum(closes - opens for opens, closes in hours))
            if counts:
                self._counted.append(index)
        self._total = self._before[-1]

    def measure(self, start: datetime, end: datetime) -> int:
        """Return the working seconds from start to end; negative if end is before start.

        Additive: measure(a, b) + measure(b, c) == measure(a, c), exactly.
        """
        return self._used(end) - self._used(start)

    def add(self, start: datetime, seconds: int) -> datetime:
        """Return the earliest instant, not before start, at which this many working seconds are
        used.

        A span that ends with the office's day ends at closing time, not at the next opening. Adding
        0 gives start itself, to the second, even when the office is closed. While it is closed, no
        time is used. measure(start, add(start, n)) == n. Raise ValueError if seconds < 0.
        """
        if seconds <= 0:
            if seconds < 0:
                raise ValueError(f"{seconds} working seconds: use subtract() to go back")
            day, second = self._split(start)
            return _ORIGIN + timedelta(day, second)
        target = self._used(start) + seconds
        if target > self._total:
            raise OutsideCalendar(
                f"{seconds} working seconds after {start.isoformat()} is after {LAST_YEAR}"
            )
        day = bisect_left(self._before, target) - 1
        return _ORIGIN + timedelta(day, self._reached(day, target - self._before[day]))

    def subtract(self, end: datetime, seconds: int) -> datetime:
        """Return the latest instant, not after end, with this many working seconds left until end.

        The mirror of add(): a span that begins with the office's day begins at opening time, not at
        the closing before. measure(subtract(end, n), end) == n. Raise ValueError if seconds < 0.
        """
        if seconds <= 0:
            if seconds < 0:
                raise ValueError(f"{seconds} working seconds: use add() to go forward")
            day, second = self._split(end)
            return _ORIGIN + timedelta(day, second)
        target = self._used(end) - seconds
        if target < 0:
            raise OutsideCalendar(
                f"{seconds} working seconds before {end.isoformat()} is before {FIRST_YEAR}"
            )
        day = bisect_right(self._before, target) - 1
        rest = target - self._before[day]
        for opens, closes in self._intervals[day]:
            if rest < closes - opens:
                return _ORIGIN + timedelta(day, opens + rest)
            rest -= closes - opens
        raise AssertionError("a day's intervals are as long as the day's working time")

    def add_working_days(
        self, start: datetime, days: int, reading: WorkingDaysReading | None = None
    ) -> datetime:
        """Return the end of this many working days from start, by a reading or the configured one.

        ``eight-hours``: add(start, days * 8 h). ``same-time``: the clock time of start on the n-th
        working day after it. ``end-of-day``: closing time of the n-th working day after the day of
        start. Under the latter two, a Saturday desk is not a working day unless its pattern says
        so. Under ``same-time``, a start while the office is closed, or on a day that is not a
        working day, counts as the closing time before it. Raise ValueError if days < 1.
        """
        if days < 1:
            raise ValueError(f"{days} working days: at least one is needed")
        reading = reading or self._reading.working_days
        if reading is WorkingDaysReading.EIGHT_HOURS:
            return self.add(start, days * WORKING_DAY)
        day, second = self._split(start)
        if reading is WorkingDaysReading.END_OF_DAY:
            return self._closing(self._counted_after(day, days))
        at = bisect_left(self._counted, day)
        is_counted = at < len(self._counted) and self._counted[at] == day
        if not is_counted:
            return self._closing(self._counted_after(day, days))
        if second <= self._intervals[day][0][0]:
            # Received before the office opened: this is the first of the days.
            return self._closing(self._counted_after(day - 1, days))
        last = self._counted_after(day, days)
        for opens, closes in reversed(self._intervals[last]):
            if second > opens:
                return _ORIGIN + timedelta(last, min(second, closes))
        return _ORIGIN + timedelta(last, self._intervals[last][0][0])

    def add_calendar_days(
        self, start: datetime, days: int, ends: CalendarDaysEnd | None = None
    ) -> datetime:
        """Return the end of this many calendar days from start, as the Civil Code 2015 counts them.

        The day of start is not counted (article 147.2). If the last day is not a working day, the
        next working day is the last (148.5). It ends at 24:00 (148.6) or, as configured, when the
        office closes. Raise ValueError if days < 1.
        """
        if days < 1:
            raise ValueError(f"{days} calendar days: at least one is needed")
        day, _ = self._split(start)
        last = self._counted_after(day + days - 1, 1)
        if (ends or self._reading.calendar_days_end) is CalendarDaysEnd.MIDNIGHT:
            return _ORIGIN + timedelta(last + 1)
        return self._closing(last)

    def due(self, start: datetime, budget: Budget) -> datetime:
        """Return when a dossier received at start is due, if its clock never stops."""
        reading = budget.reading
        match budget.unit:
            case TimeUnit.WORKING_HOURS:
                return self.add(start, budget.amount * WORKING_HOUR)
            case TimeUnit.WORKING_DAYS:
                days = reading if isinstance(reading, WorkingDaysReading) else None
                return self.add_working_days(start, budget.amount, days)
            case TimeUnit.CALENDAR_DAYS:
                ends = reading if isinstance(reading, CalendarDaysEnd) else None
                return self.add_calendar_days(start, budget.amount, ends)

    def explain_days(self, start: datetime, end: datetime) -> list[Day]:
        """Return every day from the day of start to the day of end, in Vietnam, both included.

        Their working seconds add up to measure(start, end). Empty if end is before start.
        """
        from_, to = self._used(start), self._used(end)
        if end < start:
            return []
        first, last = self._split(start)[0], self._split(end)[0]
        return [
            self._day(
                index,
                min(max(self._before[index + 1], from_), to)
                - min(max(self._before[index], from_), to),
            )
            for index in range(first, last + 1)
        ]

    def _day(self, index: int, seconds: int) -> Day:
        day = _FIRST_DAY + timedelta(days=index)
        known = self._special.get(day)
        if known is None or (known.works and day.weekday() < 5):
            kind = DayKind.WORKING if self._intervals[index] else DayKind.WEEKEND
            return Day(day, kind, seconds)
        kind = DayKind.MAKE_UP if known.works else DayKind.HOLIDAY
        return Day(day, kind, seconds, known.name_vi, known.name_en)

    def _split(self, moment: datetime) -> tuple[int, int]:
        """Return the day's index, and the whole seconds since its midnight in Vietnam."""
        try:
            since = moment - _ORIGIN
        except TypeError as error:
            raise ValueError(f"{moment.isoformat()} has no offset from UTC") from error
        if 0 <= since.days < _LENGTH:
            return since.days, since.seconds
        raise OutsideCalendar(
            f"{moment.isoformat()} is outside the calendar's years {FIRST_YEAR} to {LAST_YEAR}"
        )

    def _used(self, moment: datetime) -> int:
        """Return the working seconds since the calendar's beginning."""
        day, second = self._split(moment)
        used = self._before[day]
        for opens, closes in self._intervals[day]:
            if second <= opens:
                break
            used += (second if second < closes else closes) - opens
        return used

    def _reached(self, day: int, seconds: int) -> int:
        """Return the second of the day at which this many (not 0) working seconds are used."""
        for opens, closes in self._intervals[day]:
            if seconds <= closes - opens:
                return opens + seconds
            seconds -= closes - opens
        raise AssertionError("a day's intervals are as long as the day's working time")

    def _counted_after(self, day: int, number: int) -> int:
        """Return the index of the n-th working day after that day."""
        at = bisect_right(self._counted, day) + number - 1
        if at >= len(self._counted):
            raise OutsideCalendar(f"the answer is after the calendar's last year, {LAST_YEAR}")
        return self._counted[at]

    def _closing(self, day: int) -> datetime:
        return _ORIGIN + timedelta(day, self._intervals[day][-1][1])
