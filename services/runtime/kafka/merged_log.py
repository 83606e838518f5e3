"""Reads several topics as one stream, in the order in which their records came to the log."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

_AT_ONCE = 4_000


async def read_merged(
    consumer: AIOKafkaConsumer,
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    order: Sequence[str],
) -> AsyncIterator[list[ConsumerRecord[Any, Any]]]:
    """Yield the records from `begins` to `ends`, by the times that the broker gave them.

    So a cause comes before what was said of it, on whichever topic: at the same millisecond, a
    record on an earlier topic of the `order` comes first.
    """
    rank = {topic: number for number, topic in enumerate(order)}
    left = {tp: end for tp, end in ends.items() if begins.get(tp, 0) < end}
    waiting: dict[TopicPartition, deque[ConsumerRecord[Any, Any]]] = {tp: deque() for tp in left}
    consumer.assign(list(left))
    for tp in left:
        consumer.seek(tp, begins.get(tp, 0))

    def came(tp: TopicPartition) -> tuple[int, int, int]:
        return waiting[tp][0].timestamp, rank.get(tp.topic, len(rank)), tp.partition

    while left:
        if empty := [tp for tp in left if not waiting[tp]]:
            for tp, found in (await consumer.getmany(*empty, timeout_ms=50)).items():
                waiting[tp].extend(r for r in found if r.offset < left[tp])
            for tp in empty:
                if not waiting[tp] and await consumer.position(tp) >= left[tp]:
                    del left[tp]
            continue
        records: list[ConsumerRecord[Any, Any]] = []
        while len(records) < _AT_ONCE:
            tp = min(left, key=came)
            records.append(waiting[tp].popleft())
            if not waiting[tp]:
                break
        yield records
