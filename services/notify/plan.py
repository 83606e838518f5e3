"""Which message a fact calls for: one for every public change of status and every alert.

A message is planned from the fact and the little that is known of the dossier; its id follows
from dossier, cause, recipient and channel, so that planning it again is planning it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from contracts import intake, notify, routing, sla
from contracts.envelope import Event, derive_id
from contracts.lifecycle import ENDED, PublicStatus, status_at
from contracts.model import EventData
from contracts.notify import MessageChannel, NotSentReason
from contracts.values import Locale
from services.notify.state import Notify

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")

_STATUS_OF: dict[type[EventData], PublicStatus] = {
    intake.DossierRegistered: PublicStatus.REGISTERED,
    intake.DossierNotReceived: PublicStatus.NOT_RECEIVED,
    intake.SupplementDemanded: PublicStatus.SUPPLEMENT_REQUESTED,
    intake.PaymentDemanded: PublicStatus.PAYMENT_REQUESTED,
    intake.DossierWithdrawn: PublicStatus.WITHDRAWN,
    routing.StepStarted: PublicStatus.IN_PROCESS,
    routing.DossierStopped: PublicStatus.STOPPED,
    routing.DossierProcessed: PublicStatus.PROCESSED,
    routing.ResultReturned: PublicStatus.RETURNED,
}
"""Facts that are told only if the dossier's state allowed what they say."""

_GOES_ON = (intake.SupplementDelivered, intake.PaymentReceived, routing.DossierResumed)
"""Facts that are told only if the dossier was under way: what has ended does not go on."""
_UNDER_WAY = frozenset(PublicStatus) - ENDED - {PublicStatus.REGISTERED}


def plan(state: Notify, fact: Event, channel: MessageChannel) -> Sequence[EventData]:
    """The messages that a fact calls for, most often none or one; the state knows the fact."""
    template = _template(state, fact)
    if template is None or state.citizen is None:
        return ()
    message_id = derive_id("message", fact.subject, fact.id, state.citizen, channel)
    if state.history or fact.history:
        return [
            notify.MessageNotSent(
                message_id=message_id,
                channel=channel,
                reason=NotSentReason.HISTORICAL,
                detail=template,
            )
        ]
    return [
        notify.MessagePlanned(
            message_id=message_id,
            cause_id=fact.id,
            citizen=state.citizen,
            channel=channel,
            template=template,
            locale=Locale(state.locale),
            params=_params(state, fact.data),
        )
    ]


def _template(state: Notify, fact: Event) -> str | None:
    data = fact.data
    told = _STATUS_OF.get(type(data))
    if told is not None and status_at(state.marks, fact.time) is not told:
        return None
    if isinstance(data, _GOES_ON) and status_at(state.marks, fact.time) not in _UNDER_WAY:
        return None
    match data:
        case intake.DossierRegistered():
            return "registered"
        case sla.DeadlineSet():
            # Told with the date that is promised, so once sla has set it.
            return "received"
        case intake.DossierNotReceived():
            return "not-received"
        case routing.StepStarted() if data.ordinal == 0:
            return "in-process"
        case intake.SupplementDemanded():
            return "supplement-demanded"
        case intake.SupplementDelivered():
            return "supplement-delivered"
        case intake.PaymentDemanded():
            return "payment-demanded"
        case intake.PaymentReceived() if data.outstanding == 0:
            return "payment-received"
        case intake.DossierWithdrawn():
            return "withdrawn"
        case routing.DossierStopped():
            return "stopped"
        case routing.DossierResumed():
            return "resumed"
        case routing.DossierProcessed():
            return "processed"
        case routing.ResultReturned():
            return "returned"
        case sla.DossierSoonDue():
            return "soon-due"
        case sla.DossierOverdue():
            return "overdue"
        case sla.AlertRetracted() if data.alert_id in state.told_alerts:
            return "retracted"
        case _:
            return None


def _params(state: Notify, data: EventData) -> dict[str, str]:
    params: dict[str, str] = {}
    if state.procedure:
        params["procedure"] = state.procedure
    match data:
        case sla.DeadlineSet() | sla.DossierSoonDue() | sla.DossierOverdue():
            params["due"] = local(data.due)
        case sla.AlertRetracted():
            if data.due is not None:
                params["due"] = local(data.due)
        case intake.SupplementDemanded():
            params["reason"] = data.reason
            params["documents"] = "; ".join(data.documents)
        case intake.PaymentDemanded():
            params["reason"] = data.reason
            params["amount"] = str(data.amount)
        case (
            intake.DossierNotReceived()
            | intake.DossierWithdrawn()
            | routing.DossierStopped()
            | routing.DossierResumed()
        ):
            params["reason"] = data.reason
        case routing.StepStarted():
            params["unit"] = data.unit
        case routing.DossierProcessed():
            params["outcome"] = data.outcome
            params["unit"] = state.returning_unit or data.handling_unit
        case routing.ResultReturned():
            params["unit"] = data.unit
        case _:
            pass
    return params


def local(moment: datetime) -> str:
    """A time as a citizen reads it: Vietnam time, day first."""
    return moment.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
