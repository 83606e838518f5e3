"""Who asked for what an event tells, after the CloudEvents extension "auth context"."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AuthType(StrEnum):
    """The kind of principal, in the extension's own words."""

    APP_USER = "app_user"
    """A person who uses the city's applications: an officer, or a citizen."""
    USER = "user"
    """A person with an account on the machines, such as an operator."""
    SERVICE_ACCOUNT = "service_account"
    """Another system of the city's, e.g. one whose log is imported."""
    API_KEY = "api_key"
    SYSTEM = "system"
    """No person: a timer of one of the services."""
    UNAUTHENTICATED = "unauthenticated"
    """Nobody vouched for whoever asked."""
    UNKNOWN = "unknown"
    """A kind that is not listed here."""

    @classmethod
    def _missing_(cls, value: object) -> AuthType:
        # The extension lets others define more kinds: such a record is readable all the same.
        return cls.UNKNOWN


class Actor(msgspec.Struct, frozen=True):
    """Who asked, as far as it was vouched for."""

    authtype: AuthType
    authid: str | None = None
    """The principal's identifier; never a name."""
    authclaims: str | None = None
    """What else was vouched for, as JSON; never a credential."""


NOBODY = Actor(AuthType.UNAUTHENTICATED)
"""Someone for whom nobody vouched."""


def said_to_be(who: str, vouched: Actor | None) -> Actor:
    """Return whoever a record of before says in its body to act, by nobody's word but its own.

    It is who was vouched for, where the two are the same.
    """
    if vouched is not None and vouched.authid == who:
        return vouched
    return Actor(AuthType.UNAUTHENTICATED, who)


def system(service: str) -> Actor:
    """Return the actor of what a service's timers bring about."""
    return Actor(AuthType.SYSTEM, f"/motcua/{service}")
