"""A service's way from nothing to its partitions: each step waits for what is away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from faststream.kafka import KafkaBroker

from services.runtime.http.answers import HealthStatus
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.topics import check_topics
from services.runtime.loop.consumer import EngineConsumer
from services.runtime.loop.restored import check_database
from services.runtime.other_clocks import check_clocks
from services.runtime.patience import patiently
from services.runtime.service import Running
from services.runtime.settings import ClockKind, Settings

T = TypeVar("T")


class Start:
    """Starts a service's parts once, in order. Health tells what it waits for meanwhile.

    An onlooker has no consumers: it joins no group, reads no log, and leaves the service's database
    as it is.
    """

    def __init__(
        self,
        running: Running[Settings],
        broker: KafkaBroker,
        consumers: Sequence[EngineConsumer],
        offsets: Offsets,
    ) -> None:
        self.waits_for: HealthStatus | None = "waiting for the log"
        """None once the service has started."""
        self._running = running
        self._broker = broker
        self._consumers = consumers
        self._offsets = offsets

    async def run(self) -> None:
        """Return when the instance is in its groups.

        Broker and database may be starting too, or be away: they are waited for. Raise CannotStart
        if they are not as they should be.
        """
        running = self._running
        await self._until(partial(check_topics, running.settings), "waiting for the log")
        await self._until(partial(running.database.command, "ping"), "waiting for the database")
        if running.settings.clock is ClockKind.WALL:
            offsets = self._offsets if self._consumers else None
            await self._until(partial(check_clocks, running, offsets), "waiting for the log")
        for engine in running.engines:
            if self._consumers:
                await self._until(engine.store.prepare, "waiting for the database")
                await self._until(engine.said.prepare, "waiting for the database")
            await self._until(engine.worlds.prepare, "waiting for the database")
        for consumer in self._consumers:
            behind = partial(check_database, consumer.engine, self._offsets)
            await self._until(behind, "waiting for the log")
        for prepare in running.preparing:
            await self._until(prepare, "waiting for the database")
        await self._until(running.producer.start, "waiting for the log")
        await self._until(running.audit.open, "waiting for the log")
        running.tasks.start(running.audit.run(), "audit")
        if self._consumers:
            await self._until(self._join, "waiting for the log")
        self.waits_for = None

    async def _until(self, attempt: Callable[[], Awaitable[T]], status: HealthStatus) -> T:
        self.waits_for = status
        settings = self._running.settings
        return await patiently(attempt, first=settings.retry_first, most=settings.retry_most)

    async def _join(self) -> None:
        try:
            await self._broker.start()
        except BaseException:
            # It may have begun: what has must not be begun again beside it.
            await self._broker.stop()
            raise
