"""The states of one service in MongoDB: loaded by key, written in bulk, fenced."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Collection as Keys
from datetime import UTC, datetime
from typing import Any, Generic

from bson import encode
from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from services.runtime.core.decider import S
from services.runtime.core.stored import Stored, from_document, state_of
from services.runtime.mongo.client import Collection, Document, aggregate

MAX_DOCUMENT = 8_388_608
"""The most bytes of one subject's document: half of what MongoDB can keep. Beyond it, the subject
is held by a dead letter before its write could fail, and with it the whole bulk."""
_DUPLICATE_KEY = 11000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BARE_EPOCH = _EPOCH.replace(tzinfo=None)


class _InUtc(TypeDecoder):
    """Decodes times with Python's own UTC, in the cheapest way.

    PyMongo uses a timezone class of its own, which is written in Python: that costs more than all
    else in reading a state, and again when the state is written.
    """

    bson_type = datetime

    def transform_bson(self, value: Any) -> datetime:
        return _EPOCH + (value - _BARE_EPOCH)  # type: ignore[no-any-return]


_CODEC: CodecOptions[Document] = CodecOptions(
    tz_aware=False, type_registry=TypeRegistry([_InUtc()])
)


class Fenced(Exception):
    """Some subjects were written by another instance since they were loaded."""

    def __init__(self, subjects: Sequence[str]) -> None:
        super().__init__(f"written by another instance meanwhile: {', '.join(subjects[:5])}")
        self.subjects = subjects


class Store(Generic[S]):
    """One collection of subjects. Every write names the version that it replaces."""

    def __init__(
        self,
        collection: Collection,
        state_type: type[S],
        waking: Mapping[str, Any] | None = None,
    ) -> None:
        """`waking`: finds the subjects that `wake` wakes; None if it wakes none."""
        self._waking = waking
        self.collection = collection.with_options(codec_options=_CODEC)
        self.state_type = state_type

    async def prepare(self) -> None:
        """Create the indexes; calling this again is a no-op."""
        await self.collection.create_index(
            [("p", ASCENDING), ("due", ASCENDING)],
            name="timers",
            # Most subjects wait for nothing and cost the index nothing.
            partialFilterExpression={"due": {"$type": "date"}},
        )
        if self._waking is not None:
            await self.collection.create_index(
                [("p", ASCENDING)], name="in_partition", partialFilterExpression=self._waking
            )

    async def load(self, subjects: Keys[str]) -> dict[str, Stored[S]]:
        """Return the subjects that exist, in one query."""
        found: dict[str, Stored[S]] = {}
        cursor = self.collection.find({"_id": {"$in": list(subjects)}}, batch_size=10_000)
        async for document in cursor:
            found[document["_id"]] = from_document(document, self.state_type)
        return found

    async def due(self, partitions: Keys[int], before: datetime, limit: int) -> list[Stored[S]]:
        """Return subjects of the partitions whose timer passed before then, longest due first."""
        # A partial index serves only a query that repeats its condition. The index has the order by
        # `due`, so at most `limit` are read, however many are due.
        waiting = {"p": {"$in": list(partitions)}, "due": {"$type": "date", "$lt": before}}
        cursor = self.collection.find(waiting, batch_size=limit).sort("due", ASCENDING).limit(limit)
        return [from_document(found, self.state_type) for found in await cursor.to_list(limit)]

    def outgrown(self, subjects: Iterable[Stored[S]]) -> set[str]:
        """Return those of the subjects whose documents are too large.

        They must not be changed any more before they are persisted: each is encoded only once.
        """
        return {stored.subject for stored in subjects if len(_encode(stored).raw) > MAX_DOCUMENT}

    async def persist(self, subjects: Iterable[Stored[S]]) -> None:
        """Write the subjects, each in its next version, in one unordered bulk write.

        Raise Fenced if another instance wrote one of them since; the others are written.
        """
        dirty = list(subjects)
        if not dirty:
            return
        try:
            result = await self.collection.bulk_write([_write(s) for s in dirty], ordered=False)
        except BulkWriteError as error:
            codes = {e["code"] for e in error.details["writeErrors"]}
            # Without a write error, the majority did not confirm: that is transient.
            if codes != {_DUPLICATE_KEY}:
                raise
        else:
            if result.inserted_count + result.modified_count == len(dirty):
                for stored in dirty:
                    stored.v += 1
                return
        # The answer does not say which of them lost. The caller loads them all again.
        raise Fenced([stored.subject for stored in dirty])

    async def get(self, subject: str) -> Document | None:
        """Return one subject's whole document, or None."""
        return await self.collection.find_one({"_id": subject})

    async def get_all(self, subjects: Keys[str]) -> dict[str, Document]:
        """Return the whole documents of those subjects that exist."""
        found = self.collection.find({"_id": {"$in": list(subjects)}})
        return {document["_id"]: document async for document in found}

    async def states(self, query: dict[str, Any] | None = None) -> AsyncIterator[tuple[str, S]]:
        """Yield every subject and its state, in the order of subjects."""
        cursor = self.collection.find(query or {}, {"state": 1}, batch_size=2_000)
        async for document in cursor.sort("_id", ASCENDING):
            yield document["_id"], state_of(document, self.state_type)

    async def late(self, before: datetime, limit: int) -> list[Document]:
        """Return ``_id``, ``p`` and ``due`` of subjects whose timer passed before that time and was
        not fired, longest due first in each partition."""
        waiting = {"due": {"$type": "date", "$lt": before}}
        found = self.collection.find(waiting, {"p": 1, "due": 1}).hint("timers").limit(limit)
        return await found.to_list(limit)

    async def waiting(self) -> dict[int, int]:
        """Return by partition how many subjects wait for a timer."""
        stages: list[Document] = [
            {"$match": {"due": {"$type": "date"}}},
            {"$group": {"_id": "$p", "subjects": {"$sum": 1}}},
        ]
        found = aggregate(self.collection, stages, hint="timers")
        return {row["_id"]: row["subjects"] async for row in found}

    async def asleep(self) -> AsyncIterator[tuple[str, int, S]]:
        """Yield subject, partition and state of each that no dead letter holds and that is said to
        wait for nothing; of the `waking` ones, if there are such. This reads all of them."""
        query = {"due": None, "hold": None, **(self._waking or {})}
        async for document in self.collection.find(query, {"p": 1, "state": 1}, batch_size=2_000):
            yield document["_id"], document["p"], state_of(document, self.state_type)

    async def wake_each(self, subjects: Keys[str], at: datetime) -> int:
        """Have the timers of these subjects looked at once that time has passed; return how many.

        As in `wake`, the version goes up. What a dead letter holds is left as it is.
        """
        result = await self.collection.update_many(
            {"_id": {"$in": list(subjects)}, "hold": None},
            [{"$set": {"due": {"$min": ["$due", at]}, "v": {"$add": ["$v", 1]}}}],
        )
        return int(result.modified_count)

    async def wake(self, partition: int, at: datetime) -> None:
        """Have the timers of the partition's `waking` subjects looked at once that time has passed.

        `due` only says when to look, and the decider says what is due then: an extra look changes
        nothing. The version goes up, so an instance that loaded a subject before this, and would
        write the old `due` back, is fenced off and loads it again.
        """
        asleep = {"hold": None, "due": {"$not": {"$lte": at}}}
        await self.collection.update_many(
            {"p": partition, **(self._waking or {}), **asleep},
            {"$set": {"due": at}, "$inc": {"v": 1}},
        )


def is_too_large(stored: Stored[Any]) -> bool:
    """Return whether the subject's document would be larger than `MAX_DOCUMENT`."""
    return len(encode(stored.document(), codec_options=_CODEC)) > MAX_DOCUMENT


def _encode(stored: Stored[Any]) -> RawBSONDocument:
    document = RawBSONDocument(encode(stored.document(), codec_options=_CODEC))
    stored.encoded = document
    return document


def _write(stored: Stored[Any]) -> InsertOne[Any] | UpdateOne:
    document = stored.encoded or _encode(stored)
    stored.encoded = None
    if stored.v == 0:
        return InsertOne(document)
    # The version is compared inside the update and not in the filter: a filter on `_id` alone takes
    # MongoDB's fast path, which makes the fenced write half as fast again. A pipeline that puts
    # back what is stored modifies nothing, and the count shows it.
    return UpdateOne(
        {"_id": stored.subject},
        [
            {
                "$replaceWith": {
                    "$cond": [{"$eq": ["$v", stored.v]}, {"$literal": document}, "$$ROOT"]
                }
            }
        ],
    )
