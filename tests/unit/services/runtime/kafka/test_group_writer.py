"""Many who wait for their own record share a write, and nobody takes a failed one for written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from aiokafka.errors import MessageSizeTooLargeError, TopicAuthorizationFailedError

from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.wire.envelope import Event
from services.runtime.kafka.group_writer import GroupWriter
from services.runtime.kafka.producer import EventProducer


class Log(EventProducer):
    """Holds every write until it is let go, and fails those that it is told to."""

    def __init__(self) -> None:
        super().__init__("nowhere:9092")
        self.writes: list[list[str]] = []
        self.free = asyncio.Event()
        self.fails: Exception | None = None
        self.away_after: int | None = None
        self.too_large: set[str] = set()

    async def publish(self, events: Iterable[Event]) -> None:
        ids = [event.id for event in events]
        await self.free.wait()
        if self.fails is not None:
            raise self.fails
        if not self.too_large.isdisjoint(ids):
            raise MessageSizeTooLargeError(f"among {ids}")
        if len(self.writes) == self.away_after:
            raise TimeoutError(f"not written: {ids}")
        self.writes.append(ids)


def event(name: str) -> Event:
    return Event(name, "/tests", CLOCK_SUBJECT, datetime(2026, 3, 2, tzinfo=UTC), ClockTicked())


async def test_what_comes_while_one_is_written_goes_with_the_next() -> None:
    log = Log()
    together = GroupWriter(log)
    async with asyncio.TaskGroup() as group:
        for name in ("a", "b", "c", "d"):
            group.create_task(together.publish(event(name)))
            await asyncio.sleep(0)
        log.free.set()
    assert log.writes == [["a"], ["b", "c", "d"]]


async def test_a_write_that_fails_is_nobody_s_success() -> None:
    log = Log()
    log.fails = TimeoutError("not written")
    log.free.set()
    together = GroupWriter(log)
    with pytest.raises(TimeoutError):
        await together.publish(event("a"))
    log.fails = None
    await together.publish(event("b"))
    assert log.writes == [["a", "b"]], "whose caller gave up may stand there all the same"


async def test_who_is_cancelled_leaves_the_write_to_the_others() -> None:
    log = Log()
    together = GroupWriter(log)
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


async def test_a_record_that_the_broker_refuses_stops_nobody_else_s() -> None:
    log = Log()
    log.too_large = {"c"}
    together = GroupWriter(log)
    tasks = {}
    for name in ("a", "b", "c", "d"):
        tasks[name] = asyncio.create_task(together.publish(event(name)))
        await asyncio.sleep(0)
    log.free.set()
    ends = dict(
        zip(tasks, await asyncio.gather(*tasks.values(), return_exceptions=True), strict=True)
    )
    assert isinstance(ends.pop("c"), MessageSizeTooLargeError)
    assert ends == {"a": None, "b": None, "d": None}
    assert log.writes == [["a"], ["b"], ["d"]]
    await together.publish(event("e"))
    assert log.writes[-1] == ["e"], "what was refused is not written with others again"


async def test_an_outage_while_each_is_written_by_itself_lets_nobody_s_go() -> None:
    log = Log()
    log.too_large = {"b"}
    log.away_after = 2
    together = GroupWriter(log)
    tasks = []
    for name in ("a", "b", "c", "d"):
        tasks.append(asyncio.create_task(together.publish(event(name))))
        await asyncio.sleep(0)
    log.free.set()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), TimeoutError, type(None), TimeoutError]
    log.away_after = None
    await together.publish(event("d"))
    assert log.writes == [["a"], ["c"], ["d"]]


async def test_who_may_not_write_at_all_is_told_so() -> None:
    log = Log()
    log.fails = TopicAuthorizationFailedError("notification.events")
    log.free.set()
    together = GroupWriter(log)
    ends = await asyncio.gather(
        *(together.publish(event(name)) for name in ("a", "b")), return_exceptions=True
    )
    assert [type(end) for end in ends] == [TopicAuthorizationFailedError] * 2
