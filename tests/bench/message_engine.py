"""How many messages a second notify hands over, given all facts at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from contracts.wire.topics import NOTIFICATION_EVENTS
from deploy.local.fakes.gateway.accepted import read_accepted_messages
from deploy.local.stack.city import cpu_seconds
from deploy.local.stack.endpoints import Endpoints
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from tests.bench.filing import promised, register_contacts
from tests.bench.recording import publish
from tests.bench.sms_city import all_told, sms_city, taken
from tests.bench.told import Told, read_told


async def notify_tells(
    settings: Settings, endpoints: Endpoints, root: Path, dossiers: int
) -> dict[str, Any]:
    """Notify as it runs in production, given the facts of so many dossiers; what it wrote, too."""
    facts = [fact for number in range(dossiers) for fact in promised(number)]
    with sms_city(endpoints, root) as city:
        notify = city.start("notify")
        city.wait_ready()
        await register_contacts(endpoints.kafka, endpoints.mongo, dossiers)
        cpu = cpu_seconds(notify.process.pid)
        began = time.time()
        await publish(settings, facts)
        await all_told(endpoints, dossiers, each=2)
        cpu = cpu_seconds(notify.process.pid) - cpu
        told = await read_told(endpoints.kafka, endpoints.gateway_ledger)
        samples = await _samples(endpoints, told)
    return taken(endpoints.gateway_ledger, began, cpu) | {"samples": samples}


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
    consumer = AIOKAFKA.consumer(
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
    (text,) = {e.text for e in read_accepted_messages(endpoints.gateway_ledger) if e.key == key}
    return {**documents, **values, "text": text}
