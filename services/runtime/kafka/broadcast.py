"""Writes one record to every partition, in one Kafka transaction: everywhere, or nowhere.

The transaction's id is the lock: whoever begins one shuts out another one that is under way, which
then takes no effect. So two broadcasts have one order, which is the same in every partition.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    InvalidTxnState,
    ProducerFenced,
)

from contracts.wire.codec import Record, encode
from contracts.wire.envelope import Event
from services.runtime.kafka.clients import Clients
from services.runtime.record_keys import record_keys
from services.runtime.settings import Settings

_UNFINISHED = 15_000
"""Milliseconds after which the broker gives a transaction up whose writer has died. As long,
readers wait before it."""

_SHUT_OUT = (ProducerFenced, InvalidProducerEpoch, InvalidTxnState, IllegalOperation)
"""What a producer raises whose transaction another one has ended: at a send, an ack or its end."""


class ShutOut(Exception):
    """Another transaction of the same id came between: this one took no effect, anywhere."""


@asynccontextmanager
async def transactions(
    settings: Settings, clients: Clients, transaction: str, most: int
) -> AsyncIterator[AIOKafkaProducer]:
    """Make a producer of that transaction's id, which shuts out every other one.

    `most`: the largest record's bytes.
    """
    producer = clients.producer(
        bootstrap_servers=settings.kafka,
        transactional_id=transaction,
        transaction_timeout_ms=_UNFINISHED,
        acks="all",
        # The broker's limit is for what is compressed.
        compression_type="gzip",
        max_request_size=most,
    )
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


def signed(settings: Settings, event: Event) -> Record:
    """Return the event's record, with its MAC where keys are set. Raise NoKey without its key."""
    keys, record = record_keys(settings), encode(event)
    return record if keys is None else keys.keys.signed(record)


async def broadcast(producer: AIOKafkaProducer, record: Record, topics: Iterable[str]) -> None:
    """Write it to every partition of the topics. Raise ShutOut if another came between."""
    acks: list[asyncio.Future[Any]] = []
    try:
        async with producer.transaction():
            for topic in topics:
                for partition in sorted(await producer.partitions_for(topic)):
                    acks.append(  # noqa: PERF401  (those before a failure are needed)
                        await producer.send(
                            topic,
                            record.value,
                            key=record.key,
                            partition=partition,
                            headers=list(record.headers),
                        )
                    )
            await asyncio.gather(*acks)
    except _SHUT_OUT as error:
        await asyncio.gather(*acks, return_exceptions=True)  # all for the same reason
        raise ShutOut from error
