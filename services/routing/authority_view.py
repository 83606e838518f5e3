"""Who may act for whom in a unit, as routing shows it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from typing_extensions import TypedDict

from services.routing.granting import grants_of
from services.runtime import Grant, Grants, described


class Standing(StrEnum):
    """Whether a grant counts at a time."""

    COMING = "coming"
    IN_FORCE = "in-force"
    ENDED = "ended"
    REVOKED = "revoked"


@described
class GrantView(TypedDict):
    """A delegation, or the standing in for an absent lead. Times are UTC."""

    id: str
    standing: Standing
    unit: str
    to: str
    """The officer who may act."""
    lead: str | None
    """Who is away; null for a delegation."""
    requests: list[str]
    """The names of the requests that were delegated; empty for an absence."""
    procedures: list[str]
    """Only for dossiers of these; empty for all."""
    since: datetime
    until: datetime
    by: str
    revoked_at: datetime | None
    revoked_by: str | None


@described
class AuthorityView(TypedDict):
    """Who may do what in a unit at a time."""

    unit: str
    at: datetime
    head: str
    """Who heads the unit by the rules in force; the identity provider may name somebody else."""
    delegations: list[GrantView]
    absences: list[GrantView]


def authority_view(known: Grants, unit: str, head: str, at: datetime) -> AuthorityView:
    """Return who may act for whom in the unit; what is over is shown for three months."""
    mine = sorted(grants_of(known, unit), key=lambda grant: (grant.since, grant.id))
    shown = [grant_view(grant, at) for grant in mine]
    return {
        "unit": unit,
        "at": at,
        "head": head,
        "delegations": [each for each in shown if each["lead"] is None],
        "absences": [each for each in shown if each["lead"] is not None],
    }


def grant_view(grant: Grant, at: datetime) -> GrantView:
    """Return a grant as it stands at a time."""
    return {
        "id": grant.id,
        "standing": _standing(grant, at),
        "unit": grant.unit,
        "to": grant.to,
        "lead": grant.lead,
        "requests": list(grant.requests),
        "procedures": list(grant.procedures),
        "since": grant.since,
        "until": grant.until,
        "by": grant.by,
        "revoked_at": grant.revoked,
        "revoked_by": grant.revoked_by,
    }


def _standing(grant: Grant, at: datetime) -> Standing:
    if grant.withdrawn(at):
        return Standing.REVOKED
    if grant.expired(at):
        return Standing.ENDED
    return Standing.IN_FORCE if grant.begun(at) else Standing.COMING
