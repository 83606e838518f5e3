"""The loop as a tutorial of FastStream writes it: one message at a time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from faststream.kafka import KafkaMessage

from contracts.wire.codec import decode
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime.core.decider import Decider
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored, from_document
from services.runtime.kafka.clients import faststream_broker
from services.runtime.mongo.client import Database
from services.runtime.settings import Settings
from tests.bench.bare_loop import OUT
from tests.bench.run import Run, cpu
from tests.support.rule_sets import WORLD


async def tutorial_loop(
    decider: Decider[Any], settings: Settings, database: Database, most: int
) -> Run:
    """One handler a message: find one, decide, replace one, publish, and the default ack."""
    broker = faststream_broker(settings.kafka, logger=None)
    collection = database["tutorial"]
    run = Run(0)
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
        for out in handle(decider, WORLD, stored, event):
            await broker.publish(
                out.data.model_dump(mode="json"), topic=OUT, key=out.subject.encode()
            )
            run.published += 1
        await collection.replace_one({"_id": event.subject}, stored.document(), upsert=True)
        run.written += 1

    run.began, used = time.perf_counter(), cpu()
    await broker.start()
    await finished.wait()
    run.seconds, run.cpu_seconds = time.perf_counter() - run.began, cpu() - used
    await broker.stop()
    return run
