"""What somebody hears who is not let in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message

from contracts.wire.actor import NOBODY
from contracts.wire.claims import Role
from services.runtime.http.app import make_app
from services.runtime.http.door import Door, current_actor
from services.runtime.settings import Settings
from services.shared.authority.table import Relation, Row
from tests.support.http_app import Instance, problem_of, reachable
from tests.support.provider_keys import ProviderKeys

ROWS = (
    Row("StopRequested", "purse", (), {Role.HEAD: frozenset({Relation.HANDLING})}),
    Row("PaymentReportRequested", "purse", (), {Role.MACHINE: frozenset({Relation.ANY})}),
)
OPEN = Row("page", "purse", (), {}, open="for all")


@pytest.fixture
def provider() -> ProviderKeys:
    return ProviderKeys()


def app_with(door: Door) -> FastAPI:
    app: FastAPI = make_app("purse", "?", Settings(), Instance(), reachable, door)

    @app.post("/told")
    async def told(body: dict[str, str]) -> str | None:
        return current_actor().authid

    @app.get("/who")
    @app.get("/open")
    @app.get("/forgotten")
    async def who() -> str | None:
        return current_actor().authid

    return app


DOORS = {("GET", "/who"): ROWS, ("POST", "/told"): ROWS, ("GET", "/open"): (OPEN,)}


@pytest.fixture
def client(provider: ProviderKeys) -> Iterator[TestClient]:
    with TestClient(app_with(Door(DOORS, provider.verifier()))) as client:
        yield client


def test_nobody_has_to_be_able_to_sign_in_where_all_is_open(provider: ProviderKeys) -> None:
    assert Door(DOORS, None).closed
    assert not Door(DOORS, provider.verifier()).closed
    assert not Door({("GET", "/open"): (OPEN,)}, None).closed


def _bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_whoever_is_admitted_is_the_actor(client: TestClient, provider: ProviderKeys) -> None:
    token = provider.token(motcua_roles=["head"])
    assert client.get("/who", headers=_bearing(token)).json() == "cb-29-0004"
    assert client.get("/open", headers=_bearing(token)).json() is None
    assert current_actor() == NOBODY


def test_nobody_is_asked_to_sign_in(client: TestClient) -> None:
    answer = client.get("/who")
    problem_of(answer, 401, "not-signed-in")
    assert answer.headers["www-authenticate"] == 'Bearer realm="motcua"'


@pytest.mark.parametrize("header", ["Basic eA==", "Bearer", "Bearer ", "token"])
def test_another_way_to_sign_in_is_none(client: TestClient, header: str) -> None:
    answer = client.get("/who", headers={"Authorization": header})
    problem_of(answer, 401, "not-signed-in")
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]


def test_a_bad_token_is_told_why_and_not_repeated(
    client: TestClient, provider: ProviderKeys
) -> None:
    answer = client.get("/who", headers=_bearing(provider.token(aud="secret-audience")))
    body = problem_of(answer, 401, "not-signed-in")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert "aud" in body["detail"]
    assert "secret-audience" not in answer.text


def test_a_refusal_says_what_it_takes_and_never_who(
    client: TestClient, provider: ProviderKeys
) -> None:
    answer = client.get("/who", headers=_bearing(provider.token()))
    assert problem_of(answer, 403, "not-permitted")["detail"] == (
        "this takes: head of the unit that handles it (before one is found, the one that took it "
        "in); machine whose token names PaymentReportRequested"
    )


def test_a_head_without_a_unit_heads_none(client: TestClient, provider: ProviderKeys) -> None:
    token = provider.token(motcua_roles=["head"], motcua_unit=None)
    problem_of(client.get("/who", headers=_bearing(token)), 403, "not-permitted")


def test_a_machine_is_admitted_by_what_its_token_names(
    client: TestClient, provider: ProviderKeys
) -> None:
    def asks(*names: str) -> int:
        token = provider.token(
            motcua_roles=["machine"], azp="bank", motcua_requests=[*names], motcua_unit=None
        )
        return int(client.get("/who", headers=_bearing(token)).status_code)

    assert asks("PaymentReportRequested") == 200
    assert asks("StopRequested") == asks() == 403


def test_a_route_without_a_row_admits_nobody(client: TestClient, provider: ProviderKeys) -> None:
    everything = [role.value for role in Role if role is not Role.MACHINE]
    token = provider.token(motcua_roles=everything)
    problem_of(client.get("/forgotten", headers=_bearing(token)), 403, "not-permitted")


def test_without_keys_it_is_to_be_asked_again(provider: ProviderKeys) -> None:
    provider.away = True
    with TestClient(app_with(Door(DOORS, provider.verifier()))) as client:
        answer = client.get("/who", headers=_bearing(provider.token()))
        problem_of(answer, 503, "sign-in-unavailable")
        assert answer.headers["retry-after"] == "5"
        assert client.get("/open").status_code == 200


def test_where_no_sign_in_is_set_up_only_what_is_open_answers() -> None:
    with TestClient(app_with(Door(DOORS, None))) as client:
        problem_of(client.get("/who", headers=_bearing("a.b.c")), 503, "no-sign-in")
        assert client.get("/open").status_code == 200


async def test_of_whom_is_not_let_in_no_body_is_read(provider: ProviderKeys) -> None:
    app = app_with(Door(DOORS, provider.verifier()))
    refused = _bearing(provider.token(motcua_roles=["auditor"]))
    for headers, status in (({}, 401), (_bearing("a.b.c"), 401), (refused, 403)):
        assert await _told(app, headers) == (status, 0)
    assert await _told(app, _bearing(provider.token(motcua_roles=["head"]))) == (200, 1)


async def _told(app: FastAPI, headers: dict[str, str]) -> tuple[int, int]:
    """The status of a request, and how often its body was asked for."""
    statuses: list[int] = []
    reads = 0

    async def receive() -> Message:
        nonlocal reads
        reads += 1
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    told = {"content-type": "application/json", "content-length": "2", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/told",
        "raw_path": b"/told",
        "query_string": b"",
        "headers": [(k.lower().encode(), v.encode()) for k, v in told.items()],
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    return statuses[0], reads
