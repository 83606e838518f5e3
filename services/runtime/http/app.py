"""What every service's HTTP side has: problems, limits, metrics, health, answers to poll."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Depends, FastAPI, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.version import VERSION
from services.runtime.audit.audit import Audit
from services.runtime.http import problem
from services.runtime.http.answers import Answered, Fact, Health, Json, Refusal, failing
from services.runtime.http.audited import Audited
from services.runtime.http.door import Door
from services.runtime.http.limits import RequestLimits
from services.runtime.http.openapi import App
from services.runtime.http.problem import Problem
from services.runtime.http.query_time import in_time
from services.runtime.http.requests import Requests, status_of
from services.runtime.settings import Settings


def make_app(
    service: str,
    title: str,
    settings: Settings,
    health: Callable[[], Awaitable[Health]],
    reachable: Callable[[], Awaitable[bool]],
    door: Door,
    audit: Audit | None = None,
) -> FastAPI:
    """Return a FastAPI app with everything except the service's own routes.

    `health` tells the engines' health; `reachable` tells whether the database answers;
    `door` raises Problem for whom a route does not admit.
    `audit` is told of every request; None only for an app that nobody calls.
    """
    usual = settings.answer_timeout + settings.query_timeout
    app = App(
        door.is_open,
        title=f"motcua {service}",
        description=title,
        version=VERSION,
        openapi_tags=[{"name": service, "description": title}],
        openapi_url=None,  # the pages are for those who may see them
        dependencies=[Depends(door), Depends(in_time(usual))],
    )
    app.max_body = settings.max_body
    problem.install(app)
    if audit is not None:
        app.add_middleware(Audited, audit=audit, trusted_proxies=settings.trusted_proxies)
    app.add_middleware(RequestLimits, service=service, settings=settings, admit=door)

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
        """Return a request's outcome: the fact (200), the refusal (403, 409), or 404: not yet."""
        answer = await requests.answer(code, request)
        if answer is None:
            raise Problem(404, "not-answered", "no such request, or no answer yet")
        fact: Fact = {"type": answer.fact, "id": answer.fact_id}
        if answer.reason is not None:
            raise Problem(
                status_of(answer.reason),
                answer.reason,
                answer.detail or answer.reason,
                fact=fact,
                request=request,
            )
        done: Answered = {"code": code, "request": request, "status": "done", "fact": fact}
        return Json(done)
