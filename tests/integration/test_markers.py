"""A transaction ends with a marker, which is no record: nobody lags behind one."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from contracts.wire.codec import encode
from services.runtime import Settings, group_of
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.loop.clock import StreamClock
from tests.support.stage import Stage, a_stage, code_of, reception

pytestmark = pytest.mark.integration


async def put_in_a_transaction(stage: Stage) -> None:
    record = encode(reception(code_of(1)))
    producer = AIOKAFKA.producer(
        bootstrap_servers=stage.settings.kafka, transactional_id=f"{stage.name}-marker"
    )
    await producer.start()
    try:
        async with producer.transaction():
            headers = list(record.headers)
            await producer.send(stage.topic, record.value, key=record.key, headers=headers)
    finally:
        await producer.stop()


async def test_who_takes_a_partition_over_at_a_marker_commits_past_it(settings: Settings) -> None:
    async with a_stage(settings) as stage:
        place = TopicPartition(stage.topic, 0)
        await put_in_a_transaction(stage)
        end = (await stage.offsets.ends(stage.topic))[0]
        group = group_of(stage.name, stage.topic)
        before = AIOKAFKA.consumer(
            bootstrap_servers=settings.kafka, group_id=group, enable_auto_commit=False
        )
        await before.start()
        before.assign([place])
        await before.commit({place: end - 1})  # all records, and it ended before it came further
        await before.stop()
        assert await stage.offsets.behind(group, stage.topic) == 1

        await stage.act(clock=StreamClock())
        await stage.rest()
        assert (await stage.offsets.committed(group, stage.topic))[0] == end
