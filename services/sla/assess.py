"""Judges a dossier's time: from its phases and its budget to what is due when.

A deadline is not stored and kept up to date: it follows, each time, from the segments in which
the clock ran. So a pause that is entered late changes the past as it should.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from contracts.lifecycle import CLOCK_STOPPED, ENDED, Phase, PublicStatus
from contracts.sla import Budget
from services.sla.state import Assessment
from services.sla.working_time import Calendar


def assess(
    known: Sequence[Phase], budget: Budget, soon_share: float, calendar: Calendar
) -> Assessment | None:
    """What follows from the phases; None for a dossier that was never received.

    Waiting time (portal states 5, 6 and 8) uses up nothing: what was left of the budget when
    the clock stopped is left when it runs again. In a budget of calendar days, too, what is
    handed back is working time.
    """
    start = next((phase.since for phase in known if _runs(phase.status)), None)
    if start is None:
        return None
    original = calendar.due(start, budget)
    total = calendar.measure(start, original)
    warn = int(total * Decimal(str(soon_share)))  # seven tenths exactly, and not a second less
    used = 0
    due: datetime | None = None
    soon_at: datetime | None = None
    breach_at: datetime | None = None
    soon_certain = breach_certain = running = False
    for begin, end in _segments(known):
        if breach_at is not None:
            due = breach_at  # nothing is left that a pause could give back
        else:
            due = original if begin == start else calendar.add(begin, total - used)
        running = end is None
        if soon_at is None:
            reached = calendar.add(begin, max(0, warn - used))
            if end is None or reached < end:
                soon_at, soon_certain = reached, end is not None
        if breach_at is None and (end is None or due < end):
            breach_at, breach_certain = due, end is not None
        if end is not None:
            used += calendar.measure(begin, end)
    paused = bool(known) and known[-1].status in CLOCK_STOPPED
    return Assessment(
        budget=total,
        used=used,
        due=None if paused else due,
        original_due=original,
        running=running,
        soon_at=soon_at,
        breach_at=breach_at,
        soon_certain=soon_certain,
        breach_certain=breach_certain,
    )


def _runs(status: PublicStatus) -> bool:
    return status in (PublicStatus.RECEIVED, PublicStatus.IN_PROCESS)


def _segments(known: Sequence[Phase]) -> list[tuple[datetime, datetime | None]]:
    """The spans in which the clock ran; the last is open if it runs still."""
    found: list[tuple[datetime, datetime | None]] = []
    begin: datetime | None = None
    for phase in known:
        if _runs(phase.status):
            begin = begin or phase.since
        elif begin is not None:
            found.append((begin, phase.since))
            begin = None
        if phase.status in ENDED:
            break
    if begin is not None:
        found.append((begin, None))
    return found
