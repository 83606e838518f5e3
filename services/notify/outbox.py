"""Finds the messages that are due, of the partitions that an instance looks after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.notify.delivery import Deliveries, Delivery
from services.runtime.clock import Clock
from services.runtime.mongo import Database
from services.runtime.stored import state_of


@dataclass(frozen=True, slots=True)
class Due:
    """A message that may be sent."""

    dossier: str
    partition: int
    now: datetime
    """The partition's time when it was found."""
    message: Delivery

    @property
    def waited(self) -> float:
        """Seconds since it could have been sent."""
        assert self.message.due_at is not None
        return (self.now - self.message.due_at).total_seconds()


class Outbox:
    """The deliveries' states, by when their first message may be sent.

    What is held until the morning is not looked at before, and what has ended never again.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._collection = database["deliveries"]
        self._clock = clock

    async def prepare(self) -> None:
        """Makes the index; again is a no-op."""
        await self._collection.create_index(
            [("p", 1), ("state.next_at", 1)],
            name="next",
            partialFilterExpression={"state.pending": {"$gt": 0}},
        )

    async def due(self, partitions: set[int]) -> AsyncIterator[Due]:
        """Every message that is due by its partition's clock, the longest due dossier first."""
        for now, query in self._queries(partitions):
            async for document in self._collection.find(query).sort("state.next_at", 1):
                messages = state_of(document, Deliveries).messages.values()
                ready = [m for m in messages if m.due_at is not None and m.due_at <= now]
                for message in sorted(ready, key=lambda m: (m.due_at, m.message_id)):
                    yield Due(document["_id"], document["p"], now, message)

    async def dossiers(self, partitions: set[int]) -> int:
        """How many dossiers have a message that is due."""
        counts = [
            await self._collection.count_documents(query) for _, query in self._queries(partitions)
        ]
        return sum(counts)

    def _queries(self, partitions: set[int]) -> list[tuple[datetime, dict[str, Any]]]:
        by_time: dict[datetime, list[int]] = {}
        for partition in sorted(partitions):
            by_time.setdefault(self._clock.now(partition), []).append(partition)
        return [
            (
                now,
                {
                    "p": {"$in": mine},
                    "state.next_at": {"$lte": now},
                    "state.pending": {"$gt": 0},
                    "hold": None,
                },
            )
            for now, mine in by_time.items()
        ]
