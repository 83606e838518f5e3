"""The attacks of `make attack`, small: others are served meanwhile, and nothing breaks."""

from __future__ import annotations

import pytest

from deploy.local.stack.city import City
from tests.security.drills import SMALL, Drills

pytestmark = pytest.mark.integration


async def test_whoever_attacks_others_are_served_meanwhile(city: City) -> None:
    done = await Drills(city, SMALL, print).run()
    assert [fault for drill in done for fault in drill.faults] == []
    came = {drill.name: drill.came for drill in done}
    assert came["guesses"].keys() <= {"404", "429", "503"}
    assert came["slow bodies"].keys() <= {"401", "408"}
    assert came["open pages"] == {"200": SMALL.pages}
    assert came["odd text"].total() > 1000
