"""What one dossier is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from contracts.events.sla import Budget, TimeUnit
from services.shared.rulebook.book import RuleBook
from services.shared.working_time import Calendars, WorkingDaysReading


@dataclass(frozen=True)
class Terms:
    """The rules that apply to one dossier."""

    promise: Budget | datetime
    """What was promised: a budget, or a fixed date."""
    soon_due_shares: tuple[float, ...]
    step_shares: tuple[float, ...]
    """Each step's share of the budget, by ordinal; empty if the workflow is not known."""
    book: RuleBook
    calendars: Calendars
    basis: str = ""
    """The legal basis of the promise."""

    @property
    def rule(self) -> str:
        """The text that says by which rules and which calendar a dossier is judged."""
        return rule_of(self.book, self.calendars)

    def judge_time_like(self, other: Terms) -> bool:
        """Return whether all but the steps' shares is the same as in the other terms."""
        return self is other or (
            self.book is other.book
            and self.calendars is other.calendars
            and self.promise == other.promise
            and self.soon_due_shares == other.soon_due_shares
        )

    @cached_property
    def fixes_a_day(self) -> bool:
        """Whether the budget names a day, and not an amount of working time.

        It is the same day whichever unit handles the dossier, and however long its office is open.
        """
        if isinstance(self.promise, datetime):
            return True
        if self.promise.unit is TimeUnit.WORKING_DAYS:
            reading = self.promise.reading or self.calendars.reading.working_days
            return reading is not WorkingDaysReading.EIGHT_HOURS
        return self.promise.unit is TimeUnit.CALENDAR_DAYS


def rule_of(book: RuleBook, calendars: Calendars) -> str:
    """Return the text that says by which rules and which calendar a dossier was judged."""
    return f"rules {book.version}; calendar {calendars.version}"
