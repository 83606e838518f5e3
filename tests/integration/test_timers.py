"""Sla's timers on real Kafka and MongoDB: clocks that are set, weekends, turns, the index.

What must be said is told by the pure decisions; what was said, by the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.model import EventData
from contracts.wire.codec import decode
from contracts.wire.envelope import Event, derive_id
from motcua.deciders import city_deciders
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.runtime.settings import Settings
from tests.support import facts
from tests.support.event import event
from tests.support.eventually import soon
from tests.support.rule_sets import WORLD
from tests.support.stage import Actor, Stage, a_stage, code_of
from tests.support.wall import Wall

pytestmark = pytest.mark.integration

WEDNESDAY = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
"""Eight in the morning in Vietnam, when offices open."""
FRIDAY = datetime(2026, 3, 6, 7, 0, tzinfo=UTC)
"""Two in the afternoon: the service goes down."""
MONDAY = datetime(2026, 3, 9, 2, 0, tzinfo=UTC)
"""Nine in the morning: it is back."""
MARITAL_STATUS = "1.004873"
"""Three working days."""

Said = tuple[str, str, str, datetime]
"""A fact: its dossier, name, id and time."""


def received(number: int, at: datetime) -> Iterator[Event]:
    """What sla needs to know of a dossier to give it a deadline."""
    yield _event(number, facts.received(MARITAL_STATUS, "H29.1"), at)
    route = facts.routed("H29.101", MARITAL_STATUS, "short", steps=("verify", "sign"))
    yield _event(number, route, at)


def processed(number: int, at: datetime) -> Event:
    """The end of a dossier."""
    return _event(number, facts.processed("H29.101"), at)


def _event(number: int, data: EventData, at: datetime) -> Event:
    code = code_of(number)
    return event(data, at, code, id=derive_id("test", code, data.TYPE))


class Expected:
    """What sla owes, by its pure decisions, over the facts in their order."""

    def __init__(self, decider: Any) -> None:
        self._decider = decider
        self._dossiers: dict[str, Stored[Any]] = {}
        self.said: set[Said] = set()

    def learns(self, facts: Iterable[Event]) -> None:
        """Folds facts."""
        for fact in facts:
            stored = self._dossiers.get(fact.subject)
            if stored is None:
                stored = Stored(fact.subject, 0, self._decider.initial(fact.subject))
                self._dossiers[fact.subject] = stored
            self._note(handle(self._decider, WORLD, stored, fact))

    def by(self, time: datetime) -> set[Said]:
        """All that is to be said when a time has passed."""
        for stored in self._dossiers.values():
            self._note(fire_timers(self._decider, WORLD, stored, time))
        return self.said

    def next_alarm(self, code: str) -> datetime:
        """When the dossier's next timer is due."""
        timer = self._decider.timer(WORLD, self._dossiers[code].state)
        assert timer is not None
        at: datetime = timer.at
        return at

    def _note(self, events: Iterable[Event]) -> None:
        self.said |= {(e.subject, e.data.NAME, e.id, e.time) for e in events}


def sla(stage: Stage) -> Any:
    """Sla's own decisions, on this stage."""
    return stage.cast(next(d for d in city_deciders() if d.name == "sla"))


async def said(stage: Stage) -> list[Said]:
    """Every fact of the stage's service that stands in the log, as often as it does."""
    events = [decode(r.key, r.value, r.headers) for r in await stage.log()]
    own = f"/motcua/{stage.name}"
    return [(e.subject, e.data.NAME, e.id, e.time) for e in events if e.source == own]


async def has_said(stage: Stage, expected: set[Said]) -> None:
    """Waits until all of it stands in the log; then it must be there once, and nothing else."""

    async def all_of_it() -> bool:
        return expected <= set(await said(stage))

    await soon(all_of_it, what=f"{len(expected)} facts")
    await stage.rest()
    log = await said(stage)
    assert set(log) == expected
    assert len(log) == len(expected), "nothing is said twice"


async def looked_for_timers(wall: Wall) -> None:
    """Waits until the one instance, of one partition, has gone through all that is due now.

    It looks at the wall three times in doing so; the first time it may be half through.
    """
    enough = wall.looks + 6

    async def looked() -> bool:
        return wall.looks >= enough

    await soon(looked, what="a look for timers")


async def shared(*actors: Actor) -> None:
    """Waits until every instance has its share of the partitions."""

    async def even() -> bool:
        owned = [actor.engine.ownership.owned for actor in actors]
        return all(owned) and sum(map(len, owned)) == len(set().union(*owned)) == 4

    await soon(even, what="an even share")


async def test_what_fell_due_over_a_weekend_is_said_once_with_its_true_time(
    settings: Settings,
) -> None:
    async with a_stage(settings, partitions=4) as stage:
        decider = sla(stage)
        expected, wall = Expected(decider), Wall(FRIDAY)
        quick = {"timer_poll": 0.02, "timer_batch": 5, "timer_turn": 0.0}
        before = await stage.act(decider, wall.clock(), **quick)
        numbers = range(240)
        facts = [
            fact
            for number in numbers
            for fact in received(number, WEDNESDAY + timedelta(minutes=2 * number))
        ]
        expected.learns(facts)
        await stage.put(*facts)
        await has_said(stage, expected.by(FRIDAY))
        assert {name for _, name, _, _ in expected.said} > {"DeadlineSet"}, "some warnings are out"
        await before.leave()

        # The other services are up on Friday afternoon: some dossiers are finished in time.
        ends = [processed(number, FRIDAY + timedelta(hours=1)) for number in numbers if number % 3]
        await stage.put(*ends)
        expected.learns(ends)
        wall = Wall(MONDAY)
        two = [await stage.act(decider, wall.clock(), **quick) for _ in range(2)]
        await shared(*two)
        friday = set(expected.said)
        await has_said(stage, expected.by(MONDAY))
        weekend = expected.said - friday
        late = [number for number in numbers if not number % 3]
        assert len(weekend) > 20
        assert {code for code, _, _, _ in weekend} <= {code_of(number) for number in late}
        assert all(FRIDAY <= time < MONDAY for _, _, _, time in weekend)

        # An hour later more is due, and one of the two leaves while it is being said.
        wall.passes(hours=1)
        await two[1].leave()
        hour = len(expected.by(MONDAY + timedelta(hours=1)) - weekend - friday)
        assert hour > 5
        await has_said(stage, expected.said)
        assert two[0].engine.ownership.owned == {0, 1, 2, 3}


async def test_a_clock_that_is_set_says_nothing_early_and_nothing_twice(
    settings: Settings,
) -> None:
    async with a_stage(settings, partitions=1) as stage:
        decider = sla(stage)
        expected = Expected(decider)
        dossiers = {number: list(received(number, WEDNESDAY)) for number in (0,)}
        dossiers |= {n: list(received(n, WEDNESDAY + timedelta(minutes=n))) for n in (20, 40)}
        for facts in dossiers.values():
            expected.learns(facts)
        first, second, third = (expected.next_alarm(code_of(number)) for number in dossiers)
        assert (second - first, third - second) == (timedelta(minutes=20), timedelta(minutes=20))

        wall = Wall(first - timedelta(minutes=10))
        await stage.act(decider, wall.clock(limit=60, settling=30), timer_poll=0.01)
        await stage.put(*[fact for facts in dossiers.values() for fact in facts])
        await has_said(stage, expected.said)
        nothing = set(expected.said)

        # A leap over the first alarm, taken back before it was believed.
        wall.is_set(minutes=15)
        wall.passes(seconds=20)
        await looked_for_timers(wall)
        wall.is_set(minutes=-15)
        await looked_for_timers(wall)
        await has_said(stage, nothing)

        wall.passes(minutes=10)
        await has_said(stage, expected.by(wall.shows))
        once = set(expected.said)
        assert {(code, time) for code, _, _, time in once - nothing} == {(code_of(0), first)}

        # Set back by an hour: what was said is not said again, and what is not due waits.
        wall.is_set(hours=-1)
        await looked_for_timers(wall)
        wall.passes(minutes=50)
        await looked_for_timers(wall)
        await has_said(stage, once)
        # Put right: that is no leap, for so much time has passed.
        wall.is_set(hours=1)
        await has_said(stage, expected.by(wall.shows))
        assert {time for _, _, _, time in expected.said - once} >= {second, third}


async def test_a_leap_that_lasts_is_believed_and_what_it_made_due_has_its_own_time(
    settings: Settings,
) -> None:
    async with a_stage(settings, partitions=1) as stage:
        decider = sla(stage)
        expected = Expected(decider)
        facts = list(received(0, WEDNESDAY))
        expected.learns(facts)
        due = expected.next_alarm(code_of(0))
        wall = Wall(due - timedelta(days=1))
        await stage.act(decider, wall.clock(limit=60, settling=30), timer_poll=0.01)
        await stage.put(*facts)
        await has_said(stage, expected.said)
        silent = set(expected.said)

        wall.is_set(days=1, hours=1)  # a machine that was suspended wakes up
        await looked_for_timers(wall)
        wall.passes(seconds=29)
        await looked_for_timers(wall)
        await has_said(stage, silent)
        wall.passes(seconds=1)
        await has_said(stage, expected.by(wall.shows))
        assert due in {time for _, _, _, time in expected.said - silent}


async def test_records_get_their_turn_however_many_timers_are_due(settings: Settings) -> None:
    async with a_stage(settings, partitions=1) as stage:
        engine, _ = await _with_dossiers(stage, 12, timer_batch=5, timer_turn=0.0)
        due = {0: MONDAY}
        assert await engine.timers.fire_due(due), "the turn was over before all were fired"
        assert len(await _alarms(stage)) == 5
        assert await engine.timers.fire_due(due)
        assert len(await _alarms(stage)) == 10
        assert not await engine.timers.fire_due(due)
        assert len(await _alarms(stage)) == 12
        assert not await engine.timers.fire_due(due)
        assert len(await _alarms(stage)) == 12
        assert not await engine.timers.fire_due({7: MONDAY}), "another instance's"
        await engine.producer.stop()


async def test_who_is_asked_to_end_finishes_what_is_half_said(settings: Settings) -> None:
    async with a_stage(settings, partitions=1) as stage:
        engine, decider = await _with_dossiers(stage, 12, timer_batch=5)
        published, written = asyncio.Event(), asyncio.Event()
        persist = engine.store.persist

        async def slowly(subjects: Any) -> None:
            published.set()
            await written.wait()
            await persist(subjects)

        engine.store.persist = slowly
        turn = asyncio.create_task(engine.timers.fire_due({0: MONDAY}))
        await published.wait()
        turn.cancel()
        written.set()
        with pytest.raises(asyncio.CancelledError):
            await turn
        log = {code for code, *_ in await _alarms(stage)}
        assert len(log) == 5, "the round that was under way, and no other"
        states = stage.store(decider).states()
        assert {code async for code, state in states if state.alerts} == log
        await engine.producer.stop()


async def test_what_comes_back_over_the_log_is_written_once_and_only_when_it_is_said(
    settings: Settings,
) -> None:
    async with a_stage(settings, partitions=1) as stage:
        engine, _ = await _with_dossiers(stage, 3)
        persist = engine.store.persist
        writes: list[tuple[int, int]] = []

        async def counted(subjects: Any) -> None:
            writes.append((len(list(subjects)), len(await _alarms(stage))))
            await persist(subjects)

        engine.store.persist = counted
        assert not await engine.timers.fire_due({0: MONDAY})
        assert writes == [(3, 3)]
        await engine.producer.stop()


async def test_what_was_settled_before_a_rebalance_fires_nothing_after_it(
    settings: Settings,
) -> None:
    async with a_stage(settings, partitions=1) as stage:
        engine, _ = await _with_dossiers(stage, 3)

        async def goes_and_comes_back() -> None:
            await engine.ownership.revoked({0})
            await engine.ownership.assigned({0})

        async with engine.ownership.alone():
            # While the timers wait for their turn: what others wrote meanwhile is not folded yet.
            rebalance = asyncio.create_task(goes_and_comes_back())
            await asyncio.sleep(0)
            fires = asyncio.create_task(engine.timers.fire_due({0: MONDAY}))
            await asyncio.sleep(0)
        await rebalance
        assert await fires is False
        assert engine.ownership.owned == {0}
        assert await _alarms(stage) == []
        await engine.timers.fire_due({0: MONDAY})
        assert len(await _alarms(stage)) == 3
        await engine.producer.stop()


async def test_a_look_for_timers_reads_no_more_than_it_fires(settings: Settings) -> None:
    async with a_stage(settings, partitions=1) as stage:
        engine, _ = await _with_dossiers(stage, 40)
        await stage.database.command({"profile": 2})
        found = await engine.store.due({0, 1, 5}, MONDAY, 7)
        await stage.database.command({"profile": 0})
        assert len(found) == 7
        queries = stage.database["system.profile"].find({"command.find": "dossiers"})
        (query,) = await queries.to_list(None)
        assert "IXSCAN" in query["planSummary"]
        assert query["docsExamined"] == 7
        assert query.get("hasSortStage", False) is False
        await engine.producer.stop()


async def _with_dossiers(stage: Stage, count: int, **changes: Any) -> tuple[Any, Any]:
    """An engine without a consumer, that has folded dossiers of Wednesday morning."""
    decider = sla(stage)
    engine = Actor(stage, decider, Wall(WEDNESDAY).clock(), **changes).engine
    await engine.store.prepare()
    await engine.producer.start()
    await stage.put(*[fact for number in range(count) for fact in received(number, WEDNESDAY)])
    await engine.ownership.assigned({0})

    async def commit(_: Any) -> None:
        """Nobody else reads for this engine."""

    await engine.handle(await stage.log(), commit)
    return engine, decider


async def _alarms(stage: Stage) -> list[Said]:
    return [fact for fact in await said(stage) if fact[1] == "DossierSoonDue"]
