"""A gateway for tests that answers as each test wants it to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from deploy.local.fakes.gateway.http import Request, Response, Server, answer
from tests.support.gateways import free_port


class Heard:
    """A real server that keeps what it was asked and answers as it is told to."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests: list[Request] = []
        self.says: Callable[[Request], Awaitable[Response | None]] = self._accepts
        self.server = Server(self._hear, self.port)

    async def _hear(self, request: Request) -> Response | None:
        self.requests.append(request)
        return await self.says(request)

    async def _accepts(self, _: Request) -> Response | None:
        return answer(202, {"id": "gw-1", "status": "accepted", "parts": 2})
