"""The loop that fired timers are measured against: as much read, said, written; none decided."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pymongo import UpdateOne

from contracts.wire.codec import Record, encode
from services.runtime.kafka.producer import EventProducer
from services.runtime.mongo.client import Collection
from services.runtime.settings import Settings
from tests.bench.bare_loop import OUT
from tests.bench.due_dossiers import facts_of


async def bare_timers(settings: Settings, collection: Collection) -> float:
    """Seconds for as many reads by the index, records published and fenced writes, side by side."""
    producer = EventProducer(settings.kafka)
    await producer.start()
    sample = encode(next(facts_of(0)))

    async def partition(number: int) -> None:
        waiting = {"p": number, "due": {"$type": "date"}}
        most = settings.timer_batch
        while found := await collection.find(waiting).sort("due").limit(most).to_list(most):
            await producer.write(
                OUT,
                [Record(d["_id"].encode(), sample.value, sample.headers) for d in found],
            )
            await collection.bulk_write([_fenced(document) for document in found], ordered=False)

    start = time.perf_counter()
    await asyncio.gather(*(partition(number) for number in range(settings.partitions)))
    seconds = time.perf_counter() - start
    await producer.stop()
    return seconds


def _fenced(document: dict[str, Any]) -> UpdateOne:
    after = {**document, "v": document["v"] + 1, "due": None}
    known = {"$eq": ["$v", document["v"]]}
    update = {"$replaceWith": {"$cond": [known, {"$literal": after}, "$$ROOT"]}}
    return UpdateOne({"_id": document["_id"]}, [update])
