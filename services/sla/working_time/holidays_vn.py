"""The days of 2015 to 2035 that differ from their weekday: holidays and make-up Saturdays.

Two sources. The ``holidays`` package knows the days of the Labour Code 2012 (article 115) and 2019
(article 112), computes the lunar ones, moves a holiday on a weekend to the next working day
(article 111.3), and lists the swaps of working days that it has heard of. The file
``overrides.toml`` overrides it, because swaps are decided late (for 2 January 2026, eight days
before) and the package misses some.

So the years ahead are a forecast, right except for swaps that are not decided yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import holidays
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.sla.toml_file import FileError, place, read_toml

FIRST_YEAR = 2015
LAST_YEAR = 2035

PACKAGE_VERSION = version("holidays")


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day that is worked or not, whatever its weekday."""

    date: date
    works: bool
    name_vi: str
    name_en: str
    source: str
    """The decision or law it is based on, or the package that lists it."""


def _plain_date(value: object) -> object:
    # In Python a datetime is a date too, and TOML has both.
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("write a day without quotes and without a time, like 2026-01-02")
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"{value} is outside the calendar's years {FIRST_YEAR} to {LAST_YEAR}")
    return value


class Override(BaseModel):
    """One ``[[days]]`` entry of the override file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: Annotated[date, BeforeValidator(_plain_date)]
    kind: Literal["off", "working"]
    reason: str = Field(min_length=1, max_length=300)
    reason_en: str | None = Field(default=None, min_length=1, max_length=300)
    source: str = Field(min_length=1, max_length=300)


class _Overrides(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    days: tuple[Override, ...] = ()


def read_overrides(path: Path) -> tuple[Override, ...]:
    """Return the entries of the override file.

    Raise FileError, naming lines and entries, if one is broken or a day appears twice.
    """
    overrides, text = read_toml(path, _Overrides)
    first: dict[date, int] = {}
    for index, entry in enumerate(overrides.days):
        if entry.date in first:
            here, there = place(text, ("days", index)), place(text, ("days", first[entry.date]))
            raise FileError(f"{path}: {here}: {entry.date} is there already: {there}")
        first[entry.date] = index
    return overrides.days


def package_days() -> dict[date, SpecialDay]:
    """Return what the ``holidays`` package knows of all the years, make-up Saturdays included."""
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    vietnamese = holidays.country_holidays("VN", years=years, language="vi")
    english = holidays.country_holidays("VN", years=years, language="en_US")
    source = f"holidays {PACKAGE_VERSION}"
    days = {
        day: SpecialDay(day, False, vietnamese[day], english[day], source)
        for day in sorted(vietnamese)
    }
    for day in sorted(vietnamese.weekend_workdays):
        # The package also lists the make-up day of the year before the first.
        if day.year >= FIRST_YEAR:
            days[day] = SpecialDay(day, True, "Ngày làm bù", "Make-up working day", source)
    return days


def special_days(overrides: tuple[Override, ...]) -> Mapping[date, SpecialDay]:
    """Return the package's days, replaced by the overrides where there are any, in date order."""
    days = package_days()
    for entry in overrides:
        days[entry.date] = SpecialDay(
            date=entry.date,
            works=entry.kind == "working",
            name_vi=entry.reason,
            name_en=entry.reason_en or entry.reason,
            source=entry.source,
        )
    return dict(sorted(days.items()))
