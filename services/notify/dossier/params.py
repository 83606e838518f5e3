"""The parameters of a message, from a fact: a few words and times, as strings. Pure."""

from __future__ import annotations

from datetime import datetime

from contracts.events import intake, routing, sla
from contracts.wire.envelope import Event
from services.notify.dossier.state import Notify
from services.notify.quiet_hours import VIETNAM
from services.shared.lifecycle import status_at


def params_of(state: Notify, fact: Event) -> dict[str, str]:
    """Return the parameters of the message that a fact calls for; the state knows the fact."""
    params: dict[str, str] = {}
    if state.procedure:
        params["procedure"] = state.procedure
    match data := fact.data:
        case sla.DeadlineSet() | sla.DossierSoonDue():
            params["due"] = local(data.due)
        case sla.DeadlineMoved():
            params["due"] = local(data.due)
            params["previous"] = local(data.previous)
            if data.cause is not None:
                params["cause"] = data.cause
        case sla.DossierOverdue():
            params["due"] = local(data.due)
            promised = state.letter.due if state.letter is not None else None
            if state.letter is not None and (promised is None or promised > data.due):
                params["reason"] = state.letter.reason
            if promised is not None and promised > data.due:
                params["new_due"] = local(promised)
            elif promised is not None:
                # The letter's date was missed too, and no second letter gives another.
                params["again"] = "yes"
            elif state.letter is not None:
                params["apologised"] = "yes"
            if state.exempt:
                params["exempt"] = "yes"
            # As sla says: whether a hand-over at the same tick stands before it is chance.
            params["unit"] = data.unit
        case sla.ApologyIssued():
            params["reason"] = data.reason
            params["due"] = local(data.previous)
            if data.due is not None:
                params["new_due"] = local(data.due)
            params["unit"] = data.unit
            if data.delegation is not None:
                params["delegated"] = "yes"
        case sla.AlertRetracted():
            params["alert"] = data.alert
            if data.due is not None:
                params["due"] = local(data.due)
        case intake.SupplementDemanded():
            params["reason"] = data.reason
            params["documents"] = "; ".join(data.documents)
            if data.until is not None:
                params["until"] = local(data.until)
        case intake.PaymentDemanded():
            params["reason"] = data.reason
            params["amount"] = str(data.amount)
            if data.until is not None:
                params["until"] = local(data.until)
        case intake.DossierNotReceived() | intake.DossierWithdrawn() | routing.DossierStopped():
            params["reason"] = data.reason
        case routing.DossierResumed():
            params["reason"] = data.reason
            params |= standing(state, fact.time)
        case intake.SupplementDelivered() | intake.PaymentReceived():
            params |= standing(state, fact.time)
        case routing.StepStarted():
            params["unit"] = data.unit
        case routing.DossierProcessed():
            params["outcome"] = data.outcome
            params["unit"] = state.returning_unit or data.handling_unit
        case routing.ResultReturned():
            params["unit"] = data.unit
            params["channel"] = data.channel
        case _:
            pass
    return params


def standing(state: Notify, at: datetime) -> dict[str, str]:
    """Return where the dossier stands at that time: whether it goes on, or what it waits for."""
    status = status_at(state.marks, at)
    return {} if status is None else {"status": status.word}


def local(moment: datetime) -> str:
    """Return a time as a citizen reads it: Vietnam time, day first."""
    return moment.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
