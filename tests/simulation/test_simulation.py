"""Some disturbed days of the engine in memory; `make simulate-engine` lives through many more."""

from __future__ import annotations

import asyncio
from random import Random, SystemRandom

import pytest

from services.runtime import Point
from tests.simulation.plan import EACH, calm, judged, plan
from tests.simulation.scheduler import Scheduler, Standstill

DOSSIERS = 3
FIXED = (1_000, 1_001)


@pytest.mark.parametrize("seed", [*FIXED, None], ids=["one", "another", "drawn"])
def test_a_disturbed_day_comes_to_what_the_calm_one_came_to(seed: int | None) -> None:
    if seed is None:
        seed = SystemRandom().randrange(10_000, 1_000_000)
    found = judged(seed, DOSSIERS)
    again = f'make simulate-engine ARGS="--seed {seed} --seeds 1 --dossiers {DOSSIERS}"'
    assert found.wrong == [], f"to repeat it: {again}"
    assert found.lived is not None
    assert found.lived.outside.chances.happened.total() > 3, "an undisturbed day proves nothing"


def test_a_day_has_what_proves_something() -> None:
    lived = calm(FIXED[0] // EACH, DOSSIERS)
    assert lived.outcome.late["DossierSoonDue"]
    assert lived.outcome.messages
    assert lived.outcome.sms
    assert lived.outside.passed[Point.TIMERS_PERSISTED]


def test_one_seed_is_one_run() -> None:
    day = plan(FIXED[0] // EACH, DOSSIERS)
    first, second = day.lived(FIXED[0]), day.lived(FIXED[0])
    assert (first.digest, first.steps) == (second.digest, second.steps)
    assert first.digest != day.lived(FIXED[1]).digest


def test_what_is_killed_runs_no_further_and_what_hangs_runs_later() -> None:
    loop = Scheduler(Random(1))
    said: list[tuple[str, float]] = []

    async def counts(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(1.0)
            said.append((name, loop.time()))

    async def watches() -> None:
        for name in ("well", "dead", "slow"):
            loop.begin(name, counts(name), name)
        await asyncio.sleep(1.5)
        loop.kill("dead")
        loop.hang("slow")
        await asyncio.sleep(10.0)
        loop.resume("slow")
        await asyncio.sleep(5.0)

    loop.run_until_complete(watches())
    loop.bury()
    loop.close()
    times = {name: [at for who, at in said if who == name] for name in ("well", "dead", "slow")}
    assert times == {"well": [1.0, 2.0, 3.0], "dead": [1.0], "slow": [1.0, 11.5, 12.5]}


def test_a_run_in_which_nothing_can_happen_ends() -> None:
    loop = Scheduler(None)
    with pytest.raises(Standstill):
        loop.run_until_complete(asyncio.Event().wait())
    loop.bury()
    loop.close()
