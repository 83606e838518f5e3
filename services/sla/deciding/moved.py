"""Which dates of open dossiers other rules would move. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.sla.deciding.rules import Rules
from services.sla.dossier.state import Sla


@dataclass(frozen=True)
class MovedDate:
    """The due time of an open dossier under two sets of rules."""

    code: str
    before: datetime
    after: datetime
    why: str


def moved_date(code: str, state: Sla, before: Rules, after: Rules) -> MovedDate | None:
    """Return how the dossier's date would move, or None: it has none, or the rules agree on it.

    What was promised does not change with the rules; the days and hours that are worked do.
    """
    if not before.judged(state) or after.agrees(before, state):
        return None
    dates = [_due(state, rules) for rules in (before, after)]
    if dates[0] is None or dates[1] is None or dates[0] == dates[1]:
        return None
    calendar = before.calendars.version != after.calendars.version
    why = "days or hours that are worked" if calendar else "the standard time of an old promise"
    return MovedDate(code, dates[0], dates[1], why)


def _due(state: Sla, rules: Rules) -> datetime | None:
    now = rules.assessed(state).assessment
    return None if now is None else now.due or now.original_due
