"""Many who wait for their own record share a write, and nobody takes a failed one for written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.wire.envelope import Event
from services.runtime.kafka.group_writer import Together
from services.runtime.kafka.producer import EventProducer


class Log(EventProducer):
    """Holds every write until it is let go, and fails those that it is told to."""

    def __init__(self) -> None:
        super().__init__("nowhere:9092")
        self.writes: list[list[str]] = []
        self.free = asyncio.Event()
        self.fails = False

    async def publish(self, events: Iterable[Event]) -> None:
        ids = [event.id for event in events]
        await self.free.wait()
        if self.fails:
            raise TimeoutError(f"not written: {ids}")
        self.writes.append(ids)


def event(name: str) -> Event:
    return Event(name, "/tests", CLOCK_SUBJECT, datetime(2026, 3, 2, tzinfo=UTC), ClockTicked())


async def test_what_comes_while_one_is_written_goes_with_the_next() -> None:
    log = Log()
    together = Together(log)
    async with asyncio.TaskGroup() as group:
        for name in ("a", "b", "c", "d"):
            group.create_task(together.publish(event(name)))
            await asyncio.sleep(0)
        log.free.set()
    assert log.writes == [["a"], ["b", "c", "d"]]


async def test_a_write_that_fails_is_nobody_s_success() -> None:
    log = Log()
    log.fails = True
    log.free.set()
    together = Together(log)
    with pytest.raises(TimeoutError):
        await together.publish(event("a"))
    log.fails = False
    await together.publish(event("b"))
    assert log.writes == [["a", "b"]], "whose caller gave up may stand there all the same"


async def test_who_is_cancelled_leaves_the_write_to_the_others() -> None:
    log = Log()
    together = Together(log)
    first = asyncio.create_task(together.publish(event("a")))
    await asyncio.sleep(0)
    second = asyncio.create_task(together.publish(event("b")))
    await asyncio.sleep(0)
    first.cancel()
    log.free.set()
    await second
    assert log.writes == [["a", "b"]]
    with pytest.raises(asyncio.CancelledError):
        await first
