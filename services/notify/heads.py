"""What the heads of units are told: a breach at once, everything else in a morning's digest.

The officer who leads the open step is told, too, in the unit's morning: of their own dossiers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import cast

from contracts import intake, notify, routing, sla
from contracts.envelope import Event, derive_id
from contracts.model import EventData
from contracts.notify import Audience, MessageChannel
from contracts.values import Locale
from services.notify.params import local
from services.notify.policy import Policy
from services.notify.state import Notice, Notify
from services.notify.when import VIETNAM, morning_after

_TAKEN_BACK = "taken back"
_DONE = "done before the morning came"


def tell_heads(policy: Policy, state: Notify, fact: Event) -> Sequence[EventData]:
    """What a fact means to the head of the unit that handles the dossier; the state knows it."""
    if not policy.tells_officers:
        return ()
    if isinstance(fact.data, sla.AlertRetracted):
        return _taken_back(policy, state, fact, fact.data)
    if state.history or fact.history:
        return ()
    match fact.data:
        case sla.DossierOverdue() as data:
            return [
                *_alerted(policy, state, fact, data.unit, data.due, "DossierOverdue"),
                *_breach(policy, state, fact, data),
            ]
        case (
            sla.DossierSoonDue()
            | sla.ApologyOwed()
            | sla.ConsultationOverdue()
            | sla.StepOverdue() as data
        ):
            return _alerted(policy, state, fact, data.unit, data.due, data.NAME)
        case sla.SupplementRepeated() as data:
            return _alerted(policy, state, fact, data.unit, data.at, data.NAME)
        case routing.DossierProcessed() | intake.DossierWithdrawn():
            return [
                notify.UnitAlertCleared(morning=morning, alert_id=alert_id, reason=_DONE)
                for alert_id, morning in sorted(state.alerted.items())
                if _told_by(policy, morning) > fact.time
            ]
        case _:
            return ()


def _alerted(
    policy: Policy, state: Notify, fact: Event, unit: str, due: datetime, alert: str
) -> Sequence[EventData]:
    morning = morning_after(fact.time, policy.morning)
    ended = state.span.ended_at
    if alert != "DossierOverdue" and ended is not None and ended <= morning:
        return ()  # done before anyone looks at it
    name = f"{unit}@{morning.astimezone(VIETNAM):%Y-%m-%d}"
    said: list[EventData] = [
        notify.UnitAlerted(
            morning=name,
            unit=unit,
            dossier=fact.subject,
            alert_id=fact.id,
            alert=cast("sla.AlertKind", alert),
            due=due,
            lead=state.lead.officer if state.lead is not None else None,
        )
    ]
    if ended is not None and ended < _told_by(policy, name):
        # As if it had been heard of before the dossier was done.
        said.append(notify.UnitAlertCleared(morning=name, alert_id=fact.id, reason=_DONE))
    return said


def _taken_back(
    policy: Policy, state: Notify, fact: Event, data: sla.AlertRetracted
) -> Sequence[EventData]:
    said: list[EventData] = []
    morning = state.alerted.get(data.alert_id)
    if morning is not None:
        # Whether the head was told of it the desk knows: it may have got there late.
        said.append(
            notify.UnitAlertCleared(morning=morning, alert_id=data.alert_id, reason=_TAKEN_BACK)
        )
    params = {"due": local(data.due)} if data.due else {}
    # To the one who was told, whoever has the dossier by now.
    said += [
        _to_head(policy, state, fact, notice, "head-retracted", params)
        for notice in state.noticed(data.alert_id, Audience.HEAD)
    ]
    return said


def _breach(
    policy: Policy, state: Notify, fact: Event, data: sla.DossierOverdue
) -> Sequence[EventData]:
    known = policy.catalogue.units.get(data.unit)
    if known is None:
        return ()
    told = Notice(fact.id, Audience.HEAD, known.head, head_channel(policy), unit=data.unit)
    exempt = {"exempt": "yes"} if state.exempt else {}
    params = {"due": local(data.due), **exempt}
    return [_to_head(policy, state, fact, told, "head-overdue", params)]


def _to_head(
    policy: Policy, state: Notify, fact: Event, to: Notice, template: str, params: dict[str, str]
) -> EventData:
    return notify.MessagePlanned(
        message_id=derive_id("message", fact.subject, fact.id, to.recipient, to.channel),
        cause_id=fact.id,
        citizen=to.recipient,
        channel=MessageChannel(to.channel),
        template=template,
        locale=Locale.VI,
        params={"procedure": state.procedure or "", "unit": to.unit, **params},
        audience=Audience.HEAD,
        expires_at=fact.time + policy.lasts_of(template),
        takes_back=to.message_id or None,
    )


def head_channel(policy: Policy) -> MessageChannel:
    """Officers are written to by e-mail; where nobody is really told, it is written down."""
    if MessageChannel.LEDGER in policy.channels:
        return MessageChannel.LEDGER
    return MessageChannel.EMAIL


def _told_by(policy: Policy, morning: str) -> datetime:
    """The morning after: then the head is told, too, of what got to the desk late."""
    day = date.fromisoformat(morning.rpartition("@")[2])
    return morning_after(datetime.combine(day, policy.morning, VIETNAM), policy.morning)
