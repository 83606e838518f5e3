"""A dossier that outgrows the database is held by a dead letter; the others never notice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bson import encode
from msgspec.structs import replace

from contracts.events import intake
from contracts.wire.envelope import Event
from services.intake.state import Demand
from services.runtime.kafka.dead_letters import DeadLetters
from services.runtime.mongo.store import MAX_DOCUMENT
from services.runtime.settings import Settings
from services.shared.lifecycle import PublicStatus
from tests.support.stage import (
    MORNING,
    Stage,
    a_stage,
    code_of,
    event,
    reception,
    receptions,
    withdrawal,
)

pytestmark = pytest.mark.integration


def papers(code: str, minute: int, count: int = 1500) -> Event:
    """An older system says of a dossier that very many papers are missing: 0.9 MB."""
    names = tuple(f"{n:04d} " + "ộ" * 190 for n in range(count))
    data = intake.SupplementDemanded(documents=names, reason="Thiếu", by="cb-1")
    return event(code, data, minute)


async def size_of(stage: Stage, code: str) -> int:
    (kept,) = await stage.database["dossiers"].find({"_id": code}).to_list(None)
    return len(encode(kept))


async def test_a_dossier_that_outgrows_the_database_is_held_and_the_others_go_on(
    settings: Settings,
) -> None:
    async with a_stage(settings) as stage:
        await stage.act()
        large, other = code_of(1), code_of(2)
        await stage.put(reception(large), reception(other))
        for minute in range(1, 25):
            await stage.put(papers(large, minute), *receptions([100 + minute]))
        await stage.put(withdrawal(large, 50), withdrawal(other, 50))
        await stage.rest(60)

        letters = await stage.letters()
        assert letters[0].fault == "state-too-large"
        assert {x.fault for x in letters[1:]} == {"held"}
        assert {x.subject for x in letters} == {large}
        kept = await stage.subject(large)
        assert 5 < len(kept.state.supplements) < 24
        assert 6_000_000 < await size_of(stage, large) <= MAX_DOCUMENT
        assert (await stage.subject(other)).state.status is PublicStatus.WITHDRAWN
        states = dict([one async for one in stage.store().states()])
        assert all(states[code_of(100 + n)].filed is not None for n in range(1, 25))

        # What was too much is given up, and what is small enough goes on.
        async with DeadLetters(settings.kafka, stage.name) as desk:
            assert await desk.redrive(letters[:1], timeout=1.0)
            too_much = [x for x in letters if len(x.value or b"") > 100_000]
            assert await desk.purge(too_much) == []
            assert await desk.redrive([x for x in letters if x not in too_much]) == []
        assert (await stage.subject(large)).state.status is PublicStatus.WITHDRAWN


async def test_a_dossier_that_was_larger_before_is_held_and_can_still_be_written(
    settings: Settings,
) -> None:
    async with a_stage(settings) as stage:
        large = code_of(1)
        store = stage.store()
        await stage.act()
        await stage.put(reception(large))
        await stage.rest()
        stored = await stage.subject(large)
        demand = papers(large, 1).data
        assert isinstance(demand, intake.SupplementDemanded)
        before = tuple(
            Demand(MORNING + timedelta(minutes=n), f"id-{n}", "r", demand.documents)
            for n in range(12)
        )
        stored.state = replace(stored.state, supplements=before)
        await store.persist([stored])
        assert MAX_DOCUMENT < await size_of(stage, large) < 16_000_000
        await stage.actors[0].leave()
        await stage.act()
        await stage.put(withdrawal(large, 60), *receptions([2]))
        await stage.rest()
        (letter,) = await stage.letters()
        assert letter.fault == "state-too-large"
        assert (await stage.subject(code_of(2))).state.filed is not None
