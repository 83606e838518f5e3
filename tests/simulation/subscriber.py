"""What stands for FastStream: it takes batches from a consumer and hands them to one handler.

Its loop goes on after an error of Kafka's, after a pause; it ends by letting the handler finish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import chain
from typing import Any

from aiokafka.errors import KafkaError

from tests.simulation.broker import Broker
from tests.simulation.clients import Consumer

_AFTER_AN_ERROR = 5.0
_GRACE = 30.0


class Subscriptions:
    """An instance's subscriptions: it stands for FastStream's KafkaBroker."""

    def __init__(self, broker: Broker, owner: str) -> None:
        self._broker = broker
        self._owner = owner
        self._all: list[Subscriber] = []

    def subscriber(self, topic: str, **options: Any) -> Subscriber:
        made = Subscriber(Consumer(self._broker, self._owner, **options), topic, options)
        self._all.append(made)
        return made

    async def start(self) -> None:
        for each in self._all:
            await each.start()

    async def stop(self) -> None:
        for each in self._all:
            await each.stop()


class Subscriber:
    """One subscription."""

    def __init__(self, consumer: Consumer, topic: str, options: dict[str, Any]) -> None:
        self.consumer: Consumer | None = None
        self._made = consumer
        self._topic = topic
        self._options = options
        self._handle: Callable[[Any], Awaitable[None]] | None = None
        self._task: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._running = False

    def __call__(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        self._handle = handle

    async def get_msg(self, consumer: Consumer) -> Any:
        found = await consumer.getmany(
            timeout_ms=self._options["batch_timeout_ms"], max_records=self._options["max_records"]
        )
        return tuple(chain(*found.values()))

    async def start(self) -> None:
        self._made.subscribe(self._topic, self._options["listener"])
        await self._made.start()
        self.consumer = self._made
        self._running = True
        self._task = asyncio.create_task(self._run(self._made))

    async def stop(self) -> None:
        self._running = False
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), _GRACE)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self.consumer is not None:
            await self.consumer.stop()

    async def _run(self, consumer: Consumer) -> None:
        assert self._handle is not None
        while self._running:
            try:
                records = await self.get_msg(consumer)
            except KafkaError:
                await asyncio.sleep(_AFTER_AN_ERROR)
                continue
            if records:
                self._idle.clear()
                try:
                    await self._handle(records)
                finally:
                    self._idle.set()
