"""Wrong codes and keys, counted so that guessing comes to nothing: by code and by client address.

Counted in windows of a quarter of an hour, by all instances together. A try is counted before it
is looked whether it is right, and taken back if it is: so tries that are made side by side are
compared no oftener than those that are made one by one.

Nobody is locked out for long by someone else's guessing. A code that was guessed at too often is
closed to the guessers alone, and an address from which was guessed too often only to what was
guessed there: any address still has a few tries of its own at any code. So whoever holds the
receipt gets in, behind a telephone company's one address too, unless somebody guesses at that very
dossier from there.

Codes are counted by slots, into which they fall by a keyed hash: however many somebody makes up,
they take so much room in the database and no more, and none can be read there. An address may guess
30 times in a window and then 3 times in each of 65,536 slots, 196,638 times in all: at that, it
comes upon a key in 100,000 years. For a key has 49 bits, and one of any dossier is no easier to
guess than that of a certain one. From however many addresses, among them the 65,536 IPv6 networks
of a large customer, it takes 2,500 years at 10,000 tries a second, which is more than is answered.
Whoever would close an address to all behind it has to try 200 times a second without a pause.
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

from services.notify.page.security.counts import Counts
from services.runtime import Clock, Collection, unavailable

WINDOW = timedelta(minutes=15)
OWN_TRIES = 3
"""Wrong keys that an address may try on a code though the code's or its own tries are used up."""
_SLOT_DIGITS = 4
"""Of a code's hash, in hexadecimal: 65,536 slots for all codes, and as many for each address."""
_TURN_SECONDS = 5.0
"""How long a try waits for those at the same code from the same address that came before it."""


@dataclass(frozen=True, slots=True)
class GuessLimits:
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

    def __init__(
        self, collection: Collection, secret: str, limits: GuessLimits, clock: Clock
    ) -> None:
        """`clock` is the wall clock, in a replay too: this is about who asks right now."""
        self._counts = Counts(collection, WINDOW, clock)
        self._secret = secret.encode()
        self._limits = limits
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def right(self, code: str, address: str, compare: Callable[[], bool]) -> bool:
        """Whether a try at that code is right. The code may be anything.

        Raises TooMany, and does not compare, if the address must wait before it tries that code;
        Problem 503 if its turn does not come.
        """
        slot, hashed = self._hash(f"code:{code}")[:_SLOT_DIGITS], self._hash(f"address:{address}")
        own = f"{slot}:{hashed}"
        async with self._turn(own):
            tried = await self._counts.count(f"code:{slot}", f"address:{hashed}", own)
            refused = self._too_many(tried.numbers)
            right = not refused and compare()
            if refused or right:
                await self._counts.take_back(tried)
        if refused:
            raise TooMany(tried.seconds_left)
        return right

    @asynccontextmanager
    async def _turn(self, own: str) -> AsyncIterator[None]:
        """Lets an address try a code one by one.

        Else many readers of it would count, while they are being looked at, as wrong ones. Others
        behind the address do not wait: one who guesses without a pause would hold them all up.
        """
        lock = self._turns.setdefault(own, asyncio.Lock())
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
        used_up = by_code > self._limits.by_code or by_address > self._limits.by_address
        return used_up and of_its_own > OWN_TRIES

    def _hash(self, name: str) -> str:
        return hmac.new(self._secret, name.encode(), sha256).hexdigest()[:24]
