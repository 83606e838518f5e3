"""One instance of a service: its engines as the service makes them, over clients in memory.

It is started, fed and ended as a process is; only its HTTP side is not there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib import import_module
from typing import Any

from services.notify.contacts.addresses import FRESH_SECONDS, Addresses
from services.notify.contacts.contact import SealedContactDecider
from services.notify.deciders import DeliveryDecider
from services.notify.sending.sender import Supplies, sending
from services.notify.wording.renderer_now import RendererNow
from services.runtime import Faults, Offsets, Point, Running, make_running, patiently
from services.runtime.loop.consumer import EngineConsumer
from services.runtime.loop.restored import check_database
from services.shared.citizen_keys import KEPT_SECONDS, CitizenKeys
from services.shared.city import CityNow
from services.shared.master_keys import KeySettings, master_keys
from services.shared.one_time_codes import OneTimeCodes
from services.shared.references import References
from tests.simulation.broker import Broker
from tests.simulation.chances import Chances
from tests.simulation.clients import clients_of
from tests.simulation.database import Server
from tests.simulation.provider import Ledger
from tests.simulation.scheduler import Killed
from tests.simulation.subscriber import Subscriptions


class Drawn(Faults):
    """Counts the passes of each point, and kills the instance at a drawn pass of a drawn one."""

    def __init__(self, passed: Counter[Point], die: Callable[[], None]) -> None:
        super().__init__()
        self._passed = passed
        self._die = die
        self.doom: Point | None = None
        self.left = 0

    def passing(self, point: Point) -> None:
        self._passed[point] += 1
        if point is self.doom:
            self.left -= 1
            if self.left <= 0:
                self._die()
                raise Killed


class Outside:
    """What is not an instance's own, and outlives it."""

    def __init__(self, chances: Chances, partitions: int, session: float) -> None:
        self.chances = chances
        self.broker = Broker(chances, partitions, session)
        self.database = Server(chances)
        self.ledger = Ledger(chances)
        self.passed: Counter[Point] = Counter()


class Instance:
    """One instance of a service."""

    def __init__(
        self, service: str, owner: str, outside: Outside, settings: dict[str, Any]
    ) -> None:
        self.service = service
        self.owner = owner
        self.faults = Drawn(outside.passed, self._died)
        self.died: Callable[[Instance], None] = lambda instance: None
        self.running: Running[Any] | None = None
        self.serving = False
        self._outside = outside
        self._settings = settings
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask it to end, as SIGTERM does."""
        self._stop.set()

    async def run(self) -> None:
        """Run until asked to end. Raise what ends a process with a defect."""
        outside, owner = self._outside, self.owner
        service = import_module(f"services.{self.service}.__main__").SERVICE
        settings = service.settings(**self._settings)
        kafka = clients_of(outside.broker, owner)
        mongo = outside.database.client(owner)
        self.running = running = make_running(service, settings, mongo, kafka, self.faults)
        offsets = Offsets(settings.kafka, kafka)
        for engine in running.engines:
            await patiently(engine.store.prepare)
            await patiently(engine.worlds.prepare)
            await patiently(partial(check_database, engine, offsets), stopping=self._stop)
        subscriptions: Any = Subscriptions(outside.broker, owner)
        for engine in running.engines:
            EngineConsumer(subscriptions, engine, settings, running.tasks)
        try:
            await patiently(running.producer.start)
            await patiently(subscriptions.start)
            async with self._beside(running) or contextlib.nullcontext():
                self.serving = True
                asked = asyncio.create_task(self._stop.wait())
                ends: set[asyncio.Future[Any]] = {asked, running.tasks.failed}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                asked.cancel()
                running.stopping.set()
        finally:
            self.serving = False
            await running.tasks.stop_all()
            for engine in running.engines:
                engine.ownership.leave()
            await subscriptions.stop()
            await running.producer.stop()
            await offsets.stop()
        if running.tasks.failed.done():
            running.tasks.failed.result()

    def _beside(self, running: Running[Any]) -> AbstractAsyncContextManager[None] | None:
        if self.service != "notify":
            return None
        city = CityNow(running.dossiers, running.clock)
        keys = CitizenKeys(
            running.database.client, master_keys(KeySettings()), KEPT_SECONDS - FRESH_SECONDS
        )
        offsets = Offsets(running.settings.kafka, running.kafka)
        codes = OneTimeCodes(References({1: "tests"}))
        supplies = Supplies(
            running.engine(DeliveryDecider),
            Addresses(running.engine(SealedContactDecider), keys, offsets, codes),
            offsets,
            RendererNow(city, lambda code: f"https://example.test/{code}"),
            self._outside.ledger.channels(),
        )
        return sending(running, supplies)

    def _died(self) -> None:
        self.died(self)

    def doom(self, point: Point, passes: int) -> None:
        """Let it be killed at that pass of the point, counted from now on."""
        self.faults.doom, self.faults.left = point, passes
