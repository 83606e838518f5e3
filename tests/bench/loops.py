"""The loops that are compared: a bare one, the engine's, and one as a tutorial writes it."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from faststream.kafka import KafkaBroker, KafkaMessage
from pymongo import ReplaceOne

from contracts.wire.codec import Record, decode
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime.core.decider import Decider
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored, from_document
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import WallClock
from services.runtime.loop.consumer import EngineConsumer, make_broker
from services.runtime.loop.engine import Engine
from services.runtime.mongo.client import Database
from services.runtime.mongo.store import Store
from services.runtime.settings import Settings
from services.runtime.supervised import Supervised


@dataclass
class Run:
    """What one loop did."""

    records: int
    seconds: float
    cpu_seconds: float
    """Of this process: broker and database not counted."""
    written: int = 0
    """Documents written."""
    published: int = 0
    """Records published."""

    @property
    def per_second(self) -> float:
        """Records consumed a second."""
        return self.records / self.seconds


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def engine_loop(
    decider: Decider[Any], settings: Settings, database: Database, ends: dict[int, int]
) -> Run:
    """The engine with a service's real decisions, through FastStream, until it is at the ends."""
    producer = EventProducer(settings.kafka)
    await producer.start()
    store = _CountingStore(database[decider.collection], decider.state_type)
    await store.prepare()
    engine = Engine(decider, store, producer, WallClock(), settings)
    broker = make_broker(settings)
    consumer = EngineConsumer(broker, engine, settings, Supervised())
    published = _count_published(producer)
    began = _at_first_batch(engine)
    await broker.start()
    while any(engine.progress.next_offset(p) < end for p, end in ends.items()):
        if consumer.tasks.failed.done():
            consumer.tasks.failed.result()
        await asyncio.sleep(0.005)
    start, cpu = began()
    run = Run(sum(ends.values()), time.perf_counter() - start, _cpu() - cpu)
    run.written, run.published = store.written, published()
    await broker.stop()
    await producer.stop()
    return run


async def bare_loop(
    settings: Settings, database: Database, ends: dict[int, int], like: Run, document: Any
) -> Run:
    """No logic at all: the same records consumed, and as many written and published as `like`.

    Consume a batch, one bulk write by key, one publish, one commit.
    """
    consumer = AIOKafkaConsumer(
        DOSSIER_EVENTS,
        bootstrap_servers=settings.kafka,
        group_id=f"bare-{os.getpid()}-{time.time_ns()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=1_048_576,
    )
    producer = EventProducer(settings.kafka)
    await producer.start()
    collection = database["bare"]
    run = Run(sum(ends.values()), 0.0, 0.0)
    share_written, share_published = like.written / run.records, like.published / run.records
    owed_written = owed_published = 0.0
    start = cpu = 0.0
    await consumer.start()
    done: dict[int, int] = {}
    while any(done.get(p, 0) < end for p, end in ends.items()):
        batches = await consumer.getmany(
            timeout_ms=settings.batch_wait_ms, max_records=settings.batch_records
        )
        records = [record for batch in batches.values() for record in batch]
        if not records:
            continue
        if not start:
            # From the first batch on: joining a group takes as long for either.
            start, cpu = time.perf_counter(), _cpu()
        owed_written += len(records) * share_written
        owed_published += len(records) * share_published
        # One document a key, as whoever groups by key would; as many as the engine writes.
        keys = list(dict.fromkeys(record.key for record in records))[: int(owed_written)]
        writes = [
            ReplaceOne({"_id": key.decode()}, {**document, "_id": key.decode()}, True)
            for key in keys
        ]
        out = [Record(r.key, r.value, r.headers) for r in records[: int(owed_published)]]
        owed_written -= len(writes)
        owed_published -= len(out)
        await producer.write("bench.out", out)
        if writes:
            await collection.bulk_write(writes, ordered=False)
        offsets = {tp: batch[-1].offset + 1 for tp, batch in batches.items()}
        await consumer.commit(offsets)
        done |= {tp.partition: offset for tp, offset in offsets.items()}
        run.written += len(writes)
        run.published += len(out)
    run.seconds, run.cpu_seconds = time.perf_counter() - start, _cpu() - cpu
    await consumer.stop()
    await producer.stop()
    return run


async def tutorial_loop(
    decider: Decider[Any], settings: Settings, database: Database, most: int
) -> Run:
    """One handler a message: find one, decide, replace one, publish, and the default ack."""
    broker = KafkaBroker(settings.kafka.split(","), logger=None)
    collection = database["tutorial"]
    run = Run(0, 0.0, 0.0)
    finished = asyncio.Event()
    wanted = decider.facts | decider.requests

    @broker.subscriber(
        DOSSIER_EVENTS, group_id=f"tutorial-{time.time_ns()}", auto_offset_reset="earliest"
    )
    async def on_event(body: dict[str, Any], message: KafkaMessage) -> None:
        run.records += 1
        if run.records >= most:
            finished.set()
        raw = message.raw_message
        assert not isinstance(raw, tuple)
        if message.headers.get("ce_type") not in wanted:
            return
        event = decode(raw.key, raw.value, raw.headers)
        document = await collection.find_one({"_id": event.subject})
        stored = (
            from_document(document, decider.state_type)
            if document
            else Stored(event.subject, raw.partition, decider.initial(event.subject))
        )
        for out in handle(decider, stored, event):
            await broker.publish(
                out.data.model_dump(mode="json"), topic="bench.out", key=out.subject.encode()
            )
            run.published += 1
        await collection.replace_one({"_id": event.subject}, stored.document(), upsert=True)
        run.written += 1

    start, cpu = time.perf_counter(), _cpu()
    await broker.start()
    await finished.wait()
    run.seconds, run.cpu_seconds = time.perf_counter() - start, _cpu() - cpu
    await broker.stop()
    return run


class _CountingStore(Store[Any]):
    written = 0

    async def persist(self, subjects: Any) -> None:
        dirty = list(subjects)
        await super().persist(dirty)
        self.written += len(dirty)


def _count_published(producer: EventProducer) -> Callable[[], int]:
    count = 0
    write = producer.write

    async def counted(topic: str, records: Any) -> None:
        nonlocal count
        count += len(records)
        # Not to the topic that is being read: the recording has these facts already.
        await write("bench.out" if topic == DOSSIER_EVENTS else topic, records)

    producer.write = counted  # type: ignore[method-assign]
    return lambda: count


def _at_first_batch(engine: Engine[Any]) -> Callable[[], tuple[float, float]]:
    first: list[tuple[float, float]] = []
    inner = engine.handle

    async def handled(records: Any, commit: Any) -> None:
        if not first:
            first.append((time.perf_counter(), _cpu()))
        await inner(records, commit)

    engine.handle = handled  # type: ignore[method-assign]
    return lambda: first[0]


async def log_ends(settings: Settings) -> dict[int, int]:
    """Where the recorded log ends, by partition."""
    offsets = Offsets(settings.kafka)
    try:
        return await offsets.ends(DOSSIER_EVENTS)
    finally:
        await offsets.stop()
