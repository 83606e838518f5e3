"""Writes what many have to say at the same moment in one go.

A record by itself costs the broker, and this process, about as much as a batch of them. Where each
of many tasks waits for its own record to stand on the log, they share a write.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from contracts.wire.envelope import Event
from services.runtime.kafka.producer import EventProducer
from services.runtime.transient import REFUSED_RECORD, is_transient


@dataclass(slots=True)
class _Wish:
    """An event that somebody wants to stand on the log."""

    event: Event
    is_settled: bool = False
    refused: Exception | None = None


class GroupWriter:
    """One write at a time; what comes meanwhile goes with the next."""

    def __init__(self, producer: EventProducer) -> None:
        self._producer = producer
        self._waiting: dict[str, _Wish] = {}
        self._turn = asyncio.Lock()

    async def publish(self, event: Event) -> None:
        """Returns once the event stands on the log.

        Raises what the broker's absence raises; the event may then be written all the same. Raises
        one of REFUSED_RECORD if the broker takes the others' events and not this one.
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
            # Nobody takes theirs for written.
            left = {name: wish for name, wish in batch.items() if not wish.is_settled}
            self._waiting = left | self._waiting
            raise

    async def _write(self, wishes: list[_Wish]) -> None:
        """Settles the wishes. Raises what passes by itself; then some may not be settled."""
        try:
            await self._producer.publish([wish.event for wish in wishes])
        except Exception as error:
            if is_transient(error):
                raise
            if len(wishes) > 1 and isinstance(error, REFUSED_RECORD):
                # One of them is refused, and the others must not wait for it: each by itself.
                for wish in wishes:
                    await self._write([wish])
                return
            for wish in wishes:
                wish.refused = error
        for wish in wishes:
            wish.is_settled = True
