"""Where topics end and how far consumer groups have come, according to the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import UnknownTopicOrPartitionError

from services.runtime.kafka.clients import AIOKAFKA, Clients


class Offsets:
    """A small client for questions about offsets; connects at the first question."""

    def __init__(self, bootstrap: str, clients: Clients = AIOKAFKA) -> None:
        self._bootstrap = bootstrap
        self._make = clients
        self._connecting = asyncio.Lock()
        self._clients: tuple[AIOKafkaConsumer, AIOKafkaAdminClient] | None = None
        self._partitions: dict[str, list[int]] = {}

    async def partitions(self, topic: str) -> list[int]:
        """Return the topic's partitions. Their number never changes, so the broker is asked once.

        Raise UnknownTopicOrPartitionError if there is no such topic.
        """
        if topic not in self._partitions:
            _, admin = await self._connected()
            (found,) = await admin.describe_topics([topic])
            if not (known := sorted(p["partition"] for p in found["partitions"])):
                raise UnknownTopicOrPartitionError(topic)
            self._partitions[topic] = known
        return self._partitions[topic]

    async def ends(self, topic: str, partitions: Iterable[int] | None = None) -> dict[int, int]:
        """Return the offset that the next record of each partition will get."""
        consumer, _ = await self._connected()
        wanted = await self.partitions(topic) if partitions is None else partitions
        ends = await consumer.end_offsets([TopicPartition(topic, p) for p in wanted])
        return {tp.partition: end for tp, end in ends.items()}

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return the group's committed offset of each partition that has one."""
        _, admin = await self._connected()
        found = await admin.list_consumer_group_offsets(group)
        return {
            tp.partition: meta.offset
            for tp, meta in found.items()
            if tp.topic == topic and meta.offset >= 0
        }

    async def owned(self, group: str, topic: str) -> set[int]:
        """Return the topic's partitions that a member of the group has."""
        _, admin = await self._connected()
        owned: set[int] = set()
        for answer in await admin.describe_consumer_groups([group]):
            for found in answer.groups:
                for member in found[5]:
                    if assigned := member[-1]:
                        read = ConsumerProtocolMemberAssignment.decode(assigned)
                        owned |= {tp.partition for tp in read.partitions() if tp.topic == topic}
        return owned

    async def behind(self, group: str, topic: str) -> int:
        """Return how many records of the topic the group has not committed yet."""
        # Committed offsets are read first: what is published meanwhile then shows in the ends.
        done = await self.committed(group, topic)
        ends = await self.ends(topic)
        return sum(max(0, end - done.get(partition, 0)) for partition, end in ends.items())

    async def stop(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, None
        if clients is not None:
            await clients[0].stop()
            await clients[1].close()

    async def _connected(self) -> tuple[AIOKafkaConsumer, AIOKafkaAdminClient]:
        async with self._connecting:
            if self._clients is None:
                consumer = self._make.consumer(bootstrap_servers=self._bootstrap)
                admin = self._make.admin(bootstrap_servers=self._bootstrap)
                try:
                    await consumer.start()
                    await admin.start()
                except BaseException:
                    await consumer.stop()
                    await admin.close()
                    raise
                self._clients = consumer, admin
            return self._clients
