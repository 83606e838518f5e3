"""What intake knows of one dossier."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from services.shared.lifecycle import Tracked


class Filed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was handed in, where and how."""

    procedure: str
    channel: str
    level: str
    receiving_unit: str
    returning_unit: str
    place: str
    citizen: str
    locale: str
    documents: tuple[str, ...] = ()
    fee: int = 0
    legacy_id: str | None = None
    preferences: dict[str, Any] | None = None
    """How the citizen wants to be told; intake only passes it on."""


class Demand(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the citizen was asked for, and when."""

    at: datetime
    id: str
    reason: str
    documents: tuple[str, ...] = ()
    amount: int = 0
    until: datetime | None = None


class Payment(msgspec.Struct, frozen=True):
    """Money that came in."""

    at: datetime
    id: str
    amount: int
    reference: str


class Remark(msgspec.Struct, frozen=True):
    """Something that an older system recorded that moves no state."""

    at: datetime
    id: str
    activity: str


class Handler(msgspec.Struct, frozen=True, array_like=True, order=True):
    """From `at` on, a unit handled the dossier. Of several, the later in this order counts."""

    at: datetime
    by: str
    """The id of the hand-over; empty for the competence rules, which a hand-over overrides."""
    unit: str
    id: str
    """The fact's id."""


class Intake(Tracked, frozen=True):
    """One dossier as intake sees it. Every list is in event-time order."""

    LAYOUT: ClassVar[int] = 2

    filed: Filed | None = None
    received_at: datetime | None = None
    received_by: str | None = None
    not_received_reason: str | None = None
    supplements: tuple[Demand, ...] = ()
    payments_demanded: tuple[Demand, ...] = ()
    payments: tuple[Payment, ...] = ()
    remarks: tuple[Remark, ...] = ()
    withdrawal_reason: str | None = None

    handlers: tuple[Handler, ...] = ()

    @property
    def handling_unit(self) -> str | None:
        """The unit that handles the dossier, as far as is known."""
        return self.handlers[-1].unit if self.handlers else None

    @property
    def outstanding(self) -> int:
        """The amount that is demanded and not paid yet, in dong."""
        asked = sum(demand.amount for demand in self.payments_demanded)
        return max(0, asked - sum(payment.amount for payment in self.payments))
