"""When a message may be sent: outside the quiet hours, and in the morning. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from functools import lru_cache

VIETNAM = timezone(timedelta(hours=7))
"""Vietnam keeps UTC+7 all year."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours of the day, in Vietnam, when nothing is sent that can wait."""

    begins: time
    ends: time

    def over(self, moment: datetime) -> datetime:
        """Return the moment itself or, within the quiet hours, their end.

        The hours include `begins` and exclude `ends`. If both are equal, there are no quiet hours.
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
    """Return a time of day from text such as ``21:00``."""
    return time.fromisoformat(text)


@lru_cache(maxsize=1440)
def clock_text(clock: time) -> str:
    """Return a time of day as such a text."""
    return f"{clock:%H:%M}"


def morning_after(moment: datetime, at: time) -> datetime:
    """Return the next weekday in Vietnam (Monday to Friday) at time `at`, after the moment.

    Holidays are ignored: what a head finds on the first morning back is soon enough.
    """
    local = moment.astimezone(VIETNAM)
    day = local.date()
    if local.time() >= at:
        day += timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return datetime.combine(day, at, VIETNAM).astimezone(moment.tzinfo)
