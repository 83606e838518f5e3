"""A sender waits for what is away, and ends the service over what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import OperationFailure
from structlog.testing import CapturingLogger

from contracts.catalogue import load_catalogue
from services.notify.contacts.addresses import Addresses
from services.notify.contacts.contact import SealedContactDecider
from services.notify.deciders import DeliveryDecider
from services.notify.sending.sender import Supplies, sending
from services.notify.settings import NotifySettings
from services.notify.wording.renderer import Renderer
from services.runtime import patience
from services.runtime.audit.audit import Audit
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import WallClock
from services.runtime.loop.engine import Engine
from services.runtime.loop.faults import Faults
from services.runtime.mongo.client import Client, Database
from services.runtime.mongo.partitions import Partitions
from services.runtime.mongo.store import Store
from services.runtime.service import Running
from services.runtime.settings import Settings
from services.runtime.supervised import Supervised
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import master_keys
from services.shared.one_time_codes import OneTimeCodes
from services.shared.references import References
from tests.support.eventually import soon

pytestmark = pytest.mark.integration


@asynccontextmanager
async def a_sender(settings: Settings, database: Database) -> AsyncIterator[Supervised]:
    """Sends from this database, of partitions that nobody has given it yet."""
    told = NotifySettings.model_validate({**settings.model_dump(), "channels": "email"})
    producer = EventProducer(told.kafka)
    clock = WallClock()
    audit = Audit("notify", producer, clock)
    running = Running(told, database, producer, clock, Faults(), Supervised(), audit)
    for decider in (DeliveryDecider(), SealedContactDecider()):
        store = Store(database[decider.collection], decider.state_type)
        partitions = Partitions(database, decider.topic, decider.collection)
        running.engines.append(Engine(decider, store, partitions, producer, running.clock, told))
    keys = CitizenKeys(database.client, master_keys(told))
    offsets = Offsets(told.kafka)
    addresses = Addresses(
        running.engine(SealedContactDecider), keys, offsets, OneTimeCodes(References({1: "tests"}))
    )
    renderer = Renderer(load_catalogue())
    supplies = Supplies(running.engine(DeliveryDecider), addresses, offsets, lambda: renderer)
    async with sending(running, supplies):
        yield running.tasks


async def test_a_query_that_the_database_refuses_ends_the_service(
    settings: Settings, database: Database
) -> None:
    # An index of the outbox's name that is another one: making it is refused each time.
    await database["deliveries"].create_index([("other", 1)], name="next")
    async with a_sender(settings, database) as tasks:
        await asyncio.wait([tasks.failed], timeout=30)
        assert isinstance(tasks.failed.exception(), OperationFailure)


async def test_a_database_that_is_away_is_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = CapturingLogger()
    monkeypatch.setattr(patience, "log", said)
    mongo: Client = AsyncIOMotorClient("mongodb://no.invalid:1/", serverSelectionTimeoutMS=100)

    async def has_waited() -> bool:
        return len(said.calls) > 1

    async with a_sender(settings, mongo["away"]) as tasks:
        await soon(has_waited, timeout=30, what="two vain looks")
        assert not tasks.failed.done()
    assert not tasks.failed.done()
    assert {call.args for call in said.calls} == {("waiting for broker or database",)}
    mongo.close()
