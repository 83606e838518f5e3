"""Tokens of the local identity provider, for whoever a test lets call."""

from __future__ import annotations

from functools import cache

from contracts.catalogue import load_catalogue
from contracts.wire.claims import Claims, Role, claims
from deploy.local.fakes.oidc.tokens import token
from services.shared.authority.table import TABLE

AUDITOR = "cb-audit"
OPERATOR = "cb-operator"
PORTAL = "portal"
"""A machine whose token names all that a machine may ask."""


@cache
def _posts() -> dict[str, tuple[tuple[Role, ...], str]]:
    """What the sample's officers and heads are; an officer is at the one-stop desk, too."""
    found: dict[str, tuple[tuple[Role, ...], str]] = {}
    for unit in load_catalogue().units.values():
        for officer in unit.officers:
            found[officer] = (Role.OFFICER, Role.DESK), unit.code
        found[unit.head] = (Role.HEAD,), unit.code
    return found


def claims_in_test(who: str) -> Claims:
    """What the city's provider says of somebody. Whom nobody knows is a desk officer of H29.1."""
    if who == AUDITOR:
        return claims([Role.AUDITOR])
    if who == OPERATOR:
        return claims([Role.OPERATOR])
    if who == PORTAL:
        return claims([Role.MACHINE], requests=[r.name for r in TABLE if Role.MACHINE in r.cells])
    roles, unit = _posts().get(who, ((Role.OFFICER, Role.DESK), "H29.1"))
    return claims(roles, unit)


class SignedIn:
    """Signs people in at one provider, each once."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._tokens: dict[str, str] = {}

    def header(self, who: str) -> dict[str, str]:
        """The header that a call of theirs has."""
        if who not in self._tokens:
            told = claims_in_test(who)
            self._tokens[who] = token(
                self._issuer, told.roles, who, unit=told.unit, requests=told.requests
            )
        return {"Authorization": f"Bearer {self._tokens[who]}"}
