"""Open dossiers are woken by an enactment, others sleep on; who does not know of it is fenced."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from contracts.rules import sample_rules
from services.runtime import World
from services.runtime.core.handle import fire_timers, handle, set_due
from services.runtime.core.stored import Hold, Stored
from services.runtime.mongo.store import Fenced, Store
from services.shared.open_dossiers import OPEN
from services.sla.deciding.decider import SlaDecider
from services.sla.dossier.state import Sla
from tests.support.rule_sets import WORLD, added, day_off, rule_set, world
from tests.support.rules import begun, processed
from tests.support.stage import MORNING, code_of

pytestmark = pytest.mark.integration

DECIDER = SlaDecider()
SINCE = MORNING + timedelta(minutes=1)
DECLARED = world(sample_rules(), rule_set(added("overrides.toml", day_off("2026-03-04")), 1, SINCE))


@pytest.fixture
async def store(mongo: Any) -> AsyncIterator[Store[Sla]]:
    name = f"waking_{uuid.uuid4().hex[:10]}"
    store = Store(mongo[name]["dossiers"], Sla, OPEN)
    await store.prepare()
    yield store
    await mongo.drop_database(name)


def dossier(number: int, *, done: bool = False, by: World = WORLD) -> Stored[Sla]:
    code = code_of(number)
    stored: Stored[Sla] = Stored(code, 0, Sla())
    for event in [*begun(code, MORNING), *([processed(code, MORNING)] if done else [])]:
        handle(DECIDER, by, stored, event)
    set_due(DECIDER, by, stored)
    return stored


async def test_what_is_open_is_judged_anew_and_what_is_resolved_stays_as_it_was_judged(
    store: Store[Sla],
) -> None:
    one, another, held, earlier, done = dossiers = [dossier(n, done=n == 4) for n in range(5)]
    held.hold, held.due = Hold(1, 1, "bad-body", "it was none"), None
    earlier.due = MORNING - timedelta(days=1)
    await store.persist(dossiers)
    before = {s.subject: s.state.due_told for s in dossiers}

    assert DECIDER.woken(DECLARED) == SINCE
    await store.wake(0, SINCE)
    await store.wake(0, SINCE)  # again is a no-op

    found = await store.load([s.subject for s in dossiers])
    assert {code: s.due for code, s in found.items()} == {
        one.subject: SINCE,
        another.subject: SINCE,
        held.subject: None,
        earlier.subject: earlier.due,
        done.subject: None,
    }
    with pytest.raises(Fenced):
        await store.persist([one])
    await store.persist([held, earlier, done])  # which nobody touched

    later = SINCE + timedelta(minutes=1)
    looked_at = await store.due({0}, later, 1000)
    assert {s.subject for s in looked_at} == {s.subject for s in (one, another, earlier)}
    for stored in looked_at:
        names = [e.data.NAME for e in fire_timers(DECIDER, DECLARED, stored, later)]
        assert names == ["RulesApplied", "DeadlineMoved"]
        set_due(DECIDER, DECLARED, stored)
    await store.persist(looked_at)

    assert await store.due({0}, later, 9) == [], "what was looked at sleeps again"
    known = {code: state.due_told async for code, state in store.states()}
    assert known[done.subject] == before[done.subject]
    moved = known[one.subject]
    assert moved is not None
    assert moved > (before[one.subject] or moved)
