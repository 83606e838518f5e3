"""Engines in this process, as the services run them, on a log of a test's own.

The log of a stage is a topic of its own: what its engines would write to the log of dossiers
goes there, and what they would write to other topics of the city goes to another one, so that
stages and the city do not see each other.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from contracts.events import intake
from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.model import EventData
from contracts.wire.codec import Record, decode, encode
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import DOSSIER_EVENTS, TOPICS, dead_letters
from services.intake.decider import IntakeDecider
from services.runtime.core.dead_letter import DeadLetter
from services.runtime.core.decider import Decider
from services.runtime.core.stored import Stored
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.dead_letters import DeadLetters
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import Clock, WallClock
from services.runtime.loop.consumer import EngineConsumer, group_of, make_broker
from services.runtime.loop.engine import Engine
from services.runtime.mongo.client import Database, client
from services.runtime.mongo.partitions import Partitions
from services.runtime.mongo.store import Store
from services.runtime.settings import Settings
from services.runtime.supervised import Supervised
from tests.support import facts
from tests.support.event import acting
from tests.support.eventually import soon

MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
D = TypeVar("D", bound=Decider[Any])
_DEAD = {t.name: t.config for t in TOPICS}[dead_letters("intake")]


class Producer(EventProducer):
    """Writes to the stage's two topics what is meant for the city's."""

    def __init__(self, bootstrap: str, topic: str, aside: str) -> None:
        super().__init__(bootstrap)
        self._topic = topic
        self._aside = aside

    def topic_of(self, event: Event) -> str:
        return self._topic if event.data.TOPIC == DOSSIER_EVENTS else self._aside


class Actor:
    """One instance of a service: an engine, its consumer, its own connections."""

    def __init__(self, stage: Stage, decider: Decider[Any], clock: Clock, **changes: Any) -> None:
        settings = stage.settings.model_copy(update=changes)
        self.producer = Producer(settings.kafka, stage.topic, stage.aside)
        store = stage.store(decider)
        partitions = Partitions(stage.database, decider.topic, decider.collection)
        self.engine = Engine(decider, store, partitions, self.producer, clock, settings)
        self._broker = make_broker(settings)
        self.tasks = Supervised()
        self.consumer = EngineConsumer(self._broker, self.engine, settings, self.tasks)
        self._offsets = Offsets(settings.kafka)
        self._timers: asyncio.Task[None] | None = None
        self._runs = False

    async def start(self) -> None:
        """Joins the group; returns when it has partitions."""
        await self.engine.store.prepare()
        await self.producer.start()
        await self._broker.start()
        self._runs = True
        if isinstance(self.engine.clock, WallClock):
            self._timers = self.tasks.start(self.consumer.run_timers(self._offsets), "timers")
        await soon(self._owns, what="partitions")

    async def _owns(self) -> bool:
        return bool(self.engine.ownership.owned)

    async def leave(self) -> None:
        """Leaves as a service does that is asked to."""
        if not self._runs:
            return
        self._runs = False
        if self._timers is not None:
            await self.tasks.stop(self._timers)
        await self._offsets.stop()
        await self._broker.stop()
        await self.producer.stop()


class Stage:
    """A topic, its dead letters, a database, and who acts on them."""

    def __init__(self, settings: Settings, database: Database, name: str | None) -> None:
        self.settings = settings
        self.database = database
        mark = uuid.uuid4().hex[:10]
        self.name = name or f"stage_{mark}"
        self.topic = f"{self.name}.{mark}.events"
        self.aside = f"{self.name}.{mark}.aside"
        """What is said here and meant for other topics than the log of dossiers."""
        self.producer = Producer(settings.kafka, self.topic, self.aside)
        self.offsets = Offsets(settings.kafka)
        self.actors: list[Actor] = []

    def intake(self) -> IntakeDecider:
        """Intake's own decisions, on this stage."""
        return self.cast(IntakeDecider())

    def cast(self, decider: D) -> D:
        """A decider with this stage's name and topic."""
        decider.name, decider.topic = self.name, self.topic
        return decider

    async def act(
        self, decider: Decider[Any] | None = None, clock: Clock | None = None, **changes: Any
    ) -> Actor:
        """One more instance; returns when it has partitions."""
        actor = Actor(self, decider or self.intake(), clock or WallClock(), **changes)
        self.actors.append(actor)
        await actor.start()
        return actor

    async def put(self, *events: Event) -> None:
        """Writes events to the stage's log."""
        await self.producer.publish(events)

    async def put_records(self, *records: Record) -> None:
        """Writes records as they are, good or bad."""
        await self.producer.write(self.topic, records)

    async def tick(self, time: datetime) -> None:
        """Moves the stream clock of every partition."""
        event = Event(derive_id("tick", str(time)), "/tests", CLOCK_SUBJECT, time, ClockTicked())
        await self.producer.write_everywhere(self.topic, encode(event))

    async def rest(self, timeout: float = 20.0) -> None:
        """Waits until the group has committed all of the log. Raises what an engine raised."""
        group = group_of(self.name, self.topic)

        async def done() -> bool:
            for actor in self.actors:
                if actor.tasks.failed.done():
                    actor.tasks.failed.result()
            return await self.offsets.behind(group, self.topic) == 0

        await soon(done, timeout=timeout, what="rest")

    def store(self, decider: Decider[Any] | None = None) -> Store[Any]:
        """The states, read or written from beside the engines."""
        decider = decider or self.intake()
        return Store(self.database[decider.collection], decider.state_type, decider.waking)

    async def subject(self, code: str, decider: Decider[Any] | None = None) -> Stored[Any]:
        """One dossier as it is kept."""
        return (await self.store(decider).load([code]))[code]

    async def log(self) -> list[ConsumerRecord[Any, Any]]:
        """Every record of the stage's log, each partition in its order."""
        return await read_topic(self.settings.kafka, self.topic)

    async def facts(self) -> Counter[tuple[str, str, str]]:
        """By dossier, name and id: how often each fact stands in the log."""
        events = [decode(r.key, r.value, r.headers) for r in await self.log()]
        return Counter(
            (e.subject, e.data.NAME, e.id) for e in events if e.source == f"/motcua/{self.name}"
        )

    async def letters(self) -> list[DeadLetter]:
        """The open dead letters of this stage."""
        async with DeadLetters(self.settings.kafka, self.name) as desk:
            return [x for x in await desk.still_open() if x.topic == self.topic]


@asynccontextmanager
async def a_stage(
    settings: Settings, *, partitions: int = 1, name: str | None = None, **config: str
) -> AsyncIterator[Stage]:
    """A stage; everything of it is gone afterwards but its topics."""
    mongo = client(settings.mongo)
    database = f"stage_{uuid.uuid4().hex[:10]}"
    stage = Stage(settings, mongo[database], name)
    topic_config = {k.replace("_", "."): v for k, v in config.items()}
    await _create(
        settings.kafka,
        NewTopic(stage.topic, partitions, 1, topic_configs=topic_config),
        NewTopic(stage.aside, partitions, 1),
        NewTopic(dead_letters(stage.name), 1, 1, topic_configs=_DEAD),
    )
    try:
        yield stage
    finally:
        for actor in stage.actors:
            await actor.leave()
        await stage.producer.stop()
        await stage.offsets.stop()
        await mongo.drop_database(database)
        mongo.close()


async def _create(kafka: str, *topics: NewTopic) -> None:
    admin = AIOKAFKA.admin(bootstrap_servers=kafka)
    await admin.start()
    try:
        answer = await admin.create_topics(list(topics))
        for name, code, *_ in answer.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise AssertionError(f"{name}: {for_code(code).__name__}")
    finally:
        await admin.close()


async def read_topic(kafka: str, topic: str) -> list[ConsumerRecord[Any, Any]]:
    """Every record of a topic, partition by partition."""
    consumer = AIOKAFKA.consumer(bootstrap_servers=kafka)
    await consumer.start()
    try:
        # Not asked of the consumer, which has no metadata of a topic that it does not read yet.
        offsets = Offsets(kafka)
        ends = {TopicPartition(topic, p): end for p, end in (await offsets.ends(topic)).items()}
        await offsets.stop()
        consumer.assign(list(ends))
        await consumer.seek_to_beginning(*ends)
        found: list[ConsumerRecord[Any, Any]] = []
        for tp, end in ends.items():
            while await consumer.position(tp) < end:
                found += (await consumer.getmany(tp, timeout_ms=500)).get(tp, [])
        return found
    finally:
        await consumer.stop()


# -- what happens on a stage --------------------------------------------------------------


def code_of(number: int) -> str:
    """A dossier code."""
    return f"H29.1-260302-{number:04d}"


def event(
    code: str, data: EventData, minute: int = 0, mark: str = "", *, by: str = "cb-1"
) -> Event:
    """An event of that morning; the same arguments make the same event."""
    return Event(
        id=derive_id("test", code, type(data).TYPE, minute, mark),
        source="/tests",
        subject=code,
        time=MORNING + timedelta(minutes=minute),
        data=data,
        actor=acting(by),
    )


def reception(code: str, minute: int = 0) -> Event:
    """The request to receive a dossier."""
    filing = intake.FilingForm(**facts.filing("1.004873", "H29.1"))
    return event(code, intake.ReceptionRequested(filing=filing), minute, by="cb-1")


def receptions(numbers: Iterable[int]) -> list[Event]:
    """Requests to receive dossiers of these numbers."""
    return [reception(code_of(n)) for n in numbers]


def supplement_demand(code: str, minute: int) -> Event:
    """The request to ask for a supplement."""
    return event(
        code,
        intake.SupplementDemandRequested(documents=("a photo",), reason="none"),
        minute,
        by="cb-1",
    )


def supplement_delivery(code: str, minute: int) -> Event:
    """The request to take a supplement."""
    return event(
        code, intake.SupplementDeliveryRequested(documents=("a photo",), unit="H29.1"), minute
    )


def withdrawal(code: str, minute: int) -> Event:
    """The request to withdraw a dossier."""
    return event(code, intake.WithdrawalRequested(reason="not needed"), minute)
