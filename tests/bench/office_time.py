"""The library that the working-time clock is measured against, keeping the city's office hours.

businesstimedelta 1.0.1 (2019) is the one package found that answers both questions of a deadline,
"how much working time lies between" and "when is so much used up", to the second, around a noon
break and a list of holidays. Others in use answer half of them: numpy's busday, workalendar and
bizdays count days; business-duration knows neither a break nor how to add; CustomBusinessHour of
pandas adds whole hours and measures nothing; timeboard (2022) counts shifts.

Two of its known faults are kept out of the way: it raises for a time after the last holiday that
it is told of, so it is told of one more; and going back from a holiday it may never return, so it
is asked to go forward only. It has no rule for a make-up Saturday: both sides keep the same
holidays and none of those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import holidays
import pytz
from businesstimedelta import BusinessTimeDelta, HolidayRule, LunchTimeRule, Rules, WorkDayRule

from contracts.rules import sample_rules
from services.shared.working_time import Calendar
from services.shared.working_time.holidays_vn import FIRST_YEAR, LAST_YEAR, package_days
from services.shared.working_time.office_hours import read_office_hours


@dataclass(frozen=True)
class Contestant:
    """Someone who answers the two questions."""

    name: str
    measure: Callable[[datetime, datetime], int]
    """The working seconds between two instants, the earlier one first."""
    add: Callable[[datetime, int], datetime]
    """When so many working seconds (1 at least) after an instant are used up."""


def contestants() -> tuple[Contestant, Contestant, Contestant]:
    """The product's calendar, the library at its quickest, and as its README sets it up.

    The README's way is a day with a lunch break taken out, a time zone by name, and the
    ``holidays`` package's own object. Two desks a day, a fixed offset and a plain set of the same
    days spare the library three quarters of its time.
    """
    hours = read_office_hours(sample_rules().files["office_hours.toml"])
    pattern = hours.patterns["default"]
    off = {day: known for day, known in package_days().items() if not known.works}
    calendar = Calendar(pattern, off, hours.reading)
    (opens, noon), (afternoon, closes) = ((_clock(a), _clock(b)) for a, b in pattern.monday)
    weekdays = [day for day, desks in enumerate(pattern.week) if desks == pattern.monday]
    offset = pytz.FixedOffset(7 * 60)
    zone = pytz.timezone("Asia/Ho_Chi_Minh")
    quickest = Rules(
        [
            WorkDayRule(opens, noon, weekdays, tz=offset),
            WorkDayRule(afternoon, closes, weekdays, tz=offset),
            HolidayRule(frozenset({*off, date(LAST_YEAR + 1, 1, 1)}), tz=offset),
        ]
    )
    years = range(FIRST_YEAR, LAST_YEAR + 2)
    readme = Rules(
        [
            WorkDayRule(opens, closes, weekdays, tz=zone),
            LunchTimeRule(noon, afternoon, weekdays, tz=zone),
            HolidayRule(holidays.country_holidays("VN", years=years), tz=zone),
        ]
    )
    return (
        Contestant("motcua", calendar.measure, calendar.add),
        _library("library", quickest),
        _library("README", readme),
    )


def _library(name: str, rules: Rules) -> Contestant:
    def measure(start: datetime, end: datetime) -> int:
        found: timedelta = rules.difference(start, end).timedelta
        return found.days * 86_400 + found.seconds

    def add(start: datetime, seconds: int) -> datetime:
        due: datetime = start + BusinessTimeDelta(rules, seconds=seconds)
        return due

    return Contestant(name, measure, add)


def _clock(second: int) -> time:
    return (datetime.min + timedelta(seconds=second)).time()
