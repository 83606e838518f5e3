"""The HTTP connection of a service: what comes before a request's body has limits too.

The server's parser keeps headers of any length, and waits for them for ever: before the app is
called, nothing else could limit them.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD = 32_768
"""Bytes of a request before its body. What comes in one piece is read before it is counted: with
up to 256 KiB more, the server has read it."""


def connection(seconds: float) -> type[asyncio.Protocol]:
    """Return the class of connections that are closed if a request's headers take longer."""
    return type("Connection", (_Connection,), {"seconds": seconds})


class _Connection(HttpToolsProtocol):
    """Answers 431 to too many bytes of headers, and closes if they do not come in time."""

    seconds: ClassVar[float]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head = 0
        self._in_head = self._begins = True
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(self.seconds, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._in_head = self._begins = True
        if self._late is None:
            self._late = self.loop.call_later(self.seconds, self.transport.close)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_time()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        self._begins = False
        super().data_received(data)
        if not self._in_head or self._begins or self.transport.is_closing():
            return  # before the beginning there may be the end of the request before
        self._head += len(data)
        if self._head > MAX_HEAD:
            self.transport.write(
                STATUS_LINE[431] + b"content-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
