"""A dossier as intake shows it to officers and other systems."""

from __future__ import annotations

from datetime import datetime
from typing import NotRequired

from typing_extensions import TypedDict

from contracts.catalogue import Catalogue
from services.intake.state import Intake
from services.runtime import Answered, described
from services.shared.lifecycle import PublicStatus


@described
class BothNames(TypedDict):
    """A name in both languages; null where the catalogue lacks it."""

    vi: str | None
    en: str | None


@described
class SupplementView(TypedDict):
    """What the citizen was asked to hand in."""

    at: datetime
    documents: tuple[str, ...]
    reason: str
    until: datetime | None


@described
class PaymentDemandView(TypedDict):
    """What the citizen was asked to pay."""

    at: datetime
    amount: int
    """In dong."""
    reason: str
    until: datetime | None


@described
class PaymentView(TypedDict):
    """Money that came in."""

    at: datetime
    amount: int
    """In dong."""


@described
class RemarkView(TypedDict):
    """Something that an older system recorded that moves no state."""

    at: datetime
    activity: str


@described
class DossierView(TypedDict):
    """A dossier as intake sees it. Times are UTC, and every list is in time order."""

    code: str
    status: PublicStatus | None
    status_name: str | None
    """The name of the status in lower case, e.g. ``in_process``."""
    procedure: str
    procedure_name: BothNames
    channel: str
    """How it was handed in: ``counter``, ``online`` or ``postal``."""
    level: str
    """How far the procedure goes online: ``full``, ``partial`` or ``information``."""
    receiving_unit: str
    returning_unit: str
    place: str
    """The place that decides who is competent."""
    received_at: datetime | None
    """Null until an officer has received it."""
    documents: tuple[str, ...]
    fee: int
    """Paid at reception, in dong."""
    outstanding: int
    """Demanded and not paid yet, in dong."""
    supplements: list[SupplementView]
    payments_demanded: list[PaymentDemandView]
    payments: list[PaymentView]
    not_received_reason: str | None
    withdrawal_reason: str | None
    legacy_id: str | None
    """Its number in an older system."""
    remarks: list[RemarkView]


@described
class ChangedDossier(Answered):
    """A request was carried out, and this is the dossier now."""

    dossier: NotRequired[DossierView | None]
    """Missing if the database could not be read just now."""


@described
class Page(TypedDict):
    """Dossiers in the order of their codes."""

    items: list[DossierView]
    next: str | None
    """The address of the next page; null on the last."""


def view(code: str, state: Intake, catalogue: Catalogue) -> DossierView:
    """Return intake's own view of a dossier."""
    filed = state.filed
    assert filed is not None
    status = state.status
    procedure = catalogue.procedures.get(filed.procedure)
    return {
        "code": code,
        "status": status,
        "status_name": None if status is None else status.word,
        "procedure": filed.procedure,
        "procedure_name": {
            "vi": procedure.name_vi if procedure else None,
            "en": procedure.name_en if procedure else None,
        },
        "channel": filed.channel,
        "level": filed.level,
        "receiving_unit": filed.receiving_unit,
        "returning_unit": filed.returning_unit,
        "place": filed.place,
        "received_at": state.received_at,
        "documents": filed.documents,
        "fee": filed.fee,
        "outstanding": state.outstanding,
        "supplements": [
            {"at": d.at, "documents": d.documents, "reason": d.reason, "until": d.until}
            for d in state.supplements
        ],
        "payments_demanded": [
            {"at": d.at, "amount": d.amount, "reason": d.reason, "until": d.until}
            for d in state.payments_demanded
        ],
        "payments": [{"at": p.at, "amount": p.amount} for p in state.payments],
        "not_received_reason": state.not_received_reason,
        "withdrawal_reason": state.withdrawal_reason,
        "legacy_id": filed.legacy_id,
        "remarks": [{"at": r.at, "activity": r.activity} for r in state.remarks],
    }
