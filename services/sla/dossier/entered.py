"""What was entered late about a dossier, and what that changed."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from contracts.events import routing, sla
from contracts.events.sla import AlertKind
from contracts.wire.envelope import Event
from services.shared.lifecycle import Move, phases, span_of
from services.shared.working_time import Calendars, OutsideCalendar
from services.sla.dossier.state import EnteredLate, Sla, TakenBack

_AT_ONCE = timedelta(minutes=1)
"""Whatever is entered within this is entered as it happens."""
_WITHOUT_ID = (
    routing.DossierRouted,
    routing.DossierUnroutable,
    routing.StepStarted,
    routing.StepCompleted,
)
"""The facts of which the state keeps no id. Those of one instant follow from one request."""
ID = 13
"""As many characters of an id tell the facts of a dossier apart."""


def is_late(fact: Event) -> bool:
    """Return whether a fact was entered late. An import's history is what others knew in time."""
    entered = fact.recorded
    return entered is not None and not fact.history and entered - fact.time > _AT_ONCE


def with_entered(state: Sla, fact: Event, calendars: Calendars) -> Sla:
    """Return the state that knows when the fact was entered, if that was late."""
    if not is_late(fact):
        return state
    entered = fact.known_since
    try:
        seconds = calendars.for_unit("").measure(fact.time, entered)
    except OutsideCalendar:
        seconds = int((entered - fact.time).total_seconds())
    name = "" if isinstance(fact.data, _WITHOUT_ID) else fact.id[:ID]
    one = EnteredLate(fact.time, name, entered, seconds)
    return msgspec.structs.replace(state, entered_late=tuple(sorted({*state.entered_late, one})))


def with_taken_back(state: Sla, fact: Event, data: sla.AlertRetracted) -> Sla:
    """Return the state that knows since when an alert is known to be wrong."""
    one = TakenBack(data.alert_id, fact.known_since, is_late(fact))
    known = tuple(sorted({*state.taken_back, one}))
    return breach_judged(msgspec.structs.replace(state, taken_back=known))


def breach_judged(state: Sla) -> Sla:
    """Return the state that says whether a late entry took a breach back after its due time."""
    if not state.taken_back:
        return state
    entered = {one.alert: one.entered for one in state.taken_back if one.late_entry}
    dues = [
        alert.due
        for alert in state.alerts
        if alert.kind is AlertKind.OVERDUE
        and (known := entered.get(alert.id)) is not None
        and known > alert.due
    ]
    return msgspec.structs.replace(state, breach_taken_back=min(dues, default=None))


def known_at(state: Sla, moment: datetime) -> Sla:
    """Return the state of what had been entered by that moment; see `as_of` for the other time.

    Only what times depend on, and what was announced, is cut back, and nothing is judged.
    """
    late = {(one.at, one.id): one.entered for one in state.entered_late}

    def known(at: datetime, id: str = "") -> bool:
        return late.get((at, id[:ID]), at) <= moment

    taken_back = {one.alert for one in state.taken_back if one.entered <= moment}
    undated = set(state.retracted) - {one.alert for one in state.taken_back}
    marks = tuple(
        mark
        for mark in state.marks
        if known(mark.time, "" if mark.move is Move.STARTED else mark.id)
    )
    exemption = state.exemption
    return msgspec.structs.replace(
        state,
        marks=marks,
        span=span_of(phases(marks)),
        handlers=tuple(each for each in state.handlers if known(each.since, each.by)),
        steps=tuple(
            step
            if step.completed_at is None or known(step.completed_at)
            else msgspec.structs.replace(step, completed_at=None)
            for step in state.steps
            if known(step.started_at)
        ),
        consultations=tuple(each for each in state.consultations if known(each.at, each.id)),
        letters=tuple(each for each in state.letters if known(each.at, each.id)),
        exemption=exemption if exemption and known(exemption.at, exemption.id) else None,
        deadlines=tuple(each for each in state.deadlines if known(each.at, each.id)),
        alerts=tuple(
            msgspec.structs.replace(alert, retracted=alert.id in taken_back or alert.id in undated)
            for alert in state.alerts
            if known(alert.at, alert.id)
        ),
    )
