"""The engine's loop, as a service runs it, over a recorded log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime.core.decider import Decider
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import WallClock
from services.runtime.loop.consumer import EngineConsumer, make_broker
from services.runtime.loop.engine import Engine
from services.runtime.mongo.client import Database
from services.runtime.mongo.partitions import Partitions
from services.runtime.mongo.store import Store
from services.runtime.settings import Settings
from services.runtime.supervised import Supervised
from tests.bench.bare_loop import OUT
from tests.bench.run import Run, cpu


async def engine_loop(
    decider: Decider[Any], settings: Settings, database: Database, ends: dict[int, int]
) -> Run:
    """The engine with a service's real decisions, through FastStream, until it is at the ends."""
    producer = EventProducer(settings.kafka)
    await producer.start()
    store = _CountingStore(database[decider.collection], decider.state_type)
    await store.prepare()
    partitions = Partitions(database, decider.topic, decider.collection)
    engine = Engine(decider, store, partitions, producer, WallClock(), settings)
    broker = make_broker(settings)
    consumer = EngineConsumer(broker, engine, settings, Supervised())
    published = _count_published(producer)
    began = _at_first_batch(engine)
    await broker.start()
    while any(engine.progress.next_offset(p) < end for p, end in ends.items()):
        if consumer.tasks.failed.done():
            consumer.tasks.failed.result()
        await asyncio.sleep(0.005)
    start, used = began()
    run = Run(sum(ends.values()), start, time.perf_counter() - start, cpu() - used)
    run.written, run.published = store.written, published()
    await broker.stop()
    await producer.stop()
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
        await write(OUT if topic == DOSSIER_EVENTS else topic, records)

    producer.write = counted  # type: ignore[method-assign]
    return lambda: count


def _at_first_batch(engine: Engine[Any]) -> Callable[[], tuple[float, float]]:
    first: list[tuple[float, float]] = []
    inner = engine.handle

    async def handled(records: Any, commit: Any) -> None:
        if not first:
            first.append((time.perf_counter(), cpu()))
        await inner(records, commit)

    engine.handle = handled  # type: ignore[method-assign]
    return lambda: first[0]
