"""An engine in its consumer group, for a bench that drives it by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from services.runtime.loop.consumer import EngineConsumer, make_broker
from services.runtime.loop.engine import Engine
from services.runtime.supervised import Supervised


@asynccontextmanager
async def running(engine: Engine[Any]) -> AsyncIterator[tuple[Engine[Any], EngineConsumer]]:
    """The engine in its group, with partitions; its records are handled, its timers not fired."""
    await engine.producer.start()
    broker = make_broker(engine.settings)
    consumer = EngineConsumer(broker, engine, engine.settings, Supervised())
    await broker.start()
    try:
        while not engine.ownership.owned:
            raise_failure(consumer)
            await asyncio.sleep(0.01)
        yield engine, consumer
    finally:
        await broker.stop()
        await engine.producer.stop()


async def handled(engine: Engine[Any], consumer: EngineConsumer, ends: dict[int, int]) -> None:
    """Waits until the engine has handled all records before these ends."""
    while any(engine.progress.next_offset(p) < end for p, end in ends.items()):
        raise_failure(consumer)
        await asyncio.sleep(0.01)


def raise_failure(consumer: EngineConsumer) -> None:
    """Raises what has ended the engine, if anything has."""
    if consumer.tasks.failed.done():
        consumer.tasks.failed.result()
