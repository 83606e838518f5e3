"""Writes events to Kafka: all of them, in order, or it raises an error."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from contracts.wire.codec import Record, encode
from contracts.wire.envelope import Event
from contracts.wire.mac import Keys, NoKey
from services.runtime.access import AccessWrong
from services.runtime.kafka.clients import AIOKAFKA, Clients
from services.runtime.record_keys import environment_keys

log = structlog.get_logger("motcua.producer")

_STOP = 10.0
"""Seconds that a producer gets to deliver what it holds."""


@lru_cache(maxsize=65_536)
def partition_of(key: bytes | None, partitions: tuple[int, ...]) -> int:
    """Return the key's partition, as Kafka's own clients compute it; any one for a missing key."""
    found: int = DefaultPartitioner()(key, list(partitions), list(partitions))
    return found


class EventProducer:
    """An idempotent producer with acks from all replicas.

    Records of one key keep their order. After a failure it starts again with a new producer,
    because an idempotent producer that lost a batch refuses all later ones. Records that were being
    written may then be in the log twice, with the same ids.
    """

    def __init__(
        self, bootstrap: str, clients: Clients = AIOKAFKA, keys: Keys | None = None
    ) -> None:
        """`keys`: what events are signed with; None: with those that the environment names, if it
        does. Raise AccessWrong if those are wrong."""
        self._bootstrap = bootstrap
        self._clients = clients
        self._keys = keys or environment_keys()
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raise aiokafka.errors.KafkaConnectionError if no broker answers."""
        async with self._starting:
            if self._producer is None:
                producer = self._clients.producer(
                    bootstrap_servers=self._bootstrap,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    max_batch_size=131_072,
                    request_timeout_ms=20_000,
                    max_request_size=2_000_000,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer

    async def stop(self) -> None:
        """Wait for the writes under way, then close."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    def topic_of(self, event: Event) -> str:
        """Return the topic that an event is written to."""
        return event.data.TOPIC

    def record_of(self, event: Event) -> Record:
        """Return the record of an event, signed where there are keys.

        Raise AccessWrong if the key is missing of who may write it.
        """
        record = encode(event)
        if self._keys is None:
            return record
        try:
            return self._keys.signed(record)
        except NoKey as error:
            raise AccessWrong(f"{event.data.NAME} cannot be signed: {error}") from error

    def order_of(self, record: Record) -> Record:
        """Return what puts a record back, signed where there are keys.

        Raise AccessWrong if the operator's key is missing.
        """
        if self._keys is None:
            return record
        try:
            return self._keys.ordered(record)
        except NoKey as error:
            raise AccessWrong(f"a dead letter cannot be put back: {error}") from error

    async def publish(self, events: Iterable[Event]) -> None:
        """Write the events to their types' topics and wait for every ack."""
        by_topic: dict[str, list[Record]] = defaultdict(list)
        for event in events:
            by_topic[self.topic_of(event)].append(self.record_of(event))
        if by_topic:
            await asyncio.gather(*(self.write(topic, rs) for topic, rs in by_topic.items()))

    async def write(self, topic: str, records: Sequence[Record]) -> None:
        """Write the records, each to its key's partition, and wait for every ack."""
        if not records:
            return
        async with self._renewed() as producer:
            partitions = tuple(sorted(await producer.partitions_for(topic)))
            by_partition: dict[int, list[Record]] = defaultdict(list)
            for record in records:
                by_partition[partition_of(record.key, partitions)].append(record)
            await asyncio.gather(
                *(self._append(producer, topic, p, rs) for p, rs in by_partition.items())
            )

    async def write_everywhere(self, topic: str, record: Record) -> None:
        """Write the record to every partition of the topic, as a clock's tick needs it."""
        async with self._renewed() as producer:
            for partition in sorted(await producer.partitions_for(topic)):
                await self._append(producer, topic, partition, [record])

    @asynccontextmanager
    async def _renewed(self) -> AsyncIterator[AIOKafkaProducer]:
        """Yield the producer; if what is done with it fails, the next one gets a new producer."""
        await self.start()
        producer = self._producer
        assert producer is not None
        try:
            yield producer
        except Exception:
            await self._drop(producer)
            raise

    async def _drop(self, producer: AIOKafkaProducer) -> None:
        current = self._producer
        if current is not None and current is producer:
            self._producer = None
            await _stop(current)

    async def _append(
        self, producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Record]
    ) -> None:
        # Whole batches are sent: one future per batch, not one per record.
        acks = []
        batch = producer.create_batch()
        for record in records:
            if _put(batch, record):
                continue
            if batch.record_count():
                acks.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            if not _put(batch, record):
                # Larger than a batch: sent alone; a refusal by the broker says why.
                acks.append(
                    await producer.send(
                        topic,
                        record.value,
                        key=record.key,
                        partition=partition,
                        headers=list(record.headers),
                    )
                )
        if batch.record_count():
            acks.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*acks)


def _put(batch: object, record: Record) -> bool:
    added = batch.append(  # type: ignore[attr-defined]
        key=record.key, value=record.value, timestamp=None, headers=list(record.headers)
    )
    return added is not None


async def _stop(producer: AIOKafkaProducer) -> None:
    # An idempotent batch never expires: with the broker away, closing would wait forever.
    try:
        async with asyncio.timeout(_STOP):
            await producer.stop()
    except TimeoutError:
        log.warning("the broker is away; what it had not confirmed is given up")
        await producer.client.close()
