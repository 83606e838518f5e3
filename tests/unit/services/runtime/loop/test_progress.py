"""Up to when timers may fire: no further than the past of their partition is folded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from services.runtime.loop.progress import Progress

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)


class Broker:
    """What the broker has told a consumer: where each partition ends."""

    def __init__(self, **ends: int) -> None:
        self._ends = {TopicPartition("purses", int(p.strip("p"))): end for p, end in ends.items()}

    def assignment(self) -> set[TopicPartition]:
        return set(self._ends)

    def highwater(self, partition: TopicPartition) -> int:
        return self._ends[partition]


@pytest.fixture
def progress() -> Progress:
    return Progress("purse", "purses")


def handled(partition: int, offset: int, at: datetime) -> ConsumerRecord[Any, Any]:
    """A record that was written then."""
    stamp = int(at.timestamp() * 1000)
    return ConsumerRecord("purses", partition, offset, stamp, 0, None, None, 0, 0, 0, ())


def test_a_partition_that_is_at_its_end_is_settled_until_now(progress: Progress) -> None:
    progress.handled([handled(0, 9, NOON - timedelta(hours=1))])
    progress.look(Broker(p0=10))
    assert progress.settled_until({0, 1}, NOON) == {0: NOON, 1: NOON}


def test_one_that_lags_until_the_newest_record_that_was_handled(progress: Progress) -> None:
    progress.handled([handled(0, 9, NOON - timedelta(hours=1)), handled(1, 9, NOON)])
    progress.look(Broker(p0=500, p1=10))
    assert progress.settled_until({0, 1}, NOON) == {0: NOON - timedelta(hours=1), 1: NOON}


def test_a_writer_whose_clock_is_ahead_makes_nothing_due(progress: Progress) -> None:
    progress.handled([handled(0, 9, NOON + timedelta(days=1))])
    progress.look(Broker(p0=500))
    assert progress.settled_until({0}, NOON) == {0: NOON}
