"""One unit's morning: what its head, and each officer with a dossier, finds in the digest. Pure.

An alert that gets here after the digest went out (sla or notify was away over night) goes into
another one, on the next morning on which people work, with all others that were late.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial

import msgspec

from contracts import notify
from contracts.envelope import Event, derive_id
from contracts.model import EventData
from contracts.notify import Audience
from contracts.values import Locale
from services.notify.heads import head_channel
from services.notify.params import local
from services.notify.policy import Policy
from services.notify.when import VIETNAM, morning_after
from services.runtime.decider import Timer

_SHOWN = 50
"""So many dossiers are named in one digest; of the rest, how many there are."""

_ORDER = (
    "DossierOverdue",
    "ApologyOwed",
    "DossierSoonDue",
    "ConsultationOverdue",
    "StepOverdue",
    "SupplementRepeated",
)
"""What matters most comes first."""


class DeskAlert(msgspec.Struct, frozen=True, array_like=True):
    """One alert of the morning."""

    kind: str
    due: datetime
    dossier: str
    unit: str
    lead: str = ""
    """The officer who led the open step; empty if nobody knew."""


class Desk(msgspec.Struct, frozen=True):
    """What a morning's digest is made of."""

    morning: str | None = None
    alerts: dict[str, DeskAlert] = {}
    """What stands, by the alert's id; once the head was told, what they were told."""
    cleared: tuple[str, ...] = ()
    told: bool = False
    told_at: datetime | None = None
    """The morning on which the head was told last."""
    late: dict[str, DeskAlert] = {}
    """What stands and came after that."""


def desk_after(desk: Desk, fact: Event) -> Desk:
    """The morning after a fact, in whatever order the facts come."""
    data = fact.data
    replace = msgspec.structs.replace
    match data:
        case notify.UnitAlerted():
            desk = replace(desk, morning=data.morning)
            if data.alert_id in desk.cleared or data.alert_id in desk.alerts:
                return desk
            alert = DeskAlert(data.alert, data.due, data.dossier, data.unit, data.lead or "")
            if desk.told:
                return replace(desk, late=_with(desk.late, {data.alert_id: alert}))
            return replace(desk, alerts=_with(desk.alerts, {data.alert_id: alert}))
        case notify.UnitAlertCleared():
            return replace(
                desk,
                morning=data.morning,
                alerts={key: a for key, a in desk.alerts.items() if key != data.alert_id},
                cleared=tuple(sorted({*desk.cleared, data.alert_id})),
                late={key: a for key, a in desk.late.items() if key != data.alert_id},
            )
        case notify.MessagePlanned():
            alerts = _with(desk.alerts, desk.late)
            return replace(desk, alerts=alerts, told=True, told_at=fact.time, late={})
        case _:
            return desk


def desk_timer(policy: Policy, desk: Desk) -> Timer | None:
    """The morning itself, and a later one for what came late; none with nothing to tell."""
    waiting = _waiting(desk)
    if desk.morning is None or not waiting:
        return None
    # As with a citizen's digest: with another alert in it, it is another event.
    name = f"morning:{derive_id(*waiting)}"
    # Another dossier's alert of the day before may still be on its way.
    return Timer(_tells_at(policy, desk.morning, desk), name, clock_alone=True)


def desk_fired(policy: Policy, desk: Desk) -> Sequence[EventData]:
    """The head's digest of it all, and each leading officer's of what is theirs.

    Its id follows from the day that it goes out on: it is the same whatever came in which order,
    and a digest of what was late is another.
    """
    subject = desk.morning
    assert subject is not None
    at = _tells_at(policy, subject, desk)
    waiting = _waiting(desk)
    unit = subject.partition("@")[0]
    known = policy.catalogue.units.get(unit)
    head = known.head if known else unit
    day = (f"{at.astimezone(VIETNAM):%Y-%m-%d}",) if desk.told else ()
    told = partial(
        _digest, policy, unit, at, subject=subject, cause=derive_id("morning", subject, *day)
    )
    leads = sorted({alert.lead for alert in waiting.values()} - {"", head})
    return [
        told(head, Audience.HEAD, list(waiting.values())),
        *(
            told(lead, Audience.OFFICER, [a for a in waiting.values() if a.lead == lead])
            for lead in leads
        ),
    ]


def _digest(
    policy: Policy,
    unit: str,
    at: datetime,
    to: str,
    audience: Audience,
    alerts: Sequence[DeskAlert],
    *,
    subject: str,
    cause: str,
) -> notify.MessagePlanned:
    channel = head_channel(policy)
    template = f"{audience}-digest"
    items, count = _items(alerts)
    return notify.MessagePlanned(
        message_id=derive_id("message", subject, cause, to, channel),
        cause_id=cause,
        citizen=to,
        channel=channel,
        template=template,
        locale=Locale.VI,
        params={"unit": unit, "items": items, "count": str(count)},
        audience=audience,
        expires_at=at + policy.lasts_of(template),
    )


def _with(some: dict[str, DeskAlert], more: dict[str, DeskAlert]) -> dict[str, DeskAlert]:
    # In one order, whatever came first: states are compared.
    return dict(sorted({**some, **more}.items()))


def _waiting(desk: Desk) -> dict[str, DeskAlert]:
    return desk.late if desk.told else desk.alerts


def _tells_at(policy: Policy, morning: str, desk: Desk) -> datetime:
    instant = _instant(policy, morning)
    if not desk.told:
        return instant
    return morning_after(desk.told_at or instant, policy.morning)


def _instant(policy: Policy, morning: str) -> datetime:
    day = date.fromisoformat(morning.rpartition("@")[2])
    return datetime.combine(day, policy.morning, VIETNAM).astimezone(UTC)


def _items(alerts: Sequence[DeskAlert]) -> tuple[str, int]:
    """For the renderer: JSON with an item a dossier, what matters most first; and how many.

    An item has the kind and the time of its most pressing alert, and of its others.
    """
    by_dossier: dict[str, list[DeskAlert]] = {}
    for alert in sorted(alerts, key=lambda a: (_ORDER.index(a.kind), a.due, a.dossier)):
        by_dossier.setdefault(alert.dossier, []).append(alert)
    items = [
        {"dossier": dossier, **_said(first), "also": [_said(other) for other in others]}
        for dossier, (first, *others) in by_dossier.items()
    ]
    return msgspec.json.encode(items[:_SHOWN]).decode(), len(items)


def _said(alert: DeskAlert) -> dict[str, str]:
    return {"kind": alert.kind, "due": local(alert.due)}
