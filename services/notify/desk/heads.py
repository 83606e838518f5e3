"""What is put on the desk of a unit's head: what threatens, what has come to be, what was wrong.

The desk tells the head and the officer who leads the open step, of many dossiers together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from contracts.events import intake, notify, routing, sla
from contracts.events.notify import MessageChannel
from contracts.events.sla import AlertKind
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Notify
from services.notify.hours import VIETNAM, morning_after

_TAKEN_BACK = "taken back"
_DONE = "done before the morning came"


def tell_heads(policy: Policy, state: Notify, fact: Event) -> Sequence[EventData]:
    """What a fact means to the head of the unit that handles the dossier; the state knows it."""
    if not policy.tells_officers:
        return ()
    if isinstance(fact.data, sla.AlertRetracted):
        return _taken_back(state, fact.data)
    if state.history or fact.history:
        return ()
    match fact.data:
        case (
            sla.DossierOverdue()
            | sla.DossierSoonDue()
            | sla.ApologyOwed()
            | sla.ConsultationOverdue()
            | sla.StepOverdue() as data
        ):
            return _alerted(policy, state, fact, data.unit, data.due, data.ALERT)
        case sla.SupplementRepeated() as data:
            return _alerted(policy, state, fact, data.unit, data.at, data.ALERT)
        case routing.DossierProcessed() | intake.DossierWithdrawn():
            return [
                notify.UnitAlertCleared(morning=morning, alert_id=alert_id, reason=_DONE)
                for alert_id, morning in sorted(state.alerted.items())
                if _told_by(policy, morning) > fact.time
            ]
        case _:
            return ()


def _alerted(
    policy: Policy, state: Notify, fact: Event, unit: str, due: datetime, alert: AlertKind
) -> Sequence[EventData]:
    morning = morning_after(fact.time, policy.morning)
    ended = state.span.ended_at
    if alert is not AlertKind.OVERDUE and ended is not None and ended <= morning:
        return ()  # done before anyone looks at it
    name = f"{unit}@{morning.astimezone(VIETNAM):%Y-%m-%d}"
    said: list[EventData] = [
        notify.UnitAlerted(
            morning=name,
            unit=unit,
            dossier=fact.subject,
            alert_id=fact.id,
            alert=alert,
            due=due,
            lead=state.lead.officer if state.lead is not None else None,
            procedure=state.procedure,
        )
    ]
    if ended is not None and ended < _told_by(policy, name):
        # As if it had been heard of before the dossier was done.
        said.append(notify.UnitAlertCleared(morning=name, alert_id=fact.id, reason=_DONE))
    return said


def _taken_back(state: Notify, data: sla.AlertRetracted) -> Sequence[EventData]:
    # To the desk that was alerted, whoever has the dossier by now; what it told of it, it knows.
    morning = state.alerted.get(data.alert_id)
    if morning is None:
        return ()
    return [
        notify.UnitAlertCleared(
            morning=morning, alert_id=data.alert_id, reason=_TAKEN_BACK, wrong=True, due=data.due
        )
    ]


def head_channel(policy: Policy) -> MessageChannel:
    """Officers are written to by e-mail; where nobody is really told, it is written down."""
    if MessageChannel.LEDGER in policy.channels:
        return MessageChannel.LEDGER
    return MessageChannel.EMAIL


def _told_by(policy: Policy, morning: str) -> datetime:
    """The morning after: then the head is told, too, of what got to the desk late."""
    day = date.fromisoformat(morning.rpartition("@")[2])
    return morning_after(datetime.combine(day, policy.morning, VIETNAM), policy.morning)
