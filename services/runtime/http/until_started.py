"""While a service is being started, it answers for its health alone."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from services.runtime.http.openapi import OPERATION
from services.runtime.http.problem import Problem


class UntilStarted:
    """Tells callers to come later until the service has started: it knows nothing yet.

    Health checks and metrics are answered from the first moment, so that a service which waits for
    broker or database is seen to be alive, and is not restarted.
    """

    def __init__(self, app: ASGIApp, has_started: Callable[[], bool]) -> None:
        self._app = app
        self._has_started = has_started

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._has_started():
            path: str = scope["path"]
            if not path.startswith(OPERATION):
                await _STARTING.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


_STARTING = Problem(
    503,
    "starting",
    "the service is being started; ask again later",
    headers={"Retry-After": "5", "Cache-Control": "no-store"},
)
