"""A service whose machine's clock is wrong does not start on a real database and a real log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin import NewTopic

from services.routing.__main__ import SERVICE
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import StreamClock, WallClock
from services.runtime.loop.consumer import EngineConsumer, make_broker
from services.runtime.mongo.client import Database, client
from services.runtime.other_clocks import ClocksDisagree, check_clocks
from services.runtime.settings import ClockKind, Settings
from services.runtime.start import Start
from services.runtime.wiring import make_running
from tests.support.stage import receptions

pytestmark = pytest.mark.integration


@asynccontextmanager
async def started(settings: Settings, **wrong: float) -> AsyncIterator[Start]:
    """A service that was started on a machine whose clock is wrong by so much."""
    mongo = client(settings.mongo)
    stream = StreamClock()
    stream.tick(0, datetime.now(UTC) + timedelta(**wrong))
    wall = WallClock(wall=lambda: datetime.now(UTC) + timedelta(**wrong))
    made: Any = make_running(SERVICE, settings, mongo)
    running = replace(made, clock=wall if settings.clock is ClockKind.WALL else stream)
    broker = make_broker(settings)
    consumers = [EngineConsumer(broker, e, settings, running.tasks) for e in running.engines]
    offsets = Offsets(settings.kafka)
    start = Start(running, broker, consumers, offsets)
    try:
        await start.run()
        yield start
    finally:
        await broker.stop()
        await running.tasks.stop_all()
        await running.producer.stop()
        await offsets.stop()
        mongo.close()


@pytest.fixture(autouse=True)
async def record(settings: Settings) -> None:
    """The log has a record that came just now."""
    producer = EventProducer(settings.kafka)
    await producer.publish(receptions([1]))
    await producer.stop()


async def test_a_clock_that_is_right_is_believed(settings: Settings) -> None:
    async with started(settings) as start:
        assert start.waits_for is None


@pytest.mark.parametrize(("hours", "witnesses"), [(-1, ("MongoDB", "Kafka")), (1, ("MongoDB",))])
async def test_a_clock_that_is_wrong_is_refused_with_the_times_and_the_remedy(
    settings: Settings, hours: int, witnesses: tuple[str, ...]
) -> None:
    with pytest.raises(ClocksDisagree) as refused:
        async with started(settings, hours=hours):
            pytest.fail("it started")
    said = str(refused.value)
    wrong = datetime.now(UTC) + timedelta(hours=hours)
    assert f"this machine's clock says {wrong:%Y-%m-%dT}" in said
    for witness in ("MongoDB", "Kafka"):
        assert (witness in said) == (witness in witnesses)
    assert "MOTCUA_CLOCK_APART allows 10 s" in said
    assert "timedatectl" in said


async def test_how_far_apart_is_a_setting_and_a_replay_s_clock_is_none(settings: Settings) -> None:
    for changes in ({"clock_apart": 7200.0}, {"clock": ClockKind.STREAM}):
        async with started(settings.model_copy(update=changes), hours=-1) as start:
            assert start.waits_for is None


async def test_an_empty_log_says_nothing(settings: Settings, database: Database) -> None:
    topic = f"empty-{database.name}"
    admin = AIOKAFKA.admin(bootstrap_servers=settings.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 2, 1)])
    await admin.close()
    offsets = Offsets(settings.kafka)
    engine = SimpleNamespace(decider=SimpleNamespace(topic=topic))
    running: Any = SimpleNamespace(
        settings=settings, dossiers=engine, database=database, clock=WallClock(), kafka=AIOKAFKA
    )
    try:
        await check_clocks(running, offsets)
    finally:
        await offsets.stop()
