"""Who leads a dossier's open step at any time, whatever the order of the facts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

_ANY_STEP = -1


class Lead(msgspec.Struct, frozen=True, array_like=True, order=True):
    """From `at` on the officer leads a step (cán bộ thụ lý)."""

    at: datetime
    named: bool
    """Whether a head or a hand-over named the officer; false for the lead a step starts with."""
    ordinal: int
    """The step's ordinal; -1 at a hand-over, whichever step is open."""
    by: str
    """The beginning of the fact's id; it orders two facts of one instant."""
    officer: str
    unit: str = ""
    """Where the step starts, or the dossier goes; empty if a head names another officer, and in
    leads that an older release kept."""


def started(at: datetime, ordinal: int, by: str, officer: str, unit: str) -> Lead:
    """Return the lead that a step starts with."""
    return Lead(at, False, ordinal, by[:13], officer, unit)


def reassigned(at: datetime, ordinal: int, by: str, officer: str) -> Lead:
    """Return the lead that a head names for a step."""
    return Lead(at, True, ordinal, by[:13], officer)


def handed_over(at: datetime, by: str, officer: str, unit: str) -> Lead:
    """Return the lead of the open step at the unit that the dossier is handed over to."""
    return Lead(at, True, _ANY_STEP, by[:13], officer, unit)


def with_lead(leads: Sequence[Lead], lead: Lead) -> tuple[Lead, ...]:
    """Return the leads with one more, in event-time order."""
    if not leads or leads[-1] < lead:
        return (*leads, lead)
    return tuple(sorted({*leads, lead}))


def lead_at(leads: Sequence[Lead], moment: datetime) -> str | None:
    """Return the officer who led the open step at that time, facts of that very instant included.

    The open step is the one that started last; its lead is the officer named for it last. None if
    nothing is known of that time.
    """
    known = [lead for lead in leads if lead.at <= moment]
    step = max((lead for lead in known if not lead.named), default=None)
    if step is not None:
        known = [step, *(lead for lead in known if lead.named and _leads_instead(lead, step))]
    last = max(known, key=lambda lead: (lead.named, lead.at, lead.by), default=None)
    return last.officer if last is not None else None


def _leads_instead(named: Lead, step: Lead) -> bool:
    if named.ordinal == _ANY_STEP:
        # A hand-over at the instant when the step began at that very unit came before it.
        return named.at > step.at or (named.at == step.at and named.unit != step.unit)
    return named.at >= step.at and named.ordinal == step.ordinal
