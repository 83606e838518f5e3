"""Who asks on a simulated day, as the city's identity provider would vouch for it."""

from __future__ import annotations

from contracts.catalogue import Catalogue
from contracts.model import EventData
from contracts.wire.actor import Actor
from contracts.wire.claims import Role, claims

_PORTAL = "portal"


def portal(data: EventData) -> Actor:
    """Return the portal, whose token lets it ask this."""
    return claims([Role.MACHINE], requests=[data.NAME]).vouch_for(_PORTAL)


def posts(catalogue: Catalogue) -> dict[str, Actor]:
    """Return each officer and head by staff number, with the roles that the catalogue gives.

    Whoever works at a unit sits at its counter, too.
    """
    found = {}
    for unit in catalogue.units.values():
        for officer in unit.officers:
            found[officer] = claims([Role.OFFICER, Role.DESK], unit.code).vouch_for(officer)
        found[unit.head] = claims([Role.HEAD], unit.code).vouch_for(unit.head)
    return found
