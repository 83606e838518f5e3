"""Instances of notify that die before all is said or written, and the calm day beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from contracts.events import notify
from contracts.wire.codec import Record, encode
from contracts.wire.envelope import Event
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.runtime.loop.engine import Engine
from tests.support.rule_sets import WORLD
from tests.support.stage import Actor, Stage, read_topic
from tests.support.times import at
from tests.support.wall import Wall

EVENING = at(7, "20:00")
"""By then all is told."""


class Died(Exception):
    pass


class DiesAt:
    """A process that ends at a point of the engine; what it had in memory is gone."""

    def __init__(self, point: str) -> None:
        self._point = point

    def passing(self, point: str) -> None:
        if point == self._point:
            raise Died


class Calm:
    """What is said if nothing is killed, by the pure decisions."""

    def __init__(self, decider: Any, subject: str) -> None:
        self._decider = decider
        self.stored: Stored[Any] = Stored(subject, 0, decider.initial(subject))
        self.said: list[Record] = []

    def hears(self, *facts: Event) -> None:
        """Folds facts."""
        for fact in facts:
            self._note(handle(self._decider, WORLD, self.stored, fact))

    def passes(self, time: datetime) -> None:
        """Fires timers."""
        self._note(fire_timers(self._decider, WORLD, self.stored, time))

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
        self.engine.faults.passing = DiesAt(point).passing  # type: ignore[method-assign]
        with pytest.raises(Died):
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
