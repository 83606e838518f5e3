"""Reads the calendars of all units."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from contracts.rules.rule_set import Files, sample_rules
from services.shared.working_time.calendar import Calendar, last_day
from services.shared.working_time.holidays_vn import (
    LAST_DECIDED_YEAR,
    PACKAGE_VERSION,
    SpecialDay,
    read_overrides,
    special_days,
)
from services.shared.working_time.office_hours import (
    OfficeHours,
    Pattern,
    Reading,
    read_office_hours,
)


@dataclass(frozen=True, slots=True)
class Calendars:
    """The calendars of all units, in one version."""

    version: str
    """The holiday package's version and a hash of everything that a deadline depends on (days off
    and worked, office hours, the reading of the law), e.g. ``vn-holidays-0.109-3f9c2a7be014``. A
    deadline's rule names it. It is the same on every machine, and does not change with comments or
    names."""
    last_decided_year: int
    """The last year whose days off are decided. Later ones are a forecast."""
    days: Mapping[date, bool]
    """The days that differ from their weekday, and whether each is worked."""
    _by_pattern: Mapping[str, Calendar]
    _hours: OfficeHours

    def for_unit(self, unit: str) -> Calendar:
        """Return the calendar of the unit with that code; the default one if it is not listed."""
        return self._by_pattern[self.pattern_of(unit)]

    def pattern_of(self, unit: str) -> str:
        """Return the name of the unit's pattern of office hours."""
        return self._hours.pattern_of(unit)

    def pattern(self, name: str) -> Pattern:
        """Return the office hours of that name. Raise KeyError if there are none."""
        return self._hours.patterns[name]

    def forecast(self, until: datetime) -> bool:
        """Return whether a term that ends then reaches into a year that is not decided yet."""
        return last_day(until).year > self.last_decided_year

    @property
    def reading(self) -> Reading:
        """How the law's words are read."""
        return self._hours.reading


def load_calendars(files: Files | None = None) -> Calendars:
    """Return the calendars of a set of rules, by default of the sample: its ``office_hours.toml``
    and ``overrides.toml``.

    Takes about a tenth of a second and makes new objects: load once and pass them on. Raise
    RulesError, naming every place at fault.
    """
    files = files or sample_rules().files
    hours = read_office_hours(files["office_hours.toml"])
    overrides = read_overrides(files["overrides.toml"])
    special = special_days(overrides)
    return Calendars(
        version=f"vn-holidays-{PACKAGE_VERSION}-{_fingerprint(hours, special)}",
        last_decided_year=max(LAST_DECIDED_YEAR, overrides.last_decided_year),
        days={day: known.works for day, known in special.items()},
        _by_pattern={
            name: Calendar(pattern, special, hours.reading)
            for name, pattern in hours.patterns.items()
        },
        _hours=hours,
    )


def _fingerprint(hours: OfficeHours, special: Mapping[date, SpecialDay]) -> str:
    decisive = {
        "hours": hours.model_dump(mode="json"),
        "days": {str(day): known.works for day, known in special.items()},
    }
    text = json.dumps(decisive, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
