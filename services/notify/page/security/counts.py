"""Counts by name within windows of time, of all instances together. MongoDB forgets them by itself.

They are held as lightly as can be: what a failing database forgets of them is a few minutes' worth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument, WriteConcern

from services.runtime import Clock, Collection


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted together."""

    ids: Sequence[str]
    numbers: Sequence[int]
    """Of each name: the how manieth this one is in its window, from 1."""
    seconds_left: int
    """Until the window ends and all begins anew."""


class Counts:
    """The counts of one collection."""

    def __init__(self, collection: Collection, window: timedelta, clock: Clock) -> None:
        """`clock` is the wall clock, in a replay too: this is about who asks right now."""
        self._collection = collection.with_options(write_concern=WriteConcern(w=1))
        self._seconds = window.total_seconds()
        self._clock = clock
        self._forgets = False

    async def count(self, *names: str) -> Counted:
        """Counts one more under each name. No two get one number, whichever instance counts."""
        if not self._forgets:
            await self._collection.create_index("until", name="forget", expireAfterSeconds=0)
            self._forgets = True
        now = self._clock.now()
        window = int(now.timestamp() // self._seconds)
        until = datetime.fromtimestamp((window + 1) * self._seconds, UTC)
        ids = [f"{name}:{window}" for name in names]
        numbers = await asyncio.gather(*(self._add(each, until) for each in ids))
        return Counted(ids, numbers, max(1, int((until - now).total_seconds())))

    async def take_back(self, counted: Counted) -> None:
        """As if it had not been counted."""
        await self._collection.update_many({"_id": {"$in": counted.ids}}, {"$inc": {"count": -1}})

    async def _add(self, name: str, until: datetime) -> int:
        document: dict[str, Any] = await self._collection.find_one_and_update(
            {"_id": name},
            {"$inc": {"count": 1}, "$setOnInsert": {"until": until}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(document["count"])
