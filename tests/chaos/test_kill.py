"""A short kill test: one of each kind of drill, and nothing may be lost or come twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contracts.catalogue import load_catalogue
from deploy.local.stack.stack import Stack
from motcua.deciders import calendars
from motcua.replay import replay
from motcua.simulate import Simulation, simulate_day, slices
from tests.chaos.drills import Drill, few_drills, spread
from tests.chaos.outcome import differences
from tests.chaos.overtaken import overtaken
from tests.chaos.run import run_city

pytestmark = [pytest.mark.integration, pytest.mark.chaos, pytest.mark.slow]


def test_a_drilled_day_comes_to_the_same_as_a_calm_one(tmp_path: Path) -> None:
    simulated = simulate_day(
        Simulation(dossiers=25, carried_over=12, seed=6, late_share=0.2, contacts=True),
        load_catalogue(),
        calendars(),
    )
    drills = spread(few_drills(), len(list(slices(simulated.requests, ends=simulated.ends))))
    behind = [number for number in overtaken(simulated) if number not in drills][:3]
    assert behind, "a day in which no request overtakes an alarm proves little"
    drills |= dict.fromkeys(behind, Drill("kill", "sla"))
    told: list[str] = []
    recorded = tmp_path / "drilled.jsonl.gz"
    stack = Stack(tmp_path, "chaos", die_with_parent=True)
    try:
        calm, _ = asyncio.run(run_city(stack, tmp_path / "calm", simulated, {}, told.append))
        drilled, watch = asyncio.run(
            run_city(stack, tmp_path / "drilled", simulated, drills, told.append, recorded=recorded)
        )
    finally:
        stack.down()

    assert differences(calm, drilled) == []
    assert drilled.decided_otherwise == []
    assert replay(recorded).partings == []
    assert calm.late["DossierOverdue"] > 0, "a day without a late dossier proves little"
    assert len(watch.reached) == 4, f"every arrow was to be reached: {watch.reached}"
    assert all(count == 1 for count in calm.messages.values())
    assert len(drilled.messages) == len(calm.messages)
