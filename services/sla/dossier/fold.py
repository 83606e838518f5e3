"""How facts change what sla knows, in whatever order they arrive."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import UNSET

from contracts.catalogue import WorkflowRef
from contracts.events import intake, routing, sla
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.shared.corrections import is_replaced, kept, taken_back, told_key
from services.shared.lead import Lead, handed_over, reassigned, started, with_lead
from services.shared.lifecycle import MOVING_FACTS, Move, handled_by, track
from services.sla.dossier.entered import breach_judged, with_taken_back
from services.sla.dossier.state import (
    Alert,
    ConsultationMark,
    Deadline,
    Exemption,
    Foresight,
    Handler,
    Letter,
    Sla,
    promised_budget,
    promised_by,
)
from services.sla.dossier.steps import StepTold, with_step, without_steps


def evolve(state: Sla, fact: Event) -> Sla:
    """Return the state after a fact, except its assessment (see `rules.Rules.assessed`)."""
    if is_replaced(state, fact):
        return state
    if fact.data.OWNER != "sla":
        # Sla's conclusions from an import's history may come after its close: they are not history.
        state = track(state, fact)
    if type(fact.data) in _MARKS_ALONE:
        return state
    return _evolve(state, fact, fact.data)


_MARKS_ALONE: frozenset[type[EventData]] = frozenset(MOVING_FACTS) - {
    intake.DossierReceived,
    routing.StepStarted,
}
"""The facts of which nothing is kept but the mark that they leave in the public state."""


def _evolve(state: Sla, fact: Event, data: EventData) -> Sla:
    replace = msgspec.structs.replace
    match data:
        case routing.StepStarted():
            begun = StepTold(fact.time, True, data.ordinal, data.step, told_key(fact))
            lead = started(fact.time, data.ordinal, fact.id, data.lead, data.unit)
            leads, steps = with_lead(state.leads, lead), with_step(state.steps, begun)
            return replace(state, leads=leads, steps=steps)
        case routing.StepReassigned():
            return _led(state, reassigned(fact.time, data.ordinal, fact.id, data.lead))
        case routing.StepCompleted():
            done = StepTold(fact.time, False, data.ordinal, data.step, told_key(fact))
            return replace(state, steps=with_step(state.steps, done))
        case intake.DossierReceived():
            known = replace(
                state,
                procedure=data.procedure,
                promised=promised_by(data.promise) if data.promise is not None else None,
                receiving_unit=data.receiving_unit,
                channel=data.channel,
                level=data.level,
            )
            return known if known.unit else replace(known, unit=data.receiving_unit)
        case intake.HistoryClosed():
            until = max(fact.time, state.told_until or fact.time)
            return replace(state, told_until=until, correcting=False)
        case intake.HistoryCorrected():
            return _corrected(state, data)
        case routing.DossierRouted():
            workflow = str(WorkflowRef(data.workflow, data.workflow_version))
            return _handled(replace(state, workflow=workflow), fact, data.handling_unit)
        case routing.DossierUnroutable():
            return _handled(state, fact, "")
        case routing.DossierHandedOver():
            state = _led(state, handed_over(fact.time, fact.id, data.lead, data.to_unit))
            return _handled(state, fact, data.to_unit, by=fact.id)
        case routing.ConsultationOpened():
            budget = data.budget
            asked = ConsultationMark(
                fact.time,
                fact.id,
                data.unit,
                False,
                budget.amount if budget else 0,
                budget.unit if budget else "",
            )
            return replace(state, consultations=_with(state.consultations, asked))
        case routing.ConsultationAnswered():
            answered = ConsultationMark(fact.time, fact.id, data.unit, True)
            return replace(state, consultations=_with(state.consultations, answered))
        case sla.ApologyIssued():
            letter = Letter(fact.time, fact.id, data.due, data.previous, data.in_time, data.form)
            return replace(state, letters=_with(state.letters, letter))
        case sla.DelayForeseen():
            foresight = Foresight(fact.time, fact.id, data.reason)
            return replace(state, foresights=_with(state.foresights, foresight))
        case sla.ExemptionGranted():
            exemption = Exemption(fact.time, fact.id, data.ground, data.reason)
            first = state.exemption is None or exemption < state.exemption
            return replace(state, exemption=exemption) if first else state
        case sla.DeadlineSet() | sla.DeadlineMoved():
            announced = Deadline(fact.time, fact.id, data.due)
            deadlines = (*state.deadlines, announced)
            if len(deadlines) > 1 and announced.at <= deadlines[-2].at:
                deadlines = tuple(sorted(deadlines, key=lambda d: (d.at, d.id)))
            state = replace(state, deadlines=deadlines, due_told=data.due)
            if isinstance(data, sla.DeadlineSet) and deadlines[0] is announced and data.budget:
                return replace(state, first_budget=promised_budget(data.budget))
            return state
        case sla.RulesApplied():
            if data.number is None or (state.rules or 0) >= data.number:
                return state
            return replace(state, rules=data.number)
        case sla.AlertRetracted():
            alerts = [
                replace(a, retracted=True) if a.id == data.alert_id else a for a in state.alerts
            ]
            retracted = tuple(sorted({*state.retracted, data.alert_id}))
            known = replace(state, alerts=tuple(alerts), retracted=retracted)
            return with_taken_back(known, fact, data)
        case _ if isinstance(data, sla.ALERTS):
            alert = alert_of(fact, retracted=fact.id in state.retracted)
            alerts = sorted((*state.alerts, alert), key=lambda a: (a.at, a.kind, a.id))
            return breach_judged(replace(state, alerts=tuple(alerts)))
        case _:
            return state


def alert_of(fact: Event, *, retracted: bool = False) -> Alert:
    """Return what is kept of an alert. Raise AssertionError if the fact is not an alert."""
    data = fact.data
    match data:
        case sla.DossierSoonDue():
            about = "" if data.share is None else str(data.share)
            return Alert(data.at, fact.id, data.ALERT, data.due, about, retracted)
        case sla.LastCallGiven():
            return Alert(data.at, fact.id, data.ALERT, data.due, "", retracted)
        case sla.ApologyOwed():
            return Alert(data.at, fact.id, data.ALERT, data.due, data.cause, retracted)
        case sla.SupplementRepeated():
            return Alert(data.at, fact.id, data.ALERT, data.at, str(data.number), retracted)
        case sla.DossierOverdue():
            return Alert(data.due, fact.id, data.ALERT, data.due, "", retracted)
        case sla.StepOverdue():
            return Alert(data.due, fact.id, data.ALERT, data.due, str(data.ordinal), retracted)
        case sla.ConsultationOverdue():
            return Alert(data.due, fact.id, data.ALERT, data.due, data.consulted, retracted)
    raise AssertionError(f"{data.NAME} is no alert")


def _led(state: Sla, lead: Lead) -> Sla:
    return msgspec.structs.replace(state, leads=with_lead(state.leads, lead))


def _handled(state: Sla, fact: Event, unit: str, *, by: str = "") -> Sla:
    # The fact that names the receiving unit may come later than the one that leaves it in charge.
    state = handled_by(state, fact, unit or state.receiving_unit or "", by=by)
    handler = Handler(fact.time, by, unit, told_key(fact))
    return msgspec.structs.replace(state, handlers=_with(state.handlers, handler))


def _corrected(state: Sla, data: intake.HistoryCorrected) -> Sla:
    state, keys, moves = taken_back(state, data)
    changes: dict[str, Any] = {
        "steps": without_steps(state.steps, keys),
        "consultations": kept(state.consultations, keys),
        "handlers": tuple(handler for handler in state.handlers if handler.told not in keys),
        "leads": tuple(lead for lead in state.leads if lead.by not in keys),
        "assessment": None,
        "unjudged": None,
        "correcting": True,
    }
    if Move.RECEIVED in moves:
        # The promise is made anew, and with it what is announced of it.
        changes |= {"procedure": None, "promised": UNSET, "first_budget": None}
        changes |= {"receiving_unit": None, "channel": None, "level": None}
        changes |= {"deadlines": (), "due_told": None, "told_until": None}
    if any(handler.told in keys and not handler.by for handler in state.handlers):
        changes["workflow"] = None
    state = msgspec.structs.replace(state, **changes)
    last = state.handlers[-1] if state.handlers else None
    return msgspec.structs.replace(
        state,
        unit=(last.unit if last else None) or state.receiving_unit,
        unit_since=last.since if last else None,
        unit_by=last.by if last else "",
    )


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...
    def __hash__(self) -> int: ...


O = TypeVar("O", bound=_Ordered)  # noqa: E741


def _with(known: tuple[O, ...], one: O) -> tuple[O, ...]:
    if not known or known[-1] < one:
        return (*known, one)
    return tuple(sorted({*known, one}))
