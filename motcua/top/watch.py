"""Ask every instance for its metrics, again and again: what changed, and who is away."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import aiohttp

from motcua.top.address import Address
from motcua.top.reading import Change, Reading, read

PATIENCE_S = 2.0
"""Seconds without an answer after which an instance is away."""
WINDOW = 6
"""The number of readings that rates and quantiles are taken over, first to last."""


@dataclass(frozen=True)
class Seen:
    """One instance as it was when it was last asked."""

    url: str
    name: str
    """Its service; its address as long as it has not said."""
    change: Change | None
    """None if it is away."""
    away: str = ""
    """Why it is away."""


class Away(Exception):
    """An instance did not give its metrics; the message says why."""


class Watch:
    """Keeps the last readings of every instance.

        async with Watch(addresses) as watch:
            seen = await watch.look()

    An instance's first look covers the time since its process started, later ones the last few
    seconds.
    """

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses
        self._names = {at.url: at.service for at in addresses}
        self._readings: dict[str, deque[Reading]] = {
            at.url: deque(maxlen=WINDOW) for at in addresses
        }

    async def __aenter__(self) -> Watch:
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        self._http = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.close()

    async def look(self) -> list[Seen]:
        """Ask all instances at once; return them in the order of the addresses."""
        return await asyncio.gather(*(self._look(at.url) for at in self._addresses))

    async def _look(self, url: str) -> Seen:
        kept = self._readings[url]
        try:
            reading = await self._ask(url)
        except Away as error:
            kept.clear()
            return Seen(url, self._names[url] or url, None, str(error))
        if kept and kept[-1].started != reading.started:
            kept.clear()  # another process: its counts began at 0 again
        change = Change(kept[0], reading) if kept else Change.since_start(reading)
        kept.append(reading)
        self._names[url] = name = reading.service or self._names[url]
        return Seen(url, name or url, change)

    async def _ask(self, url: str) -> Reading:
        try:
            async with self._http.get(f"{url}/metrics") as answer:
                if answer.status != 200:
                    raise Away(f"it answers {answer.status} at /metrics")
                return read(await answer.text(), time.time())
        except TimeoutError as error:
            raise Away(f"no answer within {PATIENCE_S:g} s") from error
        except aiohttp.ClientConnectorError as error:
            number = error.os_error.errno
            raise Away(os.strerror(number) if number and number > 0 else str(error)) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise Away(f"what it answers is no page of metrics: {error}") from error
