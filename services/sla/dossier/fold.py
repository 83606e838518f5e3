"""How facts change what sla knows, in whatever order they arrive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from contracts.catalogue import WorkflowRef
from contracts.events import intake, routing, sla
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.shared.lead import Lead, handed_over, reassigned, started, with_lead
from services.shared.lifecycle import handled_by, track
from services.sla.dossier.state import (
    Alert,
    ConsultationMark,
    Deadline,
    Exemption,
    Foresight,
    Handler,
    Letter,
    Sla,
    StepSpan,
    promised_budget,
    promised_by,
)


def evolve(state: Sla, fact: Event) -> Sla:
    """Return the state after a fact, except its assessment (see `rules.Rules.assessed`)."""
    if fact.data.OWNER != "sla":
        # Sla's conclusions from an import's history may come after its close: they are not history.
        state = track(state, fact)
    return _evolve(state, fact, fact.data)


def _evolve(state: Sla, fact: Event, data: EventData) -> Sla:
    replace = msgspec.structs.replace
    match data:
        case intake.SupplementDemanded() | intake.SupplementDelivered():
            # It counts even where it moves no clock, as in a stop: assess anew.
            return replace(state, assessment=None)
        case routing.StepStarted():
            begun = _StepTold(fact.time, True, data.ordinal, data.step)
            lead = started(fact.time, data.ordinal, fact.id, data.lead, data.unit)
            return replace(_led(state, lead), steps=_with_step(state.steps, begun))
        case routing.StepReassigned():
            return _led(state, reassigned(fact.time, data.ordinal, fact.id, data.lead))
        case routing.StepCompleted():
            done = _StepTold(fact.time, False, data.ordinal, data.step)
            return replace(state, steps=_with_step(state.steps, done))
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
            return replace(state, told_until=until)
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
            deadlines = sorted((*state.deadlines, announced), key=lambda d: (d.at, d.id))
            state = replace(state, deadlines=tuple(deadlines), due_told=data.due)
            if isinstance(data, sla.DeadlineSet) and deadlines[0] is announced and data.budget:
                return replace(state, first_budget=promised_budget(data.budget))
            return state
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


class _StepTold(NamedTuple):
    """A fact about a step. In this order: at the same instant, an end comes before a start."""

    at: datetime
    begins: bool
    ordinal: int
    step: str


def _with_step(steps: tuple[StepSpan, ...], one: _StepTold) -> tuple[StepSpan, ...]:
    """Return the spans with one more start or completion, as if all facts had come in order."""
    newest = all(max(s.started_at, s.completed_at or s.started_at) < one.at for s in steps)
    spans = list(steps) if newest else []
    for told in [one] if newest else sorted({*_told(steps), one}):
        _tell(spans, told)
    return tuple(spans)


def _told(steps: tuple[StepSpan, ...]) -> Iterator[_StepTold]:
    for span in steps:
        if span.begun:
            yield _StepTold(span.started_at, True, span.ordinal, span.step)
        if span.completed_at is not None:
            yield _StepTold(span.completed_at, False, span.ordinal, span.step)


def _tell(spans: list[StepSpan], told: _StepTold) -> None:
    """End the newest open start of the step, or a start at the same instant, by a completion."""
    at, begins, ordinal, step = told
    for index in reversed(range(len(spans))):
        known = spans[index]
        if (known.ordinal, known.step) != (ordinal, step):
            continue
        if begins and not known.begun and known.started_at == at:
            spans[index] = StepSpan(at, ordinal, step, at)
            return
        if not begins and known.completed_at is None:
            spans[index] = StepSpan(known.started_at, ordinal, step, at)
            return
    spans.append(StepSpan(at, ordinal, step, None if begins else at, begins))
