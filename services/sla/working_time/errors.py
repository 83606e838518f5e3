"""What can be wrong with a calendar, or with what is asked of it."""

from __future__ import annotations


class CalendarError(ValueError):
    """A calendar's file cannot be used. Names the file, the place in it and the remedy."""


class OutsideCalendar(ValueError):
    """A time before or after the years that the calendar knows."""
