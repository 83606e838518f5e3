"""Reads the times of a log, as the mapping says that they are written. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from contracts.values import EARLIEST, to_utc_millis

_TIME_OF_DAY = re.compile(r"%[HIMSfcX]")


class NoTime(Exception):
    """A text cannot be read as a time. The exception's text says why."""


class Times(NamedTuple):
    """How some times of a log are written."""

    format: str | None
    """A strptime format; None for ISO 8601."""
    zone: str | None
    """The zone of times without an offset; None if they cannot be read."""
    latest: datetime | None = None
    """What happened cannot have happened later; None for times that may be still to come."""

    def read(self, text: str, *, end_of_day: bool = False) -> datetime:
        """Return the time, in UTC. Raise NoTime.

        A date without a time of day is the day's beginning, or with `end_of_day` its last second.
        """
        text = text.strip()
        try:
            if self.format:
                time = datetime.strptime(text, self.format)
            else:
                time = datetime.fromisoformat(text)
            if end_of_day and self._is_date(text):
                time = time.replace(hour=23, minute=59, second=59)
            if time.tzinfo is None:
                if self.zone is None:
                    raise NoTime(
                        f"the time {text!r} has no offset and the mapping no source.time_zone"
                    )
                time = time.replace(tzinfo=ZoneInfo(self.zone))
            time = to_utc_millis(time)
        except (ValueError, OverflowError):
            raise NoTime(f"the time {text!r} is not {self.format or 'ISO 8601'}") from None
        if not time >= EARLIEST or time.year >= 2200:
            raise NoTime(f"the time {text!r} is not of this age: the calendars begin with 2000")
        if self.latest is not None and time > self.latest:
            raise NoTime(f"the time {text!r} lies in the future")
        return time

    def _is_date(self, text: str) -> bool:
        if self.format:
            return _TIME_OF_DAY.search(self.format.replace("%%", "")) is None
        try:
            date.fromisoformat(text)
        except ValueError:
            return False
        return True
