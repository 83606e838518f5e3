"""Every citizen's own key: contact data is sealed under it, and deleting it erases the data.

The keys are in a database of their own, ``motcua_keys``, wrapped by the master key. What is sealed
travels and is kept in many places (the log, its replicas, states, backups); its key is in one.
Deleting the key makes all copies unreadable at once. The key itself has copies too, wrapped: in
MongoDB's oplog and journal until these are written over, and in backups of `motcua_keys`. So each
document says which master keys ever wrapped its key, and a tombstone keeps that: once those are
destroyed, no copy opens any more.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

from pymongo import ASCENDING, InsertOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.runtime import Client, Collection, Document
from services.shared.master_keys import MasterKeys
from services.shared.sealing import KEY_BYTES, Sealer, Unreadable

DATABASE = "motcua_keys"
KEPT_SECONDS = 5.0
"""Seconds that a key is remembered: after an erasure no instance opens anything for longer."""
_KEPT = 10_000
_TRIES = 5
"""The number of times a key is made again after being deleted at once."""
_DUPLICATE_KEY = 11000
_COPIES = {"$ifNull": ["$copies", []]}
"""What a document says of keys that were deleted before: it outlives them."""


class Erased(Unreadable):
    """The citizen's key was deleted, so that nothing that was sealed under it can be read."""


class KeyWithdrawn(Exception):
    """Each key that was made for the citizen was deleted before it could be used."""


class Sealed(NamedTuple):
    """A sealed text, and the citizen's key that opens it."""

    key_id: str
    text: str


class Kept(NamedTuple):
    """A sealed text, and whose key opens it."""

    owner: str
    sealed: Sealed


class Erasure(NamedTuple):
    """A key that was deleted, and what would open a copy of it."""

    citizen: str
    at: datetime
    masters: tuple[str, ...]
    """The ids of the master keys that have wrapped it."""


class KeyCount(NamedTuple):
    """How many keys there are, by the master key that wraps them."""

    keys: dict[str, int]
    copies: dict[str, int]
    """Deleted keys of which it opens a copy, where there is one."""
    erased: int
    """People who were erased, and have given no contact data since."""


class _Key(NamedTuple):
    key_id: str
    sealer: Sealer
    until: float


class CitizenKeys:
    """Makes, finds, wraps anew and deletes the keys. All instances share them."""

    def __init__(
        self, mongo: Client, masters: MasterKeys, kept_seconds: float = KEPT_SECONDS
    ) -> None:
        """`kept_seconds` is smaller where opened texts are themselves kept for a moment."""
        self._kept_seconds = kept_seconds
        self._collection: Collection = mongo[DATABASE]["citizen_keys"]
        self._masters = masters
        self._kept: OrderedDict[str, _Key] = OrderedDict()

    async def seal(self, citizen: str, plain: bytes, now: datetime) -> Sealed:
        """Seal under the citizen's key, which is made if there is none (any more).

        Raise Unreadable for a key whose master is unknown, KeyWithdrawn if an erasure deletes each
        new key first.
        """
        (sealed,) = await self.seal_many([(citizen, plain)], now)
        return sealed

    async def seal_many(self, contacts: Sequence[tuple[str, bytes]], now: datetime) -> list[Sealed]:
        """Seal for many citizens, in their order, with a few round trips for all of them.

        Raise what `seal` raises.
        """
        found = await self._made({citizen for citizen, _ in contacts}, now)
        return [
            Sealed(found[citizen].key_id, found[citizen].sealer.seal(citizen, plain))
            for citizen, plain in contacts
        ]

    async def open(self, citizen: str, key_id: str, sealed: str) -> bytes:
        """Return the plain text. Raise Erased if the key was deleted, or else Unreadable."""
        key = self._kept.get(citizen)
        if key is None or key.until < time.monotonic() or key.key_id != key_id:
            key = (await self._find({citizen})).get(citizen)
        if key is None or key.key_id != key_id:
            raise Erased(f"the key of {citizen} was deleted")
        return key.sealer.open(citizen, sealed)

    async def open_all(self, kept: AbstractSet[Kept]) -> dict[Kept, bytes]:
        """Return the texts that open, with one round trip for all of them.

        For one that is missing, call `open`, which says why.
        """
        now = time.monotonic()
        keys = {
            one.owner: key
            for one in kept
            if (key := self._kept.get(one.owner))
            and key.until > now
            and key.key_id == one.sealed.key_id
        }
        opened: dict[Kept, bytes] = {}
        # One key under an unknown master key must not stop the others.
        with contextlib.suppress(Unreadable):
            keys |= await self._find({one.owner for one in kept} - keys.keys())
        for one in kept:
            key = keys.get(one.owner)
            if key is not None and key.key_id == one.sealed.key_id:
                with contextlib.suppress(Unreadable):
                    opened[one] = key.sealer.open(one.owner, one.sealed.text)
        return opened

    async def erase(self, citizen: str, reason: str, now: datetime) -> bool:
        """Delete the citizen's key for good; return whether there was one.

        A tombstone says when and why. Contact data that comes later is a new consent and gets a new
        key; what was sealed under the old one stays unreadable.
        """
        self._kept.pop(citizen, None)
        there = {"$ne": [{"$type": "$wrapped"}, "missing"]}
        copy = {"at": now, "masters": {"$ifNull": ["$wrapped_under", ["$master"]]}}
        tombstone = {
            "_id": "$_id",
            "erased_at": now,
            "reason": {"$literal": reason},
            "copies": {"$concatArrays": [_COPIES, {"$cond": [there, [copy], []]}]},
        }
        before = await self._collection.find_one_and_update(
            {"_id": citizen}, [{"$replaceWith": tombstone}], upsert=True
        )
        return before is not None and "wrapped" in before

    async def erasures(self, citizen: str | None = None) -> AsyncIterator[Erasure]:
        """Yield the keys that were deleted, of one citizen or of all, by citizen."""
        wanted: Document = {"copies.at": {"$exists": True}}
        if citizen is not None:
            wanted["_id"] = citizen
        async for document in self._collection.find(wanted).sort("_id", ASCENDING):
            for copy in document["copies"]:
                yield Erasure(document["_id"], copy["at"], tuple(copy["masters"]))

    async def rewrap(self) -> AsyncIterator[int]:
        """Wrap every key under the current master key; yield the number wrapped so far.

        May be broken off and begun again. Raise Unreadable for a key whose master is unknown.
        """
        done = 0
        elsewhere = {"wrapped": {"$exists": True}, "master": {"$ne": self._masters.current}}
        async for document in self._collection.find(elsewhere):
            citizen, wrapped = document["_id"], document["wrapped"]
            key = self._masters.unwrap(citizen, document["master"], wrapped)
            await self._collection.update_one(
                {"_id": citizen, "wrapped": wrapped},  # not over an erasure in between
                {
                    "$set": {
                        "wrapped": self._masters.wrap(citizen, key),
                        "master": self._masters.current,
                    },
                    "$addToSet": {
                        "wrapped_under": {"$each": [document["master"], self._masters.current]}
                    },
                },
            )
            done += 1
            yield done

    async def count(self) -> KeyCount:
        """Return how many keys each master key wraps, and how many were deleted."""
        count, distinct = self._collection.count_documents, self._collection.distinct
        return KeyCount(
            {one: await count({"master": one}) for one in await distinct("master")},
            {one: await count({"copies.masters": one}) for one in await distinct("copies.masters")},
            await count({"erased_at": {"$exists": True}}),
        )

    async def _made(self, citizens: set[str], now: datetime) -> dict[str, _Key]:
        """Return everyone's key. A key that is deleted before it is read is made again."""
        found: dict[str, _Key] = {}
        for _ in range(_TRIES):
            await self._make(citizens, now)
            found = await self._find(citizens)
            if found.keys() == citizens:
                return found
        withdrawn = ", ".join(sorted(citizens - found.keys()))
        raise KeyWithdrawn(f"keys are deleted as soon as they are made: {withdrawn}")

    async def _make(self, citizens: set[str], now: datetime) -> None:
        wanted = {"_id": {"$in": sorted(citizens)}, "wrapped": {"$exists": True}}
        there = {d["_id"] async for d in self._collection.find(wanted, {"_id": 1})}
        missing = sorted(citizens - there)
        if not missing:
            return
        try:
            await self._collection.bulk_write(
                [InsertOne(self._new(citizen, now)) for citizen in missing], ordered=False
            )
        except BulkWriteError as error:
            if {e["code"] for e in error.details["writeErrors"]} != {_DUPLICATE_KEY}:
                raise
            # Another instance was first, and its key counts; or there is a tombstone.
            for citizen in missing:
                await self._anew(citizen, now)

    async def _anew(self, citizen: str, now: datetime) -> None:
        """Replace a tombstone by a new key; do nothing if there is a key by now."""
        try:
            new = {"$literal": self._new(citizen, now)}
            await self._collection.update_one(
                {"_id": citizen, "wrapped": {"$exists": False}},
                [{"$replaceWith": {"$mergeObjects": [new, {"copies": _COPIES}]}}],
                upsert=True,
            )
        except DuplicateKeyError:
            return  # there is a key: the filter did not match, and the upsert found the key

    def _new(self, citizen: str, now: datetime) -> Document:
        key = os.urandom(KEY_BYTES)
        return {
            "_id": citizen,
            "key_id": os.urandom(6).hex(),
            "wrapped": self._masters.wrap(citizen, key),
            "master": self._masters.current,
            "wrapped_under": [self._masters.current],
            "made_at": now,
        }

    async def _find(self, citizens: set[str]) -> dict[str, _Key]:
        found: dict[str, _Key] = {}
        if not citizens:
            return found
        until = time.monotonic() + self._kept_seconds
        wanted = {"_id": {"$in": sorted(citizens)}, "wrapped": {"$exists": True}}
        async for document in self._collection.find(wanted):
            citizen = document["_id"]
            key = self._masters.unwrap(citizen, document["master"], document["wrapped"])
            found[citizen] = self._kept[citizen] = _Key(document["key_id"], Sealer(key), until)
            self._kept.move_to_end(citizen)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found
