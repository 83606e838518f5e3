"""What runs beside sla's engine, from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from services.runtime.service import Running


@asynccontextmanager
async def beside(running: Running, *work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs the work, which never ends by itself, until the block is left.

    If some of it fails, the service does: without it, it would only look well.
    """

    def ended(done: asyncio.Task[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None and not running.failed.done():
            running.failed.set_exception(error)

    tasks = [asyncio.create_task(one) for one in work]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
