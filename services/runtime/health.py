"""How a service is, for those who restart it and those who send it requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.runtime.http.answers import Health, HealthStatus
from services.runtime.loop.consumer import EngineConsumer
from services.runtime.service import Running
from services.runtime.settings import Settings
from services.runtime.transient import is_transient

_PATIENCE = 1.0
"""Seconds within which the database must answer."""


class HealthCheck:
    """Answers health checks over HTTP, on the engines' event loop."""

    def __init__(self, running: Running[Settings], consumers: Sequence[EngineConsumer]) -> None:
        self._running = running
        self._consumers = consumers

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
        if running.tasks.failed.done() or stuck > running.settings.stuck_after:
            status = "stuck"
        elif owned == 0:
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
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._running.database.command("ping")
        except Exception as error:
            if not is_transient(error):
                raise
            return False
        return True
