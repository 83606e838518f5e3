"""What a head may delegate, and who may stand in for whom: from what is asked to the fact. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.catalogue import Unit
from contracts.events.authority import (
    AbsenceDeclared,
    AuthorityDelegated,
    AuthorityRevoked,
    Delegable,
)
from contracts.events.refusals import RefusalReason
from contracts.values import Instant, OfficerId, ProcedureCode, UnitCode, rfc3339, to_utc_millis
from services.runtime import Grant, Grants
from services.shared.city import City
from services.shared.refused import Refused

MOST = 100
"""As many grants may stand in one unit, in force or to come: every partition keeps them."""


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    unit: UnitCode
    to: OfficerId
    """The officer of the unit who may act."""
    since: Instant
    """From when; what has passed counts as now."""
    until: Instant
    """The first moment at which it is over."""


class Delegation(_Asked):
    """What a head delegates."""

    requests: Annotated[tuple[Delegable, ...], Field(min_length=1, max_length=len(Delegable))]
    procedures: Annotated[tuple[ProcedureCode, ...], Field(max_length=100)] = ()
    """Only for dossiers of these; empty for all."""


class Absence(_Asked):
    """For how long a lead is away, and who stands in."""

    lead: OfficerId


@dataclass(frozen=True)
class Granting:
    """What is known when somebody asks for a grant, or revokes one."""

    city: City
    known: Grants
    at: datetime
    by: str

    def delegated(self, asked: Delegation, grant: str) -> AuthorityDelegated:
        """Return the fact. Raise Refused if it cannot be delegated so."""
        unit = self._unit(asked.unit)
        _works_at(unit, asked.to)
        if unknown := sorted({*asked.procedures} - self.city.catalogue.procedures.keys()):
            raise Refused(
                RefusalReason.UNKNOWN_PROCEDURE, f"there is no procedure {', '.join(unknown)}"
            )
        since, until = self._term(asked)
        return AuthorityDelegated(
            grant=grant,
            unit=unit.code,
            to=asked.to,
            at=self.at,
            by=self.by,
            requests=tuple(sorted(set(asked.requests))),
            procedures=tuple(sorted(set(asked.procedures))),
            since=since,
            until=until,
        )

    def absent(self, asked: Absence, grant: str) -> AbsenceDeclared:
        """Return the fact. Raise Refused if nobody can stand in so."""
        unit = self._unit(asked.unit)
        _works_at(unit, asked.lead)
        _works_at(unit, asked.to)
        if asked.to == asked.lead:
            raise Refused(RefusalReason.NOT_COMPETENT, "nobody stands in for themselves")
        since, until = self._term(asked)
        return AbsenceDeclared(
            grant=grant,
            unit=unit.code,
            to=asked.to,
            at=self.at,
            by=self.by,
            lead=asked.lead,
            since=since,
            until=until,
        )

    def revoked(self, grant: Grant) -> AuthorityRevoked:
        """Return the fact. Raise Refused if the grant is over."""
        if grant.expired(self.at):
            raise Refused(RefusalReason.WRONG_STATE, f"it was over at {rfc3339(grant.until)}")
        return AuthorityRevoked(
            grant=grant.id, unit=grant.unit, to=grant.to, at=self.at, by=self.by
        )

    def _unit(self, code: str) -> Unit:
        unit = self.city.catalogue.units.get(code)
        if unit is None or not unit.exists_at(self.at):
            raise Refused(RefusalReason.UNKNOWN_UNIT, f"there is no unit {code} now")
        standing = sum(
            not (g.expired(self.at) or g.withdrawn(self.at)) for g in grants_of(self.known, code)
        )
        if standing >= MOST:
            raise Refused(
                RefusalReason.TOO_LARGE, f"{standing} stand in unit {code} already: revoke some"
            )
        return unit

    def _term(self, asked: _Asked) -> tuple[datetime, datetime]:
        since, until = max(asked.since, to_utc_millis(self.at)), asked.until
        days = self.city.book.delegation.most_days
        if not since < until <= since + timedelta(days=days):
            raise Refused(
                RefusalReason.WRONG_DATE,
                f"until has to lie after {rfc3339(since)}, and at most {days} days after it",
            )
        return since, until


def grants_of(known: Grants, unit: str) -> Iterator[Grant]:
    """Yield the unit's grants."""
    return (grant for grants in known.values() for grant in grants if grant.unit == unit)


def _works_at(unit: Unit, officer: str) -> None:
    if officer not in unit.officers:
        raise Refused(
            RefusalReason.NOT_COMPETENT, f"officer {officer} does not work at unit {unit.code}"
        )
