"""Reporting periods: months, quarters and years of the Vietnamese calendar, and any other span."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.catalogue.load import VIETNAM

_NAMED = re.compile(r"((?:19|20)[0-9]{2})(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?")
NAMES = "a month like 2025-07, a quarter like 2025-Q3, or a year like 2025"
"""The possible names of a period, for people."""


class BadPeriod(ValueError):
    """The name is not a period's; the text says what would be."""


@dataclass(frozen=True)
class Period:
    """From `since`, inclusive, to `until`, exclusive, in UTC."""

    since: datetime
    until: datetime
    name: str | None = None
    """None if it is not a month, quarter or year."""

    def __str__(self) -> str:
        return self.name or f"{self.since.isoformat()} to {self.until.isoformat()}"


def period(name: str) -> Period:
    """Return the period of that name, from midnight to midnight in Vietnam. Raise BadPeriod."""
    found = _NAMED.fullmatch(name)
    if found is None:
        raise BadPeriod(f"{name!r} is no period: write {NAMES}")
    year, month, quarter = found.groups()
    if month:
        return _months(name, int(year), int(month), 1)
    if quarter:
        return _months(name, int(year), 3 * int(quarter) - 2, 3)
    return _months(name, int(year), 1, 12)


def month_at(moment: datetime) -> Period:
    """Return the month that contains a moment, in Vietnam."""
    local = moment.astimezone(VIETNAM)
    return period(f"{local:%Y-%m}")


def quarter_at(moment: datetime) -> Period:
    """Return the quarter that contains a moment, in Vietnam."""
    local = moment.astimezone(VIETNAM)
    return period(f"{local:%Y}-Q{(local.month + 2) // 3}")


def _months(name: str, year: int, first: int, count: int) -> Period:
    after = first + count
    since = datetime(year, first, 1, tzinfo=VIETNAM)
    until = datetime(year + (after > 12), after - 12 * (after > 12), 1, tzinfo=VIETNAM)
    return Period(since.astimezone(UTC), until.astimezone(UTC), name)
