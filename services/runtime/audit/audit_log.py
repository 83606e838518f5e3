"""Reads the audit: from its topic, or from files to which it was exported."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.wire.topics import CITY_AUDIT
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.topics import TopicsWrong

PLACE = TopicPartition(CITY_AUDIT, 0)


class Written(NamedTuple):
    """A link as it was written, and where."""

    bytes: bytes
    place: str
    offset: int
    """On the topic; -1 in a file."""
    chain: str
    """Which chain its record names; empty in a file."""


@dataclass(frozen=True)
class AuditLog:
    """The audit's topic, from its first offset to where it ended when it was opened."""

    consumer: AIOKafkaConsumer
    begins: int
    ends: int

    async def read(self, begin: int = 0) -> AsyncIterator[Sequence[Written]]:
        """Yield what stands there, from an offset on."""
        self.consumer.seek(PLACE, max(begin, self.begins))
        while await self.consumer.position(PLACE) < self.ends:
            records = (await self.consumer.getmany(PLACE, timeout_ms=500)).get(PLACE, ())
            yield [_written(record) for record in records if record.offset < self.ends]


@asynccontextmanager
async def audit_log(bootstrap: str) -> AsyncIterator[AuditLog]:
    """Open the topic. Raise TopicsWrong if it is missing, what aiokafka raises if it is away."""
    consumer = AIOKAFKA.consumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        await consumer.start()
        if CITY_AUDIT not in await consumer.topics():
            raise TopicsWrong(f"topic {CITY_AUDIT} is missing; run: motcua topics create")
        consumer.assign([PLACE])
        begins = (await consumer.beginning_offsets([PLACE]))[PLACE]
        ends = (await consumer.end_offsets([PLACE]))[PLACE]
        yield AuditLog(consumer, begins, ends)
    finally:
        await consumer.stop()


def read_file(path: Path) -> Iterator[Written]:
    """Yield the lines of a file. Raise OSError if it cannot be read."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            yield Written(line.rstrip(b"\n"), f"{path.name}: line {number}", -1, "")


def _written(record: Any) -> Written:
    chain = (record.key or b"").decode("utf-8", "backslashreplace")
    return Written(record.value or b"", f"offset {record.offset}", record.offset, chain)
