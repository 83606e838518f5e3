"""Wrong codes and keys, counted so that guessing comes to nothing: by code and by client address.

Counted in windows of a quarter of an hour, by all instances together. A try is counted before it
is looked whether it is right, and taken back if it is: so tries that are made side by side are
compared no oftener than those that are made one by one. An address is kept as a keyed hash.

Nobody is locked out for long by someone else's guessing. An address that guessed too often waits
for the end of the window. A code that was guessed at too often is closed to the guessers alone: any
other address still has a few tries of its own, so that whoever holds the receipt gets in. To
someone who guesses from many addresses that is of little use: the key has 49 bits.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from weakref import WeakValueDictionary

from services.notify.page.counts import Counts
from services.runtime.clock import Clock
from services.runtime.mongo import Collection
from services.runtime.problem import unavailable

WINDOW = timedelta(minutes=15)
OWN_TRIES = 3
"""Wrong keys that an address may try on a code which others have used up."""
_TURN_SECONDS = 5.0
"""How long a try waits for those of the same address that came before it."""


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
        self._counts = Counts(collection, WINDOW, clock)
        self._secret = secret.encode()
        self._limits = limits
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def right(self, code: str, address: str, compare: Callable[[], bool]) -> bool:
        """Whether a try at that code is right.

        Raises TooMany, and does not compare, if the address must wait before it tries that code,
        or any; Problem 503 if its turn does not come.
        """
        hashed = self._hash(address)
        async with self._turn(hashed):
            tried = await self._counts.count(
                f"code:{code}", f"address:{hashed}", f"{code}:{hashed}"
            )
            refused = self._too_many(tried.numbers)
            right = not refused and compare()
            if refused or right:
                await self._counts.take_back(tried)
        if refused:
            raise TooMany(tried.seconds_left)
        return right

    @asynccontextmanager
    async def _turn(self, address: str) -> AsyncIterator[None]:
        """Lets an address try one by one.

        Else many readers behind it would count, while they are being looked at, as wrong ones.
        """
        lock = self._turns.setdefault(address, asyncio.Lock())
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await lock.acquire()
        except TimeoutError:
            raise unavailable() from None  # the database lets whoever is before it wait
        try:
            yield
        finally:
            lock.release()

    def _too_many(self, numbers: Sequence[int]) -> bool:
        by_code, by_address, of_its_own = numbers
        used_up = by_code > self._limits.by_code and of_its_own > OWN_TRIES
        return used_up or by_address > self._limits.by_address

    def _hash(self, address: str) -> str:
        return hmac.new(self._secret, f"address:{address}".encode(), sha256).hexdigest()[:24]
