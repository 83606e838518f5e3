"""FastStream around one engine: subscription, partitions, and an end without loss.

FastStream's ways to acknowledge lose or skip records when a handler raises, and its parsing costs
more than our decisions. So batches arrive raw, the engine commits the offsets, and no exception of
the engine ever reaches the framework.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from services.runtime.kafka.clients import faststream_broker
from services.runtime.kafka.offsets import Offsets
from services.runtime.loop.engine import Engine
from services.runtime.settings import ClockKind, Settings
from services.runtime.supervised import Supervised

_FEW = 200
"""After a batch of at least this many records the next one begins at once."""


class EngineConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Feeds an engine from the topic of its decider, in the group of its service."""

    def __init__(
        self, broker: KafkaBroker, engine: Engine[Any], settings: Settings, tasks: Supervised
    ) -> None:
        self.engine = engine
        self.tasks = tasks
        # A replay runs as fast as it can.
        streamed = settings.clock is ClockKind.STREAM
        self._gap = 0.0 if streamed else settings.batch_gap_ms / 1000
        decider = engine.decider
        self.group = group_of(decider.name, decider.topic)
        self.subscriber = broker.subscriber(
            decider.topic,
            group_id=self.group,
            batch=True,
            max_records=settings.batch_records,
            batch_timeout_ms=settings.batch_wait_ms,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=max(300, settings.session_timeout_ms // 4),
            max_poll_interval_ms=300_000,
            # Work under way is finished first: a mail that its server accepts slowly, or a batch
            # that waits for the database.
            rebalance_timeout_ms=max(60_000, settings.session_timeout_ms),
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=1_048_576,
            # A set of rules is enacted in one transaction.
            isolation_level="read_committed",
            listener=self,
            parser=_raw,
            decoder=_body,
            no_reply=True,
        )
        self.subscriber(self._on_batch)
        take = self.subscriber.get_msg

        async def take_or_pass(consumer: AIOKafkaConsumer) -> Any:
            # In the task that handles what is taken: when it takes nothing, nothing is in hand.
            records = await take(consumer)
            if not records:
                await self._pass_markers(consumer)
            return records

        self.subscriber.get_msg = take_or_pass  # type: ignore[method-assign]

    async def _on_batch(self, records: Any) -> None:
        if self.tasks.failed.done():
            # Nothing more is handled or committed; the process is about to end.
            await asyncio.sleep(1.0)
            return
        began = time.monotonic()
        try:
            await self.engine.handle(records, self._commit)
        except Exception as error:  # noqa: BLE001  (the service's main loop logs it)
            self.tasks.fail(error)
        if len(records) < _FEW:
            # A batch costs its round trips, whatever its size: a trickle of records is collected.
            await asyncio.sleep(self._gap - (time.monotonic() - began))

    async def _pass_markers(self, consumer: AIOKafkaConsumer) -> None:
        """Commit offsets that hold no record: a transaction ends with a marker of its own.

        Otherwise a partition whose last offset is a marker would look as if it lagged for ever.
        """
        if self.tasks.failed.done():
            return
        passed: dict[int, int] = {}
        for tp in consumer.assignment():
            # Of a partition that was just taken over nothing is known: it may begin at a marker.
            done = self.engine.progress.next_offset(tp.partition)
            if (position := await consumer.position(tp)) > done:
                passed[tp.partition] = position
        if not passed:
            return
        try:
            await self.engine.passed(passed, self._commit)
        except Exception as error:  # noqa: BLE001  (the service's main loop logs it)
            self.tasks.fail(error)

    async def run_timers(self, offsets: Offsets) -> None:
        """Fire the engine's timers by the wall clock until cancelled."""

        async def caught_up() -> set[int]:
            return await self.engine.progress.caught_up(
                self.engine.ownership.owned, offsets, self.group
            )

        await self.engine.timers.run(caught_up)

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        consumer = self.subscriber.consumer
        assert consumer is not None
        await consumer.commit(offsets)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Drain before the group gives the partitions to another instance."""
        await self.engine.ownership.revoked({tp.partition for tp in revoked})

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Take the partitions over."""
        # aiokafka calls us in the task that keeps it in the group. If that task ends by an error,
        # it never starts again, and FastStream would poll forever and get nothing.
        coordinates = asyncio.current_task()
        assert coordinates is not None
        self.tasks.watch(coordinates)
        await self.engine.ownership.assigned({tp.partition for tp in assigned})


def group_of(service: str, topic: str) -> str:
    """Return the consumer group in which the service's instances share the topic."""
    return f"{service}:{topic}"


def make_broker(settings: Settings) -> KafkaBroker:
    """Return a FastStream broker that injects nothing, logs nothing and drains at its end."""
    return faststream_broker(
        settings.kafka,
        apply_types=False,
        # We handle its errors: it waits and polls again, and reports them nowhere else.
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
        graceful_timeout=30.0,
    )


async def _raw(records: tuple[ConsumerRecord[Any, Any], ...]) -> KafkaMessage:
    return _Batch(records)


async def _body(message: KafkaMessage) -> Any:
    return message.raw_message


class _Batch(KafkaMessage):
    def __init__(self, records: tuple[ConsumerRecord[Any, Any], ...]) -> None:
        super().__init__(raw_message=records, body=b"", consumer=_NO_CONSUMER)


class _NoConsumer:
    """Stands where FastStream would acknowledge by itself, which must not happen."""

    async def commit(self) -> None:
        raise RuntimeError("only the engine commits")

    def seek(self, partition: TopicPartition, offset: int) -> None:
        raise RuntimeError("only the engine moves")


_NO_CONSUMER = _NoConsumer()
