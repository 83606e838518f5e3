"""Which provider a message was handed to, if several could take it or it may prove wrong.

The provider is noted before each hand-off, the first or one to another provider, and struck out
once it has certainly not taken the message. Whatever happens (no answer in time, a kill between the
provider's yes and our knowing it, another instance that goes on), a message that one provider may
have accepted is never given to another. And a notice that may have arrived and proves wrong is not
mistaken for one that nobody got. A message whose arrival we never learnt of is not struck out: it
may still be taken back later.
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
"""What a killed instance did not strike out is deleted then: no message is tried that long."""
_DUPLICATE_KEY = 11000


class HandoffLog:
    """One collection: each message with its provider, and the instance that looks after it."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection
        self._me = uuid.uuid4().hex
        """An instance that lost its partitions without noticing changes nothing of another's."""
        self._over: set[str] = set()
        """Messages that have ended, to be struck out together with the next ones."""

    async def prepare(self) -> None:
        """Make the index; a second time does nothing."""
        await self._collection.create_index(
            "at", name="old", expireAfterSeconds=int(_KEPT.total_seconds())
        )

    async def take_over(self, message_ids: Collection[str]) -> dict[str, str]:
        """Make these messages ours; return, by message, the provider that may have it already."""
        these = {"_id": {"$in": list(message_ids)}}
        await self._collection.update_many(
            {**these, "by": {"$ne": self._me}}, {"$set": {"by": self._me}}
        )
        return {d["_id"]: d["provider"] async for d in self._collection.find(these)}

    async def note(self, handed: Mapping[str, str]) -> set[str]:
        """Note, by message, which provider is about to get it.

        Return the messages that are noted now; the others were just handed off by another instance.
        """
        if not handed:
            return set()
        now = datetime.now(UTC)  # the database deletes by this time, whatever clock runs
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
        """Note that the message goes to another provider, as the old one has not taken it.

        Return False if it must not, as another instance looks after it now.
        """
        moved = await self._collection.update_one(
            {"_id": message_id, "provider": old, "by": self._me}, {"$set": {"provider": new}}
        )
        return moved.modified_count == 1

    async def has(self, message_ids: Collection[str]) -> set[str]:
        """Return which of these messages a provider may have."""
        if not message_ids:
            return set()
        found = self._collection.find({"_id": {"$in": list(message_ids)}}, {"_id": 1})
        return {document["_id"] async for document in found}

    def over(self, message_id: str) -> None:
        """Note that the message has ended, and nobody will ask who had it."""
        self._over.add(message_id)

    async def tidy(self) -> None:
        """Strike out all ended messages at once."""
        over = set(self._over)
        await self.strike_out(over)
        self._over -= over

    async def strike_out(self, message_ids: Collection[str]) -> None:
        """Strike out messages that no provider has, or that have ended."""
        if message_ids:
            await self._collection.delete_many({"_id": {"$in": list(message_ids)}, "by": self._me})
