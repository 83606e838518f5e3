"""How a service is, for those who restart it and those who send it requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence

from services.runtime.http.answers import Health, HealthStatus
from services.runtime.kafka.offsets import Offsets
from services.runtime.loop.consumer import EngineConsumer
from services.runtime.service import Running
from services.runtime.settings import Settings
from services.runtime.start import Start
from services.runtime.transient import is_transient

_PATIENCE = 1.0
"""Seconds within which the database, or the broker, must answer."""


class HealthCheck:
    """Answers health checks over HTTP, on the engines' event loop."""

    def __init__(
        self,
        running: Running[Settings],
        consumers: Sequence[EngineConsumer],
        offsets: Offsets,
        start: Start,
    ) -> None:
        self._running = running
        self._consumers = consumers
        self._offsets = offsets
        self._start = start
        self._was_away = time.monotonic()
        """When broker or database were last found not to answer."""

    async def __call__(self) -> Health:
        """Return status, lag in records, seconds without progress, partitions, and the time."""
        running = self._running
        lag = 0
        stuck = 0.0
        owned = 0
        status: HealthStatus
        for consumer in self._consumers:
            engine = consumer.engine
            if (kafka := consumer.subscriber.consumer) is not None:
                lag += engine.progress.look(kafka)
            stuck = max(stuck, engine.progress.stuck_for())
            owned += len(engine.ownership.owned)
        if running.tasks.failed.done():
            status = "stuck"
        elif (waits_for := self._start.waits_for) is not None:
            status = waits_for
        elif stuck > running.settings.stuck_after:
            status = await self._why_nothing_moves(stuck)
        elif owned == 0 and self._consumers:
            status = "waiting for partitions"
        else:
            status = "busy" if lag else "idle"
        return {
            "status": status,
            "lag": lag,
            "stuck_for": round(stuck, 1),
            "partitions": owned,
            "clock": running.settings.clock.value,
            "now": running.clock.now().isoformat(),
        }

    async def reachable(self) -> bool:
        """Return whether the database answers. Raise any error that is not transient."""
        return await _answers(self._running.database.command("ping"))

    async def _why_nothing_moves(self, stuck: float) -> HealthStatus:
        """Return what the work waits for, if that is away: a restart would not bring it back.

        When it is back, the work gets as much time as ever to go on.
        """
        away: HealthStatus | None = None
        if not await self.reachable():
            away = "waiting for the database"
        elif not await _answers(self._offsets.ends(self._running.dossiers.decider.topic)):
            away = "waiting for the log"
        if away is not None:
            self._was_away = time.monotonic()
            return away
        back_for = time.monotonic() - self._was_away
        return "stuck" if min(stuck, back_for) > self._running.settings.stuck_after else "busy"


async def _answers(asked: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            await asked
    except Exception as error:
        if not is_transient(error):
            raise
        return False
    return True
