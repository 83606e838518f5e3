"""How far an instance is: lag in records and in seconds, and whether it is stuck or idle."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from services.runtime import metrics
from services.runtime.kafka.offsets import Offsets


class Progress:
    """Progress by partition: set by the engine's one writer, read by metrics and health."""

    def __init__(self, service: str, topic: str) -> None:
        self._service = service
        self._topic = topic
        self._next: dict[int, int] = {}
        self._stamp: dict[int, float] = {}
        self._goal: dict[int, int] = {}
        self._lags: dict[int, int] = {}
        self._left = 0
        """The number of times partitions were given up: earlier questions are void afterwards."""
        self._moved = time.monotonic()
        self._waiting_since: float | None = None

    def handled(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        """Say that the records are done: their effects are written and their offsets committed."""
        self._moved = time.monotonic()
        now = time.time()
        for partition, last in {record.partition: record for record in records}.items():
            self._next[partition] = last.offset + 1
            self._stamp[partition] = last.timestamp
        delay = metrics.DELAY.labels(self._service)
        for oldest in {record.partition: record for record in reversed(records)}.values():
            delay.observe(max(0.0, now - oldest.timestamp / 1000))

    def passed(self, ends: Mapping[int, int]) -> None:
        """Say that the partitions hold no record before these offsets that is not handled."""
        self._moved = time.monotonic()
        self._next |= ends

    def next_offset(self, partition: int) -> int:
        """Return the offset of the partition's next record; 0 if none was handled yet."""
        return self._next.get(partition, 0)

    def left(self, partitions: set[int]) -> None:
        """Say that another instance has the partitions now."""
        self._left += 1
        for partition in partitions:
            self._next.pop(partition, None)
            self._stamp.pop(partition, None)
            self._goal.pop(partition, None)
            self._lags.pop(partition, None)
            for gauge in (metrics.LAG, metrics.LAG_SECONDS):
                gauge.labels(self._service, self._topic, str(partition)).set(0)

    async def caught_up(self, owned: set[int], offsets: Offsets, group: str) -> set[int]:
        """Return the owned partitions in which everything present at the take-over is handled."""
        if new := owned - self._goal.keys():
            left = self._left
            ends = await offsets.ends(self._topic, sorted(new))
            done = await offsets.committed(group, self._topic)
            if left != self._left:
                return set()
            for partition, end in ends.items():
                self._goal[partition] = end
                self._next.setdefault(partition, done.get(partition, 0))
        return {p for p in owned & self._goal.keys() if self.next_offset(p) >= self._goal[p]}

    def settled_until(self, partitions: set[int], now: datetime) -> dict[int, datetime]:
        """Return up to when each partition's past is folded: until now, or until where it lags."""
        until = dict.fromkeys(sorted(partitions), now)
        for partition in until:
            stamp = self._stamp.get(partition)
            if self._lags.get(partition) and stamp is not None:
                until[partition] = min(now, datetime.fromtimestamp(stamp / 1000, UTC))
        return until

    def look(self, consumer: AIOKafkaConsumer) -> int:
        """Set the lag of every owned partition; return the sum in records."""
        total = 0
        for tp in consumer.assignment():
            lag = self._lag(consumer, tp)
            total += lag
            self._lags[tp.partition] = lag
            stamp = self._stamp.get(tp.partition)
            # Not below 0, in case the record's writer has a clock that is ahead of ours.
            age = max(0.0, time.time() - stamp / 1000) if lag and stamp is not None else 0.0
            labels = (self._service, self._topic, str(tp.partition))
            metrics.LAG.labels(*labels).set(lag)
            metrics.LAG_SECONDS.labels(*labels).set(age)
        if total == 0:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = time.monotonic()
        return total

    def stuck_for(self) -> float:
        """Return the seconds that records have waited with no batch done; 0.0 if idle or busy."""
        if self._waiting_since is None:
            return 0.0
        return time.monotonic() - max(self._moved, self._waiting_since)

    def _lag(self, consumer: AIOKafkaConsumer, tp: TopicPartition) -> int:
        end: int | None = consumer.highwater(tp)
        done = self._next.get(tp.partition)
        if end is None or done is None:
            return 0
        return max(0, end - done)
