"""Who may act for whom, and how long: what heads delegate, and who stands in for an absent lead.

Each is a broadcast record of its own: it stands in every partition of the dossiers' log, written in
one transaction, and belongs to no dossier. Its subject is ``authority``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.model import EventData, Kind
from contracts.personal import Personal
from contracts.values import Instant, OfficerId, ProcedureCode, UnitCode

AUTHORITY_SUBJECT = "authority"

GrantId = Annotated[str, Personal.NOTHING, Field(min_length=1, max_length=64)]
"""The id of a delegation or of an absence."""


class Delegable(StrEnum):
    """What a head may delegate. The value is the name of the request."""

    LETTERS = "ApologyRequested"
    STEPS = "StepCompletionRequested"
    LATE_ENTRIES = "LateEntryRequested"


class AuthorityFact(EventData):
    """What all of these facts say."""

    grant: GrantId
    unit: UnitCode
    to: OfficerId
    """The officer who may act."""
    at: Instant
    """When it was said. It counts for nothing that was done before."""
    by: OfficerId
    """Who said it."""


class AuthorityDelegated(AuthorityFact, kind=Kind.FACT, owner="routing"):
    """A head delegated what a head may ask to an officer of the unit (ủy quyền)."""

    requests: Annotated[tuple[Delegable, ...], Field(min_length=1)]
    procedures: tuple[ProcedureCode, ...] = ()
    """Only for dossiers of these; empty for all."""
    since: Instant
    until: Instant
    """The first moment at which it is over."""


class AbsenceDeclared(AuthorityFact, kind=Kind.FACT, owner="routing"):
    """A lead is away, and another officer of the unit stands in (vắng mặt)."""

    lead: OfficerId
    """Who is away."""
    since: Instant
    until: Instant
    """The first moment at which it is over."""


class AuthorityRevoked(AuthorityFact, kind=Kind.FACT, owner="routing"):
    """A delegation or an absence is over before its time (thu hồi ủy quyền)."""


class Delegated(EventData):
    """The base of the facts that may follow from an act in somebody's place."""

    delegation: GrantId | None = None
    """The delegation or the absence under which `by` acted; null if it was by their own office."""
