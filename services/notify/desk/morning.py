"""A unit's morning: whose digest goes out on which day. It is the subject of the unit's desk."""

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
        """Raises ValueError if that is no morning."""
        unit, _, day = name.partition("@")
        return cls(unit, date.fromisoformat(day))

    def at(self, clock: time) -> datetime:
        """That time of day in Vietnam, in UTC."""
        return datetime.combine(self.day, clock, VIETNAM).astimezone(UTC)
