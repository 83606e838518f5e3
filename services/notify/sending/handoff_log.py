"""Who a message was handed to, where there is more than one who could take it, or it may be wrong.

It is written down before a message is handed over, for the first time or to another one, and
struck out once that provider has certainly not taken it. So whatever happens (no answer in time, a
kill between the provider's yes and our knowing of it, another instance that goes on) a message that
may have been accepted by one provider is never given to the other; and a notice that may have
arrived and proves wrong is not taken for one that nobody got. What ends without our ever having
heard whether it arrived is not struck out: what takes it back may come later.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from pymongo import InsertOne
from pymongo.errors import BulkWriteError

from services.runtime import Collection as MongoCollection
from services.runtime import Document

_KEPT = timedelta(days=60)
"""What a killed instance did not strike out is gone by then: no message is tried for so long."""
_DUPLICATE_KEY = 11000


class HandoffLog:
    """One collection: the message, its provider, and the instance that looks after it."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection
        self._me = uuid.uuid4().hex
        """An instance that lost its partitions unawares changes nothing of what is another's."""
        self._over: set[str] = set()
        """What is known of these messages, so that they are struck out with the next ones."""

    async def prepare(self) -> None:
        """Makes the index; again is a no-op."""
        await self._collection.create_index(
            "at", name="old", expireAfterSeconds=int(_KEPT.total_seconds())
        )

    async def take_over(self, message_ids: Collection[str]) -> dict[str, str]:
        """Which of these messages a provider may have already, and which. They are ours now."""
        these = {"_id": {"$in": list(message_ids)}}
        await self._collection.update_many(
            {**these, "by": {"$ne": self._me}}, {"$set": {"by": self._me}}
        )
        return {d["_id"]: d["provider"] async for d in self._collection.find(these)}

    async def note(self, handed: Mapping[str, str]) -> set[str]:
        """Writes down who is about to be handed what, by message.

        Returns the messages of which that now stands written; the others were just handed over
        by another instance.
        """
        if not handed:
            return set()
        now = datetime.now(UTC)  # by which the database forgets, whatever clock runs
        writes: list[InsertOne[Document]] = [
            InsertOne({"_id": message_id, "provider": provider, "by": self._me, "at": now})
            for message_id, provider in handed.items()
        ]
        try:
            await self._collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            faults = error.details.get("writeErrors") or []
            if not faults or any(fault["code"] != _DUPLICATE_KEY for fault in faults):
                raise
            return handed.keys() - {fault["op"]["_id"] for fault in faults}
        return set(handed)

    async def move(self, message_id: str, old: str, new: str) -> bool:
        """The message goes to another, for the old one has not taken it.

        False: it must not, for another instance looks after it now.
        """
        moved = await self._collection.update_one(
            {"_id": message_id, "provider": old, "by": self._me}, {"$set": {"provider": new}}
        )
        return moved.modified_count == 1

    async def has(self, message_ids: Collection[str]) -> set[str]:
        """Which of these messages a provider may have."""
        if not message_ids:
            return set()
        found = self._collection.find({"_id": {"$in": list(message_ids)}}, {"_id": 1})
        return {document["_id"] async for document in found}

    def over(self, message_id: str) -> None:
        """The message has come to its end, and nobody will ask who had it."""
        self._over.add(message_id)

    async def tidy(self) -> None:
        """Strikes out all that is over, at once."""
        over = set(self._over)
        await self.strike_out(over)
        self._over -= over

    async def strike_out(self, message_ids: Collection[str]) -> None:
        """Nobody has these messages, or they are over."""
        if message_ids:
            await self._collection.delete_many({"_id": {"$in": list(message_ids)}, "by": self._me})
