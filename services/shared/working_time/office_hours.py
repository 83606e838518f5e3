"""The weekly office hours of the units, and how days are counted, from ``office_hours.toml``.

Times of day are Vietnam local time (UTC+7, no daylight saving), to the minute.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from contracts.events.sla import CalendarDaysEnd, WorkingDaysReading
from contracts.rules.toml_text import parse_toml
from contracts.values import UnitCode

Interval = tuple[int, int]
"""When a desk opens and closes, in seconds after midnight."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Reading(BaseModel):
    """How the law's words are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    working_days: WorkingDaysReading = WorkingDaysReading.EIGHT_HOURS
    calendar_days_end: CalendarDaysEnd = CalendarDaysEnd.CLOSING


def _interval(text: object) -> Interval:
    found = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f'{text!r} is no time span: write it like "07:30-11:30"')
    from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
    if from_minute > 59 or to_minute > 59:
        raise ValueError(f"{text!r}: an hour has the minutes 00 to 59")
    opens, closes = from_hour * 3600 + from_minute * 60, to_hour * 3600 + to_minute * 60
    if closes > 86_400:
        raise ValueError(f"{text!r}: a day ends at 24:00")
    if closes <= opens:
        raise ValueError(f"{text!r} closes before it opens")
    return opens, closes


def _hours(spans: object) -> tuple[Interval, ...]:
    if not isinstance(spans, list):
        raise ValueError('write a list of time spans, like ["07:30-11:30", "13:00-17:00"]')
    hours = tuple(_interval(span) for span in spans)
    for number, (before, after) in enumerate(pairwise(hours), start=1):
        if after[0] <= before[1]:
            raise ValueError(
                f"{spans[number]!r} does not begin after {spans[number - 1]!r} has ended"
            )
    return hours


Hours = Annotated[tuple[Interval, ...], BeforeValidator(_hours)]


class Pattern(BaseModel):
    """One week of office hours. A day that is not named is a day off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    monday: Hours = ()
    tuesday: Hours = ()
    wednesday: Hours = ()
    thursday: Hours = ()
    friday: Hours = ()
    saturday: Hours = ()
    sunday: Hours = ()
    make_up_day: Hours = ()
    """The hours of a weekend day that makes up for a swapped day off; by default those of the first
    day, from Monday, that has any."""
    weekend_counts: bool = False
    """Whether a Saturday or Sunday with office hours is a whole "working day" where days are
    counted. The law's working days are Monday to Friday (Decision 188/1999/QD-TTg); a Saturday desk
    (Decision 14/2010/QD-TTg) adds working hours, not a working day."""

    @model_validator(mode="after")
    def _has_a_working_day(self) -> Pattern:
        if not any(self.week[:5]) and not (self.weekend_counts and any(self.week)):
            raise ValueError("no hours from Monday to Friday, so no day is a working day")
        return self

    @property
    def week(self) -> tuple[tuple[Interval, ...], ...]:
        """The hours of each day from Monday to Sunday."""
        return tuple(getattr(self, day) for day in DAYS)

    @property
    def make_up(self) -> tuple[Interval, ...]:
        """The hours of a make-up day."""
        return self.make_up_day or next(hours for hours in self.week if hours)


class OfficeHours(BaseModel):
    """The file ``office_hours.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reading: Reading = Reading()
    patterns: dict[str, Pattern] = Field(min_length=1)
    units: dict[UnitCode, str] = {}
    """The pattern of each unit whose pattern is not ``default``."""

    @model_validator(mode="after")
    def _hangs_together(self) -> OfficeHours:
        if "default" not in self.patterns:
            raise ValueError("[patterns.default] is missing: it holds for every unit not named")
        for unit, pattern in self.units.items():
            if pattern not in self.patterns:
                raise ValueError(f"[units] {unit}: there is no [patterns.{pattern}]")
        return self

    def pattern_of(self, unit: str) -> str:
        """Return the name of the unit's pattern."""
        return self.units.get(unit, "default")


def read_office_hours(text: str) -> OfficeHours:
    """Return the office hours in the text. Raise RulesError, naming each place at fault."""
    return parse_toml("office_hours.toml", text, OfficeHours)
