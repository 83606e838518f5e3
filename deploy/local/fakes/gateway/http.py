"""HTTP for the local gateway: small, and able to hang up, as no good server does.

A handler gets a whole request and returns a response, or None to drop the connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import h11

_LARGEST = 1_000_000


@dataclass(frozen=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the object in the body. Raise ValueError if there is none."""
        found = json.loads(self.body)
        if not isinstance(found, dict):
            raise ValueError("an object is wanted")
        return found


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Response | None]]


def answer(status: int, content: object, **headers: str) -> Response:
    """Return a response with JSON in it; underscores in a header's name become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, json.dumps(content, ensure_ascii=False).encode(), headers=named)


class Server:
    """Serves on 127.0.0.1 until it is closed; then its connections are cut, answered or not."""

    def __init__(self, handler: Handler, port: int) -> None:
        self._handler = handler
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    @property
    def open(self) -> bool:
        """Whether it accepts connections."""
        return self._server is not None

    async def start(self) -> None:
        """Listen. Raise OSError if the port is taken."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, "127.0.0.1", self._port, backlog=1024
            )

    def close(self) -> None:
        """Refuse every connection from now on, and cut the open ones."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in self._connections:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        connection = h11.Connection(h11.SERVER)
        try:
            # The client has gone, or does not speak HTTP: nobody is left to tell.
            with suppress(OSError, h11.RemoteProtocolError):
                while (request := await _receive(connection, reader)) is not None:
                    response = await self._handler(request)
                    if response is None:
                        writer.transport.abort()
                        return
                    _send(connection, writer, response)
                    await writer.drain()
                    if connection.our_state is h11.MUST_CLOSE:
                        return
                    connection.start_next_cycle()
        finally:
            self._connections.discard(writer)
            writer.close()


async def _receive(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """Return the next whole request; None if there are no more."""
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
            if len(body) > _LARGEST:
                return None
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
            return Request(head.method.decode(), head.target.decode("latin-1"), headers, body)
        else:
            return None  # the client has closed its side


def _send(connection: h11.Connection, writer: asyncio.StreamWriter, response: Response) -> None:
    headers = {
        "Content-Type": response.kind,
        "Content-Length": str(len(response.body)),
        **response.headers,
    }
    for event in (
        h11.Response(status_code=response.status, headers=list(headers.items())),
        h11.Data(data=response.body),
        h11.EndOfMessage(),
    ):
        writer.write(connection.send(event) or b"")
