"""Recognises a database that is older than what the service has committed: a restored backup."""

from __future__ import annotations

from typing import Any

from services.runtime.kafka.offsets import Offsets
from services.runtime.loop.consumer import group_of
from services.runtime.loop.engine import Engine
from services.runtime.refusal import CannotStart


class DatabaseBehind(CannotStart):
    """The states lack records that the group has committed, which nobody would read again."""


async def check_database(engine: Engine[Any], offsets: Offsets) -> None:
    """Raise DatabaseBehind if the database is older than the offsets; the text says the way out.

    The engine writes how far its states are before it commits the same offsets. So a database that
    is behind them was not left so by a crash. One that has states and no such marks is from before
    they were kept: it is believed.
    """
    decider = engine.decider
    committed = await offsets.committed(group_of(decider.name, decider.topic), decider.topic)
    marks = await engine.worlds.marks(committed)
    if not marks and await engine.store.collection.find_one({}, {"_id": 1}) is not None:
        return
    behind = {
        partition: (marks[partition].next if partition in marks else 0, offset)
        for partition, offset in committed.items()
        if offset > (marks[partition].next if partition in marks else 0)
    }
    # Just after a fail-over a read may know less than was written: that is no restored backup.
    behind = {
        partition: (has, offset)
        for partition, (_, offset) in behind.items()
        if (has := await engine.worlds.certain_next(partition)) < offset
    }
    if behind:
        partition, (has, offset) = next(iter(sorted(behind.items())))
        raise DatabaseBehind(
            f"the database of {decider.name} ({decider.collection}) is older than what the service "
            f"has committed: in {len(behind)} partitions, e.g. {decider.topic}/{partition}, its "
            f"states end at {has} and the offset is {offset}. Was a backup restored? Run: motcua "
            f"rebuild {decider.name}"
        )
