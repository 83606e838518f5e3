"""Every error over HTTP is a problem with a remedy, and every body has a limit."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Message

from contracts.events import intake
from contracts.events.refusals import RefusalReason
from contracts.wire.envelope import Event
from services.runtime.core.stored import Answer
from services.runtime.http.answers import Health, HealthStatus
from services.runtime.http.app import make_app
from services.runtime.http.ask import Ask, respond
from services.runtime.http.changes import At, Changes, IdempotencyKey
from services.runtime.http.problem import Problem, invalid_field
from services.runtime.loop.clock import StreamClock
from services.runtime.service import settle_files
from services.runtime.settings import Settings
from tests.support.health import healthy

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)
CODE = "H29.15-240307-0001"
ASKED = Event("req-1", "/x", CODE, NOON, intake.WithdrawalRequested(reason="r"))


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=5)
    inner: dict[str, int] = {}


class Instance:
    status: HealthStatus = "idle"

    async def __call__(self) -> Health:
        return healthy(self.status)


@pytest.fixture
def health() -> Instance:
    return Instance()


async def reachable() -> bool:
    return True


@pytest.fixture
def app(health: Instance) -> FastAPI:
    app = make_app("purse", "What is in it?", Settings(max_body=1024), health, reachable)

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
        if number == 422:
            raise invalid_field("filing.procedure", "there is no procedure 9.9")
        return {"number": number, "key": key, "at": at}

    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def problem_of(response: Any, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:motcua:problem:{kind}"
    assert body["status"] == status
    assert body["title"]
    return body


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


class TestTheLimit:
    def test_lets_a_body_of_exactly_the_most_pass(self, client: TestClient) -> None:
        content = b'{"name": "x"}'.ljust(1024)
        headers = {"content-type": "application/json"}
        assert client.post("/things", content=content, headers=headers).status_code == 200

    def test_refuses_a_larger_body_by_its_announced_length(self, client: TestClient) -> None:
        response = client.post("/things", content=b" " * 1025)
        body = problem_of(response, 413, "body-too-large")
        assert body["detail"] == "the body has more than 1024 bytes"

    def test_refuses_a_larger_body_that_announces_nothing(self, client: TestClient) -> None:
        def drip() -> Iterator[bytes]:
            for _ in range(5):
                yield b" " * 300

        headers = {"content-type": "application/json"}
        response = client.post("/things", content=drip(), headers=headers)
        problem_of(response, 413, "body-too-large")

    def test_lets_a_small_body_pass_that_announces_nothing(self, client: TestClient) -> None:
        headers = {"content-type": "application/json"}
        response = client.post("/things", content=iter([b'{"name":', b' "x"}']), headers=headers)
        assert response.status_code == 200


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[int]:
    """The app on a port of its own, behind the server that the services run behind."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving
    listener.close()


@contextlib.asynccontextmanager
async def half_sent(port: int) -> AsyncIterator[asyncio.StreamReader]:
    """A request whose body never comes to its end; what is answered to it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    await writer.drain()
    yield reader
    writer.close()


class TestABodyThatDoesNotCome:
    @pytest.fixture
    def hurried(self, health: Instance) -> FastAPI:
        settings = Settings(body_timeout=0.05)
        app = make_app("purse", "What is in it?", settings, health, reachable)

        @app.post("/things")
        async def make(body: Body) -> dict[str, str]:
            return {"name": body.name}

        return app

    async def test_is_not_waited_for_and_its_connection_is_closed(self, hurried: FastAPI) -> None:
        async with served(hurried) as port, half_sent(port) as answer:
            text = (await answer.read()).decode()  # to its end: the server's side is closed
        head, _, body = text.partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 408 ")
        assert "connection: close" in head.lower()
        assert json.loads(body)["type"] == "urn:motcua:problem:body-too-slow"
        assert json.loads(body)["detail"] == "the body did not come within 0.05 s"

    async def test_has_no_say_in_how_long_an_answer_takes_once_it_is_there(
        self, hurried: FastAPI
    ) -> None:
        over = asyncio.Event()

        @hurried.post("/slow")
        async def slow(body: Body) -> dict[str, str]:
            await over.wait()
            return {"name": body.name}

        async with (
            served(hurried) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        ):
            asked = asyncio.create_task(http.post("/slow", json={"name": "x"}))
            async with half_sent(port) as answer:
                assert (await answer.read()).startswith(b"HTTP/1.1 408 ")
            over.set()
            assert (await asked).status_code == 200


class TestRequestsAtOnce:
    @pytest.fixture
    def small(self, health: Instance) -> FastAPI:
        settings = Settings(requests_at_once=2)
        return make_app("purse", "What is in it?", settings, health, reachable)

    async def test_are_limited_and_health_is_told_all_the_same(self, small: FastAPI) -> None:
        begun, over = asyncio.Semaphore(0), asyncio.Event()

        @small.get("/slow")
        async def slow() -> dict[str, str]:
            begun.release()
            await over.wait()
            return {}

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(small), base_url="http://purse"
        ) as http:
            held = [asyncio.create_task(http.get("/slow")) for _ in range(2)]
            for _ in held:
                await begun.acquire()
            refused = await http.get("/slow")
            problem_of(refused, 503, "too-busy")
            assert refused.headers["retry-after"] == "5"
            assert refused.headers["connection"] == "close"
            for path in ("/health/live", "/health/ready", "/metrics"):
                assert (await http.get(path)).status_code == 200
            over.set()
            assert [(await answer).status_code for answer in held] == [200, 200]
            assert (await http.get("/slow")).status_code == 200

    async def test_do_not_count_pages_that_stay_open(self, small: FastAPI) -> None:
        closed = asyncio.Event()

        async def events() -> AsyncIterator[bytes]:
            yield b":\n\n"
            await closed.wait()

        @small.get("/pages")
        async def follow() -> StreamingResponse:
            return StreamingResponse(events(), media_type="text/event-stream")

        async with (
            served(small) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
            contextlib.AsyncExitStack() as pages,
        ):
            for _ in range(5):
                page = await pages.enter_async_context(http.stream("GET", "/pages"))
                assert page.status_code == 200
            assert (await http.get("/nothing")).status_code == 404
            closed.set()

    def test_have_as_many_connections_as_the_process_may_open_files(self) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[1]), before[1]))
        try:
            settle_files()
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


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


class TestTheAnswerToARequest:
    FACT = Answer("req-1", "f", "vn.motcua.DossierWithdrawn.v1", "fact-1")

    def body(self, response: Response) -> Any:
        import json

        return json.loads(bytes(response.body))

    def test_is_the_fact(self) -> None:
        response = respond(ASKED, self.FACT, dossier={"code": CODE})
        assert response.status_code == 200
        assert self.body(response) == {
            "code": CODE,
            "request": "req-1",
            "status": "done",
            "fact": {"type": "vn.motcua.DossierWithdrawn.v1", "id": "fact-1"},
            "dossier": {"code": CODE},
        }

    def test_to_what_makes_a_dossier_says_where_it_is(self) -> None:
        response = respond(ASKED, self.FACT, made=201)
        assert (response.status_code, response.headers["location"]) == (201, f"/dossiers/{CODE}")

    def test_that_takes_too_long_is_an_address_to_ask_again(self) -> None:
        response = respond(ASKED, None)
        where = f"/dossiers/{CODE}/requests/req-1"
        assert (response.status_code, response.headers["location"]) == (202, where)
        assert self.body(response)["poll"] == where

    @pytest.mark.parametrize(
        ("reason", "status"),
        [
            (RefusalReason.WRONG_STATE, 409),
            (RefusalReason.OVERPAID, 409),
            (RefusalReason.UNKNOWN_DOSSIER, 404),
        ],
    )
    def test_may_be_the_refusal_and_its_reason(self, reason: RefusalReason, status: int) -> None:
        refusal = Answer("req-1", "f", "vn.motcua.WithdrawalRefused.v1", "fact-1", reason, "why")
        with pytest.raises(Problem) as caught:
            respond(ASKED, refusal)
        problem = caught.value
        assert (problem.status, problem.kind, problem.detail) == (status, reason, "why")
        assert problem.members["fact"]["id"] == "fact-1"


class _NoEngine:
    """All that `Ask` looks at before anything is sent."""

    class decider:
        name = "purse"

    clock = StreamClock()


class TestARequestAsAnEvent:
    @pytest.fixture
    def ask(self) -> Ask:
        return Ask(_NoEngine(), timeout=1)  # type: ignore[arg-type]

    def event(self, ask: Ask, key: str | None, reason: str = "r", subject: str = CODE) -> Event:
        data = intake.WithdrawalRequested(reason=reason)
        return ask.event(subject, data, key=key, body={"reason": reason}, at=NOON)

    def test_with_a_key_is_the_same_event_at_every_attempt(self, ask: Ask) -> None:
        assert self.event(ask, "k") == self.event(ask, "k")

    def test_with_a_key_that_was_used_for_something_else_shows_it(self, ask: Ask) -> None:
        one, other = self.event(ask, "k"), self.event(ask, "k", reason="another")
        assert one.id == other.id
        assert one.fingerprint != other.fingerprint

    def test_of_another_dossier_is_another_event(self, ask: Ask) -> None:
        assert self.event(ask, "k").id != self.event(ask, "k", subject="H29.15-240307-0002").id

    def test_without_a_key_is_another_event_each_time(self, ask: Ask) -> None:
        assert self.event(ask, None).id != self.event(ask, None).id

    def test_says_when_it_happened_and_who_says_so(self, ask: Ask) -> None:
        event = self.event(ask, "k")
        assert (event.time, event.source, event.subject) == (NOON, "/motcua/purse/http", CODE)


class TestTheTimeOfAChange:
    @pytest.fixture
    def changes(self) -> Changes:
        clock = StreamClock()
        clock.tick(0, NOON)
        return Changes(None, clock, None)  # type: ignore[arg-type]

    def test_is_now_unless_it_is_given(self, changes: Changes) -> None:
        assert changes.time(None) == NOON

    def test_may_be_in_the_past(self, changes: Changes) -> None:
        assert changes.time(NOON - timedelta(days=9)) == NOON - timedelta(days=9)
        assert changes.time(NOON) == NOON

    def test_is_never_in_the_future(self, changes: Changes) -> None:
        with pytest.raises(Problem, match="lies in the future; it is 2024-03-07T12") as caught:
            changes.time(NOON + timedelta(milliseconds=1))
        assert caught.value.status == 422
