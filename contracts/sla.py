"""What sla decides: deadlines, warnings, breaches, and their retraction."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from contracts.model import EventData, Kind
from contracts.values import Instant, Text, UnitCode


class TimeUnit(StrEnum):
    """What a procedure's standard time is counted in."""

    WORKING_HOURS = "working-hours"
    WORKING_DAYS = "working-days"
    CALENDAR_DAYS = "calendar-days"


class Budget(EventData):
    """A standard time for resolving a dossier (thời hạn giải quyết)."""

    amount: int = Field(ge=1, le=10_000)
    unit: TimeUnit


AlertKind = Literal["DossierSoonDue", "DossierOverdue"]


class DeadlineSet(EventData, kind=Kind.FACT, owner="sla"):
    """The appointed time (ngày hẹn trả): when the citizen may expect the result at the latest."""

    due: Instant
    budget: Budget
    rule: str
    """The version of the rule and the calendar that said so."""


class DeadlineMoved(EventData, kind=Kind.FACT, owner="sla"):
    """A pause ended, or became known late: what was due at one time is due at another."""

    due: Instant
    previous: Instant
    original: Instant
    reason: Text
    rule: str


class DossierSoonDue(EventData, kind=Kind.FACT, owner="sla"):
    """Most of the budget is used. An alert: it may be retracted."""

    at: Instant
    """When the warning share of the budget was used up."""
    due: Instant
    unit: UnitCode


class DossierOverdue(EventData, kind=Kind.FACT, owner="sla"):
    """The promise is broken. Its time is the due time itself. An alert: it may be retracted."""

    due: Instant
    unit: UnitCode


class AlertRetracted(EventData, kind=Kind.FACT, owner="sla"):
    """An alert proved wrong when a fact arrived late. Whoever was told must be told."""

    alert_id: str
    alert: AlertKind
    reason: Text
    due: Instant | None = None
    """What is due now; None when nothing is due any more."""


ANNOUNCEMENTS: tuple[type[EventData], ...] = (
    DeadlineSet,
    DeadlineMoved,
    DossierSoonDue,
    DossierOverdue,
    AlertRetracted,
)
"""All that sla says. None of it changes a dossier's time."""
