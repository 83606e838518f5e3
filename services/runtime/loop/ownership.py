"""Which partitions this instance looks after, and whose turn it is to work on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from services.runtime import metrics
from services.runtime.loop.progress import Progress
from services.runtime.loop.states import States


class Ownership:
    """There is one writer: a batch, a turn of timers, a change from beside and a rebalance never
    overlap.
    """

    def __init__(self, service: str, topic: str, states: States[Any], progress: Progress) -> None:
        self.owned: set[int] = set()
        self.leaving = asyncio.Event()
        """Set while partitions are taken away: what waits for broker or database lets go."""
        self.before_leaving: list[Callable[[], Awaitable[object]]] = []
        """What must come to rest before partitions are given up."""
        self._service = service
        self._topic = topic
        self._states = states
        self._progress = progress
        self._turn = asyncio.Lock()
        self._generation = 0
        self._ending = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """The writer's turn. Tells whether the partitions are still those of the asking.

        If they are not, what was to be done is void: the consumer fetches the records again.
        """
        generation = self._generation
        async with self._turn:
            yield generation == self._generation

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Holds batches, timers and rebalances back, and has every state loaded again after.

        What changes the decider or writes to the store from beside the engine does it here. A
        batch is decided under what was before, all its tries included, or under what is after.
        """
        async with self._turn:
            try:
                yield
            finally:
                self._states.clear()

    async def assigned(self, partitions: set[int]) -> None:
        """Starts with nothing in memory: another instance may have written since."""
        # Before any wait: records of the new assignment may be handed over while this waits for
        # its turn, and what the engine turns away is never fetched again.
        self.owned |= partitions
        self._generation += 1
        async with self._turn:
            self._states.clear()
        metrics.REBALANCES.labels(self._service).inc()
        self._show()

    async def revoked(self, partitions: set[int]) -> None:
        """Waits for the batch under way, or breaks off its retries; then forgets."""
        self.leaving.set()
        try:
            async with self._turn:
                self.owned -= partitions
                self._generation += 1
                self._states.clear()
                self._progress.left(partitions)
                for at_rest in self.before_leaving:
                    await at_rest()
        finally:
            if not self._ending:
                self.leaving.clear()
        self._show()

    def leave(self) -> None:
        """Lets a batch that waits for broker or database go: the process is to end."""
        self._ending = True
        self.leaving.set()

    def _show(self) -> None:
        metrics.PARTITIONS.labels(self._service, self._topic).set(len(self.owned))
