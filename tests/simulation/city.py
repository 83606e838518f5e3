"""A whole city in memory going through a day: four services, in peace or disturbed."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from random import Random
from typing import Any
from unittest.mock import patch

from contracts.rules import RuleSet
from contracts.wire.topics import SERVICES
from motcua.feed import Feed
from motcua.simulate import SimulatedDay, slices
from motcua.simulate.contacts import sealed_contacts
from services.notify.sending import retries as sending_retries
from services.notify.sending import sender as sending_sender
from services.notify.sending.retries import Retries
from services.notify.sending.selection import SendingState
from services.runtime import (
    ClockKind,
    Decider,
    NotEnacted,
    Settings,
    Timer,
    enact,
    patiently,
)
from services.runtime.core import handle as handling
from services.runtime.core.handle import timer_id
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import KeySettings, master_keys
from tests.chaos.outcome import TOPICS, Outcome, read_record, read_states
from tests.simulation.chances import Chances, Fault
from tests.simulation.clients import clients_of
from tests.simulation.instance import Instance, Outside
from tests.simulation.mischief import Mischief
from tests.simulation.scheduler import Killed, Scheduler

PARTITIONS = 3
_SESSION = 1.0
_PATIENCE = 900.0
"""Seconds of told time without any movement after which a city does not come to rest."""
_DISTURBED = 0.35
"""Of the slices of a day, those in which something is done to the city."""
_SHARE = 0.004
"""Of all calls to broker and database, those that fail by themselves."""


class Broken(Exception):
    """The city ended otherwise than a city does. The text says how."""


@dataclass(frozen=True)
class Lived:
    """A day that was lived through."""

    outcome: Outcome
    outside: Outside
    digest: str
    """Stands for all that was written, in its order."""
    timers: Counter[str]
    """The kinds of timers that fired, and how often one was decided."""
    steps: int
    seconds: float
    """Of told time."""


def live(
    simulated: SimulatedDay,
    *,
    begins_with: RuleSet | None = None,
    enacted: Mapping[int, Sequence[RuleSet]] | None = None,
    seed: int | None = None,
) -> Lived:
    """Live through the day, disturbed as the seed has it, or in peace.

    Raise Broken if an instance meets a defect, if the city does not come to rest, or if something
    is left that should have happened.
    """
    draw = None if seed is None else Random(seed)
    loop = Scheduler(draw)
    chances = Chances(draw or Random(0), 0.0 if draw is None else _SHARE)
    outside = Outside(chances, PARTITIONS, _SESSION)
    city = _City(outside, loop)
    timers: Counter[str] = Counter()
    try:
        with _told_time(loop, chances.draw), _counted(timers):
            work = city.goes_through(simulated, begins_with, enacted or {}, disturbed=bool(draw))
            outcome = loop.run_until_complete(work)
    finally:
        loop.bury()
        loop.close()
    return Lived(outcome, outside, _digest(outside), timers, loop.steps, loop.time())


@contextmanager
def _told_time(loop: Scheduler, draw: Random) -> Iterator[None]:
    """Let everything that asks for the time, or draws, ask the run."""
    began = time.time()
    before = random.getstate()
    random.seed(draw.random())
    made = partial(SendingState, draw=Random(draw.random()))
    with (
        patch("time.monotonic", loop.time),
        patch("time.time", lambda: began + loop.time()),
        patch.object(sending_sender, "Retries", lambda: Retries(loop.time)),
        patch.object(sending_sender, "SendingState", made),
        patch.object(sending_retries, "Random", lambda: Random(draw.random())),
    ):
        try:
            yield
        finally:
            random.setstate(before)


@contextmanager
def _counted(timers: Counter[str]) -> Iterator[None]:
    """Count the timers that are fired, by their kind."""

    def noted(decider: Decider[Any], subject: str, timer: Timer) -> str:
        timers[str(timer.kind)] += 1
        return timer_id(decider, subject, timer)

    with patch.object(handling, "timer_id", noted):
        yield


class _City:
    def __init__(self, outside: Outside, loop: Scheduler) -> None:
        self.outside = outside
        self._loop = loop
        self._instances: list[Instance] = []
        self._settings: dict[str, Any] = {
            "clock": ClockKind.STREAM,
            "partitions": PARTITIONS,
            "channels": "email,sms",
            "sms_url": "http://127.0.0.1:1",
            "batch_wait_ms": 200,
            "look_every": 0.25,
            "retry_most": 1.0,
            "session_timeout_ms": int(_SESSION * 1000),
            "cache_states": 200,
        }
        self._number = 0
        self._failed: asyncio.Future[None] | None = None
        self._feed = Feed("", sends_mail=True, kafka=clients_of(outside.broker, ""))
        self._mongo = outside.database.client()
        self._mischief: Mischief | None = None

    # -- instances --------------------------------------------------------------------------

    def of(self, service: str) -> list[Instance]:
        return [i for i in self._instances if i.service == service and i.serving]

    def start(self, service: str) -> Instance:
        self._number += 1
        instance = Instance(service, f"{service}-{self._number}", self.outside, self._settings)
        instance.died = partial(self._died, at=Fault.KILL_AT_POINT)
        self._instances.append(instance)
        task = self._loop.begin(instance.owner, instance.run(), instance.owner)
        task.add_done_callback(partial(self._ended, instance))
        return instance

    def kill(self, instance: Instance) -> None:
        self._died(instance)

    def _died(self, instance: Instance, at: Fault | None = None) -> None:
        """It is dead from here on; another one is started some time after."""
        if at is not None:
            self.outside.chances.note(at)
        self._loop.kill(instance.owner)
        self.outside.broker.lost(instance.owner)
        self._instances.remove(instance)
        after = self.outside.chances.draw.choice((0.0, 0.1, 1.5))
        self._loop.call_later(after, self._ensure, instance.service, context=Context())

    def _ensure(self, service: str) -> None:
        if not any(i.service == service for i in self._instances):
            self.start(service)

    def _ended(self, instance: Instance, task: asyncio.Task[None]) -> None:
        if instance in self._instances:
            self._instances.remove(instance)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Killed):
            assert self._failed is not None
            if not self._failed.done():
                broken = Broken(f"{instance.owner} stopped: {error!r}")
                broken.__cause__ = error
                self._failed.set_exception(broken)
            return
        self._ensure(instance.service)

    # -- the day ----------------------------------------------------------------------------

    async def goes_through(
        self,
        simulated: SimulatedDay,
        begins_with: RuleSet | None,
        enacted: Mapping[int, Sequence[RuleSet]],
        *,
        disturbed: bool,
    ) -> Outcome:
        self._failed = self._loop.create_future()
        day = self._loop.create_task(self._day(simulated, begins_with, enacted, disturbed))
        await asyncio.wait({day, self._failed}, return_when=asyncio.FIRST_COMPLETED)
        if self._failed.done():
            self._failed.result()
        await day
        return await self._outcome(simulated.ends)

    async def _day(
        self,
        simulated: SimulatedDay,
        begins_with: RuleSet | None,
        enacted: Mapping[int, Sequence[RuleSet]],
        disturbed: bool,
    ) -> None:
        feed, draw = self._feed, self.outside.chances.draw
        if begins_with is not None:
            await self._enact(begins_with)
        keys = CitizenKeys(self._mongo, master_keys(KeySettings()))
        told = await sealed_contacts(keys, simulated.contacts)
        for service in SERVICES:
            self.start(service)
        await patiently(feed.start)
        await patiently(lambda: feed.send(told))
        await self._settle()
        mischief = Mischief(self, draw)
        for number, piece in enumerate(slices(simulated.requests, ends=simulated.ends)):
            if disturbed and number in enacted:
                mischief.begin(Fault.KILL_AT_POINT)
            elif disturbed and draw.random() < _DISTURBED:
                mischief.begin()
            await patiently(lambda p=piece: feed.send(p.events))  # type: ignore[misc]
            for rules in enacted.get(number, ()):
                await self._enact(rules)
            await self._settle()
            await patiently(feed.tick_mornings)
            await patiently(lambda p=piece: feed.tick(p.until))  # type: ignore[misc]
            if not disturbed:
                await self._settle()
        await self._settle()
        await patiently(feed.tick_mornings)
        await self._settle()
        if disturbed:
            await mischief.heal()
            self.outside.chances.quiet = True
            for service in SERVICES:
                self._ensure(service)
        await patiently(lambda: feed.tick(simulated.ends))
        await self._settle()

    async def _enact(self, rules: RuleSet) -> None:
        settings = Settings(clock=ClockKind.STREAM, partitions=PARTITIONS)
        kafka = clients_of(self.outside.broker, "")
        try:
            await patiently(lambda: enact(settings, rules.files, rules.since, rules.by, kafka))
        except NotEnacted as error:
            if "is the same" not in str(error):
                raise

    async def _settle(self) -> None:
        last: object = None
        moved = self._loop.time()
        while True:
            lag = await patiently(self._feed.behind)
            unsent = 0 if lag else await self._unsent()
            if not lag and not unsent:
                return
            if (left := (lag, unsent)) != last:
                last, moved = left, self._loop.time()
            elif self._loop.time() - moved > _PATIENCE:
                raise Broken(f"nothing has moved for {_PATIENCE:.0f} s; still to do: {left}")
            await asyncio.sleep(0.02)

    async def _unsent(self) -> int:
        if self._feed.ticked is None:
            return 0
        due = {"state.next_at": {"$lt": self._feed.ticked}, "hold": None}
        found: int = await patiently(
            partial(self._mongo["motcua_notify"]["deliveries"].count_documents, due)
        )
        return found

    async def _outcome(self, ends: datetime) -> Outcome:
        outcome = Outcome()
        await read_states(self._mongo, outcome)
        for topic in TOPICS:
            for record in self.outside.broker.records(topic):
                read_record(record, outcome)
        outcome.messages = self.outside.ledger.mails
        outcome.sms = self.outside.ledger.sms
        left = {"due": {"$type": "date", "$lt": ends}}
        for name in SERVICES:
            count = await self._mongo[f"motcua_{name}"]["dossiers"].count_documents(left)
            if count:
                raise Broken(f"{name}: {count} timers that should have fired have not")
        return outcome


def _digest(outside: Outside) -> str:
    found = sha256()
    for tp, entries in outside.broker.log.items():
        for offset, entry in enumerate(entries):
            headers = dict(entry.headers or ())
            found.update(f"{tp.topic} {tp.partition} {offset} {entry.key!r}".encode())
            found.update(headers.get("ce_id", b""))
    return found.hexdigest()
