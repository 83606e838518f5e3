"""What notify's timers say to others: the same whatever is killed, hangs or is entered late.

Neither a citizen's digest nor a head's morning comes back over the topic that its decider folds.
What must be said is told by the pure decisions; what was said, by the log and the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from contracts.events import notify
from contracts.events.notify import MessageChannel
from contracts.model import EventData
from contracts.wire.codec import Record, encode
from contracts.wire.envelope import Event, derive_id
from services.notify.deciders import DeskDecider, NotifyDecider
from services.notify.dossier.policy import Policy
from services.notify.hours import Quiet
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.runtime.loop.engine import Engine
from services.runtime.settings import Settings
from tests.support.notify_dossiers import (
    BEGIN,
    CATALOGUE,
    CODE,
    DUE,
    MOVED,
    PROCESSED,
    SOON,
    STOPPED,
    retracted,
)
from tests.support.stage import Actor, Stage, a_stage, read_topic
from tests.support.times import at
from tests.support.wall import Wall

pytestmark = pytest.mark.integration

NOON = at(7, "13:00")
"""An hour after the digest of what was gathered in the morning is due."""
EVENING = at(7, "20:00")
"""By then all is told."""
MORNING = "H29.15@2024-03-08"

WRITTEN = ("timers-written", "timers-published", "timers-persisted")
"""The arrows behind which there is no way back: what was decided is what is told."""


def _event(subject: str, data: EventData, when: datetime) -> Event:
    return Event(derive_id("test", subject, data.TYPE, repr(data)), "/tests", subject, when, data)


WARNING = _event(CODE, SOON, at(7, "09:00"))
BEGUN = [
    *(_event(CODE, data, at(7) + timedelta(seconds=n)) for n, data in enumerate(BEGIN)),
    WARNING,
]
LATE = {
    "a warning in it was wrong": _event(CODE, retracted(WARNING), at(7, "11:00")),
    "the date has moved": _event(CODE, MOVED, at(7, "11:30")),
    "it was stopped": _event(CODE, STOPPED, at(7, "11:40")),
    "it was done": _event(CODE, PROCESSED, at(7, "11:50")),
}
"""What an office enters in the afternoon, of the morning."""


def alerted(dossier: str) -> Event:
    """An alert for the head's morning."""
    data = notify.UnitAlerted(
        morning=MORNING,
        unit="H29.15",
        dossier=dossier,
        alert_id=derive_id(dossier),
        alert="ApologyOwed",
        due=DUE,
    )
    return _event(MORNING, data, at(7, "16:00"))


def dossiers(stage: Stage) -> Any:
    """Notify's own decisions, on this stage: from the second message on, routine is gathered."""
    quiet = Quiet(time(0), time(0))
    policy = Policy(CATALOGUE, channels=(MessageChannel.EMAIL,), quiet=quiet, often=1)
    return stage.cast(NotifyDecider(policy))


def desks(stage: Stage) -> Any:
    """The desk's own decisions, on this stage."""
    return stage.cast(DeskDecider(Policy(CATALOGUE)))


class _Died(Exception):
    pass


class _DiesAt:
    """A process that ends at a point of the engine; what it had in memory is gone."""

    def __init__(self, point: str) -> None:
        self._point = point

    def passing(self, point: str) -> None:
        if point == self._point:
            raise _Died


class Calm:
    """What is said if nothing is killed, by the pure decisions."""

    def __init__(self, decider: Any, subject: str) -> None:
        self._decider = decider
        self.stored: Stored[Any] = Stored(subject, 0, decider.initial(subject))
        self.said: list[Record] = []

    def hears(self, *facts: Event) -> None:
        """Folds facts."""
        for fact in facts:
            self._note(handle(self._decider, self.stored, fact))

    def passes(self, time: datetime) -> None:
        """Fires timers."""
        self._note(fire_timers(self._decider, self.stored, time))

    def _note(self, events: Iterable[Event]) -> None:
        self.said += map(encode, events)


class Instance:
    """An engine without a consumer: a test hands it its records and its time."""

    def __init__(self, stage: Stage, decider: Any) -> None:
        self._stage = stage
        # As late as need be: a test says until when timers fire.
        actor = Actor(stage, decider, Wall(at(29)).clock())
        self.engine: Engine[Any] = actor.engine
        self._handled = 0

    async def reads(self) -> None:
        """Handles all that stands in the log and was not handled by this instance."""
        log = await self._stage.log()
        await self.engine.handle(log[self._handled :], _no_commit)
        self._handled = len(log)

    async def fires(self, until: datetime) -> None:
        """Fires what is due."""
        while await self.engine.timers.fire_due({0: until}):
            pass

    async def dies_at(self, point: str, until: datetime) -> None:
        """Fires what is due and is killed meanwhile."""
        self.engine.faults.passing = _DiesAt(point).passing  # type: ignore[method-assign]
        with pytest.raises(_Died):
            await self.engine.timers.fire_due({0: until})
        await self.engine.producer.stop()


async def _no_commit(_: Any) -> None:
    """Nobody else reads for these engines; whoever starts reads everything again."""


@asynccontextmanager
async def starts(stage: Stage, decider: Any) -> AsyncIterator[Instance]:
    """An instance that has taken the one partition over."""
    instance = Instance(stage, decider)
    await instance.engine.store.prepare()
    await instance.engine.producer.start()
    await instance.engine.ownership.assigned({0})
    try:
        yield instance
    finally:
        await instance.engine.producer.stop()


async def said(stage: Stage) -> list[Record]:
    """All that was published, as it stands there."""
    log = await read_topic(stage.settings.kafka, stage.aside)
    return [Record(r.key, r.value, list(r.headers)) for r in log]


async def has_said(stage: Stage, expected: list[Record]) -> None:
    """What is published must be that and nothing else, in that order, to the byte.

    Whatever stands there once more is known to its readers; it must be the very same record.
    """
    found = await said(stage)
    first: list[Record] = []
    for record in found:
        if record not in first:
            first.append(record)
    assert _named(first) == _named(expected)
    assert first == expected


def _named(records: Iterable[Record]) -> list[tuple[str, str, bytes]]:
    """What a failed comparison is to show first."""
    named = []
    for record in records:
        headers = dict(record.headers)
        named.append((headers["ce_type"].decode(), headers["ce_id"].decode(), record.value))
    return named


async def is_settled(stage: Stage, decider: Any, calm: Calm) -> None:
    """The state is the calm one, and nothing is left to be said or looked at."""
    stored = await stage.subject(calm.stored.subject, decider)
    assert stored.state == calm.stored.state
    assert stored.unsaid == []
    assert stored.due is None or stored.due > EVENING


def templates(records: Iterable[Record]) -> list[str]:
    """The templates of the messages planned."""
    planned = notify.MessagePlanned
    return [
        planned.model_validate_json(record.value).template
        for record in records
        if dict(record.headers)["ce_type"].decode() == planned.TYPE
    ]


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
@pytest.mark.parametrize("point", WRITTEN)
async def test_what_is_entered_late_after_a_kill_is_told_once_and_apart_from_the_digest(
    settings: Settings, point: str, late: Event
) -> None:
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = Calm(decider, CODE)
        calm.hears(*BEGUN)
        calm.passes(NOON)
        calm.hears(late)
        calm.passes(EVENING)
        told = templates(calm.said)
        assert told.count("digest") == 1
        assert len(told) > 2, "the late fact is told of"

        await stage.put_records(*map(encode, BEGUN))
        async with starts(stage, decider) as first:
            await first.reads()
            await first.dies_at(point, NOON)
        await stage.put_records(encode(late))
        async with starts(stage, decider) as second:
            await second.reads()
            await second.fires(EVENING)
        await has_said(stage, calm.said)
        await is_settled(stage, decider, calm)


@pytest.mark.parametrize("point", WRITTEN)
async def test_whoever_takes_over_says_what_was_left_unsaid_if_nothing_else_happens(
    settings: Settings, point: str
) -> None:
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = Calm(decider, CODE)
        calm.hears(*BEGUN)
        calm.passes(NOON)

        await stage.put_records(*map(encode, BEGUN))
        async with starts(stage, decider) as first:
            await first.reads()
            await first.dies_at(point, NOON)
        async with starts(stage, decider) as second:
            await second.fires(NOON)
            await has_said(stage, calm.said)
            await is_settled(stage, decider, calm)
            count = len(await said(stage))
            await second.fires(NOON)
            await second.reads()
            assert len(await said(stage)) == count, "what is said is said"


@pytest.mark.parametrize("point", ["decided", "published", "persisted"])
async def test_a_second_kill_while_it_is_said_with_what_came_late_changes_nothing(
    settings: Settings, point: str
) -> None:
    late = LATE["a warning in it was wrong"]
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = Calm(decider, CODE)
        calm.hears(*BEGUN)
        calm.passes(NOON)
        calm.hears(late)
        calm.passes(EVENING)

        await stage.put_records(*map(encode, BEGUN))
        async with starts(stage, decider) as first:
            await first.reads()
            await first.dies_at("timers-written", NOON)
        await stage.put_records(encode(late))
        async with starts(stage, decider) as second:
            second.engine.faults.passing = _DiesAt(point).passing  # type: ignore[method-assign]
            with pytest.raises(_Died):
                await second.reads()
        async with starts(stage, decider) as third:
            await third.reads()
            await third.fires(EVENING)
        await has_said(stage, calm.said)
        await is_settled(stage, decider, calm)


async def test_what_nobody_wrote_down_is_decided_anew_with_what_was_entered_meanwhile(
    settings: Settings,
) -> None:
    late = LATE["a warning in it was wrong"]
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = Calm(decider, CODE)
        calm.hears(*BEGUN, late)
        calm.passes(EVENING)
        assert templates(calm.said)[-1] == "in-process", "alone, for the warning is not told"

        await stage.put_records(*map(encode, BEGUN))
        async with starts(stage, decider) as first:
            await first.reads()
            await first.dies_at("timers-decided", NOON)
        await stage.put_records(encode(late))
        async with starts(stage, decider) as second:
            await second.reads()
            await second.fires(EVENING)
        await has_said(stage, calm.said)
        await is_settled(stage, decider, calm)


@pytest.mark.parametrize("point", WRITTEN)
async def test_an_alert_that_comes_after_a_kill_is_told_on_the_next_morning(
    settings: Settings, point: str
) -> None:
    eight, next_eight = at(8, "08:00"), at(11, "08:00")
    early, late = [alerted("a"), alerted("b")], alerted("c")
    async with a_stage(settings) as stage:
        decider = desks(stage)
        calm = Calm(decider, MORNING)
        calm.hears(*early)
        calm.passes(eight)
        calm.hears(late)
        calm.passes(next_eight)
        assert templates(calm.said) == ["head-digest", "head-digest"]

        await stage.put_records(*map(encode, early))
        async with starts(stage, decider) as first:
            await first.reads()
            await first.dies_at(point, eight)
        await stage.put_records(encode(late))
        async with starts(stage, decider) as second:
            await second.reads()
            await second.fires(next_eight)
        await has_said(stage, calm.said)
        await is_settled(stage, decider, calm)


@pytest.mark.parametrize("waits_in", ["publish", "persist"])
async def test_an_instance_that_hangs_says_nothing_else_than_the_one_that_took_over(
    settings: Settings, waits_in: str
) -> None:
    late = LATE["a warning in it was wrong"]
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = Calm(decider, CODE)
        calm.hears(*BEGUN)
        calm.passes(NOON)
        calm.hears(late)
        calm.passes(EVENING)

        await stage.put_records(*map(encode, BEGUN))
        async with starts(stage, decider) as hangs, starts(stage, decider) as other:
            await hangs.reads()
            stuck, goes_on = asyncio.Event(), asyncio.Event()
            part = hangs.engine.producer if waits_in == "publish" else hangs.engine.store
            does = getattr(part, waits_in)
            calls = 0

            async def waits(what: Any) -> None:
                nonlocal calls
                calls += 1
                # The second write is the one behind what was published.
                if calls == (1 if waits_in == "publish" else 2):
                    stuck.set()
                    await goes_on.wait()
                await does(what)

            setattr(part, waits_in, waits)
            turn = asyncio.create_task(hangs.engine.timers.fire_due({0: NOON}))
            hung = asyncio.create_task(stuck.wait())
            await asyncio.wait({turn, hung}, return_when=asyncio.FIRST_COMPLETED)
            assert hung.done(), "it did not come that far"
            await stage.put_records(encode(late))
            await other.reads()
            await other.fires(EVENING)
            goes_on.set()
            await turn
            await has_said(stage, calm.said)
            await is_settled(stage, decider, calm)


async def test_what_is_unsaid_of_a_dossier_is_said_though_its_next_record_holds_it(
    settings: Settings,
) -> None:
    late = encode(LATE["it was done"])
    async with a_stage(settings) as stage:
        decider = dossiers(stage)
        calm = Calm(decider, CODE)
        calm.hears(*BEGUN)
        calm.passes(NOON)

        await stage.put_records(*map(encode, BEGUN))
        async with starts(stage, decider) as first:
            await first.reads()
            await first.dies_at("timers-written", NOON)
        assert await said(stage) != calm.said
        await stage.put_records(late._replace(value=b"{"))
        async with starts(stage, decider) as second:
            await second.reads()
            await second.fires(EVENING)
        await has_said(stage, calm.said)
        held = await stage.subject(CODE, decider)
        assert held.hold is not None
        assert (held.unsaid, held.due) == ([], None)
