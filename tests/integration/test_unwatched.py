"""Timers that nobody watches are found from outside the service, and woken."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from motcua.cli import build
from motcua.deciders import city_deciders
from services.runtime.kafka.offsets import Offsets
from services.runtime.loop.unwatched import Unwatched
from services.runtime.settings import Settings
from tests.support import facts
from tests.support.event import event
from tests.support.eventually import soon
from tests.support.stage import MORNING, Stage, a_stage, code_of
from tests.support.wall import Wall

pytestmark = pytest.mark.integration

_QUARTER = timedelta(minutes=15)
MARITAL_STATUS = "1.004873"
"""Three working days."""


async def with_dossiers(stage: Stage, decider: Any, wall: Wall, count: int) -> None:
    """Sla has dossiers that wait for their warnings; then its only instance leaves."""
    actor = await stage.act(decider, wall.clock(), timer_poll=0.01)
    route = facts.routed("H29.101", MARITAL_STATUS, "short", steps=("verify", "sign"))
    for number in range(count):
        code = code_of(number)
        for data in (facts.received(MARITAL_STATUS, "H29.1"), route):
            await stage.put(event(data, MORNING, code, id=f"{code}-{data.NAME}"))
    await stage.rest()
    await actor.leave()


async def test_what_has_no_owner_or_is_long_due_or_asleep_is_found_and_woken(
    settings: Settings,
) -> None:
    async with a_stage(settings, partitions=2) as stage:
        decider: Any = stage.cast(next(d for d in city_deciders() if d.name == "sla"))
        wall = Wall(MORNING)
        await with_dossiers(stage, decider, wall, 6)
        offsets = Offsets(settings.kafka)
        unwatched = Unwatched(decider, stage.database, offsets)
        later = MORNING + timedelta(days=9)
        dossiers = stage.database[decider.collection]

        found = await unwatched.find(MORNING, _QUARTER)
        assert (sum(found.unowned.values()), set(found.unowned)) == (6, {0, 1})
        assert found.late == []
        found = await unwatched.find(later, _QUARTER)
        assert {late.subject for late in found.late} == {code_of(n) for n in range(6)}

        # One of them nobody knows to wait: the release before this one left such behind.
        await dossiers.update_one({"_id": code_of(3)}, {"$set": {"due": None}})
        assert len((await unwatched.find(later, _QUARTER)).late) == 5
        asleep = (await unwatched.find(later, _QUARTER, asleep=True)).late
        assert [late.subject for late in asleep if late.due is None] == [code_of(3)]

        wall.passes(days=9)
        await stage.act(decider, wall.clock(), timer_poll=0.01)

        async def fired() -> bool:
            return not (await unwatched.find(later, _QUARTER)).late

        await soon(fired, what="those that are known to wait")
        found = await unwatched.find(later, _QUARTER, asleep=True)
        assert (found.unowned, [late.subject for late in found.late]) == ({}, [code_of(3)])
        assert await unwatched.wake([code_of(3)], later) == 1
        wall.passes(minutes=1)

        async def awake() -> bool:
            kept = await stage.subject(code_of(3), decider)
            return {alert.kind for alert in kept.state.alerts} >= {"DossierOverdue"}

        await soon(awake, what="the one that slept")
        assert not await unwatched.find(later, _QUARTER, asleep=True)
        await offsets.stop()


async def test_the_commands_say_what_has_no_instance(settings: Settings) -> None:
    runner = CliRunner(
        env={"COLUMNS": "200", "MOTCUA_KAFKA": settings.kafka, "MOTCUA_MONGO": settings.mongo}
    )

    async def run(*command: str) -> Result:
        return await asyncio.to_thread(runner.invoke, build(["timers"]), ["timers", *command])

    # No city runs on this test's stack: so none of its partitions has an instance.
    shown = await run("list", "routing")
    assert shown.exit_code == 1
    assert "partition 0 has no instance; 0 subjects wait in it" in shown.output
    woken = await run("wake", "routing", "--dossier", "H29.1-190101-0001")
    assert woken.exit_code == 1
    assert "dossiers: 0 woken" in woken.output
    assert (await run("list", "coffee")).exit_code == 2
