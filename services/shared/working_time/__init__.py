"""Working time: how much lies between two instants, and when a budget of it is used up.

Office hours per unit, Vietnamese holidays and make-up days, 2000 to 2040. Nothing here reads
a clock.
"""

from contracts.events.sla import CalendarDaysEnd, WorkingDaysReading
from services.shared.working_time.calendar import (
    WORKING_DAY,
    WORKING_HOUR,
    Calendar,
    Day,
    DayKind,
    last_day,
)
from services.shared.working_time.errors import OutsideCalendar
from services.shared.working_time.holidays_vn import LAST_YEAR
from services.shared.working_time.load import Calendars, load_calendars

__all__ = [
    "LAST_YEAR",
    "WORKING_DAY",
    "WORKING_HOUR",
    "Calendar",
    "CalendarDaysEnd",
    "Calendars",
    "Day",
    "DayKind",
    "OutsideCalendar",
    "WorkingDaysReading",
    "last_day",
    "load_calendars",
]
