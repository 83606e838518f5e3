"""Errors of the calendars."""

from __future__ import annotations


class OutsideCalendar(ValueError):
    """A time before or after the years that the calendar knows."""
