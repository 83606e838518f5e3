"""Every error over HTTP is a problem with a remedy, and every body has a limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from pymongo.errors import OperationFailure
from starlette.types import Message

from services.runtime.http.answers import HealthStatus
from tests.support.http_app import NOON, Instance, problem_of


class TestTheDatabase:
    def test_that_is_away_is_asked_again_later(self, client: TestClient) -> None:
        response = client.get("/things/91")
        problem_of(response, 503, "state-unavailable")
        assert response.headers["retry-after"] == "5"

    def test_that_refuses_a_query_shows_a_defect_of_ours(self, app: FastAPI) -> None:
        with TestClient(app, raise_server_exceptions=False) as client:
            assert client.get("/things/92").status_code == 500
        with TestClient(app) as client, pytest.raises(OperationFailure):
            client.get("/things/92")  # so the server's log has it


class TestAProblem:
    def test_has_a_stable_type_words_for_people_and_whatever_else_helps(
        self, client: TestClient
    ) -> None:
        body = problem_of(client.get("/things/404"), 404, "no-such-thing")
        assert body == {
            "type": "urn:motcua:problem:no-such-thing",
            "title": "Not Found",
            "status": 404,
            "detail": "there is none",
            "asked": 404,
        }

    def test_is_kept_by_nobody_on_the_way(self, client: TestClient) -> None:
        for path in ("/things/404", "/things/x", "/nothing", "/things/503"):
            assert client.get(path).headers["cache-control"] == "no-store"
        assert client.post("/things", content=b" " * 1025).headers["cache-control"] == "no-store"
        assert "cache-control" not in client.get("/things/1").headers

    def test_keeps_its_headers(self, client: TestClient) -> None:
        response = client.get("/things/503")
        problem_of(response, 503, "away")
        assert response.headers["retry-after"] == "5"

    def test_names_a_field_that_cannot_be(self, client: TestClient) -> None:
        body = problem_of(client.get("/things/422"), 422, "invalid-field")
        assert body["errors"] == [
            {"field": "filing.procedure", "detail": "there is no procedure 9.9"}
        ]

    def test_is_also_what_the_framework_says(self, client: TestClient) -> None:
        problem_of(client.get("/nothing"), 404, "not-found")
        problem_of(client.delete("/things/1"), 405, "method-not-allowed")
        response = client.get("/things/409")
        assert problem_of(response, 409, "conflict")["detail"] == "taken"
        assert response.headers["x-by"] == "somebody"

    def test_names_every_field_at_fault_and_where_it_stands(self, client: TestClient) -> None:
        response = client.post("/things", json={"name": "too long", "inner": {"a": "x"}, "more": 1})
        body = problem_of(response, 422, "invalid-field")
        assert [(e["field"], e["in"]) for e in body["errors"]] == [
            ("name", "body"),
            ("inner.a", "body"),
            ("more", "body"),
        ]
        assert body["detail"] == "not as it should be: name, inner.a, more"

    def test_names_a_body_that_is_missing(self, client: TestClient) -> None:
        body = problem_of(client.post("/things"), 422, "invalid-field")
        assert body["errors"][0]["field"] == "body"

    def test_names_a_path_a_query_and_a_header_at_fault(self, client: TestClient) -> None:
        response = client.get(
            "/things/x", params={"at": "noon"}, headers={"Idempotency-Key": "k" * 201}
        )
        body = problem_of(response, 422, "invalid-field")
        assert {(e["field"].split(".")[-1], e["in"]) for e in body["errors"]} == {
            ("number", "path"),
            ("at", "query"),
            ("Idempotency-Key", "header"),
        }

    @pytest.mark.parametrize("text", ["2024-03-07T12:00:00", "yesterday"])
    def test_wants_times_with_an_offset(self, client: TestClient, text: str) -> None:
        problem_of(client.get("/things/1", params={"at": text}), 422, "invalid-field")

    def test_takes_times_with_any_offset(self, client: TestClient) -> None:
        response = client.get("/things/1", params={"at": "2024-03-07T19:00:00+07:00"})
        assert datetime.fromisoformat(response.json()["at"]) == NOON


class TestABodyThatIsNoJson:
    @pytest.mark.parametrize(
        ("content", "character"),
        [('{"name": }', 9), ("{", 1), ('{"name": "x"} more', 14), ("nonsense", 0)],
    )
    def test_is_refused_with_the_character_at_fault(
        self, client: TestClient, content: str, character: int
    ) -> None:
        response = client.post(
            "/things", content=content, headers={"content-type": "application/json"}
        )
        body = problem_of(response, 400, "bad-json")
        assert body["detail"].endswith(f"at character {character}")

    def test_is_refused_if_it_is_no_text(self, client: TestClient) -> None:
        response = client.post(
            "/things", content=b'{"name": "\xff"}', headers={"content-type": "application/json"}
        )
        problem_of(response, 400, "bad-request")

    @pytest.mark.parametrize("content", [r'{"name": "\ud800"}', r'{"name": "x", "\ud800": 1}'])
    def test_is_refused_if_half_a_character_is_in_it(
        self, client: TestClient, content: str
    ) -> None:
        response = client.post(
            "/things", content=content, headers={"content-type": "application/json"}
        )
        problem_of(response, 422, "invalid-field")


class TestOperation:
    def test_metrics_are_there_for_prometheus_by_route_and_status(self, client: TestClient) -> None:
        client.get("/things/1")
        client.get("/nothing/with/a/name/of/its/own")
        client.post("/things", content=b" " * 1025)
        response = client.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain")
        counted = [line for line in response.text.splitlines() if "_seconds_count{" in line]
        mine = [line for line in counted if 'service="purse"' in line]
        assert any('route="/things/{number}"' in x and 'status="200"' in x for x in mine)
        assert any('route="none"' in x and 'status="404"' in x for x in mine)
        assert any('status="413"' in x for x in mine)
        assert "its/own" not in response.text

    async def test_a_page_that_stays_open_took_as_long_as_its_first_answer(
        self, app: FastAPI
    ) -> None:
        closed = asyncio.Event()

        async def events() -> AsyncIterator[bytes]:
            yield b":\n\n"
            await closed.wait()

        @app.get("/events")
        async def follow() -> StreamingResponse:
            return StreamingResponse(events(), media_type="text/event-stream")

        def counted() -> float:
            labels = {"service": "purse", "method": "GET", "route": "/events", "status": "200"}
            return REGISTRY.get_sample_value("motcua_http_request_seconds_count", labels) or 0.0

        begun = asyncio.Event()

        async def send(message: Message) -> None:
            if message.get("body"):
                begun.set()

        async def receive() -> Message:
            await closed.wait()
            return {"type": "http.disconnect"}

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/events",
            "query_string": b"",
            "headers": [],
        }
        page = asyncio.create_task(app(scope, receive, send))
        await begun.wait()
        assert counted() == 1, "while it is open"
        closed.set()
        await page
        assert counted() == 1

    @pytest.mark.parametrize(
        ("status", "live", "ready"),
        [
            ("idle", 200, 200),
            ("busy", 200, 200),
            ("waiting for partitions", 200, 503),
            ("stuck", 503, 503),
        ],
    )
    def test_health_tells_whom_to_restart_and_whom_to_ask(
        self, client: TestClient, health: Instance, status: HealthStatus, live: int, ready: int
    ) -> None:
        health.status = status
        assert client.get("/health/live").status_code == live
        assert client.get("/health/ready").status_code == ready
        assert client.get("/health/live").json()["status"] == status
