"""What timers are about to say, by partition: written down before it is published.

A service recognises its own facts by the ids in its states. What the wall clock's timers say on the
topic that they fold is in no state when it is published: after a kill it comes back over the log.
This tells it from what somebody else has written there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pymongo import ASCENDING

from services.runtime.mongo.client import Database

KEPT = timedelta(days=90)
"""How long it is remembered what an instance said before it was killed: it may be held by a dead
letter, and is looked at again when that is redriven."""


class Said:
    """What one instance's timers said last, and what those said that were killed.

    Each instance writes a document of its own for each partition. What a round said is struck out
    by the partition's next one, in the same write; what came to no end stays.
    """

    def __init__(self, database: Database, topic: str, collection: str) -> None:
        """`collection`: that of the engine's states, which tells it from others of the topic."""
        self._kept = database["said"]
        self._prefix = f"{collection}:{topic}"
        self._instance = uuid4().hex
        self._left: dict[int, set[bytes]] = {}
        """By partition, what was noted here and is not known to be in a state."""

    async def prepare(self) -> None:
        """Create the index that forgets; calling this again is a no-op."""
        await self._kept.create_index(
            [("at", ASCENDING)], name="kept", expireAfterSeconds=int(KEPT.total_seconds())
        )

    async def note(self, partition: int, shorts: Iterable[bytes]) -> None:
        """Remember what one round is about to publish, by each event's `short_id`."""
        place = f"{self._prefix}:{partition}"
        left = self._left.setdefault(partition, set())
        left.update(shorts)
        told = {"place": place, "ids": sorted(left), "at": datetime.now(UTC)}
        name = {"_id": f"{place}:{self._instance}"}
        await self._kept.update_one(name, {"$set": told}, upsert=True)

    def written(self, partition: int, shorts: Iterable[bytes]) -> None:
        """Say that these, which were noted, are in the partition's states by now."""
        self._left[partition].difference_update(shorts)

    async def of(self, shorts: Mapping[bytes, int]) -> set[bytes]:
        """Return those that were noted. `shorts`: `short_id` of events, and their partitions."""
        places = {f"{self._prefix}:{partition}" for partition in shorts.values()}
        found: set[bytes] = set()
        async for document in self._kept.find({"place": {"$in": sorted(places)}}):
            found.update(document["ids"])
        return found & shorts.keys()
