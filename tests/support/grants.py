"""Delegations and absences for tests, and who acts under them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from contracts.events.authority import (
    AbsenceDeclared,
    AuthorityDelegated,
    AuthorityFact,
    AuthorityRevoked,
    Delegable,
)
from contracts.model import EventData
from contracts.wire.actor import Actor
from contracts.wire.claims import Role, claims
from contracts.wire.envelope import Event, derive_id
from services.runtime import World, first_world, widened
from tests.support.event import CODE

HEAD = "cb-head"


def delegated(
    unit: str,
    to: str,
    since: datetime,
    until: datetime,
    *requests: Delegable,
    grant: str = "d-1",
    at: datetime | None = None,
    procedures: Sequence[str] = (),
) -> AuthorityDelegated:
    """Said when it begins, or at another time; all that can be delegated, unless some is named."""
    return AuthorityDelegated(
        grant=grant,
        unit=unit,
        to=to,
        at=at or since,
        by=HEAD,
        requests=requests or tuple(Delegable),
        procedures=tuple(procedures),
        since=since,
        until=until,
    )


def absent(
    unit: str, lead: str, to: str, since: datetime, until: datetime, grant: str = "a-1"
) -> AbsenceDeclared:
    return AbsenceDeclared(
        grant=grant, unit=unit, to=to, at=since, by=lead, lead=lead, since=since, until=until
    )


def revoked(data: AuthorityFact, at: datetime) -> AuthorityRevoked:
    return AuthorityRevoked(grant=data.grant, unit=data.unit, to=data.to, at=at, by=HEAD)


def granted(*facts: AuthorityFact, world: World | None = None) -> World:
    """The world after these facts."""
    found = world or first_world()
    for each in facts:
        found = widened(found, each)
    return found


def officer(who: str, unit: str, role: Role = Role.OFFICER) -> Actor:
    """Somebody whom the provider vouched for."""
    return claims([role], unit).vouch_for(who)


def asked(
    data: EventData,
    time: datetime,
    actor: Actor,
    entered: datetime | None = None,
    subject: str = CODE,
) -> Event:
    """A request, entered as it happens or later."""
    entered = entered or time
    made = derive_id("test", subject, data.TYPE, time.isoformat(), entered.isoformat(), repr(actor))
    return Event(made, "/test", subject, time, data, actor=actor, recorded=entered)
