"""Waits for what is away: the one loop that repeats what fails for a transient reason."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from services.runtime.transient import is_transient

T = TypeVar("T")

log = structlog.get_logger("motcua.patience")


async def patiently(
    attempt: Callable[[], Awaitable[T]],
    *,
    first: float = 0.1,
    most: float = 5.0,
    stopping: asyncio.Event | None = None,
    saying: str = "waiting for broker or database",
) -> T:
    """Repeat the attempt until it works; return its result.

    Pause up to `first` seconds, then twice as long each time and up to `most`; up to `first` again
    after an attempt that lasted longer than `most`. Log each failure as `saying`.

    Raise at once any error that is not transient. Once `stopping` is set, try a last time and raise
    what that raises.
    """
    pause = first
    while True:
        is_last = stopping is not None and stopping.is_set()
        began = time.monotonic()
        try:
            return await attempt()
        except Exception as error:
            if is_last or not is_transient(error):
                raise
            if time.monotonic() - began > most:
                pause = first
            log.warning(saying, error=repr(error), again_in=round(pause, 2))
        # Tasks that failed together do not come back together.
        await _rest(pause * random.uniform(0.5, 1), stopping)
        pause = min(pause * 2, most)


async def _rest(seconds: float, stopping: asyncio.Event | None) -> None:
    if stopping is None:
        await asyncio.sleep(seconds)
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), timeout=seconds)
