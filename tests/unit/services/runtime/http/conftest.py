"""An app and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from pymongo.errors import AutoReconnect, OperationFailure

from services.runtime.http.app import make_app
from services.runtime.http.problem import Problem, invalid_field
from services.runtime.http.request_routes import At, IdempotencyKey
from services.runtime.settings import Settings
from tests.support.http_app import ANYBODY, Body, Instance, reachable


@pytest.fixture
def health() -> Instance:
    return Instance()


@pytest.fixture
def app(health: Instance) -> FastAPI:
    app = make_app("purse", "What is in it?", Settings(max_body=1024), health, reachable, ANYBODY)

    @app.post("/things")
    async def make(body: Body) -> dict[str, str]:
        return {"name": body.name}

    @app.get("/things/{number}")
    async def read(number: int, key: IdempotencyKey = None, at: At = None) -> dict[str, Any]:
        if number == 404:
            raise Problem(404, "no-such-thing", "there is none", errors=[], asked=number)
        if number == 503:
            raise Problem(503, "away", "later", headers={"Retry-After": "5"})
        if number == 409:
            raise HTTPException(409, "taken", headers={"X-By": "somebody"})
        if number == 91:
            raise AutoReconnect("the primary is gone")
        if number == 92:
            raise OperationFailure("unknown operator: $is", 2)
        if number == 422:
            raise invalid_field("filing.procedure", "there is no procedure 9.9")
        return {"number": number, "key": key, "at": at}

    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
