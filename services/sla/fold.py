"""How facts change what sla knows, in whatever order they arrive."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import msgspec

from contracts import intake, routing, sla
from contracts.envelope import Event
from contracts.lifecycle import handled_by, track
from contracts.model import EventData
from services.sla.state import (
    Alert,
    Asked,
    Deadline,
    Exemption,
    Handler,
    Letter,
    Sla,
    StepSpan,
)


def evolve(state: Sla, fact: Event) -> Sla:
    """The state after a fact, its assessment aside (see `rules.Rules.assessed`)."""
    if fact.data.OWNER != "sla":
        # What sla concludes from a told past may follow the past's end: it is no past itself.
        state = track(state, fact)
    return _evolve(state, fact, fact.data)


def _evolve(state: Sla, fact: Event, data: EventData) -> Sla:
    replace = msgspec.structs.replace
    match data:
        case routing.StepStarted():
            return replace(state, steps=_started(state.steps, fact, data))
        case routing.StepCompleted():
            return replace(state, steps=_completed(state.steps, fact, data))
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
            workflow = f"{data.workflow}/{data.workflow_version}"
            return _handled(replace(state, workflow=workflow), fact, data.handling_unit)
        case routing.DossierUnroutable() if state.receiving_unit is not None:
            return _handled(state, fact, state.receiving_unit)
        case routing.DossierHandedOver():
            return _handled(state, fact, data.to_unit, by=fact.id)
        case routing.ConsultationOpened():
            budget = data.budget
            asked = Asked(
                fact.time,
                fact.id,
                data.unit,
                False,
                budget.amount if budget else 0,
                budget.unit if budget else "",
            )
            return replace(state, consultations=_with(state.consultations, asked))
        case routing.ConsultationAnswered():
            answered = Asked(fact.time, fact.id, data.unit, True)
            return replace(state, consultations=_with(state.consultations, answered))
        case sla.ApologyIssued():
            letter = Letter(fact.time, fact.id, data.due, data.previous, data.in_time, data.form)
            return replace(state, letters=_with(state.letters, letter))
        case sla.ExemptionGranted():
            exemption = Exemption(fact.time, fact.id, data.ground, data.reason)
            first = state.exemption is None or exemption < state.exemption
            return replace(state, exemption=exemption) if first else state
        case sla.DeadlineSet() | sla.DeadlineMoved():
            announced = Deadline(fact.time, fact.id, data.due)
            deadlines = sorted((*state.deadlines, announced), key=lambda d: (d.at, d.id))
            return replace(state, deadlines=tuple(deadlines), due_told=data.due)
        case sla.AlertRetracted():
            alerts = [
                replace(a, retracted=True) if a.id == data.alert_id else a for a in state.alerts
            ]
            retracted = tuple(sorted({*state.retracted, data.alert_id}))
            return replace(state, alerts=tuple(alerts), retracted=retracted)
        case _ if isinstance(data, sla.ALERTS):
            alert = alert_of(fact, retracted=fact.id in state.retracted)
            alerts = sorted((*state.alerts, alert), key=lambda a: (a.at, a.kind, a.id))
            return replace(state, alerts=tuple(alerts))
        case _:
            return state


def alert_of(fact: Event, *, retracted: bool = False) -> Alert:
    """What is kept of an alert. Raises AssertionError if the fact is none."""
    data = fact.data
    match data:
        case sla.DossierSoonDue():
            about = "" if data.share is None else str(data.share)
            return Alert(data.at, fact.id, data.NAME, data.due, about, retracted)
        case sla.ApologyOwed():
            return Alert(data.at, fact.id, data.NAME, data.due, "", retracted)
        case sla.SupplementRepeated():
            return Alert(data.at, fact.id, data.NAME, data.at, str(data.number), retracted)
        case sla.DossierOverdue():
            return Alert(data.due, fact.id, data.NAME, data.due, "", retracted)
        case sla.StepOverdue():
            return Alert(data.due, fact.id, data.NAME, data.due, str(data.ordinal), retracted)
        case sla.ConsultationOverdue():
            return Alert(data.due, fact.id, data.NAME, data.due, data.consulted, retracted)
    raise AssertionError(f"{data.NAME} is no alert")


def _handled(state: Sla, fact: Event, unit: str, *, by: str = "") -> Sla:
    state = handled_by(state, fact, unit, by=by)
    handler = Handler(fact.time, by, unit)
    return msgspec.structs.replace(state, handlers=_with(state.handlers, handler))


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...
    def __hash__(self) -> int: ...


O = TypeVar("O", bound=_Ordered)  # noqa: E741


def _with(known: tuple[O, ...], one: O) -> tuple[O, ...]:
    if not known or known[-1] < one:
        return (*known, one)
    return tuple(sorted({*known, one}))


def _started(
    steps: tuple[StepSpan, ...], fact: Event, data: routing.StepStarted
) -> tuple[StepSpan, ...]:
    for index, known in enumerate(steps):
        # A completion that came first has made the span already.
        if known.ordinal == data.ordinal and known.started_at == known.completed_at:
            begun = StepSpan(fact.time, data.ordinal, data.step, known.completed_at)
            return tuple(sorted((*steps[:index], begun, *steps[index + 1 :])))
    return _with(steps, StepSpan(fact.time, data.ordinal, data.step))


def _completed(
    steps: tuple[StepSpan, ...], fact: Event, data: routing.StepCompleted
) -> tuple[StepSpan, ...]:
    for index in reversed(range(len(steps))):
        known = steps[index]
        if known.ordinal == data.ordinal and known.completed_at is None:
            done = StepSpan(known.started_at, known.ordinal, known.step, fact.time)
            return (*steps[:index], done, *steps[index + 1 :])
    return _with(steps, StepSpan(fact.time, data.ordinal, data.step, fact.time))
