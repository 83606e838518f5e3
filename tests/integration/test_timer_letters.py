"""A timer that raises makes a dead letter of its dossier, which can be redriven; others go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.model import EventData
from contracts.wire.codec import decode
from contracts.wire.envelope import Event, derive_id
from services.runtime import Timer, World
from services.runtime.core.dead_letter import DeadLetter
from services.runtime.kafka.dead_letters import DeadLetters
from services.runtime.loop.retry import Defect
from services.runtime.settings import Settings
from services.sla.deciding.decider import SlaDecider
from tests.support import facts
from tests.support.event import event
from tests.support.eventually import soon
from tests.support.stage import Stage, a_stage, code_of
from tests.support.wall import Wall

pytestmark = pytest.mark.integration

WEDNESDAY = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
MARITAL_STATUS = "1.004873"
"""Three working days."""
SOUND, BROKEN = "H29.101", "H29.102"


class Alarming(SlaDecider):
    """Sla with a defect over the dossiers of one unit, until it is mended."""

    where = ""
    """Which function raises: ``fire`` or ``timer``."""

    def timer(self, world: World, state: Any) -> Timer | None:
        if self.where == "timer" and state.unit == BROKEN:
            raise ZeroDivisionError("a defect in what it waits for")
        return super().timer(world, state)

    def fire(self, world: World, state: Any, timer: Timer) -> Sequence[EventData]:
        if self.where == "fire" and state.unit == BROKEN:
            raise ZeroDivisionError("a defect in the timer")
        return super().fire(world, state, timer)


def _said(number: int, data: EventData, at: datetime) -> Event:
    code = code_of(number)
    return event(data, at, code, id=derive_id("test", code, data.TYPE))


def routed_to(number: int, unit: str) -> list[Event]:
    """A dossier that is handled by this unit."""
    route = facts.routed(unit, MARITAL_STATUS, "short", steps=("verify", "sign"))
    return [
        _said(number, facts.received(MARITAL_STATUS, "H29.1"), WEDNESDAY),
        _said(number, route, WEDNESDAY),
    ]


async def warned(stage: Stage) -> list[str]:
    """The dossiers that were said to be due soon, as often as it was said."""
    events = [decode(r.key, r.value, r.headers) for r in await stage.log() if r.value]
    return sorted(e.subject for e in events if e.data.NAME == "DossierSoonDue")


async def one_letter(stage: Stage) -> DeadLetter:
    async def there() -> bool:
        return bool(await stage.letters())

    await soon(there, what="a dead letter")
    (letter,) = await stage.letters()
    return letter


@pytest.mark.parametrize("where", ["fire", "timer"])
async def test_it_is_redriven_once_the_defect_is_mended(settings: Settings, where: str) -> None:
    async with a_stage(settings) as stage:
        decider: Alarming = stage.cast(Alarming())
        wall = Wall(WEDNESDAY)
        actor = await stage.act(decider, wall.clock(), timer_poll=0.01)
        await stage.put(*[e for n in (1, 3) for e in routed_to(n, SOUND)], *routed_to(2, BROKEN))
        await stage.rest()
        decider.where = where
        wall.passes(days=7)
        wall.is_set(seconds=0)
        letter = await one_letter(stage)
        assert (letter.subject, letter.fault, letter.number) == (code_of(2), "timer-raised", 1)
        assert letter.id.startswith(f"{stage.topic}/0/timers-")
        assert "ZeroDivisionError" in letter.detail

        async def others() -> bool:
            return await warned(stage) == [code_of(1), code_of(3)]

        await soon(others, what="the others' warnings")
        assert not actor.tasks.failed.done()

        # What is told of it afterwards waits behind it.
        await stage.put(_said(2, facts.processed(BROKEN), WEDNESDAY.replace(day=12)))
        await stage.rest()
        letters = await stage.letters()
        assert [(x.number, x.fault) for x in letters] == [(1, "timer-raised"), (2, "held")]

        async with DeadLetters(settings.kafka, stage.name) as desk:
            assert len(await desk.redrive(letters, timeout=1.0)) == 2, "it is as bad as before"
            decider.where = ""
            assert await desk.redrive(letters) == []
        assert await warned(stage) == [code_of(n) for n in (1, 2, 3)]
        held = await stage.subject(code_of(2), decider)
        assert held.hold is None
        assert held.state.span.ended_at is not None


async def test_given_up_it_is_tried_again_and_held_again(settings: Settings) -> None:
    async with a_stage(settings) as stage:
        decider: Alarming = stage.cast(Alarming())
        wall = Wall(WEDNESDAY)
        await stage.act(decider, wall.clock(), timer_poll=0.01)
        await stage.put(*routed_to(2, BROKEN))
        await stage.rest()
        decider.where = "fire"
        wall.passes(days=7)
        letter = await one_letter(stage)
        async with DeadLetters(settings.kafka, stage.name) as desk:
            await desk.purge([letter], timeout=1.0)
        again = await one_letter(stage)
        assert again.id == letter.id, "its timer is as due as before"


async def test_too_many_in_a_row_stop_the_engine_loudly(settings: Settings) -> None:
    async with a_stage(settings) as stage:
        decider: Alarming = stage.cast(Alarming())
        wall = Wall(WEDNESDAY)
        actor = await stage.act(
            decider, wall.clock(), timer_poll=0.01, timer_batch=2, dead_letters_in_a_row=5
        )
        await stage.put(*[e for n in range(8) for e in routed_to(n, BROKEN)])
        await stage.rest()
        decider.where = "fire"
        wall.passes(days=7)

        async def failed() -> bool:
            return actor.tasks.failed.done()

        await soon(failed, what="the defect")
        with pytest.raises(Defect, match="bad records in a row, the last: timer-raised"):
            actor.tasks.failed.result()
        assert 5 <= len(await stage.letters()) < 8
