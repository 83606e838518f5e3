"""Writes what many have to say at the same moment in one go.

A record by itself costs the broker, and this process, about as much as a batch of them. Where each
of many tasks waits for its own record to stand on the log, they share a write.
"""

from __future__ import annotations

import asyncio

from contracts.wire.envelope import Event
from services.runtime.kafka.producer import EventProducer


class Together:
    """One write at a time; what comes meanwhile goes with the next."""

    def __init__(self, producer: EventProducer) -> None:
        self._producer = producer
        self._waiting: dict[str, Event] = {}
        self._turn = asyncio.Lock()

    async def publish(self, event: Event) -> None:
        """Returns once the event stands on the log.

        Raises what the broker's absence raises; the event may then be written all the same.
        """
        self._waiting[event.id] = event
        async with self._turn:
            if event.id not in self._waiting:
                return  # it went with another's
            batch, self._waiting = self._waiting, {}
            try:
                await self._producer.publish(batch.values())
            except BaseException:
                self._waiting = batch | self._waiting  # nobody takes theirs for written
                raise
