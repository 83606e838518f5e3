"""Delegations and absences over HTTP: they are broadcast at once, and belong to no dossier."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, FastAPI, Path, Query, Response

from contracts.events.authority import AuthorityFact
from contracts.values import UNIT_CODE, Instant
from contracts.wire.claims import Role
from contracts.wire.envelope import derive_id
from services.routing.authority_view import AuthorityView, GrantView, authority_view, grant_view
from services.routing.granting import Absence, Delegation, Granting
from services.runtime import (
    Answers,
    Grant,
    Grants,
    IdempotencyKey,
    Json,
    Problem,
    Running,
    Settings,
    ShutOut,
    Typed,
    ask_audited,
    authority_event,
    current_actor,
    current_caller,
    failing,
    folded,
    is_transient,
    key_owner,
    key_reused,
    not_permitted,
    note_authority,
    read_world,
    tell_authority,
)
from services.shared.authority.judging import Bonds
from services.shared.authority.route import must_be_permitted
from services.shared.city import City
from services.shared.refused import Refused

_CHANGES: Answers = {409: failing("It cannot be granted or revoked so.")}
_ATTEMPTS = 5
"""Another instance may broadcast at the same moment, and shut this one out."""


def add_authority_routes(
    app: FastAPI, running: Running[Settings], city: Callable[[], City]
) -> None:
    """Add the routes of who may act for whom."""
    changes = APIRouter(tags=["routing"], responses=_CHANGES)
    teller = _Teller(running)

    async def granting() -> Granting:
        known = (await read_world(running.database)).grants
        return Granting(city(), known, running.clock.now(), current_actor().authid or "")

    @changes.post("/authority/delegations", status_code=201, response_model=GrantView)
    async def delegate(body: Typed[Delegation], key: IdempotencyKey = None) -> Response:
        """Delegate, as a unit's head, what a head may ask to an officer of the unit."""
        must_be_permitted("routing", "delegation", Bonds(named=body.unit))
        now = await granting()
        return await teller.granted(now, now.delegated, body, key)

    @changes.post("/authority/absences", status_code=201, response_model=GrantView)
    async def declare_absence(body: Typed[Absence], key: IdempotencyKey = None) -> Response:
        """Say when you, or as a head one of your officers, are away, and who stands in."""
        must_be_permitted("routing", "absence", Bonds(named=body.unit))
        now = await granting()
        _must_be_lead_or_head(now, body.lead)
        return await teller.granted(now, now.absent, body, key)

    @changes.post(
        "/authority/delegations/{delegation}/revocation",
        response_model=GrantView,
        responses={404: failing("There is no such delegation or absence.")},
    )
    async def revoke(delegation: Annotated[str, Path(max_length=64)]) -> Response:
        """End a delegation before its time, as the unit's head; an absence, as its lead, too."""
        now = await granting()
        grant = _find(now.known, delegation)
        if grant is None:
            raise Problem(404, "unknown-delegation", f"there is no delegation {delegation}")
        what = "delegation" if grant.lead is None else "absence"
        must_be_permitted("routing", what, Bonds(named=grant.unit))
        if grant.lead is not None:
            _must_be_lead_or_head(now, grant.lead)
        if grant.revoked is not None:
            return Json(grant_view(grant, now.at))
        return await teller.revoked(now, grant)

    app.include_router(changes)

    @app.get(
        "/authority",
        tags=["routing"],
        response_model=AuthorityView,
        responses={404: failing("There is no such unit.")},
    )
    async def read_authority(
        unit: Annotated[str, Query(pattern=UNIT_CODE)],
        at: Annotated[Instant | None, Query(description="By default, now.")] = None,
    ) -> Response:
        """Return who may act for whom in a unit: in force, coming, and ended."""
        now = await granting()
        found = now.city.catalogue.units.get(unit)
        if found is None:
            raise Problem(404, "unknown-unit", f"there is no unit {unit}")
        return Json(authority_view(now.known, unit, found.head, at or now.at))


def _must_be_lead_or_head(now: Granting, lead: str) -> None:
    caller = current_caller()
    if caller is None or (Role.HEAD not in caller.claims.roles and now.by != lead):
        raise not_permitted("the lead who is away, or head of the unit")


class _Teller:
    """Broadcasts what is granted and revoked, one after the other."""

    def __init__(self, running: Running[Settings]) -> None:
        self._running = running
        self._one = asyncio.Lock()

    async def granted(
        self,
        now: Granting,
        decide: Callable[..., AuthorityFact],
        body: Delegation | Absence,
        key: str | None,
    ) -> Response:
        """Answer with the grant that is asked for. A retry with the key answers the same."""
        made_of = (key_owner(), key) if key else (now.by, time.time_ns())
        grant = derive_id("grant", *made_of)
        # What was granted is answered first: by now it might not be granted again.
        if (known := _find(now.known, grant)) is not None:
            if not _is_same(known, body):
                raise key_reused()
            return Json(grant_view(known, now.at), 201)
        fact = _decided(lambda: decide(body, grant))
        await self._tell(fact)
        return self._shown(now, fact, 201)

    async def revoked(self, now: Granting, grant: Grant) -> Response:
        """Answer with the grant, revoked."""
        fact = _decided(lambda: now.revoked(grant))
        await self._tell(fact)
        return self._shown(now, fact, 200)

    def _shown(self, now: Granting, fact: AuthorityFact, status: int) -> Response:
        grant = _find(folded(now.known, fact), fact.grant)
        assert grant is not None
        return Json(grant_view(grant, now.at), status)

    async def _tell(self, fact: AuthorityFact) -> None:
        settings = self._running.settings
        event = authority_event(fact, current_actor())
        await ask_audited(event)
        # Before it is said: what comes back over the log and is not noted, nobody here has decided.
        await note_authority(self._running.database, fact)
        try:
            async with asyncio.timeout(settings.answer_timeout), self._one:
                for _ in range(_ATTEMPTS):
                    try:
                        return await tell_authority(settings, event, self._running.kafka)
                    except ShutOut:
                        continue
        except Exception as error:
            if not is_transient(error):
                raise
            raise _not_confirmed() from error
        raise _not_confirmed()


def _not_confirmed() -> Problem:
    return Problem(
        503,
        "log-unavailable",
        "the event log did not confirm it, and it may still come to be; look at GET /authority, or "
        "try again with the same Idempotency-Key",
        headers={"Retry-After": "5"},
    )


def _decided(decide: Callable[[], AuthorityFact]) -> AuthorityFact:
    try:
        return decide()
    except Refused as error:
        raise Problem(409, error.reason, error.detail) from error


def _find(known: Grants, grant: str) -> Grant | None:
    return next((each for grants in known.values() for each in grants if each.id == grant), None)


def _is_same(known: Grant, body: Delegation | Absence) -> bool:
    said = known.unit, known.to, known.until
    if isinstance(body, Absence):
        return (*said, known.lead) == (body.unit, body.to, body.until, body.lead)
    asked = set(body.requests), set(body.procedures)
    return said == (body.unit, body.to, body.until) and asked == (
        set(known.requests),
        set(known.procedures),
    )
