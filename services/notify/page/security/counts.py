"""Counts by name within time windows, over all instances. MongoDB deletes old ones by itself.

They are not stored safely: a failing database forgets only a few minutes' counts.
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
    """Several names that were counted together."""

    ids: Sequence[str]
    numbers: Sequence[int]
    """For each name, how often it was counted within its window, this time included."""
    seconds_left: int
    """Seconds until the window ends and counting begins again."""


class Counts:
    """The counts of one collection."""

    def __init__(self, collection: Collection, window: timedelta, clock: Clock) -> None:
        """`clock` is the wall clock, in a replay too: the client's present time counts."""
        self._collection = collection.with_options(write_concern=WriteConcern(w=1))
        self._seconds = window.total_seconds()
        self._clock = clock
        self._forgets = False

    async def count(self, *names: str) -> Counted:
        """Count one more under each name. No two get the same number, whichever instance counts."""
        if not self._forgets:
            await self._collection.create_index("until", name="forget", expireAfterSeconds=0)
            self._forgets = True
        ids, until, seconds_left = self._window(names)
        numbers = await asyncio.gather(*(self._add(each, until) for each in ids))
        return Counted(ids, numbers, seconds_left)

    async def known(self, *names: str) -> Counted:
        """Return what was counted under each name, without counting."""
        ids, _, seconds_left = self._window(names)
        found = self._collection.find({"_id": {"$in": ids}}, {"count": 1})
        counts = {document["_id"]: int(document["count"]) async for document in found}
        return Counted(ids, [counts.get(each, 0) for each in ids], seconds_left)

    async def take_back(self, counted: Counted) -> None:
        """Undo a count."""
        await self._collection.update_many({"_id": {"$in": counted.ids}}, {"$inc": {"count": -1}})

    def _window(self, names: Sequence[str]) -> tuple[list[str], datetime, int]:
        """Return the names' ids in the present window, when it ends, and in how many seconds."""
        now = self._clock.now()
        window = int(now.timestamp() // self._seconds)
        until = datetime.fromtimestamp((window + 1) * self._seconds, UTC)
        left = max(1, int((until - now).total_seconds()))
        return [f"{name}:{window}" for name in names], until, left

    async def _add(self, name: str, until: datetime) -> int:
        document: dict[str, Any] = await self._collection.find_one_and_update(
            {"_id": name},
            {"$inc": {"count": 1}, "$setOnInsert": {"until": until}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(document["count"])
