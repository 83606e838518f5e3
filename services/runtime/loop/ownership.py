"""Which partitions this instance owns, and whose turn it is to work on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from services.runtime import metrics
from services.runtime.loop.progress import Progress
from services.runtime.loop.states import States
from services.runtime.loop.worlds import Worlds


class Ownership:
    """Lets one writer work at a time: a batch, a turn of timers, a change from outside the engine
    and a rebalance never overlap."""

    def __init__(
        self, service: str, topic: str, states: States[Any], worlds: Worlds, progress: Progress
    ) -> None:
        self.owned: set[int] = set()
        self.leaving = asyncio.Event()
        """Set while partitions are taken away: waiting for broker or database is broken off."""
        self.before_leaving: list[Callable[[], Awaitable[object]]] = []
        """What must come to rest before partitions are given up."""
        self._service = service
        self._topic = topic
        self._states = states
        self._worlds = worlds
        self._progress = progress
        self._turn = asyncio.Lock()
        self._generation = 0
        self._ending = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """Wait for the writer's turn; yield whether the partitions are unchanged since the call.

        If they have changed, the work is void: the consumer fetches the records again.
        """
        generation = self._generation
        async with self._turn:
            yield generation == self._generation

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold batches, timers and rebalances back, and clear every state from memory afterwards.

        Code outside the engine that changes the decider or writes to the store does it inside. So a
        batch, with all its tries, is decided either before the change or after it.
        """
        async with self._turn:
            try:
                yield
            finally:
                self._states.clear()

    async def assigned(self, partitions: set[int]) -> None:
        """Start with nothing in memory: another instance may have written since."""
        # Before any wait: records of the new assignment may arrive while this waits for its turn,
        # and records that the engine turns away are never fetched again.
        self.owned |= partitions
        self._generation += 1
        async with self._turn:
            self._forget()
        metrics.REBALANCES.labels(self._service).inc()
        self._show()

    async def revoked(self, partitions: set[int]) -> None:
        """Wait for the batch under way, or break off its retries; then forget the partitions."""
        self.leaving.set()
        try:
            async with self._turn:
                self.owned -= partitions
                self._generation += 1
                self._forget()
                self._progress.left(partitions)
                for at_rest in self.before_leaving:
                    await at_rest()
        finally:
            if not self._ending:
                self.leaving.clear()
        self._show()

    def leave(self) -> None:
        """Break off a batch that waits for broker or database: the process is to end."""
        self._ending = True
        self.leaving.set()

    def _forget(self) -> None:
        self._states.clear()
        self._worlds.forget()

    def _show(self) -> None:
        metrics.PARTITIONS.labels(self._service, self._topic).set(len(self.owned))
