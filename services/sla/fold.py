"""How facts change what sla knows, in whatever order they arrive."""

from __future__ import annotations

import msgspec

from contracts import intake, routing, sla
from contracts.envelope import Event
from contracts.lifecycle import handled_by, track
from contracts.model import EventData
from services.sla.state import Alert, Deadline, Sla


def evolve(state: Sla, fact: Event) -> Sla:
    """The state after a fact, its assessment aside (see `rules.Rules.assessed`)."""
    if fact.data.OWNER != "sla":
        # What sla concludes from a told past may follow the past's end: it is no past itself.
        state = track(state, fact)
    return _evolve(state, fact, fact.data)


def _evolve(state: Sla, fact: Event, data: EventData) -> Sla:
    replace = msgspec.structs.replace
    match data:
        case intake.DossierReceived():
            known = replace(
                state,
                procedure=data.procedure,
                receiving_unit=data.receiving_unit,
                channel=data.channel,
                level=data.level,
            )
            return known if known.unit else replace(known, unit=data.receiving_unit)
        case routing.DossierRouted():
            return handled_by(state, fact, data.handling_unit)
        case routing.DossierUnroutable() if state.receiving_unit is not None:
            return handled_by(state, fact, state.receiving_unit)
        case routing.DossierHandedOver():
            return handled_by(state, fact, data.to_unit, by=fact.id)
        case sla.DeadlineSet() | sla.DeadlineMoved():
            announced = Deadline(fact.time, fact.id, data.due)
            deadlines = sorted((*state.deadlines, announced), key=lambda d: (d.at, d.id))
            return replace(state, deadlines=tuple(deadlines), due_told=data.due)
        case sla.DossierSoonDue() | sla.DossierOverdue():
            gone = fact.id in state.retracted
            at = data.at if isinstance(data, sla.DossierSoonDue) else data.due
            alert = Alert(at, fact.id, data.NAME, data.due, gone)
            alerts = sorted((*state.alerts, alert), key=lambda a: (a.at, a.kind, a.id))
            return replace(state, alerts=tuple(alerts))
        case sla.AlertRetracted():
            alerts = [
                replace(a, retracted=True) if a.id == data.alert_id else a for a in state.alerts
            ]
            retracted = tuple(sorted({*state.retracted, data.alert_id}))
            return replace(state, alerts=tuple(alerts), retracted=retracted)
        case _:
            return state
