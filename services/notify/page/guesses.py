"""Wrong codes and keys, counted so that guessing comes to nothing: by code and by client address.

Counted in windows of a quarter of an hour, by all instances together; only wrong tries are written,
and MongoDB forgets them by itself. An address is kept as a keyed hash.

Nobody is locked out for long by someone else's guessing. An address that guessed too often waits
for the end of the window. A code that was guessed at too often is closed to the guessers alone: any
other address still has a few tries of its own, so that whoever holds the receipt gets in. To
someone who guesses from many addresses that is of little use: the key has 49 bits.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from pymongo import ReturnDocument

from services.runtime.clock import Clock
from services.runtime.mongo import Collection

WINDOW = timedelta(minutes=15)
OWN_TRIES = 3
"""Wrong keys that an address may try on a code which others have used up."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Wrong tries that are allowed within one window."""

    by_code: int = 10
    by_address: int = 30


class TooMany(Exception):
    """Guessed too often. `seconds` from now on it may be tried again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"guessed too often; again in {seconds} s")
        self.seconds = seconds


class Guesses:
    """The wrong tries of all instances."""

    def __init__(self, collection: Collection, secret: str, limits: Limits, clock: Clock) -> None:
        """`clock` is the wall clock, in a replay too: this is about who asks right now."""
        self._collection = collection
        self._secret = secret.encode()
        self._limits = limits
        self._clock = clock
        self._forgets = False

    async def check(self, code: str, address: str) -> None:
        """Raises TooMany if this address must wait before it tries that code, or any."""
        tried = _Tried.of(self._clock.now(), code, self._hash(address))
        found = {
            document["_id"]: document["wrong"]
            async for document in self._collection.find({"_id": {"$in": tried.names}})
        }
        self._judge(tried, *(found.get(name, 0) + 1 for name in tried.names))

    async def wrong(self, code: str, address: str) -> None:
        """Counts a wrong try. Raises TooMany if it was one too many."""
        if not self._forgets:
            await self._collection.create_index("until", name="forget", expireAfterSeconds=0)
            self._forgets = True
        tried = _Tried.of(self._clock.now(), code, self._hash(address))
        counts = await asyncio.gather(*(self._count(name, tried) for name in tried.names))
        self._judge(tried, *counts)

    async def _count(self, name: str, tried: _Tried) -> int:
        document: dict[str, Any] = await self._collection.find_one_and_update(
            {"_id": name},
            {"$inc": {"wrong": 1}, "$setOnInsert": {"until": tried.until}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(document["wrong"])

    def _judge(self, tried: _Tried, by_code: int, by_address: int, of_its_own: int) -> None:
        """By the number of each try in its window, from 1."""
        used_up = by_code > self._limits.by_code and of_its_own > OWN_TRIES
        if used_up or by_address > self._limits.by_address:
            raise TooMany(tried.seconds_left)

    def _hash(self, address: str) -> str:
        return hmac.new(self._secret, f"address:{address}".encode(), sha256).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class _Tried:
    """Under what a try is counted, and until when."""

    names: list[str]
    until: datetime
    seconds_left: int

    @classmethod
    def of(cls, now: datetime, code: str, address: str) -> _Tried:
        window = int(now.timestamp() // WINDOW.total_seconds())
        until = datetime.fromtimestamp((window + 1) * WINDOW.total_seconds(), UTC)
        names = [
            f"{window}:code:{code}",
            f"{window}:address:{address}",
            f"{window}:{code}:{address}",
        ]
        return cls(names, until, max(1, int((until - now).total_seconds())))
