"""One unit's day at its head's desk: what is to be told, what was told, what proved wrong. Pure.

Its subject is the unit's morning. Breaches are told soon, many together; every alert that stands is
told in the morning's digest. An alert that arrives after the digest went out (sla or notify was
away over night) goes into another one, on the next working morning, with all others that were late.

The step's lead may turn out to have been another officer. What is not told yet is then corrected.
What was told stays as it was told, and a correction goes to the officer who was told.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

import msgspec

from contracts.events import notify
from contracts.events.notify import UnitAlertKind
from contracts.wire.envelope import Event
from services.notify.wording.template import Template

T = TypeVar("T")

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class DeskKind(StrEnum):
    """What stands on a desk, most important first."""

    OVERDUE = UnitAlertKind.OVERDUE
    """The only alert that does not wait for the morning."""
    UNROUTED = UnitAlertKind.UNROUTED
    APOLOGY_OWED = UnitAlertKind.APOLOGY_OWED
    LAST_CALL = UnitAlertKind.LAST_CALL
    SOON_DUE = UnitAlertKind.SOON_DUE
    CONSULTATION_OVERDUE = UnitAlertKind.CONSULTATION_OVERDUE
    STEP_OVERDUE = UnitAlertKind.STEP_OVERDUE
    SUPPLEMENT_REPEATED = UnitAlertKind.SUPPLEMENT_REPEATED
    CORRECTION = "AlertRetracted"


class DeskAlert(msgspec.Struct, frozen=True, array_like=True):
    """One alert of the morning."""

    kind: DeskKind
    due: datetime | None
    """None in a correction for which no date is known."""
    dossier: str
    unit: str
    lead: str = ""
    """The officer who led the open step at the alert's own time; empty if unknown."""
    procedure: str = ""
    at: datetime = _LONG_AGO
    """When the alert was raised; for a correction, when it was made."""


class ToldBreach(msgspec.Struct, frozen=True, array_like=True):
    """A breach, and the head who was told of it."""

    alert: DeskAlert
    head: str


class Desk(msgspec.Struct, frozen=True):
    """What a unit's head and officers are told on a day and in the morning after it."""

    morning: str | None = None
    alerts: dict[str, DeskAlert] = {}
    """The alerts that stand, by id; once the morning's digest is out, those that it told."""
    cleared: tuple[str, ...] = ()
    told: bool = False
    told_at: datetime | None = None
    """When the head was last sent a digest."""
    late: dict[str, DeskAlert] = {}
    """Alerts that stand and arrived after that."""
    breaches: dict[str, DeskAlert] = {}
    """Breaches not told yet. They are told even if the dossier is resolved by now."""
    breaches_told_at: datetime | None = None
    announced: dict[str, ToldBreach] = {}
    """Breaches that were told, and stand."""
    wrong: dict[str, ToldBreach] = {}
    """Corrections still to be told, of breaches that were told and have since proved wrong."""
    taken_back: tuple[str, ...] = ()
    """The ids of alerts that proved wrong; repeated, they are ignored as breaches."""


def desk_after(desk: Desk, fact: Event) -> Desk:
    """Return the desk after a fact, in whatever order the facts come."""
    data = fact.data
    replace = msgspec.structs.replace
    match data:
        case notify.UnitAlerted():
            return _alerted(replace(desk, morning=data.morning), fact, data)
        case notify.UnitAlertCleared():
            desk = replace(
                desk,
                morning=data.morning,
                alerts=_without(desk.alerts, data.alert_id),
                cleared=tuple(sorted({*desk.cleared, data.alert_id})),
                late=_without(desk.late, data.alert_id),
            )
            return _taken_back(desk, fact, data) if data.wrong else desk
        case notify.MessagePlanned() if data.template == Template.HEAD_OVERDUE:
            told = {
                key: ToldBreach(breach, data.recipient) for key, breach in desk.breaches.items()
            }
            announced = _with(desk.announced, told)
            return replace(desk, breaches={}, breaches_told_at=fact.time, announced=announced)
        case notify.MessagePlanned() if data.template == Template.HEAD_RETRACTED:
            return replace(desk, wrong={})
        case notify.MessagePlanned() if data.template == Template.HEAD_DIGEST:
            alerts = _with(desk.alerts, desk.late)
            return replace(desk, alerts=alerts, told=True, told_at=fact.time, late={})
        case _:
            return desk


def _alerted(desk: Desk, fact: Event, data: notify.UnitAlerted) -> Desk:
    replace = msgspec.structs.replace
    alert = DeskAlert(
        DeskKind(data.alert),
        data.due,
        data.dossier,
        data.unit,
        data.lead or "",
        data.procedure or "",
        fact.time,
    )
    if data.alert is UnitAlertKind.OVERDUE and data.alert_id not in {
        *desk.taken_back,
        *desk.announced,
    }:
        desk = replace(desk, breaches=_put(desk.breaches, data.alert_id, alert))
    if data.alert_id in desk.cleared:
        return desk
    if not desk.told:
        return replace(desk, alerts=_put(desk.alerts, data.alert_id, alert))
    if data.alert_id in desk.alerts:
        return desk  # it was told
    return replace(desk, late=_put(desk.late, data.alert_id, alert))


def _put(some: dict[str, DeskAlert], alert_id: str, alert: DeskAlert) -> dict[str, DeskAlert]:
    # A repeated alert corrects the step's lead, and keeps the time at which it was first raised.
    known = some.get(alert_id)
    put = alert if known is None else msgspec.structs.replace(known, lead=alert.lead)
    return _with(some, {alert_id: put})


def _taken_back(desk: Desk, fact: Event, data: notify.UnitAlertCleared) -> Desk:
    wrong = desk.wrong
    if (told := desk.announced.get(data.alert_id)) is not None:
        right = msgspec.structs.replace(
            told.alert, kind=DeskKind.CORRECTION, due=data.due, at=fact.time
        )
        wrong = _with(wrong, {data.alert_id: ToldBreach(right, told.head)})
    return msgspec.structs.replace(
        desk,
        breaches=_without(desk.breaches, data.alert_id),
        announced=_without(desk.announced, data.alert_id),
        wrong=wrong,
        taken_back=tuple(sorted({*desk.taken_back, data.alert_id})),
    )


def _with(some: dict[str, T], more: dict[str, T]) -> dict[str, T]:
    # In a fixed order, whatever came first: states are compared.
    return dict(sorted({**some, **more}.items()))


def _without(some: dict[str, T], key: str) -> dict[str, T]:
    return {other: value for other, value in some.items() if other != key}
