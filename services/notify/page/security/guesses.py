"""Wrong codes and keys, counted by code and by client address so that guessing is useless.

They are counted in windows of a quarter of an hour, over all instances. Who opens a dossier with
its key only reads the counts, and so does who is refused: neither waits for those who guess, and
whether the key is right makes no difference to what a refused one hears or how soon. Of an address
at a code, one try after another is compared and counted. Tries that one address makes at several
codes at once, or at several instances, are compared before they are counted: it gains as many as an
instance answers at a time, once a window.

Nobody is locked out for long by someone else's guessing. A code with too many guesses is closed
only to the addresses that guessed at it; an address with too many guesses, only to the codes
guessed from it. Any address still has a few tries of its own at any code. So a person with the
receipt gets in, even behind a telephone company's one address, unless somebody there guesses at
that very dossier.

Codes are counted in slots, chosen by a keyed hash, and so are addresses, and addresses at a code:
65,536 of the first, a million of each of the others. So made-up codes and any number of addresses
take limited room in the database, and no code can be read there. Two addresses in one slot are
taken for one: among 10,000 who guess, one in a hundred others has fewer tries, and still the three
at each code. An address may guess 30 times in a window and then 3 times
in each of 65,536 slots, 196,638 times in all. At that rate it finds a key in 100,000 years: a key
has 49 bits, and any dossier's key is as hard to guess as a certain one's. From any number of
addresses, such as the 65,536 IPv6 networks of a large customer, it takes 2,500 years at 10,000
tries a second, more than the service answers. To close an address to everybody behind it, somebody
must try 200 times a second without a pause.
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
"""Wrong keys that an address may try on a code after the code's or its own tries are used up."""
_SLOT_DIGITS = 4
"""Hexadecimal digits of a code's hash: 65,536 slots for all codes, and for each address."""
_ADDRESS_DIGITS = 5
"""The same of an address's hash, and of the hash of an address at a slot: a million slots each."""
_TURN_SECONDS = 5.0
"""How long a try waits for earlier ones at the same code from the same address, and then for others
that are being counted."""
_AT_ONCE = 4
"""Tries that an instance looks up side by side, by one query each."""
_COUNTED_AT_ONCE = 2
"""Wrong tries that an instance counts side by side, by three queries each: the threads in which the
driver works are ten for two processors."""


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """Wrong tries that are allowed within one window."""

    by_code: int = 10
    by_address: int = 30


class TooMany(Exception):
    """Too many guesses. After `seconds` another try is allowed."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"guessed too often; again in {seconds} s")
        self.seconds = seconds


class Guesses:
    """The wrong tries of all instances."""

    def __init__(
        self, collection: Collection, secret: str, limits: GuessLimits, clock: Clock
    ) -> None:
        """`clock` is the wall clock, in a replay too: the client's present time counts."""
        self._counts = Counts(collection, WINDOW, clock)
        self._secret = secret.encode()
        self._limits = limits
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._counted_at_once = asyncio.Semaphore(_COUNTED_AT_ONCE)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def right(self, code: str, address: str, compare: Callable[[], bool]) -> bool:
        """Return whether a try at that code is right. The code may be any text.

        Raise TooMany, without comparing, if the address must wait before it tries that code; raise
        Problem 503 if its turn does not come.
        """
        slot = self._hash(f"code:{code}")[:_SLOT_DIGITS]
        of_address = self._hash(f"address:{address}")[:_ADDRESS_DIGITS]
        own = self._hash(f"own:{slot}:{address}")[:_ADDRESS_DIGITS]
        names = f"code:{slot}", f"address:{of_address}", f"own:{own}"
        async with self._turn(f"{slot}:{address}"):
            async with _in_time(self._at_once):
                known = await self._counts.known(*names)
            if self._used_up(known.numbers):
                raise TooMany(known.seconds_left)
            if compare():
                return True
            async with _in_time(self._counted_at_once):
                await self._counts.count(*names)
        return False

    @asynccontextmanager
    async def _turn(self, own: str) -> AsyncIterator[None]:
        """Let an address try a code one try at a time.

        Otherwise many readers of it would count as wrong while they are being checked. Others
        behind the address do not wait: one who guesses without a pause would hold them all up.
        """
        async with _in_time(self._turns.setdefault(own, asyncio.Lock())):
            yield

    def _used_up(self, numbers: Sequence[int]) -> bool:
        by_code, by_address, of_its_own = numbers
        many = by_code >= self._limits.by_code or by_address >= self._limits.by_address
        return many and of_its_own >= OWN_TRIES

    def _hash(self, name: str) -> str:
        return hmac.new(self._secret, name.encode(), sha256).hexdigest()[:24]


@asynccontextmanager
async def _in_time(lock: asyncio.Lock | asyncio.Semaphore) -> AsyncIterator[None]:
    """Hold the lock. Raise Problem 503 if it is not free in time."""
    try:
        async with asyncio.timeout(_TURN_SECONDS):
            await lock.acquire()
    except TimeoutError:
        raise unavailable() from None  # the database lets whoever is before it wait
    try:
        yield
    finally:
        lock.release()
