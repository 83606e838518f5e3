"""When a message may be sent: not at night, and not when it says nothing any more. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))
"""Vietnam keeps UTC+7 all year."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours of the day, in Vietnam, in which nothing is sent that can wait."""

    begins: time
    ends: time

    def over(self, moment: datetime) -> datetime:
        """The moment itself, or, if it is in the quiet hours, when they are over.

        The hours begin at their first instant and are over at `ends` exactly. Equal times: there
        are no quiet hours.
        """
        local = moment.astimezone(VIETNAM)
        clock = local.time()
        if self.begins <= self.ends:
            if not self.begins <= clock < self.ends:
                return moment
            day = local.date()
        elif clock >= self.begins:
            day = local.date() + timedelta(days=1)
        elif clock < self.ends:
            day = local.date()
        else:
            return moment
        return datetime.combine(day, self.ends, VIETNAM).astimezone(moment.tzinfo)


def clock_time(text: str) -> time:
    """A time of day such as ``21:00``."""
    return time.fromisoformat(text)


def morning_after(moment: datetime, at: time) -> datetime:
    """The next morning, from Monday to Friday in Vietnam, at that time and after the moment.

    Holidays are not looked up: what a head finds on the first morning back is soon enough.
    """
    local = moment.astimezone(VIETNAM)
    day = local.date()
    if local.time() >= at:
        day += timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return datetime.combine(day, at, VIETNAM).astimezone(moment.tzinfo)
