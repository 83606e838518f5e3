"""The engine on real Kafka and MongoDB: shared work, fences, timers; nothing lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition

from contracts.events import intake
from contracts.model import EventData
from contracts.values import DOSSIER_CODE
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from services.runtime import metrics
from services.runtime.core.decider import Timer
from services.runtime.core.handle import handle
from services.runtime.core.world import World
from services.runtime.loop.clock import StreamClock, WallClock
from services.runtime.mongo.store import Fenced
from services.runtime.settings import Settings
from services.shared.lifecycle import PublicStatus
from tests.support.eventually import soon
from tests.support.rule_sets import WORLD
from tests.support.stage import (
    MORNING,
    Actor,
    Stage,
    a_stage,
    code_of,
    event,
    receptions,
    supplement_delivery,
    supplement_demand,
)

pytestmark = pytest.mark.integration


class Bell(StrEnum):
    ALARM = "alarm"


class Waiting(msgspec.Struct, frozen=True):
    """When an alarm is to ring, and how often it did."""

    due: datetime | None = None
    rang: int = 0


class Alarms:
    """Rings once, at the time until which a supplement is wanted."""

    name = ""
    topic = ""
    collection = "alarms"
    subject_pattern = DOSSIER_CODE
    requests: frozenset[str] = frozenset()
    facts = types(intake.SupplementDemanded, intake.RemarkRecorded)
    state_type = Waiting
    waking: Mapping[str, Any] | None = None

    def initial(self, subject: str) -> Waiting:
        return Waiting()

    def decide(self, world: World, state: Waiting, request: Event) -> Sequence[EventData]:
        raise AssertionError("nobody asks")

    def evolve(self, world: World, state: Waiting, fact: Event) -> Waiting:
        if isinstance(fact.data, intake.SupplementDemanded):
            return Waiting(fact.data.until, state.rang)
        return Waiting(None, state.rang + 1)

    def react(self, world: World, state: Waiting, fact: Event) -> Sequence[EventData]:
        return ()

    def timer(self, world: World, state: Waiting) -> Timer | None:
        return Timer(state.due, Bell.ALARM) if state.due is not None else None

    def fire(self, world: World, state: Waiting, timer: Timer) -> Sequence[EventData]:
        return [intake.RemarkRecorded(activity="rang")]

    def woken(self, world: World) -> datetime | None:
        return None


def _alarm(number: int, until: datetime, minute: int = 0) -> Event:
    data = intake.SupplementDemanded(documents=("x",), reason="x", until=until, by="cb-1")
    return event(code_of(number), data, minute)


async def _rang(stage: Stage, decider: Any) -> dict[str, int]:
    return {code: state.rang async for code, state in stage.store(decider).states()}


async def _divided(*actors: Actor) -> bool:
    owned = [a.engine.ownership.owned for a in actors]
    return all(owned) and sum(map(len, owned)) == len(set().union(*owned)) == 4


async def test_two_instances_share_the_work_and_one_leaves_in_the_middle_of_it(
    settings: Settings,
) -> None:
    async with a_stage(settings, partitions=4) as stage:
        first = await stage.act(batch_records=20)
        second = await stage.act(batch_records=20)

        async def divided() -> bool:
            return await _divided(first, second)

        await soon(divided, what="an even share")
        await stage.put(*receptions(range(200)))
        await stage.rest()
        for actor in (first, second):
            assert any(actor.engine.progress.next_offset(p) for p in actor.engine.ownership.owned)

        await stage.put(*receptions(range(200, 600)))
        await first.leave()
        await stage.put(*[supplement_demand(code_of(n), 5) for n in range(600)])
        await stage.rest()
        assert second.engine.ownership.owned == {0, 1, 2, 3}
        states = dict([s async for s in stage.store().states()])
        assert len(states) == 600
        assert {s.status for s in states.values()} == {PublicStatus.SUPPLEMENT_REQUESTED}
        facts = await stage.facts()
        assert len(facts) == 1200
        assert set(facts.values()) == {1}, "who leaves in order repeats nothing"


async def test_a_write_that_another_instance_fenced_off_is_repaired(settings: Settings) -> None:
    async with a_stage(settings) as stage:
        await stage.act()
        code = code_of(1)
        await stage.put(*receptions([1]))
        await stage.rest()

        # What an instance does that has taken the partition over while this one still holds
        # the dossier in its memory.
        decider, store = stage.intake(), stage.store()
        elsewhere = (await store.load([code]))[code]
        by_other = supplement_demand(code, 1)
        handle(decider, WORLD, elsewhere, by_other)
        await store.persist([elsewhere])

        fenced = metrics.RETRIES.labels(stage.name, "fenced")
        assert _value(fenced) == 0
        await stage.put(supplement_delivery(code, 2))
        await stage.rest()
        assert _value(fenced) == 1
        done = await stage.subject(code)
        assert done.state.status is PublicStatus.RECEIVED
        assert len(done.state.supplements) == 1
        assert done.v == 3
        decided = [name for _, name, _ in await stage.facts()]
        assert "SupplementDelivered" in decided
        # And the other is told in its turn.
        with pytest.raises(Fenced):
            await store.persist([elsewhere])


async def test_timers_of_the_wall_clock_fire_once_each(settings: Settings) -> None:
    async with a_stage(settings, partitions=4) as stage:
        decider = stage.cast(Alarms())
        actors = [await stage.act(decider, timer_poll=0.02, timer_batch=7) for _ in range(2)]

        async def divided() -> bool:
            return await _divided(*actors)

        await soon(divided, what="an even share")
        # Some are past already, some are soon, one is far.
        now = datetime.now(UTC)
        soons = [now + timedelta(seconds=0.01 * n) for n in range(-10, 30)]
        await stage.put(*[_alarm(n, until) for n, until in enumerate(soons)])
        await stage.put(_alarm(100, now + timedelta(days=1)))

        async def all_rang() -> bool:
            return sum((await _rang(stage, decider)).values()) >= len(soons)

        await soon(all_rang, what="every alarm")
        await stage.rest()
        rang = await _rang(stage, decider)
        assert rang.pop(code_of(100)) == 0
        assert set(rang.values()) == {1}
        facts = await stage.facts()
        assert len(facts) == len(soons)
        assert set(facts.values()) == {1}
        remarks = {r.key: r for r in await stage.log() if b"rang" in (r.value or b"")}
        assert len(remarks) == len(soons)
        waiting = await stage.store(decider).due(
            {0, 1, 2, 3}, datetime.now(UTC) + timedelta(days=2), 100
        )
        assert [s.subject for s in waiting] == [code_of(100)]


async def test_ticks_of_the_stream_clock_fire_exactly_what_was_due_before_them(
    settings: Settings,
) -> None:
    async with a_stage(settings, partitions=2) as stage:
        decider = stage.cast(Alarms())
        actor = await stage.act(decider, StreamClock(), timer_batch=3)
        at = [MORNING + timedelta(hours=n) for n in range(10)]
        await stage.put(*[_alarm(n, until) for n, until in enumerate(at)])
        await stage.rest()
        assert sum((await _rang(stage, decider)).values()) == 0, "no tick, no time"

        async def fired() -> set[str]:
            await stage.rest()
            return {code for code, rang in (await _rang(stage, decider)).items() if rang}

        await stage.tick(at[4])  # due at that very time is not yet past
        assert await fired() == {code_of(n) for n in range(4)}
        await stage.tick(at[2])  # a tick from the past moves nothing
        await stage.tick(at[4])
        assert await fired() == {code_of(n) for n in range(4)}
        await stage.tick(at[4] + timedelta(milliseconds=1))
        assert await fired() == {code_of(n) for n in range(5)}

        # Another instance that takes over knows no time before its first tick, and repeats none.
        await actor.leave()
        await stage.act(decider, StreamClock(), timer_batch=3)
        await stage.put(_alarm(50, at[0]))
        assert await fired() == {code_of(n) for n in range(5)}
        await stage.tick(at[9] + timedelta(hours=1))
        assert await fired() == {code_of(n) for n in (*range(10), 50)}
        facts = await stage.facts()
        assert len(facts) == 11
        assert set(facts.values()) == {1}
        times = {
            code: datetime.fromisoformat(dict(r.headers)["ce_time"].decode())
            for r in await stage.log()
            if b"rang" in (r.value or b"") and (code := r.key.decode())
        }
        assert times == {code_of(n): t for n, t in enumerate(at)} | {code_of(50): at[0]}


def _value(counter: Any) -> float:
    return float(counter._value.get())


async def test_what_was_put_off_while_the_service_was_away_raises_no_alarm(
    settings: Settings,
) -> None:
    async with a_stage(settings, partitions=4) as stage:
        decider = stage.cast(Alarms())
        first = await stage.act(decider, timer_poll=60)
        due = datetime.now(UTC) + timedelta(seconds=1)
        numbers = range(150)
        await stage.put(*[_alarm(n, due) for n in numbers])
        await stage.rest()
        await first.leave()
        await stage.put(*[_alarm(n, due + timedelta(days=1), minute=1) for n in numbers])

        async def past_due() -> bool:
            return datetime.now(UTC) > due

        await soon(past_due, what="the due time")
        await stage.act(decider, timer_poll=0.01, batch_records=10)
        await stage.rest()
        assert set((await _rang(stage, decider)).values()) == {0}


async def test_records_that_come_while_an_assignment_waits_its_turn_are_handled(
    settings: Settings,
) -> None:
    async with a_stage(settings) as stage:
        actor = Actor(stage, stage.intake(), WallClock())
        engine = actor.engine
        await engine.store.prepare()
        await engine.producer.start()
        await stage.put(*receptions(range(1, 4)))
        records = await stage.log()
        committed: dict[TopicPartition, int] = {}

        async def commit(offsets: dict[TopicPartition, int]) -> None:
            committed.update(offsets)

        # A round of timers that waits for the database has the turn; the group has already
        # given the partitions, and the consumer hands their records over.
        async with engine.ownership.alone():
            assigned = asyncio.create_task(
                engine.ownership.assigned({record.partition for record in records})
            )
            await asyncio.sleep(0)
            handled = asyncio.create_task(engine.handle(records, commit))
            await asyncio.sleep(0)
        await asyncio.gather(assigned, handled)
        await engine.producer.stop()

        assert sum(committed.values()) == len(records)
        assert {code async for code, _ in engine.store.states()} == {code_of(n) for n in (1, 2, 3)}
