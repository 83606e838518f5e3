"""What is put on a unit head's desk: warnings, breaches, alerts that proved wrong, and what the
unit received and nobody is competent for.

The desk tells the head and the officer who leads the open step, of many dossiers together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from contracts.events import intake, notify, routing, sla
from contracts.events.notify import MessageChannel, UnitAlertKind
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.notify.desk.morning import Morning
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Notify, OnDesk
from services.notify.quiet_hours import VIETNAM, morning_after

_TAKEN_BACK = "taken back"
_DONE = "done before the morning came"
_WRITTEN = "a letter was written before the morning came"
_OUTLIVES = frozenset({UnitAlertKind.OVERDUE, UnitAlertKind.APOLOGY_OWED})
"""What is told though the dossier is resolved by then: a letter is owed afterwards, too."""
_OF_A_LETTER = frozenset({UnitAlertKind.LAST_CALL, UnitAlertKind.APOLOGY_OWED})
_OF_WORK = frozenset(UnitAlertKind) - {UnitAlertKind.APOLOGY_OWED}
_ROUTED = "handed over to a unit by hand"


def unit_alerts(policy: Policy, state: Notify, fact: Event) -> Sequence[EventData]:
    """Return what a fact puts on the handling unit's desk, or clears; the state knows the fact."""
    if not policy.tells_officers or type(fact.data) not in _CONCERNING:
        return ()
    if isinstance(fact.data, sla.AlertRetracted):
        return _taken_back(state, fact.data)
    if state.history or fact.history:
        return ()
    match fact.data:
        case sla.DossierSoonDue() | sla.LastCallGiven() | sla.ApologyOwed() as data:
            kind = UnitAlertKind(data.ALERT)
            return _alerted(policy, state, fact, kind, data.unit, at=data.at, due=data.due)
        case sla.DossierOverdue() | sla.ConsultationOverdue() | sla.StepOverdue() as data:
            kind = UnitAlertKind(data.ALERT)
            return _alerted(policy, state, fact, kind, data.unit, at=data.due, due=data.due)
        case sla.SupplementRepeated() as data:
            kind = UnitAlertKind(data.ALERT)
            return _alerted(policy, state, fact, kind, data.unit, at=data.at, due=data.at)
        case routing.DossierUnroutable() if state.unit is None and state.receiving_unit:
            kind, unit = UnitAlertKind.UNROUTED, state.receiving_unit
            return _alerted(policy, state, fact, kind, unit, at=fact.time, due=fact.time)
        case routing.StepStarted() | routing.StepReassigned():
            return list(_led_by_others(state, fact.subject))
        case routing.DossierHandedOver() | routing.DossierRouted():
            return [*_led_by_others(state, fact.subject), *_routed(state)]
        case routing.DossierProcessed() | intake.DossierWithdrawn():
            return list(_cleared(policy, state, fact, _DONE, _OF_WORK))
        case sla.ApologyIssued():
            return list(_cleared(policy, state, fact, _WRITTEN, _OF_A_LETTER))
        case _:
            return ()


_CONCERNING: frozenset[type[EventData]] = frozenset(
    {
        *sla.ALERTS,
        sla.AlertRetracted,
        sla.ApologyIssued,
        routing.DossierUnroutable,
        routing.StepStarted,
        routing.StepReassigned,
        routing.DossierHandedOver,
        routing.DossierRouted,
        routing.DossierProcessed,
        intake.DossierWithdrawn,
    }
)
"""The facts that may put an alert on a desk, change it there, or clear it."""


def _alerted(
    policy: Policy,
    state: Notify,
    fact: Event,
    alert: UnitAlertKind,
    unit: str,
    *,
    at: datetime,
    due: datetime,
) -> Sequence[EventData]:
    """Return the alert for the unit's next morning, with the lead at the alert's own time."""
    morning = morning_after(fact.time, policy.morning)
    ended = state.span.ended_at
    if alert not in _OUTLIVES and ended is not None and ended <= morning:
        return ()  # resolved before anyone looks at it
    name = str(Morning(unit, morning.astimezone(VIETNAM).date()))
    put = OnDesk(name, at, alert, due, state.led_at(at))
    said: list[EventData] = [_said(state, fact.subject, fact.id, put)]
    # As if it had arrived before the dossier was resolved, or the letter written.
    letter = state.letter.at if state.letter is not None and alert in _OF_A_LETTER else None
    if alert is UnitAlertKind.APOLOGY_OWED:
        ended = None
    for made_good, reason in ((ended, _DONE), (letter, _WRITTEN)):
        if made_good is not None and made_good < _told_by(policy, name):
            cleared = notify.UnitAlertCleared(
                morning=name, alert_id=fact.id, dossier=fact.subject, reason=reason
            )
            return [*said, cleared]
    return said


def _cleared(
    policy: Policy, state: Notify, fact: Event, reason: str, kinds: frozenset[UnitAlertKind]
) -> Iterator[EventData]:
    for alert_id, put in sorted(state.alerted.items()):
        kind = put.alert if isinstance(put, OnDesk) else None  # an older release did not keep it
        morning = state.desk_of(alert_id)
        if morning and (kind is None or kind in kinds) and _told_by(policy, morning) > fact.time:
            yield notify.UnitAlertCleared(
                morning=morning, alert_id=alert_id, dossier=fact.subject, reason=reason
            )


def _routed(state: Notify) -> Iterator[EventData]:
    for alert_id, put in state.alerted.items():
        if isinstance(put, OnDesk) and put.alert is UnitAlertKind.UNROUTED:
            yield notify.UnitAlertCleared(morning=put.morning, alert_id=alert_id, reason=_ROUTED)


def _led_by_others(state: Notify, dossier: str) -> Iterator[EventData]:
    """Yield again each alert on a desk whose lead at its time is now known to be another.

    The desk knows whom it has told: it corrects only what it has not told yet.
    """
    for alert_id, put in state.alerted.items():
        if isinstance(put, OnDesk) and (lead := state.led_at(put.at)) != put.lead:
            yield _said(state, dossier, alert_id, msgspec.structs.replace(put, lead=lead))


def _said(state: Notify, dossier: str, alert_id: str, put: OnDesk) -> notify.UnitAlerted:
    return notify.UnitAlerted(
        morning=put.morning,
        unit=Morning.parse(put.morning).unit,
        dossier=dossier,
        alert_id=alert_id,
        alert=put.alert,
        due=put.due,
        at=put.at,
        lead=put.lead,
        procedure=state.procedure,
    )


def _taken_back(state: Notify, data: sla.AlertRetracted) -> Sequence[EventData]:
    # To the desk that was alerted, whoever has the dossier by now; it knows what it told.
    morning = state.desk_of(data.alert_id)
    if morning is None:
        return ()
    return [
        notify.UnitAlertCleared(
            morning=morning,
            alert_id=data.alert_id,
            dossier=state.code,
            reason=_TAKEN_BACK,
            wrong=True,
            due=data.due,
        )
    ]


def officer_channel(policy: Policy) -> MessageChannel:
    """Return e-mail, or ``ledger`` where messages are only written down."""
    if MessageChannel.LEDGER in policy.channels:
        return MessageChannel.LEDGER
    return MessageChannel.EMAIL


def _told_by(policy: Policy, morning: str) -> datetime:
    """Return the morning after, when the head is told also of what reached the desk late."""
    return morning_after(Morning.parse(morning).at(policy.morning), policy.morning)
