"""Waits for a condition, never for a time: looks again and again until a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE = 0.02


def eventually(look: Callable[[], T | None], *, timeout: float = 20.0, what: str = "it") -> T:
    """The first truthy answer. Raises AssertionError with the last one if there is none in time."""
    deadline = time.monotonic() + timeout
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what} did not come in {timeout} s: {seen!r}"
        time.sleep(_PAUSE)
    return seen


async def soon(
    look: Callable[[], Awaitable[T | None]], *, timeout: float = 20.0, what: str = "it"
) -> T:
    """The same for a look that has to be awaited."""
    deadline = time.monotonic() + timeout
    while not (seen := await look()):
        assert time.monotonic() < deadline, f"{what} did not come in {timeout} s: {seen!r}"
        await asyncio.sleep(_PAUSE)
    return seen
