"""What sla knows of one dossier, and what it has announced about it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from contracts.lifecycle import Handled


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """A warning or a breach that was announced."""

    at: datetime
    """When the warning share, or the whole budget, was used up."""
    id: str
    kind: str
    """``DossierSoonDue`` or ``DossierOverdue``."""
    due: datetime
    retracted: bool = False


class Deadline(msgspec.Struct, frozen=True):
    """A deadline that was announced."""

    at: datetime
    id: str
    due: datetime


class Assessment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What follows from all that is known, by the rule in force. Derived, never corrected."""

    budget: int
    """Working seconds that the procedure allows."""
    used: int
    """Working seconds used in the segments that have ended."""
    due: datetime | None
    """When the budget runs out if nothing changes; None while the clock stands still."""
    original_due: datetime
    running: bool
    soon_at: datetime | None = None
    """When the warning share of the budget was, or will be, used; None if it never is."""
    breach_at: datetime | None = None
    """When the budget ran out, or will, while the clock was running; None if it never does."""
    soon_certain: bool = False
    """Whether `soon_at` follows from what has ended, whatever the clock says."""
    breach_certain: bool = False


class Sla(Handled, frozen=True):
    """One dossier as sla sees it."""

    procedure: str | None = None
    receiving_unit: str | None = None
    channel: str | None = None
    level: str | None = None
    assessment: Assessment | None = None
    rule: str | None = None
    deadlines: tuple[Deadline, ...] = ()
    """Every due time that was announced, in event-time order."""
    due_told: datetime | None = None
    """The one announced last; after a fact that came late it is not the last of `deadlines`."""
    alerts: tuple[Alert, ...] = ()
    retracted: tuple[str, ...] = ()
    """Alerts whose retraction is known, by id."""

    @property
    def late(self) -> bool:
        """Whether the promise was broken, by what is known now."""
        return any(alert.kind == "DossierOverdue" and not alert.retracted for alert in self.alerts)
