"""Dossiers that all wait for one moment: received and routed over the log, as in life."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.model import EventData
from contracts.wire.envelope import Event, derive_id
from services.runtime.core.decider import Decider
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import WallClock
from services.runtime.loop.engine import Engine
from services.runtime.mongo.client import Database
from services.runtime.mongo.partitions import Partitions
from services.runtime.mongo.store import Store
from services.runtime.settings import Settings
from tests.bench.recording import log_ends
from tests.bench.running import handled, running
from tests.support import facts
from tests.support.rule_sets import WORLD

_RECEIVED = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
"""A Monday, half past eight in Vietnam: what is due follows in office hours."""
_WARD = "H29.101"
_CHUNK = 2_000


def first_timer(decider: Decider[Any]) -> tuple[datetime, int]:
    """When a dossier's first timer is due, and how many facts fall due with it."""
    stored = Stored("H29.1-260302-0", 0, decider.initial(""))
    for event in facts_of(0):
        handle(decider, WORLD, stored, event)
    timer = decider.timer(WORLD, stored.state)
    if timer is None:
        raise RuntimeError("a dossier that was received and routed waits for nothing")
    return timer.at, len(fire_timers(decider, WORLD, stored, timer.at + timedelta(seconds=1)))


def facts_of(number: int) -> Iterator[Event]:
    """What sla has to know of a dossier to give it a deadline."""
    code = f"H29.1-260302-{number}"
    yield _event(code, "intake", facts.received("1.004873", "H29.1"))
    route = facts.routed(_WARD, "1.004873", "short", steps=("verify", "sign"))
    yield _event(code, "routing", route)


def _event(code: str, by: str, data: EventData) -> Event:
    return Event(derive_id("bench", code, data.TYPE), f"/motcua/{by}", code, _RECEIVED, data)


async def receive(
    decider: Decider[Any], settings: Settings, database: Database, count: int
) -> None:
    """Publishes the facts and folds them: no clock of this engine's fires anything."""
    store = Store(database[decider.collection], decider.state_type)
    await store.prepare()
    partitions = Partitions(database, decider.topic, decider.collection)
    producer = EventProducer(settings.kafka)
    engine = Engine(decider, store, partitions, producer, WallClock(), settings)
    async with running(engine) as (_, consumer):
        for first in range(0, count, _CHUNK):
            chunk = range(first, min(first + _CHUNK, count))
            await engine.producer.publish(fact for number in chunk for fact in facts_of(number))
        await handled(engine, consumer, await log_ends(settings))
        # The deadlines that it set meanwhile.
        await handled(engine, consumer, await log_ends(settings))
