"""The answers to requests that a dossier's state does not allow: one refusal per request."""

from __future__ import annotations

from enum import StrEnum

from contracts.model import EventData, Kind
from contracts.values import FreeText


class RefusalReason(StrEnum):
    """Why a request was refused; for programs. The `detail` beside it is for people."""

    UNKNOWN_DOSSIER = "unknown-dossier"
    ALREADY_EXISTS = "already-exists"
    WRONG_STATE = "wrong-state"
    UNKNOWN_PROCEDURE = "unknown-procedure"
    UNKNOWN_UNIT = "unknown-unit"
    UNKNOWN_PLACE = "unknown-place"
    NOT_COMPETENT = "not-competent"
    WRONG_STEP = "wrong-step"
    NOT_THE_LEAD = "not-the-lead"
    NOTHING_OUTSTANDING = "nothing-outstanding"
    OVERPAID = "overpaid"
    CHANNEL_NOT_OFFERED = "channel-not-offered"
    LEVEL_NOT_OFFERED = "level-not-offered"
    NOT_THE_HEAD = "not-the-head"
    WRONG_DATE = "wrong-date"
    ALREADY_EXTENDED = "already-extended"
    ALREADY_EXEMPT = "already-exempt"
    ALREADY_OWED = "already-owed"
    NOT_OWED = "not-owed"
    ALREADY_RATED = "already-rated"
    UNKNOWN_REQUEST = "unknown-request"
    ENTERED_TOO_LATE = "entered-too-late"
    TOO_LARGE = "too-large"
    NOT_SIGNED_IN = "not-signed-in"
    NOT_PERMITTED = "not-permitted"
    UNKNOWN_CHANGE = "unknown-change"
    CODE_WRONG = "code-wrong"
    CODE_EXPIRED = "code-expired"
    TOO_MANY_TRIES = "too-many-tries"
    ASKED_TOO_OFTEN = "asked-too-often"
    DELEGATION_NOT_BEGUN = "delegation-not-begun"
    DELEGATION_EXPIRED = "delegation-expired"
    DELEGATION_REVOKED = "delegation-revoked"
    DELEGATION_OUT_OF_SCOPE = "delegation-out-of-scope"
    DELEGATION_OTHER_UNIT = "delegation-other-unit"


class Refusal(EventData):
    """Why the request that caused this fact was not carried out. It changes no state."""

    reason: RefusalReason
    detail: FreeText


class RegistrationRefused(Refusal, kind=Kind.FACT, owner="intake"):
    """Answers RegistrationRequested."""


class ReceptionRefused(Refusal, kind=Kind.FACT, owner="intake"):
    """Answers ReceptionRequested."""


class RejectionRefused(Refusal, kind=Kind.FACT, owner="intake"):
    """Answers RejectionRequested."""


class SupplementDemandRefused(Refusal, kind=Kind.FACT, owner="intake"):
    """Answers SupplementDemandRequested."""


class SupplementDeliveryRefused(Refusal, kind=Kind.FACT, owner="intake"):
    """Answers SupplementDeliveryRequested."""


class PaymentDemandRefused(Refusal, kind=Kind.FACT, owner="intake"):
    """Answers PaymentDemandRequested."""


class PaymentReportRefused(Refusal, kind=Kind.FACT, owner="intake"):
    """Answers PaymentReportRequested."""


class WithdrawalRefused(Refusal, kind=Kind.FACT, owner="intake"):
    """Answers WithdrawalRequested."""


class StepCompletionRefused(Refusal, kind=Kind.FACT, owner="routing"):
    """Answers StepCompletionRequested."""


class StepReassignmentRefused(Refusal, kind=Kind.FACT, owner="routing"):
    """Answers StepReassignmentRequested."""


class HandOverRefused(Refusal, kind=Kind.FACT, owner="routing"):
    """Answers HandOverRequested."""


class ConsultationOpeningRefused(Refusal, kind=Kind.FACT, owner="routing"):
    """Answers ConsultationOpeningRequested."""


class ConsultationAnswerRefused(Refusal, kind=Kind.FACT, owner="routing"):
    """Answers ConsultationAnswerRequested."""


class StopRefused(Refusal, kind=Kind.FACT, owner="routing"):
    """Answers StopRequested."""


class ResumptionRefused(Refusal, kind=Kind.FACT, owner="routing"):
    """Answers ResumptionRequested."""


class ResultReturnRefused(Refusal, kind=Kind.FACT, owner="routing"):
    """Answers ResultReturnRequested."""


class LateEntryRefused(Refusal, kind=Kind.FACT, owner="routing"):
    """Answers LateEntryRequested."""


class ApologyRefused(Refusal, kind=Kind.FACT, owner="sla"):
    """Answers ApologyRequested."""


class DelayForeseenRefused(Refusal, kind=Kind.FACT, owner="sla"):
    """Answers DelayForeseenRequested."""


class ExemptionRefused(Refusal, kind=Kind.FACT, owner="sla"):
    """Answers ExemptionRequested."""


class PreferencesRefused(Refusal, kind=Kind.FACT, owner="notify"):
    """Answers PreferencesRequested."""


class RatingRefused(Refusal, kind=Kind.FACT, owner="notify"):
    """Answers RatingRequested."""
