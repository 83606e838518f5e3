"""Whether whoever asks may ask it of this dossier. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from contracts.events.authority import Delegated
from contracts.events.refusals import RefusalReason
from contracts.model import EventData
from contracts.wire.actor import Actor
from contracts.wire.claims import Role, claims_of
from contracts.wire.envelope import Event
from services.runtime import NO_GRANTS, Grant, Grants
from services.shared.authority.delegation import grant_for
from services.shared.authority.table import REQUESTS, Relation, Row
from services.shared.person import Person, PersonKind, staff
from services.shared.refused import Refused


class Bonds(msgspec.Struct, frozen=True):
    """The units and the officer that a dossier, or a request about it, has to do with."""

    receiving: str | None = None
    returning: str | None = None
    handling: str | None = None
    """The unit in charge: the one that handles it or, before one is found, took it in."""
    named: str | None = None
    """The unit that the request names as its own."""
    consulted: str | None = None
    lead: str | None = None
    """Who leads the open step."""
    head: str | None = None
    """Who heads the unit in charge by the catalogue."""
    person: Person | None = None
    """Whose contact data it is about."""
    procedure: str = ""


def permits(row: Row, actor: Actor | None, bonds: Bonds) -> bool:
    """Return whether the row lets the actor ask it of a dossier with these bonds.

    An actor without claims is one for whom no provider vouched. Such a request is taken at its word
    (a city with a sign-in takes none): only who has to be one certain person is compared, with the
    step's lead and with the head in the catalogue.
    """
    if row.open:
        return True
    claims = claims_of(actor)
    who = actor.authid if actor is not None else None
    if claims is None:
        return _is_named(row, who, bonds)
    return any(_holds(relation, claims.unit, who, bonds) for relation in row.of(claims))


def _holds(relation: Relation, unit: str, who: str | None, bonds: Bonds) -> bool:
    """Return whether somebody of the unit has this to do with the dossier."""
    match relation:
        case Relation.ANY:
            return True
        case Relation.LEAD:
            return who is not None and who == bonds.lead
        case Relation.CITIZENS:
            return bonds.person is not None and bonds.person.kind is PersonKind.CITIZEN
        case Relation.OWN:
            return who is not None and bonds.person == staff(who)
        case Relation.DELEGATED | Relation.STANDING_IN:
            return False  # what was granted is judged apart
        case Relation.HANDLING:
            other = bonds.handling
        case Relation.RECEIVING:
            other = bonds.receiving
        case Relation.RETURNING:
            other = bonds.returning
        case Relation.NAMED:
            other = bonds.named
        case Relation.CONSULTED:
            other = bonds.consulted
    return bool(unit) and unit == other


_BY_ONE_PERSON = frozenset(
    {
        "StepCompletionRequested",
        "LateEntryRequested",
        "ApologyRequested",
        "DelayForeseenRequested",
        "ExemptionRequested",
    }
)
"""What one certain person had to ask before there was a sign-in."""


def _is_named(row: Row, who: str | None, bonds: Bonds) -> bool:
    if row.name not in _BY_ONE_PERSON:
        return True
    by_lead = any(Relation.LEAD in relations for relations in row.cells.values())
    return who is not None and who in ((bonds.lead, bonds.head) if by_lead else (bonds.head,))


def who(request: Event) -> str:
    """Return who acts. Raise Refused if nobody is named."""
    if request.actor is None or request.actor.authid is None:
        raise Refused(RefusalReason.NOT_SIGNED_IN, _NOBODY)
    return request.actor.authid


def check(
    request: Event,
    bonds: Callable[[], Bonds],
    refused: Refused | None,
    *,
    signed_in: bool,
    grants: Grants = NO_GRANTS,
) -> Grant | None:
    """Return under which grant whoever asks may ask this of a dossier with these bonds; None if it
    takes none. Raise Refused if they may not ask it.

    `refused`: what the state refuses anyway. It counts only where there is no such dossier, and for
    a request without claims, which is answered as it was before there was a sign-in. `signed_in`:
    whether the city has one. Then somebody has to vouch for whoever asks. `grants`: who may act for
    whom, by what was broadcast before the request.
    """
    row = REQUESTS[request.data.NAME]
    if row.open:
        return None
    vouched = claims_of(request.actor) is not None
    if signed_in and not vouched:
        raise Refused(RefusalReason.NOT_SIGNED_IN, _NOBODY)
    if refused is not None and (not vouched or refused.reason is RefusalReason.UNKNOWN_DOSSIER):
        return None
    known = bonds()
    if permits(row, request.actor, known):
        return None
    return _granted(row, request, known, grants)


def _granted(row: Row, request: Event, bonds: Bonds, grants: Grants) -> Grant:
    who = request.actor.authid if request.actor is not None else None
    try:
        mine = grants.get(who or "", ())
        return grant_for(row, request, mine, bonds.handling, bonds.lead, bonds.procedure)
    except LookupError:
        raise Refused(_reason(row), f"this takes: {row.needs}") from None


def under(grant: Grant | None, facts: Sequence[EventData]) -> Sequence[EventData]:
    """Return the facts of an act, with the grant under which it was done."""
    if grant is None:
        return facts
    told = {"delegation": grant.id}
    return [fact.model_copy(update=told) if isinstance(fact, Delegated) else fact for fact in facts]


_NOBODY = "nobody vouched for who asks: it is asked over HTTP, with a token"


def _reason(row: Row) -> RefusalReason:
    if any(Relation.LEAD in relations for relations in row.cells.values()):
        return RefusalReason.NOT_THE_LEAD
    by_office = {role for role, relations in row.cells.items() if relations != {Relation.DELEGATED}}
    return RefusalReason.NOT_THE_HEAD if by_office == {Role.HEAD} else RefusalReason.NOT_PERMITTED
