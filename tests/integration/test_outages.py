"""The broker or the database is killed in the middle of the work, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from contracts.lifecycle import PublicStatus
from deploy.local.stack import Stack
from services.runtime.engine import Engine
from services.runtime.settings import Settings
from services.runtime.topics import TopicsWrong, check_topics, create_topics
from tests.integration.eventually import soon
from tests.integration.stage import a_stage, code_of, receptions, supplement_demand

pytestmark = pytest.mark.integration

DOSSIERS = 400


@pytest.fixture(scope="module")
def shaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that may be broken: the other tests' one stays up."""
    root = tmp_path_factory.mktemp("shaky")
    stack = Stack(root, "shaky", die_with_parent=True, kafka_heap_mb=256)
    stack.up()
    yield stack
    stack.reset()


@pytest.fixture
def shaky_settings(shaky: Stack, settings: Settings) -> Settings:
    endpoints = shaky.up()  # the test before may have left a part killed
    return settings.model_copy(
        update={"kafka": endpoints.kafka, "mongo": endpoints.mongo, "batch_records": 10}
    )


@pytest.mark.parametrize("part", ["mongod", "kafka"])
async def test_a_part_that_is_killed_in_the_middle_costs_nothing_but_time(
    shaky: Stack, shaky_settings: Settings, part: str
) -> None:
    async with a_stage(shaky_settings, partitions=2) as stage:
        actor = await stage.act()
        await stage.put(*receptions(range(DOSSIERS)))
        await soon(lambda: _some_done(actor.engine), what="the middle")
        await asyncio.to_thread(shaky.kill, part)
        await asyncio.to_thread(shaky.start, part)
        await stage.put(*[supplement_demand(code_of(n), 5) for n in range(DOSSIERS)])
        await stage.rest(timeout=60.0)

        states = dict([s async for s in stage.store().states()])
        assert len(states) == DOSSIERS
        assert {s.status for s in states.values()} == {PublicStatus.SUPPLEMENT_REQUESTED}
        # What was being written when it died may stand twice, with one id; nothing else does.
        facts = await stage.facts()
        assert len(facts) == 2 * DOSSIERS
        assert await stage.letters() == []
        assert not actor.consumer.failed.done()


async def test_a_topic_that_is_missing_or_has_other_partitions_is_named_with_the_remedy(
    shaky_settings: Settings,
) -> None:
    with pytest.raises(TopicsWrong, match=r"dossier\.events is missing; run: motcua topics create"):
        await check_topics(shaky_settings)
    made = await create_topics(shaky_settings)
    assert made[0] == "dossier.events"
    assert await create_topics(shaky_settings) == []
    await check_topics(shaky_settings)
    with pytest.raises(TopicsWrong, match="has 4 partitions and MOTCUA_PARTITIONS says 7"):
        await check_topics(shaky_settings.model_copy(update={"partitions": 7}))


async def _some_done(engine: Engine[object]) -> bool:
    return any(engine.progress.next_offset(p) for p in engine.owned)
