"""Plans messages on a stack whose notify belongs to no city, and reads what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pymongo import MongoClient

from contracts.events import notify
from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.events.notify import MessageChannel
from contracts.values import Locale
from contracts.wire.codec import decode, encode
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import DOSSIER_EVENTS, NOTIFICATION_EVENTS
from deploy.local.fakes.gateway.part import SECRET, TOKEN
from deploy.local.stack.city import City, Instance
from deploy.local.stack.endpoints import Endpoints
from services.intake.contact import Contact
from services.notify.delivery.delivery import Deliveries, Delivery
from services.runtime.core.stored import state_of
from services.runtime.kafka.producer import EventProducer
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import KeySettings, master_keys
from tests.support.eventually import eventually
from tests.support.fork_server import fork
from tests.support.gateways import GatewayProcess
from tests.support.older_contacts import older_contact
from tests.support.secured import mongo_client
from tests.support.stage import read_topic

PARTITIONS = 4
CITIZEN, NOBODY, HEAD = "citizen-1", "citizen-without-a-number", "cb-29-0001"
LEAVES = "citizen-who-is-erased"


class Post:
    """Plans messages, and reads what became of them."""

    def __init__(self, endpoints: Endpoints, folder: Path) -> None:
        self.endpoints = endpoints
        self.folder = folder
        self.settings = Settings(
            kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=PARTITIONS
        )
        self._made = 0
        self._mongo: MongoClient[dict[str, Any]] = mongo_client(endpoints.mongo, tz_aware=True)
        self._kept = self._mongo["motcua_notify"]["deliveries"]

    def close(self) -> None:
        """Closes the connection to the database."""
        self._mongo.close()

    def city(self, *gateways: GatewayProcess, **settings: object) -> City:
        """The city's settings, with these gateways; notify is to be started in it."""
        urls = dict(zip(("sms", "sms2"), gateways, strict=False))
        told: dict[str, object] = {"channels": "email,sms", "clock": "wall"}
        for name, gateway in urls.items():
            told |= {f"{name}_url": gateway.url, f"{name}_token": TOKEN, f"{name}_secret": SECRET}
        self._made += 1
        return City(
            self.endpoints,
            self.folder / f"city-{self._made}",
            launch=fork,
            partitions=PARTITIONS,
            session_timeout_ms=2000,
            batch_gap_ms=10,
            **{"provider_rest": 1.0, **told, **settings},
        )

    def plan(self, mark: str, count: int = 1, **changes: Any) -> list[str]:
        """Plans so many messages, one a dossier; their ids. The same mark plans the same ones."""
        events = [self.planned(mark, number, **changes) for number in range(count)]
        self.put(events)
        return [derive_id("message", mark, number) for number in range(count)]

    def planned(self, mark: str, number: int, at: datetime | None = None, **changes: Any) -> Event:
        """The fact that a message is planned."""
        message_id = derive_id("message", mark, number)
        data = notify.MessagePlanned(
            **{
                "message_id": message_id,
                "cause_id": derive_id("cause", message_id),
                "recipient": CITIZEN,
                "channel": MessageChannel.SMS,
                "template": "withdrawn",
                "locale": Locale.VI,
                "params": {"reason": "công dân xin rút"},
                **changes,
            }
        )
        return Event(
            derive_id("planned", message_id),
            "/tests",
            code_of(mark, number),
            at or datetime.now(UTC).replace(microsecond=0),
            data,
        )

    def put(self, events: Sequence[Event]) -> None:
        """Writes events to their topics."""

        async def write() -> None:
            producer = EventProducer(self.endpoints.kafka)
            await producer.publish(events)
            await producer.stop()

        asyncio.run(write())

    def tick(self, moment: datetime, topic: str = DOSSIER_EVENTS) -> None:
        """Moves the stream clock of the topic in every partition."""

        async def write() -> None:
            producer = EventProducer(self.endpoints.kafka)
            event = Event(
                derive_id("tick", str(moment)), "/t", CLOCK_SUBJECT, moment, ClockTicked()
            )
            await producer.write_everywhere(topic, encode(event))
            await producer.stop()

        asyncio.run(write())

    def deliveries(self, mark: str, count: int = 1) -> list[Delivery]:
        """What is known of the messages with this mark, as far as anything is."""
        codes = [code_of(mark, number) for number in range(count)]
        found = self._kept.find({"_id": {"$in": codes}})
        return [m for document in found for m in state_of(document, Deliveries).messages.values()]

    def ends(self, mark: str) -> dict[str, str | None]:
        """Of the messages of this mark's first dossier that have ended, by id: why each was not
        sent, None if it was."""
        return {d.message_id: d.not_sent for d in self.deliveries(mark) if d.ended_at is not None}

    def handed(self, message_ids: Sequence[str]) -> int:
        """Of how many of these messages it stands written who may have them."""
        these = {"_id": {"$in": list(message_ids)}}
        return self._mongo["motcua_notify"]["handed"].count_documents(these)

    def ended(self, mark: str, count: int = 1, timeout: float = 60.0) -> list[Delivery]:
        """The messages with this mark once all have come to their end."""

        def look() -> list[Delivery]:
            found = [d for d in self.deliveries(mark, count) if d.ended_at is not None]
            return found if len(found) == count else []

        return eventually(look, timeout=timeout, what=f"the end of {mark}")

    def facts(self, ids: Sequence[str]) -> list[Event]:
        """What stands on the log about these messages, repetitions and all."""
        records = asyncio.run(read_topic(self.endpoints.kafka, NOTIFICATION_EVENTS))
        events = [decode(r.key, r.value, r.headers) for r in records]
        return [e for e in events if getattr(e.data, "message_id", None) in set(ids)]


def code_of(mark: str, number: int) -> str:
    """A dossier's code; the mark's letters and digits make it a code of the test's own."""
    return f"H29.1-260302-{mark.upper()}{number:04d}"


CONTACTS = {
    CITIZEN: Contact(email="citizen@example.test", phone="0903 123 456"),
    # As intake took it in once.
    NOBODY: Contact.model_construct(phone="0100 000 000"),
    HEAD: Contact(email="head@example.test"),
    LEAVES: Contact(email="leaves@example.test", phone="0903 654 321"),
}


async def register(settings: Settings, contacts: Mapping[str, Contact]) -> None:
    mongo = client(settings.mongo)
    producer = EventProducer(settings.kafka)
    keys = CitizenKeys(mongo, master_keys(KeySettings()))
    now = datetime.now(UTC)
    for who, contact in contacts.items():
        await producer.publish([await older_contact(keys, who, contact, now)])
    await producer.stop()
    mongo.close()


def started(city: City, **settings: Any) -> Instance:
    instance = city.start("notify", **settings)
    city.wait_ready()
    return instance


def metric(instance: Instance, line: str) -> float:
    """The value of one sample, as it stands on the page; 0.0 if it does not."""
    text = httpx.get(f"{instance.url}/metrics", timeout=10).text
    return sum(float(x.rpartition(" ")[2]) for x in text.splitlines() if x.startswith(line))


def killed(city: City, instance: Instance) -> None:
    """Waits until the instance has killed itself at its fault point."""
    eventually(lambda: instance.process.poll() is not None, timeout=60, what="the kill")
    assert instance.process.returncode == -9
    city.instances.remove(instance)
