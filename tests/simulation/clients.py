"""An instance's clients of the broker in memory, behind the calls that aiokafka has.

Each way takes a time that is drawn. What is sent may be lost, may arrive and not be confirmed, and
may arrive a second time long after; it arrives in its order, and though the sender is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from functools import partial
from typing import Any, NamedTuple

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaConnectionError,
    KafkaTimeoutError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
)

from contracts.wire.codec import Record
from services.runtime import Clients
from tests.simulation.broker import Broker, Member, Transaction
from tests.simulation.chances import Fault
from tests.simulation.scheduler import Scheduler

_BATCH = 131_072
_TIMEOUT = 20.0
"""Seconds after which a client gives up a broker that is away."""


def clients_of(broker: Broker, owner: str) -> Clients:
    """What makes one instance's clients."""
    return Clients(
        partial(Producer, broker, owner), partial(Consumer, broker, owner), partial(Admin, broker)
    )


async def _way(broker: Broker) -> None:
    """One way to the broker or back. Raise KafkaConnectionError if it is away for long."""
    if not broker.chances.calm:
        await asyncio.sleep(broker.chances.latency())
    if not broker.is_back.is_set():
        try:
            await asyncio.wait_for(broker.is_back.wait(), _TIMEOUT)
        except TimeoutError as error:
            raise KafkaConnectionError("no broker answers") from error


class _Batch:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self._size = 0

    def append(self, *, key: Any, value: Any, timestamp: None, headers: Any) -> object | None:
        size = 70 + len(key or b"") + len(value or b"") + sum(len(k) + len(v) for k, v in headers)
        if self.records and self._size + size > _BATCH:
            return None
        self._size += size
        self.records.append(Record(key, value, headers))
        return self

    def record_count(self) -> int:
        return len(self.records)


class _Ways(NamedTuple):
    """When the last batch of a partition arrives, and whether the partition's order is broken."""

    arrives: float = 0.0
    broken: bool = False


class Producer:
    """An idempotent producer, or one with transactions."""

    def __init__(self, broker: Broker, owner: str, **options: Any) -> None:
        self._broker = broker
        self._name: str | None = options.get("transactional_id")
        self._timeout = options.get("transaction_timeout_ms", 60_000) / 1000
        self._epoch = 0
        self._transaction: Transaction | None = None
        self._ways: dict[TopicPartition, _Ways] = {}
        self._under_way: set[asyncio.Future[None]] = set()
        self._closed = False
        self.client = self

    async def start(self) -> None:
        await _way(self._broker)
        if self._name is not None:
            self._epoch = self._broker.take_over(self._name)

    async def stop(self) -> None:
        self._closed = True
        if self._under_way:
            await asyncio.wait(set(self._under_way))

    async def close(self) -> None:
        """As `client.close`: nothing is waited for."""

    async def partitions_for(self, topic: str) -> set[int]:
        return set(self._broker.partitions(topic))

    def create_batch(self) -> _Batch:
        return _Batch()

    async def send_batch(
        self, batch: _Batch, topic: str, *, partition: int
    ) -> asyncio.Future[None]:
        return self._send(TopicPartition(topic, partition), batch.records)

    async def send(
        self, topic: str, value: Any, *, key: Any, partition: int, headers: Any
    ) -> asyncio.Future[None]:
        return self._send(TopicPartition(topic, partition), [Record(key, value, headers)])

    def _send(self, tp: TopicPartition, records: Sequence[Record]) -> asyncio.Future[None]:
        if self._closed:
            raise ProducerClosed
        chances = self._broker.chances
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if chances.calm:
            self._arrive(tp, records, done, None)
            return done
        self._under_way.add(done)
        done.add_done_callback(self._under_way.discard)
        ways = self._ways.get(tp, _Ways())
        fault = None
        if self._name is None:
            fault = chances.of(Fault.SEND_LOST, Fault.SEND_UNTOLD, Fault.TWICE)
        arrives = max(loop.time() + chances.latency(), ways.arrives)
        self._ways[tp] = _Ways(arrives, ways.broken or fault is Fault.SEND_LOST)
        if ways.broken:
            error = OutOfOrderSequenceNumber("an earlier batch was lost")
            loop.call_at(arrives, _fail, done, error, context=Context())
        elif fault is Fault.SEND_LOST:
            error = KafkaTimeoutError("not sent in time")
            loop.call_at(arrives, _fail, done, error, context=Context())
        else:
            coming = self._come(arrives, tp, records, done, fault)
            # The records are on their way, whatever becomes of the sender.
            task = loop.create_task(coming, context=Context())
            broker_tasks.add(task)
            task.add_done_callback(broker_tasks.discard)
        return done

    async def _come(
        self,
        arrives: float,
        tp: TopicPartition,
        records: Sequence[Record],
        done: asyncio.Future[None],
        fault: Fault | None,
    ) -> None:
        broker, chances = self._broker, self._broker.chances
        loop = asyncio.get_running_loop()
        await asyncio.sleep(arrives - loop.time())
        await broker.is_back.wait()
        if fault is Fault.TWICE:
            again = partial(broker.append, tp, records)
            loop.call_later(chances.draw.random(), again)
        if fault is Fault.SEND_UNTOLD:
            broker.append(tp, records)
            _fail(done, KafkaTimeoutError("not confirmed in time"))
            return
        self._arrive(tp, records, done, chances.latency())

    def _arrive(
        self,
        tp: TopicPartition,
        records: Sequence[Record],
        done: asyncio.Future[None],
        back: float | None,
    ) -> None:
        try:
            if self._name is not None:
                assert self._transaction is not None
                self._broker.check(self._name, self._epoch, self._transaction)
            self._broker.append(tp, records, self._transaction)
        except ProducerFenced as error:
            _fail(done, error)
            return
        if back is None:
            done.set_result(None)
        else:
            asyncio.get_running_loop().call_later(back, _succeed, done)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        assert self._name is not None
        await _way(self._broker)
        self._transaction = self._broker.begin(self._name, self._epoch, self._timeout)
        try:
            yield
        except BaseException:
            with suppress(ProducerFenced):
                self._broker.end(self._name, self._epoch, commit=False)
            raise
        await _way(self._broker)
        self._broker.end(self._name, self._epoch, commit=True)
        await _way(self._broker)


broker_tasks: set[asyncio.Task[None]] = set()
"""Held, so that what is on its way is not collected."""


def _fail(done: asyncio.Future[None], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
        done.exception()


def _succeed(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


class Consumer:
    """A consumer in a group, or of partitions that are named."""

    def __init__(self, broker: Broker, owner: str, **options: Any) -> None:
        self._broker = broker
        self._owner = owner
        self._group = options.get("group_id")
        self._committed = options.get("isolation_level") == "read_committed"
        self._positions: dict[TopicPartition, int] = {}
        self._member: Member | None = None
        self._assigned = asyncio.Event()
        self._coordinates: asyncio.Task[None] | None = None
        self._topic = ""
        self._listener: Any = None

    def subscribe(self, topic: str, listener: Any) -> None:
        self._topic, self._listener = topic, listener

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        self._positions = dict.fromkeys(partitions, 0)

    async def start(self) -> None:
        await _way(self._broker)
        if self._group is None:
            return
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Scheduler)
        owner = self._owner
        self._member = Member(owner, lambda: loop.is_heard_of(owner))
        self._coordinates = asyncio.create_task(self._coordinate())

    async def stop(self) -> None:
        if self._coordinates is not None:
            assert self._member is not None
            self._coordinates.cancel()
            await asyncio.wait({self._coordinates})
            self._broker.group(str(self._group), self._topic).leave(self._member)

    async def _coordinate(self) -> None:
        """Keep this member in its group, as aiokafka's coordination does."""
        member, listener = self._member, self._listener
        assert member is not None
        group = self._broker.group(str(self._group), self._topic)
        while True:
            self._assigned.clear()
            await listener.on_partitions_revoked(set(self._positions))
            member.called.clear()
            await _way(self._broker)
            mine = await group.join(member)
            self._positions = {
                TopicPartition(self._topic, p): group.committed.get(p, 0) for p in mine
            }
            self._assigned.set()
            await listener.on_partitions_assigned(set(self._positions))
            await member.called.wait()

    # -- reading ----------------------------------------------------------------------------

    def assignment(self) -> set[TopicPartition]:
        return set(self._positions)

    def highwater(self, tp: TopicPartition) -> int | None:
        return len(self._broker.log[tp])

    async def position(self, tp: TopicPartition) -> int:
        if tp not in self._positions:
            raise IllegalStateError(f"{tp} is not assigned")
        return self._positions[tp]

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._positions[tp] = offset

    async def topics(self) -> set[str]:
        await _way(self._broker)
        return {tp.topic for tp in self._broker.log}

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        await _way(self._broker)
        found = {tp: len(self._broker.log[tp]) for tp in partitions}
        await _way(self._broker)
        return found

    async def beginning_offsets(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int = 500
    ) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        broker = self._broker
        if self._group is not None:
            await self._assigned.wait()
        await broker.is_back.wait()
        found = self._take(partitions or tuple(self._positions), max_records)
        if not found:
            await broker.grown(timeout_ms / 1000)
            await self._until_assigned()
            found = self._take(partitions or tuple(self._positions), max_records)
        return found

    async def _until_assigned(self) -> None:
        if self._group is not None:
            await self._assigned.wait()
        if not self._broker.chances.calm:
            await asyncio.sleep(self._broker.chances.latency())
            if self._group is not None:
                await self._assigned.wait()

    def _take(
        self, partitions: Sequence[TopicPartition], most: int
    ) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        chances = self._broker.chances
        if not chances.calm:
            partitions = chances.draw.sample(partitions, len(partitions))
            most = min(most, chances.draw.choice((1, 2, 5, 20, most)))
        found: dict[TopicPartition, list[ConsumerRecord[Any, Any]]] = {}
        for tp in partitions:
            if most == 0:
                break
            records, self._positions[tp] = self._broker.read(
                tp, self._positions[tp], most, committed=self._committed
            )
            if records:
                found[tp] = records
                most -= len(records)
        return found

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        assert self._member is not None
        chances = self._broker.chances
        if not offsets.keys() <= self._positions.keys():
            raise IllegalStateError("a partition is not assigned")
        await _way(self._broker)
        fault = chances.of(Fault.COMMIT_FAILED, Fault.COMMIT_UNTOLD)
        if fault is Fault.COMMIT_FAILED:
            raise KafkaTimeoutError("not committed in time")
        group = self._broker.group(str(self._group), self._topic)
        group.commit(self._member, {tp.partition: end for tp, end in offsets.items()})
        await _way(self._broker)
        if fault is Fault.COMMIT_UNTOLD:
            raise KafkaTimeoutError("no answer in time")


class _Offset(NamedTuple):
    offset: int


class Admin:
    """Asks about topics and groups."""

    def __init__(self, broker: Broker, **options: Any) -> None:
        self._broker = broker

    async def start(self) -> None:
        await _way(self._broker)

    async def close(self) -> None:
        """Nothing is connected."""

    async def describe_topics(self, topics: Sequence[str]) -> list[dict[str, Any]]:
        await _way(self._broker)
        return [
            {"topic": t, "partitions": [{"partition": p} for p in self._broker.partitions(t)]}
            for t in topics
        ]

    async def list_consumer_group_offsets(self, name: str) -> dict[TopicPartition, _Offset]:
        await _way(self._broker)
        group = self._broker.groups.get(name)
        found: dict[TopicPartition, _Offset] = {}
        if group is not None:
            found = {TopicPartition(group.topic, p): _Offset(o) for p, o in group.committed.items()}
        await _way(self._broker)
        return found
