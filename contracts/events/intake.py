"""What is asked of intake and what it decides: reception, supplements, payments, withdrawal."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.events.notify import Preferences
from contracts.model import EventData, Kind
from contracts.values import (
    Amount,
    CitizenRef,
    FilingChannel,
    FreeText,
    Instant,
    Locale,
    OfficerId,
    PlaceCode,
    ProcedureCode,
    ServiceLevel,
    UnitCode,
)

Document = Annotated[str, Field(min_length=1, max_length=200)]


class Filing(EventData):
    """What a citizen hands in. Its receiving, handling and returning units are separate facts."""

    procedure: ProcedureCode
    channel: FilingChannel
    level: ServiceLevel = ServiceLevel.PARTIAL
    receiving_unit: UnitCode
    returning_unit: UnitCode
    place: PlaceCode
    """The place that the matter is about; with the procedure it decides who is competent."""
    citizen: CitizenRef
    locale: Locale = Locale.VI
    documents: tuple[Document, ...] = ()
    fee: Amount = 0
    preferences: Preferences | None = None
    """How the citizen wants to be told, as stated at the counter; they can change it later."""
    legacy_id: str | None = Field(default=None, max_length=200)
    """The dossier's number in the older system that it was imported from."""


class RegistrationRequested(Filing, kind=Kind.REQUEST, owner="intake"):
    """A citizen files online; an officer has yet to look at it."""


class DossierRegistered(Filing, kind=Kind.FACT, owner="intake"):
    """Newly registered (mới đăng ký, portal state 1)."""


class ReceptionRequested(EventData, kind=Kind.REQUEST, owner="intake"):
    """An officer receives a dossier: a new one with its filing, or one that is registered."""

    by: OfficerId
    filing: Filing | None = None


class DossierReceived(Filing, kind=Kind.FACT, owner="intake", version=2):
    """Received (được tiếp nhận, portal state 2): the clock starts.

    Version 1 had one ``unit``, which both received the dossier and returned its result.
    """

    by: OfficerId


class RejectionRequested(EventData, kind=Kind.REQUEST, owner="intake"):
    """An officer refuses to receive a registered dossier; the reason is owed in writing."""

    reason: FreeText
    by: OfficerId


class DossierNotReceived(EventData, kind=Kind.FACT, owner="intake"):
    """Not received (không được tiếp nhận, portal state 3)."""

    reason: FreeText
    by: OfficerId


class SupplementDemandRequested(EventData, kind=Kind.REQUEST, owner="intake"):
    """An officer wants the citizen to complete the dossier."""

    documents: tuple[Document, ...] = Field(min_length=1)
    reason: FreeText
    until: Instant | None = None
    by: OfficerId


class SupplementDemanded(EventData, kind=Kind.FACT, owner="intake"):
    """Supplement requested (yêu cầu bổ sung, portal state 5): the clock stops."""

    documents: tuple[Document, ...]
    reason: FreeText
    until: Instant | None = None
    by: OfficerId


class SupplementDeliveryRequested(EventData, kind=Kind.REQUEST, owner="intake"):
    """The citizen hands in what was missing, at any unit."""

    documents: tuple[Document, ...] = Field(min_length=1)
    unit: UnitCode


class SupplementDelivered(EventData, kind=Kind.FACT, owner="intake"):
    """What was missing has been handed in: the clock runs again."""

    documents: tuple[Document, ...]
    unit: UnitCode


class PaymentDemandRequested(EventData, kind=Kind.REQUEST, owner="intake"):
    """An officer asks for a fee or a tax."""

    amount: Amount = Field(gt=0)
    reason: FreeText
    until: Instant | None = None
    by: OfficerId


class PaymentDemanded(EventData, kind=Kind.FACT, owner="intake"):
    """Payment requested (yêu cầu thực hiện nghĩa vụ tài chính, portal state 6): clock stops."""

    amount: Amount
    reason: FreeText
    until: Instant | None = None
    by: OfficerId


class PaymentReportRequested(EventData, kind=Kind.REQUEST, owner="intake"):
    """A payment came in, perhaps only a part of what is owed."""

    amount: Amount = Field(gt=0)
    reference: str = Field(min_length=1, max_length=100)


class PaymentReceived(EventData, kind=Kind.FACT, owner="intake"):
    """Money came in. With nothing outstanding, the clock runs again."""

    amount: Amount
    outstanding: Amount
    reference: str


class WithdrawalRequested(EventData, kind=Kind.REQUEST, owner="intake"):
    """The citizen takes the dossier back."""

    reason: FreeText


class DossierWithdrawn(EventData, kind=Kind.FACT, owner="intake"):
    """Withdrawn by the citizen (công dân yêu cầu rút hồ sơ, portal state 7)."""

    reason: FreeText


class RemarkRecorded(EventData, kind=Kind.FACT, owner="intake"):
    """Something an older system recorded that moves no state, kept with the dossier."""

    activity: FreeText
    by: OfficerId | None = None
    details: dict[str, str] = Field(default_factory=dict)


class HistoryClosed(EventData, kind=Kind.FACT, owner="intake"):
    """An imported dossier's history is complete: from here on it follows the city's clock.

    Until then its deadlines are judged by its own events' times alone, and nobody is sent a message
    about what happened years ago.
    """
