"""A unit's morning: the unit and the day of its digest. It is the subject of the unit's desk."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import NamedTuple, Self

from services.notify.quiet_hours import VIETNAM


class Morning(NamedTuple):
    """Written as `contracts.events.notify.UNIT_DAY` says, e.g. ``H29.15@2024-03-08``."""

    unit: str
    day: date

    def __str__(self) -> str:
        return f"{self.unit}@{self.day}"

    @classmethod
    def parse(cls, name: str) -> Self:
        """Parse a morning such as ``H29.15@2024-03-08``. Raise ValueError if it is none."""
        unit, _, day = name.partition("@")
        return cls(unit, date.fromisoformat(day))

    def at(self, clock: time) -> datetime:
        """Return that time of day in Vietnam, in UTC."""
        return datetime.combine(self.day, clock, VIETNAM).astimezone(UTC)
