"""The loop that an engine is measured against: as much read, written, published; none decided."""

from __future__ import annotations

import asyncio
import os
import time
from multiprocessing.synchronize import Barrier
from typing import Any

import bson
from aiokafka.admin import NewTopic
from pymongo import ReplaceOne

from contracts.wire.codec import Record
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.producer import EventProducer
from services.runtime.mongo.client import Collection, Database
from services.runtime.settings import Settings
from tests.bench.run import Run, cpu

OUT = "bench.out"
"""The topic to which benches publish what nobody is to read."""


async def create_out(settings: Settings) -> None:
    """Creates it, on a stack that has none."""
    admin = AIOKAFKA.admin(bootstrap_servers=settings.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(OUT, settings.partitions, 1)])
    await admin.close()


async def middling(collection: Collection) -> dict[str, Any]:
    """A document of middling size among those that an engine wrote, for the bare loop to write."""
    documents = await collection.find().limit(500).to_list(500)
    return sorted(documents, key=lambda document: len(bson.encode(document)))[len(documents) // 2]


async def bare_loop(
    settings: Settings,
    database: Database,
    ends: dict[int, int],
    like: Run,
    document: dict[str, Any],
    together: Barrier | None = None,
) -> Run:
    """No logic at all: the same records consumed, and as many written and published as `like`.

    Consume a batch, one bulk write by key, one publish, one commit. Once it is connected, it waits
    `together` with the loops of other processes.
    """
    consumer = AIOKAFKA.consumer(
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
    run = Run(sum(ends.values()))
    share_written, share_published = like.written / run.records, like.published / run.records
    owed_written = owed_published = 0.0
    used = 0.0
    await consumer.start()
    if together is not None:
        await asyncio.to_thread(together.wait)
    done: dict[int, int] = {}
    while any(done.get(p, 0) < end for p, end in ends.items()):
        batches = await consumer.getmany(
            timeout_ms=settings.batch_wait_ms, max_records=settings.batch_records
        )
        records = [record for batch in batches.values() for record in batch]
        if not records:
            continue
        if not run.began:
            run.began, used = time.perf_counter(), cpu()
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
        await producer.write(OUT, out)
        if writes:
            await collection.bulk_write(writes, ordered=False)
        offsets = {tp: batch[-1].offset + 1 for tp, batch in batches.items()}
        await consumer.commit(offsets)
        done |= {tp.partition: offset for tp, offset in offsets.items()}
        run.written += len(writes)
        run.published += len(out)
    run.seconds, run.cpu_seconds = time.perf_counter() - run.began, cpu() - used
    await consumer.stop()
    await producer.stop()
    return run
