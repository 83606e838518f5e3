"""How facts change what intake knows, in whatever order they arrive."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from contracts.events import intake, routing
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.intake.state import Demand, Filed, Handler, Intake, Payment, Remark
from services.shared.corrections import is_replaced, kept, taken_back
from services.shared.lifecycle import Move, track

T = TypeVar("T", bound=Demand | Payment | Remark)


def evolve(state: Intake, fact: Event) -> Intake:
    """Return the state after a fact. A fact that does not concern intake changes nothing."""
    if is_replaced(state, fact):
        return state
    state = track(state, fact)
    return _evolve(state, fact, fact.data)


def _evolve(state: Intake, fact: Event, data: EventData) -> Intake:
    replace = msgspec.structs.replace
    match data:
        case intake.DossierReceived():
            return replace(state, filed=_filed(data), received_at=fact.time, received_by=data.by)
        case intake.DossierRegistered():
            # A reception that arrived first says the same, and more.
            return state if state.filed else replace(state, filed=_filed(data))
        case intake.DossierNotReceived():
            return replace(state, not_received_reason=data.reason)
        case intake.SupplementDemanded():
            demand = Demand(fact.time, fact.id, data.reason, data.documents, until=data.until)
            return replace(state, supplements=_in_order(state.supplements, demand))
        case intake.PaymentDemanded():
            demand = Demand(fact.time, fact.id, data.reason, amount=data.amount, until=data.until)
            return replace(state, payments_demanded=_in_order(state.payments_demanded, demand))
        case intake.PaymentReceived():
            payment = Payment(fact.time, fact.id, data.amount, data.reference)
            return replace(state, payments=_in_order(state.payments, payment))
        case intake.DossierWithdrawn():
            return replace(state, withdrawal_reason=data.reason)
        case intake.RemarkRecorded():
            remark = Remark(fact.time, fact.id, data.activity)
            return replace(state, remarks=_in_order(state.remarks, remark))
        case routing.DossierRouted():
            return _handled(state, Handler(fact.time, "", data.handling_unit, fact.id))
        case routing.DossierHandedOver():
            return _handled(state, Handler(fact.time, fact.id, data.to_unit, fact.id))
        case intake.HistoryCorrected():
            return _corrected(state, data)
        case _:
            return state


def _handled(state: Intake, handler: Handler) -> Intake:
    known = tuple(sorted({*state.handlers, handler}))
    return msgspec.structs.replace(state, handlers=known)


def _corrected(state: Intake, data: intake.HistoryCorrected) -> Intake:
    state, keys, moves = taken_back(state, data)
    changes: dict[str, Any] = {
        "supplements": kept(state.supplements, keys),
        "payments_demanded": kept(state.payments_demanded, keys),
        "payments": kept(state.payments, keys),
        "remarks": kept(state.remarks, keys),
        "handlers": kept(state.handlers, keys),
    }
    if not any(mark.move in (Move.REGISTERED, Move.RECEIVED) for mark in state.marks):
        changes["filed"] = None
    if Move.RECEIVED in moves:
        changes |= {"received_at": None, "received_by": None}
    if Move.NOT_RECEIVED in moves:
        changes["not_received_reason"] = None
    if Move.WITHDRAWN in moves:
        changes["withdrawal_reason"] = None
    return msgspec.structs.replace(state, **changes)


def _filed(data: intake.FilingTaken) -> Filed:
    return Filed(
        procedure=data.procedure,
        channel=data.channel,
        level=data.level,
        receiving_unit=data.receiving_unit,
        returning_unit=data.returning_unit,
        place=data.place,
        citizen=data.citizen,
        locale=data.locale,
        documents=data.documents,
        fee=data.fee,
        legacy_id=data.legacy_id,
        preferences=data.preferences.model_dump(mode="json") if data.preferences else None,
    )


def _in_order(items: tuple[T, ...], item: T) -> tuple[T, ...]:
    return tuple(sorted((*items, item), key=lambda i: (i.at, i.id)))
