"""What a unit's desk says, and when: breaches, corrections, mornings, each for many dossiers. Pure.

The head is told of all dossiers, each officer of those whose open step they lead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial

import msgspec

from contracts.events import notify
from contracts.events.notify import Audience
from contracts.model import EventData
from contracts.values import Locale
from contracts.wire.envelope import derive_id
from services.notify.desk.desk import Desk, DeskAlert, DeskKind, ToldBreach
from services.notify.desk.morning import Morning
from services.notify.desk.unit_alerts import officer_channel
from services.notify.dossier.params import local
from services.notify.dossier.policy import Policy
from services.notify.quiet_hours import morning_after
from services.notify.wording.template import Template
from services.runtime import Timer

_SHOWN = 50
"""At most this many dossiers are named in one message; the rest are counted."""

_ORDER = tuple(DeskKind)


class TimerKind(StrEnum):
    """What a desk waits for; each kind is about the alerts that it tells."""

    BREACHES = "breaches"
    WRONG = "wrong"
    MORNING = "morning"


_TEMPLATES: dict[StrEnum, tuple[Template, Template]] = {
    TimerKind.BREACHES: (Template.HEAD_OVERDUE, Template.OFFICER_OVERDUE),
    TimerKind.WRONG: (Template.HEAD_RETRACTED, Template.OFFICER_RETRACTED),
    TimerKind.MORNING: (Template.HEAD_DIGEST, Template.OFFICER_DIGEST),
}
"""The head's template, and the officers'."""


def desk_timer(policy: Policy, desk: Desk) -> Timer | None:
    """Return what the desk says next, and when; None if it has nothing to say.

    The first breach or correction is told soon, together with those that came by then: a hundred
    dossiers that are due at one instant are one message.
    """
    if desk.morning is None:
        return None
    waiting: list[Timer] = []
    if desk.breaches:
        at = _first(desk.breaches.values()) + policy.breach_after
        if desk.breaches_told_at is not None:
            at = max(at, desk.breaches_told_at + policy.breach_every)
        waiting.append(_timer(TimerKind.BREACHES, at, desk.breaches))
    if desk.wrong:
        at = _first(told.alert for told in desk.wrong.values()) + policy.breach_after
        waiting.append(_timer(TimerKind.WRONG, at, desk.wrong))
    if alerts := _of_the_morning(desk):
        waiting.append(_timer(TimerKind.MORNING, _tells_at(policy, desk.morning, desk), alerts))
    return min(waiting, key=lambda timer: (timer.at, timer.kind), default=None)


def desk_fired(policy: Policy, desk: Desk, passed: Timer) -> Sequence[EventData]:
    """Return the messages of a timer that has passed.

    Their ids follow from when they go out and what they tell: they are the same whatever the order
    of facts. What arrives later is told in other messages.
    """
    subject = desk.morning
    assert subject is not None
    unit = Morning.parse(subject).unit
    if passed.kind is TimerKind.WRONG:
        # To the person who was told, whoever is the head by now.
        told = desk.wrong
    else:
        known = policy.catalogue.units.get(unit)
        head = known.head if known else unit
        alerts = desk.breaches if passed.kind is TimerKind.BREACHES else _of_the_morning(desk)
        told = {key: ToldBreach(alert, head) for key, alert in alerts.items()}
    heads = sorted({one.head for one in told.values()})
    leads = sorted({one.alert.lead for one in told.values()} - {"", *heads})
    for_head, for_officer = _TEMPLATES[passed.kind]
    cause = derive_id(passed.kind, subject, passed.at.isoformat(), *told)
    tell = partial(_message, policy, unit, passed.at, subject=subject, cause=cause)
    return [
        *(
            tell(head, Audience.HEAD, for_head, [t.alert for t in told.values() if t.head == head])
            for head in heads
        ),
        *(
            tell(lead, Audience.OFFICER, for_officer, _led_by(lead, told.values()))
            for lead in leads
        ),
    ]


def _led_by(lead: str, told: Iterable[ToldBreach]) -> list[DeskAlert]:
    return [one.alert for one in told if one.alert.lead == lead]


def _message(
    policy: Policy,
    unit: str,
    at: datetime,
    to: str,
    audience: Audience,
    template: Template,
    alerts: Sequence[DeskAlert],
    *,
    subject: str,
    cause: str,
) -> notify.MessagePlanned:
    channel = officer_channel(policy)
    items, count = _items(alerts)
    return notify.MessagePlanned(
        message_id=derive_id("message", subject, cause, to, channel),
        cause_id=cause,
        recipient=to,
        channel=channel,
        template=template,
        locale=Locale.VI,
        params={"unit": unit, "items": items, "count": str(count)},
        audience=audience,
        expires_at=at + policy.lasts_of(template),
    )


def _timer(kind: TimerKind, at: datetime, what: Iterable[str]) -> Timer:
    # Another dossier's alert of the day before may still be on its way when an event has a later
    # time. And a late alert may be due at a time that has passed: that is another timer.
    return Timer(at, kind, (derive_id(*what),), clock_alone=True)


def _first(alerts: Iterable[DeskAlert]) -> datetime:
    return min(alert.at for alert in alerts)


def _of_the_morning(desk: Desk) -> dict[str, DeskAlert]:
    return desk.late if desk.told else desk.alerts


def _tells_at(policy: Policy, morning: str, desk: Desk) -> datetime:
    instant = Morning.parse(morning).at(policy.morning)
    if not desk.told:
        return instant
    return morning_after(desk.told_at or instant, policy.morning)


def _items(alerts: Sequence[DeskAlert]) -> tuple[str, int]:
    """Return JSON for the renderer, one item per dossier, most important first; and their number.

    An item has the kind and time of its most important alert, and of its others.
    """
    by_dossier: dict[str, list[DeskAlert]] = {}
    for alert in sorted(alerts, key=lambda a: (_ORDER.index(a.kind), a.due or a.at, a.dossier)):
        by_dossier.setdefault(alert.dossier, []).append(alert)
    items = [
        {
            "dossier": dossier,
            "procedure": first.procedure,
            **_said(first),
            "also": [_said(other) for other in others],
        }
        for dossier, (first, *others) in by_dossier.items()
    ]
    return msgspec.json.encode(items[:_SHOWN]).decode(), len(items)


def _said(alert: DeskAlert) -> dict[str, str]:
    return {"kind": alert.kind, "due": local(alert.due) if alert.due else ""}
