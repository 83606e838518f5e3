"""What can be wrong with what is asked of a calendar."""

from __future__ import annotations


class OutsideCalendar(ValueError):
    """A time before or after the years that the calendar knows."""
