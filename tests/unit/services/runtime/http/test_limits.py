"""Limits of what a service takes: how large a body, how long, and how many at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from services.runtime.http.app import make_app
from services.runtime.http.connection import connection
from services.runtime.http.limits import takes
from services.runtime.process import raise_file_limit
from services.runtime.settings import Settings
from tests.support.http_app import ANYBODY, Body, Instance, problem_of, reachable


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

    def test_is_the_routes_own_where_it_names_one(self, app: FastAPI, client: TestClient) -> None:
        @app.post("/papers", openapi_extra=takes(2048))
        async def file(body: Body) -> dict[str, str]:
            return {"name": body.name}

        headers = {"content-type": "application/json"}
        content = b'{"name": "x"}'.ljust(2048)
        assert client.post("/papers", content=content, headers=headers).status_code == 200
        refused = client.post("/papers", content=content + b" ", headers=headers)
        assert problem_of(refused, 413, "body-too-large")["detail"].endswith("2048 bytes")
        problem_of(client.post("/things", content=content, headers=headers), 413, "body-too-large")

    def test_is_in_the_document_of_each_route(self, app: FastAPI) -> None:
        app.post("/papers", openapi_extra=takes(2048))(_nothing)
        paths = app.openapi()["paths"]
        assert paths["/papers"]["post"]["x-max-body"] == 2048
        assert paths["/things"]["post"]["x-max-body"] == 1024
        assert paths["/things"]["post"]["responses"]["413"]["description"] == (
            "The body has more than 1024 bytes."
        )
        assert "x-max-body" not in paths["/things/{number}"]["get"]

    async def test_leaves_a_body_that_nobody_reads_where_it_is(self, app: FastAPI) -> None:
        app.post("/bell")(_nothing)
        async with served(app) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /bell HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n{")
            head = (await reader.read()).decode()  # to its end: it does not wait for the rest
            writer.close()
        assert head.startswith("HTTP/1.1 200 ")
        assert "connection: close" in head.lower()


async def _nothing() -> dict[str, str]:
    return {}


class TestBodiesAtOnce:
    async def test_are_limited_by_all_their_bytes(self, health: Instance) -> None:
        settings = Settings(max_body=900_000, body_bytes_at_once=1_048_576)
        app = make_app("purse", "What is in it?", settings, health, reachable, ANYBODY)
        taken, over = asyncio.Event(), asyncio.Event()

        @app.post("/things")
        async def make(request: Request) -> dict[str, int]:
            size = len(await request.body())
            if size == 800_000:
                taken.set()
                await over.wait()
            return {"size": size}

        async with served(app) as port:
            url = f"http://127.0.0.1:{port}/things"
            async with httpx.AsyncClient() as http:
                first = asyncio.create_task(http.post(url, content=b" " * 800_000))
                await taken.wait()
                refused = await http.post(url, content=b" " * 300_000)
                problem_of(refused, 503, "too-busy")
                assert refused.headers["retry-after"] == "5"
                assert (await http.post(url, content=b" " * 200_000)).json() == {"size": 200_000}
                over.set()
                assert (await first).json() == {"size": 800_000}
                assert (await http.post(url, content=b" " * 300_000)).status_code == 200


class TestHeaders:
    """Before the app is called."""

    async def test_are_refused_when_there_are_too_many_bytes(self, app: FastAPI) -> None:
        async with served(app) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /things/1 HTTP/1.1\r\nHost: x\r\n")
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 50_000_000:
                    writer.write(b"X-%d: " % sent + b"a" * 8000 + b"\r\n")
                    await writer.drain()
                    sent += 8000
            assert sent < 5_000_000
            writer.close()

    async def test_are_not_waited_for_longer_than_a_body(self, app: FastAPI) -> None:
        async with served(app, head_seconds=0.05) as port:
            for begin in (b"", b"GET /things/1 HTTP/1.1\r\nHost"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(begin)
                assert await reader.read() == b""  # to its end: the server has closed it
                writer.close()

    async def test_of_one_request_after_another_come_as_they_always_did(self, app: FastAPI) -> None:
        async with (
            served(app) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        ):
            for number in range(5):
                headers = {"X-Long": "a" * 20_000}
                told = await http.get(f"/things/{number}", headers=headers)
                assert told.json()["number"] == number
                assert (await http.post("/things", json={"name": "x"})).status_code == 200


@contextlib.asynccontextmanager
async def served(app: FastAPI, head_seconds: float = 10.0) -> AsyncIterator[int]:
    """The app on a port of its own, behind the server that the services run behind."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=connection(head_seconds), log_config=None, lifespan="off")
    server = uvicorn.Server(config)
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
        app = make_app("purse", "What is in it?", settings, health, reachable, ANYBODY)

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
        return make_app("purse", "What is in it?", settings, health, reachable, ANYBODY)

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
            raise_file_limit()
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
