"""What the log has of fired timers: how many facts, none early, none twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiokafka import TopicPartition

from contracts.wire.codec import decode
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.settings import Settings


@dataclass
class Said:
    """What the log has of the timers' facts."""

    facts: int = 0
    repeated: int = 0
    """Facts that stand there more than once, by id."""
    early: int = 0
    """Facts that were written before their own time."""
    untimely: int = 0
    """Facts whose time is not the due time."""


async def read_said(
    settings: Settings,
    before: dict[int, int],
    after: dict[int, int],
    due: datetime,
    shift: timedelta,
) -> Said:
    """Judges what was written between two ends of the log, by the log alone."""
    consumer = AIOKAFKA.consumer(bootstrap_servers=settings.kafka)
    await consumer.start()
    said = Said()
    ids: Counter[str] = Counter()
    try:
        ends = {TopicPartition(DOSSIER_EVENTS, p): end for p, end in after.items()}
        consumer.assign(list(ends))
        for tp in ends:
            consumer.seek(tp, before[tp.partition])
        for tp, end in ends.items():
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=500)).get(tp, []):
                    event = decode(record.key, record.value, record.headers)
                    written = datetime.fromtimestamp(record.timestamp / 1000, UTC) + shift
                    ids[event.id] += 1
                    said.early += written < event.time
                    said.untimely += event.time != due
    finally:
        await consumer.stop()
    said.facts = len(ids)
    said.repeated = sum(times - 1 for times in ids.values())
    return said
