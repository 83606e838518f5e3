"""Who may act for whom, as it was broadcast, folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import msgspec

from contracts.events.authority import (
    AbsenceDeclared,
    AuthorityDelegated,
    AuthorityFact,
    AuthorityRevoked,
    Delegable,
)

KEPT = timedelta(days=92)
"""So long after its last day a grant is still known. It permits nothing any more; it is shown, and
whoever acts under it is told that it is over."""


class Grant(msgspec.Struct, frozen=True):
    """A delegation, or the standing in for an absent lead."""

    id: str
    unit: str
    to: str
    """The officer who may act."""
    since: datetime
    """From when it counts: never before it was said."""
    until: datetime
    by: str
    requests: tuple[Delegable, ...] = ()
    procedures: tuple[str, ...] = ()
    lead: str | None = None
    """Who is away; None for a delegation."""
    revoked: datetime | None = None
    revoked_by: str | None = None

    @property
    def end(self) -> datetime:
        """When it is over."""
        return self.until if self.revoked is None else min(self.until, self.revoked)

    def begun(self, at: datetime) -> bool:
        """Return whether it had begun at that time."""
        return self.since <= at

    def withdrawn(self, at: datetime) -> bool:
        """Return whether it was revoked by that time."""
        return self.revoked is not None and self.revoked <= at

    def expired(self, at: datetime) -> bool:
        """Return whether its time was over at that time."""
        return self.until <= at

    def in_force(self, at: datetime) -> bool:
        """Return whether it counted at that time."""
        return self.begun(at) and not self.expired(at) and not self.withdrawn(at)


Grants = Mapping[str, tuple[Grant, ...]]
"""What each officer was granted, in the order of their ids."""

NO_GRANTS: Grants = MappingProxyType({})


def folded(known: Grants, data: AuthorityFact) -> Grants:
    """Return the grants after a fact; the same object if it changes nothing.

    A fact that is known already changes nothing, and of two revocations the first counts. Grants
    that ended long before the fact are forgotten.
    """
    mine = known.get(data.to, ())
    found = _after(mine, data)
    if found is mine:
        return known
    kept = {**known, data.to: found}
    forgotten = data.at - KEPT
    remaining = (
        (who, tuple(grant for grant in grants if grant.until > forgotten))
        for who, grants in kept.items()
    )
    return {who: grants for who, grants in remaining if grants}


def _after(mine: tuple[Grant, ...], data: AuthorityFact) -> tuple[Grant, ...]:
    known = next((grant for grant in mine if grant.id == data.grant), None)
    if isinstance(data, AuthorityRevoked):
        if known is None or known.revoked is not None:
            return mine
        revoked = msgspec.structs.replace(known, revoked=data.at, revoked_by=data.by)
        return tuple(revoked if grant is known else grant for grant in mine)
    if known is not None or (made := _grant(data)).until <= data.at:
        return mine
    return tuple(sorted((*mine, made), key=lambda grant: grant.id))


def _grant(data: AuthorityFact) -> Grant:
    match data:
        case AuthorityDelegated():
            scope, procedures, lead = data.requests, data.procedures, None
        case AbsenceDeclared():
            scope, procedures, lead = (), (), data.lead
        case _:
            raise AssertionError(f"{type(data).__name__} grants nothing")
    since = max(data.since, data.at)
    return Grant(
        data.grant, data.unit, data.to, since, data.until, data.by, scope, procedures, lead
    )


def fact_key(data: AuthorityFact) -> str:
    """Return what a fact is kept under: a grant is made once, and revoked once."""
    return _revocation(data.grant) if isinstance(data, AuthorityRevoked) else data.grant


def fact_keys(grants: Grants) -> frozenset[str]:
    """Return the keys of the facts that the grants were folded from."""
    return frozenset(_keys(grant for each in grants.values() for grant in each))


def _keys(grants: Iterable[Grant]) -> Iterator[str]:
    for grant in grants:
        yield grant.id
        if grant.revoked is not None:
            yield _revocation(grant.id)


def _revocation(grant: str) -> str:
    return f"{grant}/revoked"


def folded_anew(facts: Iterable[AuthorityFact]) -> Grants:
    """Return the grants that facts come to, in whatever order they are kept."""
    known = NO_GRANTS
    for fact in sorted(facts, key=lambda fact: (isinstance(fact, AuthorityRevoked), fact.at)):
        known = folded(known, fact)
    return known
