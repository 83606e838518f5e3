"""What is done to the city while it works: drawn, one disturbance after another."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Protocol

from contracts.wire.topics import SERVICES
from services.runtime import Point
from tests.simulation.chances import Fault
from tests.simulation.instance import Instance, Outside
from tests.simulation.scheduler import Scheduler

ARROWS: tuple[Point, ...] = (
    Point.RECEIVED,
    Point.LOADED,
    Point.DECIDED,
    Point.PUBLISHED,
    Point.PERSISTED,
    Point.COMMITTED,
)
TIMERS = (Point.TIMERS_DECIDED, Point.TIMERS_PUBLISHED, Point.TIMERS_PERSISTED)
MESSAGES = (Point.MESSAGE_PICKED, Point.MESSAGE_ACCEPTED, Point.MESSAGE_TOLD)
_OFTEN = (Fault.KILL_AT_POINT,) * 8 + (Fault.KILL,) * 3 + (Fault.HANG,) * 4 + (Fault.FAILOVER,) * 2
_SELDOM = (Fault.JOIN, Fault.JOIN, Fault.LEAVE, Fault.BROKER_AWAY, Fault.DATABASE_AWAY)
_MOST = 2
"""Instances of one service at a time, that mischief starts by itself."""


class Disturbed(Protocol):
    """What mischief does things to."""

    outside: Outside

    def of(self, service: str) -> list[Instance]: ...
    def start(self, service: str) -> Instance: ...
    def kill(self, instance: Instance) -> None: ...


class Mischief:
    """Does one thing when it is told to, soon after."""

    def __init__(self, city: Disturbed, draw: Random) -> None:
        self._city = city
        self._draw = draw
        self._healing: set[asyncio.Task[None]] = set()

    def begin(self, fault: Fault | None = None) -> None:
        """Do it, or something that is drawn, while what comes next is worked on."""
        self._later(self._soon(fault or self._draw.choice(_OFTEN + _SELDOM)))

    async def _soon(self, fault: Fault) -> None:
        await asyncio.sleep(self._draw.choice((0.0, 0.005, 0.02, 0.05, 0.2)) * self._draw.random())
        self._do(fault)

    async def heal(self) -> None:
        """Wait until everything that goes by itself has gone."""
        while self._healing:
            await asyncio.wait(set(self._healing))

    def _do(self, fault: Fault) -> None:
        city, draw, outside = self._city, self._draw, self._city.outside
        service = draw.choice(SERVICES)
        there = city.of(service)
        match fault:
            case Fault.KILL_AT_POINT if there:
                points = ARROWS
                if service in ("sla", "notify"):
                    points += TIMERS
                if service == "notify":
                    points += MESSAGES
                draw.choice(there).doom(draw.choice(points), draw.randint(1, 3))
                return  # counted when it happens
            case Fault.KILL if there:
                city.kill(draw.choice(there))
            case Fault.HANG if there:
                self._later(self._hang(draw.choice(there)))
            case Fault.JOIN if len(there) < _MOST:
                city.start(service)
            case Fault.LEAVE if len(there) > 1:
                draw.choice(there).stop()
            case Fault.BROKER_AWAY if outside.broker.is_back.is_set():
                self._later(self._broker_away())
            case Fault.DATABASE_AWAY if not outside.database.away:
                self._later(self._database_away())
            case Fault.FAILOVER:
                self._later(self._fail_over())
            case _:
                return
        outside.chances.note(fault)

    def _later(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._healing.add(task)
        task.add_done_callback(self._healing.discard)

    async def _hang(self, instance: Instance) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Scheduler)
        broker = self._city.outside.broker
        loop.hang(instance.owner)
        broker.lost(instance.owner)
        # Sometimes longer than the group waits for it.
        await asyncio.sleep(broker.session * self._draw.choice((0.3, 1.05, 1.2, 2.0)))
        loop.resume(instance.owner)

    async def _broker_away(self) -> None:
        broker = self._city.outside.broker
        broker.is_back.clear()
        await asyncio.sleep(self._draw.uniform(0.2, 3.0))
        broker.is_back.set()

    async def _database_away(self) -> None:
        database = self._city.outside.database
        database.away = True
        await asyncio.sleep(self._draw.uniform(0.2, 3.0))
        database.away = False

    async def _fail_over(self) -> None:
        database = self._city.outside.database
        database.fail_over()
        # What takes a whole machine takes more than the database.
        for service in SERVICES:
            if self._draw.random() < 0.3 and (there := self._city.of(service)):
                self._city.kill(there[0])
                self._city.outside.chances.note(Fault.KILL)
        await asyncio.sleep(self._draw.uniform(0.1, 2.0))
        database.stepped_down()
