"""One unit's morning: what its head finds in the digest. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import msgspec

from contracts import notify
from contracts.envelope import Event, derive_id
from contracts.model import EventData
from contracts.notify import Audience
from contracts.values import Locale
from services.notify.heads import head_channel
from services.notify.plan import local
from services.notify.policy import Policy
from services.notify.when import VIETNAM
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


class Desk(msgspec.Struct, frozen=True):
    """What a morning's digest is made of."""

    morning: str | None = None
    alerts: dict[str, DeskAlert] = {}
    """What stands, by the alert's id."""
    cleared: tuple[str, ...] = ()
    told: bool = False


def desk_after(desk: Desk, fact: Event) -> Desk:
    """The morning after a fact, in whatever order the facts come."""
    data = fact.data
    replace = msgspec.structs.replace
    match data:
        case notify.UnitAlerted():
            if data.alert_id in desk.cleared:
                return replace(desk, morning=data.morning)
            alert = DeskAlert(data.alert, data.due, data.dossier, data.unit)
            alerts = dict(sorted({**desk.alerts, data.alert_id: alert}.items()))
            return replace(desk, morning=data.morning, alerts=alerts)
        case notify.UnitAlertCleared():
            alerts = {key: a for key, a in desk.alerts.items() if key != data.alert_id}
            cleared = tuple(sorted({*desk.cleared, data.alert_id}))
            return replace(desk, morning=data.morning, alerts=alerts, cleared=cleared)
        case notify.MessagePlanned() | notify.MessageNotSent():
            return replace(desk, told=True)
        case _:
            return desk


def desk_timer(policy: Policy, desk: Desk) -> Timer | None:
    """The morning itself, as long as there is something to tell."""
    if desk.morning is None or desk.told or not desk.alerts:
        return None
    return Timer(_instant(policy, desk.morning), "morning")


def desk_fired(policy: Policy, desk: Desk) -> Sequence[EventData]:
    """The digest."""
    subject = desk.morning
    assert subject is not None
    unit = subject.partition("@")[0]
    known = policy.catalogue.units.get(unit)
    head = known.head if known else unit
    channel = head_channel(policy)
    cause = derive_id("morning", subject)
    return [
        notify.MessagePlanned(
            message_id=derive_id("message", subject, cause, head, channel),
            cause_id=cause,
            citizen=head,
            channel=channel,
            template="head-digest",
            locale=Locale.VI,
            params={"unit": unit, "items": _items(desk), "count": str(len(desk.alerts))},
            audience=Audience.HEAD,
            expires_at=_instant(policy, subject) + policy.lasts_of("head-digest"),
        )
    ]


def _instant(policy: Policy, morning: str) -> datetime:
    day = date.fromisoformat(morning.rpartition("@")[2])
    return datetime.combine(day, policy.morning, VIETNAM).astimezone(UTC)


def _items(desk: Desk) -> str:
    """For the renderer: JSON of kind, due time and dossier, what matters most first."""
    found = sorted(desk.alerts.values(), key=lambda a: (_ORDER.index(a.kind), a.due, a.dossier))
    return msgspec.json.encode(
        [{"kind": a.kind, "due": local(a.due), "dossier": a.dossier} for a in found[:_SHOWN]]
    ).decode()
