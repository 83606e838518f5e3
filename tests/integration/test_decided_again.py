"""A batch that is decided again, after other officers were enacted, says the same as before."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest

from contracts.events import routing
from contracts.rules import sample_rules
from contracts.wire.codec import decode, encode
from services.routing.decider import RoutingDecider
from services.runtime import Settings
from services.runtime.loop.clock import StreamClock
from services.runtime.loop.faults import Point
from services.runtime.mongo.partitions import Partitions
from services.sla.deciding.decider import SlaDecider
from tests.support.eventually import soon
from tests.support.facts import STOPPED, received, routed
from tests.support.office import MARITAL_STATUS, WARD_UNIT
from tests.support.rule_sets import added, day_off, enactment, rule_set
from tests.support.rules import fact
from tests.support.stage import MORNING, Actor, a_stage, code_of

pytestmark = pytest.mark.integration


class Killed(Exception):
    pass


def dies_at(actor: Actor, point: Point) -> None:
    def passing(here: Point) -> None:
        if here is point:
            raise Killed

    actor.engine.faults.passing = passing  # type: ignore[assignment,method-assign]


@pytest.mark.parametrize("point", [Point.PUBLISHED, Point.PERSISTED])
async def test_one_step_has_one_lead_though_officers_change_between_a_kill_and_the_repetition(
    settings: Settings, point: Point
) -> None:
    codes = [code_of(n) for n in range(30)]
    files = dict(sample_rules().files)
    files["units.toml"] = files["units.toml"].replace('"cb-', '"cb-9')
    others = rule_set(files, 2, MORNING + timedelta(hours=1))
    async with a_stage(settings) as stage:
        await stage.put_records(encode(enactment(rule_set(sample_rules().files, 1, MORNING))))
        first = await stage.act(stage.cast(RoutingDecider()), StreamClock())
        await stage.rest()
        dies_at(first, point)
        before = [fact(c, MORNING, received(MARITAL_STATUS, WARD_UNIT)) for c in codes]
        await stage.put(*before)

        async def died() -> bool:
            return first.tasks.failed.done()

        await soon(died, what="the kill")
        with pytest.raises(Killed):
            first.tasks.failed.result()
        await first.leave()
        stage.actors.remove(first)
        await stage.put_records(encode(enactment(others)))
        late = code_of(99)
        await stage.put(fact(late, others.since, received(MARITAL_STATUS, WARD_UNIT)))

        await stage.act(stage.cast(RoutingDecider()), StreamClock())
        await stage.rest()

        contents = defaultdict(set)
        leads = defaultdict(set)
        for record in await stage.log():
            event = decode(record.key, record.value, record.headers)
            contents[event.id].add((record.value, event.time))
            if isinstance(event.data, routing.StepStarted):
                leads[event.subject].add(event.data.lead)
        assert all(len(found) == 1 for found in contents.values())
        assert leads.keys() == {*codes, late}
        assert all(len(found) == 1 for found in leads.values())
        assert not any(lead.startswith("cb-9") for code in codes for lead in leads[code])
        assert all(lead.startswith("cb-9") for lead in leads[late])


async def test_after_a_kill_no_state_names_rules_that_its_partition_has_yet_to_hear_of(
    settings: Settings,
) -> None:
    first = rule_set(sample_rules().files, 1, MORNING)
    day_off_too_late = added("overrides.toml", day_off("2026-03-03"))
    second = rule_set(day_off_too_late, 2, MORNING + timedelta(hours=1))
    code = code_of(1)
    async with a_stage(settings) as stage:
        decider = stage.cast(SlaDecider())
        before = await stage.act(decider, StreamClock())
        await stage.put_records(encode(enactment(first)))
        await stage.put(
            fact(code, MORNING, received(MARITAL_STATUS, WARD_UNIT)),
            fact(code, MORNING + timedelta(minutes=1), routed(WARD_UNIT, MARITAL_STATUS)),
        )
        await stage.rest()
        await before.leave()
        stage.actors.remove(before)
        await stage.put_records(encode(enactment(second)))
        await stage.put(fact(code, second.since + timedelta(hours=1), STOPPED))

        doomed = Actor(stage, decider, StreamClock())
        dies_at(doomed, Point.PERSISTED)
        await doomed.start()

        async def died() -> bool:
            return doomed.tasks.failed.done()

        await soon(died, what="the kill")
        with pytest.raises(Killed):
            doomed.tasks.failed.result()
        await doomed.leave()

        assert (await stage.subject(code, decider)).state.rules == 2
        partitions = Partitions(stage.database, decider.topic, decider.collection)
        assert (await partitions.load([0]))[0].world.newest.number == 2
        await stage.act(decider, StreamClock())
        await stage.rest()
        assert await stage.letters() == []
