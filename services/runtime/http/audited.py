"""Audits every request, at one place: nothing is shown or changed before the audit tells of it.

A new route is audited unless it says why not.
"""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.audit.audit import Audit, NotAudited
from services.runtime.http.client_address import client_address
from services.runtime.http.door import current_actor
from services.runtime.http.noted import Noted, begin_noting, end_noting
from services.runtime.http.openapi import OPERATION
from services.runtime.http.problem import Problem

UNAUDITED = "x-unaudited"
"""What an operation says of why the audit does not tell of it."""


def unaudited(why: str) -> dict[str, Any]:
    """Return the `openapi_extra` of a route that is not audited, or that does so itself."""
    return {UNAUDITED: why}


class Audited:
    """Tells the audit of each request before the first byte of its answer is sent.

    If the audit cannot be written, the answer is 503 instead. What is refused before a route is
    found gives nothing away, and is not told.
    """

    def __init__(self, app: ASGIApp, *, audit: Audit, trusted_proxies: int) -> None:
        self._app = app
        self._audit = audit
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OPERATION):
            await self._app(scope, receive, send)
            return
        call = Noted(self._audit, scope, client_address(scope, self._trusted_proxies))

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_audited(scope):
                await call.answered(message["status"], current_actor())
            await send(message)

        token = begin_noting(call)
        try:
            await self._app(scope, receive, told)
        except NotAudited as error:
            await _away(error, asked=call.asked).response()(scope, receive, send)
        finally:
            end_noting(token)


def _is_audited(scope: Scope) -> bool:
    if (route := scope.get("route")) is None:
        return False
    return UNAUDITED not in (getattr(route, "openapi_extra", None) or {})


def _away(error: NotAudited, *, asked: bool) -> Problem:
    more = ""
    if asked:
        more = "; the change may have been carried out: use the same Idempotency-Key"
    return Problem(503, "audit-unavailable", f"{error}{more}", headers={"Retry-After": "5"})
