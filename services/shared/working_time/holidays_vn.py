"""The days of 2000 to 2040 that differ from their weekday: holidays and make-up days.

Two sources. The ``holidays`` package knows the days of the Labour Codes, computes the lunar ones,
moves a holiday on a weekend to the next working day, and lists the swaps of working days that it
has heard of. The file ``overrides.toml`` overrides it, because swaps are decided late (for
2 January 2026, eight days before) and the package misses some.

The law, by years:

- 2000 to 2006: Labour Code 1994, article 73. 1 January; Tet, four days (the last of the old year
  and three of the new); 30 April; 1 May; 2 September. A holiday on a weekly day off is made good on
  the next day. Saturday is a weekly day off in all the years (Decision 188/1999/QD-TTg, from
  2 October 1999).
- 2007 to 2012: Hung Kings' day as well (Law 84/2007/QH11, of 2 April 2007).
- From 2013: Tet, five days (Labour Code 2012, article 115, in force from 1 May 2013). Tet 2013 was
  still one of four days; its fifth day off was a swap, and is in the overrides.
- From 2021: National Day, two days (Labour Code 2019, article 112). From 2026: Cultural Day, on
  24 November.

How sure the days are:

- 2000 to 2009: the law alone. The government has agreed to swaps since 2010 (the Ministry of
  Labour's proposal 89/TTr-LDTBXH of 20 November 2014), and none of an earlier year is known.
- 2010 to `LAST_DECIDED_YEAR`: the law and the swaps that are known. Some that neither source lists
  may be missing.
- Later: a forecast. The law alone, with the package's guess at which five days Tet has and which
  day National Day's second one is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from typing import Annotated, Literal

import holidays
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from contracts.rules.toml_text import RulesError, parse_toml, place

FIRST_YEAR = 2000
LAST_YEAR = 2040

LAST_DECIDED_YEAR = 2026
"""The last year whose days off the government has decided, as far as this release knows: the last
for which the package or the overrides list a swap (22 August 2026 is worked for 31 August). An
override file may name a later one. A year may be decided without a swap, and then only that tells.
"""

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


class Overrides(BaseModel):
    """The file ``overrides.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    last_decided_year: int = Field(default=LAST_DECIDED_YEAR, ge=FIRST_YEAR, le=LAST_YEAR)
    """The last year whose days off are decided; one before the release's has no effect."""
    days: tuple[Override, ...] = ()


OVERRIDES = "overrides.toml"


def read_overrides(text: str) -> Overrides:
    """Return the override file with this text.

    Raise RulesError, naming lines and entries, if one is broken or a day appears twice.
    """
    overrides = parse_toml(OVERRIDES, text, Overrides)
    first: dict[date, int] = {}
    for index, entry in enumerate(overrides.days):
        if entry.date in first:
            here, there = place(text, ("days", index)), place(text, ("days", first[entry.date]))
            raise RulesError(f"{OVERRIDES}: {here}: {entry.date} is there already: {there}")
        first[entry.date] = index
    return overrides


def package_days() -> dict[date, SpecialDay]:
    """Return what the ``holidays`` package knows of all the years, make-up days included."""
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    vietnamese = holidays.country_holidays("VN", years=years, language="vi")
    english = holidays.country_holidays("VN", years=years, language="en_US")
    source = f"holidays {PACKAGE_VERSION}"
    days = {
        day: SpecialDay(day, False, vietnamese[day], english[day], source)
        for day in sorted(vietnamese)
    }
    for day in sorted(vietnamese.weekend_workdays):
        # The package lists the make-up days of all years.
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            days[day] = SpecialDay(day, True, "Ngày làm bù", "Make-up working day", source)
    return days


def special_days(overrides: Overrides) -> Mapping[date, SpecialDay]:
    """Return the package's days, replaced by the overrides where there are any, in date order."""
    days = package_days()
    for entry in overrides.days:
        days[entry.date] = SpecialDay(
            date=entry.date,
            works=entry.kind == "working",
            name_vi=entry.reason,
            name_en=entry.reason_en or entry.reason,
            source=entry.source,
        )
    return dict(sorted(days.items()))
