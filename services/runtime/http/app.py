"""What every service's HTTP side has: problems, limits, metrics, health, answers to poll."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.version import VERSION
from services.runtime import metrics
from services.runtime.http import problem
from services.runtime.http.actor import Vouched
from services.runtime.http.answers import Answered, Fact, Health, Json, Refusal, failing
from services.runtime.http.docs_pages import add_docs_pages
from services.runtime.http.openapi import OPERATION, App
from services.runtime.http.problem import Problem
from services.runtime.http.requests import Requests
from services.runtime.settings import Settings


def make_app(
    service: str,
    title: str,
    settings: Settings,
    health: Callable[[], Awaitable[Health]],
    reachable: Callable[[], Awaitable[bool]],
) -> FastAPI:
    """Return a FastAPI app with everything except the service's own routes.

    `health` tells the engines' health; `reachable` tells whether the database answers.
    """
    app = App(
        title=f"motcua {service}",
        description=title,
        version=VERSION,
        openapi_tags=[{"name": service, "description": title}],
        openapi_url=None,  # the pages are for those who may see them
    )
    problem.install(app)
    if settings.actor_header is not None:
        app.add_middleware(Vouched, header=settings.actor_header)
    app.add_middleware(_RequestLimits, service=service, settings=settings)

    @app.get("/metrics", tags=["operation"], response_class=PlainTextResponse)
    async def read_metrics() -> Response:
        """Return Prometheus metrics."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.get(
        "/health/live",
        tags=["operation"],
        response_model=Health,
        responses={503: {"model": Health, "description": "It is stuck."}},
    )
    async def live() -> Response:
        """Answer 200 unless the instance is stuck and should be restarted."""
        state = await health()
        return Json(state, 503 if state["status"] == "stuck" else 200)

    @app.get(
        "/health/ready",
        tags=["operation"],
        response_model=Health,
        responses={503: {"model": Health, "description": "It cannot answer yet."}},
    )
    async def ready() -> Response:
        """Answer 200 when the instance has its partitions and the database answers."""
        state = await health()
        good = state["status"] in ("idle", "busy")
        if good and not await reachable():
            good, state["status"] = False, "waiting for the database"
        return Json(state, 200 if good else 503)

    add_docs_pages(app, settings)
    return app


def add_answers(app: FastAPI, requests: Requests, service: str) -> None:
    """Add the address at which a caller who got 202 asks again."""

    @app.get(
        "/dossiers/{code}/requests/{request}",
        tags=[service],
        response_model=Answered,
        responses={
            404: failing("There is no such request, or no answer yet."),
            409: {"model": Refusal, "description": "It was refused."},
        },
    )
    async def read_answer(code: str, request: str) -> Response:
        """Return the outcome of a request: 200 with the fact, 409 with the refusal, 404 not yet."""
        answer = await requests.answer(code, request)
        if answer is None:
            raise Problem(404, "not-answered", "no such request, or no answer yet")
        fact: Fact = {"type": answer.fact, "id": answer.fact_id}
        if answer.reason is not None:
            raise Problem(
                409, answer.reason, answer.detail or answer.reason, fact=fact, request=request
            )
        done: Answered = {"code": code, "request": request, "status": "done", "fact": fact}
        return Json(done)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _RequestLimits:
    """Limits each body's size and time, and the number of requests at once; times every request.

    Metrics and health checks are answered however many other requests are open.
    """

    def __init__(self, app: ASGIApp, *, service: str, settings: Settings) -> None:
        self._app = app
        self._service = service
        self._most = settings.max_body
        self._body_seconds = settings.body_timeout
        self._at_once = settings.requests_at_once
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500
        read = 0
        refused: Problem | None = None
        started = counted = whole = False
        held = not scope["path"].startswith(OPERATION)
        deadline = asyncio.get_running_loop().time() + self._body_seconds

        async def limited() -> Message:
            nonlocal read, refused, whole
            if whole or started:
                return await receive()  # only the client's leaving is still to come
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                refused = self._too_slow()
                raise refused from None
            read += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if read > self._most:
                refused = self._too_large()
                raise refused
            return message

        async def watched(message: Message) -> None:
            nonlocal status, started, counted, held
            if refused is not None and not started:
                return  # the app's answer to a body that was cut short is not the reason
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                if status >= 400:
                    _not_kept(message)
                if _stays_open(message):
                    counted = True
                    self._count(scope, status, start)
                    if held:
                        # How many may stay open is limited by those who keep them open.
                        self._open -= 1
                        held = False
            await send(message)

        if held:
            self._open += 1
        try:
            if held and self._open > self._at_once:
                raise self._too_many()
            announced = dict(scope["headers"]).get(b"content-length", b"0")
            if announced.isdigit() and int(announced) > self._most:
                raise self._too_large()
            await self._app(scope, limited, watched)
            if refused is not None and not started:
                raise refused
        except Problem as error:
            refused = None
            await error.response()(scope, receive, watched)
        finally:
            if held:
                self._open -= 1
            if not counted:
                self._count(scope, status, start)

    def _count(self, scope: Scope, status: int, start: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        # The caller chooses the method's name: it must not create a time series for each.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        metrics.REQUESTS.labels(self._service, method, route, str(status)).observe(
            time.perf_counter() - start
        )

    def _too_large(self) -> Problem:
        return Problem(413, "body-too-large", f"the body has more than {self._most} bytes")

    def _too_slow(self) -> Problem:
        return Problem(
            408,
            "body-too-slow",
            f"the body did not come within {self._body_seconds:g} s",
            headers={"Connection": "close"},
        )

    def _too_many(self) -> Problem:
        return Problem(
            503,
            "too-busy",
            "too many requests are being answered; ask again later",
            headers={"Retry-After": "5", "Connection": "close"},
        )


def _not_kept(begin: Message) -> None:
    """Mark an error as not to be cached: what is missing now may exist at the next request."""
    begin.setdefault("headers", [])
    MutableHeaders(scope=begin).setdefault("Cache-Control", "no-store")


def _stays_open(begin: Message) -> bool:
    """Return whether the answer is an event stream: it lasts as long as a page is open."""
    kind: bytes = dict(begin.get("headers", ())).get(b"content-type", b"")
    return kind.startswith(b"text/event-stream")
