"""What timers are about to say, by partition: written down before it is published.

A service recognises its own facts by the ids in its states. What the wall clock's timers say on the
topic that they fold is in no state when it is published: after a kill it comes back over the log.
This tells it from what somebody else has written there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.runtime.mongo.client import Database

_ID = 8
_KEPT = 16
"""The number of rounds that are remembered of a partition. What was said in one is folded at the
latest before the next but few: rounds of a partition follow each other."""


class Said:
    """What the timers of one engine said last."""

    def __init__(self, database: Database, topic: str, collection: str) -> None:
        """`collection`: that of the engine's states, which tells it from others of the topic."""
        self._kept = database["said"]
        self._prefix = f"{collection}:{topic}"

    async def note(self, partition: int, shorts: Iterable[bytes]) -> None:
        """Remember what one round is about to publish, by each event's `short_id`."""
        await self._kept.update_one(
            {"_id": f"{self._prefix}:{partition}"},
            {"$push": {"rounds": {"$each": [b"".join(shorts)], "$slice": -_KEPT}}},
            upsert=True,
        )

    async def of(self, shorts: Mapping[bytes, int]) -> set[bytes]:
        """Return those that were noted. `shorts`: `short_id` of events, and their partitions."""
        names = {f"{self._prefix}:{partition}" for partition in shorts.values()}
        found: set[bytes] = set()
        async for document in self._kept.find({"_id": {"$in": sorted(names)}}):
            for ids in document["rounds"]:
                found |= {ids[at : at + _ID] for at in range(0, len(ids), _ID)}
        return found & shorts.keys()
