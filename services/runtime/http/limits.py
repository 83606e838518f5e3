"""Limits what a service takes over HTTP: how large a body, how long, and how much at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime import metrics
from services.runtime.http.caller import called_from
from services.runtime.http.openapi import MAX_BODY, OPERATION
from services.runtime.http.problem import Problem
from services.runtime.settings import Settings

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def takes(most: int) -> dict[str, Any]:
    """Return the `openapi_extra` of a route that takes bodies of up to `most` bytes.

    The document says so too. A route without it takes what the settings say (`max_body`).
    """
    return {MAX_BODY: most}


class RequestLimits:
    """Limits each body's size and time, the bytes of all bodies and the number of requests at once;
    times every request.

    What is too much is refused, not queued: a queue would only move it into memory. Metrics and
    health checks are answered however many other requests are open. No byte is read of the body of
    somebody whom the route does not let in.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        settings: Settings,
        admit: Callable[[Request], Awaitable[None]],
    ) -> None:
        """`admit` raises Problem for whom the request's route does not let in."""
        self._app = app
        self._admit = admit
        self._service = service
        self._most = settings.max_body
        self._body_seconds = settings.body_timeout
        self._at_once = settings.requests_at_once
        self._bytes_at_once = settings.body_bytes_at_once
        self._open = 0
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500
        read = 0
        most: int | None = None
        started = counted = False
        announced, whole = _announced(scope)
        held = not scope["path"].startswith(OPERATION)
        deadline = asyncio.get_running_loop().time() + self._body_seconds

        async def limited() -> Message:
            nonlocal read, most, whole
            if whole or started:
                return await receive()  # only the client's leaving is still to come
            if most is None:  # whoever reads a body is a route, so the router has found it
                await self._admit(Request(scope))
                most = self._most_of(scope)
                if announced > most:
                    raise _too_large(most)
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise self._too_slow() from None
            size = len(message.get("body", b""))
            read += size
            self._bytes += size
            whole = not message.get("more_body", False)
            if read > most:
                raise _too_large(most)
            if self._bytes > self._bytes_at_once:
                raise _too_busy("too many bytes of requests are being read; ask again later")
            return message

        async def watched(message: Message) -> None:
            nonlocal status, started, counted, held
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                if status >= 400:
                    _not_kept(message)
                if not whole:
                    # The rest of a body that nobody reads is not waited for.
                    MutableHeaders(scope=message)["Connection"] = "close"
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
                raise _too_busy("too many requests are being answered; ask again later")
            with called_from(scope):
                await self._app(scope, limited, watched)
        except Problem as error:
            await error.response()(scope, receive, watched)
        finally:
            self._bytes -= read
            if held:
                self._open -= 1
            if not counted:
                self._count(scope, status, start)

    def _most_of(self, scope: Scope) -> int:
        extra = getattr(scope.get("route"), "openapi_extra", None) or {}
        return int(extra.get(MAX_BODY, self._most))

    def _count(self, scope: Scope, status: int, start: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        # The caller chooses the method's name: it must not create a time series for each.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        metrics.REQUESTS.labels(self._service, method, route, str(status)).observe(
            time.perf_counter() - start
        )

    def _too_slow(self) -> Problem:
        return Problem(
            408, "body-too-slow", f"the body did not come within {self._body_seconds:g} s"
        )


def _too_large(most: int) -> Problem:
    return Problem(413, "body-too-large", f"the body has more than {most} bytes")


def _too_busy(why: str) -> Problem:
    return Problem(503, "too-busy", why, headers={"Retry-After": "5", "Connection": "close"})


def _announced(scope: Scope) -> tuple[int, bool]:
    """Return the length that a body is said to have, and whether there is none to be read."""
    headers = dict(scope["headers"])
    said = headers.get(b"content-length", b"0")
    length = int(said) if said.isdigit() else 0
    return length, length == 0 and b"transfer-encoding" not in headers


def _not_kept(begin: Message) -> None:
    """Mark an error as not to be cached: what is missing now may exist at the next request."""
    begin.setdefault("headers", [])
    MutableHeaders(scope=begin).setdefault("Cache-Control", "no-store")


def _stays_open(begin: Message) -> bool:
    """Return whether the answer is an event stream: it lasts as long as a page is open."""
    kind: bytes = dict(begin.get("headers", ())).get(b"content-type", b"")
    return kind.startswith(b"text/event-stream")
