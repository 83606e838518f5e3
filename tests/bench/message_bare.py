"""The loop that notify is measured against: it reads, writes, publishes and hands over as much."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
from pymongo import ReplaceOne

from contracts.wire.codec import Record
from contracts.wire.topics import DOSSIER_EVENTS
from deploy.local.fakes.gateway.part import TOKEN
from deploy.local.stack.endpoints import Endpoints
from services.notify.channels.settings import ChannelSettings
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.producer import EventProducer
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from tests.bench.bare_loop import OUT, create_out
from tests.bench.filing import promised
from tests.bench.recording import publish
from tests.bench.sms_city import taken

_CONNECTIONS = ChannelSettings().gateway_connections


async def bare_tells(
    settings: Settings, endpoints: Endpoints, dossiers: int, samples: dict[str, Any]
) -> dict[str, Any]:
    """Reads the same facts; for each dossier two messages: written, published, handed over."""
    await create_out(settings)
    facts = [fact for number in range(dossiers) for fact in promised(number)]
    consumer = AIOKAFKA.consumer(
        DOSSIER_EVENTS,
        bootstrap_servers=endpoints.kafka,
        group_id=f"bare-{os.getpid()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = EventProducer(endpoints.kafka)
    await producer.start()
    await consumer.start()
    mongo = client(endpoints.mongo)
    database = mongo["bare"]
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as http:

        async def hand(number: int) -> None:
            async with http.post(
                f"{endpoints.gateway}/sms",
                json={"to": "+84900000000", "text": samples["text"], "reference": str(number)},
                headers={"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": str(number)},
            ) as answer:
                answer.raise_for_status()
                await answer.read()

        async def write(name: str, keys: Sequence[bytes]) -> None:
            document = samples[name]
            await database[name].bulk_write(
                [ReplaceOne({"_id": k}, {**document, "_id": k}, True) for k in keys], ordered=False
            )

        cpu, began = time.process_time(), time.time()
        async with asyncio.TaskGroup() as group:
            group.create_task(publish(settings, facts))
            seen = handed = 0
            while seen < len(facts):
                batches = await consumer.getmany(
                    timeout_ms=settings.batch_wait_ms, max_records=settings.batch_records
                )
                records = [record for batch in batches.values() for record in batch]
                if not records:
                    continue
                seen += len(records)
                more = seen * 2 * dossiers // len(facts) - handed
                out = [Record(r.key, samples["planned"], r.headers) for r in records[:more]]
                keys = list({r.key for r in records})
                await producer.write(OUT, out)
                await write("dossiers", keys)
                await write("deliveries", keys)
                await asyncio.gather(*(hand(handed + each) for each in range(more)))
                ends = [Record(r.key, samples["sent"], r.headers) for r in records[:more]]
                await producer.write(OUT, ends)
                await write("deliveries", keys)
                await consumer.commit({tp: batch[-1].offset + 1 for tp, batch in batches.items()})
                handed += more
        cpu = time.process_time() - cpu
    mongo.close()
    await consumer.stop()
    await producer.stop()
    return taken(endpoints.gateway_ledger, began, cpu)
