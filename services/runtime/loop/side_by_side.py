"""Runs parts of the engine's work at once; all end together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable

from services.runtime.loop.retry import Leaving


async def side_by_side(parts: Iterable[Awaitable[None]]) -> None:
    """Wait until all parts have ended; then raise what one of them raised."""
    ends = await asyncio.gather(*parts, return_exceptions=True)
    failures = [end for end in ends if end is not None]
    # A defect says more than the Leaving of the others.
    for failure in sorted(failures, key=lambda end: isinstance(end, Leaving)):
        raise failure
