"""What is away is waited for, ever more patiently; what is wrong is raised at once."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.runtime.patience import patiently


class Attempts:
    """Fails as it is told to, one time after another, and works then."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.times: list[float] = []
        self.begun = asyncio.Event()

    async def __call__(self) -> int:
        self.times.append(time.monotonic())
        self.begun.set()
        if self.failures:
            raise self.failures.pop(0)
        return len(self.times)


async def test_an_outage_is_waited_for() -> None:
    attempts = Attempts(ConnectionRefusedError(), TimeoutError(), ConnectionResetError())
    assert await patiently(attempts, first=0.02, most=0.04) == 4
    pauses = [b - a for a, b in zip(attempts.times, attempts.times[1:], strict=False)]
    assert all(pause >= least for pause, least in zip(pauses, (0.01, 0.02, 0.02), strict=True))


async def test_a_defect_is_raised_at_once() -> None:
    attempts = Attempts(ConnectionRefusedError(), ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        await patiently(attempts, first=0.001)
    assert len(attempts.times) == 2


async def test_who_is_to_stop_tries_a_last_time_without_waiting() -> None:
    stopping = asyncio.Event()
    attempts = Attempts(*(ConnectionRefusedError(str(number)) for number in range(9)))
    trying = asyncio.create_task(patiently(attempts, first=3600, stopping=stopping))
    await attempts.begun.wait()
    stopping.set()
    with pytest.raises(ConnectionRefusedError, match="1"):
        await asyncio.wait_for(trying, timeout=30)


async def test_after_an_attempt_that_lasted_the_pauses_are_short_again() -> None:
    attempts = Attempts(*(TimeoutError() for _ in range(3)))

    async def lasts() -> int:
        if len(attempts.times) == 2:
            await asyncio.sleep(0.3)
        return await attempts()

    await patiently(lasts, first=0.01, most=0.2)
    assert attempts.times[3] - attempts.times[2] < 0.2
