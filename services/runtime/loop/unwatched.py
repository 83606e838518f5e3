"""Timers that nobody watches: of partitions without an owner, long passed, or not known to wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple

from services.runtime.core.decider import Decider, S
from services.runtime.core.world import World
from services.runtime.kafka.offsets import Offsets
from services.runtime.loop.consumer import group_of
from services.runtime.mongo.client import Database
from services.runtime.mongo.partitions import read_world
from services.runtime.mongo.store import Store

_MOST = 1000
"""Late subjects that are listed."""


class Late(NamedTuple):
    """A subject whose timer should have fired."""

    subject: str
    partition: int
    due: datetime | None
    """None if nobody knows that it waits."""


@dataclass(frozen=True)
class Found:
    """What nobody watches."""

    unowned: Mapping[int, int]
    """The partitions that no instance has, and how many of their subjects wait for a timer."""
    late: Collection[Late]

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.unowned or self.late)


class Unwatched(Generic[S]):
    """Looks after the timers of one decider, from outside its service."""

    def __init__(self, decider: Decider[S], database: Database, offsets: Offsets) -> None:
        self._decider = decider
        self._database = database
        self._offsets = offsets
        collection = database[decider.collection]
        self._store = Store(collection, decider.state_type, decider.waking)

    async def find(self, now: datetime, patience: timedelta, *, asleep: bool = False) -> Found:
        """Return what nobody watches, and what is due for longer than `patience`.

        `asleep`: read every state that is said to wait for nothing, and ask the decider as well.
        """
        decider = self._decider
        group = group_of(decider.name, decider.topic)
        owned = await self._offsets.owned(group, decider.topic)
        waiting = await self._store.waiting()
        late = [
            Late(document["_id"], document["p"], document["due"])
            for document in await self._store.late(now - patience, _MOST)
        ]
        if asleep:
            late += await self._asleep(await read_world(self._database), now - patience)
        partitions = await self._offsets.partitions(decider.topic)
        return Found({p: waiting.get(p, 0) for p in partitions if p not in owned}, late)

    async def wake(self, subjects: Collection[str], now: datetime) -> int:
        """Have the timers of these subjects looked at; return how many are. Their partition's owner
        does it: a partition without one stays as it is."""
        return await self._store.wake_each(subjects, now)

    async def _asleep(self, world: World, before: datetime) -> list[Late]:
        found: list[Late] = []
        async for subject, partition, state in self._store.asleep():
            timer: Any = self._decider.timer(world, state)
            if timer is not None and not timer.own_time and timer.at < before:
                found.append(Late(subject, partition, None))
        return found
