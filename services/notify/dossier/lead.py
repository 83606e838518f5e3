"""Who leads a dossier's open step, at any time, in whatever order that was heard of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

_ANY_STEP = -1


class Lead(msgspec.Struct, frozen=True, array_like=True, order=True):
    """From `at` on the officer leads a step (cán bộ thụ lý)."""

    at: datetime
    named: bool
    """By a head or at a hand-over; false of the lead that a step starts with."""
    ordinal: int
    """The step's; -1 at a hand-over, whichever step is open."""
    by: str
    """The fact that said so, for the order of two of one instant."""
    officer: str
    unit: str = ""
    """Where the step starts, or the dossier goes; empty if a head names another officer, and of
    what an older release kept."""


def started(at: datetime, ordinal: int, by: str, officer: str, unit: str) -> Lead:
    """The lead that a step starts with."""
    return Lead(at, False, ordinal, by[:13], officer, unit)


def reassigned(at: datetime, ordinal: int, by: str, officer: str) -> Lead:
    """The lead that a head names for a step."""
    return Lead(at, True, ordinal, by[:13], officer)


def handed_over(at: datetime, by: str, officer: str, unit: str) -> Lead:
    """The lead of the open step at the unit that the dossier is handed over to."""
    return Lead(at, True, _ANY_STEP, by[:13], officer, unit)


def with_lead(leads: Sequence[Lead], lead: Lead) -> tuple[Lead, ...]:
    """The leads with one more, in event-time order."""
    if not leads or leads[-1] < lead:
        return (*leads, lead)
    return tuple(sorted({*leads, lead}))


def lead_at(leads: Sequence[Lead], moment: datetime) -> str | None:
    """The officer who led the open step at that time, what is of that very instant included.

    The step is the one that was started last. Who was named for it last leads it. None if nothing
    is known of that time.
    """
    known = [lead for lead in leads if lead.at <= moment]
    step = max((lead for lead in known if not lead.named), default=None)
    if step is not None:
        known = [step, *(lead for lead in known if lead.named and _leads_instead(lead, step))]
    last = max(known, key=lambda lead: (lead.named, lead.at, lead.by), default=None)
    return last.officer if last is not None else None


def _leads_instead(named: Lead, step: Lead) -> bool:
    if named.ordinal == _ANY_STEP:
        # A hand-over of the instant at which the step began at that very unit came before it.
        return named.at > step.at or (named.at == step.at and named.unit != step.unit)
    return named.at >= step.at and named.ordinal == step.ordinal
