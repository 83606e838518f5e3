"""What somebody writes straight to the log, and what the services say of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

import msgspec

from contracts.model import Kind
from contracts.wire.codec import Record, encode, from_json
from contracts.wire.envelope import Event
from deploy.local.stack.city import Instance
from services.runtime.kafka.clients import AIOKAFKA
from tests.support.office import Office
from tests.support.paths import ROOT


def _samples() -> dict[str, Event]:
    found = {}
    for path in sorted((ROOT / "contracts" / "samples").glob("*.json")):
        event = from_json(json.loads(path.read_text(encoding="utf-8")))
        found[event.data.NAME] = event
    return found


EVENTS = _samples()
"""An event of each kind, by name."""
FACTS = {name: event for name, event in EVENTS.items() if event.data.KIND is Kind.FACT}


_WRITTEN: dict[str, float] = {}
"""When the last record of each subject was handed to the broker's client."""


def forged(name: str, subject: str) -> Event:
    """An event of this kind about this subject, which nobody has said."""
    sample = EVENTS[name]
    return msgspec.structs.replace(
        sample,
        id=str(uuid4()),
        subject=subject,
        source=f"/motcua/{sample.data.OWNER}",
        history=False,
    )


def write(kafka: str, topic: str, records: Sequence[Record]) -> None:
    """Writes records as anybody can who reaches the broker, each to its key's partition."""

    async def written() -> None:
        producer = AIOKAFKA.producer(bootstrap_servers=kafka)
        await producer.start()
        try:
            for key, value, headers in records:
                _WRITTEN[(key or b"").decode("utf-8", "replace")] = time.time()
                await producer.send_and_wait(topic, value, key=key, headers=list(headers))
        finally:
            await producer.stop()

    asyncio.run(written())


def write_forged(
    kafka: str,
    name: str,
    subject: str,
    change: Callable[[Record], Record] = lambda record: record,
    topic: str | None = None,
) -> None:
    """Writes a forged event, changed once more, to the topic of its type or another one."""
    event = forged(name, subject)
    write(kafka, topic or event.data.TOPIC, [change(encode(event))])


def seen_after(instance: Instance, said_of: str, key: str = "") -> float:
    """Seconds from when the last forged record was written to when an instance saw it.

    `said_of`: the dossier or the grant that it names; `key`: the record's, if it is another.

    By the clocks of the writer and of the service, which are the same machine's: whoever looks for
    it in a metric adds his own pauses.
    """
    lines = [line for line in instance.log.read_text().splitlines() if "a forged record" in line]
    last = next(said for said in map(json.loads, reversed(lines)) if said["dossier"] == said_of)
    return datetime.fromisoformat(last["timestamp"]).timestamp() - _WRITTEN[key or said_of]


def alarms(office: Office, service: str, reason: str) -> float:
    """How many forged records a service has seen for this reason."""
    return office.metric(service, "motcua_forged_records_total", reason=reason)
