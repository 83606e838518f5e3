"""Whose an idempotency key is: of whoever is signed in, or else of the connection's address."""

from __future__ import annotations

from fastapi.testclient import TestClient

from contracts.wire.claims import Role
from services.runtime.http.app import make_app
from services.runtime.http.caller import key_owner
from services.runtime.http.door import Door
from services.runtime.settings import Settings
from services.shared.authority.table import Relation, Row
from tests.support.http_app import Instance, reachable
from tests.support.provider_keys import ProviderKeys

DOORS = {
    ("GET", "/desk"): (Row("r", "purse", (), {Role.HEAD: frozenset({Relation.ANY})}),),
    ("GET", "/page"): (Row("page", "purse", (), {}, open="for all"),),
}


def owner(path: str, address: str, **headers: str) -> str:
    provider = ProviderKeys()
    if path == "/desk":
        headers["Authorization"] = f"Bearer {provider.token(motcua_roles=['head'])}"
    door = Door(DOORS, provider.verifier())
    app = make_app("purse", "?", Settings(), Instance(), reachable, door)

    @app.get("/desk")
    @app.get("/page")
    async def who() -> str:
        return key_owner()

    with TestClient(app, client=(address, 5)) as client:
        answer: str = client.get(path, headers=headers).json()
    return answer


def test_it_is_whoever_is_signed_in_over_any_line() -> None:
    assert owner("/desk", "192.0.2.1") == owner("/desk", "192.0.2.2") == "actor:cb-29-0004"


def test_else_it_is_the_address() -> None:
    assert owner("/page", "192.0.2.1") == "address:192.0.2.1"
    assert owner("/page", "192.0.2.2") == "address:192.0.2.2"


def test_outside_of_a_request_it_is_nobody() -> None:
    assert key_owner() == "address:"
