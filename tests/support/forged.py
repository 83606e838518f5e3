"""Facts that somebody writes straight to the log, and what the services say of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from uuid import uuid4

import msgspec

from contracts.model import Kind
from contracts.wire.codec import Record, encode, from_json
from contracts.wire.envelope import Event
from services.runtime.kafka.clients import AIOKAFKA
from tests.support.office import Office
from tests.support.paths import ROOT


def _samples() -> dict[str, Event]:
    found = {}
    for path in sorted((ROOT / "contracts" / "samples").glob("*.json")):
        event = from_json(json.loads(path.read_text(encoding="utf-8")))
        if event.data.KIND is Kind.FACT:
            found[event.data.NAME] = event
    return found


FACTS = _samples()
"""A fact of each kind, by name."""


def forged(name: str, subject: str) -> Event:
    """A fact of this kind about this subject, which nobody decided."""
    sample = FACTS[name]
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
                await producer.send_and_wait(topic, value, key=key, headers=list(headers))
        finally:
            await producer.stop()

    asyncio.run(written())


def write_forged(kafka: str, name: str, subject: str, change: Callable[[Record], Record]) -> None:
    """Writes a forged fact to the topic of its type, changed once more."""
    event = forged(name, subject)
    write(kafka, event.data.TOPIC, [change(encode(event))])


def alarms(office: Office, service: str, reason: str) -> float:
    """How many forged records a service has seen for this reason."""
    return office.metric(service, "motcua_forged_records_total", reason=reason)
