"""What is asked of intake and what it decides: reception, supplements, payments, withdrawal."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.events.notify import Preferences
from contracts.events.sla import Budget
from contracts.model import EventData, Kind
from contracts.personal import Personal
from contracts.values import (
    Amount,
    CitizenRef,
    Document,
    FilingChannel,
    FreeText,
    Instant,
    Label,
    Locale,
    OfficerId,
    PlaceCode,
    ProcedureCode,
    ServiceLevel,
    UnitCode,
    Words,
)

FactKey = Annotated[Label, Field(min_length=13, max_length=13)]
"""The beginning of a fact's id, enough to know it among the facts of one dossier."""
MAX_REPLACED = 20_000
"""So many facts of one dossier can be replaced at once; the record stays below a megabyte."""
LegacyId = Annotated[str, Personal.LEGACY_ID]
PaymentReference = Annotated[str, Personal.PAYMENT_REFERENCE]


class Filing(EventData):
    """What a citizen hands in. Its receiving, handling and returning units are separate facts."""

    procedure: ProcedureCode
    channel: FilingChannel
    receiving_unit: UnitCode
    returning_unit: UnitCode
    place: PlaceCode
    """The place that the matter is about; with the procedure it decides who is competent."""
    citizen: CitizenRef
    locale: Locale = Locale.VI
    documents: tuple[Document, ...] = ()
    preferences: Preferences | None = None
    """How the citizen wants to be told, as stated at the counter; they can change it later."""
    legacy_id: LegacyId | None = Field(default=None, max_length=200)
    """The dossier's number in the older system that it was imported from."""


class FilingForm(Filing):
    """What a citizen hands in, as the form has it."""

    level: ServiceLevel | None = None
    """The procedure's online service level, as the form had it; null: not said."""
    fee: Amount | None = None
    """What was paid with it, in dong; null: all of the procedure's fee at a counter or by post,
    nothing yet online."""


class FilingTaken(Filing):
    """What a citizen has handed in, as it was taken."""

    level: ServiceLevel = ServiceLevel.PARTIAL
    fee: Amount = 0
    """What was paid with it, in dong."""


class RegistrationRequested(FilingForm, kind=Kind.REQUEST, owner="intake", version=2):
    """A citizen files online; an officer has yet to look at it.

    Version 1 said a level and a fee where nobody had.
    """


class DossierRegistered(FilingTaken, kind=Kind.FACT, owner="intake"):
    """Newly registered (mới đăng ký, portal state 1)."""


class ReceptionRequested(EventData, kind=Kind.REQUEST, owner="intake", version=3):
    """An officer receives a dossier: a new one with its filing, or one that is registered."""

    filing: FilingForm | None = None


class Promise(EventData):
    """When a citizen was told to expect the result (hẹn trả kết quả): a budget, or a fixed date.

    It is made once, at reception. A catalogue that changes later does not change it. One with
    neither is of version 2 of the event, which did not say: the first `DeadlineSet` does.
    """

    budget: Budget | None = None
    due: Instant | None = None
    """A fixed date: the law's, or one that an older system promised."""
    basis: FreeText | None = None
    """The legal basis of the budget or the date."""
    catalogue: Label | None = Field(default=None, max_length=64)
    """The version of the catalogue that the budget is from."""

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.budget is not None and self.due is not None:
            raise ValueError("a promise is a budget or a fixed date, not both")
        return self


class DossierReceived(FilingTaken, kind=Kind.FACT, owner="intake", version=3):
    """Received (được tiếp nhận, portal state 2): the clock starts.

    Version 1 had one ``unit``, which both received the dossier and returned its result. Version 2
    did not say what was promised.
    """

    by: OfficerId
    promise: Promise | None = None
    """Null if nobody knows what was promised: the dossier is counted as unjudged."""


class RejectionRequested(EventData, kind=Kind.REQUEST, owner="intake", version=2):
    """An officer refuses to receive a registered dossier; the reason is owed in writing."""

    reason: FreeText


class DossierNotReceived(EventData, kind=Kind.FACT, owner="intake"):
    """Not received (không được tiếp nhận, portal state 3)."""

    reason: FreeText
    by: OfficerId


class SupplementDemandRequested(EventData, kind=Kind.REQUEST, owner="intake", version=2):
    """An officer wants the citizen to complete the dossier."""

    documents: tuple[Document, ...] = Field(min_length=1)
    reason: FreeText
    until: Instant | None = None


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


class PaymentDemandRequested(EventData, kind=Kind.REQUEST, owner="intake", version=2):
    """An officer asks for a fee or a tax."""

    amount: Amount = Field(gt=0)
    reason: FreeText
    until: Instant | None = None


class PaymentDemanded(EventData, kind=Kind.FACT, owner="intake"):
    """Payment requested (yêu cầu thực hiện nghĩa vụ tài chính, portal state 6): clock stops."""

    amount: Amount
    reason: FreeText
    until: Instant | None = None
    by: OfficerId


class PaymentReportRequested(EventData, kind=Kind.REQUEST, owner="intake"):
    """A payment came in, perhaps only a part of what is owed."""

    amount: Amount = Field(gt=0)
    reference: PaymentReference = Field(min_length=1, max_length=100)


class PaymentReceived(EventData, kind=Kind.FACT, owner="intake"):
    """Money came in. With nothing outstanding, the clock runs again."""

    amount: Amount
    outstanding: Amount
    reference: PaymentReference


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
    details: dict[Label, Words] = Field(default_factory=dict)


class HistoryCorrected(EventData, kind=Kind.FACT, owner="intake"):
    """An import takes back what it told of a dossier before, and tells the history anew.

    The facts named here count no more, whether they came before or come after. What holds instead
    follows as facts that are caused by this event, and ends with a `HistoryClosed`.
    """

    replaced: tuple[FactKey, ...] = Field(min_length=1, max_length=MAX_REPLACED)


class HistoryClosed(EventData, kind=Kind.FACT, owner="intake"):
    """An imported dossier's history is complete: from here on it follows the city's clock.

    Until then its deadlines are judged by its own events' times alone, and nobody is sent a message
    about what happened years ago.
    """
