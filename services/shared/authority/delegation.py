"""Whether somebody may act in another's place: by what the head delegated, or for an absent lead.

It counts what was broadcast before the request's place on the log. A grant has to be in force at
the time that the request gives itself, and when it was entered: so nobody dates an act back to when
they were still allowed to do it.
"""

from __future__ import annotations

from collections.abc import Sequence

from contracts.events.refusals import RefusalReason
from contracts.values import rfc3339
from contracts.wire.claims import Role, claims_of
from contracts.wire.envelope import Event
from services.runtime import Grant
from services.shared.authority.table import Relation, Row
from services.shared.refused import Refused


def grant_for(
    row: Row, request: Event, granted: Sequence[Grant], unit: str | None, lead: str | None, of: str
) -> Grant:
    """Return the grant under which whoever asks may ask it.

    `granted`: what they were granted; `unit`: the one in charge of the dossier; `lead`: who leads
    its open step; `of`: its procedure. Raise Refused, saying why, if what they were granted does
    not reach it; raise LookupError if they were granted nothing of the kind.
    """
    fitting = [grant for grant in granted if _is_of_the_kind(row, grant)]
    if not fitting:
        raise LookupError(row.name)
    found = [(_fault(grant, request, unit, lead, of), grant) for grant in fitting]
    for fault, grant in found:
        if fault is None:
            return grant
    # Of several that do not do, the one that comes nearest says why.
    reason, grant = max(
        ((fault, grant) for fault, grant in found if fault is not None),
        key=lambda each: (_NEARNESS[each[0]], each[1].end, each[1].id),
    )
    raise Refused(reason, _DETAILS[reason].format(**_words(grant)))


def _is_of_the_kind(row: Row, grant: Grant) -> bool:
    held = row.cells.get(Role.OFFICER, frozenset())
    relation = Relation.DELEGATED if grant.lead is None else Relation.STANDING_IN
    return relation in held


def _fault(
    grant: Grant, request: Event, unit: str | None, lead: str | None, procedure: str
) -> RefusalReason | None:
    """Return why the grant does not do; None if it does."""
    claims = claims_of(request.actor)
    own = claims is None or (Role.OFFICER in claims.roles and claims.unit == grant.unit)
    if not own or unit != grant.unit:
        return RefusalReason.DELEGATION_OTHER_UNIT
    if not _reaches(grant, request.data.NAME, lead, procedure):
        return RefusalReason.DELEGATION_OUT_OF_SCOPE
    times = request.time, request.known_since
    if not all(map(grant.begun, times)):
        return RefusalReason.DELEGATION_NOT_BEGUN
    if any(map(grant.withdrawn, times)):
        return RefusalReason.DELEGATION_REVOKED
    if any(map(grant.expired, times)):
        return RefusalReason.DELEGATION_EXPIRED
    return None


def _reaches(grant: Grant, name: str, lead: str | None, procedure: str) -> bool:
    if grant.lead is not None:
        return grant.lead == lead
    return name in grant.requests and (not grant.procedures or procedure in grant.procedures)


_NEARNESS = {
    RefusalReason.DELEGATION_OTHER_UNIT: 0,
    RefusalReason.DELEGATION_OUT_OF_SCOPE: 1,
    RefusalReason.DELEGATION_NOT_BEGUN: 2,
    RefusalReason.DELEGATION_EXPIRED: 3,
    RefusalReason.DELEGATION_REVOKED: 3,
}
"""Of those that are over, the one that ended last comes nearest."""
_DETAILS = {
    RefusalReason.DELEGATION_OTHER_UNIT: "{what} {id} counts for officers and dossiers of unit "
    "{unit} alone",
    RefusalReason.DELEGATION_OUT_OF_SCOPE: "{what} {id} does not reach this: {scope}",
    RefusalReason.DELEGATION_NOT_BEGUN: "{what} {id} counts from {since} on, for what happens and "
    "is entered then",
    RefusalReason.DELEGATION_EXPIRED: "{what} {id} was over at {until}",
    RefusalReason.DELEGATION_REVOKED: "{what} {id} was revoked at {revoked}; what is entered since "
    "needs another",
}


def _words(grant: Grant) -> dict[str, str]:
    if grant.lead is None:
        what, scope = "delegation", ", ".join(grant.requests)
        if grant.procedures:
            scope += f", of procedures {', '.join(grant.procedures)}"
    else:
        # A refusal never says whose step it is.
        what, scope = "absence", "steps of the lead who is away"
    return {
        "what": what,
        "id": grant.id,
        "unit": grant.unit,
        "scope": scope,
        "since": rfc3339(grant.since),
        "until": rfc3339(grant.until),
        "revoked": rfc3339(grant.revoked) if grant.revoked else "",
    }
