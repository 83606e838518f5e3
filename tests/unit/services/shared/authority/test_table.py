"""Every cell of the table of authority, over every route of the real apps of services and page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import product
from typing import Any

import httpx
import pymongo
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from motor.motor_asyncio import AsyncIOMotorClient

import contracts.events  # noqa: F401  (registers the types)
from contracts.model import Kind, registered
from contracts.wire.actor import Actor
from contracts.wire.claims import Claims, Role, claims
from deploy.local.stack.city import PROCESSES, module_of
from services.runtime import NO_GRANTS, Client, app_of, make_running
from services.shared.authority.judging import Bonds, check, permits
from services.shared.authority.table import OF_A_UNIT, REQUESTS, TABLE, Relation, Row, doors_of
from services.shared.person import citizen, staff
from services.shared.refused import Refused
from tests.support.grants import absent, asked, delegated, granted
from tests.support.provider_keys import ProviderKeys

NO_DATABASE = "mongodb://127.0.0.1:1"
UNIT, OTHER = "H29.1", "H29.2"
WHO = "cb-29-0004"


@pytest.fixture
def provider() -> ProviderKeys:
    return ProviderKeys()


@asynccontextmanager
async def app_in_test(name: str, provider: ProviderKeys) -> AsyncIterator[FastAPI]:
    """A service's app as it makes it. No database is there, so who is let in hears 503."""
    mongo: Client = AsyncIOMotorClient(NO_DATABASE, serverSelectionTimeoutMS=1)

    async def nobody() -> Any:
        raise AssertionError("health is not asked")

    service = import_module(f"{module_of(name)}.__main__").SERVICE
    # Nor is there a log for the audit.
    settings = service.settings(mongo=NO_DATABASE, answer_timeout=0.02)
    running = make_running(service, settings, mongo)
    app, _ = app_of(service, running, nobody, nobody, provider.verifier())
    yield app
    mongo.close()


def _bearers() -> list[Claims]:
    """Somebody of each role; a machine that may ask all, and one that may ask nothing."""
    unit = {role: UNIT if role in OF_A_UNIT else "" for role in Role}
    everything = [row.name for row in TABLE]
    return [
        *(claims([role], unit[role]) for role in Role if role is not Role.MACHINE),
        claims([Role.MACHINE], requests=everything),
        claims([Role.MACHINE]),
        claims([]),
    ]


@pytest.mark.parametrize("name", PROCESSES)
async def test_a_route_admits_whom_a_row_of_it_admits_and_nobody_else(
    name: str, provider: ProviderKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The time of a query would replace the client's own short one: nobody waits for what is away.
    monkeypatch.setattr(pymongo, "timeout", lambda _: nullcontext())
    async with app_in_test(name, provider) as app:
        served = {
            (method, each.path)
            for each in iter_route_contexts(app.routes)
            for method in each.methods or ()
        }
        assert served == set(doors_of(name)), "a route has no row, or a row no route"
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://city") as http:
            for (method, path), rows in doors_of(name).items():
                await _tried(http, method, path, rows, provider)


async def _tried(
    http: httpx.AsyncClient, method: str, path: str, rows: Sequence[Row], provider: ProviderKeys
) -> None:
    """Everybody calls a route."""
    if any(row.open or row.open_in_trial for row in rows):
        return  # who calls there is not asked, in a test: those of status page and API pages do
    where = path.replace("{code}", "H29.1-260101-0001").replace("{", "").replace("}", "")
    if (method, path) == ("GET", "/dossiers"):
        where += f"?agency={UNIT}"  # the one relation that a route judges by what it is asked
    assert (await http.request(method, where)).status_code == 401, path
    for held in _bearers():
        headers = {"Authorization": f"Bearer {provider.token_of(held, WHO)}"}
        status = (await http.request(method, where, headers=headers)).status_code
        let_in = any(_names(row, held) for row in rows)
        assert (status not in (401, 403)) == let_in, (method, path, held, status)


def _names(row: Row, held: Claims) -> bool:
    """Whether the row has a cell for somebody, said here once more in other words."""
    (role,) = held.roles or (None,)
    if role is Role.MACHINE and not held.requests:
        return False
    return role in row.cells


_BONDS = {
    Relation.ANY: Bonds(),
    Relation.RECEIVING: Bonds(receiving=UNIT),
    Relation.RETURNING: Bonds(returning=UNIT),
    Relation.HANDLING: Bonds(handling=UNIT),
    Relation.NAMED: Bonds(named=UNIT),
    Relation.CONSULTED: Bonds(consulted=UNIT),
    Relation.LEAD: Bonds(lead=WHO),
    Relation.CITIZENS: Bonds(person=citizen("cd-1")),
    Relation.OWN: Bonds(person=staff(WHO)),
    Relation.DELEGATED: Bonds(handling=UNIT),
    Relation.STANDING_IN: Bonds(handling=UNIT, lead="cb-away"),
}
_ALSO = {Relation.DELEGATED: {Relation.HANDLING}, Relation.STANDING_IN: {Relation.HANDLING}}
"""What else somebody of that unit has to do with such a dossier."""
NOON = datetime(2026, 3, 2, 5, tzinfo=UTC)
_GRANTS = {
    Relation.DELEGATED: granted(delegated(UNIT, WHO, NOON, NOON + timedelta(days=1))).grants,
    Relation.STANDING_IN: granted(
        absent(UNIT, "cb-away", WHO, NOON, NOON + timedelta(days=1))
    ).grants,
}


def _may(row: Row, actor: Actor, relation: Relation) -> bool:
    """What the decision says of somebody who has this to do with a dossier."""
    (cls,) = (each for each in registered().values() if row.name == each.NAME)
    request = asked(cls.model_construct(), NOON, actor)
    grants = _GRANTS.get(relation, NO_GRANTS)
    try:
        check(request, lambda: _BONDS[relation], None, signed_in=True, grants=grants)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("row", REQUESTS.values(), ids=lambda row: row.name)
def test_every_cell_is_judged_by_the_relation_to_the_dossier(row: Row) -> None:
    if row.open:
        assert permits(row, None, Bonds())
        return
    for role, relation in product(Role, Relation):
        held = claims([role], UNIT if role in OF_A_UNIT else "", [row.name])
        cell = row.cells.get(role, frozenset())
        allowed = not cell.isdisjoint({Relation.ANY, relation, *_ALSO.get(relation, ())})
        assert _may(row, held.vouch_for(WHO), relation) == allowed, (role, relation)
        # Of another unit, and another person: a stranger to the dossier.
        foreign = claims([role], OTHER if role in OF_A_UNIT else "", [row.name])
        stranger = _may(row, foreign.vouch_for("cb-29-0015"), relation)
        anybody = relation is Relation.CITIZENS and relation in cell
        assert stranger == (Relation.ANY in cell or anybody), (role, relation)


def test_every_request_of_the_log_has_a_row() -> None:
    names = {each.NAME for each in registered().values() if each.KIND is Kind.REQUEST}
    assert names == set(REQUESTS)
