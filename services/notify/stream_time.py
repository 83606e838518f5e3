"""The stream clock for the sender, and for the page: read from the dossiers' topic, tick by tick.

The engines' own clock will not do. It knows only the partitions of dossiers that its instance owns,
which are not those of the messages; the page owns none. And after a restart it knows no time until
the next tick, which may never come.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.wire.codec import BadRecord, decode, type_of
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime import AIOKAFKA, Clients, StreamClock, patiently

_KEY = CLOCK_SUBJECT.encode()
_FIRST_LOOK, _GROWS = 256, 8
"""The last tick is searched in this many records before a partition's end, then in more."""
_PAUSE = 1.0
"""Seconds between two attempts to reach the broker."""


class StreamTime:
    """Follows the ticks of every partition. A tick is good for the same partition of any topic."""

    def __init__(
        self,
        bootstrap: str,
        partitions: int,
        clients: Clients = AIOKAFKA,
        clock: StreamClock | None = None,
    ) -> None:
        """`clock`: the one that is moved; None: one of its own."""
        self.clock = clock or StreamClock()
        self._bootstrap = bootstrap
        self._clients = clients
        self._partitions = [TopicPartition(DOSSIER_EVENTS, n) for n in range(partitions)]

    async def follow(self) -> None:
        """Follow until cancelled, and start again whenever the broker was away."""
        await patiently(self._follow, first=_PAUSE, most=_PAUSE)

    async def _follow(self) -> None:
        consumer = self._clients.consumer(
            bootstrap_servers=self._bootstrap, enable_auto_commit=False
        )
        try:
            await consumer.start()
            consumer.assign(self._partitions)
            for partition in self._partitions:
                await self._find_last(consumer, partition)
            while True:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    self._note(records)
        finally:
            await consumer.stop()

    async def _find_last(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        """Find the newest tick in the partition; leave the consumer at the partition's end."""
        (first,) = (await consumer.beginning_offsets([partition])).values()
        (end,) = (await consumer.end_offsets([partition])).values()
        look, known = _FIRST_LOOK, self.clock.now(partition.partition)
        while True:
            begin = max(first, end - look)
            consumer.seek(partition, begin)
            while await consumer.position(partition) < end:
                found = await consumer.getmany(partition, timeout_ms=1000)
                self._note(found.get(partition, []))
            if begin == first or self.clock.now(partition.partition) > known:
                return
            look *= _GROWS

    def _note(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        for record in records:
            if record.key != _KEY or type_of(record.headers) != ClockTicked.TYPE:
                continue
            with contextlib.suppress(BadRecord):  # the engine makes a dead letter of it
                event = decode(record.key, record.value, record.headers)
                self.clock.tick(record.partition, event.time)
