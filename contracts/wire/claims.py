"""What an identity provider says of who asks, as it stands beside the actor on the log."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

import msgspec

from contracts.wire.actor import Actor, AuthType


class Role(StrEnum):
    """What somebody is to the city. Who leads a step or is consulted follows from the dossier."""

    OFFICER = "officer"
    """Handles dossiers for a unit (cán bộ)."""
    HEAD = "head"
    """Signs for a unit (người đứng đầu)."""
    DESK = "desk"
    """Receives and returns at a unit's one-stop desk (bộ phận một cửa)."""
    AUDITOR = "auditor"
    """Reads everything, changes nothing."""
    OPERATOR = "operator"
    """Runs the services."""
    MACHINE = "machine"
    """Another system: the portal, the payment provider, an older system."""


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    """The roles, and for whom they are held. Nothing here names a person."""

    roles: tuple[Role, ...]
    unit: str = ""
    """The unit that an officer, a head or a desk acts for."""
    requests: tuple[str, ...] = ()
    """What a machine may ask, by the names of the table of authority."""

    def vouch_for(self, who: str) -> Actor:
        """Return whoever has these claims as the actor of a record."""
        return Actor(_kind(self), who, _text(self))


def claims(roles: Iterable[Role], unit: str = "", requests: Iterable[str] = ()) -> Claims:
    """Return claims whose text on the log does not depend on the order in which they were told."""
    return Claims(tuple(sorted(set(roles))), unit, tuple(sorted(set(requests))))


def _kind(told: Claims) -> AuthType:
    if Role.MACHINE in told.roles:
        return AuthType.SERVICE_ACCOUNT
    return AuthType.USER if told.roles == (Role.OPERATOR,) else AuthType.APP_USER


@lru_cache(maxsize=4096)
def _text(told: Claims) -> str:
    return msgspec.json.encode(told).decode()


_VOUCHED = frozenset({AuthType.APP_USER, AuthType.USER, AuthType.SERVICE_ACCOUNT})


@lru_cache(maxsize=4096)  # a city's officers are few, their requests are many
def claims_of(actor: Actor | None) -> Claims | None:
    """Return what was vouched for about an actor; None if nobody vouched, or not in these words."""
    if actor is None or actor.authclaims is None or actor.authtype not in _VOUCHED:
        return None
    if actor.authid is None:
        return None
    try:
        return msgspec.json.decode(actor.authclaims, type=Claims)
    except msgspec.DecodeError:
        return None  # another system's words
