"""Old defects of the engine, put back on purpose: each is found within some seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.runtime.core.stored import Stored
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop import engine
from services.runtime.loop.consumer import EngineConsumer
from services.runtime.loop.engine import Engine
from services.runtime.loop.retry import Leaving
from services.runtime.loop.round import ends_of
from services.runtime.loop.states import States
from tests.simulation.plan import EACH, calm, judged

pytestmark = pytest.mark.slow

_DOSSIERS = 5
_FIRST = EACH
"""The first seed that is tried; in every other day, this one among them, rules are enacted."""
_SEEDS = 60


async def markers_of_known_partitions_alone(
    self: EngineConsumer, consumer: AIOKafkaConsumer
) -> None:
    """Who took a partition over that went on with a marker never committed past it."""
    passed: dict[int, int] = {}
    for tp in consumer.assignment():
        done = self.engine.progress.next_offset(tp.partition)
        if done and (position := await consumer.position(tp)) > done:
            passed[tp.partition] = position
    if passed:
        await self.engine.passed(passed, self._commit)


@contextmanager
def kept_though_it_failed(self: States[Any], states: Mapping[str, Stored[Any]]) -> Iterator[None]:
    """States that were changed stayed in memory though their write had failed."""
    try:
        yield
    except BaseException:
        self.remember(states)
        raise


async def committed_first(self: Engine[Any], records: Any, commit: Any) -> None:
    """Offsets were committed before the states were written."""
    async with self.ownership.turn() as current:
        records = [r for r in records if r.partition in self.ownership.owned]
        if not current or not records:
            return
        try:
            await self._round.commit(ends_of(records), commit)
            await self._all_partitions(records)
        except Leaving:
            return
        self.progress.handled(records)


async def a_producer_for_life(self: EventProducer, producer: AIOKafkaProducer) -> None:
    """A producer went on after a batch of its own was lost, and its partition took no more."""


def one_record_again(records: Any) -> dict[TopicPartition, int]:
    """The offset of the last record was committed, and not the one behind it."""
    return {TopicPartition(r.topic, r.partition): r.offset for r in records}


DEFECTS: list[tuple[Any, str, Callable[..., Any]]] = [
    (EngineConsumer, "_pass_markers", markers_of_known_partitions_alone),
    (States, "changing", kept_though_it_failed),
    (Engine, "handle", committed_first),
    (EventProducer, "_drop", a_producer_for_life),
    (engine, "ends_of", one_record_again),
]


def found_within(seeds: int, put_back: Callable[[], AbstractContextManager[object]]) -> int | None:
    """How many seeds it takes until a run differs; None if none of so many does."""
    for done, seed in enumerate(range(_FIRST, _FIRST + seeds), start=1):
        calm(seed // EACH, _DOSSIERS)  # as it should be
        with put_back():
            found = judged(seed, _DOSSIERS)
        if found.wrong:
            return done
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One of them, drawn by the run's seed; all in the long run."""
    if "old" not in metafunc.fixturenames:
        return
    option = metafunc.config.getoption
    chosen = DEFECTS
    if option("--hypothesis-profile") != "long":
        chosen = Random(str(option("--hypothesis-seed"))).sample(DEFECTS, 1)
    names = [old.__name__ for _, _, old in chosen]
    metafunc.parametrize(("where", "name", "old"), chosen, ids=names)


def test_an_old_defect_is_found(where: Any, name: str, old: Callable[..., Any]) -> None:
    assert found_within(_SEEDS, partial(patch.object, where, name, old)) is not None
