"""Who makes a request: whoever the trusted proxy names, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from contracts.wire.actor import NOBODY, Actor, AuthType
from services.runtime.http.actor import current_actor
from services.runtime.http.app import make_app
from services.runtime.settings import Settings
from tests.support.http_app import Instance, problem_of, reachable

HEADER = "X-Motcua-Officer"
Client = Callable[[str | None], TestClient]


@pytest.fixture
def client() -> Client:
    def behind(header: str | None) -> TestClient:
        app: FastAPI = make_app("purse", "?", Settings(actor_header=header), Instance(), reachable)

        @app.get("/who")
        async def who() -> dict[str, str | None]:
            actor = current_actor()
            return {"type": actor.authtype, "id": actor.authid}

        return TestClient(app)

    return behind


def test_whom_the_proxy_names_is_the_actor(client: Client) -> None:
    answer = client(HEADER).get("/who", headers={HEADER: "cb-0412"})
    assert answer.json() == {"type": "app_user", "id": "cb-0412"}


def test_without_the_header_nobody_is_vouched_for(client: Client) -> None:
    assert client(HEADER).get("/who").json() == {"type": "unauthenticated", "id": None}


def test_a_caller_who_names_himself_where_no_proxy_is_trusted_is_nobody(client: Client) -> None:
    answer = client(None).get("/who", headers={HEADER: "cb-0412"})
    assert answer.json() == {"type": "unauthenticated", "id": None}


def test_one_request_does_not_speak_for_the_next(client: Client) -> None:
    app = client(HEADER)
    app.get("/who", headers={HEADER: "cb-0412"})
    assert app.get("/who").json()["id"] is None
    assert current_actor() == NOBODY == Actor(AuthType.UNAUTHENTICATED)


@pytest.mark.parametrize("value", ["", "Nguyen Van A", "a" * 201, "cb\t1", "ng\xe2n"])
def test_what_is_no_identifier_does_not_reach_the_log(client: Client, value: str) -> None:
    answer = client(HEADER).get("/who", headers={HEADER: value.encode("latin-1")})
    problem_of(answer, 400, "bad-actor")


def test_two_names_are_one_too_many(client: Client) -> None:
    answer = client(HEADER).get("/who", headers=[(HEADER, "cb-1"), (HEADER, "cb-2")])
    problem_of(answer, 400, "bad-actor")
