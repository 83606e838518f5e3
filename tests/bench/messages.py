"""From a fact to the provider that took its message: how soon, and how many a second.

How soon: the four services, Kafka, MongoDB and the provider on one machine, and citizens who file
at a steady rate; from the moment that a fact stands in the log to the line in the provider's own
ledger. How many: notify alone, given all facts at once, beside a loop that decides nothing and
reads, writes, publishes and hands over as much, with as many connections.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import ReplaceOne
from rich.console import Console
from rich.table import Table

from contracts.wire.codec import Record
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, NOTIFICATION_EVENTS
from deploy.local.fakes.gateway.ledger import read_entries
from deploy.local.fakes.gateway.part import TOKEN
from deploy.local.stack.city import City, cpu_seconds
from deploy.local.stack.endpoints import Endpoints
from deploy.local.stack.stack import Stack
from services.notify.channels.settings import ChannelSettings
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from tests.bench.filing import (
    AT_ALL_HOURS,
    code_of,
    file_steadily,
    promised,
    register_contacts,
)
from tests.bench.told import Told, read_told
from tests.support.eventually import soon

_PARTITIONS = 4
_WARM_UP = 20.0
"""Seconds of filing that are not counted: a broker's first are its compiler's."""
_UNBOUNDED = 100_000.0
"""Messages a second that the provider may be handed: it is not our politeness that is measured."""
_CONNECTIONS = ChannelSettings().gateway_connections


def messages_run(
    stack: Stack, root: Path, rate: float, seconds: float, dossiers: int, console: Console
) -> dict[str, Any]:
    """Both measurements, each on a stack of its own."""
    delays = uvloop.run(_delays(_fresh(stack), root, rate, seconds, console))
    engine = uvloop.run(_engine(_fresh(stack), root, dossiers, console))
    bare = uvloop.run(_bare(_fresh(stack), dossiers, engine.pop("samples"), console))
    found = {"delays": delays, "engine": engine, "bare": bare}
    found["engine_to_bare"] = engine["per_second"] / bare["per_second"]
    _show(found, console)
    return found


def _fresh(stack: Stack) -> Endpoints:
    stack.reset()
    endpoints = stack.up()
    settings = Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=_PARTITIONS)
    asyncio.run(create_topics(settings))
    return endpoints


def _city(endpoints: Endpoints, root: Path) -> City:
    return City(
        endpoints,
        root / ".motcua" / "bench" / "logs",
        partitions=_PARTITIONS,
        channels="sms",
        sms_rate=_UNBOUNDED,
        **AT_ALL_HOURS,
    )


# -- how soon ---------------------------------------------------------------------------------


async def _delays(
    endpoints: Endpoints, root: Path, rate: float, seconds: float, console: Console
) -> dict[str, Any]:
    warm, count = int(rate * _WARM_UP), int(rate * (_WARM_UP + seconds))
    with console.status(f"{rate:.0f} dossiers a second for {seconds:.0f} s"):
        with _city(endpoints, root) as city:
            city.start_all()
            await register_contacts(endpoints.kafka, endpoints.mongo, count)
            producer = EventProducer(endpoints.kafka)
            await producer.start()
            await file_steadily(producer, range(count), rate)
            await producer.stop()
            await _all_told(endpoints, dossiers=count, each=3)
        told = await read_told(endpoints.kafka, endpoints.gateway_ledger)
    counted = {code_of(number) for number in range(warm, count)}
    found: dict[str, list[float]] = {}
    for key, delay in told.delays().items():
        meant = told.meant[key]
        if meant.dossier in counted:
            found.setdefault(meant.template, []).append(delay / timedelta(seconds=1))
    series = {"all": [delay for some in found.values() for delay in some], **found}
    return {
        "rate": rate,
        "dossiers": count - warm,
        "accepted_twice": sum(count - 1 for count in told.accepted.values()),
        "seconds": {name: _spread(some) for name, some in series.items()},
    }


async def _all_told(endpoints: Endpoints, dossiers: int, each: int) -> None:
    """Waits until the provider has what so many dossiers call for."""

    async def there() -> bool:
        # Lines are counted, not read: the ledger is looked at while it is being written.
        lines = await asyncio.to_thread(_lines, endpoints.gateway_ledger)
        return lines >= dossiers * each

    await soon(there, timeout=300.0, what=f"{dossiers * each} messages")


def _lines(ledger: Path) -> int:
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


def _spread(series: Sequence[float]) -> dict[str, float]:
    return {
        "count": len(series),
        "p50": statistics.median(series),
        "p99": statistics.quantiles(series, n=100)[98],
        "most": max(series),
    }


# -- how many ---------------------------------------------------------------------------------


async def _engine(
    endpoints: Endpoints, root: Path, dossiers: int, console: Console
) -> dict[str, Any]:
    """Notify as it runs in production, given the facts of so many dossiers at once."""
    facts = [fact for number in range(dossiers) for fact in promised(number)]
    with console.status(f"notify tells of {dossiers} dossiers"), _city(endpoints, root) as city:
        notify = city.start("notify")
        city.wait_ready()
        await register_contacts(endpoints.kafka, endpoints.mongo, dossiers)
        cpu = cpu_seconds(notify.process.pid)
        began = time.time()
        await _put(endpoints.kafka, facts)
        await _all_told(endpoints, dossiers, each=2)
        cpu = cpu_seconds(notify.process.pid) - cpu
        told = await read_told(endpoints.kafka, endpoints.gateway_ledger)
        samples = await _samples(endpoints, told)
    return _figures(endpoints.gateway_ledger, began, cpu) | {"samples": samples}


async def _bare(
    endpoints: Endpoints, dossiers: int, samples: dict[str, Any], console: Console
) -> dict[str, Any]:
    """Reads the same facts; for each dossier two messages: written, published, handed over."""
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka)
    await admin.start()
    await admin.create_topics([NewTopic("bench.out", _PARTITIONS, 1)])
    await admin.close()
    facts = [fact for number in range(dossiers) for fact in promised(number)]
    settings = Settings()
    consumer = AIOKafkaConsumer(
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
        with console.status(f"the bare loop tells of {dossiers} dossiers"):
            async with asyncio.TaskGroup() as group:
                group.create_task(_put(endpoints.kafka, facts))
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
                    await producer.write("bench.out", out)
                    await write("dossiers", keys)
                    await write("deliveries", keys)
                    await asyncio.gather(*(hand(handed + each) for each in range(more)))
                    ends = [Record(r.key, samples["sent"], r.headers) for r in records[:more]]
                    await producer.write("bench.out", ends)
                    await write("deliveries", keys)
                    await consumer.commit(
                        {tp: batch[-1].offset + 1 for tp, batch in batches.items()}
                    )
                    handed += more
        cpu = time.process_time() - cpu
    mongo.close()
    await consumer.stop()
    await producer.stop()
    return _figures(endpoints.gateway_ledger, began, cpu)


async def _put(kafka: str, facts: Sequence[Event]) -> None:
    producer = EventProducer(kafka)
    await producer.start()
    for at in range(0, len(facts), 2_000):
        await producer.publish(facts[at : at + 2_000])
    await producer.stop()


async def _samples(endpoints: Endpoints, told: Told) -> dict[str, Any]:
    """What the engine wrote and published, for the bare loop to write and publish the like."""
    key = next(iter(told.meant))
    code = told.meant[key].dossier
    mongo = client(endpoints.mongo)
    database = mongo["motcua_notify"]
    documents = {
        name: await database[name].find_one({"_id": code}) for name in ("dossiers", "deliveries")
    }
    mongo.close()
    consumer = AIOKafkaConsumer(
        NOTIFICATION_EVENTS, bootstrap_servers=endpoints.kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    values: dict[str, bytes] = {}
    while len(values) < 2:
        async for record in consumer:
            kind = dict(record.headers)["ce_type"].decode()
            for name in ("planned", "sent"):
                if f"Message{name.title()}." in kind:
                    values.setdefault(name, record.value)
            if len(values) == 2:
                break
    await consumer.stop()
    (text,) = {e.text for e in read_entries(endpoints.gateway_ledger) if e.key == key}
    return {**documents, **values, "text": text}


def _figures(ledger: Path, began: float, cpu: float) -> dict[str, Any]:
    entries = list(read_entries(ledger))
    seconds = datetime.fromisoformat(entries[-1].time).timestamp() - began
    return {
        "messages": len(entries),
        "seconds": seconds,
        "per_second": len(entries) / seconds,
        "cpu_us_a_message": cpu / len(entries) * 1e6,
    }


def _show(found: dict[str, Any], console: Console) -> None:
    delays = found["delays"]
    table = Table("message", "count", "p50 ms", "p99 ms", "most ms")
    for name, spread in delays["seconds"].items():
        figures = (f"{spread[key] * 1000:,.0f}" for key in ("p50", "p99", "most"))
        table.add_row(name, f"{spread['count']:,}", *figures)
    console.print(f"fact to provider at {delays['rate']:.0f} dossiers a second")
    console.print(table)
    table = Table("loop", "messages/s", "CPU µs/message")
    for name in ("bare", "engine"):
        run = found[name]
        table.add_row(name, f"{run['per_second']:,.0f}", f"{run['cpu_us_a_message']:,.0f}")
    console.print(table)
    console.print(f"engine to bare: [bold]{found['engine_to_bare']:.2f}[/bold]")
