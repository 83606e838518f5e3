"""Whose an idempotency key is: of whom the edge vouches for, or else of `by`, or the address."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from contracts.events import intake
from services.runtime.http.app import make_app
from services.runtime.http.caller import current_caller
from services.runtime.settings import Settings
from tests.support.http_app import Instance, reachable

HEADER = "X-Motcua-Officer"
BY = intake.RejectionRequested(reason="r", by="cb-7")
WITHOUT = intake.WithdrawalRequested(reason="r")


def told(data: Any, address: str = "192.0.2.1", **headers: str) -> str:
    app: FastAPI = make_app("purse", "?", Settings(actor_header=HEADER), Instance(), reachable)

    @app.get("/who")
    async def who() -> str:
        return current_caller(data)

    with TestClient(app, client=(address, 5)) as client:
        answer: str = client.get("/who", headers=headers).json()
    return answer


@pytest.mark.parametrize("data", [BY, WITHOUT, None])
def test_whoever_the_edge_vouches_for_comes_first(data: Any) -> None:
    assert told(data, **{HEADER: "cb-0412"}) == "actor:cb-0412"


def test_else_it_is_the_officer_whom_the_request_names() -> None:
    assert told(BY) == "by:cb-7"
    assert told(BY, "192.0.2.2") == "by:cb-7", "a retry may come over another line"


def test_else_it_is_the_address() -> None:
    assert told(WITHOUT) == told(None) == "address:192.0.2.1"
    assert told(WITHOUT, "192.0.2.2") == "address:192.0.2.2"


def test_outside_of_a_request_it_is_nobody() -> None:
    assert current_caller() == "address:"
