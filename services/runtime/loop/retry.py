"""Tries a piece of the engine's work until it is done, or until the partitions are taken away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from services.runtime import metrics
from services.runtime.mongo.store import Fenced
from services.runtime.settings import Settings
from services.runtime.transient import is_transient

log = structlog.get_logger("motcua.engine")

_FENCED_MOST = 50
_FENCED_PAUSE = 0.05
"""The longest pause, in seconds, before states that another instance wrote are loaded again."""


class Defect(Exception):
    """Something that must not happen: the service logs it and stops rather than go on."""


class Leaving(Exception):
    """The partitions are being taken away; uncommitted work is left to the next owner."""


class Retry:
    """Repeats what failed for a transient reason, and nothing else."""

    def __init__(self, service: str, settings: Settings, leaving: asyncio.Event) -> None:
        """`leaving` ends the waiting between two tries."""
        self._service = service
        self._first = settings.retry_first
        self._most = settings.retry_most
        self._leaving = leaving

    async def until_done(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Repeat the attempt until it works.

        Raise Leaving if the partitions are taken away first; Defect if another instance keeps
        writing the same states; otherwise what the attempt raises, if that is not transient.
        """
        delay = self._first
        fenced = 0
        while True:
            try:
                return await attempt()
            except Fenced as error:
                fenced += 1
                if fenced > _FENCED_MOST:
                    raise Defect(f"fenced {fenced} times over: {error}") from error
                metrics.RETRIES.labels(self._service, "fenced").inc()
                log.info("another instance wrote; loading again")
                pause = random.uniform(0, _FENCED_PAUSE)
            except Exception as error:
                if not is_transient(error):
                    raise
                metrics.RETRIES.labels(self._service, "transient").inc()
                log.warning(
                    "waiting for broker or database",
                    error=repr(error),
                    again_in=round(delay, 2),
                )
                pause = delay * random.uniform(0.5, 1)
                delay = min(delay * 2, self._most)
            try:
                await asyncio.wait_for(self._leaving.wait(), timeout=pause)
            except TimeoutError:
                continue
            raise Leaving
