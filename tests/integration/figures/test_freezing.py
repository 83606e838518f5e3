"""Sla freezes its months and quarters by itself, by its own clock, once it has read the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from contracts.catalogue import load_catalogue
from contracts.wire.envelope import Event
from motcua.deciders import calendars
from services.runtime.audit.audit import Audit
from services.runtime.kafka.offsets import Offsets
from services.runtime.loop.clock import StreamClock
from services.runtime.loop.consumer import group_of
from services.runtime.loop.faults import Faults
from services.runtime.service import Running
from services.runtime.settings import Settings
from services.runtime.supervised import Supervised
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.figures.periods import period
from services.sla.figures.snapshots import snapshots
from services.sla.figures.snapshots.freezing import Folded, Freezing
from tests.support import facts
from tests.support.event import event
from tests.support.stage import Actor, Stage, a_stage, code_of

pytestmark = pytest.mark.integration

RULES = Rules(load_catalogue(), calendars())
DAYS = timedelta(days=RULES.book.figures.freeze_after_days)
MARCH = period("2026-03")


def received(number: int, time: datetime) -> Event:
    data = facts.received("1.004873", "H29.1")
    return event(data, time, code_of(number), id=f"received-{number}")


class City:
    """Sla on a stage, by the stream clock, and beside it who freezes."""

    def __init__(self, stage: Stage, clock: StreamClock, actor: Actor, offsets: Offsets) -> None:
        self.stage = stage
        self.running = Running(
            stage.settings,
            stage.database,
            actor.producer,
            clock,
            Faults(),
            Supervised(),
            Audit("sla", actor.producer, clock),
            [actor.engine],
        )
        self.freezing = Freezing(self.running, offsets)

    async def at(self, time: datetime) -> list[str]:
        """What is frozen when the city's clock has come to that time."""
        await self.stage.tick(time)
        await self.stage.rest()
        return await self.freezing.look()

    async def total(self, name: str) -> dict[str, int]:
        found = await snapshots.snapshot(self.stage.database, name)
        assert found is not None
        return dict(found.total)


@asynccontextmanager
async def a_city(settings: Settings) -> AsyncIterator[City]:
    async with a_stage(settings, partitions=2) as stage:
        clock, offsets = StreamClock(), Offsets(settings.kafka)
        actor = await stage.act(stage.cast(SlaDecider()), clock)
        try:
            yield City(stage, clock, actor, offsets)
        finally:
            await offsets.stop()


async def test_a_month_and_its_quarter_are_frozen_some_days_after_their_end(
    settings: Settings,
) -> None:
    async with a_city(settings) as city:
        assert await city.freezing.look() == []  # before the first tick there is no time at all
        assert await city.at(MARCH.since + timedelta(days=1)) == []
        await city.stage.put(received(1, MARCH.since + timedelta(days=2)))
        assert await city.at(MARCH.until + DAYS - timedelta(milliseconds=1)) == []
        # Until then, what is entered late for the period's last day is still in.
        await city.stage.put(received(2, MARCH.until - timedelta(hours=1)))
        assert await city.at(MARCH.until + DAYS) == ["2026-Q1", "2026-03"]
        assert (await city.total("2026-03"))["received"] == 2
        assert (await city.total("2026-Q1"))["received"] == 2

        await city.stage.put(received(3, MARCH.until - timedelta(hours=1)))
        assert await city.at(MARCH.until + 2 * DAYS) == []
        assert (await city.total("2026-03"))["received"] == 2
        # What it was away for is made up.
        assert await city.at(period("2026-06").until + DAYS) == [
            "2026-04",
            "2026-05",
            "2026-Q2",
            "2026-06",
        ]
        assert (await city.total("2026-04"))["carried_over"] == 3


async def test_what_ended_before_sla_began_is_left_to_whoever_wants_it_frozen(
    settings: Settings,
) -> None:
    async with a_city(settings) as city:
        await city.stage.put(received(1, MARCH.since + timedelta(days=2)))
        assert await city.at(MARCH.until + 3 * DAYS) == []
        assert await snapshots.snapshots(city.stage.database) == []


async def test_a_period_waits_until_all_of_the_log_is_folded(settings: Settings) -> None:
    async with a_city(settings) as city:
        await city.at(MARCH.since + timedelta(days=1))
        topic = city.stage.topic
        offsets = Offsets(settings.kafka)
        try:
            ours = Folded(offsets, group_of(city.stage.name, topic), topic)
            theirs = Folded(offsets, group_of("nobody", topic), topic)
            assert await ours.look()
            assert not await theirs.look()
            await asyncio.wait_for(ours.wait(), timeout=20)
            # What came after the first look is not waited for.
            await city.stage.put(*(received(n, datetime(2026, 3, 3, tzinfo=UTC)) for n in range(9)))
            assert await ours.look()
        finally:
            await offsets.stop()


async def test_an_instance_without_partitions_freezes_nothing(settings: Settings) -> None:
    async with a_stage(settings) as stage:
        clock, offsets = StreamClock(), Offsets(settings.kafka)
        idle = Actor(stage, stage.cast(SlaDecider()), clock)
        city = City(stage, clock, idle, offsets)
        for time in (MARCH.since, MARCH.until + 2 * DAYS):
            clock.tick(0, time)
            assert await city.freezing.look() == []
        await offsets.stop()
