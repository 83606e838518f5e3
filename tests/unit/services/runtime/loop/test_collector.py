"""The search for cycles is put off while a batch is under way, and never for long."""

from __future__ import annotations

import asyncio
import gc

import pytest

from services.runtime.loop.collector import collector_paused


async def test_nothing_is_collected_while_the_work_goes_on() -> None:
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


async def test_work_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(ZeroDivisionError), collector_paused():
        raise ZeroDivisionError
    assert gc.isenabled()


async def test_work_that_waits_for_long_does_not_put_it_off_for_ever() -> None:
    later = asyncio.Event()
    with collector_paused(most=0.0):
        asyncio.get_running_loop().call_later(0.0, later.set)
        await later.wait()
        assert gc.isenabled()


@pytest.mark.parametrize("first_to_end", [0, 1])
async def test_two_at_once_leave_it_on_whichever_ends_first(first_to_end: int) -> None:
    two = collector_paused(), collector_paused()
    for one in two:
        one.__enter__()
    two[first_to_end].__exit__(None, None, None)
    two[1 - first_to_end].__exit__(None, None, None)
    assert gc.isenabled()
