"""Keeps Python's search for reference cycles out of work that makes many objects and no cycles."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused(most: float = 2.0) -> Iterator[None]:
    """Put the search off while the work inside goes on, for at most `most` seconds.

    What a batch makes lives until it is written; the search walks through all of it and finds
    nothing, which takes an eighth of the engine's time. But work that waits for an absent broker
    may take hours, and other work makes cycles meanwhile.
    """
    gc.disable()
    again = asyncio.get_running_loop().call_later(most, gc.enable)
    try:
        yield
    finally:
        again.cancel()
        gc.enable()
