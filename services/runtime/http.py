"""What every service's HTTP side has: problems, limits, metrics, health, answers to poll."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.values import Instant
from services.runtime import metrics, problem
from services.runtime.ask import Ask
from services.runtime.balance import balance
from services.runtime.mongo import Collection
from services.runtime.problem import Problem
from services.runtime.settings import Settings


def make_app(
    service: str,
    title: str,
    settings: Settings,
    health: Callable[[], Awaitable[dict[str, Any]]],
    reachable: Callable[[], Awaitable[bool]],
) -> FastAPI:
    """A FastAPI app with everything but the service's own routes.

    `health` says how the engines are; `reachable` whether the database answers.
    """
    app = FastAPI(
        title=f"motcua {service}",
        description=title,
        version="1",
        openapi_tags=[{"name": service, "description": title}],
    )
    problem.install(app)
    app.add_middleware(_Limits, service=service, most=settings.max_body)

    @app.get("/metrics", tags=["operation"], response_class=Response)
    async def read_metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/health/live", tags=["operation"])
    async def live() -> JSONResponse:
        """200 unless the instance is stuck: then it should be restarted."""
        state = await health()
        return JSONResponse(state, 503 if state["status"] == "stuck" else 200)

    @app.get("/health/ready", tags=["operation"])
    async def ready() -> JSONResponse:
        """200 when the instance has its partitions and the database answers."""
        state = await health()
        good = state["status"] in ("idle", "busy")
        if good and not await reachable():
            good, state["status"] = False, "waiting for the database"
        return JSONResponse(state, 200 if good else 503)

    return app


def add_answers(app: FastAPI, ask: Ask, service: str) -> None:
    """The address at which a caller who got 202 asks again."""

    @app.get("/dossiers/{code}/requests/{request}", tags=[service])
    async def read_answer(code: str, request: str) -> Response:
        """What became of a request: 200 with the fact, 409 with the refusal, 404 not yet."""
        answer = await ask.answer(code, request)
        if answer is None:
            raise Problem(404, "not-answered", "no such request, or no answer yet")
        if answer.reason is not None:
            raise Problem(
                409,
                answer.reason,
                answer.detail or answer.reason,
                fact={"type": answer.fact, "id": answer.fact_id},
                request=request,
            )
        return JSONResponse(
            {
                "code": code,
                "request": request,
                "status": "done",
                "fact": {"type": answer.fact, "id": answer.fact_id},
            }
        )


def add_balance(app: FastAPI, collection: Collection, service: str) -> None:
    """The balance that every service draws from its own states."""

    @app.get("/balance", tags=[service])
    async def read_balance(
        since: Annotated[Instant, Query(description="The period's begin, inclusive.")],
        until: Annotated[Instant, Query(description="The period's end, exclusive.")],
    ) -> dict[str, int]:
        """Carried over + received = resolved + open, as this service sees it."""
        return await balance(collection, since, until)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Limits:
    """Refuses a body that is too large before it is read whole; times every request."""

    def __init__(self, app: ASGIApp, *, service: str, most: int) -> None:
        self._app = app
        self._service = service
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500
        read = 0
        started = refused = counted = False

        async def limited() -> Message:
            nonlocal read, refused
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                refused = True
                raise self._too_large()
            return message

        async def watched(message: Message) -> None:
            nonlocal status, started, counted
            if refused and not started:
                return  # what the app makes of a body that was cut short is not the reason
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                if _stays_open(message):
                    counted = True
                    self._count(scope, status, start)
            await send(message)

        try:
            announced = dict(scope["headers"]).get(b"content-length", b"0")
            if announced.isdigit() and int(announced) > self._most:
                raise self._too_large()
            await self._app(scope, limited, watched)
            if refused and not started:
                raise self._too_large()
        except Problem as error:
            refused = False
            await error.response()(scope, receive, watched)
        finally:
            if not counted:
                self._count(scope, status, start)

    def _count(self, scope: Scope, status: int, start: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        # Whoever asks chooses the method's name: it must not make a time series each.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        metrics.REQUESTS.labels(self._service, method, route, str(status)).observe(
            time.perf_counter() - start
        )

    def _too_large(self) -> Problem:
        return Problem(413, "body-too-large", f"the body has more than {self._most} bytes")


def _stays_open(begin: Message) -> bool:
    """Whether events follow for as long as a page is open: that is no time that an answer took."""
    kind: bytes = dict(begin.get("headers", ())).get(b"content-type", b"")
    return kind.startswith(b"text/event-stream")
