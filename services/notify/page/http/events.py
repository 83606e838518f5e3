"""Server-sent events for an open page, which say that its dossier has changed.

An event says no more than that; the page then loads itself again. So a dossier is put into HTML in
one way only, and a page that was away for a while needs one event and not all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import randint

from fastapi.responses import StreamingResponse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.notify.page.http.live import Full, Live, OpenPage
from services.runtime import Problem

RETRY_MS = (4_000, 8_000)
"""Milliseconds after which the browser asks again when a connection ended.

When a service stops, so do the connections of all its pages. Each gets another time, or they would
all come back at one instant.
"""
HEARTBEAT_SECONDS = 20.0
"""Seconds between signs of life, so that no proxy takes the connection for dead."""
_FULL_SECONDS = 60


async def events(page: OpenPage) -> AsyncIterator[bytes]:
    """Yield the events of an open page until it is closed."""
    yield f"retry: {randint(*RETRY_MS)}\n\n".encode()
    while not page.closed:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await page.news()
        except TimeoutError:
            yield b":\n\n"
            continue
        if not page.closed:
            # The id comes back as Last-Event-ID when the browser asks again.
            yield f"id: {page.seen}\nevent: changed\ndata: {page.seen}\n\n".encode()


class EventStream(Response):
    """A page's events. The page is open while they are being sent, and not before."""

    media_type = "text/event-stream"

    def __init__(self, live: Live, code: str, seen: int, address: str) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        self._live = live
        self._of = (code, seen, address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events. Raise Problem 503 if there are too many open pages."""
        try:
            with self._live.page(*self._of) as page:
                del self.headers["content-length"]
                body = StreamingResponse(events(page), headers=dict(self.headers))
                await body(scope, receive, send)
        except Full:
            raise Problem(
                503,
                "too-many-live-pages",
                "the page can be read, but is not kept up to date now",
                headers={"Retry-After": str(_FULL_SECONDS)},
            ) from None
