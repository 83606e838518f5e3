"""How long a service lets others wait while something is done to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

_EVERY = 0.02


@dataclass
class Waits:
    """The seconds that each look took."""

    seconds: list[float] = field(default_factory=list)

    @property
    def longest(self) -> float:
        """The longest of them."""
        assert self.seconds, "nobody has looked"
        return max(self.seconds)


@asynccontextmanager
async def heartbeat(url: str) -> AsyncIterator[Waits]:
    """Ask the service whether it lives, again and again; every answer must be a yes."""
    waits = Waits()
    over = asyncio.Event()

    async def look() -> None:
        async with httpx.AsyncClient(timeout=30) as http:
            while not over.is_set():
                begin = time.monotonic()
                answer = await http.get(f"{url}/health/live")
                waits.seconds.append(time.monotonic() - begin)
                assert answer.status_code == 200
                await asyncio.sleep(_EVERY)

    looking = asyncio.create_task(look())
    try:
        yield waits
    finally:
        over.set()
        await looking
