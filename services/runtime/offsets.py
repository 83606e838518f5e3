"""Where topics end and how far consumer groups have come, asked of the broker."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient


class Offsets:
    """A small client for questions about offsets; connects at the first one."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    async def ends(self, topic: str, partitions: Iterable[int] | None = None) -> dict[int, int]:
        """The offset that the next record of each partition will get."""
        if self._consumer is None:
            consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap)
            await consumer.start()
            self._consumer = consumer
        if partitions is None:
            await self._consumer.topics()
            partitions = self._consumer.partitions_for_topic(topic) or ()
        wanted = [TopicPartition(topic, p) for p in partitions]
        return {tp.partition: end for tp, end in (await self._consumer.end_offsets(wanted)).items()}

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """What the group has committed in each partition of the topic; none is not there."""
        if self._admin is None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
            await admin.start()
            self._admin = admin
        found = await self._admin.list_consumer_group_offsets(group)
        return {
            tp.partition: meta.offset
            for tp, meta in found.items()
            if tp.topic == topic and meta.offset >= 0
        }

    async def behind(self, group: str, topic: str) -> int:
        """How many records of the topic the group has not committed yet."""
        ends = await self.ends(topic)
        done = await self.committed(group, topic)
        return sum(max(0, end - done.get(partition, 0)) for partition, end in ends.items())

    async def stop(self) -> None:
        """Closes the connections."""
        consumer, self._consumer = self._consumer, None
        admin, self._admin = self._admin, None
        if consumer is not None:
            await consumer.stop()
        if admin is not None:
            await admin.close()
