"""Writes in one go what many tasks publish at the same moment.

A single record costs the broker, and this process, about as much as a batch. Many tasks that each
wait for their own record to reach the log share one write.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from contracts.wire.envelope import Event
from services.runtime.kafka.producer import EventProducer
from services.runtime.transient import REFUSED_RECORD, is_transient


@dataclass(slots=True)
class _Wish:
    """An event that is to be published."""

    event: Event
    is_settled: bool = False
    refused: Exception | None = None


class GroupWriter:
    """Makes one write at a time; events that arrive meanwhile go with the next write."""

    def __init__(self, producer: EventProducer) -> None:
        self._producer = producer
        self._waiting: dict[str, _Wish] = {}
        self._turn = asyncio.Lock()

    async def publish(self, event: Event) -> None:
        """Publish the event; return once it is on the log.

        Raise a transient error if the broker is away; the event may still have been written. Raise
        one of REFUSED_RECORD if the broker takes the other events but not this one.
        """
        wish = self._waiting.setdefault(event.id, _Wish(event))
        async with self._turn:
            if not wish.is_settled:
                await self._write_waiting()
        if wish.refused is not None:
            raise wish.refused

    async def _write_waiting(self) -> None:
        batch, self._waiting = self._waiting, {}
        try:
            await self._write(list(batch.values()))
        except BaseException:
            # Their events do not count as written.
            left = {name: wish for name, wish in batch.items() if not wish.is_settled}
            self._waiting = left | self._waiting
            raise

    async def _write(self, wishes: list[_Wish]) -> None:
        """Settle the wishes. Raise transient errors; then some wishes may not be settled."""
        try:
            await self._producer.publish([wish.event for wish in wishes])
        except Exception as error:
            if is_transient(error):
                raise
            if len(wishes) > 1 and isinstance(error, REFUSED_RECORD):
                # One of them is refused; write each alone, so that the others need not wait for it.
                for wish in wishes:
                    await self._write([wish])
                return
            for wish in wishes:
                wish.refused = error
        for wish in wishes:
            wish.is_settled = True
