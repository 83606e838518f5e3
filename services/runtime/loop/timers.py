"""When timers fire: by the wall clock in turns with the records, or all at a stream's tick."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, Generic

import structlog

from services.runtime import metrics
from services.runtime.core.decider import S
from services.runtime.loop.collector import collector_paused
from services.runtime.loop.parts import Parts
from services.runtime.loop.progress import Progress
from services.runtime.loop.retry import Leaving
from services.runtime.loop.side_by_side import side_by_side
from services.runtime.loop.timer_round import TimerRound
from services.runtime.transient import is_transient

log = structlog.get_logger("motcua.engine")

_ROUNDS_AT_ONCE = 4
"""Each round is of another partition: while one is decided, others wait for an ack or a write."""
_REST = 5.0
"""Seconds that rounds get to finish when the work is to end."""


class Timers(Generic[S]):
    """The timers of the states that an engine keeps."""

    def __init__(self, parts: Parts[S], progress: Progress) -> None:
        self._parts = parts
        self._progress = progress
        self._timer_round = TimerRound(parts)

    async def run(self, caught_up: Callable[[], Awaitable[set[int]]]) -> None:
        """Fire timers by the wall clock until cancelled; leave records their turn in between.

        Only partitions that are caught up are fired: otherwise a service that was away would
        announce as overdue what was finished meanwhile. In a partition that lags, time is no
        further than the newest record that was handled.
        """
        parts = self._parts
        while True:
            more = False
            try:
                ready = await caught_up() if parts.ownership.owned else set()
                more = await self.fire_due(self._progress.settled_until(ready, parts.clock.now()))
            except Leaving:
                log.info("left timers to the next owner")
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("waiting for the broker", error=repr(error))
            metrics.CLOCK.labels(parts.decider.name).set(parts.clock.now().timestamp())
            if not more:
                await asyncio.sleep(parts.settings.timer_poll)

    async def fire_due(self, until: dict[int, datetime]) -> bool:
        """Fire, for one turn, each partition's timers that passed before its time.

        Return whether some may be left because the turn was over first. When cancelled, finish the
        rounds that are under way: the next owner would say again what is on the log but not in the
        states.
        """
        ownership = self._parts.ownership
        async with ownership.turn() as current:
            if not current:
                return False  # what was settled before a rebalance may not be settled after it
            waiting = deque(partition for partition in until if partition in ownership.owned)
            over = time.monotonic() + self._parts.settings.timer_turn

            async def rounds() -> None:
                while waiting and not ownership.leaving.is_set():
                    partition = waiting.popleft()
                    if await self._round(partition, until[partition]):
                        waiting.append(partition)
                    if time.monotonic() >= over:
                        return

            def stop() -> None:
                nonlocal over
                over = 0.0

            with collector_paused():
                await _to_its_end(side_by_side(rounds() for _ in range(_ROUNDS_AT_ONCE)), stop)
            return bool(waiting) and not ownership.leaving.is_set()

    async def fire_all(self, partition: int, before: datetime) -> None:
        """Fire all of the partition's timers that passed before that time."""
        while await self._round(partition, before):
            pass

    async def _round(self, partition: int, before: datetime) -> bool:
        """Fire one round of the partition's timers; return whether it was a full one."""
        fired = 0

        async def attempt() -> None:
            nonlocal fired
            fired = await self._timer_round.attempt(partition, before)

        await self._parts.retry.until_done(attempt)
        return fired >= self._parts.settings.timer_batch


async def _to_its_end(work: Coroutine[Any, Any, None], stop: Callable[[], None]) -> None:
    """Wait for the work; when cancelled, ask it to stop and let it finish."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait({task}, timeout=_REST)
        task.cancel()
        (end,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(end, Exception) and not isinstance(end, Leaving):
            log.error("timers failed while the service was ending", exc_info=end)
        raise
